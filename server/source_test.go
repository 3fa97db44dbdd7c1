package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
	"github.com/jurat-ledger/jurat/storage/storagetest"
)

// An askedContext is cancelled once it was asked so many times whether it is.
type askedContext struct {
	context.Context
	left int
}

func (c *askedContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestRoundCursorCancel cancels the search for a root that no round has, in the midst of a call of Next.
func TestRoundCursorCancel(t *testing.T) {
	m := storagetest.NewMaker(1)
	s, err := storage.Create("store", m.Genesis(), storage.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	propose := func(entries ...storage.Entry) {
		if err := s.Propose(entries...); err != nil {
			t.Fatal(err)
		}
	}
	propose(m.Begin(1)...)
	for range 150 {
		round := m.Closed() + storage.BlockSeconds
		propose(m.Append(round, 0, 1, false), m.Close(round))
		if block, ok := s.SealableBlock(); ok {
			propose(storage.SealBlock{Block: block})
		}
	}
	for asked, want := range []error{context.Canceled, context.Canceled, context.Canceled, io.EOF} {
		rounds, err := s.Rounds(storage.RoundScan{To: s.Closed() - 2*storage.BlockSeconds, Root: &merkle.Digest{1}})
		if err != nil {
			t.Fatal(err)
		}
		c := roundCursor{rounds}
		var b query.RoundBatch
		err = c.Next(&askedContext{t.Context(), asked}, &b)
		if !errors.Is(err, want) {
			t.Errorf("asked %d times: %v, want %v", asked, err, want)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewerFormat: what a newer program wrote is not called damaged, since nobody has to restore it.
func TestNewerFormat(t *testing.T) {
	for _, of := range []error{storage.ErrVersion, index.ErrVersion} {
		var refused *query.Error
		if err := clientError(fmt.Errorf("tile 0: %w", of)); !errors.As(err, &refused) || refused.Code != "0A000" || strings.Contains(refused.Message+refused.Hint, "damaged") {
			t.Errorf("%v", err)
		}
	}
}

// TestNotClosedHints says of a second and of a block that are not closed what helps.
func TestNotClosedHints(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	s.pass(2)
	c := s.connect("super-s")
	for sql, words := range map[string]string{
		"SELECT publish('2099-01-01')":         "Take the newest closed second",
		"SELECT landmarks_file()":              "A block of 256 seconds",
		"SELECT landmarks_file('2099-01-01')":  "A block of 256 seconds",
		"SELECT landmark_detail('2099-01-01')": "Take the newest closed second",
	} {
		if _, refused := c.answer(sql, ""); refused == nil || refused.Code != "55000" || !strings.Contains(refused.Hint, words) {
			t.Errorf("%s: %+v", sql, refused)
		}
	}
}

// TestAbsent has what docs/compatibility.md says is not there.
func TestAbsent(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	c := s.connect("super-s")
	for sql, code := range map[string]string{
		"SELECT pg_advisory_lock(1)":      "0A000",
		"SELECT pg_try_advisory_lock(1)":  "0A000",
		"SELECT pg_advisory_xact_lock(1)": "0A000",
		"WITH x AS (INSERT INTO hashes (digest) VALUES (sha256('x')) RETURNING receipt) SELECT * FROM x": "0A000",
	} {
		if _, refused := c.answer(sql, ""); refused == nil || refused.Code != code {
			t.Errorf("%s: %+v, want %s", sql, refused, code)
		}
	}
	c.must("SELECT pg_advisory_unlock_all()")
}
