package query

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/internal/largepage"
	"github.com/jurat-ledger/jurat/merkle"
)

// DefaultIngestMemory is the default of Config.IngestMemory.
const DefaultIngestMemory = 1 << 30

const (
	// uncountedMemory is what every session may hold back of digests besides.
	uncountedMemory = smallPart * 32
	// memoryPatience is how long a session waits while no memory changes hands.
	memoryPatience = 30 * time.Second
)

// leafMemory bounds the memory of the digests that all sessions together hold back until their transactions end. Who wants more
// than there is waits, and with it its client; who has waited longest is served first.
//
// Sessions hold some and wait for more, so they could wait for each other for ever. They do not: a session may hold at most half of
// all (most), and memory is handed out only as long as what is free is enough for the session that holds the most to come to its
// half.
//
//   - Who holds the most never waits: n bytes for it leave n fewer free, and n fewer to keep free for it. It passes those that wait.
//   - When it ends, what it kept free and what it held are half of all: enough for whoever holds the most then.
//
// So there is always a session that can go on to its end, then another, until those that wait are served, in their order. A client
// that holds the most and does nothing can stop the others. If it is silent within COPY, that is given up after half of memoryPatience; else
// they get an error once nobody has taken or given back anything for memoryPatience.
type leafMemory struct {
	limit, most int64

	mu      sync.Mutex // covers all below, and all of every share
	used    int64
	holders map[*leafShare]struct{} // that hold anything
	highest int64                   // what one of them holds, at most
	waiting []*leafShare            // in the order of their coming
	turns   uint64                  // how often memory was taken or given back
}

// A leafShare is what a session holds of a leafMemory. The session reads held without a lock: others change it only while it waits.
type leafShare struct {
	held  int64
	want  int64         // while it waits
	ready chan struct{} // closed when it has got that
}

func newLeafMemory(limit int64) *leafMemory {
	return &leafMemory{limit: limit, most: limit / 2, holders: map[*leafShare]struct{}{}}
}

// fitsLocked reports whether n bytes more for s leave enough for who holds the most then.
func (m *leafMemory) fitsLocked(s *leafShare, n int64) bool {
	return m.limit-m.used-n >= m.most-max(m.highest, s.held+n)
}

// grantLocked hands n bytes to s.
func (m *leafMemory) grantLocked(s *leafShare, n int64) {
	m.used += n
	s.held += n
	m.highest = max(m.highest, s.held)
	m.holders[s] = struct{}{}
	m.turns++
}

// serveLocked hands memory to those that wait: to who holds the most, then in their order.
func (m *leafMemory) serveLocked() {
	left := m.waiting[:0]
	for _, s := range m.waiting {
		if s.held == m.highest || len(left) == 0 && m.fitsLocked(s, s.want) {
			m.grantLocked(s, s.want)
			close(s.ready)
		} else {
			left = append(left, s)
		}
	}
	clear(m.waiting[len(left):])
	m.waiting = left
}

// try takes n bytes for s if they can be had at once. s must not hold more than most then.
func (m *leafMemory) try(s *leafShare, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tryLocked(s, n)
}

func (m *leafMemory) tryLocked(s *leafShare, n int64) bool {
	if s.held < m.highest && len(m.waiting) > 0 || !m.fitsLocked(s, n) {
		return false
	}
	m.grantLocked(s, n)
	return true
}

// enqueue has s wait for n bytes, unless they can be had now. It returns the number of the turn.
func (m *leafMemory) enqueue(s *leafShare, n int64) (turn uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.want, s.ready = n, make(chan struct{})
	if m.tryLocked(s, n) {
		close(s.ready)
	} else {
		m.waiting = append(m.waiting, s)
	}
	return m.turns
}

// withdraw has s wait no longer. It returns false if s has got meanwhile what it waited for.
func (m *leafMemory) withdraw(s *leafShare) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.waiting, s)
	if i < 0 {
		return false
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.serveLocked() // the next may want less
	return true
}

// take takes n bytes for s, waiting for others to end. s must not hold more than most then.
func (m *leafMemory) take(ctx context.Context, s *leafShare, n int64) error {
	if m.try(s, n) {
		return nil
	}
	turn := m.enqueue(s, n)
	patience := time.NewTicker(memoryPatience)
	defer patience.Stop()
	for {
		var err error
		select {
		case <-s.ready:
			return nil
		case <-ctx.Done():
			err = canceled(ctx)
		case <-patience.C:
			before := turn
			if turn = m.turn(); turn != before {
				continue
			}
			err = m.exhausted()
		}
		if m.withdraw(s) {
			return err
		}
		return nil
	}
}

