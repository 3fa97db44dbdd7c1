package server

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/storage"
)

// proofsOf returns the signatures among the answers to damageQueries, the errors that stood for them, and how many there were of both.
func proofsOf(answers [][]string, refused []*pgconn.PgError) (signatures []string, errs []*pgconn.PgError) {
	for i, query := range damageQueries {
		switch {
		case i >= len(answers) || !strings.HasPrefix(query, "SELECT signature"):
		case refused[i] != nil:
			errs = append(errs, refused[i])
		default:
			signatures = append(signatures, answers[i]...)
		}
	}
	return signatures, errs
}

// TestWrongValue changes a byte of every run of leaves through the database itself, so that all checksums are right: a client that wants a
// proof is told that data is damaged, and where.
func TestWrongValue(t *testing.T) {
	t.Parallel()
	dir := damageImage(t, 0)
	s, err := storage.Open(filepath.Join(dir, StoreDir), storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	it, err := s.DB().NewIter(&pebble.IterOptions{LowerBound: []byte{byte(storage.KindRun)}, UpperBound: []byte{byte(storage.KindRun) + 1}})
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for ok := it.First(); ok; ok = it.Next() {
		value := slices.Clone(it.Value())
		value[len(value)-1] ^= 1 // of its last leaf
		if err := s.DB().Set(slices.Clone(it.Key()), value, pebble.Sync); err != nil {
			t.Fatal(err)
		}
		changed++
	}
	if err := errors.Join(it.Close(), s.Close()); err != nil || changed < 3 {
		t.Fatal(changed, err)
	}
	answers, refused, err := askDamaged(t, dir, nil)
	signatures, errs := proofsOf(answers, refused)
	if len(signatures) > 0 || len(errs) == 0 {
		t.Errorf("%d proofs left, %d were refused: %v", len(signatures), len(errs), err)
	}
	for _, e := range errs {
		if e.Code != "XX001" || !strings.Contains(e.Message, "round 2026-11-22T01:15:3") {
			t.Errorf("%v; want XX001 that names the round", e)
		}
	}
}

// blocksOf returns bytes of a table or a value file, one in the middle of each block of values.
func blocksOf(t *testing.T, name string, data []byte) (at []uint64) {
	if filepath.Ext(name) != ".sst" {
		n := uint64(len(data))
		return []uint64{n / 4, n / 2, n - 60, n - 10} // a value file holds little but blocks, then its index and what says where that is
	}
	r, err := sstable.NewMemReader(data, sstable.ReaderOptions{Comparer: pebble.DefaultComparer})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	layout, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range layout.Data {
		at = append(at, b.Offset+b.Length/2)
	}
	for _, b := range layout.ValueBlock {
		at = append(at, b.Offset+b.Length/2)
	}
	return at
}

// TestDamagedBlocks flips a bit in each block of each table and value file, one at a time. The server does not start and names the file,
// or each answer is right or XX001 with the file's name, and some are XX001.
func TestDamagedBlocks(t *testing.T) {
	t.Parallel()
	image := damageImage(t, 800) // whose lines take some blocks, and whose leaves a value file
	want, _, err := askDamaged(t, copyData(t, image), nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(image, StoreDir, "*", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	outcomes := make(map[string]int)
	for _, path := range files {
		name, _ := filepath.Rel(image, path)
		if ext := filepath.Ext(name); ext != ".sst" && ext != ".blob" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range blocksOf(t, name, data) {
			dir := copyData(t, image)
			damaged := slices.Clone(data)
			damaged[at] ^= 1
			if err := os.WriteFile(filepath.Join(dir, name), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			named := filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
			what := fmt.Sprintf("byte %d of %s", at, name)
			answers, refused, err := askDamaged(t, dir, nil)
			outcome := judge(t, what, want, answers, refused, err)
			outcomes[outcome]++
			if outcome == "not started" && !strings.Contains(err.Error(), named) {
				t.Errorf("%s: not started: %v; want the file's name", what, err)
			}
			for i, e := range refused {
				if e != nil && !strings.Contains(e.Message+e.Detail, named) {
					t.Errorf("%s: %.80s: %v; want the file's name", what, damageQueries[i], e)
				}
			}
			t.Logf("%s: %s", what, outcome)
		}
	}
	if outcomes["named"] == 0 || outcomes["not started"] == 0 {
		t.Errorf("damage is met by a query and at the start: %v", outcomes)
	}
}

// TestBackupOfDamagedIndex damages the digest index of a running server: a backup, which could not be restored, is XX001.
func TestBackupOfDamagedIndex(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	conn := s.connect("super-s")
	conn.must("INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, 70000) g")
	var files []string
	for len(files) == 0 { // the index grows by itself when there are enough digests and filing pauses
		s.pass(1)
		files, _ = filepath.Glob(filepath.Join(s.config.DataDir, IndexDir, "*"))
	}
	const backup = "SELECT count(*) > 0 FROM backup(false, NULL)"
	if whole := conn.one(backup); whole != `["t"]` {
		t.Fatalf("before: %s", whole)
	}
	if err := os.Truncate(files[0], 1000); err != nil {
		t.Fatal(err)
	}
	if _, refused := conn.answer(backup, ""); refused == nil || refused.Code != "XX001" || !strings.Contains(refused.Message, filepath.Base(files[0])) {
		t.Errorf("%v", refused)
	}
}
