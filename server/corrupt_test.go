package server

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
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
	dir := damageImage(t)
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
