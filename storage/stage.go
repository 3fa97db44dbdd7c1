package storage

import "fmt"

// Staged is leaves that are on the disk, as tables that the database does not know: ProposeStaged proposes them, Discard forgets them.
type Staged struct {
	s       *Store
	entries []Entry
	paths   []string
}

// Stage writes leaves ahead of their proposal. It may be called while others propose, and needs not know how they are to follow from
// what is proposed meanwhile: ProposeStaged checks that. An error leaves nothing behind.
func (s *Store) Stage(leaves []AppendLeaves) (*Staged, error) {
	g := &Staged{s: s}
	for _, e := range leaves {
		g.entries = append(g.entries, e)
	}
	var err error
	if g.paths, err = s.writeTables(s.leafTables(append([]AppendLeaves(nil), leaves...))); err != nil {
		return nil, fmt.Errorf("stage %d entries: %w", len(leaves), err)
	}
	return g, nil
}

// ProposeStaged is Propose for what is staged. During a Checkpoint it writes the leaves again, to the log.
func (s *Store) ProposeStaged(g *Staged) error {
	return s.propose(g.entries, g.commit)
}

// commit makes the leaves part of the database.
func (g *Staged) commit() error {
	if !g.s.tables.TryLock() {
		g.Discard()
		return g.s.commitBatch(g.entries)
	}
	defer g.s.tables.Unlock()
	g.s.advance(g.entries)
	return g.s.takeIn(g.paths)
}

// Discard removes the tables.
func (g *Staged) Discard() { g.s.removeAll(g.paths) }
