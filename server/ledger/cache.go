package ledger

import (
	"cmp"
	"math/rand/v2"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/storage"
)

// DefaultCacheBytes is the default of Config.CacheBytes.
const DefaultCacheBytes = maxRecordBytes + maxViewBytes + maxTrunkBytes + maxSealSignatures + maxLeafTiles + maxCuts + maxLimbBytes + maxBranches + maxNodeTiles + maxRootBlocks

// What each cache holds at most of DefaultCacheBytes, in bytes of about.
const (
	maxRecordBytes = 16 << 20
	maxViewBytes   = 32 << 20
	maxTrunkBytes  = 16 << 20
	maxLeafTiles   = 16 << 20
	maxCuts        = 16 << 20
	maxLimbBytes   = 16 << 20
	maxBranches    = 256 << 20 // those over a hundred million leaves; whole tiles take what they leave
	maxNodeTiles   = 32 << 20  // those of height 8 over a hundred million leaves
	maxRootBlocks  = 16 << 20  // those of six days
)

// caches keep what proofs of closed rounds are made of. Nothing in them ever changes, so that nothing has to be thrown out
// but for room. Leaves and nodes are kept apart: proofs of leaves here and there need a leaf tile each and share the others.
type caches struct {
	records recordCache
	views   *cache[calendar.Second, *view]
	trunks  *cache[trunkName, *trunk]
	seals   *cache[calendar.Second, seal.RoundSignature]
	limbs   *cache[limbName, *ksi.Limb]
	leaves  *cache[tileName, *leafTile] // tiles that are not whole
	cuts    cutCache

	branches *cache[tileName, *merkle.Branch] // of whole tiles of leaves
	whole    *shelf                           // of leaves, each under its kept node
	wholeTop int                              // bytes of whole and branches together
	nodes    *cache[tileName, *merkle.Tile]
	roots    *cache[calendar.Second, *rootBlock] // calendar roots, by the first second
}

// newCaches returns caches that hold so many bytes together.
func newCaches(bytes int) *caches {
	share := func(n int) int { return int(int64(n) * int64(bytes) / DefaultCacheBytes) }
	return &caches{
		records:  recordCache{limit: share(maxRecordBytes)},
		views:    newCache[calendar.Second, *view](share(maxViewBytes)),
		trunks:   newCache[trunkName, *trunk](share(maxTrunkBytes)),
		seals:    newCache[calendar.Second, seal.RoundSignature](share(maxSealSignatures)),
		limbs:    newCache[limbName, *ksi.Limb](share(maxLimbBytes)),
		leaves:   newCache[tileName, *leafTile](share(maxLeafTiles)),
		cuts:     make(cutCache, share(maxCuts)/cutSize),
		branches: newCache[tileName, *merkle.Branch](share(maxBranches)),
		whole:    newShelf(),
		wholeTop: share(maxBranches),
		nodes:    newCache[tileName, *merkle.Tile](share(maxNodeTiles)),
		roots:    newCache[calendar.Second, *rootBlock](share(maxRootBlocks)),
	}
}

// A cache keeps values that somebody asked for lately.
type cache[K comparable, V any] struct {
	limit int

	mu     sync.RWMutex // covers all below
	values map[K]cached[V]
	size   int // of all values together
}

type cached[V any] struct {
	value V
	size  int
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, values: make(map[K]cached[V])}
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	x, ok := c.values[k]
	return x.value, ok
}

// put adds a value; where there is no room for it, any others have to go. If another goroutine was first, its value stays.
func (c *cache[K, V]) put(k K, v V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.values[k]; ok {
		return
	}
	for other, x := range c.values {
		if c.size+size <= c.limit {
			break
		}
		delete(c.values, other)
		c.size -= x.size
	}
	c.values[k] = cached[V]{v, size}
	c.size += size
}

// leafRoom returns how many bytes there are for whole tiles and branches without any having to go.
func (c *caches) leafRoom() int { return c.wholeTop - c.branches.bytes() - c.whole.bytes() }

// has reports whether there is a value for k.
func (c *cache[K, V]) has(k K) bool {
	_, ok := c.get(k)
	return ok
}

// bytes returns what all values take.
func (c *cache[K, V]) bytes() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.size
}

