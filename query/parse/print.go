package parse

import (
	"strconv"
	"strings"
)

// A printer writes trees as SQL.
type printer struct {
	strings.Builder
}

// text writes strings one after the other.
func (w *printer) text(parts ...string) {
	for _, s := range parts {
		w.WriteString(s)
	}
}

// list calls f for 0 to n-1 with commas between.
func (w *printer) list(n int, f func(i int)) {
	for i := range n {
		if i > 0 {
			w.text(", ")
		}
		f(i)
	}
}

// peculiar are words that mean something in places where a name may stand, though they are not reserved.
var peculiar = map[keyword]bool{
	kwCube: true, kwRollup: true, kwOperator: true, kwPartition: true, kwRange: true, kwRows: true, kwGroups: true,
	kwUnbounded: true, kwRecursive: true, kwNext: true, kwPrior: true, kwFirst: true, kwLast: true, kwAbsolute: true,
	kwRelative: true, kwForward: true, kwBackward: true, kwPrepare: true, kwSavepoint: true, kwCurrent: true,
	kwDouble: true, kwLocal: true, kwSession: true, kwTransaction: true, kwSchema: true, kwRole: true, kwNames: true,
	kwConstraints: true, kwTemporary: true, kwTemp: true, kwUnlogged: true, kwGlobal: true,
}

// quoteIdent returns an identifier as it has to be written: in quotes unless it is lower case and no keyword that means
// something else where a name stands.
func quoteIdent(name string) string {
	plain := name != "" && chars[name[0]]&isIdentStart != 0
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain {
		if k := lookUp(name); k == 0 || classes[k] == unreserved && !peculiar[k] {
			return name
		}
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// lookUp returns the keyword that a word in lower case is.
func lookUp(word string) keyword {
	if len(word) > maxKeyword {
		return 0
	}
	h := uint32(0)
	for i := 0; i < len(word); i++ {
		h = hashKeyword(h, word[i])
	}
	return findKeyword([]byte(word), h)
}

// quoteLiteral returns a string as a constant.
func quoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// ident writes an identifier.
func (w *printer) ident(name string) { w.text(quoteIdent(name)) }

// idents writes identifiers in parentheses.
func (w *printer) idents(names []string) {
	w.text("(")
	w.list(len(names), func(i int) { w.ident(names[i]) })
	w.text(")")
}

// columns writes column names in parentheses.
func (w *printer) columns(cols []Column) {
	w.text("(")
	w.list(len(cols), func(i int) { w.ident(cols[i].Name) })
	w.text(")")
}

// name writes a qualified name.
func (w *printer) name(n Name) {
	for _, part := range [...]string{n.Catalog, n.Schema} {
		if part != "" {
			w.ident(part)
			w.text(".")
		}
	}
	w.ident(n.Name)
}

// String returns the name as SQL.
func (n Name) String() string {
	var w printer
	w.name(n)
	return w.String()
}

// sqlTypes are the names in SQL of types of pg_catalog that take no modifiers.
var sqlTypes = map[string]string{
	"int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
	"bool": "boolean",
}

// String returns the type as SQL: "timestamp(3) with time zone[]".
func (t *TypeName) String() string {
	var w printer
	w.typeName(t)
	return w.String()
}

// typeName writes a type.
func (w *printer) typeName(t *TypeName) {
	if t.SetOf {
		w.text("SETOF ")
	}
	if t.Schema != catalogSchema || t.Catalog != "" || !w.sqlType(t) {
		w.name(t.Name)
		w.mods(t.Mods)
	}
	w.text(strings.Repeat("[]", t.Dims))
}

// sqlType writes a type of pg_catalog in the words of SQL if there are any that mean just that.
func (w *printer) sqlType(t *TypeName) bool {
	name := t.Name.Name
	if sql := sqlTypes[name]; sql != "" && t.Mods == nil {
		w.text(sql)
		return true
	}
	single := len(t.Mods) == 1 && isPrecision(t.Mods[0])
	switch name {
	case "numeric":
		w.text(name)
		w.mods(t.Mods)
		return true
	case "bpchar", "varchar", "bit", "varbit":
		if !single && (t.Mods != nil || name == "bpchar" || name == "bit") {
			return false
		}
		w.text(map[string]string{"bpchar": "character", "varchar": "character varying", "bit": "bit",
			"varbit": "bit varying"}[name])
		w.mods(t.Mods)
		return true
	case "time", "timetz", "timestamp", "timestamptz":
		if !single && t.Mods != nil {
			return false
		}
		base, zoned := strings.CutSuffix(name, "tz")
		w.text(base)
		w.mods(t.Mods)
		if zoned {
			w.text(" with time zone")
		} else {
			w.text(" without time zone")
		}
		return true
	case "interval":
		if !single && t.Mods != nil {
			return false
		}
		w.text(name)
		if t.Fields == 0 {
			w.mods(t.Mods)
			return true
		}
		w.text(" ", t.Fields.String())
		w.mods(t.Mods)
		return true
	}
	return false
}

// isPrecision tells whether x may stand as the length or precision of one of SQL's own types.
func isPrecision(x Expr) bool {
	c, ok := x.(*Literal)
	if !ok || c.Kind != Integer || c.Text[0] == '-' {
		return false
	}
	_, err := strconv.ParseInt(c.Text, 10, 32)
	return err == nil
}

// mods writes the modifiers of a type.
func (w *printer) mods(mods []Expr) {
	if mods != nil {
		w.text("(")
		w.exprs(mods)
		w.text(")")
	}
}

// fieldNames are the fields in the order of their bits.
var fieldNames = [...]string{"year", "month", "day", "hour", "minute", "second"}

// String returns the fields as SQL: "day to second"; empty for no restriction.
func (f IntervalFields) String() string {
	first, last := "", ""
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			if first == "" {
				first = name
			}
			last = name
		}
	}
	if first == last {
		return first
	}
	return first + " to " + last
}

