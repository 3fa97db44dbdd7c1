package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// get decodes the value of k, if r has one.
func get(r pebble.Reader, k Key, decode func(*cursor) error) (ok bool, err error) {
	v, closer, err := r.Get(k.bytes())
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, Damaged(k, err)
	}
	defer closer.Close()
	c := newCursor(v)
	if err := decode(&c); err != nil {
		return false, fmt.Errorf("%s: %w", k, err)
	}
	return true, nil
}

// missing says that k should be there.
func missing(k Key) error { return fmt.Errorf("%s: missing: %w", k, ErrCorrupt) }

// Round returns the record of a closed round, ErrNotFound if the round is idle or not closed.
func (s *Store) Round(round calendar.Second) (RoundRecord, error) {
	if round < 0 || round > s.Closed() {
		return RoundRecord{}, fmt.Errorf("round %s: not closed: %w", round, ErrNotFound)
	}
	var b body
	key := Key{Kind: KindBody, Round: round}
	ok, err := get(s.db, key, b.decode)
	if err != nil {
		return RoundRecord{}, err
	}
	if !ok {
		return RoundRecord{}, fmt.Errorf("round %s: idle: %w", round, ErrNotFound)
	}
	h, err := s.head(round)
	if err != nil {
		return RoundRecord{}, err
	}
	cert, ok := s.certificate(b.certificate)
	if !ok {
		return RoundRecord{}, fmt.Errorf("%s: unknown certificate %d: %w", key, b.certificate, ErrCorrupt)
	}
	r := RoundRecord{
		Round:       round,
		Root:        h.root,
		FirstLeaf:   h.first,
		SlotCount:   b.slotCount,
		Slots:       b.slots,
		Certificate: cert.ID,
		Signature:   b.signature,
	}
	if r.Leaves() != h.leaves || len(r.Slots) != int(h.slots) {
		return RoundRecord{}, fmt.Errorf("%s: %d leaves in %d slots, head says %d in %d: %w", key, r.Leaves(),
			len(r.Slots), h.leaves, h.slots, ErrCorrupt)
	}
	return r, nil
}

// certificate returns certificate number n.
func (s *Store) certificate(n uint32) (Certificate, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if int(n) >= len(s.durable.certs) {
		return Certificate{}, false
	}
	return s.durable.certs[n], true
}

// head returns the head of a round that has one, from its own key or out of its block. A block is sealed atomically, so
// looking for the key first never misses both.
func (s *Store) head(round calendar.Second) (h head, err error) {
	key := Key{Kind: KindHead, Round: round}
	if round >= s.sealed() {
		ok, err := get(s.db, key, h.decode)
		if ok || err != nil {
			return h, err
		}
	}
	h, ok, err := blockHead(s.db, round, true)
	if err == nil && !ok {
		err = missing(key)
	}
	return h, err
}

// A Position names a leaf.
type Position struct {
	Round calendar.Second
	Slot  uint32
	Index uint64
}

// sealed returns the second before which no round has a head.
func (s *Store) sealed() calendar.Second {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.sealed
}

// LeafNumber returns the position of leaf number n of all closed leaves, ErrNotFound if there are not as many.
func (s *Store) LeafNumber(n uint64) (Position, error) {
	if n >= s.TotalLeaves() {
		return Position{}, fmt.Errorf("leaf number %d: %w", n, ErrNotFound)
	}
	round, err := s.roundOf(n)
	if err != nil {
		return Position{}, err
	}
	r, err := s.Round(round)
	if errors.Is(err, ErrNotFound) {
		return Position{}, fmt.Errorf("leaf number %d: %v: %w", n, err, ErrCorrupt)
	} else if err != nil {
		return Position{}, fmt.Errorf("leaf number %d: %w", n, err)
	}
	index := n - r.FirstLeaf
	for i := range r.Slots {
		if index < r.Slots[i].Count {
			return Position{Round: round, Slot: r.Slots[i].Slot, Index: index}, nil
		}
		index -= r.Slots[i].Count
	}
	return Position{}, fmt.Errorf("leaf number %d: not in round %s: %w", n, round, ErrCorrupt)
}