// keepTile keeps a copy of a whole tile of leaves that is under its kept node while there is room for all of it, else its branch: proofs
// of one in millions of leaves find everything in memory, those of one in a hundred million leaves take a cut. It returns the copy,
// nil if there is none. The slot has so many whole tiles; where they do not all fit, their branches are to.
func (c *caches) keepTile(name tileName, tile *leafTile, tiles uint64, branch *merkle.Branch) *leafTile {
	if tiles <= uint64(c.wholeTop/wholeSize) {
		if kept := c.whole.put(c.wholeTop-c.branches.bytes(), name, tile, tiles); kept != nil {
			return kept
		}
	}
	c.branches.put(name, branch, branchSize)
	c.whole.shrink(c.wholeTop - c.branches.bytes())
	return nil
}

// A recordCache keeps records of closed rounds, to be found by their round and by the number of a leaf.
type recordCache struct {
	limit int

	mu      sync.RWMutex           // covers all below
	records []*storage.RoundRecord // in order of their rounds, and so of their leaves
	size    int
}

// recordSize is how many bytes a record takes, about.
func recordSize(r *storage.RoundRecord) int { return 512 + 96*len(r.Slots) }

// at returns the place of the first record for which past holds; past holds for all after one for which it holds.
func (c *recordCache) at(past func(*storage.RoundRecord) bool) int {
	return sort.Search(len(c.records), func(i int) bool { return past(c.records[i]) })
}

// round returns the record of a round, nil if it is not here.
func (c *recordCache) round(round calendar.Second) *storage.RoundRecord {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i := c.at(func(r *storage.RoundRecord) bool { return r.Round >= round })
	if i == len(c.records) || c.records[i].Round != round {
		return nil
	}
	return c.records[i]
}

// number returns the record of the round that holds leaf number n, nil if it is not here.
func (c *recordCache) number(n uint64) *storage.RoundRecord {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i := c.at(func(r *storage.RoundRecord) bool { return r.FirstLeaf > n })
	if i == 0 || n-c.records[i-1].FirstLeaf >= c.records[i-1].Leaves() {
		return nil
	}
	return c.records[i-1]
}

// put adds a record; where there is no room for it, any others have to go.
func (c *recordCache) put(r *storage.RoundRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.records) > 0 && c.size+recordSize(r) > c.limit {
		i := rand.IntN(len(c.records))
		c.size -= recordSize(c.records[i])
		c.records = append(c.records[:i], c.records[i+1:]...)
	}
	i := c.at(func(o *storage.RoundRecord) bool { return o.Round >= r.Round })
	if i < len(c.records) && c.records[i].Round == r.Round {
		return
	}
	c.records = append(c.records, nil)
	copy(c.records[i+1:], c.records[i:])
	c.records[i] = r
	c.size += recordSize(r)
}

// record returns the record of a closed round; one without leaves is ErrNotFound.
func (l *Ledger) record(round calendar.Second) (*storage.RoundRecord, error) {
	if r := l.caches.records.round(round); r != nil {
		return r, nil
	}
	r, err := l.store.Round(round)
	if err != nil {
		return nil, err
	}
	l.caches.records.put(&r)
	return &r, nil
}

// leafNumber returns the place of leaf number n of all closed rounds.
func (l *Ledger) leafNumber(n uint64) (Position, error) {
	l.meters.placed.Add(1)
	r := l.caches.records.number(n)
	if r == nil {
		p, err := l.store.LeafNumber(n)
		if err == nil {
			_, err = l.record(p.Round)
		}
		return p, err
	}
	index := n - r.FirstLeaf
	for i := range r.Slots {
		if index < r.Slots[i].Count {
			return Position{Round: r.Round, Slot: r.Slots[i].Slot, Index: index}, nil
		}
		index -= r.Slots[i].Count
	}
	panic("ledger: a record holds fewer leaves than it says")
}

// slotOf returns what a round holds of a slot, nil if nothing.
func slotOf(r *storage.RoundRecord, slot uint32) *storage.SlotRound {
	i := sort.Search(len(r.Slots), func(i int) bool { return r.Slots[i].Slot >= slot })
	if i == len(r.Slots) || r.Slots[i].Slot != slot {
		return nil
	}
	return &r.Slots[i]
}

// A tileName names a tile of the subtree of a slot in a round.
type tileName struct {
	round  calendar.Second
	slot   uint32
	height uint8
	index  uint64
}

// A leafTile is a tile of leaves, or the cut of one, and when they were accepted.
type leafTile struct {
	*merkle.Tile
	accepted []storage.Accepted
	limb     atomic.Pointer[tileLimb] // of a tile that caches.whole has: the one made last
}

