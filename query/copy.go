package query

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// copy analyzes COPY.
func (a *analyzer) copy(stmt *parse.Copy) (*compiled, error) {
	if stmt.File != "" || stmt.Program {
		return nil, a.fail(errf(codeNoPrivilege, "COPY to or from a file or program of the server is not supported").
			hint("Use STDIN and STDOUT, or psql's \\copy, which reads and writes files of the client."), stmt)
	}
	if stmt.From {
		return a.copyFrom(stmt)
	}
	return a.copyTo(stmt)
}

func (a *analyzer) copyFrom(stmt *parse.Copy) (*compiled, error) {
	if stmt.Where != nil {
		return nil, a.fail(errf(codeUnsupported, "COPY FROM … WHERE is not supported").hint("Leave the lines out that are not to be filed, before they are sent."), stmt)
	}
	if stmt.Table == nil {
		return nil, a.fail(errf(codeSyntax, "COPY FROM needs a table"), stmt)
	}
	t, err := a.hashesTable(*stmt.Table, "copy to")
	if err != nil {
		return nil, err
	}
	target, err := a.insertColumns(t, stmt.Cols)
	if err != nil {
		return nil, err
	}
	o, err := a.copyOptions(stmt, t.def.Name, columnNames(t.def.Columns, target))
	if err != nil {
		return nil, err
	}
	return &compiled{run: func(_ context.Context, r *run) (*Result, error) {
		if err := r.mayWrite("COPY FROM"); err != nil {
			return nil, err
		}
		c := &CopyIn{Options: *o, target: target, binary: o.Format == "binary", run: r, began: r.engine.Clock()}
		c.filer.session, c.filer.copied, c.alg, c.lane = r.Session, true, merkle.SHA256, LaneMain
		for _, i := range target {
			d := t.def.Columns[i]
			c.Columns = append(c.Columns, Column{Name: d.Name, Type: d.Type, TypeModifier: -1})
		}
		return &Result{session: r.Session, tag: "COPY", copyIn: c, done: true}, nil
	}}, nil
}

