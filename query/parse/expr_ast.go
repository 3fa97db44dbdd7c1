package parse

// An Expr is one of the expression nodes: *Literal, *Param, *ColumnRef, *Star, *Default, *Unary, *Binary, *Logic, *Call,
// *NamedArg, *ValueFunc, *Cast, *Case, *Subquery, *In, *Quantified, *Array, *Row, *Subscript, *Field, *Between, *Like,
// *Is, *Distinct, *Collate or *GroupingSet. String gives SQL that parses to the same tree.
//
// Trees are at most 20,000 levels high: a recursive walk is safe.
type Expr interface {
	Node
	String() string
	exprNode()
}

// A Literal is a constant.
type Literal struct {
	Loc
	Kind LiteralKind
	// Text is the value: of strings with all escapes undone; of numbers as written, with a leading minus if the
	// constant was negated; of bit and hex strings the digits; "true" or "false"; empty for NULL.
	Text string
}

// A LiteralKind is the kind of a Literal.
type LiteralKind uint8

// The kinds of literals.
const (
	Null LiteralKind = iota
	Bool
	String  // '…', E'…', U&'…', $tag$…$tag$: of type unknown until its use shows one
	Integer // decimal digits only, any number of them: int4, else int8, else numeric
	Float   // with a point or exponent: numeric
	Bit     // B'0101'
	Hex     // X'1F': a bit string as well
)

// A Param is $n, n from 1 to 65,535.
type Param struct {
	Loc
	Number int
}

// A ColumnRef is column, table.column, schema.table.column or catalog.schema.table.column; what the parts mean is only
// known with the tables: the last ones may be fields of a composite column. Parts has one to four elements.
type ColumnRef struct {
	Loc
	Parts []string
}

// A Star is *, table.*, schema.table.* (Parts) or (x).* (X). It stands only in select lists, count(*) excepted, which
// is Call.Star.
type Star struct {
	Loc
	Parts []string
	X     Expr
}

// A Default is DEFAULT in place of a value in INSERT or UPDATE. Parse lets it stand only as a whole value there.
type Default struct {
	Loc
}

// An Operator is the name of an operator; Schema is that of OPERATOR(schema.op), else empty. != is turned into <>.
type Operator struct {
	Schema, Name string
}

// A Unary is a prefix operator. Its Loc is that of the operator. A minus before a numeric constant becomes part of the
// constant. (Postgres 15 has no postfix operators.)
type Unary struct {
	Loc
	Op Operator
	X  Expr
}

// A Binary is an operator between two operands. Its Loc is that of the operator.
type Binary struct {
	Loc
	Op   Operator
	L, R Expr
}

// A Logic is AND or OR of two or more expressions, or NOT of one. Chains are flat: a AND b AND c has three arguments.
type Logic struct {
	Loc
	Op   LogicOp
	Args []Expr
}

// A LogicOp is AND, OR or NOT.
type LogicOp uint8

// The logical operators.
const (
	And LogicOp = iota
	Or
	Not
)

// A Call is a function call. The special forms of SQL become calls of the functions of pg_catalog that they mean, with
// Schema "pg_catalog" and arguments in the order of these functions, as in Postgres:
//
//	x AT TIME ZONE z                timezone(z, x)
//	EXTRACT(f FROM x)               extract('f', x)
//	OVERLAY(x PLACING y FROM n …)   overlay(x, y, n …)
//	POSITION(a IN b)                position(b, a)
//	SUBSTRING(x FROM n FOR m)       substring(x, n, m)
//	SUBSTRING(x FOR m)              substring(x, 1, m::int4)
//	SUBSTRING(x SIMILAR p ESCAPE e) substring(x, p, e)
//	TRIM([BOTH] c FROM x)           btrim(x, c), LEADING ltrim, TRAILING rtrim
//	(a, b) OVERLAPS (c, d)          overlaps(a, b, c, d)
//	NORMALIZE(x, NFC)               normalize(x, 'NFC')
//	x IS NFC NORMALIZED             is_normalized(x, 'NFC')
//	COLLATION FOR (x)               pg_collation_for(x)
//
// COALESCE, GREATEST, LEAST, NULLIF and GROUPING are calls with Keyword set and no schema.
type Call struct {
	Loc
	Name        Name
	Keyword     bool
	Star        bool // count(*)
	Distinct    bool
	Variadic    bool   // VARIADIC stands before the last argument
	Args        []Expr // a *NamedArg may be among them, after those without name
	OrderBy     []SortKey
	WithinGroup bool    // OrderBy stands in WITHIN GROUP (ORDER BY …)
	Filter      Expr    // FILTER (WHERE …)
	Over        *Window // nil unless called as a window function
}

// A NamedArg is name => value in a call.
type NamedArg struct {
	Loc
	Name  string
	Value Expr
}

// A ValueFunc is a function that is written as a word: current_date, current_time, current_timestamp, localtime,
// localtimestamp, current_role, current_user, session_user, user, current_catalog, current_schema.
type ValueFunc struct {
	Loc
	Name      string
	Precision int // of current_time(p) and the like; -1 if not written
}

// A Cast is x::type, CAST(x AS type) or type 'literal'.
type Cast struct {
	Loc
	X    Expr
	Type *TypeName
}

// A TypeName is a type as written. The words of SQL have become the names of Postgres' own types, with Schema
// "pg_catalog": int is int4, double precision float8, decimal numeric, char(n) bpchar, time with time zone timetz, and so
// on. All other names stand as written.
type TypeName struct {
	Name
	// Mods are the modifiers: (10,2) of numeric(10,2). char and bit without length have the modifier 1. Of interval it is
	// the precision of the seconds.
	Mods []Expr
	// Fields restricts an interval: INTERVAL '1' DAY TO HOUR.
	Fields IntervalFields
	// Dims is the number of array dimensions written: 2 for int[][].
	Dims  int
	SetOf bool
}

