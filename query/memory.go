package query

import (
	"context"
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
	// memoryPatience is how long a session waits for memory of others.
	memoryPatience = 30 * time.Second
)

// leafMemory bounds the memory of the digests that all sessions together hold back until their transactions end. Who wants
// more than there is waits, and with it its client. Transactions that wait for each other would do so for ever: the one that
// would complete such a ring gets an error instead.
type leafMemory struct {
	limit int64

	mu       sync.Mutex // covers all below
	used     int64
	waiting  int64         // of used: what sessions have that wait for more
	sessions int           // that wait
	freed    chan struct{} // closed and replaced when used shrinks
}

func newLeafMemory(limit int64) *leafMemory {
	return &leafMemory{limit: limit, freed: make(chan struct{})}
}

// try takes n bytes if they can be had at once.
func (m *leafMemory) try(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used+n > m.limit {
		return false
	}
	m.used += n
	return true
}

// take takes n bytes for a session that has held of them already, waiting for others to end.
func (m *leafMemory) take(ctx context.Context, held, n int64) error {
	patience, cancel := context.WithTimeout(ctx, memoryPatience)
	defer cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.used+n > m.limit {
		switch {
		case ctx.Err() != nil:
			return canceled(ctx)
		case m.used == m.waiting+held, patience.Err() != nil:
			return m.exhausted()
		}
		freed := m.freed
		m.waiting += held
		m.sessions++
		m.mu.Unlock()
		select {
		case <-freed:
		case <-patience.Done():
		}
		m.mu.Lock()
		m.waiting -= held
		m.sessions--
	}
	m.used += n
	return nil
}

// give returns n bytes.
func (m *leafMemory) give(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= n
	close(m.freed)
	m.freed = make(chan struct{})
}

func (m *leafMemory) exhausted() *Error {
	e := errf(codeOutOfMemory, "the memory for digests that are not filed yet is exhausted")
	e.Detail = "All open transactions together may hold back " + itoa(int(m.limit>>20)) + " MiB of digests."
	return e.hint("Commit in smaller parts, or try again when other transactions have ended. An operator sets the limit by --ingest-memory.")
}

// mayHold returns nil once the session may hold back n bytes of digests altogether, waiting for memory if need be.
func (s *Session) mayHold(ctx context.Context, n int64) error {
	if need := s.needed(n); need > 0 {
		if err := s.engine.memory.take(ctx, s.held, need); err != nil {
			return err
		}
		s.held += need
	}
	return nil
}

// mayHoldNow is mayHold without waiting: it returns whether the session may.
func (s *Session) mayHoldNow(n int64) bool {
	need := s.needed(n)
	if need > 0 && s.engine.memory.try(need) {
		s.held += need
		return true
	}
	return need == 0
}

// needed returns what the session has to take to hold back n bytes, at least 0.
func (s *Session) needed(n int64) int64 { return max(n-uncountedMemory-s.held, 0) }

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
	if s.held > 0 {
		s.engine.memory.give(s.held)
		s.held = 0
	}
	for _, c := range s.chunks {
		chunks.Put(c)
	}
	for _, c := range s.smallChunks {
		smallChunks.Put(c)
	}
	s.chunks, s.smallChunks = nil, nil
}
