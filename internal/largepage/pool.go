package largepage

import "sync"

// A Pool gives out blocks of memory of one size and takes them back. Blocks are cut from slabs, one behind the other, and a slab is used
// again, or collected, as a whole: were single blocks pooled, each collection would leave slabs of which one block is in use, and
// new slabs would be made all the time. So blocks that are put back about in the order in which they were taken use little more memory
// than theirs.
type Pool struct {
	size, blocks int       // bytes of a block; blocks of a slab
	spare        sync.Pool // of *slab, no block of which is out

	mu   sync.Mutex // covers what follows, and all slabs
	slab *slab      // that blocks are cut from; nil at first
}

// A slab is memory for blocks.
type slab struct {
	memory []byte
	cut    int // blocks that are cut off
	out    int // of them that are not put back
}

// A Block is memory from a Pool.
type Block struct {
	Bytes []byte // not zeroed
	slab  *slab
}

// NewPool returns a pool of blocks of some bytes, so many in a slab.
func NewPool(size, blocks int) *Pool { return &Pool{size: size, blocks: blocks} }

// Get returns a block, which is the caller's until it is put back.
func (p *Pool) Get() Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slab == nil || p.slab.cut == p.blocks {
		if s, ok := p.spare.Get().(*slab); ok {
			p.slab = s
		} else {
			p.slab = &slab{memory: Make(p.size * p.blocks)}
		}
	}
	s := p.slab
	at := s.cut * p.size
	s.cut, s.out = s.cut+1, s.out+1
	return Block{Bytes: s.memory[at : at+p.size : at+p.size], slab: s}
}

// Put takes a block back that Get has returned. Nobody may use it any more.
func (p *Pool) Put(b Block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := b.slab
	if s.out--; s.out > 0 {
		return
	}
	s.cut = 0
	if s != p.slab {
		p.spare.Put(s)
	}
}
