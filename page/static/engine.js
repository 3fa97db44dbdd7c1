'use strict';
// The engine is package check in WebAssembly: juratEngine(operation, argument) returns a promise of its value, or of the error.
// verifier.js and reader.wasm.js give code as gzip in base64 inside a script: a page that is opened as a file can load scripts
// and nothing else, and so there is one way for both.
const juratUnpack = async (base64) => {
	const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
	return new Response(stream).arrayBuffer();
};

const juratEngine = (() => {
	const ready = (async () => {
		const go = new Go();
		const code = await juratUnpack(self.juratVerifier);
		const {instance} = await WebAssembly.instantiate(code, go.importObject);
		self.juratVerifier = undefined;
		go.run(instance);
	})();
	return async (operation, argument = '') => {
		await ready;
		const {value, error} = JSON.parse(juratCheck(operation, argument));
		if (error !== undefined) throw new Error(error);
		return value;
	};
})();