// besides returns how many bytes a tile of leaves takes besides SHA-256 digests and the hashes over them, about: the times of runs, and longer
// digests.
func (t *leafTile) besides() int {
	n := int(unsafe.Sizeof(storage.Accepted{})) * cap(t.accepted)
	if alg, _, ok := t.Leaves().Uniform(); !ok || alg != merkle.SHA256 {
		n += t.Leaves().Len() * (merkle.MaxDigestSize + 8)
	}
	return n
}

// A tileLimb is the limb over a tile of leaves.
type tileLimb struct {
	name trunkName
	*ksi.Limb
}

// tiles has the tiles of a slot in a closed round: merkle.ProveFromTiles reads them. It is used for one leaf.
type tiles struct {
	ledger *Ledger
	round  calendar.Second
	slot   *storage.SlotRound
	base   merkle.Level
	cut    *leafTile // of tile cutOf, once it is there
	cutOf  uint64
	whole  bool // the cut is all of the tile, and kept
}

// Sizes of what caches hold, about.
const (
	branchSize = 640
	cutSize    = 2100
)

// tileSize is how many bytes a tile of n leaves or nodes of SHA-256 takes when it is hashed, about.
func tileSize(n uint64) int { return 512 + 64*int(min(n, merkle.TileNodes)) }

func (t *tiles) name(height uint8, index uint64) tileName {
	return tileName{t.round, t.slot.Slot, height, index}
}

// Tile returns a tile of nodes or of leaves.
func (t *tiles) Tile(height uint8, index uint64) (*merkle.Tile, error) {
	if height == 0 {
		if t.cut != nil && t.cutOf == index {
			return t.cut.Tile, nil
		}
		leaf, err := t.leaves(index)
		if err != nil {
			return nil, err
		}
		return leaf.Tile, nil
	}
	name := t.name(height, index)
	if tile, ok := t.ledger.caches.nodes.get(name); ok {
		return tile, nil
	}
	r := &slotReader{store: t.ledger.store, round: t.round, slot: t.slot.Slot}
	tile, err := merkle.ReadTile(r, t.base, t.slot.Count, height, index)
	if err == nil {
		t.ledger.caches.nodes.put(name, tile, tileSize(t.slot.Count>>height-index*merkle.TileNodes))
	}
	return tile, err
}

// leaves returns a tile of leaves.
func (t *tiles) leaves(index uint64) (*leafTile, error) {
	name := t.name(0, index)
	if tile, ok := t.ledger.caches.leaves.get(name); ok {
		return tile, nil
	}
	tile := &leafTile{Tile: new(merkle.Tile)}
	err := t.readTile(tile, index, t.ledger.store.ReadAccepted)
	if err != nil {
		return nil, err
	}
	t.ledger.caches.leaves.put(name, tile, tileSize(t.slot.Count-index*merkle.TileNodes)+tile.besides())
	return tile, nil
}

// readTile reads a tile of leaves by one of the store's methods.
func (t *tiles) readTile(tile *leafTile, index uint64, read acceptedReader) error {
	r := &slotReader{store: t.ledger.store, round: t.round, slot: t.slot.Slot, read: read}
	err := tile.Read(r, t.base, t.slot.Count, 0, index)
	tile.accepted = r.accepted
	return err
}

// leaf returns a leaf that the slot holds and when it was accepted.
func (t *tiles) leaf(index uint64) (Leaf, error) {
	tile, err := t.holding(index)
	if err != nil {
		return Leaf{}, err
	}
	return tile.leaf(Position{Round: t.round, Slot: t.slot.Slot, Index: index}), nil
}

// leaf returns the leaf at a position, which must be in the tile.
func (t *leafTile) leaf(p Position) Leaf {
	run := 0
	if len(t.accepted) > 1 {
		run = sort.Search(len(t.accepted), func(i int) bool { return t.accepted[i].First > p.Index }) - 1
	}
	return Leaf{Position: p, Imprint: t.Leaf(p.Index % merkle.TileNodes), FiledAt: t.accepted[run].At}
}

// holding returns the tile of a leaf, or a cut of it.
func (t *tiles) holding(index uint64) (tile *leafTile, err error) {
	of := index / merkle.TileNodes
	if (of+1)*merkle.TileNodes > t.slot.Count {
		return t.leaves(of)
	}
	tile = t.ledger.caches.whole.row(slotName{t.round, t.slot.Slot}).get(of)
	whole := tile != nil
	if !whole {
		tile, whole, err = t.cutAt(index / merkle.CutNodes)
	}
	t.cut, t.cutOf, t.whole = tile, of, whole
	return tile, err
}

