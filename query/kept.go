package query

import (
	"errors"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// tokenBytes is about what a token of a statement takes as tree and as plan, in bytes.
const tokenBytes = 128

// keep notes that the session holds so many more bytes of statements, parameters, portals and cursors until drop. They are bounded as those
// of one running statement are, and counted among all.
func (s *Session) keep(bytes int64) error {
	err := s.mayKeep(s.kept.total.Add(bytes))
	if err != nil {
		s.kept.total.Add(-bytes)
	}
	return err
}

// shortBytes is what is kept of the statement that runs without being refused, so that a session that holds all it may can still end its
// transaction and close what it holds. Names for it, of which there may be many, are refused.
const shortBytes = 4 << 10

// keepOne is keep for what a session has one of: the statement and the portal without a name, and the string that runs.
func (s *Session) keepOne(bytes int64) error {
	if bytes <= shortBytes {
		s.kept.total.Add(bytes)
		return nil
	}
	return s.keep(bytes)
}

// mayKeep returns nil if the session may hold total bytes.
func (s *Session) mayKeep(total int64) error {
	if total > s.maxMemory {
		e := errf(codeOutOfMemory, "out of memory")
		e.Detail = "The statements of the session, with their parameters, and its cursors need more than its limit of " + formatBytes(s.maxMemory) + "."
		return e.hint("Write fewer elements into one statement, give them as one array parameter or by COPY, deallocate prepared statements, or " +
			"close cursors: they keep their rows for SCROLL, and what is left of them for WITH HOLD.")
	}
	if total <= s.kept.enough.Load() {
		return nil
	}
	return s.engine.queries.raise(s, &s.kept, total)
}

// drop ends a keep.
func (s *Session) drop(bytes int64) {
	total := s.kept.total.Add(-bytes)
	if s.kept.granted > 0 {
		s.engine.queries.lower(&s.kept, total)
	}
}

// parse reads a string of statements and returns what they and the string take, which is kept.
func (s *Session) parse(sql string) (list []parse.Statement, kept int64, err error) {
	list, err = parse.ParseWithin(sql, func(tokens int) error {
		err := s.keepOne(int64(tokens) * tokenBytes)
		if err == nil {
			kept += int64(tokens) * tokenBytes
		}
		return err
	})
	if err == nil {
		if err = s.keepOne(int64(len(sql))); err == nil {
			kept += int64(len(sql))
		}
	}
	if err != nil {
		s.drop(kept)
		var over *parse.OverError
		if errors.As(err, &over) {
			return nil, 0, over.Err
		}
		return nil, 0, parseError(sql, err)
	}
	return list, kept, nil
}

// hold says that one more name or portal stands for the statement.
func (p *prepared) hold() { p.holders++ }

// leave ends a hold. The last one drops what the statement takes.
func (p *prepared) leave(s *Session) {
	if p.holders--; p.holders == 0 && p.kept > 0 {
		s.drop(p.kept)
		p.kept = 0
	}
}

const (
	// statementBytes is about what a prepared statement takes besides its text, its tokens and the name.
	statementBytes = 512
	// portalBytes is about what a portal takes that has a name, besides its parameters and the name.
	portalBytes = 1408
	// cursorBytes is about what a cursor takes besides its text, its tokens, its name and what its run takes.
	cursorBytes = 1536
	// columnBytes is about what a column takes that a join passes on, or a star stands for, as expression and as description.
	columnBytes = 96
	// savepointBytes is about what a savepoint takes besides its name.
	savepointBytes = 512
)

// setStatement gives a statement a name, whose statement before it leaves.
func (s *Session) setStatement(name string, p *prepared) error {
	bytes, keep := int64(statementBytes+len(name)), s.keep
	if name == "" {
		keep = s.keepOne
	}
	if err := keep(bytes); err != nil {
		return err
	}
	p.kept += bytes
	s.CloseStatement(name)
	p.hold()
	s.statements[name] = p
	return nil
}

// CloseStatement forgets a prepared statement, if it is there.
func (s *Session) CloseStatement(name string) {
	if p := s.statements[name]; p != nil {
		delete(s.statements, name)
		p.leave(s)
	}
}

// closeStatements forgets all prepared statements.
func (s *Session) closeStatements() {
	for name := range s.statements {
		s.CloseStatement(name)
	}
}

// datumBytes estimates what a value points to, in bytes.
func datumBytes(d value.Datum) int {
	if d.X != nil {
		return boxSize(d.X)
	}
	return len(d.B)
}

// sizeOfParams estimates the memory of the parameters of a portal in bytes.
func sizeOfParams(params []value.Datum) (n int64) {
	n = int64(len(params)) * fieldBytes
	for i := range params {
		n += int64(datumBytes(params[i]))
	}
	return n
}
