package ledger

import (
	"context"
	"errors"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// Digests are found while they are recent, while the index takes them over, and from the index alone.
func TestIndexFollows(t *testing.T) {
	w := newWorld(t)
	const rounds, each = 5, minIndexed / 2
	for i := range rounds {
		w.file(request("canton", LaneMain, leaves(i*each, each)))
		w.file(request("ministry", LaneMain, leaves(i*each, 3)))
		w.mustFind("canton", i*each+17, 1)
		w.pass(1)
	}
	for w.ledger.index.Cursor() < (rounds-2)*each {
		w.pass(1)
	}
	s, err := w.ledger.IndexStatus()
	if total := uint64(rounds * (each + 3)); err != nil || s.Leaves != total || s.Indexed < (rounds-2)*each || s.Indexed > total ||
		s.Recent < total-s.Indexed || s.Runs < 1 || s.Bytes < 8*s.Indexed || s.Bytes > 12*s.Indexed {
		t.Errorf("status %+v, %d leaves: %v", s, total, err)
	}
	for i := 0; i < rounds*each; i += 997 {
		w.mustFind("canton", i, 1)
	}
	for i := range rounds {
		w.mustFind("", i*each+1, 2)
		w.mustFind("ministry", i*each+1, 1)
		w.mustFind("ministry", i*each+3, 0)
	}
	w.mustFind("", rounds*each, 0)

	// After a stop the next start finds the same.
	w.shutdown()
	w.run()
	for i := 0; i < rounds*each; i += 9973 {
		w.mustFind("canton", i, 1)
	}
}

// Filing waits while the index is too far behind, until it has caught up, the client gives up or the ledger stops.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	w.ledger.backlog.limit = 100
	w.file(request("canton", LaneMain, leaves(0, minIndexed+10)))
	w.pass(1)
	w.file(request("canton", LaneMain, leaves(0, 200))) // after the index has grown
	w.pass(1)                                           // too few for it to grow again
	gone, leave := context.WithCancel(context.Background())
	leave()
	if _, err := w.ledger.Append(gone, request("canton", LaneMain, leaves(0, 1))); !errors.Is(err, context.Canceled) {
		t.Errorf("filed before the index: %v", err)
	}
	l, waited := w.ledger, make(chan error, 1)
	go func() {
		_, err := l.Append(context.Background(), request("canton", LaneMain, leaves(0, 1)))
		waited <- err
	}()
	w.shutdown()
	if err := <-waited; !errors.Is(err, ErrStopped) {
		t.Errorf("waiting when the ledger stopped: %v", err)
	}
}

// mustFind demands that digest i stands at n places of an agency.
func (w *world) mustFind(agency string, i, n int) {
	w.t.Helper()
	d := digest(i)
	found, err := w.ledger.Find(context.Background(), nil, agency, d[:])
	if err != nil || len(found) != n {
		w.t.Fatalf("digest %d of %q stands at %v: %v", i, agency, found, err)
	}
	for _, f := range found {
		if f.Imprint != d.Imprint() {
			w.t.Fatalf("digest %d found as %v", i, f)
		}
	}
}

// A duplicate filed many times is found at all its places.
func TestFindDuplicates(t *testing.T) {
	w := newWorld(t)
	var same merkle.Leaves
	for range 3000 {
		same.Append(digest(1).Imprint())
	}
	w.file(request("canton", LaneMain, same))
	w.mustFind("canton", 1, 3000)
	w.pass(1)
	w.mustFind("", 1, 3000)
}
