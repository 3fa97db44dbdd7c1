package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// A Leaf is one filed imprint.
type Leaf struct {
	Position
	Imprint merkle.Imprint
	FiledAt time.Time
}

// Extent returns the first second of the ledger, the newest closed one and the one that is open.
func (l *Ledger) Extent() (first, closed, open calendar.Second) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.genesis.First, l.closed, l.open.second
}

// TotalLeaves returns how many leaves the closed rounds hold.
func (l *Ledger) TotalLeaves() uint64 { return l.store.TotalLeaves() }

// Durable returns how far the ledger is durable at one moment: the newest closed second, and the leaves of each slot in the
// rounds to be closed next.
func (l *Ledger) Durable() (closed calendar.Second, open map[calendar.Second]map[uint32]uint64) {
	return l.store.Durable()
}

// Slots returns all slots in order of their ids. The caller must not change them.
func (l *Ledger) Slots() []storage.Slot {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.slots[:len(l.slots):len(l.slots)]
}

func (l *Ledger) slot(id uint32) storage.Slot {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.slots[id]
}

// Role returns the role of a name, dropped or not; ok is false if there is none.
func (l *Ledger) Role(name string) (r storage.Role, ok bool) { return l.store.Role(name) }

// Roles returns all roles in order of their names, those that are dropped among them.
func (l *Ledger) Roles() []storage.Role { return l.store.Roles() }

// Certificates returns the certificates of the calendar keys, oldest first.
func (l *Ledger) Certificates() []storage.Certificate { return l.store.Certificates() }

const (
	// MaxFound is the most leaves with one digest that Find returns.
	MaxFound = 1 << 20
	// MaxFoundTogether is the most leaves that FindAll returns.
	MaxFoundTogether = 1 << 16
)

// Find appends to dst the leaves with this digest, whatever their algorithm, oldest first; only those of one agency unless
// agency is empty. More than MaxFound are ErrTooMany.
func (l *Ledger) Find(ctx context.Context, dst []Leaf, agency string, digest []byte) ([]Leaf, error) {
	var room [2]Position
	positions, named, err := l.places(ctx, room[:0], agency, digest, 0, 0)
	if err != nil {
		return nil, err
	}
	leaves, err := l.readEqual(ctx, dst, positions, digest)
	if err == nil && agency != "" && !named {
		err = l.mimic(digest)
	}
	return leaves, err
}

// mimic does for a digest that the index does not name what is done for one that another agency has filed: an agency must not learn
// from the time that an answer takes whether somebody has filed a digest.
func (l *Ledger) mimic(digest []byte) error {
	number, ok, err := l.index.Mimic(digest)
	if ok && err == nil {
		_, err = l.leafNumber(number)
	}
	return err
}

// maxMimicked is up to how many digests FindAll looks up as if somebody had filed each. Among more the time of one does not show.
const maxMimicked = index.FewHashes

// holds reports whether an agency has such a leaf among those that places looks through. It reads no more than it needs.
func (l *Ledger) holds(ctx context.Context, agency string, im merkle.Imprint, mark, from uint64) (bool, error) {
	positions, _, err := l.places(ctx, nil, agency, im.Digest(), mark, from)
	if err != nil && !errors.Is(err, ErrTooMany) {
		return false, err
	}
	for _, p := range positions {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		leaf, err := l.Leaf(p)
		if err != nil || leaf.Imprint == im {
			return err == nil, err
		}
	}
	return false, err
}

