package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQR(t *testing.T) {
	dir := t.TempDir()
	text := "JS1:" + strings.Repeat("A1 ", 500) + "\n"
	for name, magic := range map[string]string{"a.png": "\x89PNG", "a.svg": "<svg ", "a.pdf": "%PDF-"} {
		out := filepath.Join(dir, name)
		if err := (&qrOptions{out: out, width: 50, pixels: 4}).run(strings.NewReader(text)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if data, err := os.ReadFile(out); err != nil || !bytes.HasPrefix(data, []byte(magic)) {
			t.Errorf("%s: %.20q, %v", name, data, err)
		}
	}
	for name, o := range map[string]qrOptions{"a.gif": {}, "small.svg": {width: 30}, "small.pdf": {width: 30}, "small.png": {}} {
		o.out = filepath.Join(dir, "not"+name)
		if err := o.run(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(o.out); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}
