package query

import "context"

// Repeatable returns the parameters of the unnamed portal, all to be set anew for Repeat, if it has run an INSERT of one row of
// parameters to its end; else nil.
func (s *Session) Repeatable() *Params {
	p := s.unnamed
	if p == nil || p.result != &p.own || !p.own.done || p.stmt.c.direct == nil || len(p.stmt.c.direct.direct) != 1 || s.timeout() > 0 {
		return nil
	}
	s.params.bytes = s.params.bytes[:0]
	return &s.params
}

// Repeat runs the INSERT of the unnamed portal once more, as Bind with the parameters of Repeatable and Execute would. If it
// returns false nothing was filed, and these two say why.
func (s *Session) Repeat(ctx context.Context) bool {
	c := s.unnamed.stmt.c
	if s.tx.aborted || s.tx.readOnly || ctx.Err() != nil || s.current() != nil {
		return false
	}
	if s.directRow(ctx, c.direct.target, c.direct.direct[0], s.params.Values) != nil {
		return false
	}
	s.counted[c.kind]++
	return true
}
