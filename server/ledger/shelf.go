package ledger

import (
	"sync"
	"sync/atomic"

	"github.com/jurat-ledger/jurat/internal/largepage"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A shelf keeps whole tiles of leaves. A proof of a leaf chosen at random waits for memory most of the time, so that tiles are found by
// their index and not by hashing names, and stand in large pages: of small ones each line of a tile would be looked up in the page
// tables, which are not in the processor's caches either. Large pages are taken and given up as wholes, slab by slab, the oldest
// first; a tile that somebody still uses outlives its slab.
type shelf struct {
	mu    sync.RWMutex // covers all below
	rows  map[slotName]*shelfRow
	slabs []*tileSlab // oldest first
	size  int         // bytes, about
}

// A slotName names a slot in a round.
type slotName struct {
	round calendar.Second
	slot  uint32
}

// A shelfRow has the whole tiles of a slot in a round.
type shelfRow struct {
	tiles []atomic.Pointer[leafTile] // by their index, nil for those that are not kept
	kept  int                        // how many are; the shelf's mu covers it
}

// A tileSlab is memory for the bytes of some tiles.
type tileSlab struct {
	free    []byte
	names   []tileName // of the tiles that are in it
	besides int        // bytes that they take elsewhere
}

// What a shelf takes, in bytes of about.
const (
	slabTiles = 2 * largepage.Size / merkle.CopyBytes
	wholeSize = merkle.CopyBytes + 2<<10 // of a tile, with a limb
	slabSize  = slabTiles * wholeSize
	rowSize   = 128 // without the places of tiles, which take placeSize each
	placeSize = 8
)

func newShelf() *shelf { return &shelf{rows: make(map[slotName]*shelfRow)} }

// get returns a tile, nil if it is not kept. There may be no row at all.
func (r *shelfRow) get(index uint64) *leafTile {
	if r == nil || index >= uint64(len(r.tiles)) {
		return nil
	}
	return r.tiles[index].Load()
}

// row returns the tiles of a slot in a round, nil if none is kept.
func (s *shelf) row(name slotName) *shelfRow {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows[name]
}

// put keeps a copy of a tile, of a slot with so many whole ones, if the shelf takes limit bytes at most then, and returns it, nil if
// there is no room. If another goroutine was first, its copy stays.
func (s *shelf) put(limit int, name tileName, tile *leafTile, tiles uint64) *leafTile {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := slotName{name.round, name.slot}
	row := s.rows[slot]
	if kept := row.get(name.index); kept != nil {
		return kept
	}
	more := tile.besides()
	if row == nil {
		more += rowSize + placeSize*int(tiles)
	}
	full := len(s.slabs) == 0 || len(s.slabs[len(s.slabs)-1].free) == 0
	if full {
		more += slabSize
	}
	if s.size+more > limit {
		return nil
	}
	s.size += more
	if row == nil {
		row = &shelfRow{tiles: make([]atomic.Pointer[leafTile], tiles)}
		s.rows[slot] = row
	}
	if full {
		s.slabs = append(s.slabs, &tileSlab{free: largepage.Make(slabTiles * merkle.CopyBytes)})
	}
	slab := s.slabs[len(s.slabs)-1]
	kept := &leafTile{Tile: tile.Copy(slab.free[:merkle.CopyBytes:merkle.CopyBytes]), accepted: tile.accepted}
	slab.free = slab.free[merkle.CopyBytes:]
	slab.names = append(slab.names, name)
	slab.besides += tile.besides()
	row.tiles[name.index].Store(kept)
	row.kept++
	return kept
}

// shrink drops slabs until the others take limit bytes at most.
func (s *shelf) shrink(limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.size > limit && len(s.slabs) > 0 {
		for _, name := range s.slabs[0].names {
			s.drop(name)
		}
		s.size -= slabSize + s.slabs[0].besides
		s.slabs[0] = nil
		s.slabs = s.slabs[1:]
	}
}

// drop drops a tile, and its row with the last one.
func (s *shelf) drop(name tileName) {
	slot := slotName{name.round, name.slot}
	row := s.rows[slot]
	row.tiles[name.index].Store(nil)
	if row.kept--; row.kept == 0 {
		delete(s.rows, slot)
		s.size -= rowSize + placeSize*len(row.tiles)
	}
}

// bytes returns what all tiles take, about.
func (s *shelf) bytes() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size
}
