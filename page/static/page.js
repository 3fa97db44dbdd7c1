'use strict';
// The page: takes files, strings and codes, asks the engine, shows what it says. Whatever comes from outside is set as text.
(() => {
	const $ = (id) => document.getElementById(id);
	const languages = Object.keys(juratWords);
	let language = [location.hash.slice(1), ...navigator.languages.map((l) => l.slice(0, 2)), 'en'].find((l) => languages.includes(l));
	const word = (key) => juratWords[language][key];

	// What is shown besides the fixed words: each is drawn anew when the language changes.
	const shown = {state: 'loading', unread: '', trusted: null, publication: null, scanned: null, report: null};
	let documents = null, proof = null; // the files that were chosen; the proof may be a record, perhaps out of a PDF, or a bundle, as its kind says
	let judged = false; // whether a verdict on documents was shown
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
		$('state').textContent = shown.state ? word(shown.state) + (shown.state === 'unread' ? ' ' + shown.unread : '') : '';
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

	const unreadable = (r) => ['seal-unreadable', 'format', 'record-unread', 'chain-format', 'newer'].includes(r.reason);
	// headline is a verdict in few words. What was genuine once is not called false, and what was not compared or not read neither that nor genuine.
	const headline = (r) => {
		if (['seal-expired', 'seal-revoked', 'seal-superseded'].includes(r.reason)) return word('verdict-past');
		if (r.reason === 'seal-not-yet-valid') return word('verdict-early');
		if (unreadable(r)) return word('verdict-unreadable');
		return word('verdict-' + (r.reason.endsWith('-alone') ? r.reason : r.verdict));
	};

	// notes say what a verdict is not about.
	const notes = (r) => {
		const keys = [];
		if (!r.seal && proof && proof.pdf && r.kind === 'record') keys.push('note-attached');
		if (r.attached) keys.push('note-own');
		if (r.given) keys.push('note-given');
		if (shown.publication && shown.publication.error) keys.push('note-unused');
		return keys.map(word).join(' ');
	};

	const drawReport = () => {
		const r = shown.report;
		$('result').hidden = !r;
		if (!r) return;
		$('result').className = r.reason.endsWith('-alone') || unreadable(r) ? 'NA' : r.verdict;
		$('verdict').textContent = headline(r);
		$('sentence').textContent = word('reason-' + r.reason) + (r.code ? ` (${r.code})` : '');
		$('notes').textContent = notes(r);
		// What was checked against what: the files may have been chosen one after the other.
		const files = r.seal || r.reason.startsWith('reference') ? [] : [['fact-document', documents && documents.name], ['chosen-' + proof.kind, proof.file.name]];
		$('facts').replaceChildren(...juratFacts(r, files, word, time));
		$('papers').replaceChildren(...juratPapers(r, word, time));
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
	const sealed = ({report: r, fields, given}) => ({
		fields, given, verdict: r.verdict === 'valid' ? 'OK' : ['unreadable', 'unknown key', 'cannot tell', 'not yet valid'].includes(r.verdict) ? 'NA' : 'FAIL',
		reason: 'seal-' + r.verdict.replaceAll(' ', '-'), sentence: [r.sentence, r.missing].filter(Boolean).join(' '), seal: r,
		time: r.time, agency: r.agency, lane: r.server, document: r.leaf && 'sha256:' + r.leaf,
		publication_time: r.basis && r.basis.kind === 'publication' ? r.basis.time : '', references: r.basis && r.basis.references,
		steps: (r.steps || []).map((s) => ({part: s.part === 'block' || s.part === 'calendar' ? 'calendar' : 'aggregation',
			left: s.direction === 'left', level: s.level, sibling: s.sibling, issuer: s.part === 'issuer' ? r.agency : '', hash: 'sha256:' + s.hash})),
	});

	const maxPapers = 4 << 20; // the longest record or bundle of a document
	// bytes reads a part of a file. A file can change or vanish after it was chosen, for which this page is not to blame.
	const bytes = async (file, from = 0, to = file.size) => {
		try {
			return new Uint8Array(await file.slice(from, to).arrayBuffer());
		} catch (error) {
			throw Object.assign(error, {unread: file.name});
		}
	};
	const show = (report) => {
		judged ||= !seal && documents !== null;
		shown.report = report;
		shown.state = null;
		draw();
		if (!['seal', 'publication'].includes(document.activeElement.id)) $('verdict').focus();
	};

	// One thing after the other: the engine holds one verification.
	let last = Promise.resolve();
	const inTurn = (task) => last = last.then(task).catch((error) => {
		if (error.unread === undefined) console.error(error);
		shown.report = null; // it is about something else
		shown.state = error.unread === undefined ? 'failed' : 'unread';
		shown.unread = error.unread;
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
		const early = await juratEngine('open', await bytes(proof.file, 0, maxPapers + 1));
		if (early) return show(early);
		if (!documents) return show(await juratEngine('alone'));
		const piece = 4 << 20;
		for (let at = 0; at < documents.size; at += piece) {
			await juratEngine('write', await bytes(documents, at, at + piece));
			await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
		}
		const report = await juratEngine('finish');
		report.attached = report.reason === 'changed' && await juratPapers.attached(documents, bytes) !== null;
		show(report);
	};

	const trust = async (operation, argument) => {
		try {
			shown.trusted = await juratEngine(operation, argument);
		} catch (error) {
			shown.trusted = {...shown.trusted, error: error.message};
		}
	};

	// begin takes back what was said about something else, since what is given now may come to nothing.
	const begin = () => {
		shown.report = shown.scanned = null;
		if (['failed', 'unread'].includes(shown.state)) shown.state = null;
		draw();
	};

	// forget forgets the code that was read last.
	const forget = () => {
		seal = $('seal').value = '';
		shown.scanned = null;
	};

	// detach takes the record out of a PDF, if there is nothing else that a document could be checked against, or only a record out of another
	// PDF: receipts are looked at one after the other. Beside a proof or after it a PDF is the document, whatever it carries: anybody can attach a
	// genuine record to a PDF of his own.
	const detach = async (kept) => {
		if ((proof && !proof.pdf) || kept.some(([, kind]) => kind !== 'document')) return;
		const found = [];
		for (const k of kept) {
			const record = await juratPapers.attached(k[0], bytes);
			if (record) found.push([k, record]);
		}
		if (found.length === 1) found[0][0].splice(0, 2, found[0][1], 'record', found[0][0][0]); // of two, nobody knows which is the document
	};

	// keep makes of files, each with its kind and the PDF that it is from, the document and the proof.
	const keep = (kept) => {
		const has = (...kinds) => kept.some(([, kind]) => kinds.includes(kind));
		// What says something alone is not about the document of a verdict before.
		if (has('record', 'chain') && (judged || kept.some(([, , pdf]) => pdf))) documents = null;
		// A PDF that was looked at for its record is the document of a proof that follows.
		if (!documents && proof && proof.pdf && has('proof')) documents = proof.pdf;
		for (const [file, kind, pdf] of kept) {
			if (kind === 'document') [documents, judged] = [file, false];
			else proof = {file, kind, pdf};
		}
	};

	const take = async (files) => {
		const kept = [];
		begin();
		shown.trusted = {...shown.trusted, error: undefined};
		for (const file of files) {
			const kind = await juratEngine('kind', await bytes(file, 0, 4096));
			if (kind === 'publications') await trust('publications', await bytes(file));
			else if (kind === 'certificate') await trust('certificates', await bytes(file));
			else if (kind === 'landmarks' || kind === 'status') await trust(kind, await bytes(file));
			else kept.push([file, kind === 'document' && file.name.endsWith('.ksig') ? 'proof' : kind]);
		}
		await detach(kept);
		// A file that looks like a proof may be the document that another proof is about.
		const proofs = kept.filter(([, kind]) => kind !== 'document');
		if (proofs.length === 2 && kept.length === 2) {
			const named = proofs.find(([a]) => proofs.some(([b]) => a.name === b.name + '.ksig'));
			if (named) for (const p of proofs) if (p !== named) p[1] = 'document';
		}
		if (kept.length) forget();
		const documentsGiven = kept.filter(([, kind]) => kind === 'document').length;
		if (documentsGiven > 1 || kept.length - documentsGiven > 1) {
			documents = proof = null;
			shown.state = 'too-many';
			return draw();
		}
		keep(kept);
		shown.state = !proof ? (documents ? 'need-proof' : null) : documents || proof.kind !== 'proof' ? 'working' : 'need-document';
		draw();
		await verify();
	};

	// publication takes what stands in its field. While somebody types it is none, and a verdict that does not rest on one stays.
	const publication = async (text) => {
		const before = shown.publication ? shown.publication.text : undefined;
		try {
			shown.publication = await juratEngine('publication', text.trim());
		} catch (error) {
			shown.publication = {error: error.message};
		}
		draw();
		if (!shown.report || (shown.publication ? shown.publication.text : undefined) !== before) await verify(true);
	};

	// nothing says why no code was read.
	const nothing = (key) => {
		forget();
		shown.scanned = {key};
		draw();
	};

	const scanned = async (text) => {
		if (text === null) return nothing('scan-nothing');
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
			begin();
			await bytes(file, 0, 1);
			try {
				await scanned(await juratScan.picture(file));
			} catch (error) {
				if (error.name !== 'InvalidStateError') throw error;
				nothing('scan-unreadable'); // it is no picture
			}
		});
	});
	$('seal').addEventListener('input', (e) => inTurn(async () => {
		begin();
		seal = e.target.value.trim();
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
		inTurn(begin);
		try {
			const text = await juratScan.camera($('video'), () => run !== wanted);
			if (text !== null) inTurn(() => scanned(text));
		} catch (error) {
			inTurn(() => {
				shown.scanned = {key: 'camera-refused', text: `(${error.message})`};
				draw();
			});
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
