package query

import (
	"context"
	"io"
	"strconv"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

func formatMillis(ms float64) string { return strconv.FormatFloat(ms, 'f', 3, 64) }

// prepared is a prepared statement. c is nil if the text was empty.
type prepared struct {
	c       *compiled
	sql     string
	at      value.Datum // when it was made, a timestamptz
	fromSQL bool        // by PREPARE
	kept    int64       // bytes that are kept for it until the last of its holders leaves
	holders int         // names and portals
}

// A Portal is a statement with its parameters, ready to run or running.
type Portal struct {
	stmt   *prepared
	run    run // of the statement, with its parameters
	result *Result
	own    Result  // memory for what result points to
	cursor *cursor // of DECLARE; nil if Bind made the portal
	kept   int64   // bytes of params
	named  bool    // there may be many of them
	// Formats is a copy of what Bind was given: the engine keeps it for the caller and does not look at it.
	Formats []int16
}

// Parse makes a prepared statement; the empty name is replaced silently. types are the OIDs of the parameters' types, 0
// or missing where the statement is to decide.
func (s *Session) Parse(ctx context.Context, name, sql string, types []uint32) error {
	s.enter()
	return s.guard(sql, func() error {
		if _, ok := s.statements[name]; ok && name != "" {
			return errf(codeDuplicateStatement, "prepared statement %q already exists", name)
		}
		list, kept, err := s.parse(sql)
		if err != nil {
			return err
		}
		p := &prepared{sql: sql, at: timestamp(s.engine.Clock()), kept: kept}
		p.hold()
		defer p.leave(s)
		if len(list) > 1 {
			return errf(codeSyntax, "cannot insert multiple commands into a prepared statement")
		}
		if len(list) == 1 {
			known := make([]*value.Type, len(types))
			for i, oid := range types {
				if oid == 0 || oid == value.UnknownOID {
					continue
				}
				if known[i] = value.ByOID(oid); known[i] == nil {
					return errf(codeUndefinedObject, "type with OID %d does not exist", oid)
				}
			}
			if err := s.admits(list[0].Stmt); err != nil {
				return err
			}
			if p.c, err = s.compile(sql, list[0], known); err != nil && isLate(list[0].Stmt) {
				p.c = s.late(sql, list[0])
			} else if err != nil {
				return err
			}
			if err := s.keepOne(p.c.bytes); err != nil {
				return err
			}
			p.kept += p.c.bytes
			if shown, secret := parse.WithoutPassword(list[0].Stmt, sql); secret {
				p.sql = shown
			}
		}
		return s.setStatement(name, p)
	})
}

// admits refuses, in a failed transaction, all but its end.
func (s *Session) admits(stmt parse.Stmt) error {
	if !s.tx.aborted {
		return nil
	}
	if t, ok := stmt.(*parse.Transaction); ok && (t.Kind == parse.Commit || t.Kind == parse.Rollback || t.Kind == parse.RollbackTo) {
		return nil
	}
	return errf(codeFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block")
}

func (s *Session) statement(name string) (*prepared, error) {
	if p := s.statements[name]; p != nil {
		return p, nil
	}
	if name == "" {
		return nil, errf(codeUndefinedStatement, "unnamed prepared statement does not exist")
	}
	return nil, errf(codeUndefinedStatement, "prepared statement %q does not exist", name)
}

// DescribeStatement returns the types of the parameters and the columns, nil if the statement returns no rows.
func (s *Session) DescribeStatement(name string) (params []*value.Type, cols []Column, err error) {
	err = s.guard("", func() error {
		p, err := s.statement(name)
		if err != nil || p.c == nil {
			return err
		}
		params, cols = p.c.params, p.c.cols
		return nil
	})
	return params, cols, err
}

// Bind makes a portal; the empty name is replaced silently. params have the types that DescribeStatement returns.
func (s *Session) Bind(portal, statement string, params []value.Datum, formats []int16) error {
	s.enter()
	return s.guard("", func() error {
		p, err := s.statement(statement)
		if err != nil {
			return err
		}
		if portal == "" {
			s.ClosePortal("")
		} else if s.portals[portal] != nil {
			return errf(codeDuplicateCursor, "cursor %q already exists", portal)
		}
		if p.c != nil && len(params) != len(p.c.params) {
			return errf(codeProtocol, "bind message supplies %d parameters, but prepared statement %q requires %d", len(params), statement, len(p.c.params))
		}
		if p.c != nil && s.tx.aborted && !p.c.control {
			return errf(codeFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block")
		}
		kept := sizeOfParams(params) + 2*int64(len(formats))
		if portal != "" {
			kept += int64(portalBytes + len(portal))
			err = s.keep(kept)
		} else {
			err = s.keepOne(kept)
		}
		if err != nil {
			return err
		}
		p.hold()
		bound := s.spare
		if portal != "" || bound == nil {
			bound = new(Portal)
		}
		if portal != "" {
			s.portals[portal] = bound
		} else {
			s.unnamed, s.spare = bound, nil
		}
		bound.stmt, bound.kept, bound.named, bound.result = p, kept, portal != "", nil
		bound.run = run{Session: s, params: params, returning: true, own: &bound.own}
		bound.Formats = append(bound.Formats[:0], formats...)
		return nil
	})
}

// Bindable returns what the values of a Bind are to be: the types of a prepared statement's parameters, and how many columns
// its rows have.
func (s *Session) Bindable(statement string) (params []*value.Type, columns int, err error) {
	s.enter()
	if p := s.statements[statement]; p != nil && p.c != nil {
		return p.c.params, len(p.c.cols), nil
	}
	params, cols, err := s.DescribeStatement(statement)
	return params, len(cols), err
}

// Portal returns a portal.
func (s *Session) Portal(name string) (*Portal, error) {
	p := s.unnamed
	if name != "" {
		p = s.portals[name]
	}
	if p != nil {
		return p, nil
	}
	return nil, errf(codeUndefinedCursor, "portal %q does not exist", name)
}

// Columns describes the rows of a portal, nil if it returns none.
func (p *Portal) Columns() []Column {
	if p.stmt.c == nil {
		return nil
	}
	return p.stmt.c.cols
}

// Execute runs a portal or goes on with it. The result is nil if the statement was empty.
func (s *Session) Execute(ctx context.Context, name string) (*Result, error) {
	s.enter()
	var result *Result
	err := s.guard("", func() error {
		p, err := s.Portal(name)
		if err != nil || p.stmt.c == nil {
			return err
		}
		s.running = p.stmt.sql
		if p.cursor != nil {
			return errf(codeUnsupported, "cursor %q is none of the protocol's portals", name).hint("Read it by FETCH.")
		}
		if p.result == nil {
			if err := s.startPortal(ctx, p); err != nil {
				return err
			}
		} else if p.result.cols == nil {
			return errf(codeNotInState, "portal %q cannot be run", name).hint("It has run to its end. Bind the statement again.")
		}
		p.result.count, result = 0, p.result
		return nil
	})
	return result, err
}

// startPortal runs a portal's statement as far as its first row.
func (s *Session) startPortal(ctx context.Context, p *Portal) (err error) {
	c := p.stmt.c
	if c.direct == nil || s.timeout() > 0 {
		if p.result, err = s.start(ctx, c, &p.run); err == nil && p.named && p.result.op != nil {
			if err = s.keepRun(p.result.x.grant); err != nil {
				p.result.Close()
				p.result = nil
			}
		}
		return err
	}
	if err := s.mayStart(ctx, c); err != nil {
		return err
	}
	if err := s.mayWrite("INSERT"); err != nil {
		return err
	}
	s.tx.queried = true
	tag, err := s.insertDirect(ctx, c.direct, p.run.params)
	if err != nil {
		return stopped(ctx, err)
	}
	p.own = Result{session: s, tag: tag, done: true, text: c.text}
	p.result = &p.own
	return nil
}

// mayStart counts a statement that is to run, and refuses what a failed transaction does not understand, and what was canceled before it began.
func (s *Session) mayStart(ctx context.Context, c *compiled) error {
	s.counted[c.kind]++
	if s.tx.aborted && !c.control {
		return errf(codeFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return s.current()
}

// start runs a compiled statement as far as its first row.
func (s *Session) start(ctx context.Context, c *compiled, r *run) (*Result, error) {
	if err := s.mayStart(ctx, c); err != nil {
		return nil, err
	}
	s.tx.queried = s.tx.queried || c.queries
	result, err := c.run(ctx, r)
	err = stopped(ctx, err)
	if result != nil {
		result.text = c.text
	}
	return result, err
}

// Sync ends the implicit transaction: what it filed is durable when Sync returns nil.
func (s *Session) Sync(ctx context.Context) error {
	s.counted.tell(&s.engine.meters)
	s.running = ""
	if s.tx.state == txBlock {
		return nil
	}
	return s.guard("", func() error { return stopped(ctx, s.commit(ctx)) })
}

// ClosePortal forgets a portal, if it is there.
func (s *Session) ClosePortal(name string) {
	if name == "" {
		if p := s.unnamed; p != nil {
			p.close(s)
			s.unnamed, s.spare = nil, p.emptied()
		}
	} else if p := s.portals[name]; p != nil {
		p.close(s)
		delete(s.portals, name)
	}
}

// close ends a portal of s.
func (p *Portal) close(s *Session) {
	if p.cursor != nil {
		p.cursor.close()
	}
	if p.result != nil {
		p.result.Close()
	}
	s.drop(p.kept)
	p.stmt.leave(s)
}

// emptied returns a closed portal for its memory. Its last result can be asked for its tag until the portal is bound again.
func (p *Portal) emptied() *Portal {
	p.stmt, p.run, p.result = nil, run{}, nil // a COMMIT that ends its own portal still puts its result there
	return p
}

// closePortals ends the portals with their transaction. Cursors WITH HOLD that a commit has passed stay.
func (s *Session) closePortals() {
	s.ClosePortal("")
	for name, p := range s.portals {
		if p.cursor == nil || !p.cursor.held {
			s.ClosePortal(name)
		}
	}
}

// A Script is a string of the simple protocol in execution: one or more statements.
type Script struct {
	session *Session
	sql     string
	list    []parse.Statement
	kept    int64 // bytes of list and sql
	plan    int64 // bytes of the statement that runs, besides
	single  bool
	result  *Result
}

// Script parses a string. There may be no statement in it at all.
func (s *Session) Script(sql string) (*Script, error) {
	var list []parse.Statement
	var kept int64
	err := s.guard(sql, func() (err error) {
		list, kept, err = s.parse(sql)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.CloseStatement("") // as in Postgres: a simple query takes the place of the unnamed statement and portal
	if len(list) > 0 {
		s.ClosePortal("")
	}
	return &Script{session: s, sql: sql, list: list, kept: kept, single: len(list) == 1}, nil
}

// Next runs the next statement; io.EOF ends.
func (c *Script) Next(ctx context.Context) (*Result, error) {
	if c.result != nil {
		c.result.Close()
		c.result = nil
	}
	c.session.drop(c.plan)
	c.plan = 0
	if len(c.list) == 0 {
		return nil, io.EOF
	}
	stmt := c.list[0]
	c.list = c.list[1:]
	s := c.session
	s.enter()
	s.running = c.sql
	err := s.guard(stmt.Text, func() error {
		if err := s.admits(stmt.Stmt); err != nil {
			return err
		}
		compiled, err := s.compile(c.sql, stmt, nil)
		if err != nil {
			return err
		}
		if len(compiled.params) > 0 {
			return errf(codeUndefinedParameter, "there is no parameter $1")
		}
		if err := s.keepOne(compiled.bytes); err != nil {
			return err
		}
		c.plan = compiled.bytes
		r := &run{Session: s, single: c.single && s.tx.implicit(), returning: c.single}
		c.result, err = s.start(ctx, compiled, r)
		return err
	})
	return c.result, err
}

// Close ends the script and its implicit transaction: with err nil it is committed, else rolled back.
func (c *Script) Close(ctx context.Context, err error) error {
	s := c.session
	s.counted.tell(&s.engine.meters)
	if c.result != nil {
		c.result.Close()
	}
	c.list, s.running = nil, ""
	s.drop(c.kept + c.plan)
	c.kept, c.plan = 0, 0
	if err != nil {
		s.failed()
	}
	if !s.tx.implicit() {
		return nil
	}
	if err != nil {
		s.rollback()
		return nil
	}
	return s.guard(c.sql, func() error { return stopped(ctx, s.commit(ctx)) })
}
