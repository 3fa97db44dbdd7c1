'use strict';
// juratUnpack returns the bytes that package page packed into the text of a script: LZMA, two bytes a character. Browsers unpack gzip
// themselves, but LZMA makes code a third smaller. After the specification of LZMA by Igor Pavlov.
const juratUnpack = (() => {
	// bytes undoes what script in page.go does.
	const bytes = (text) => {
		const out = new Uint8Array(2 * text.length);
		let n = 0;
		for (let i = 0; i < text.length; i++) {
			let unit = text.charCodeAt(i);
			if (unit === 0xe000) unit = text.charCodeAt(++i) ^ 0x2000;
			out[n++] = unit & 0xff;
			out[n++] = unit >> 8;
		}
		return out.subarray(0, n);
	};

	// decoder reads bits of a stream that begins at position at of data. Where data ends it reads zeros.
	const decoder = (data, at) => {
		const now = new Uint32Array([0xffffffff, 0]); // range and code; numbers as large are slow elsewhere
		for (let i = 0; i < 5; i++) now[1] = now[1] << 8 | data[at++];
		const refill = () => {
			now[0] <<= 8;
			now[1] = now[1] << 8 | data[at++];
		};
		const bit = (probabilities, i) => {
			const p = probabilities[i], bound = (now[0] >>> 11) * p;
			if (now[1] < bound) {
				now[0] = bound;
				probabilities[i] = p + (2048 - p >> 5);
				if (bound < 0x1000000) refill();
				return 0;
			}
			now[0] -= bound;
			now[1] -= bound;
			probabilities[i] = p - (p >> 5);
			if (now[0] < 0x1000000) refill();
			return 1;
		};
		const direct = (count) => {
			let value = 0;
			for (; count > 0; count--) {
				now[0] >>>= 1;
				const found = now[1] >= now[0] ? 1 : 0;
				if (found) now[1] -= now[0];
				value = value << 1 | found;
				if (now[0] < 0x1000000) refill();
			}
			return value;
		};
		const tree = (probabilities, base, count) => {
			let m = 1;
			for (let i = 0; i < count; i++) m = m << 1 | bit(probabilities, base + m);
			return m - (1 << count);
		};
		const reverse = (probabilities, base, count) => {
			let m = 1, value = 0;
			for (let i = 0; i < count; i++) {
				const found = bit(probabilities, base + m);
				m = m << 1 | found;
				value |= found << i;
			}
			return value;
		};
		return {bit, direct, tree, reverse};
	};

	const fresh = (count) => new Uint16Array(count).fill(1024);

	// lengths returns a reader of the lengths of matches.
	const lengths = ({bit, tree}) => {
		const choice = fresh(2), low = fresh(16 << 3), middle = fresh(16 << 3), high = fresh(256);
		return (place) => {
			if (!bit(choice, 0)) return 2 + tree(low, place << 3, 3);
			if (!bit(choice, 1)) return 10 + tree(middle, place << 3, 3);
			return 18 + tree(high, 0, 8);
		};
	};

	// distances returns a reader of how far back matches are, less one.
	const distances = ({direct, tree, reverse}) => {
		const slots = fresh(4 << 6), special = fresh(128), align = fresh(16);
		return (length) => {
			const slot = tree(slots, Math.min(length - 2, 3) << 6, 6);
			if (slot < 4) return slot;
			const count = (slot >> 1) - 1, base = (2 | slot & 1) << count;
			if (slot < 14) return base + reverse(special, base - slot, count);
			return base + (direct(count - 4) << 4) + reverse(align, 0, 4);
		};
	};

	// literals returns a reader of single bytes, after the one before and, right after a match, the one that would have gone on with it.
	const literals = ({bit}, contextBits, placeBits) => {
		const probabilities = fresh(0x300 << contextBits + placeBits);
		return (position, before, match) => {
			const base = 0x300 * (((position & (1 << placeBits) - 1) << contextBits) + (before >> 8 - contextBits));
			let symbol = 1;
			while (match >= 0 && symbol < 0x100) {
				const expected = match >> 7 & 1;
				match = match << 1 & 0xff;
				const found = bit(probabilities, base + (1 + expected << 8) + symbol);
				symbol = symbol << 1 | found;
				if (found !== expected) break;
			}
			while (symbol < 0x100) symbol = symbol << 1 | bit(probabilities, base + symbol);
			return symbol & 0xff;
		};
	};

	const unpack = (data) => {
		const view = new DataView(data.buffer, data.byteOffset);
		const properties = data[0], placeMask = (1 << Math.floor(properties / 45)) - 1;
		const out = new Uint8Array(view.getUint32(5, true));
		const d = decoder(data, 13), {bit} = d;
		const literal = literals(d, properties % 9, Math.floor(properties / 9) % 5);
		const length = lengths(d), lengthAgain = lengths(d), distance = distances(d);
		const isMatch = fresh(12 << 4), isAgain = fresh(12), isOlder = fresh(12), isOldest = fresh(24), isLong = fresh(12 << 4);
		const last = [0, 0, 0, 0]; // distances of the last matches, less one
		let state = 0, n = 0;
		while (n < out.length) {
			const place = n & placeMask;
			if (!bit(isMatch, (state << 4) + place)) {
				out[n] = literal(n, n > 0 ? out[n - 1] : 0, state >= 7 ? out[n - last[0] - 1] : -1);
				n++;
				state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
				continue;
			}
			let count;
			if (!bit(isAgain, state)) {
				count = length(place);
				last.copyWithin(1, 0);
				last[0] = distance(count);
				state = state < 7 ? 7 : 10;
			} else {
				let which = 0;
				if (bit(isOlder, state)) which = bit(isOldest, state) ? 2 + bit(isOldest, 12 + state) : 1;
				const short = which === 0 && !bit(isLong, (state << 4) + place);
				const again = last[which];
				last.copyWithin(1, 0, which);
				last[0] = again;
				count = short ? 1 : lengthAgain(place);
				state = short ? (state < 7 ? 9 : 11) : (state < 7 ? 8 : 11);
			}
			const from = n - last[0] - 1;
			if (from < 0 || n + count > out.length) throw new Error('the code of the page is damaged');
			for (let i = 0; i < count; i++) out[n + i] = out[from + i];
			n += count;
		}
		return out;
	};
	return (text) => unpack(bytes(text));
})();
