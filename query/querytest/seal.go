package querytest

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/query"
)

// SealPath implements query.Ledger: the path is well formed and proves nothing. Like Signature it makes the clock go on.
func (l *Ledger) SealPath(_ context.Context, p query.Position, profile *seal.Profile) (*seal.Path, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, block := p.Round, landmark.Last(landmark.BlockOf(p.Round))
	path := &seal.Path{Server: "jurat", Agency: l.slots[p.Slot].Agency, Round: p.Round, Sequence: 1, Count: 1}
	switch {
	case profile != nil:
		path.Profile = *profile
	case l.closed() < block:
		path.Profile = seal.Immediate
	}
	if path.Profile == seal.Immediate {
		path.Key.Signature = []byte("signed")
	} else {
		end = block
	}
	if l.now.Before(end.Time()) {
		l.now = end.Time()
	}
	return path, nil
}

// Landmarks implements query.Ledger: every third block is idle, the others have the hash of their number.
func (l *Ledger) Landmarks(_ context.Context, dst []merkle.Digest, first uint64) error {
	for i := range dst {
		dst[i] = calendar.ZeroNode(landmark.Height)
		if block := first + uint64(i); block%3 != 0 {
			dst[i] = sha256.Sum256(fmt.Append(nil, block))
		}
	}
	return nil
}

// LandmarksFile implements query.Ledger.
func (l *Ledger) LandmarksFile(_ context.Context, from calendar.Second) ([]byte, error) {
	return fmt.Appendf(nil, "landmarks from %s", from), nil
}

// BlockDetail implements query.Ledger.
func (l *Ledger) BlockDetail(_ context.Context, block uint64) ([]byte, error) {
	return fmt.Appendf(nil, "block %d", block), nil
}

// ReceiptPage implements query.Ledger: the receipt's record is the page.
func (l *Ledger) ReceiptPage(r *receipt.Record, _ *seal.Seal) ([]byte, error) { return r.JSON() }
