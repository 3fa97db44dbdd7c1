package fsck

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/storage"
)

// kinds are all kinds of keys, those of the digest index last.
var kinds = []storage.Kind{
	storage.KindBlock, storage.KindCalendar, storage.KindBody, storage.KindNumber, storage.KindCertificate, storage.KindRun,
	storage.KindMeta, storage.KindTile, storage.KindOrdinal, storage.KindHead, storage.KindSlot, storage.KindRole,
	storage.KindKSIKey, storage.KindPublication, storage.KindJournal, storage.KindJournalDay, storage.KindIndex,
}

// checkKinds finds keys of no kind, and malformed ones at both ends of each kind; those in between are met on the way.
func (c *checker) checkKinds() error {
	it, err := c.s.DB().NewIter(nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer it.Close()
	var at storage.Key // the last that could be read
	for ok := it.First(); ok; {
		if len(it.Key()) == 0 || !slices.Contains(kinds, storage.Kind(it.Key()[0])) {
			return different("key %x: of no known kind", it.Key())
		}
		kind := it.Key()[0]
		if storage.Kind(kind) == storage.KindIndex {
			ok = it.SeekGE([]byte{kind + 1})
			continue
		}
		if at, err = storage.ParseKey(it.Key()); err != nil {
			return err
		}
		if ok = it.SeekLT([]byte{kind + 1}); ok {
			if at, err = storage.ParseKey(it.Key()); err != nil {
				return err
			}
			ok = it.Next()
		}
	}
	return storage.Damaged(at, it.Error())
}

// A walk goes over the keys of one kind in order.
type walk struct {
	it    *pebble.Iterator
	key   storage.Key // where it stands, unless done
	done  bool
	count uint64 // keys passed
}

// newWalk stands at the first key from from up to, not including, to.
func newWalk(db *pebble.DB, from, to []byte) (*walk, error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	w := &walk{it: it}
	if err := w.load(it.First()); err != nil {
		it.Close()
		return nil, err
	}
	return w, nil
}

func newKindWalk(db *pebble.DB, kind storage.Kind) (*walk, error) {
	return newWalk(db, []byte{byte(kind)}, []byte{byte(kind) + 1})
}

// load parses the key and checks the form of the value that the walk has come to.
func (w *walk) load(ok bool) error {
	w.done = !ok
	if !ok {
		return storage.Damaged(w.key, w.it.Error())
	}
	var err error
	if w.key, err = storage.ParseKey(w.it.Key()); err != nil {
		return err
	}
	v, err := w.it.ValueAndErr()
	if err != nil {
		return storage.Damaged(w.key, err)
	}
	return storage.Inspect(w.key, v, nil)
}

// at reports whether the walk stands at k.
func (w *walk) at(k storage.Key) bool { return !w.done && w.key == k }

// pass moves over k, at which the walk must stand. A nil walk has nothing to pass.
func (w *walk) pass(k storage.Key) error {
	if !w.at(k) {
		if !w.done && bytes.Compare(w.it.Key(), k.Append(nil)) < 0 {
			return different("%s: no round calls for it", w.key)
		}
		return different("%s: missing", k)
	}
	w.count++
	return w.load(w.it.Next())
}

// end fails if keys are left.
func (w *walk) end() error {
	if !w.done {
		return different("%s: no round calls for it", w.key)
	}
	return nil
}
