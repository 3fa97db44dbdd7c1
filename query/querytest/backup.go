package querytest

import (
	"context"
	"fmt"
	"io"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/query"
)

// A backup gives the names of the ledger's slots as files.
type backup struct {
	l    *Ledger
	left []string
}

// Backup implements query.Ledger: a file with its own name in it for every slot, and one for the keys. OpenBackups counts
// those that are not closed.
func (l *Ledger) Backup(_ context.Context, keys bool, previous []byte) (query.Backup, error) {
	b := &backup{l: l}
	for _, s := range l.Slots() {
		b.left = append(b.left, s.Agency+"/"+s.Lane)
	}
	if keys {
		b.left = append(b.left, "keys")
	}
	if previous != nil {
		b.left = append(b.left, string(previous))
	}
	l.OpenBackups.Add(1)
	return b, nil
}

func (b *backup) Next(ctx context.Context) (query.BackupChunk, error) {
	if len(b.left) == 0 {
		return query.BackupChunk{}, io.EOF
	}
	name := b.left[0]
	b.left = b.left[1:]
	return query.BackupChunk{File: name, Size: int64(len(name)), Data: []byte(name), Total: 100}, ctx.Err()
}

func (b *backup) Close() error {
	b.l.OpenBackups.Add(-1)
	return nil
}

// Export implements query.Ledger: it gives the receipts of the agency's leaves instead of a bundle, a line each.
func (l *Ledger) Export(_ context.Context, agency, lane string, from, to calendar.Second, published bool) (query.Export, error) {
	b := &export{backup{l: l}}
	slots := l.Slots()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.leaves {
		if s := slots[f.Slot]; s.Agency == agency && (lane == "" || s.Lane == lane) && f.Round >= from && f.Round <= to && f.Round <= l.closed() {
			r := receipt.Name{Round: f.Round, Agency: agency, Lane: s.Lane, Index: f.Index}
			b.left = append(b.left, fmt.Sprintf("%s %t\n", r, published))
		}
	}
	l.OpenBackups.Add(1)
	return b, nil
}

type export struct{ backup }

func (e *export) Next(ctx context.Context) ([]byte, error) {
	c, err := e.backup.Next(ctx)
	return c.Data, err
}