// places appends to positions, in order, where leaves of an agency may have a digest, of those that were added to recent since mark or
// have numbers from from on in the index, and tells whether the index names one. After ErrTooMany they are the first that were found.
// It asks recent first: leaves leave it only after they entered the index.
func (l *Ledger) places(ctx context.Context, positions []Position, agency string, digest []byte, mark, from uint64) (_ []Position, named bool, err error) {
	slots := l.Slots()
	add := func(p Position) bool {
		if int(p.Slot) < len(slots) && (agency == "" || slots[p.Slot].Agency == agency) {
			positions = append(positions, p)
		}
		return len(positions) <= MaxFound
	}
	l.recent.find(digest, mark, add)
	var placing error
	if l.index.Cursor() > from {
		err := l.index.Find(digest, from, func(number uint64) bool {
			named = true
			var p Position
			p, placing = l.leafNumber(number)
			return placing == nil && ctx.Err() == nil && add(p)
		})
		if err = cmp.Or(err, placing); err != nil {
			return nil, named, err
		}
	}
	slices.SortFunc(positions, comparePositions)
	if len(positions) > MaxFound {
		err = fmt.Errorf("%w: more than %d leaves hold digest %x", ErrTooMany, MaxFound, digest)
	}
	return slices.Compact(positions), named, err
}

// FindAll is Find for many digests: it appends to dst the leaves with any of them, in order of their places, each once. It reads what
// several of them need once: buckets of the index, and tiles of leaves. More than MaxFoundTogether are ErrTooMany: ask for fewer digests then.
func (l *Ledger) FindAll(ctx context.Context, dst []Leaf, agency string, digests [][]byte) ([]Leaf, error) {
	wanted := make([]wantedDigest, len(digests))
	for i, d := range digests {
		wanted[i].hash, wanted[i].digest = l.index.Hash(d), d
	}
	slices.SortFunc(wanted, func(a, b wantedDigest) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), bytes.Compare(a.digest, b.digest))
	})
	candidates, err := l.candidates(ctx, agency, wanted)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(comparePositions(a.Position, b.Position), bytes.Compare(a.digest, b.digest))
	})
	leaves, err := l.readCandidates(ctx, dst, candidates)
	if err != nil {
		return nil, err
	}
	equal := leaves[:len(dst)]
	for i := range candidates {
		c, leaf := &candidates[i], &leaves[len(dst)+i]
		again := i > 0 && c.Position == candidates[i-1].Position && bytes.Equal(c.digest, candidates[i-1].digest)
		if !again && bytes.Equal(leaf.Imprint.Digest(), c.digest) {
			equal = append(equal, *leaf)
		}
	}
	return equal, nil
}

// touch reads what leaf will read of a tile, and returns something that depends on all of it.
func (t *leafTile) touch(i uint64) uint64 {
	_, digests, _ := t.Leaves().Uniform()
	first := uint64(t.accepted[0].First)
	if at := i * uint64(len(merkle.Digest{})); at < uint64(len(digests)) {
		first += uint64(digests[at])
	}
	return first
}

