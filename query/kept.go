package query

import (
	"errors"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// tokenBytes is about what a token of a statement takes as tree and as plan, in bytes.
const tokenBytes = 128

// keep notes that the session holds so many more bytes of statements and their parameters until drop. They are bounded as those of
// one running statement are, and counted among all.
func (s *Session) keep(bytes int64) error {
	total := s.kept.total.Add(bytes)
	if total <= s.kept.enough.Load() && total <= s.maxMemory {
		return nil
	}
	var err error
	if total > s.maxMemory {
		e := errf(codeOutOfMemory, "out of memory")
		e.Detail = "The statements of the session, with their parameters, need more than its limit of " + formatBytes(s.maxMemory) + "."
		err = e.hint("Write fewer elements into one statement, give them as one array parameter or by COPY, or deallocate prepared statements.")
	} else {
		err = s.engine.queries.raise(s, &s.kept, total)
	}
	if err != nil {
		s.kept.total.Add(-bytes)
	}
	return err
}

// drop ends a keep.
func (s *Session) drop(bytes int64) {
	total := s.kept.total.Add(-bytes)
	if s.kept.granted > 0 {
		s.engine.queries.lower(&s.kept, total)
	}
}

// parse reads a string of statements and returns what they take, which is kept.
func (s *Session) parse(sql string) (list []parse.Statement, kept int64, err error) {
	list, err = parse.ParseWithin(sql, func(tokens int) error {
		err := s.keep(int64(tokens) * tokenBytes)
		if err == nil {
			kept += int64(tokens) * tokenBytes
		}
		return err
	})
	if err == nil && len(sql) > ungranted {
		if err = s.keep(int64(len(sql))); err == nil {
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
	// statementBytes is about what a prepared statement takes that has a name, besides its tokens and the name.
	statementBytes = 2 << 10
	// portalBytes is about what a portal takes that has a name, besides its parameters and the name.
	portalBytes = 1 << 10
	// savepointBytes is about what a savepoint takes besides its name.
	savepointBytes = 512
)

// setStatement gives a statement a name, whose statement before it leaves.
func (s *Session) setStatement(name string, p *prepared) error {
	if name != "" {
		bytes := int64(statementBytes + len(name))
		if err := s.keep(bytes); err != nil {
			return err
		}
		p.kept += bytes
	}
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

// sizeOfParams estimates the memory of the parameters of a portal in bytes.
func sizeOfParams(params []value.Datum) (n int64) {
	for i := range params {
		if n += int64(len(params[i].B)); params[i].X != nil {
			n += int64(boxSize(params[i].X))
		}
	}
	return n
}