// roundOf returns the round of leaf number n, which is closed.
func (s *Store) roundOf(n uint64) (calendar.Second, error) {
	key := Key{Kind: KindNumber, Number: n}
	it, err := newIter(s.db, Key{Kind: KindNumber}, Key{Kind: KindNumber, Number: n + 1})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return 0, Damaged(key, err)
		}
		return 0, missing(key)
	}
	var at number
	c := newCursor(it.Value())
	if err := at.decode(&c); err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	// The number of a sealed block leads to its first round only.
	round := calendar.Second(at)
	block := blockOf(round)
	_, err = readCounts(s.db, block, func(x *counts) error {
		second := x.roundOf(n)
		if second < 0 {
			return fmt.Errorf("leaf number %d is beyond: %w", n, ErrCorrupt)
		}
		round = blockFirst(block) + calendar.Second(second)
		return nil
	})
	return round, err
}

// newIter returns an iterator over the keys from from up to, not including, to.
func newIter(r pebble.Reader, from, to Key) (*pebble.Iterator, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from.bytes(), UpperBound: to.bytes()})
	if err != nil {
		return nil, Damaged(from, err)
	}
	return it, nil
}

// ReadNodes fills dst with the kept nodes first, first+1, … of a height of a slot's subtree in a closed round. Nodes that
// are not there are ErrCorrupt.
func (s *Store) ReadNodes(dst []merkle.Digest, round calendar.Second, slot uint32, height uint8, first uint64) error {
	for len(dst) > 0 {
		key := Key{Kind: KindTile, Round: round, Slot: slot, Height: height, Number: first / TileNodes}
		skip := int(first % TileNodes)
		var n int
		ok, err := get(s.db, key, func(c *cursor) error {
			nodes, err := decodeNodes(c, TileNodes)
			n = copyNodes(dst, nodes[min(skip*len(merkle.Digest{}), len(nodes)):])
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			return missing(key)
		}
		if n < len(dst) && skip+n < TileNodes {
			return fmt.Errorf("%s: %d nodes, want more: %w", key, skip+n, ErrCorrupt)
		}
		dst, first = dst[n:], first+uint64(n)
	}
	return nil
}

// copyNodes copies as many nodes as fit and returns how many.
func copyNodes(dst []merkle.Digest, nodes []byte) int {
	n := min(len(dst), len(nodes)/len(merkle.Digest{}))
	for i := range dst[:n] {
		dst[i] = merkle.Digest(nodes[i*len(merkle.Digest{}):])
	}
	return n
}

// ReadCalendarNodes fills dst with the calendar nodes first, first+1, … of a kept height. Nodes over idle seconds alone
// are the zero nodes of package calendar. All nodes must be complete: a node that ends after Closed is ErrNotFound.
func (s *Store) ReadCalendarNodes(dst []merkle.Digest, height uint8, first uint64) error {
	if len(dst) == 0 {
		return nil
	}
	last := first + uint64(len(dst)) - 1
	if closed := s.Closed(); !keptHeight(height) || last >= uint64(closed+1)>>height {
		return fmt.Errorf("calendar node %d of height %d: not kept, closed through %s: %w", last, height, closed, ErrNotFound)
	}
	for i := range dst {
		dst[i] = calendar.ZeroNode(height)
	}
	key := Key{Kind: KindCalendar, Height: height, Number: first}
	it, err := newIter(s.db, key, Key{Kind: KindCalendar, Height: height, Number: last + 1})
	if err != nil {
		return err
	}
	return scan(it, key, func(k Key, c *cursor) error {
		var n node
		if err := n.decode(c); err != nil {
			return err
		}
		dst[k.Number-first] = merkle.Digest(n)
		return nil
	})
}

// ReadCalendarLeaves fills dst with the calendar's leaves of seconds first, first+1, …: round roots, the zero digest for
// idle seconds and those before the ledger's first. Seconds after Closed are ErrNotFound.
func (s *Store) ReadCalendarLeaves(dst []merkle.Digest, first calendar.Second) error {
	to := first + calendar.Second(len(dst))
	if closed := s.Closed(); first < 0 || to-1 > closed {
		return fmt.Errorf("calendar leaves %s to %s: closed through %s: %w", first, to-1, closed, ErrNotFound)
	}
	clear(dst)
	// Heads first: what is sealed meanwhile is found in its block.
	if err := s.readHeadRoots(dst, first); err != nil {
		return err
	}
	for b := blockOf(first); blockFirst(b) < to; b++ {
		if err := readBlockLeaves(s.db, b, dst, first); err != nil {
			return err
		}
	}
	return nil
}

// readHeadRoots fills in the roots of rounds that have heads.
func (s *Store) readHeadRoots(dst []merkle.Digest, first calendar.Second) error {
	sealed := s.sealed()
	to := first + calendar.Second(len(dst))
	if to <= sealed {
		return nil
	}
	from := Key{Kind: KindHead, Round: max(first, sealed)}
	it, err := newIter(s.db, from, Key{Kind: KindHead, Round: to})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		k, h, err := parseHead(it)
		if err != nil {
			return err
		}
		dst[k.Round-first] = h.root
	}
	return Damaged(from, it.Error())
}

