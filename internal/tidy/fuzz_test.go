package tidy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Limits of the corpus of a fuzz target, so that every test run can afford it.
const (
	maxCorpusFiles = 24
	maxCorpusBytes = 16 << 10 // of one file
)

// fuzzTarget finds the name of a fuzz target in a test file.
var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// TestCorpora demands that each fuzz target keeps a small corpus, testdata/fuzz/TARGET beside it, which go test runs, and that
// no corpus is left of a target that is gone.
func TestCorpora(t *testing.T) {
	root := filepath.Join("..", "..")
	targets, corpora := make(map[string]bool), make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() && strings.HasSuffix(filepath.ToSlash(filepath.Dir(path)), "testdata/fuzz"):
			corpora[path] = true
			checkCorpus(t, path)
		case isTest(path):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range fuzzTarget.FindAllStringSubmatch(string(text), -1) {
				targets[filepath.Join(filepath.Dir(path), "testdata", "fuzz", m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) < 40 {
		t.Errorf("found %d fuzz targets only", len(targets))
	}
	for dir := range targets {
		if !corpora[dir] {
			t.Errorf("%s is missing: keep what make fuzz finds for this target", dir)
		}
	}
	for dir := range corpora {
		if !targets[dir] {
			t.Errorf("%s belongs to no fuzz target", dir)
		}
	}
}

// checkCorpus demands that a corpus is small.
func checkCorpus(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 || len(entries) > maxCorpusFiles {
		t.Errorf("%s: %d files, want 1 to %d", dir, len(entries), maxCorpusFiles)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Size() > maxCorpusBytes {
			t.Errorf("%s: %s: at most %d bytes are kept: %v", dir, e.Name(), maxCorpusBytes, err)
		}
	}
}
