// Package pack compiles the verifier of the verification page and packs what the page loads as WebAssembly.
//
// # What makes the verifier small
//
// A browser loads all of it before it can verify anything, so its size as it is packed is what counts. Most of it are the Go
// runtime and crypto/x509 with all kinds of keys that a certificate may have. Two things make it small enough:
//
//   - The compiler does not inline, but where time is spent: hash functions and RSA. The code is then larger by 4 %, but far more alike,
//     and packs to 87 %.
//   - LZMA, in its oldest form (".lzma": properties, size of the dictionary, length, one stream), packs it to 69 % of what gzip does.
//     Brotli packs 4 % worse, and its decoder brings a dictionary of 120 kB along; encoders of zstd in Go, 26 %. Browsers unpack gzip themselves
//     and LZMA they do not: static/unpack.js does.
//
// Packing takes half a minute and is done when the program is built.
package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kjk/lzma"
)

// level is that of the encoder, of 9: a dictionary of 16 MiB, which holds all of the verifier. Levels above it pack it no smaller.
const level = 6

// inlined are the packages in which functions are inlined as always: those that take the time when documents are hashed and
// signatures verified, and what these call.
var inlined = []string{"crypto/internal/fips140/sha256", "crypto/internal/fips140/bigmod", "crypto/internal/fips140deps/byteorder",
	"internal/byteorder", "math/bits"}

// Verifier compiles the verifier, whose package is in the folder dir, to WebAssembly: the same bytes every time.
func Verifier(dir string) ([]byte, error) {
	out, err := os.MkdirTemp("", "jurat-verifier")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	file := filepath.Join(out, "verifier.wasm")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-gcflags=all=-l"}
	for _, p := range inlined {
		args = append(args, "-gcflags="+p+"=")
	}
	cmd := exec.Command("go", append(args, "-o", file, ".")...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the verifier: %w: %s", err, text)
	}
	return os.ReadFile(file)
}

// Glue returns wasm_exec.js, which runs what Verifier returns, of the same Go.
func Glue() ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
}

// Pack returns data as LZMA. It unpacks it again to see that it is right.
func Pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := lzma.NewWriterSizeLevel(&b, int64(len(data)), level)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if back, err := Unpack(b.Bytes()); err != nil || !bytes.Equal(back, data) {
		return nil, errors.Join(errors.New("what was packed unpacks to something else"), err)
	}
	return b.Bytes(), nil
}

// Unpack returns what was packed.
func Unpack(packed []byte) ([]byte, error) {
	r := lzma.NewReader(bytes.NewReader(packed))
	defer r.Close()
	return io.ReadAll(r)
}
