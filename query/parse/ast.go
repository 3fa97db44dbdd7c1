package parse

// A Loc is where a node stands: a byte offset into the string given to Parse. Every node embeds one.
type Loc int32

// Pos returns the byte offset. CharPos makes the 1-based character position of an error field out of it.
func (l Loc) Pos() int { return int(l) }

// A Node is anything of the tree that has a place in the text.
type Node interface {
	Pos() int
}

// A Stmt is one of the statement nodes below: *Select, *Insert, *Update, *Delete, *Copy, *Transaction, *SetTransaction,
// *Set, *Show, *Reset, *Discard, *Explain, *Prepare, *Execute, *Deallocate, *DeclareCursor, *Fetch, *CloseCursor,
// *Listen, *Notify, *Unlisten, *CreateRole, *AlterRole, *AlterRoleSet, *DropRole, *GrantRole or *Other. String gives SQL that
// parses to the same tree.
type Stmt interface {
	Node
	String() string
	stmtNode()
}

// A Statement is one statement of the parsed text.
type Statement struct {
	Stmt
	// Text is the statement as it was written, without the semicolon and without space or comments around it.
	Text string
	// Params is the highest n of the parameters $n in it, 0 if there are none.
	Params int
	// Tokens is about how many tokens it has: its trees take memory in proportion.
	Tokens int
	// Notices are remarks for the client, such as that an identifier was cut to 63 bytes (42622).
	Notices []*Error
}

// A Name names a table, function, type or collation, at most as catalog.schema.name. Parts not written are empty.
type Name struct {
	Loc
	Catalog, Schema, Name string
}

// A Column is the name of a column that is written or listed alone.
type Column struct {
	Loc
	Name string
}

// A Select is a SELECT, VALUES or TABLE statement, a set operation of two of them, or a subquery of these kinds. It has
// one of three bodies: Op != 0 and Left and Right; or Values; or what stands from Distinct to Windows. With, OrderBy,
// Limit, Offset and Locking go with any of the three.
type Select struct {
	Loc
	With *With // nil if absent

	Op          SetOp
	All         bool // UNION ALL …: keep duplicates
	Left, Right *Select

	Values [][]Expr // rows of equal length; a *Default may stand for a value

	Distinct      bool   // DISTINCT without ON
	DistinctOn    []Expr // DISTINCT ON (…)
	Targets       []Target
	Into          *Name // SELECT … INTO, which creates a table
	From          []TableExpr
	Where         Expr   // nil if absent, as all single expressions here
	GroupBy       []Expr // a *GroupingSet may be among them
	GroupDistinct bool   // GROUP BY DISTINCT
	Having        Expr
	Windows       []*Window // named ones, in order

	OrderBy  []SortKey
	Limit    Expr // nil also for LIMIT ALL
	WithTies bool // FETCH FIRST … WITH TIES
	Offset   Expr
	Locking  []Locking
}

// A Locking is FOR UPDATE and the like: nothing here can be locked.
type Locking struct {
	Mode string // "UPDATE", "NO KEY UPDATE", "SHARE" or "KEY SHARE"
	Of   []Name
}

// A SetOp joins two queries.
type SetOp uint8

// The set operations; zero is none.
const (
	Union SetOp = iota + 1
	Intersect
	Except
)

// A With is a WITH clause.
type With struct {
	Loc
	Recursive bool
	CTEs      []*CTE
}

// A CTE is one query of a WITH clause.
type CTE struct {
	Loc
	Name         string
	Cols         []string
	Materialized Materialized
	Query        Stmt // *Select, *Insert, *Update or *Delete
}

// Materialized says whether a CTE has to be computed on its own.
type Materialized uint8

// The three ways to say or not to say it.
const (
	MaterializedDefault Materialized = iota
	MaterializedAlways               // AS MATERIALIZED
	MaterializedNever                // AS NOT MATERIALIZED
)

// A Target is an element of a select list or RETURNING.
type Target struct {
	X     Expr   // *Star for * and t.*
	Alias string // empty if there is none; DefaultColumnName then gives the name Postgres would use
}

// A SortKey is an element of ORDER BY.
type SortKey struct {
	X     Expr
	Desc  bool
	Nulls Nulls
	Using *Operator // ORDER BY x USING op; nil otherwise
}