// cutAt returns a cut of a whole tile, or the tile if that is kept now. Its leaves are right as far as the kept node over their tile is.
func (t *tiles) cutAt(cut uint64) (tile *leafTile, kept bool, err error) {
	name := cutName{slotName{t.round, t.slot.Slot}, cut}
	if tile := t.ledger.caches.cuts.get(name); tile != nil {
		return tile, false, nil
	}
	tile, kept, err = t.readCut(cut)
	if err == nil && !kept {
		t.ledger.caches.cuts.put(name, tile)
	}
	return tile, kept, err
}

// readCut reads a cut: its leaves alone if the branch above them is at hand, else the tile, which it returns if that is kept now.
func (t *tiles) readCut(cut uint64) (tile *leafTile, kept bool, err error) {
	const cuts = merkle.TileNodes / merkle.CutNodes
	if branch, ok := t.ledger.caches.branches.get(t.name(0, cut/cuts)); ok {
		leaves := merkle.MakeLeaves(merkle.SHA256, merkle.CutNodes)
		accepted, err := t.ledger.store.ReadUnchecked(&leaves, t.round, t.slot.Slot, cut*merkle.CutNodes, merkle.CutNodes)
		if err != nil {
			return nil, false, err
		}
		if tile, ok := branch.Cut(leaves, t.base, cut%cuts); ok {
			return &leafTile{Tile: tile, accepted: accepted}, false, nil
		}
	}
	whole := wholeTiles.Get().(*leafTile)
	defer wholeTiles.Put(whole)
	branch, copied, err := t.readWhole(whole, cut/cuts)
	if err != nil {
		return nil, false, err
	}
	if copied == nil {
		var leaves merkle.Leaves
		for i := range uint64(merkle.CutNodes) {
			leaves.Append(whole.Leaf(cut%cuts*merkle.CutNodes + i))
		}
		tileCut, _ := branch.Cut(leaves, t.base, cut%cuts)
		tile = &leafTile{Tile: tileCut, accepted: whole.accepted}
	}
	t.readAround(whole, cut/cuts)
	return cmp.Or(tile, copied), copied != nil, nil
}

// readAhead is how many tiles of leaves, aligned, are read when one of them is, as far as there is room for what is kept of them: a server
// that was just started, with so many leaves that proofs hardly meet, is warm sooner by about this factor.
const readAhead = 8

// readAround reads the whole tiles around one that was just read, in the memory of a tile. Of those that cannot be read, who asks for
// them will be told.
func (t *tiles) readAround(memory *leafTile, index uint64) {
	c := t.ledger.caches
	first := index - index%readAhead
	end := min(first+readAhead, t.slot.Count/merkle.TileNodes)
	for i := first; i < end && c.leafRoom() >= wholeSize; i++ {
		name := t.name(0, i)
		if i == index || c.branches.has(name) || c.whole.row(slotName{t.round, t.slot.Slot}).get(i) != nil {
			continue
		}
		if _, _, err := t.readWhole(memory, i); err != nil {
			return
		}
	}
}

// wholeTiles holds *leafTile, memory for tiles.
var wholeTiles = sync.Pool{New: func() any { return &leafTile{Tile: new(merkle.Tile)} }}

// readWhole reads a whole tile of leaves and returns its branch, and a copy if one is kept now. Where the kept node above shows that the
// leaves are not right, the store is to say why.
func (t *tiles) readWhole(tile *leafTile, index uint64) (_ *merkle.Branch, kept *leafTile, err error) {
	if err := t.readTile(tile, index, t.ledger.store.ReadUnchecked); err != nil {
		return nil, nil, err
	}
	right := t.underKept(tile, index)
	if !right {
		if err := t.readTile(tile, index, t.ledger.store.ReadAccepted); err != nil {
			return nil, nil, err
		}
	}
	branch, _ := tile.Branch()
	if right {
		kept = t.ledger.caches.keepTile(t.name(0, index), tile, t.slot.Count/merkle.TileNodes, branch)
	}
	return branch, kept, nil
}

// underKept reports whether the node over a whole tile is the kept one.
func (t *tiles) underKept(tile *leafTile, index uint64) bool {
	above, err := t.Tile(merkle.KeptStep, index/merkle.TileNodes)
	if err != nil {
		return false // leaves can be read without it
	}
	top, _ := tile.Top()
	kept, ok := above.Kept(index % merkle.TileNodes)
	return ok && kept == top
}
