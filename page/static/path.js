'use strict';
// juratPath draws the way from the document to the calendar root, from the top down, beside each step what it is hashed with.
// A reader of screens gets the same as a list.
const juratPath = (report, word) => {
	const short = (hash) => hash && hash.length > 30 ? `${hash.slice(0, 22)}…${hash.slice(-6)}` : hash || '?';
	const svg = (name, attributes, text) => {
		const e = document.createElementNS('http://www.w3.org/2000/svg', name);
		for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
		if (text !== undefined) e.textContent = text;
		return e;
	};
	const height = 46, gap = 26, wide = 290, side = 340;
	const rows = [{head: word('path-document'), text: short(report.document || report.claimed)}];
	const list = document.createElement('ol');
	const steps = report.steps || [];
	steps.forEach((s, i) => {
		const last = i + 1 === steps.length;
		const turns = !last && s.part === 'aggregation' && steps[i + 1].part === 'calendar';
		const head = last && s.part === 'calendar' ? word('path-root') : turns || (last && s.part === 'aggregation') ? word('path-round')
			: word(s.part === 'calendar' ? 'path-calendar' : 'path-step');
		rows.push({head, text: short(s.hash), beside: s.issuer ? `${word('path-issuer')}: ${s.issuer}` : short(s.sibling)});
		const item = document.createElement('li');
		item.textContent = `${word(s.left ? 'path-hash-right' : 'path-hash-left')} ${s.issuer ? `${word('path-issuer')}: ${s.issuer}` : s.sibling} → ${s.hash || '?'}`;
		list.append(item);
	});
	if (report.publication_text) rows.push({head: word('path-published'), text: short(report.publication_text)});
	const total = rows.length * (height + gap);
	const drawing = svg('svg', {viewBox: `0 0 ${wide + side} ${total}`, width: wide + side, height: total, 'aria-hidden': 'true'});
	rows.forEach((row, i) => {
		const y = i * (height + gap) + 2;
		if (i > 0) drawing.append(svg('line', {x1: wide / 2, y1: y - gap, x2: wide / 2, y2: y}));
		drawing.append(svg('rect', {x: 2, y, width: wide - 4, height, rx: 5}),
			svg('text', {x: 12, y: y + 18, class: 'head'}, row.head), svg('text', {x: 12, y: y + 37}, row.text));
		if (row.beside === undefined) return;
		const beside = svg('g', {class: 'side'});
		beside.append(svg('line', {x1: wide + 20, y1: y - gap / 2 + 1, x2: wide / 2, y2: y - gap / 2 + 1}),
			svg('rect', {x: wide + 20, y: y - gap / 2 - 12, width: side - 24, height: 26, rx: 5}),
			svg('text', {x: wide + 30, y: y - gap / 2 + 6}, row.beside.slice(0, 38)));
		drawing.append(beside);
	});
	const words = document.createElement('details');
	const summary = document.createElement('summary');
	summary.textContent = word('path-list');
	words.append(summary, list);
	return [drawing, words];
};
