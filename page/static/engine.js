'use strict';
// The engine is package check in WebAssembly: juratEngine(operation, argument) returns a promise of its value, or of the error.
const juratEngine = (() => {
	const ready = (async () => {
		const go = new Go();
		const {instance} = await WebAssembly.instantiate(juratUnpack(self.juratVerifier), go.importObject);
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
