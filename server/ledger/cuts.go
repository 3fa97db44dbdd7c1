package ledger

import "sync/atomic"

// A cutCache keeps cuts of whole tiles: each at a place that its name gives, where it replaces whatever is there. Of a hundred million
// leaves a cut is seldom asked for again but by the proof that had it read, so that keeping it must cost next to nothing.
type cutCache []atomic.Pointer[namedCut]

// A cutName names a cut: they are numbered through a slot in a round.
type cutName struct {
	slotName
	index uint64
}

type namedCut struct {
	name cutName
	*leafTile
}

// place returns where a cut is kept, if it is.
func (c cutCache) place(name cutName) *atomic.Pointer[namedCut] {
	const odd = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: neighbours are spread over all places
	h := (uint64(name.round)*odd ^ uint64(name.slot)) * odd
	h = (h ^ name.index) * odd
	return &c[h>>32*uint64(len(c))>>32]
}

// get returns a cut, nil if it is not kept.
func (c cutCache) get(name cutName) *leafTile {
	if kept := c.place(name).Load(); kept != nil && kept.name == name {
		return kept.leafTile
	}
	return nil
}

// put keeps a cut.
func (c cutCache) put(name cutName, cut *leafTile) { c.place(name).Store(&namedCut{name, cut}) }