// String returns the operator as SQL.
func (o Operator) String() string {
	if o.Schema == "" {
		return o.Name
	}
	return "OPERATOR(" + quoteIdent(o.Schema) + "." + o.Name + ")"
}

func exprText(x Expr) string {
	var w printer
	w.expr(x)
	return w.String()
}

func stmtText(s Stmt) string {
	var w printer
	w.stmt(s)
	return w.String()
}

func (x *Literal) String() string     { return exprText(x) }
func (x *Param) String() string       { return exprText(x) }
func (x *ColumnRef) String() string   { return exprText(x) }
func (x *Star) String() string        { return exprText(x) }
func (x *Default) String() string     { return exprText(x) }
func (x *Unary) String() string       { return exprText(x) }
func (x *Binary) String() string      { return exprText(x) }
func (x *Logic) String() string       { return exprText(x) }
func (x *Call) String() string        { return exprText(x) }
func (x *NamedArg) String() string    { return exprText(x) }
func (x *ValueFunc) String() string   { return exprText(x) }
func (x *Cast) String() string        { return exprText(x) }
func (x *Case) String() string        { return exprText(x) }
func (x *Subquery) String() string    { return exprText(x) }
func (x *In) String() string          { return exprText(x) }
func (x *Quantified) String() string  { return exprText(x) }
func (x *Array) String() string       { return exprText(x) }
func (x *Row) String() string         { return exprText(x) }
func (x *Subscript) String() string   { return exprText(x) }
func (x *Field) String() string       { return exprText(x) }
func (x *Between) String() string     { return exprText(x) }
func (x *Like) String() string        { return exprText(x) }
func (x *Is) String() string          { return exprText(x) }
func (x *Distinct) String() string    { return exprText(x) }
func (x *Collate) String() string     { return exprText(x) }
func (x *GroupingSet) String() string { return exprText(x) }

func (s *Select) String() string         { return stmtText(s) }
func (s *Insert) String() string         { return stmtText(s) }
func (s *Update) String() string         { return stmtText(s) }
func (s *Delete) String() string         { return stmtText(s) }
func (s *Copy) String() string           { return stmtText(s) }
func (s *Transaction) String() string    { return stmtText(s) }
func (s *SetTransaction) String() string { return stmtText(s) }
func (s *Set) String() string            { return stmtText(s) }
func (s *Show) String() string           { return stmtText(s) }
func (s *Reset) String() string          { return stmtText(s) }
func (s *Discard) String() string        { return stmtText(s) }
func (s *Explain) String() string        { return stmtText(s) }
func (s *Prepare) String() string        { return stmtText(s) }
func (s *Execute) String() string        { return stmtText(s) }
func (s *Deallocate) String() string     { return stmtText(s) }
func (s *DeclareCursor) String() string  { return stmtText(s) }
func (s *Fetch) String() string          { return stmtText(s) }
func (s *CloseCursor) String() string    { return stmtText(s) }
func (s *Listen) String() string         { return stmtText(s) }
func (s *Notify) String() string         { return stmtText(s) }
func (s *Unlisten) String() string       { return stmtText(s) }
func (s *CreateRole) String() string     { return stmtText(s) }
func (s *Other) String() string          { return s.text }