// parseHead returns the head that it stands at.
func parseHead(it *pebble.Iterator) (Key, head, error) {
	k, err := ParseKey(it.Key())
	if err != nil {
		return k, head{}, err
	}
	var h head
	c := newCursor(it.Value())
	if err := h.decode(&c); err != nil {
		return k, head{}, fmt.Errorf("%s: %w", k, err)
	}
	return k, h, nil
}

// Genesis returns what Create fixed.
func (s *Store) Genesis() Genesis { return s.genesis }

// Closed returns the newest closed second; before any is closed, the second before the ledger's first.
func (s *Store) Closed() calendar.Second {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.closed
}

// TotalLeaves returns the number of leaves of all closed rounds, which is the number of the next leaf to be closed.
func (s *Store) TotalLeaves() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.leaves
}

// Slots returns all slots in order of ID.
func (s *Store) Slots() []Slot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.durable.slots)
}

// A CalendarReader reads the stored nodes of a store's calendar, as package calendar asks for them.
type CalendarReader struct{ *Store }

// ReadLeaves is ReadCalendarLeaves.
func (r CalendarReader) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	return r.ReadCalendarLeaves(dst, first)
}

// ReadNodes is ReadCalendarNodes.
func (r CalendarReader) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	return r.ReadCalendarNodes(dst, height, first)
}

// Role returns the role of a name; ok is false if there is none.
func (s *Store) Role(name string) (r Role, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok = s.durable.roles[name]
	return r, ok
}

// Roles returns all roles in order of name.
func (s *Store) Roles() []Role {
	s.mu.RLock()
	defer s.mu.RUnlock()
	roles := make([]Role, 0, len(s.durable.roles))
	for _, r := range s.durable.roles {
		roles = append(roles, r)
	}
	slices.SortFunc(roles, func(a, b Role) int { return strings.Compare(a.Name, b.Name) })
	return roles
}

// AnyRole reports whether f holds for some role. It is called under the store's lock and must not call the store.
func (s *Store) AnyRole(f func(*Role) bool) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.durable.roles {
		if f(&r) {
			return true
		}
	}
	return false
}

// KSIKey returns the key by which a role logs in to the KSI gateway; ok is false if it has none.
func (s *Store) KSIKey(login string) (key []byte, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, ok = s.durable.ksiKeys[login]
	return bytes.Clone(key), ok
}

// KSILogins returns the roles that have a KSI key, in order of name.
func (s *Store) KSILogins() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.durable.ksiKeys))
}

// Publications returns all publications in order of time. The caller must not change them.
func (s *Store) Publications() []Publication {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.durable.publications
}

// Certificates returns all certificates, oldest first.
func (s *Store) Certificates() []Certificate {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.durable.certs)
}

// Ordinals returns, by slot, the ordinal of its newest closed round that holds leaves, 0 if there is none.
func (s *Store) Ordinals() []uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.durable.ordinals)
}