// wanted reports whether somebody waits for what s holds.
func (m *leafMemory) wanted(s *leafShare) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.held > 0 && len(m.waiting) > 0
}

func (m *leafMemory) turn() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.turns
}

// give returns n bytes of what s holds.
func (m *leafMemory) give(s *leafShare, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
	m.turns++
	highest := s.held == m.highest
	if s.held -= n; s.held == 0 {
		delete(m.holders, s)
	}
	if highest {
		m.highest = 0
		for h := range m.holders {
			m.highest = max(m.highest, h.held)
		}
	}
	m.serveLocked()
}

func (m *leafMemory) exhausted() *Error {
	e := errf(codeOutOfMemory, "the memory for digests that are not filed yet is exhausted")
	e.Detail = "All open transactions together may hold back " + itoa(int(m.limit>>20)) + " MiB of digests, and none of them has ended or gone on for " + memoryPatience.String() + "."
	return e.hint("End transactions that are open and idle. An operator sets the limit by --ingest-memory.")
}

// tooLarge is the error for a transaction that wants more than a single one may hold.
func (m *leafMemory) tooLarge() *Error {
	e := errf(codeProgramLimit, "a transaction holds back at most %d MiB of digests", m.most>>20)
	return e.hint("Commit in parts. Each part is filed whole or not at all. An operator sets the limit by --ingest-memory, which is twice as much.")
}

// mayHold returns nil once the session may hold back n bytes of digests altogether, waiting for memory if need be.
func (s *Session) mayHold(ctx context.Context, n int64) error {
	need := s.needed(n)
	if need == 0 {
		return nil
	}
	if !s.canHold(n) {
		return s.engine.memory.tooLarge()
	}
	return s.engine.memory.take(ctx, &s.share, need)
}

// mayHoldNow is mayHold without waiting: it returns whether the session may.
func (s *Session) mayHoldNow(n int64) bool {
	need := s.needed(n)
	return need == 0 || s.canHold(n) && s.engine.memory.try(&s.share, need)
}

// canHold reports whether a transaction may hold back n bytes, with enough patience.
func (s *Session) canHold(n int64) bool { return n <= s.engine.memory.most+uncountedMemory }

// needed returns what the session has to take to hold back n bytes, at least 0.
func (s *Session) needed(n int64) int64 { return max(n-uncountedMemory-s.share.held, 0) }

// chunks are the memory of large parts, used again and again: fresh memory costs more than what is written to it. A few are made
// together, so that they begin on large pages.
var chunks = largepage.NewPool(chunkBytes, 4)

// chunkBytes is the size of the SHA-256 digests of a large part.
const chunkBytes = largePart * 32

// largeLeaves returns an empty list with room for largePart digests. Its memory is the session's until its transaction ends.
func (s *Session) largeLeaves(alg merkle.Algorithm) merkle.Leaves {
	if alg.Size()*largePart != chunkBytes {
		return merkle.MakeLeaves(alg, largePart)
	}
	c := chunks.Get()
	s.chunks = append(s.chunks, c)
	return merkle.LeavesIn(alg, c.Bytes)
}

// smallChunks are the memory of parts that single digests make.
var smallChunks = sync.Pool{New: func() any { return new(smallChunk) }}

// A smallChunk holds the SHA-256 digests of a small part.
type smallChunk [smallPart * 32]byte

// makeRoom moves a list of digests to where it can grow to a small part, until the session's transaction ends.
func (s *Session) makeRoom(l *merkle.Leaves) {
	alg, digests, ok := l.Uniform()
	if !ok || alg.Size()*smallPart != len(smallChunk{}) {
		return
	}
	c := smallChunks.Get().(*smallChunk)
	s.smallChunks = append(s.smallChunks, c)
	*l = merkle.LeavesIn(alg, c[:])
	l.AppendDigests(alg, digests)
}

// releaseMemory gives back what the session holds for digests. No part of the transaction may be used any more.
func (s *Session) releaseMemory() {
	if s.share.held > 0 {
		s.engine.memory.give(&s.share, s.share.held)
	}
	s.releaseChunks(0, 0)
}

// releaseChunks gives back the memory of the newest parts, so that this many chunks are left.
func (s *Session) releaseChunks(large, small int) {
	for _, c := range s.chunks[large:] {
		chunks.Put(c)
	}
	for _, c := range s.smallChunks[small:] {
		smallChunks.Put(c)
	}
	clear(s.chunks[large:])
	clear(s.smallChunks[small:])
	s.chunks, s.smallChunks = s.chunks[:large], s.smallChunks[:small]
	if large+small == 0 {
		s.chunks, s.smallChunks = nil, nil
	}
}
