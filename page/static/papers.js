'use strict';
// juratPapers says what stands in the record of a receipt or in the bundle of a document: a list of what was filed, in its order, each with what
// vouches for it, and what is wrong.
const juratPapers = (report, word, time) => {
	const element = (name, text, ...children) => {
		const e = document.createElement(name);
		if (text) e.textContent = text;
		e.append(...children);
		return e;
	};
	const holder = (h) => juratPapers.holder(h, word);
	const answer = (status) => status === '' ? word('status-received') : ['accepted', 'rejected'].includes(status) ? word('status-' + status) : `“${status}”`;
	const what = (e) => {
		if (e.kind === 'filed') return `${word('event-filed')} ${e.agency}`;
		if (e.kind === 'answer') return `${word('event-answer')} ${e.agency}: ${answer(e.status || '')}`;
		return `${word('event-from')} ${holder(e.from)} ${word('event-to')} ${holder(e.to)}`;
	};
	const item = (e) => {
		const where = [];
		if (e.vault) where.push(`${word('event-kept')} ${e.vault} (${e.at})`);
		if (e.kind === 'transfer' && e.agency) where.push(`${word('event-filed')} ${e.agency} (${e.server})`);
		if (e.kind !== 'transfer' && e.server) where.push(`${word('event-register')} ${e.server}`);
		const basis = element('p', `${word('basis-' + e.basis)}.`);
		basis.className = e.basis;
		return element('li', '', element('strong', time(e.time)), element('p', what(e)), element('p', where.map((w) => w + '.').join(' ')), basis);
	};
	if (!report.events) return [];
	const parts = [element('h3', word('events-heading')), element('ol', '', ...report.events.map(item))];
	if (report.faults) {
		const faults = report.faults.map((f) => element('li', '', element('strong', word('fault-' + f.kind.replaceAll(' ', '-'))), element('p', f.sentence)));
		parts.push(element('h3', word('faults-heading')), element('ul', '', ...faults));
	}
	return parts;
};

// holder names who has a document.
juratPapers.holder = (h, word) => h.name || `${word('holder-hidden')} (${h.digest}…)`;

// unproven names what a verdict on several proofs leaves open.
juratPapers.unproven = (report) => {
	const keys = report.kind === 'record' ? ['not-true', 'not-author', 'not-answers'] : ['not-true', 'not-twice', 'not-names', 'not-valid'];
	if (report.events.some((e) => e.basis.startsWith('key'))) keys.push('not-published');
	if (report.events.some((e) => e.basis === 'publications-file')) keys.push('not-printed');
	return keys;
};

// attached returns the record that is attached to a receipt to print, a PDF; null for any other file. It reads by bytes.
juratPapers.attached = async (file, bytes) => {
	if (file.size > 8 << 20 || new TextDecoder().decode(await bytes(file, 0, 5)) !== '%PDF-') return null;
	const record = await juratEngine('attached', await bytes(file));
	return record ? new File([record], file.name) : null;
};
