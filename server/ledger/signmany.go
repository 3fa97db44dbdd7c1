package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// maxSideBySide is how many signatures are made side by side: what they need stays in the processor's caches.
const maxSideBySide = 128

// A Memory is where signatures are put.
type Memory interface {
	// Alloc returns n bytes, of any content.
	Alloc(n int) []byte
}

// heap is memory that nobody asks back.
type heap struct{}

func (heap) Alloc(n int) []byte { return make([]byte, n) }

// Signatures makes what Signature does for each position, in memory of the caller. Those of leaves in tiles that are kept whole are made
// side by side: each step for all of them before the next one, so that the processor waits for the memory of many at once, and hashes
// many at once. After an error none is of use.
func (l *Ledger) Signatures(ctx context.Context, signatures [][]byte, positions []Position, memory Memory) error {
	g := groups.Get().(*group)
	defer groups.Put(g)
	for first := 0; first < len(positions); first += maxSideBySide {
		end := min(first+maxSideBySide, len(positions))
		g.positions, g.signatures, g.memory = positions[first:end], signatures[first:end], memory
		if err := g.sign(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// groups holds *group, memory for signatures made side by side.
var groups = sync.Pool{New: func() any { return new(group) }}

// A group is signatures that are made side by side.
type group struct {
	positions  []Position
	signatures [][]byte // one for each
	memory     Memory

	paths merkle.Paths
	limbs []*ksi.Limb // of each path
	of    []int       // which position each path belongs to
}

// sign makes the signatures, those that cannot be made side by side each by itself.
func (g *group) sign(ctx context.Context, l *Ledger) error {
	defer g.clear()
	clear(g.signatures)
	if err := g.collect(ctx, l); err != nil {
		return err
	}
	g.paths.Hash()
	if err := g.serialize(); err != nil {
		return err
	}
	l.meters.proofs.Add(uint64(len(g.of)))
	for i, p := range g.positions {
		if g.signatures[i] != nil {
			continue
		}
		var err error
		if g.signatures[i], err = l.signature(ctx, p, g.memory); err != nil {
			return err
		}
	}
	return nil
}

// clear forgets all but the memory.
func (g *group) clear() {
	g.paths.Reset()
	clear(g.limbs)
	g.limbs, g.of = g.limbs[:0], g.of[:0]
	g.positions, g.signatures, g.memory = nil, nil, nil
}

// collect gathers the paths of the leaves whose tiles are kept whole, and their limbs.
func (g *group) collect(ctx context.Context, l *Ledger) error {
	var of slotTiles
	for i, p := range g.positions {
		if i == 0 || p.Round != g.positions[i-1].Round || p.Slot != g.positions[i-1].Slot {
			if err := l.waitClosed(ctx, p.Round); err != nil {
				return err
			}
			of = l.slotTiles(p)
		}
		tile := of.holding(p.Index)
		if tile == nil {
			continue
		}
		name := trunkName{round: p.Round, slot: p.Slot}
		limb := tile.limbOf(name)
		if limb == nil { // the first signature of the tile makes it
			continue
		}
		if g.paths.Add(tile.Tile, p.Index%merkle.TileNodes) {
			g.limbs, g.of = append(g.limbs, limb), append(g.of, i)
		}
	}
	return nil
}

// serialize makes the signatures of all paths.
func (g *group) serialize() error {
	for k, limb := range g.limbs {
		signature, err := limb.AppendPath(g.memory.Alloc(pathSize(limb))[:0], &g.paths, k)
		if err != nil {
			return proofError(g.positions[g.of[k]], err)
		}
		g.signatures[g.of[k]] = signature
	}
	return nil
}

// signPath returns the signature of a leaf that is below a limb over its tile, nil if its way is not one of those that Paths takes.
func signPath(tile *leafTile, index uint64, limb *ksi.Limb, memory Memory) ([]byte, error) {
	g := groups.Get().(*group)
	defer groups.Put(g)
	defer g.paths.Reset()
	if !g.paths.Add(tile.Tile, index%merkle.TileNodes) {
		return nil, nil
	}
	g.paths.Hash()
	return limb.AppendPath(memory.Alloc(pathSize(limb))[:0], &g.paths, 0)
}

// pathSize is how many bytes a signature that begins with a path to a limb takes, at most.
func pathSize(limb *ksi.Limb) int { return limb.Len() + (4+merkle.KeptStep)*linkSize }

// slotTiles are the tiles of a slot in a closed round that are kept whole.
type slotTiles struct {
	row   *shelfRow
	count uint64 // leaves of the slot
}

// slotTiles returns those of the slot and round of a leaf.
func (l *Ledger) slotTiles(p Position) (of slotTiles) {
	of.row = l.caches.whole.row(slotName{p.Round, p.Slot})
	if of.row == nil {
		return of
	}
	if record, err := l.record(p.Round); err == nil {
		if s := slotOf(record, p.Slot); s != nil {
			of.count = s.Count
		}
	}
	return of
}

// holding returns the tile of a leaf if it is kept whole and stands below a limb, else nil.
func (s *slotTiles) holding(index uint64) *leafTile {
	tile := s.row.get(index / merkle.TileNodes)
	if tile == nil || !merkle.HasNode(s.count, index, merkle.KeptStep) {
		return nil
	}
	return tile
}

// proofError is what a client is told who asked for the signature of a leaf.
func proofError(p Position, err error) error {
	if errors.Is(err, ksi.ErrOtherNode) {
		err = fmt.Errorf("the stored leaves and nodes do not give its slot's root: %w: %w", err, storage.ErrCorrupt)
	}
	return fmt.Errorf("leaf %d of slot %d in round %s: %w", p.Index, p.Slot, p.Round, notFound(err))
}
