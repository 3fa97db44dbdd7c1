// Command packer makes what package page embeds, as "make page" does: packer FOLDER, in the root of the module, writes verifier.wasm.lzma,
// zxing_reader.wasm.lzma and wasm_exec.js there. What is there already is not packed again, which takes half a minute.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jurat-ledger/jurat/page/pack"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "packer: want the folder to write to, such as page/built")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "packer:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	verifier, err := pack.Verifier("page/verifier")
	if err != nil {
		return err
	}
	reader, err := os.ReadFile("page/vendored/zxing_reader.wasm")
	if err != nil {
		return err
	}
	glue, err := pack.Glue()
	if err != nil {
		return err
	}
	for name, code := range map[string][]byte{"verifier.wasm.lzma": verifier, "zxing_reader.wasm.lzma": reader} {
		file := filepath.Join(folder, name)
		if old, err := os.ReadFile(file); err == nil {
			if back, err := pack.Unpack(old); err == nil && bytes.Equal(back, code) {
				continue
			}
		}
		packed, err := pack.Pack(code)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(file, packed, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "wasm_exec.js"), glue, 0o644)
}
