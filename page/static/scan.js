'use strict';
// Reading of QR codes, from pictures and from a camera. The reader is loaded when it is first wanted.
const juratScan = (() => {
	const load = (name) => new Promise((resolve, reject) => {
		const script = document.createElement('script');
		script.src = name;
		script.onload = resolve;
		script.onerror = () => reject(new Error(name));
		document.head.append(script);
	});
	let loading;
	const reader = () => loading ??= (async () => {
		await Promise.all([load('zxing_reader.js'), load('reader.wasm.js')]);
		const wasmBinary = juratUnpack(self.juratReader);
		self.juratReader = undefined;
		await ZXingWASM.prepareZXingModule({overrides: {wasmBinary}, fireImmediately: true});
	})();

	// read returns the text of the QR code in what can be drawn, null for none. Pictures are also looked at smaller: a camera's noise
	// and blur vanish then. Small ones are looked at larger, too, which finds codes with dirt and folds.
	const read = async (source, width, height) => {
		await reader();
		const large = Math.max(width, height);
		const sizes = new Set([Math.min(large, 3000), Math.min(large, 1400), Math.min(large, 1400) * 0.7]);
		if (large < 1400) sizes.add(large * 1.5).add(large * 0.85);
		for (const size of sizes) {
			const scale = size / large;
			const canvas = document.createElement('canvas');
			canvas.width = Math.round(width * scale);
			canvas.height = Math.round(height * scale);
			const c = canvas.getContext('2d', {willReadFrequently: true});
			c.fillStyle = '#fff'; // where a picture is transparent
			c.fillRect(0, 0, canvas.width, canvas.height);
			c.drawImage(source, 0, 0, canvas.width, canvas.height);
			const found = await ZXingWASM.readBarcodes(c.getImageData(0, 0, canvas.width, canvas.height),
				{formats: ['QRCode'], tryHarder: true, maxNumberOfSymbols: 1});
			if (found.length && found[0].isValid) return found[0].text;
		}
		return null;
	};

	const picture = async (file) => {
		const image = await createImageBitmap(file);
		try {
			return await read(image, image.width, image.height);
		} finally {
			image.close();
		}
	};

	// camera shows the camera in video until a code is read, or until stop is called. It returns the text, null if stopped.
	const camera = async (video, stopped) => {
		const stream = await navigator.mediaDevices.getUserMedia({audio: false,
			video: {facingMode: 'environment', width: {ideal: 1920}, height: {ideal: 1080}}});
		try {
			video.srcObject = stream;
			video.hidden = false;
			await video.play();
			while (!stopped()) {
				const text = video.videoWidth ? await read(video, video.videoWidth, video.videoHeight) : null;
				if (text !== null) return text;
				await new Promise((resolve) => setTimeout(resolve, 120));
			}
			return null;
		} finally {
			for (const track of stream.getTracks()) track.stop();
			video.srcObject = null;
			video.hidden = true;
		}
	};
	return {picture, camera};
})();
