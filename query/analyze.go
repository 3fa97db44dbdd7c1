package query

import (
	"errors"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// An analyzer turns one parsed statement into a plan: it looks names up, derives types, coerces, and puts the nodes
// together. Its errors carry the position in the text.
type analyzer struct {
	session   *Session
	fns       *fn.Registry
	sql       string          // the whole string that was parsed
	tokens    int             // of the statement
	bytes     int64           // that the plan takes besides what its tokens do: columns that a star stands for, copies of literals
	params    []*value.Type   // by number from 0; nil while unknown
	ctes      []*sharedQuery  // visible ones, innermost last
	outer     []*frame        // the rows that a subquery may refer to, innermost last
	clause    clause          // what is being analyzed, for errors about aggregates and sets
	windows   []*parse.Window // of the WINDOW clause of the query being analyzed
	depth     int             // of subqueries
	nullable  int             // outer joins around, on the side that they may fill with nulls
	recursing *recursion      // the recursive query that was referred to last
	prints    prints
	folder    *execution // of constants; nil before the first
	keep      bool       // the query analyzed next is a side of a set operation: what has no type in its select list stays so
}

// A clause is a part of a query in which not every expression may stand.
type clause uint8

const (
	clauseTarget clause = iota
	clauseWhere
	clauseJoin
	clauseGroup
	clauseHaving
	clauseOrder
	clauseLimit
	clauseValues
	clauseFrom
	clauseReturning
	clauseAggregate
	clauseWindow
)

var clauseNames = [...]string{
	"SELECT", "WHERE", "JOIN conditions", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "VALUES", "functions in FROM",
	"RETURNING", "aggregate function calls", "window definitions",
}

// A scopeColumn is a column that names can mean: an expression over the columns of the node that the scope belongs to.
type scopeColumn struct {
	schema   string // of the table, "" for others
	table    string // alias or name of the FROM element, "" for none
	name     string
	x        expr
	from     Column      // what a result column that shows it unchanged is described as
	hidden   bool        // found by its qualified name alone, since USING merged it
	aside    bool        // not in *
	scalar   bool        // the only column of a function in FROM that returns no record: its table as a value is the column
	nullable bool        // of a table that an outer join may fill with nulls
	row      *value.Type // of the rows of its table, nil if they are records
}

// A scope is the columns of a FROM clause.
type scope struct {
	cols []scopeColumn
}

// fail returns err as an *Error that points to n, unless it points somewhere already.
func (a *analyzer) fail(err error, n parse.Node) error {
	pos := -1
	if n != nil {
		pos = n.Pos()
	}
	return a.failAt(err, pos)
}

func (a *analyzer) failAt(err error, pos int) error {
	if err == nil {
		return nil
	}
	e := asError(err)
	if e.Position == 0 && pos >= 0 {
		e.Position = parse.CharPos(a.sql, pos)
	}
	return e
}

// unsupported is the error for what Postgres has and this engine has not.
func (a *analyzer) unsupported(n parse.Node, what string) error {
	return a.fail(errf(codeUnsupported, "%s not supported", what), n)
}

// lookup finds the column that a name means.
func (a *analyzer) lookup(s *scope, ref *parse.ColumnRef) (*scopeColumn, error) {
	name, table, schema := ref.Parts[len(ref.Parts)-1], "", ""
	if n := len(ref.Parts); n > 1 {
		table = ref.Parts[n-2]
		if n > 2 {
			schema = ref.Parts[n-3]
		}
	}
	c, err := s.find(schema, table, name)
	if c != nil || err != nil {
		return c, a.fail(err, ref)
	}
	if c, err = a.outerColumn(ref, schema, table, name); c != nil || err != nil {
		return c, err
	}
	return nil, a.fail(s.missing(schema, table, name), ref)
}

// find returns the column of a name, nil if there is none.
func (s *scope) find(schema, table, name string) (*scopeColumn, error) {
	var found *scopeColumn
	for i := range s.cols {
		c := &s.cols[i]
		if c.name != name || table != "" && c.table != table || schema != "" && c.schema != schema {
			continue
		}
		if table == "" && c.hidden {
			continue
		}
		if found != nil {
			return nil, errf(codeAmbiguousColumn, "column reference %q is ambiguous", name)
		}
		found = c
	}
	return found, nil
}

// missing is the error for a name that means nothing.
func (s *scope) missing(schema, table, name string) error {
	if _, ok := systemAttributes[name]; ok && name != "tableoid" && slices.ContainsFunc(s.cols, func(c scopeColumn) bool { return c.from.Table != 0 && (table == "" || c.table == table) }) {
		return errf(codeUnsupported, "the system column %s is not supported", name)
	}
	if table == "" {
		return errf(codeUndefinedColumn, "column %q does not exist", name)
	}
	for _, c := range s.cols {
		if c.table == table && (schema == "" || c.schema == schema) {
			return errf(codeUndefinedColumn, "column %s.%s does not exist", table, name)
		}
	}
	return missingTable(table, nil)
}

// coerce makes x a value of type t where the context allows it.
func (a *analyzer) coerce(x expr, t *value.Type, context fn.Context) (expr, error) {
	if x.typ() == t {
		return x, nil
	}
	if x.typ() == value.Unknown {
		if y, ok, err := a.coerceUnknown(x, t); ok || err != nil {
			return y, err
		}
	}
	if t.Pseudo {
		return x, nil
	}
	if r, ok := x.(*rowExpr); ok && t.Fields != nil && x.typ() == value.RecordT {
		return a.rowAs(r, t, context)
	}
	c, ok := a.fns.FindCast(x.typ(), t, context)
	if !ok {
		return nil, cannotCast(x.typ(), t, context)
	}
	return &castExpr{x: x, t: t, cast: c}, nil
}

func cannotCast(from, to *value.Type, context fn.Context) error {
	if to.Unread || to.IsArray() && value.MustType(to.Elem).Unread {
		return errf(codeUnsupported, "type %s is not supported", to.SQL)
	}
	code := codeDatatypeMismatch
	if context == fn.Explicit {
		code = codeCannotCoerce
	}
	return errf(code, "cannot cast type %s to %s", from.SQL, to.SQL)
}

// coerceUnknown gives a literal or parameter without a type the type t.
func (a *analyzer) coerceUnknown(x expr, t *value.Type) (expr, bool, error) {
	record := t == value.RecordT
	if t.Pseudo && !record && t.OID != value.RecordArrayOID {
		t = value.Text
	}
	switch x := x.(type) {
	case *constExpr:
		if x.d.Null {
			return &constExpr{d: value.Null(t), pos: x.pos}, true, nil
		}
		if record {
			return nil, false, a.failAt(errf(codeUnsupported, "input of anonymous composite types is not implemented"), x.pos)
		}
		d, err := value.ParseText(a.session.valueSettings(), t, -1, x.d.B)
		if err == nil {
			a.bytes += max(0, int64(datumBytes(d)-len(x.d.B))) // it takes the place of the literal
		}
		return &constExpr{d: d, pos: x.pos}, true, a.failAt(err, x.pos)
	case *paramExpr:
		a.params[x.n] = t
		return x, true, nil
	}
	return nil, false, nil
}

// coerceText gives what still has no type the type text.
func (a *analyzer) coerceText(x expr) (expr, error) {
	if x.typ() != value.Unknown {
		return x, nil
	}
	return a.coerce(x, value.Text, fn.Implicit)
}

// condition analyzes an expression that has to be boolean.
func (a *analyzer) condition(s *scope, e parse.Expr, c clause, what string) (expr, error) {
	x, err := a.exprIn(s, e, c)
	if err != nil {
		return nil, err
	}
	return a.boolean(x, e, what)
}

func (a *analyzer) boolean(x expr, e parse.Expr, what string) (expr, error) {
	if x.typ() != value.Bool && x.typ() != value.Unknown {
		return nil, a.fail(errf(codeDatatypeMismatch, "argument of %s must be type boolean, not type %s", what, x.typ().SQL), e)
	}
	y, err := a.coerce(x, value.Bool, fn.Implicit)
	return y, a.fail(err, e)
}

// exprIn analyzes an expression of a clause.
func (a *analyzer) exprIn(s *scope, e parse.Expr, c clause) (expr, error) {
	saved := a.clause
	a.clause = c
	defer func() { a.clause = saved }()
	return a.expr(s, e)
}

// commonType makes all expressions of one type.
func (a *analyzer) commonType(construct string, list []expr, nodes func(int) parse.Node) (*value.Type, error) {
	types := make([]*value.Type, len(list))
	for i, x := range list {
		types[i] = x.typ()
	}
	t, err := a.fns.CommonType(construct, types)
	if err != nil {
		return nil, a.fail(err, nodes(0))
	}
	for i, x := range list {
		if list[i], err = a.coerce(x, t, fn.Implicit); err != nil {
			return nil, a.fail(err, nodes(i))
		}
	}
	return t, nil
}

// paramTypes returns the types of all parameters of an analyzed statement.
func (a *analyzer) paramTypes() error {
	for i, t := range a.params {
		if t == nil {
			return errf(codeIndeterminateType, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}

// parseError turns an error of the parser into ours.
func parseError(sql string, err error) error {
	var p *parse.Error
	if !errors.As(err, &p) {
		return err
	}
	return &Error{Code: p.Code, Message: p.Message, Detail: p.Detail, Hint: p.Hint, Position: parse.CharPos(sql, p.Pos)}
}