// Nulls says where NULLs sort.
type Nulls uint8

// NullsDefault means last when ascending, first when descending.
const (
	NullsDefault Nulls = iota
	NullsFirst
	NullsLast
)

// A Window is a window definition: in WINDOW name AS (…), in OVER (…) or OVER name.
type Window struct {
	Loc
	Name        string // set in a WINDOW clause, or in OVER name, where all else is empty
	Base        string // the window that this one adds to: (base ORDER BY …)
	PartitionBy []Expr
	OrderBy     []SortKey
	Frame       *Frame // nil if not written
}

// A Frame is the frame clause of a window.
type Frame struct {
	Loc
	Mode       FrameMode
	Start, End Bound // End is CURRENT ROW if the clause has no BETWEEN
	Exclude    FrameExclude
}

// A FrameMode is the unit that a frame counts in.
type FrameMode uint8

// The frame modes.
const (
	FrameRange FrameMode = iota
	FrameRows
	FrameGroups
)

// A Bound is one end of a frame. Offset is set for OffsetPreceding and OffsetFollowing alone.
type Bound struct {
	Kind   BoundKind
	Offset Expr
}

// A BoundKind is the kind of a frame's end, in the order of the rows.
type BoundKind uint8

// The kinds of bounds.
const (
	UnboundedPreceding BoundKind = iota
	OffsetPreceding
	CurrentRow
	OffsetFollowing
	UnboundedFollowing
)

// A FrameExclude says which rows a frame leaves out.
type FrameExclude uint8

