package storage

import (
	"sync"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/merkle"
)

// A roundCache keeps what was read of sealed blocks of rounds, which never change: counts packed, roots as they are stored. It is
// filled by what is asked for alone. Counts enter while there is room; roots, which are much longer, and counts when there is none
// enter when they are asked for a second time soon, so that a scan of more than the cache holds leaves in it what is there. What goes
// is what was not asked for since the last round through the cache.
//
// Only what was decoded without an error enters it. Audits read past it: see RoundScan.Stored.
type roundCache struct {
	limit int // bytes

	mu      sync.RWMutex // covers what follows
	entries map[cacheKey]*cacheEntry
	ring    []*cacheEntry // all entries
	hand    int           // in ring, the next one to look at for what can go
	size    int           // bytes of all entries
	asked   [1 << 12]cacheKey
	full    uint // how often something did not fit
}

// admitEvery says how few enter a full cache.
const admitEvery = 8

// A cacheKey names a part of a block.
type cacheKey struct {
	block uint64
	roots bool // else counts
}

// A cacheEntry is a part of a block. It is not changed, but for used.
type cacheEntry struct {
	key    cacheKey
	counts *keptCounts
	roots  []byte // one after the other
	size   int
	used   atomic.Bool // since hand passed
}

// A keptCounts is what is in memory of the leaf counts of a sealed block.
type keptCounts struct {
	block   uint64
	seconds bitmap
	n       int // rounds with leaves
	leaves  packed
	slots   packed
}

func newRoundCache(limit int) *roundCache {
	return &roundCache{limit: limit, entries: make(map[cacheKey]*cacheEntry)}
}

// get returns what is kept of a block, nil if nothing is.
func (c *roundCache) get(k cacheKey) *cacheEntry {
	c.mu.RLock()
	e := c.entries[k]
	c.mu.RUnlock()
	if e != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return e
}

// keepCounts returns counts in the form that is kept, and keeps them if there is room.
func (c *roundCache) keepCounts(block uint64, x *counts) *keptCounts {
	k := &keptCounts{block: block, seconds: x.seconds, n: x.n, leaves: pack(x.leaves, 8), slots: pack(x.slots, 4)}
	size := k.leaves.size() + k.slots.size() + len(x.seconds) + 128
	key := cacheKey{block: block}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+size <= c.limit || c.again(key) && c.admits(size) {
		c.add(&cacheEntry{key: key, counts: k, size: size})
	}
	return k
}

// keepRoots keeps a copy of a block's roots if they were asked for before.
func (c *roundCache) keepRoots(block uint64, roots []byte) {
	key := cacheKey{block, true}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again(key) && c.admits(len(roots)) {
		c.add(&cacheEntry{key: key, roots: append(make([]byte, 0, len(roots)), roots...), size: len(roots) + 128})
	}
}

// again reports whether k was asked for lately, and notes that it was.
func (c *roundCache) again(k cacheKey) bool {
	place := k.block * 2
	if k.roots {
		place++
	}
	a := &c.asked[place%uint64(len(c.asked))]
	known := *a == k && k != cacheKey{}
	*a = k
	return known
}

// admits decides whether so many bytes may enter that were asked for again.
func (c *roundCache) admits(size int) bool {
	if c.size+size <= c.limit {
		return true
	}
	c.full++
	return c.full%admitEvery == 0
}

// add adds an entry, and drops others until there is room.
func (c *roundCache) add(e *cacheEntry) {
	if c.entries[e.key] != nil || e.size > c.limit {
		return
	}
	for c.size+e.size > c.limit {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		old := c.ring[c.hand]
		if old.used.Swap(false) {
			c.hand++
			continue
		}
		delete(c.entries, old.key)
		c.size -= old.size
		c.ring[c.hand] = c.ring[len(c.ring)-1]
		c.ring[len(c.ring)-1] = nil
		c.ring = c.ring[:len(c.ring)-1]
	}
	c.entries[e.key] = e
	c.ring = append(c.ring, e)
	c.size += e.size
}

// rootAt returns root i of a list.
func rootAt(roots []byte, i int) merkle.Digest { return merkle.Digest(roots[i*len(merkle.Digest{}):]) }
