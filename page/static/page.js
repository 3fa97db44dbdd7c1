'use strict';
// The page: takes files, strings and codes, asks the engine, shows what it says. Whatever comes from outside is set as text.
(() => {
	const $ = (id) => document.getElementById(id);
	const languages = Object.keys(juratWords);
	let language = [location.hash.slice(1), ...navigator.languages.map((l) => l.slice(0, 2)), 'en'].find((l) => languages.includes(l));
	const word = (key) => juratWords[language][key];

	// What is shown besides the fixed words: each is drawn anew when the language changes.
	const shown = {state: 'loading', trusted: null, publication: null, scanned: null, report: null};
	let documents = null, proof = null; // the files that were chosen; the proof may be a record or a bundle, as its kind says
	let seal = ''; // the text of the seal that was read last, empty if files were chosen since

	const element = (name, text) => {
		const e = document.createElement(name);
		e.textContent = text;
		return e;
	};
	const time = (text) => text && new Intl.DateTimeFormat(language, {dateStyle: 'long', timeStyle: 'medium', timeZone: 'UTC'}).format(new Date(text)) + ' UTC';

	const draw = () => {
		document.documentElement.lang = language;
		$('language').value = language;
		document.title = word('title');
		for (const e of document.querySelectorAll('[data-word]')) e.textContent = word(e.dataset.word);
		if ($('camera').getAttribute('aria-pressed') === 'true') $('camera').textContent = word('camera-stop');
		$('state').textContent = shown.state ? word(shown.state) : '';
		drawTrusted();
		drawPublication();
		$('scanned').textContent = shown.scanned ? word(shown.scanned.key) + (shown.scanned.text ? ' ' + shown.scanned.text : '') : '';
		drawChosen();
		drawReport();
	};

	const drawTrusted = () => {
		const t = shown.trusted;
		if (!t) return;
		const parts = [];
		if (t.error) parts.push(`${word('trust-refused')} (${t.error})`);
		parts.push(t.created ? `${word('trust-file')} ${time(t.created)}; ${word('trust-publications')} ${t.publications}` +
			(t.newest ? `, ${word('trust-newest')} ${time(t.newest)}` : '') : word('trust-none'));
		if (t.landmarks) parts.push(`${word('trust-landmarks')} ${time(t.landmarks)}`);
		if (t.status) parts.push(`${word('trust-status')} ${t.status}`);
		if (t.certificates) parts.push(`${word('trust-certificates')} ${t.certificates}`);
		$('trusted').textContent = parts.map((p) => p + '.').join(' ');
	};

	const drawPublication = () => {
		const p = shown.publication;
		$('publication').setAttribute('aria-invalid', String(Boolean(p && p.error)));
		$('publication-said').textContent = !p ? '' : p.error ? `${word('publication-wrong')} (${p.error})`
			: `${word('publication-as-of')} ${time(p.time)}. ${word('publication-' + p.known)}`;
	};

	const drawChosen = () => {
		const lines = [];
		if (documents) lines.push(`${word('chosen-document')}: ${documents.name}`);
		if (proof) lines.push(`${word('chosen-' + proof.kind)}: ${proof.file.name}`);
		$('chosen').replaceChildren(...lines.map((line) => element('li', line)));
	};

	const drawReport = () => {
		const r = shown.report;
		$('result').hidden = !r;
		if (!r) return;
		$('result').className = r.verdict;
		// What was genuine once is not called false.
		const past = ['seal-expired', 'seal-revoked', 'seal-superseded'].includes(r.reason);
		$('verdict').textContent = past ? word('verdict-past') : r.reason === 'seal-not-yet-valid' ? word('verdict-early') : word('verdict-' + r.verdict);
		$('sentence').textContent = word('reason-' + r.reason) + (r.code ? ` (${r.code})` : '');
		// What was checked against what: the files may have been chosen one after the other.
		const facts = r.seal || r.reason.startsWith('reference') ? []
			: [['fact-document', documents && documents.name], ['chosen-' + proof.kind, proof.file.name]];
		if (r.verdict === 'OK') {
			facts.push(['fact-receipt', r.receipt], ['fact-time', time(r.time)], ['fact-agency', r.agency], ['fact-lane', r.lane], ['fact-claims', (r.claims || []).join(', ')],
				['fact-holder', r.holder ? juratPapers.holder(r.holder, word) : '']);
			facts.push(['fact-publication', time(r.publication_time)], ['fact-references', (r.references || []).join('; ')]);
		} else if (r.seal && r.seal.basis) facts.push(['fact-time', time(r.time)], ['fact-agency', r.agency], ['fact-lane', r.lane]);
		if (r.reason === 'reference') facts.push(['fact-receipt', r.receipt]);
		facts.push(['fact-hash', r.document]);
		if (r.claimed && r.document && r.claimed !== r.document) facts.push(['fact-claimed', r.claimed]);
		if (r.verdict !== 'OK') facts.push(['fact-expert', r.sentence]);
		if (r.seal) {
			facts.push(['fact-from', time(r.seal.not_before)], ['fact-until', time(r.seal.not_after)], ['fact-check', r.seal.check],
				['fact-status', r.seal.status && r.seal.status.at ? time(r.seal.status.at) : '']);
		}
		// What a seal says is shown only if it is what was filed, even if it does not hold any more.
		const fields = r.seal && r.seal.basis ? r.fields : [];
		const rows = [...fields, ...facts.filter(([, text]) => text).map(([key, text]) => [word(key), text])];
		$('papers').replaceChildren(...juratPapers(r, word, time));
		$('facts').replaceChildren(...rows.flatMap(([name, text]) => [element('dt', name), element('dd', text)]));
		$('not-proven').replaceChildren();
		if (r.verdict === 'OK') {
			const keys = r.events ? juratPapers.unproven(r) : r.seal ? ['not-true', 'not-person', 'not-revoked'] : ['not-true', 'not-author', 'not-valid'];
			if (r.reason.startsWith('key') || (r.seal && r.seal.basis.kind === 'key')) keys.push('not-published');
			if (r.reason === 'publications-file') keys.push('not-printed');
			const list = document.createElement('ul');
			list.append(...keys.map((key) => element('li', word(key))));
			$('not-proven').append(element('h3', word('not-heading')), list);
		}
		$('why').hidden = !(r.steps && r.steps.length);
		$('path').replaceChildren(...($('why').hidden ? [] : juratPath(r, word)));
	};

	// sealed turns the report of a seal into the form of the others.
	const sealed = ({report: r, fields}) => ({
		fields, verdict: r.verdict === 'valid' ? 'OK' : ['unknown key', 'cannot tell', 'not yet valid'].includes(r.verdict) ? 'NA' : 'FAIL',
		reason: 'seal-' + r.verdict.replaceAll(' ', '-'), sentence: [r.sentence, r.missing].filter(Boolean).join(' '), seal: r,
		time: r.time, agency: r.agency, lane: r.server, document: r.leaf && 'sha256:' + r.leaf,
		publication_time: r.basis && r.basis.kind === 'publication' ? r.basis.time : '', references: r.basis && r.basis.references,
		steps: (r.steps || []).map((s) => ({part: s.part === 'block' || s.part === 'calendar' ? 'calendar' : 'aggregation',
			left: s.direction === 'left', level: s.level, sibling: s.sibling, issuer: s.part === 'issuer' ? r.agency : '', hash: 'sha256:' + s.hash})),
	});

	const maxPapers = 4 << 20; // the longest record or bundle of a document
	const bytes = async (file) => new Uint8Array(await file.arrayBuffer());
	const show = (report) => {
		shown.report = report;
		shown.state = null;
		draw();
		if (!['seal', 'publication'].includes(document.activeElement.id)) $('verdict').focus();
	};

	// One thing after the other: the engine holds one verification.
	let last = Promise.resolve();
	const inTurn = (task) => last = last.then(task).catch((error) => {
		console.error(error);
		shown.state = 'failed';
		draw();
	});

	// newest asks the server that the page comes from, if there is one, for the status list of an agency, and says whether it has one.
	const newest = async (agency) => {
		if (!agency || !location.protocol.startsWith('http')) return false;
		try {
			const answer = await fetch('status/' + encodeURIComponent(agency));
			if (answer.status !== 200) return false;
			await juratEngine('status', new Uint8Array(await answer.arrayBuffer()));
			return true;
		} catch (error) {
			return false; // without a network the verdict says as of when it speaks
		}
	};

	// verify gives a verdict on what is there. The status list of a seal's agency is asked for once, unless the seal is another.
	const verify = async (again = false) => {
		if (seal.startsWith('JR')) return show(await juratEngine('reference', seal)); // the code of a receipt
		if (seal) {
			const first = await juratEngine('seal', seal);
			return show(sealed(!again && await newest(first.report.agency) ? await juratEngine('seal', seal) : first));
		}
		if (!proof || (!documents && proof.kind === 'proof')) return;
		shown.state = 'working';
		draw();
		const early = await juratEngine('open', await bytes(proof.file.slice(0, maxPapers + 1)));
		if (early) return show(early);
		if (!documents) return show(await juratEngine('alone'));
		const piece = 4 << 20;
		for (let at = 0; at < documents.size; at += piece) {
			await juratEngine('write', await bytes(documents.slice(at, at + piece)));
			await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
		}
		show(await juratEngine('finish'));
	};

	const trust = async (operation, argument) => {
		try {
			shown.trusted = await juratEngine(operation, argument);
		} catch (error) {
			shown.trusted = {...shown.trusted, error: error.message};
		}
	};

	const take = async (files) => {
		const kept = [];
		shown.trusted = {...shown.trusted, error: undefined};
		for (const file of files) {
			const kind = await juratEngine('kind', await bytes(file.slice(0, 4096)));
			if (kind === 'publications') await trust('publications', await bytes(file));
			else if (kind === 'certificate') await trust('certificates', await bytes(file));
			else if (kind === 'landmarks' || kind === 'status') await trust(kind, await bytes(file));
			else kept.push([file, kind === 'document' && file.name.endsWith('.ksig') ? 'proof' : kind]);
		}
		if (!kept.some(([, kind]) => kind === 'proof')) {
			for (const k of kept) {
				const record = k[1] === 'document' ? await juratPapers.attached(k[0]) : null;
				if (record) k.splice(0, 2, record, 'record');
			}
		}
		// A file that looks like a proof may be the document that another proof is about.
		const proofs = kept.filter(([, kind]) => kind !== 'document');
		if (proofs.length === 2 && kept.length === 2) {
			const named = proofs.find(([a]) => proofs.some(([b]) => a.name === b.name + '.ksig'));
			if (named) for (const p of proofs) if (p !== named) p[1] = 'document';
		}
		if (kept.length) seal = '';
		// What says something alone is not about the document of a verdict before.
		if (shown.report && kept.some(([, kind]) => kind === 'record' || kind === 'chain')) documents = null;
		for (const [file, kind] of kept) {
			if (kind === 'document') documents = file;
			else proof = {file, kind};
		}
		shown.report = null;
		shown.state = !proof ? (documents ? 'need-proof' : null) : documents || proof.kind !== 'proof' ? 'working' : 'need-document';
		draw();
		await verify();
	};

	// publication takes what stands in its field. While somebody types it is none, and the verdict stays.
	const publication = async (text) => {
		const before = shown.publication ? shown.publication.text : undefined;
		try {
			shown.publication = await juratEngine('publication', text.trim());
		} catch (error) {
			shown.publication = {error: error.message};
		}
		draw();
		if ((shown.publication ? shown.publication.text : undefined) !== before) await verify(true);
	};

	const scanned = async (text) => {
		if (text === null) {
			shown.scanned = {key: 'scan-nothing'};
			return draw();
		}
		shown.scanned = {key: 'scan-found', text};
		if (/^[A-Z2-7]{6}-/.test(text)) {
			$('publication').value = text;
			return publication(text);
		}
		$('seal').value = text;
		seal = text;
		await verify();
	};

	// chosen returns the files of an input and empties it, so that the same file can be chosen again when it has changed.
	const chosen = (input) => {
		const files = [...input.files];
		input.value = '';
		return files;
	};
	$('files').addEventListener('change', (e) => {
		const files = chosen(e.target);
		inTurn(() => take(files));
	});
	$('picture').addEventListener('change', (e) => {
		const [file] = chosen(e.target);
		inTurn(async () => {
			let text = null;
			try {
				text = await juratScan.picture(file);
			} catch (error) {
				if (error.name !== 'InvalidStateError') throw error; // it is no picture
			}
			await scanned(text);
		});
	});
	$('seal').addEventListener('input', (e) => inTurn(async () => {
		seal = e.target.value.trim();
		shown.report = null;
		draw();
		await verify();
	}));
	$('publication').addEventListener('input', (e) => inTurn(() => publication(e.target.value)));
	$('language').addEventListener('change', (e) => {
		language = e.target.value;
		draw();
	});
	let wanted = 0; // the number of the camera's run; another one ends it
	$('camera').addEventListener('click', async () => {
		const running = $('camera').getAttribute('aria-pressed') === 'true';
		const run = ++wanted;
		$('camera').setAttribute('aria-pressed', String(!running));
		draw();
		if (running) return;
		try {
			const text = await juratScan.camera($('video'), () => run !== wanted);
			if (text !== null) inTurn(() => scanned(text));
		} catch (error) {
			shown.scanned = {key: 'camera-refused', text: `(${error.message})`};
		}
		if (run === wanted) $('camera').setAttribute('aria-pressed', 'false');
		draw();
	});
	addEventListener('dragover', (e) => {
		e.preventDefault();
		$('drop').classList.add('over');
	});
	addEventListener('dragleave', () => $('drop').classList.remove('over'));
	addEventListener('drop', (e) => {
		e.preventDefault();
		$('drop').classList.remove('over');
		const files = [...e.dataTransfer.files];
		inTurn(() => take(files));
	});

	draw();
	inTurn(async () => {
		await trust('trust', JSON.stringify(self.juratTrust));
		shown.state = 'ready';
		draw();
	});
	if ('serviceWorker' in navigator && location.protocol.startsWith('http')) { // files have neither
		const manifest = document.createElement('link');
		manifest.rel = 'manifest';
		manifest.href = 'manifest.webmanifest';
		document.head.append(manifest);
		navigator.serviceWorker.register('sw.js').catch((error) => console.warn(error)); // the page works without, but not offline
	}
})();
