package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// audited returns the faults that an audit of a range finds.
func audited(t *testing.T, l *Ledger, from, to calendar.Second) (faults []Fault) {
	t.Helper()
	a, err := l.Audit(from, to)
	for err == nil {
		var more []Fault
		more, err = a.Next(t.Context())
		faults = append(faults, more...)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return faults
}

// auditWorld is a ledger with rounds of several lanes, idle seconds, more than one window and a publication.
func auditWorld(t *testing.T) *world {
	w := newWorld(t)
	for i := range 4 {
		w.file(request("canton", LaneMain, leaves(1000*i, 1+i*90)))
		if i%2 == 0 {
			w.file(request("ministry", LaneMain, leaves(1000*i+500, 3)))
		}
		w.pass(1 + i)
	}
	if _, err := w.ledger.Publish(context.Background(), 0, nil); err != nil {
		t.Fatal(err)
	}
	w.pass(auditWindow)
	w.file(request("canton", LaneMain, leaves(9000, 2)))
	w.pass(2)
	return w
}

// TestAudit finds nothing wrong where nothing is, whatever the range.
func TestAudit(t *testing.T) {
	w := auditWorld(t)
	first, closed, _ := w.ledger.Extent()
	for _, from := range []calendar.Second{0, first, first + 1, first + 7, closed} {
		for _, to := range []calendar.Second{from - 1, first, first + 3, closed, math.MaxInt64} {
			if faults := audited(t, w.ledger, from, to); faults != nil {
				t.Errorf("from %d to %d: %+v", from-first, to-first, faults)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, err := w.ledger.Audit(0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled audit: %v", err)
	}
}

// TestAuditSweep damages what is stored, byte by byte: no damage to what a root or a proof rests on goes unnoticed.
func TestAuditSweep(t *testing.T) {
	w := auditWorld(t)
	damaged := map[storage.Kind]int{}
	for _, kind := range []storage.Kind{storage.KindRun, storage.KindBody, storage.KindHead, storage.KindBlock, storage.KindTile, storage.KindCalendar} {
		for _, pair := range pairsOf(t, w.store.DB(), kind) {
			key, value := pair[0], pair[1]
			step := 1 + len(value)/40
			for at := 0; at < len(value); at += step {
				if kind == storage.KindRun && at >= 2 && at < 10 {
					continue // when the run was accepted, which no root covers
				}
				bad := bytes.Clone(value)
				bad[at] ^= 1
				mustSet(t, w.store.DB(), key, bad)
				if faults := audited(t, w.ledger, 0, math.MaxInt64); faults == nil {
					t.Errorf("%x: byte %d of %d is changed, and nobody notices", key, at, len(value))
				}
				damaged[kind]++
			}
			mustSet(t, w.store.DB(), key, value)
		}
	}
	if faults := audited(t, w.ledger, 0, math.MaxInt64); faults != nil {
		t.Errorf("after all: %+v", faults)
	}
	for _, kind := range []storage.Kind{storage.KindRun, storage.KindBody, storage.KindTile, storage.KindCalendar} {
		if damaged[kind] == 0 {
			t.Errorf("nothing of kind %c was damaged", kind)
		}
	}
}

// TestAuditMissing takes keys away and puts ones in that do not belong.
func TestAuditMissing(t *testing.T) {
	w := auditWorld(t)
	db := w.store.DB()
	for _, pair := range pairsOf(t, db, storage.KindRun) {
		if err := db.Delete(pair[0], pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		if faults := audited(t, w.ledger, 0, math.MaxInt64); faults == nil {
			t.Errorf("run %x is missing, and nobody notices", pair[0])
		}
		stray := slices.Clone(pair[0])
		stray[8]++ // of the round after
		_, had, err := get(db, stray)
		if err != nil {
			t.Fatal(err)
		}
		if !had {
			mustSet(t, db, pair[0], pair[1])
			mustSet(t, db, stray, pair[1])
			if faults := audited(t, w.ledger, 0, math.MaxInt64); faults == nil {
				t.Errorf("run %x is too many, and nobody notices", stray)
			}
			if err := db.Delete(stray, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		mustSet(t, db, pair[0], pair[1])
	}
}

func get(db *pebble.DB, key []byte) (value []byte, ok bool, err error) {
	v, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	return bytes.Clone(v), true, closer.Close()
}

// pairsOf returns the keys and values of a kind.
func pairsOf(t *testing.T, db *pebble.DB, kind storage.Kind) (pairs [][2][]byte) {
	t.Helper()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(kind)}, UpperBound: []byte{byte(kind) + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		pairs = append(pairs, [2][]byte{bytes.Clone(it.Key()), bytes.Clone(it.Value())})
	}
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	return pairs
}

func mustSet(t *testing.T, db *pebble.DB, key, value []byte) {
	t.Helper()
	if err := db.Set(key, value, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
}

// TestLedgerConsistency proves each second's calendar to extend each earlier one's, by the roots as published.
func TestLedgerConsistency(t *testing.T) {
	w := auditWorld(t)
	first, closed, _ := w.ledger.Extent()
	for _, from := range []calendar.Second{first, first + 1, first + 4, closed} {
		for _, to := range []calendar.Second{first, first + 5, closed} {
			c, err := w.ledger.Consistency(from, to)
			if from > to {
				if !errors.Is(err, ErrRange) {
					t.Errorf("from %s to %s: %v", from, to, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			old, err := calendar.RootAt(storage.CalendarReader{Store: w.store}, from)
			if err != nil {
				t.Fatal(err)
			}
			new, err := calendar.RootAt(storage.CalendarReader{Store: w.store}, to)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Steps(old, new); err != nil {
				t.Errorf("from %s to %s: %v", from, to, err)
			}
		}
	}
	if _, err := w.ledger.Consistency(first, closed+1); !errors.Is(err, ErrNotClosed) {
		t.Errorf("to an open second: %v", err)
	}
	if _, err := w.ledger.Consistency(first-1, closed); !errors.Is(err, ErrBeforeFirst) {
		t.Errorf("from before the ledger: %v", err)
	}
}
