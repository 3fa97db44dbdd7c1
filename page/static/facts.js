'use strict';
// juratFacts lists what a verdict is about and what it rests on. What a seal says stands in a list of its own, after what the ledger proves: who
// has a document sealed chooses the names and values of its fields, and could choose those of the ledger's facts.
const juratFacts = (r, files, word, time) => {
	const sealed = r.seal && r.seal.basis; // what a seal says is shown only if it is what was filed, even if it does not hold any more
	const facts = [...files];
	if (r.verdict === 'OK') {
		facts.push(['fact-receipt', r.receipt], ['fact-time', time(r.time)], ['fact-agency', r.agency], ['fact-lane', r.lane], ['fact-claims', (r.claims || []).join(', ')],
			['fact-holder', r.holder ? juratPapers.holder(r.holder, word) : '']);
		facts.push(['fact-publication', time(r.publication_time)], ['fact-references', (r.references || []).join('; ')]);
	} else if (sealed) facts.push(['fact-time', time(r.time)], ['fact-agency', r.agency], ['fact-lane', r.lane]);
	if (r.reason === 'reference') facts.push(['fact-receipt', r.receipt]);
	facts.push(['fact-hash', r.document]);
	if (r.claimed && r.document && r.claimed !== r.document) facts.push(['fact-claimed', r.claimed]);
	if (r.verdict !== 'OK') facts.push(['fact-rests', time(r.rests)], ['fact-expert', r.sentence]);
	if (r.seal) facts.push(['fact-check', r.seal.check]);
	if (['seal-revoked', 'seal-superseded'].includes(r.reason)) facts.push(['fact-status', time(r.seal.status.at)]);

	const element = (name, text, ...children) => {
		const e = document.createElement(name);
		e.textContent = text;
		e.append(...children);
		return e;
	};
	const list = (rows) => element('dl', '', ...rows.flatMap(([name, text]) => [element('dt', name), element('dd', text)]));
	const named = (rows) => rows.filter(([, text]) => text).map(([key, text]) => [word(key), text]);
	if (!sealed) return [list(named(facts))];
	const said = element('div', '', element('h3', word('facts-said')),
		list([...r.fields, ...named([['fact-from', time(r.seal.not_before)], ['fact-until', time(r.seal.not_after)]])]));
	said.className = 'said';
	return [element('h3', word('facts-proven')), list(named(facts)), said];
};
