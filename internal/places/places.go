// Package places hands out places to connections of which nobody knows yet who makes them, so that no address takes all: however many
// one has, another finds some. It accepts them, too.
package places

import (
	"net"
	"sync"
)

// Places are a number of places. They are safe for concurrent use.
type Places struct {
	most int

	mu    sync.Mutex // covers all below
	taken int
	by    map[string]int // of them, by origin
}

// New returns that many places.
func New(most int) *Places { return &Places{most: most, by: make(map[string]int)} }

// Take takes a place for an origin; false means that there is none for it. An origin may have no more places than are left for others.
func (p *Places) Take(origin string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := p.most - p.taken; free <= 0 || p.by[origin] > free {
		return false
	}
	p.taken++
	p.by[origin]++
	return true
}

// Leave gives back a place that an origin took.
func (p *Places) Leave(origin string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.by[origin]--; p.by[origin] == 0 {
		delete(p.by, origin)
	}
}

// Taken returns how many places are taken.
func (p *Places) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Origin returns what counts as one address: of IPv6, everything that one customer is given.
func Origin(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	addr := tcp.AddrPort().Addr().Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