// IntervalFields is a set of the fields of an interval; zero means no restriction.
type IntervalFields uint8

// The fields. YEAR TO MONTH is Year|Month, DAY TO SECOND all four from Day to Second.
const (
	Year IntervalFields = 1 << iota
	Month
	Day
	Hour
	Minute
	Second
)

// A Case is CASE [operand] WHEN … THEN … ELSE … END.
type Case struct {
	Loc
	Operand Expr
	Whens   []When
	Else    Expr
}

// A When is one branch of a Case.
type When struct {
	Loc
	Cond, Result Expr
}

// A Subquery is a query in an expression.
type Subquery struct {
	Loc
	Kind   SubqueryKind
	Select *Select
}

// A SubqueryKind says what a Subquery gives.
type SubqueryKind uint8

// The kinds of subqueries in expressions; In and Quantified hold theirs themselves.
const (
	ScalarSubquery SubqueryKind = iota // (SELECT …)
	ExistsSubquery                     // EXISTS (SELECT …)
	ArraySubquery                      // ARRAY(SELECT …)
)

// An In is x [NOT] IN (list) or x [NOT] IN (query).
type In struct {
	Loc
	X      Expr
	Not    bool
	List   []Expr  // nil if Select is set
	Select *Select // nil if List is set
}

// A Quantified is x op ANY (…) or x op ALL (…) over an array or a query. SOME is ANY. LIKE, ILIKE and their negations
// are the operators ~~, ~~*, !~~ and !~~*.
type Quantified struct {
	Loc
	X      Expr
	Op     Operator
	All    bool
	Array  Expr    // nil if Select is set
	Select *Select // nil if Array is set
}

// An Array is ARRAY[…]; a nested [ … ] is an Array as well.
type Array struct {
	Loc
	Elems []Expr
}

// A Row is ROW(…), with any number of elements, or (a, b …), with two or more.
type Row struct {
	Loc
	Elems    []Expr
	Explicit bool // written with ROW
}

// A Subscript is x[i] (Lower alone) or the slice x[lower:upper], where either bound may be nil.
type Subscript struct {
	Loc
	X            Expr
	Lower, Upper Expr
	Slice        bool
	Closed       bool // stands in parentheses before another subscript, which is of its result and no further dimension
}

// A Field is (x).name.
type Field struct {
	Loc
	X    Expr
	Name string
}

// A Between is x [NOT] BETWEEN [SYMMETRIC] lower AND upper.
type Between struct {
	Loc
	X, Lower, Upper Expr
	Not, Symmetric  bool
}

// A Like is x [NOT] LIKE, ILIKE or SIMILAR TO pattern [ESCAPE escape].
type Like struct {
	Loc
	Kind       LikeKind
	Not        bool
	X, Pattern Expr
	Escape     Expr // nil if not written
}

// A LikeKind is the kind of pattern of a Like.
type LikeKind uint8

// The kinds of patterns.
const (
	LikePattern    LikeKind = iota
	ILikePattern            // ignores case
	SimilarPattern          // SIMILAR TO
)

// An Is is x IS [NOT] NULL, TRUE, FALSE, UNKNOWN or DOCUMENT. ISNULL and NOTNULL are it too.
type Is struct {
	Loc
	X    Expr
	Test IsTest
	Not  bool
}

// An IsTest is what an Is asks.
type IsTest uint8

// The tests.
const (
	IsNull IsTest = iota
	IsTrue
	IsFalse
	IsUnknown
	IsDocument
)

// A Distinct is a IS [NOT] DISTINCT FROM b.
type Distinct struct {
	Loc
	L, R Expr
	Not  bool
}

// A Collate is x COLLATE collation.
type Collate struct {
	Loc
	X         Expr
	Collation Name
}

// A GroupingSet is an element of GROUP BY: () (no Items), ROLLUP (…), CUBE (…) or GROUPING SETS (…). A *Row among the
// items groups by all its elements at once.
type GroupingSet struct {
	Loc
	Kind  GroupingKind
	Items []Expr
}

// A GroupingKind is the kind of a GroupingSet.
type GroupingKind uint8

// The kinds of grouping sets.
const (
	GroupingEmpty GroupingKind = iota
	GroupingRollup
	GroupingCube
	GroupingSets
)

func (*Literal) exprNode()     {}
func (*Param) exprNode()       {}
func (*ColumnRef) exprNode()   {}
func (*Star) exprNode()        {}
func (*Default) exprNode()     {}
func (*Unary) exprNode()       {}
func (*Binary) exprNode()      {}
func (*Logic) exprNode()       {}
func (*Call) exprNode()        {}
func (*NamedArg) exprNode()    {}
func (*ValueFunc) exprNode()   {}
func (*Cast) exprNode()        {}
func (*Case) exprNode()        {}
func (*Subquery) exprNode()    {}
func (*In) exprNode()          {}
func (*Quantified) exprNode()  {}
func (*Array) exprNode()       {}
func (*Row) exprNode()         {}
func (*Subscript) exprNode()   {}
func (*Field) exprNode()       {}
func (*Between) exprNode()     {}
func (*Like) exprNode()        {}
func (*Is) exprNode()          {}
func (*Distinct) exprNode()    {}
func (*Collate) exprNode()     {}
func (*GroupingSet) exprNode() {}
