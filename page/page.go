// Package page holds the verification page: a folder of static files by which anybody verifies documents in a browser, on
// their own device, with no trust in a server. It is package page/check compiled to WebAssembly, so the verdicts are those of
// the command line.
//
// # Files
//
//	index.html, page.css, icon.svg, manifest.webmanifest
//	page.js, engine.js, scan.js           the page; plain scripts, since modules cannot be loaded from file://
//	path.js, papers.js, facts.js          parts of a verdict: the way to the publication; receipts and bundles of documents; facts and fields
//	words.js                              all that it says, in four languages, from words.json
//	verifier.js                           page/verifier, packed, with wasm_exec.js, Go's glue for it
//	zxing_reader.js, reader.wasm.js       ZXing-C++, which reads QR codes; unchanged from vendored/, loaded when first wanted
//	unpack.js                             unpacks both
//	trust.js                              what vouches for the time: a publications file and by whom it has to be signed
//	sw.js                                 keeps all of it for use without a network
//	LICENSE.zxing-wasm
//
// A page that is opened as a file can load scripts and nothing else. So everything is a script, and one and the same folder works
// from a server, from any static host and from a USB stick. Code in WebAssembly is packed by package page/pack and then written as
// text in UTF-16, two bytes a character, which takes 3 % more; base64 takes a third. Such a script begins with a byte order mark,
// which says so whatever encoding a server names.
//
// # What is trusted
//
// Who opens the page trusts where it comes from: for the code, and for what trust.js names. A publication string that is
// pasted from print replaces the second, a copy of the folder from another source the first. Nothing is sent anywhere, and the
// content security policy has the browser enforce that: no other origin, no inline script, no evaluation of text.
//
// # Building
//
// "make page" compiles and packs code into built/, which this package embeds. A program built without it has no page: New says
// what to do.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
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

//go:embed static vendored/*.js vendored/LICENSE.*
var source embed.FS

//go:embed built
var built embed.FS

// Policy is the content security policy of the page. Headers add frame-ancestors, which documents cannot set themselves.
const Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; " +
	"media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"

// ErrNotBuilt says that the program was built without the page.
var ErrNotBuilt = errors.New(`this program was built without the verification page: build it by "make build", which compiles the page's verifier first`)

// Code is what is made by "make page".
type Code struct {
	Verifier []byte // page/verifier, compiled, as package page/pack packs it
	Glue     []byte // wasm_exec.js, Go's glue for it
	Reader   []byte // of QR codes: vendored/zxing_reader.wasm, packed too
}

// Built returns the code that was embedded, or ErrNotBuilt.
func Built() (c Code, err error) {
	for name, data := range map[string]*[]byte{"verifier.wasm.lzma": &c.Verifier, "wasm_exec.js": &c.Glue, "zxing_reader.wasm.lzma": &c.Reader} {
		if *data, err = built.ReadFile("built/" + name); errors.Is(err, fs.ErrNotExist) {
			return c, ErrNotBuilt
		} else if err != nil {
			return c, err
		}
	}
	return c, nil
}

// Files returns the files of the page by their names, but for trust.js, which Trust makes.
func Files(c Code) (map[string][]byte, error) {
	files := map[string][]byte{"wasm_exec.js": c.Glue, "verifier.js": script("juratVerifier", c.Verifier), "reader.wasm.js": script("juratReader", c.Reader)}
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
	files["index.html"] = bytes.ReplaceAll(files["index.html"], []byte("{{policy}}"), []byte(Policy))
	var err error
	files["sw.js"], err = worker(files)
	return files, err
}

// escape stands before a character that 0x2000 was added to or taken from: one that cannot stand in a string or in UTF-16.
const escape = 0xe000

// script returns a script in UTF-16, little-endian, that sets a global to text of data's bytes, two a character; a zero byte makes them
// even. unpack.js reads it.
func script(name string, data []byte) []byte {
	dst := []byte{0xff, 0xfe} // byte order mark
	write := func(text string) {
		for _, c := range []byte(text) { // ASCII
			dst = append(dst, c, 0)
		}
	}
	write("'use strict';\nself." + name + " = '")
	for pair := range slices.Chunk(data, 2) {
		unit := uint16(pair[0])
		if len(pair) == 2 {
			unit |= uint16(pair[1]) << 8
		}
		switch {
		case unit >= 0xd800 && unit < 0xe000, unit == escape, unit == '\'', unit == '\\', unit == '\n', unit == '\r', unit == 0, unit == 0x2028, unit == 0x2029:
			dst = binary.LittleEndian.AppendUint16(dst, escape)
			unit ^= 0x2000
		}
		dst = binary.LittleEndian.AppendUint16(dst, unit)
	}
	write("';\n")
	return dst
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
