package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// TestMoved deletes, moves and replaces the directory of a store that is open: nothing is filed into files that have lost their place.
func TestMoved(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error {
			if err := os.Rename(dir, dir+".old"); err != nil {
				return err
			}
			return os.CopyFS(dir, os.DirFS(dir+".old"))
		},
		"database deleted": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "db")) },
		"database moved":   func(dir string) error { return os.Rename(filepath.Join(dir, "db"), dir+".old") },
		"lock deleted":     func(dir string) error { return os.Remove(filepath.Join(dir, "LOCK")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := filepath.Join(t.TempDir(), "store"), storagetest.NewMaker(1)
			s, err := storage.Create(dir, m.Genesis(), options(vfs.Default))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			begin := m.Begin(2)
			if err := s.Propose(begin[0]); err != nil {
				t.Fatal(err)
			}
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			for _, e := range begin[1:] {
				if err := s.Propose(e); !errors.Is(err, storage.ErrMoved) {
					t.Errorf("%T: %v", e, err)
				}
			}
		})
	}
}
