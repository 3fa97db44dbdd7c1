package ledger

import (
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// An observer is told of what has become durable, in the goroutine of Run: its functions must not block. Any may be nil.
type observer struct {
	roundClosed func(round calendar.Second, root merkle.Digest)
	published   func(storage.Publication)
}

// tell tells of an entry that is durable and applied.
func (o *observer) tell(e storage.Entry) {
	switch e := e.(type) {
	case storage.CloseRound:
		if o.roundClosed != nil {
			o.roundClosed(e.Round, e.Root)
		}
	case storage.Publish:
		if o.published != nil {
			o.published(e.Publication)
		}
	}
}
