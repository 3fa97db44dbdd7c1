package ledger

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
	"github.com/jurat-ledger/jurat/storage"
)

// TestSealDamaged: a round that cannot be read keeps its block from being sealed, and the ledger goes on, before a start and after it.
func TestSealDamaged(t *testing.T) {
	fs := vfs.NewMem()
	if err := create(fs); err != nil {
		t.Fatal(err)
	}
	c := ledgertest.NewClock(start)
	l, store, err := openLedger(fs, c)
	if err != nil {
		t.Fatal(err)
	}
	file := func(i int) storage.Key {
		x := filingTicket(LaneMain, i)
		l.mustStep(t, x)
		if <-x.done; x.err != nil {
			t.Fatal(x.err)
		}
		c.Move(time.Second, 0)
		l.mustStep(t)
		return storage.Key{Kind: storage.KindBody, Round: x.filings[0].Round}
	}
	file(0)
	damaged := file(1)
	if err := store.DB().Set(damaged.Append(nil), []byte{1, 2, 3}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for life := range 2 {
		for range 2 * storage.BlockSeconds {
			c.Move(time.Second, 0)
			l.mustStep(t)
		}
		file(2 + life)
		if block, ok := store.SealableBlock(); ok {
			t.Errorf("block %d can be sealed", block)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if l, store, err = openLedger(fs, c); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()
}
