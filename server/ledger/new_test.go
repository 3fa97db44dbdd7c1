package ledger

import (
	"bytes"
	"context"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/storage"
)

// TestNewAmongMany files a digest more often than Find gives out while a request that wants it filed once waits in the queue, as clients do
// with COPY and INSERT … ON CONFLICT DO NOTHING at the same time. It is not filed again, and the ledger goes on.
func TestNewAmongMany(t *testing.T) {
	w := newWorld(t)
	var many merkle.Leaves
	for range MaxFound + 1 {
		many.Append(digest(7).Imprint())
	}
	both := leaves(7, 1)
	other := leaves(8, 1)
	both.AppendLeaves(&other)
	waiting := func() *ticket {
		x := newTicket()
		x.request = &Request{Agency: "canton", Parts: []Part{{Lane: LaneMain, Leaves: both, New: true}}}
		var err error
		if x.earlier, err = w.ledger.lookUpEarlier(context.Background(), x.request); err != nil {
			t.Fatal(err)
		}
		return x
	}
	before := waiting()
	w.file(request("canton", LaneMain, many))
	for k, x := range []*ticket{before, waiting()} {
		if err := w.ledger.submit(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if f := x.filings[0]; f.Count != 1-k || k == 0 && f.Filed[0] != 1 {
			t.Errorf("request %d: %d filed, %v", k, f.Count, f.Filed)
		}
	}
}

// TestNewFails: a request whose digests cannot be looked up fails by itself, and what it would have filed is not taken for filed.
func TestNewFails(t *testing.T) {
	w := newWorld(t)
	p := &plan{filed: make(map[filedKey]bool)}
	x := newTicket()
	first, again := leaves(1, 1), leaves(2, 1)
	x.request = &Request{Agency: "canton", Parts: []Part{{Lane: LaneMain, Leaves: first}, {Lane: LaneMain, Leaves: again, New: true}}}
	var err error
	if x.earlier, err = w.ledger.lookUpEarlier(context.Background(), x.request); err != nil {
		t.Fatal(err)
	}
	if parts, err := w.ledger.onlyNew(p, x); err != nil || len(parts) != 2 || parts[1].leaves.Len() != 1 || len(p.filed) != 2 {
		t.Fatalf("%v, %v, %d noted", parts, err, len(p.filed))
	}
	p.filed = make(map[filedKey]bool)
	f := w.file(request("canton", LaneMain, again))[0]
	key := storage.Key{Kind: storage.KindRun, Round: f.Round, Slot: f.Slot, Number: f.First}
	good, closer, err := w.store.DB().Get(key.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	good = bytes.Clone(good)
	closer.Close()
	w.mustSet(key, []byte{99}) // the leaf that it has to read
	if _, err := w.ledger.onlyNew(p, x); err == nil || len(p.filed) != 0 {
		t.Errorf("%v, %d noted", err, len(p.filed))
	}
	w.mustSet(key, good)
}