// readCandidates appends to dst the leaves at the places of candidates, which must be in order. Of leaves in tiles that are kept whole it
// asks for the memory of all before it looks at the first.
func (l *Ledger) readCandidates(ctx context.Context, dst []Leaf, candidates []candidate) ([]Leaf, error) {
	tiles := make([]*leafTile, len(candidates))
	var row *shelfRow
	for i := range candidates {
		p := candidates[i].Position
		if i == 0 || p.Round != candidates[i-1].Round || p.Slot != candidates[i-1].Slot {
			row = l.caches.whole.row(slotName{p.Round, p.Slot})
		}
		tiles[i] = row.get(p.Index / merkle.TileNodes)
	}
	touched := uint64(0)
	for i, t := range tiles {
		if t != nil {
			touched += t.touch(candidates[i].Index % merkle.TileNodes)
		}
	}
	runtime.KeepAlive(touched)
	dst = slices.Grow(dst, len(candidates))
	for i := range candidates {
		p := candidates[i].Position
		if tiles[i] != nil {
			dst = append(dst, tiles[i].leaf(p))
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		leaf, err := l.Leaf(p)
		if err != nil {
			return nil, err
		}
		dst = append(dst, leaf)
	}
	return dst, nil
}

// A wantedDigest is a digest to be looked up.
type wantedDigest struct {
	hash   uint64 // as the index hashes
	digest []byte
	named  bool // by the index
}

// A candidate is a place where a digest may stand.
type candidate struct {
	Position
	digest []byte
}

// candidates returns where leaves of an agency with one of the digests may stand. Like places it asks recent first.
func (l *Ledger) candidates(ctx context.Context, agency string, digests []wantedDigest) ([]candidate, error) {
	slots := l.Slots()
	list := make([]candidate, 0, len(digests))
	tooMany := false
	add := func(p Position, i int) bool {
		d := &digests[i]
		if int(p.Slot) < len(slots) && (agency == "" || slots[p.Slot].Agency == agency) {
			list = append(list, candidate{p, d.digest})
		}
		tooMany = len(list) > MaxFoundTogether
		return !tooMany
	}
	hashes := make([]uint64, len(digests))
	for i, d := range digests {
		hashes[i] = d.hash
		l.recent.findHash(d.hash, 0, func(p Position) bool { return add(p, i) })
	}
	var placing error
	err := l.index.FindMany(hashes, func(i int, number uint64) bool {
		digests[i].named = true
		var p Position
		p, placing = l.leafNumber(number)
		return placing == nil && ctx.Err() == nil && add(p, i)
	})
	if err = cmp.Or(err, placing); err != nil {
		return nil, err
	}
	for i := range digests {
		if agency == "" || len(digests) > maxMimicked || digests[i].named || tooMany {
			continue
		}
		if err := l.mimic(digests[i].digest); err != nil {
			return nil, err
		}
	}
	if tooMany {
		return nil, fmt.Errorf("%w: more than %d leaves hold one of the digests", ErrTooMany, MaxFoundTogether)
	}
	return list, nil
}

// readEqual reads the leaves at the positions and appends those with the digest to leaves.
func (l *Ledger) readEqual(ctx context.Context, leaves []Leaf, positions []Position, digest []byte) ([]Leaf, error) {
	for _, p := range positions {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		leaf, err := l.Leaf(p)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(leaf.Imprint.Digest(), digest) {
			leaves = append(leaves, leaf)
		}
	}
	return leaves, nil
}

// Leaf returns the leaf at p, or ErrNotFound.
func (l *Ledger) Leaf(p Position) (leaf Leaf, err error) {
	l.mu.RLock()
	closed := p.Round <= l.closed
	l.mu.RUnlock()
	if closed {
		var t tiles
		if t, err = l.tiles(p); err == nil {
			leaf, err = t.leaf(p.Index)
		}
	} else {
		leaf.Position = p
		leaf.Imprint, leaf.FiledAt, err = l.store.Leaf(p.Round, p.Slot, p.Index)
	}
	if err != nil {
		return Leaf{}, fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, notFound(err))
	}
	return leaf, nil
}

// notFound makes the store's ErrNotFound the ledger's.
func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// Leaves reads the durable runs that s selects, those of the open round included.
func (l *Ledger) Leaves(s storage.LeafScan) (*storage.LeafIter, error) { return l.store.Leaves(s) }

// Rounds reads the closed rounds with leaves that s selects.
func (l *Ledger) Rounds(s storage.RoundScan) (*storage.RoundIter, error) {
	_, closed, _ := l.Extent()
	s.To = min(s.To, closed)
	return l.store.Rounds(s)
}

// CalendarScan selects the closed seconds From to To, both included.
type CalendarScan struct {
	From, To calendar.Second
	Desc     bool
	Roots    bool // compute the calendar roots; they cost some hashes a second
}

// A CalendarBatch holds one column a field, in scan order.
type CalendarBatch struct {
	Round []calendar.Second
	Leaf  []merkle.Digest // round root, the zero digest in an idle second
	Idle  []bool
	Root  []merkle.Digest // calendar root as of the second; empty unless asked for
}

// batchSeconds is the most seconds of a CalendarBatch, which ends where a multiple of it does.
const batchSeconds = 1024

// A rootBlock holds the calendar roots as of closed seconds from a multiple of batchSeconds on.
type rootBlock [batchSeconds]merkle.Digest

// A CalendarCursor reads every closed second. It belongs to one goroutine at a time and must be closed.
type CalendarCursor struct {
	ledger   *Ledger
	scan     CalendarScan       // what is left
	rounds   *storage.RoundIter // of the range, nil before the first batch
	batch    storage.RoundBatch // rounds that were read and not taken yet
	frontier *calendar.Frontier // of the seconds before the next batch of an ascending scan with roots; nil if it is not known
}