// What a frame leaves out.
const (
	ExcludeNoOthers FrameExclude = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// A TableExpr is an element of FROM: *Table, *SubqueryTable, *FuncTable or *Join.
type TableExpr interface {
	Node
	tableNode()
}

// An Alias renames a table and, as far as Cols goes, its columns. Name is empty where there is no alias.
type Alias struct {
	Name string
	Cols []string
}

// A Table is a table, view or CTE named in FROM, or the target of INSERT, UPDATE, DELETE.
type Table struct {
	Name
	Only   bool
	Alias  Alias
	Sample *Sample // TABLESAMPLE; nil if not given
}

// A Sample is TABLESAMPLE method (arguments) [REPEATABLE (seed)].
type Sample struct {
	Method Name
	Args   []Expr
	Seed   Expr // nil if not given
}

// A SubqueryTable is a query in FROM. Its alias is never empty: Postgres 15 demands one, and so does Parse.
type SubqueryTable struct {
	Loc
	Lateral bool
	Select  *Select
	Alias   Alias
}

// A FuncTable is one function in FROM, or several in ROWS FROM (…).
type FuncTable struct {
	Loc
	Lateral    bool
	RowsFrom   bool
	Funcs      []FuncItem // one unless RowsFrom
	Ordinality bool
	Alias      Alias
}

// A FuncItem is a function in FROM with the column definition list of a function that returns record.
type FuncItem struct {
	Func Expr // *Call, *Cast, *ValueFunc …
	Cols []ColumnDef
}

// A ColumnDef is a column of a column definition list: f() AS t(a int, b text COLLATE "C").
type ColumnDef struct {
	Loc
	Name      string
	Type      *TypeName
	Collation *Name // nil if not written
}

// A Join joins two elements of FROM. Of Natural, Using and On at most one is set; none only in a cross join.
type Join struct {
	Loc
	Kind        JoinKind
	Natural     bool
	Left, Right TableExpr
	Using       []Column
	UsingAlias  string // USING (…) AS alias
	On          Expr
	Alias       Alias // (a JOIN b …) AS alias
}

// A JoinKind is the kind of a join.
type JoinKind uint8

// The kinds of joins.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

// An Insert is an INSERT statement.
type Insert struct {
	Loc
	With       *With
	Table      Table
	Cols       []Column // nil if not written
	Overriding string   // "system" or "user" for OVERRIDING … VALUE
	Source     *Select  // nil for DEFAULT VALUES
	OnConflict *OnConflict
	Returning  []Target
}

// An OnConflict is the ON CONFLICT clause of an INSERT.
type OnConflict struct {
	Loc
	Target      []Expr // columns or expressions of ON CONFLICT (…); nil if there is no target
	TargetWhere Expr
	Constraint  string // ON CONFLICT ON CONSTRAINT name
	Update      bool   // DO UPDATE; else DO NOTHING
	Set         []Assignment
	Where       Expr
}

// An Assignment is column = value, or (columns) = row, of a SET list.
type Assignment struct {
	Cols  []Column
	Multi bool // written in parentheses
	Value Expr
}

// An Update is an UPDATE statement. Ledger tables refuse it, so it is parsed whole but kept for its target.
type Update struct {
	Loc
	With      *With
	Table     Table
	Set       []Assignment
	From      []TableExpr
	Where     Expr
	CurrentOf string // WHERE CURRENT OF cursor
	Returning []Target
}

// A Delete is a DELETE statement.
type Delete struct {
	Loc
	With      *With
	Table     Table
	Using     []TableExpr
	Where     Expr
	CurrentOf string
	Returning []Target
}

// A Copy is a COPY statement, of a table or of a query. Old option syntax (WITH CSV DELIMITER ',') is turned into the
// new one: options named format, freeze, delimiter, null, header, quote, escape, force_quote, force_not_null,
// force_null, encoding. The parser does not judge option names or values.
type Copy struct {
	Loc
	Table   *Name // nil if Query is set
	Cols    []Column
	Query   Stmt   // *Select, *Insert, *Update or *Delete
	From    bool   // COPY … FROM; else TO
	File    string // file or program; empty for STDIN and STDOUT
	Program bool
	Options []Option
	Where   Expr
}

// An Option is an element of an option list: COPY, EXPLAIN, CREATE ROLE, VACUUM, transaction modes.
type Option struct {
	Loc
	Name  string   // lower case unless it was quoted
	Value Expr     // *Literal (words become strings, as in Postgres), *Star for *, or nil if only the name was written
	List  []string // a parenthesised list, or the roles of IN ROLE
}

// A Transaction is a transaction control statement.
type Transaction struct {
	Loc
	Kind TransactionKind
	Name string // the savepoint; the identifier of a prepared transaction
	// Modes, of BEGIN and START, are options with the names of settings: transaction_isolation ('read committed' …),
	// transaction_read_only and transaction_deferrable (both boolean literals).
	Modes []Option
	Chain bool // AND CHAIN
}

// A TransactionKind is what a Transaction does.
type TransactionKind uint8

// The kinds. END is Commit, ABORT is Rollback.
const (
	Begin TransactionKind = iota
	Start                 // START TRANSACTION: as Begin, but with its own command tag
	Commit
	Rollback
	Savepoint
	Release
	RollbackTo
	PrepareTransaction
	CommitPrepared
	RollbackPrepared
)

// A SetTransaction is SET TRANSACTION, or SET SESSION CHARACTERISTICS AS TRANSACTION, which sets the defaults.
type SetTransaction struct {
	Loc
	Session  bool
	Modes    []Option // as in Transaction
	Snapshot string   // SET TRANSACTION SNAPSHOT 'id'
}

// A Set is SET name = values. The special forms are turned into settings: TIME ZONE is timezone, NAMES client_encoding,
// ROLE role, SESSION AUTHORIZATION session_authorization, SCHEMA search_path, XML OPTION xmloption.
type Set struct {
	Loc
	Local       bool
	Name        string // lower case unless quoted; may have dots
	Values      []Expr // *Literal, or *Cast of one to interval for TIME ZONE; words and booleans are strings
	Default     bool   // TO DEFAULT; no values
	FromCurrent bool   // FROM CURRENT, which only ALTER … SET gives a meaning
}

// A Show is SHOW name; Name is "all" for SHOW ALL.
type Show struct {
	Loc
	Name string
}

// A Reset is RESET name; Name is "all" for RESET ALL.
type Reset struct {
	Loc
	Name string
}

// A Discard is DISCARD; What is "all", "plans", "sequences" or "temp".
type Discard struct {
	Loc
	What string
}

// An Explain is an EXPLAIN statement. EXPLAIN ANALYZE VERBOSE is turned into options of these names.
type Explain struct {
	Loc
	Options []Option
	Stmt    Stmt
}

// A Prepare is PREPARE name (types) AS statement.
type Prepare struct {
	Loc
	Name  string
	Types []*TypeName
	Stmt  Stmt
}

// An Execute is EXECUTE name (values).
type Execute struct {
	Loc
	Name string
	Args []Expr
}

// A Deallocate is DEALLOCATE; Name is empty for ALL.
type Deallocate struct {
	Loc
	Name string
}

// A DeclareCursor is DECLARE … CURSOR FOR a query.
type DeclareCursor struct {
	Loc
	Name        string
	Binary      bool
	Insensitive bool
	Asensitive  bool
	Scroll      bool // SCROLL was written
	NoScroll    bool // NO SCROLL was written
	Hold        bool
	Query       *Select
}

// A Fetch is FETCH or MOVE.
type Fetch struct {
	Loc
	Move      bool
	Cursor    string
	Direction FetchDirection
	All       bool  // FORWARD ALL, BACKWARD ALL; Count is then 0
	Count     int64 // rows, or the position of FetchAbsolute and FetchRelative; may be negative
}

// A FetchDirection says how Count of a Fetch is meant. NEXT is forward 1, PRIOR backward 1, FIRST absolute 1, LAST
// absolute -1.
type FetchDirection uint8

// The directions.
const (
	FetchForward FetchDirection = iota
	FetchBackward
	FetchAbsolute
	FetchRelative
)

// A CloseCursor is CLOSE; Name is empty for ALL.
type CloseCursor struct {
	Loc
	Name string
}

// A Listen is LISTEN channel.
type Listen struct {
	Loc
	Channel string
}

// A Notify is NOTIFY channel, 'payload'.
type Notify struct {
	Loc
	Channel string
	Payload string
}

// An Unlisten is UNLISTEN; Channel is empty for *.
type Unlisten struct {
	Loc
	Channel string
}

// A CreateRole is CREATE ROLE, USER or GROUP. Options are named as in Postgres' catalog words: superuser, createdb,
// createrole, inherit, login, replication, bypassrls (boolean literals, false for NO…), connection_limit, password (a
// NULL literal for PASSWORD NULL), valid_until, in_role, role, admin, sysid.
type CreateRole struct {
	Loc
	Kind    string // "ROLE", "USER" or "GROUP"; only USER may log in unless told otherwise
	Name    string
	Options []Option
}

// An Other is a statement that is recognised by its head alone, so as to answer it with the right error or, for the
// harmless ones, with its command tag.
type Other struct {
	Loc
	// Command is Postgres' command tag: "TRUNCATE TABLE", "MERGE", "CREATE TABLE", "ALTER ROLE", "DROP INDEX", "LOCK
	// TABLE", "VACUUM", "ANALYZE", "CHECKPOINT", "COMMENT", "GRANT", "REVOKE", "DO", "CALL", "SET CONSTRAINTS" …
	Command string
	// Objects are the tables or other things that the statement names, as far as its head shows them.
	Objects []Name
	// IfExists and IfNotExists tell whether it says so.
	IfExists, IfNotExists bool
	// Mode is the mode of LOCK TABLE, "ACCESS SHARE"; the strongest if it was not written.
	Mode string

	text string // the statement as written
}

func (*Select) stmtNode()         {}
func (*Insert) stmtNode()         {}
func (*Update) stmtNode()         {}
func (*Delete) stmtNode()         {}
func (*Copy) stmtNode()           {}
func (*Transaction) stmtNode()    {}
func (*SetTransaction) stmtNode() {}
func (*Set) stmtNode()            {}
func (*Show) stmtNode()           {}
func (*Reset) stmtNode()          {}
func (*Discard) stmtNode()        {}
func (*Explain) stmtNode()        {}
func (*Prepare) stmtNode()        {}
func (*Execute) stmtNode()        {}
func (*Deallocate) stmtNode()     {}
func (*DeclareCursor) stmtNode()  {}
func (*Fetch) stmtNode()          {}
func (*CloseCursor) stmtNode()    {}
func (*Listen) stmtNode()         {}
func (*Notify) stmtNode()         {}
func (*Unlisten) stmtNode()       {}
func (*CreateRole) stmtNode()     {}
func (*Other) stmtNode()          {}

func (*Table) tableNode()         {}
func (*SubqueryTable) tableNode() {}
func (*FuncTable) tableNode()     {}
func (*Join) tableNode()          {}