func (a *analyzer) copyTo(stmt *parse.Copy) (*compiled, error) {
	var plan node
	var err error
	name := ""
	switch q := stmt.Query.(type) {
	case *parse.Select:
		plan, err = a.query(q, nil)
	case nil:
		plan, name, err = a.copyTable(stmt)
	default:
		return nil, a.unsupported(stmt, "COPY of a statement that changes data is")
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range plan.columns() {
		names = append(names, c.Name)
	}
	o, err := a.copyOptions(stmt, name, names)
	if err != nil {
		return nil, err
	}
	return &compiled{run: func(ctx context.Context, r *run) (*Result, error) {
		result, err := r.runPlan(ctx, plan, r.params)
		if err != nil {
			return nil, err
		}
		result.tag, result.copyOut = "COPY", o
		return result, nil
	}}, nil
}

// copyTable is the plan that reads a table for COPY TO.
func (a *analyzer) copyTable(stmt *parse.Copy) (node, string, error) {
	q := &parse.Select{Loc: stmt.Table.Loc, From: []parse.TableExpr{&parse.Table{Name: *stmt.Table}}}
	for _, c := range stmt.Cols {
		if _, system := systemAttributes[c.Name]; system {
			return nil, "", a.fail(errf(codeUndefinedColumn, "column %q of relation %q does not exist", c.Name, stmt.Table.Name), c)
		}
		q.Targets = append(q.Targets, parse.Target{X: &parse.ColumnRef{Loc: c.Loc, Parts: []string{c.Name}}})
	}
	if stmt.Cols == nil {
		q.Targets = []parse.Target{{X: &parse.Star{Loc: stmt.Table.Loc}}}
	}
	plan, err := a.query(q, nil)
	return plan, stmt.Table.Name, err
}

// CopyIn takes the rows of a COPY FROM. The caller splits the data into fields.
type CopyIn struct {
	Options CopyOptions
	Columns []Column // of the data, in order

	run     *run
	began   time.Time
	target  []int
	binary  bool
	filer   filer
	alg     merkle.Algorithm // of the row at hand
	lane    string
	scratch [merkle.MaxDigestSize]byte
	ended   bool
	rows    int
}

// Row takes a row of raw fields, text or binary; nil is NULL. On an error, column is the index of the field that is
// wrong, -1 if none is. Nothing is kept of fields.
func (c *CopyIn) Row(ctx context.Context, fields [][]byte) (column int, err error) {
	if len(fields) != len(c.target) {
		return -1, errf(codeBadCopy, "row has %d columns, want %d", len(fields), len(c.target))
	}
	alg, lane := merkle.SHA256, LaneMain
	var digest []byte
	at := -1
	for k, field := range fields {
		switch {
		case c.target[k] == colDigest:
			digest, at = field, k
		case field == nil:
		case c.target[k] == colAlgorithm:
			if alg, err = c.algorithm(field); err != nil {
				return k, err
			}
		case c.target[k] == colLane:
			if lane, err = c.laneOf(field); err != nil {
				return k, err
			}
		default:
			return k, assigned(c.Columns[k].Name)
		}
	}
	if digest == nil {
		return -1, nullDigest()
	}
	if !c.binary {
		if digest, err = c.decode(digest); err != nil {
			return at, c.hint(asError(err), fields[at])
		}
	}
	if len(digest) != alg.Size() {
		return at, c.hint(wrongLength(alg, digest), fields[at])
	}
	c.rows++
	return -1, c.filer.add(ctx, alg, lane, digest)
}

// hint says with an error what a field that is no digest looks like in COPY.
func (c *CopyIn) hint(err error, field []byte) error {
	var e *Error
	if c.binary || !errors.As(err, &e) {
		return err
	}
	before := `\x`
	if c.Options.Format == "text" {
		before = `\\x` // a backslash is written twice
	}
	const digits = 64 // of SHA-256
	switch {
	case bytes.HasPrefix(field, []byte("\ufeff")):
		return e.hint("The data begin with a byte order mark: send them without it.")
	case bytes.EqualFold(field, []byte("digest")):
		return e.hint("This looks like a line of column names: COPY … WITH (HEADER) leaves it out.")
	case isHex(field):
		return e.hint("This looks like the digest written in hex: write %s before it.", before)
	case len(field) > digits && isHex(field[:digits]) && field[digits] == ' ':
		return e.hint("This looks like the output of sha256sum: send its first column, with %s before it.", before)
	}
	return e
}

// FixedSize returns the size of the digests that Room takes, 0 if every row has to go through Row.
func (c *CopyIn) FixedSize() int {
	if len(c.target) != 1 || c.target[0] != colDigest {
		return 0
	}
	return merkle.SHA256.Size()
}

// Room returns memory for more digests of FixedSize bytes, one behind the other: the data of rows that need not go through
// Row. It holds whole digests; it is empty when the next row has to, since it is one too many.
func (c *CopyIn) Room() []byte { return c.filer.room(merkle.SHA256, LaneMain) }

// Took takes in n digests that were written to the start of what Room returned last.
func (c *CopyIn) Took(n int) {
	c.rows += n
	c.filer.extend(merkle.SHA256, LaneMain, n)
}

// algorithm returns the algorithm of a name. Most rows name that of the row before.
func (c *CopyIn) algorithm(name []byte) (merkle.Algorithm, error) {
	if string(name) == string(algorithmNames[c.alg]) {
		return c.alg, nil
	}
	alg, err := algorithm(string(name))
	if err == nil {
		c.alg = alg
	}
	return alg, err
}

func (c *CopyIn) laneOf(name []byte) (string, error) {
	if string(name) != c.lane {
		if err := checkLane(string(name)); err != nil {
			return "", err
		}
		c.lane = string(name)
	}
	return c.lane, nil
}

// decode reads the text form of a digest. The usual one, \x and hex, takes no memory.
func (c *CopyIn) decode(text []byte) ([]byte, error) {
	if n := len(text) - 2; n >= 0 && n <= 2*len(c.scratch) && text[0] == '\\' && text[1] == 'x' {
		if k, err := hex.Decode(c.scratch[:], text[2:]); err == nil {
			return c.scratch[:k], nil
		}
	}
	return value.ParseBytea(text)
}

// Finish ends the data. Its digests are filed when the transaction ends, as those of an INSERT are.
func (c *CopyIn) Finish() error {
	if c.ended {
		return nil
	}
	c.ended = true
	s := c.run.Session
	return s.guard("COPY", func() error {
		s.hold(&c.filer)
		c.filer = filer{}
		return nil
	})
}

// Silent is asked from time to time while the client has sent little for some time. The errors are 57014 when statement_timeout is over, and 53200
// if others wait for the memory of what the transaction holds back.
func (c *CopyIn) Silent(silence time.Duration) error {
	s := c.run.Session
	if t := s.timeout(); t > 0 && s.engine.Clock().Sub(c.began) >= t {
		return errf(codeCanceled, "canceling statement due to statement timeout")
	}
	if silence >= memoryPatience/2 && s.engine.memory.wanted(&s.share) {
		e := errf(codeOutOfMemory, "COPY is given up: others wait for the memory of its digests, and its client has sent next to nothing for %s", silence.Round(time.Second))
		return e.hint("Nothing of it is filed. Send the data without pauses, or in several COPYs.")
	}
	return nil
}

// Abort ends the copy; nothing of it is filed. After Finish it does nothing.
func (c *CopyIn) Abort() {
	if !c.ended {
		c.ended = true
		c.filer = filer{}
		c.run.failed()
		c.run.dropParts()
	}
}

func (c *CopyIn) tag() string { return "COPY " + itoa(c.rows) }