// Calendar reads the closed seconds that s selects, from the ledger's first on.
func (l *Ledger) Calendar(s CalendarScan) *CalendarCursor {
	first, closed, _ := l.Extent()
	s.From, s.To = max(s.From, first), min(s.To, closed)
	return &CalendarCursor{ledger: l, scan: s}
}

// Close releases the cursor.
func (c *CalendarCursor) Close() error {
	if c.rounds == nil {
		return nil
	}
	return c.rounds.Close()
}

// Next fills b, reusing its memory; io.EOF ends.
func (c *CalendarCursor) Next(ctx context.Context, b *CalendarBatch) (err error) {
	if c.scan.From > c.scan.To {
		return io.EOF
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.rounds == nil {
		scan := storage.RoundScan{From: c.scan.From, To: c.scan.To, Desc: c.scan.Desc, Roots: true}
		if c.rounds, err = c.ledger.store.Rounds(scan); err != nil {
			return err
		}
	}
	n := int(min(c.scan.To-c.scan.From+1, batchSeconds-c.scan.From%batchSeconds))
	if c.scan.Desc {
		n = int(min(c.scan.To-c.scan.From, c.scan.To%batchSeconds) + 1)
	}
	b.Round = slices.Grow(b.Round[:0], n)[:n]
	for i := range b.Round {
		if b.Round[i] = c.scan.From + calendar.Second(i); c.scan.Desc {
			b.Round[i] = c.scan.To - calendar.Second(i)
		}
	}
	if err := c.leaves(b); err != nil {
		return err
	}
	if c.scan.Roots {
		if err := c.roots(b); err != nil {
			return err
		}
	}
	if c.scan.Desc {
		c.scan.To -= calendar.Second(n)
	} else {
		c.scan.From += calendar.Second(n)
	}
	return nil
}

// leaves fills in the leaves of the seconds of b.
func (c *CalendarCursor) leaves(b *CalendarBatch) error {
	n := len(b.Round)
	b.Leaf, b.Idle = slices.Grow(b.Leaf[:0], n)[:n], slices.Grow(b.Idle[:0], n)[:n]
	for i, second := range b.Round {
		for len(c.batch.Round) == 0 && c.rounds.Next() {
			c.batch = *c.rounds.Batch()
		}
		if b.Idle[i] = len(c.batch.Round) == 0 || c.batch.Round[0] != second; b.Idle[i] {
			b.Leaf[i] = merkle.Digest{}
			continue
		}
		b.Leaf[i] = c.batch.Root[0]
		c.batch.Round, c.batch.Root = c.batch.Round[1:], c.batch.Root[1:]
	}
	return c.rounds.Err()
}

// roots fills in the calendar roots of the seconds of b. Those of whole blocks are kept; others are computed, and an ascending scan
// goes on where its last batch ended.
func (c *CalendarCursor) roots(b *CalendarBatch) (err error) {
	n := len(b.Round)
	b.Root = slices.Grow(b.Root[:0], n)[:n]
	first := b.Round[0]
	if c.scan.Desc {
		first = b.Round[n-1]
		defer slices.Reverse(b.Root)
	}
	block, at := first-first%batchSeconds, int(first%batchSeconds)
	if kept, ok := c.ledger.caches.roots.get(block); ok {
		copy(b.Root, kept[at:])
		c.frontier = nil
		return nil
	}
	if c.frontier == nil || c.scan.Desc {
		if c.frontier, err = calendar.Resume(storage.CalendarReader{Store: c.ledger.store}, first-1); err != nil {
			return err
		}
	}
	if c.scan.Desc {
		slices.Reverse(b.Leaf)
		defer slices.Reverse(b.Leaf)
	}
	c.frontier.AppendRoots(b.Root, b.Leaf)
	c.frontier.Kept() // stored long ago
	if n == batchSeconds {
		kept := rootBlock(b.Root)
		c.ledger.caches.roots.put(block, &kept, batchSeconds*len(merkle.Digest{}))
	}
	return nil
}
