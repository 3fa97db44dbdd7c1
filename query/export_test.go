package query

// QueryMemoryUsed returns how much of the memory for queries is granted.
func (e *Engine) QueryMemoryUsed() int64 {
	e.queries.mu.Lock()
	defer e.queries.mu.Unlock()
	return e.queries.used
}

// UncountedLeaves is how many digests a session may hold back besides its share of the memory.
const UncountedLeaves = uncountedMemory / 32

// Chunks returns how many chunks of memory stand behind the session's parts.
func (s *Session) Chunks() int { return len(s.chunks) + len(s.smallChunks) }

// Counted returns the bytes that the session is said to hold.
func (s *Session) Counted() int64 {
	n := s.kept.total.Load()
	if p := s.unnamed; p != nil && p.result != nil && p.result.x != nil {
		n += p.result.x.total.Load()
	}
	return n
}

// EachLateral says up to how many rows of the left side a lateral side is executed for each, even if it could be joined.
func (e *Engine) EachLateral(rows int) { e.maxEach = rows }

// LookUps says how many keys of a join are looked up together, and how many however few rows the table has.
func (e *Engine) LookUps(together, few int) { e.maxLookups, e.fewLookups = together, few }

// MemoPart is what part of a statement's memory what lateral sides gave may take unless a test says otherwise.
const MemoPart = memoPart

// RememberLaterals says what part of a statement's memory what lateral sides gave may take; 0 is none.
func (e *Engine) RememberLaterals(part int) { e.memoPart = part }
