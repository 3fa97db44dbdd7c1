package ledger

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A smallDisk says how much room it has, and may be full.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
	full *atomic.Bool
}

func newSmallDisk() *smallDisk {
	full := new(atomic.Bool)
	fail := errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpLink, errorfs.OpRename:
			if full.Load() {
				return syscall.ENOSPC
			}
		}
		return nil
	})
	d := &smallDisk{FS: errorfs.Wrap(vfs.NewMem(), fail), full: full}
	d.free.Store(math.MaxUint64)
	return d
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

func smallWorld(t *testing.T) (*world, *smallDisk) {
	d := newSmallDisk()
	return newWorldOn(t, d), d
}

// TestDiskReserve: with little room left nothing is filed, but rounds close and proofs are made; with room again filing goes on.
func TestDiskReserve(t *testing.T) {
	w, d := smallWorld(t)
	before := w.file(request("canton", LaneMain, leaves(0, 10)))
	d.free.Store(1<<20 + 99)
	for _, agency := range []string{"canton", "ministry"} {
		if _, err := w.ledger.Append(t.Context(), request(agency, LaneMain, leaves(100, 30))); !errors.Is(err, ErrDiskFull) {
			t.Fatalf("filed with too little room: %v", err)
		}
	}
	w.pass(2)
	w.mustProve(Position{Round: before[0].Round, Index: 3}, digest(3).Imprint())
	d.free.Store(1<<20 + 3000)
	after := w.file(request("canton", LaneMain, leaves(100, 30)))
	w.pass(1)
	w.mustProve(Position{Round: after[0].Round, Index: 29}, digest(129).Imprint())
}

// TestFullDisk: who files while a write waits for room is told so, what is closed is proven, and what was being written is
// filed as soon as there is room.
func TestFullDisk(t *testing.T) {
	for _, n := range []int{3, 40} { // through the log, as a table
		w, d := smallWorld(t)
		refused := digest(200)
		before := w.file(request("canton", LaneMain, leaves(0, 10)))
		w.pass(1)
		d.full.Store(true)
		type outcome struct {
			filings []Filing
			err     error
		}
		filed := make(chan outcome, 1)
		go func() {
			filings, err := w.ledger.Append(context.Background(), request("canton", LaneMain, leaves(100, n)))
			filed <- outcome{filings, err}
		}()
		<-w.store.Full()
		if _, err := w.ledger.Append(t.Context(), request("ministry", LaneMain, leaves(200, 1))); !errors.Is(err, ErrDiskFull) {
			t.Fatalf("filed on a full disk: %v", err)
		}
		w.mustProve(Position{Round: before[0].Round, Index: 3}, digest(3).Imprint())
		d.full.Store(false)
		o := <-filed
		if o.err != nil {
			t.Fatalf("%d leaves that waited for room: %v", n, o.err)
		}
		w.pass(1)
		w.mustProve(Position{Round: o.filings[0].Round, Index: uint64(n - 1)}, digest(99+n).Imprint())
		if found, err := w.ledger.Find(t.Context(), nil, "", refused[:]); err != nil || len(found) > 0 {
			t.Fatalf("refused, yet found: %v, %v", found, err)
		}
	}
}
