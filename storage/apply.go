package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage/fatal"
)

// Propose adds entries to the log: once it returns nil they are durable and applied, all of them, in order. One
// goroutine proposes at a time. It panics if an entry does not follow from those before: see the comments of the
// entries. After an error it is unknown whether the entries are on disk; every later call returns an error too, and only
// Close and Open tell. ErrMoved says that the entries went into files whose directory is not where it was.
func (s *Store) Propose(entries ...Entry) error {
	return s.propose(entries, func() error { return s.commit(entries) })
}

// propose is Propose by a function that makes the entries durable and applies them to the state ahead.
func (s *Store) propose(entries []Entry, commit func() error) error {
	if s.readOnly {
		panic("storage: propose to a read-only store")
	}
	if s.failed != nil {
		return fmt.Errorf("store failed before: %w", s.failed)
	}
	if err := firstError(commit(), s.inPlace()); err != nil {
		s.failed = err
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		e.advance(s.durable)
	}
	return nil
}

// commit makes entries durable: large groups of leaves, and tiles ahead of a round's end, as tables, all else by one batch that
// is synced.
func (s *Store) commit(entries []Entry) error {
	if tables := s.asTables(entries); tables != nil && s.tables.TryLock() {
		defer s.tables.Unlock()
		s.advance(entries)
		return s.commitTables(tables)
	}
	return s.commitBatch(entries)
}

// advance checks entries against the state ahead and applies them to it.
func (s *Store) advance(entries []Entry) {
	for _, e := range entries {
		e.check(s.ahead)
		e.advance(s.ahead)
	}
}

// commitBatch makes entries durable by one batch that is synced.
func (s *Store) commitBatch(entries []Entry) error {
	w := writer{db: s.db, batch: s.db.NewBatch(pebble.WithMaxRetainedSizeBytes(memTableBytes)), st: s.ahead, closed: s.Closed()}
	for _, e := range entries {
		if err := w.apply(e); err != nil {
			return err
		}
	}
	if err := commitSync(w.batch); err != nil {
		return fmt.Errorf("commit %d entries: %w", len(entries), err)
	}
	return nil
}

// commitSync commits a batch and closes it.
func commitSync(b *pebble.Batch) error {
	if err := fatal.Commit(b); err != nil {
		return err
	}
	return b.Close()
}

// A writer puts the keys of entries into a batch. Errors of the batch itself mean a misuse of Pebble: they panic.
type writer struct {
	db     *pebble.DB // read by SealBlock
	batch  *pebble.Batch
	st     *state          // before the entry
	closed calendar.Second // before the batch: what db shows
	buf    []byte
}

// apply is how every entry takes effect.
func (w *writer) apply(e Entry) error {
	e.check(w.st)
	if err := e.write(w); err != nil {
		return err
	}
	e.advance(w.st)
	return nil
}

// A value is what set writes.
type value interface{ append(dst []byte) []byte }

func (w *writer) set(k Key, v value) {
	w.buf = v.append(w.buf[:0])
	w.setBytes(k, w.buf)
}

// delete deletes a key.
func (w *writer) delete(k Key) {
	if err := w.batch.Delete(k.bytes(), nil); err != nil {
		panic(fmt.Sprintf("storage: delete %s: %v", k, err))
	}
}

func (w *writer) setBytes(k Key, v []byte) {
	if err := w.batch.Set(k.bytes(), v, nil); err != nil {
		panic(fmt.Sprintf("storage: %s: %v", k, err))
	}
}

// deleteRange deletes the keys from from up to, not including, to.
func (w *writer) deleteRange(from, to Key) {
	if err := w.batch.DeleteRange(from.bytes(), to.bytes(), nil); err != nil {
		panic(fmt.Sprintf("storage: delete from %s: %v", from, err))
	}
}

func (e AppendLeaves) write(w *writer) error {
	n := e.Leaves.Len()
	for i := 0; i < n; i += MaxRun {
		w.buf = appendRun(w.buf[:0], e.At, &e.Leaves, i, min(i+MaxRun, n))
		w.setBytes(e.key(i), w.buf)
	}
	return nil
}

func (e CloseRound) write(w *writer) error {
	w.set(Key{Kind: KindHead, Round: e.Round}, &head{
		root: e.Root, first: e.FirstLeaf, leaves: e.Leaves(), slots: uint32(len(e.Slots)),
	})
	w.set(Key{Kind: KindBody, Round: e.Round}, &body{
		slotCount:   e.SlotCount,
		certificate: uint32(w.st.certificate(e.Certificate)),
		slots:       e.Slots,
		signature:   e.Signature,
	})
	w.set(Key{Kind: KindNumber, Number: e.FirstLeaf}, number(e.Round))
	for i := range e.Slots {
		w.set(Key{Kind: KindOrdinal, Slot: e.Slots[i].Slot}, number(e.Slots[i].Ordinal))
	}
	writeTiles(e.Tiles, w.setBytes)
	w.close(e.Round, w.st.leaves+e.Leaves(), e.Calendar)
	return nil
}

func (e KeepTiles) write(w *writer) error {
	writeTiles(e.Tiles, w.setBytes)
	return nil
}

// writeTiles calls set with the key and the value of each tile, which are valid until it returns.
func writeTiles(tiles []Tile, set func(k Key, value []byte)) {
	var buf []byte
	for i := range tiles {
		buf = appendNodes(buf[:0], tiles[i].Nodes)
		set(tiles[i].key(), buf)
	}
}

func (t *Tile) key() Key {
	return Key{Kind: KindTile, Round: t.Round, Slot: t.Slot, Height: t.Height, Number: t.Index}
}

func (e CloseIdle) write(w *writer) error {
	w.close(e.Through, w.st.leaves, e.Calendar)
	return nil
}

// close sets the progress and the calendar nodes that it completes.
func (w *writer) close(through calendar.Second, leaves uint64, nodes []CalendarNode) {
	w.set(Key{Kind: KindMeta, Group: GroupProgress}, &progress{closed: through, leaves: leaves})
	for i := range nodes {
		v := node(nodes[i].Node)
		w.set(Key{Kind: KindCalendar, Height: nodes[i].Height, Number: nodes[i].Index}, &v)
	}
}

func (e CreateSlot) write(w *writer) error {
	w.set(Key{Kind: KindSlot, Slot: e.ID}, &e.Slot)
	return nil
}

func (e AddCertificate) write(w *writer) error {
	w.set(Key{Kind: KindCertificate, Number: uint64(len(w.st.certs))}, &e.Certificate)
	return nil
}

func (e SetKSIKey) write(w *writer) error {
	key := Key{Kind: KindKSIKey, Name: e.Login}
	if len(e.Key) == 0 {
		w.delete(key)
	} else {
		w.set(key, ksiKey(e.Key))
	}
	return nil
}

func (e Publish) write(w *writer) error {
	w.set(Key{Kind: KindPublication, Round: e.Time}, &e.Publication)
	return nil
}
