// Package page holds the verification page: a folder of static files by which anybody verifies documents in a browser, on
// their own device, with no trust in a server. It is package page/check compiled to WebAssembly, so the verdicts are those of
// the command line.
//
// # Files
//
//	index.html, page.css, icon.svg, manifest.webmanifest
//	page.js, engine.js, scan.js           the page; plain scripts, since modules cannot be loaded from file://
//	path.js, papers.js                    parts of a verdict: the way to the publication; receipts and bundles of documents
//	words.js                              all that it says, in four languages, from words.json
//	verifier.js                           page/verifier, gzip in base64, with wasm_exec.js, Go's glue for it
//	zxing_reader.js, reader.wasm.js       ZXing-C++, which reads QR codes; unchanged from vendored/, loaded when first wanted
//	trust.js                              what vouches for the time: a publications file and by whom it has to be signed
//	sw.js                                 keeps all of it for use without a network
//	LICENSE.zxing-wasm
//
// Code inside scripts is a third larger than files of it, but then everything is a script, and one and the same folder works
// from a server, from any static host and from a USB stick.
//
// # What is trusted
//
// Who opens the page trusts where it comes from: for the code, and for what trust.js names. A publication string that is
// pasted from print replaces the second, a copy of the folder from another source the first. Nothing is sent anywhere, and the
// content security policy has the browser enforce that: no other origin, no inline script, no evaluation of text.
//
// # Building
//
// "make page" compiles the verifier into built/, which this package embeds. A program built without it has no page: New says
// what to do.
package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/page/check"
)

//go:embed static vendored
var source embed.FS

//go:embed built
var built embed.FS

// Policy is the content security policy of the page. Headers add frame-ancestors, which documents cannot set themselves.
const Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; " +
	"media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"

// ErrNotBuilt says that the program was built without the page.
var ErrNotBuilt = errors.New(`this program was built without the verification page: build it by "make build", which compiles the page's verifier first`)

// A Verifier is page/verifier, compiled, as gzip, with Go's glue for it.
type Verifier struct{ Code, Glue []byte }

// Built returns the verifier that was embedded, or ErrNotBuilt.
func Built() (v Verifier, err error) {
	if v.Code, err = built.ReadFile("built/verifier.wasm.gz"); err == nil {
		v.Glue, err = built.ReadFile("built/wasm_exec.js")
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotBuilt
	}
	return v, err
}

// Files returns the files of the page by their names, but for trust.js, which Trust makes.
func Files(v Verifier) (map[string][]byte, error) {
	files := map[string][]byte{"wasm_exec.js": v.Glue, "verifier.js": script("juratVerifier", v.Code)}
	for _, dir := range []string{"static", "vendored"} {
		entries, err := source.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if files[e.Name()], err = source.ReadFile(path.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	files["words.js"] = slices.Concat([]byte("'use strict';\nself.juratWords = "), bytes.TrimSpace(files["words.json"]), []byte(";\n"))
	delete(files, "words.json")
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(files["zxing_reader.wasm"]); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	files["reader.wasm.js"] = script("juratReader", packed.Bytes())
	delete(files, "zxing_reader.wasm")
	files["index.html"] = bytes.ReplaceAll(files["index.html"], []byte("{{policy}}"), []byte(Policy))
	files["sw.js"], err = worker(files)
	return files, err
}

// script returns a script that sets a global to data in base64.
func script(name string, data []byte) []byte {
	return fmt.Appendf(nil, "'use strict';\nself.%s = '%s';\n", name, base64.StdEncoding.EncodeToString(data))
}

// worker fills in what sw.js keeps, and a version that changes with any of it.
func worker(files map[string][]byte) ([]byte, error) {
	names := []string{"./", "trust.js"}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %d\n", name, len(files[name]))
		h.Write(files[name])
		if name != "sw.js" {
			names = append(names, name)
		}
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	return []byte(strings.NewReplacer("{{version}}", hex.EncodeToString(h.Sum(nil)[:16]), "{{files}}", string(list)).Replace(string(files["sw.js"]))), nil
}

// Trust returns trust.js.
func Trust(t check.Trust) ([]byte, error) {
	text, err := json.Marshal(t)
	return fmt.Appendf(nil, "'use strict';\nself.juratTrust = %s;\n", text), err
}
