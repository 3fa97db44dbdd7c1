'use strict';
// Keeps the page for use without a network. What the page is made of is kept as of one version; trust.js, which changes with
// every publication, and the status lists of agencies are fetched anew where there is a network.
const version = '{{version}}';
const files = JSON.parse('{{files}}');
const fresh = ['trust.js', 'publications.bin'];

addEventListener('install', (e) => e.waitUntil((async () => {
	const cache = await caches.open(version);
	await cache.addAll(files.map((f) => new Request(f, {cache: 'no-cache'})));
	await skipWaiting();
})()));

addEventListener('activate', (e) => e.waitUntil((async () => {
	for (const name of await caches.keys()) if (name !== version) await caches.delete(name);
	await clients.claim();
})()));

addEventListener('fetch', (e) => {
	const url = new URL(e.request.url);
	if (e.request.method !== 'GET' || url.origin !== location.origin) return;
	e.respondWith((async () => {
		const cache = await caches.open(version);
		if (fresh.some((name) => url.pathname.endsWith('/' + name)) || url.pathname.includes('/status/')) {
			try {
				const answer = await fetch(e.request);
				if (answer.ok) await cache.put(e.request, answer.clone());
				return answer;
			} catch (error) {
				const kept = await cache.match(e.request, {ignoreSearch: true});
				if (kept) return kept;
				throw error;
			}
		}
		return await cache.match(e.request, {ignoreSearch: true}) || fetch(e.request);
	})());
});
