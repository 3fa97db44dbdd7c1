package query

import (
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// ungranted is what each statement may take without being counted among all, and each session for statements that wait.
	ungranted = 256 << 10
	// grantStep is what is granted at once.
	grantStep = 1 << 20
)

// queryMemory bounds the memory of all statements together. Small ones never ask it.
type queryMemory struct {
	limit int64

	mu   sync.Mutex // covers used, and grants and Session.grants
	used int64
}

// A grant is what one run of a statement takes of the memory, or what a session keeps.
type grant struct {
	total   atomic.Int64 // bytes reserved, by forks too
	enough  atomic.Int64 // total may grow to this without asking
	granted int64        // of queryMemory
	// within is what the session keeps, once the run is counted with it; nil before. It is set while the run does nothing.
	within *grant
}

func newGrant() *grant {
	g := new(grant)
	g.enough.Store(ungranted)
	return g
}

// add notes that a run of a statement of s takes so many more bytes, of at most limit; negative ones are given back.
func (g *grant) add(s *Session, bytes int, limit int64) error {
	total := g.total.Add(int64(bytes))
	kept := int64(0)
	if g.within != nil {
		kept = g.within.total.Add(int64(bytes))
	}
	if bytes < 0 {
		return nil
	}
	if total > limit {
		e := errf(codeOutOfMemory, "out of memory")
		e.Detail = "The query needs more than its limit of " + formatBytes(limit) + "."
		return e.hint("Narrow the query by a condition on round, or ask for fewer rows at a time.")
	}
	if g.within != nil {
		return s.mayKeep(kept)
	}
	if total > g.enough.Load() {
		return s.engine.queries.raise(s, g, total)
	}
	return nil
}

// release notes that a run takes so many bytes less.
func (g *grant) release(bytes int64) {
	g.total.Add(-bytes)
	if g.within != nil {
		g.within.total.Add(-bytes)
	}
}

// keepRun counts what a run takes with what the session keeps, for it waits for as long as its client likes, beside others that do.
func (s *Session) keepRun(g *grant) error {
	if err := s.keep(g.total.Load()); err != nil {
		return err
	}
	s.engine.queries.giveBack(s, g)
	g.within = &s.kept
	return nil
}

// endRun gives back what a run took.
func (s *Session) endRun(g *grant) {
	if g.within != nil {
		g.within = nil
		s.drop(g.total.Swap(0))
	} else if len(s.grants) > 0 {
		s.engine.queries.giveBack(s, g)
	}
}

// A reading is the memory that constants take while they are read, before a statement runs: a value.Budget.
type reading struct {
	session *Session
	grant   *grant // nil while nothing is read
}

// Take implements value.Budget.
func (r *reading) Take(bytes int) error {
	if r.grant == nil {
		r.grant = newGrant()
	}
	return r.grant.add(r.session, bytes, r.session.maxMemory)
}

// end gives back what was taken.
func (r *reading) end() {
	if r.grant != nil {
		r.session.engine.queries.giveBack(r.session, r.grant)
		r.grant = nil
	}
}

// raise grants a run of a statement of s so much that it may take total bytes.
func (m *queryMemory) raise(s *Session, g *grant, total int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	want := (total - ungranted + grantStep - 1) / grantStep * grantStep
	more := want - g.granted
	if more <= 0 {
		return nil
	}
	if m.used+more > m.limit {
		e := errf(codeOutOfMemory, "out of memory")
		e.Detail = "All queries together need more than their limit of " + formatBytes(m.limit) + "."
		return e.hint("Try again when other queries have ended. An operator sets the limit by --query-memory.")
	}
	if g.granted == 0 && g != &s.kept {
		s.grants = append(s.grants, g)
	}
	m.used += more
	g.granted = want
	g.enough.Store(want + ungranted)
	return nil
}

// lower takes back of g what is more than total bytes need.
func (m *queryMemory) lower(g *grant, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	want := max(0, total-ungranted+grantStep-1) / grantStep * grantStep
	if want < g.granted {
		m.used -= g.granted - want
		g.granted = want
		g.enough.Store(want + ungranted)
	}
}

// giveBack takes back what was granted to one of the runs of s.
func (m *queryMemory) giveBack(s *Session, g *grant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(s.grants, g); i >= 0 {
		s.grants = slices.Delete(s.grants, i, i+1)
		m.takeBackLocked(g)
	}
}

// giveAllBack takes back what was granted to all runs of s.
func (m *queryMemory) giveAllBack(s *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range s.grants {
		m.takeBackLocked(g)
	}
	s.grants = nil
}

func (m *queryMemory) takeBackLocked(g *grant) {
	m.used -= g.granted
	g.granted = 0
	g.enough.Store(ungranted)
}
