package query

import (
	"context"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A Table is what a name in FROM means: rows in columns, read in batches. Ledger tables and catalog tables alike are
// Tables, and one executor reads both.
//
// A table is shared by all sessions; what differs between them comes in with the request.
type Table interface {
	Def() *TableDef
	// Plan chooses how to read the rows that r asks for. It reads nothing yet.
	Plan(r *ScanRequest) (*Path, error)
}

// A TableDef describes a table.
type TableDef struct {
	OID     value.OID
	Schema  string
	Name    string
	Columns []ColumnDef
	// Row is the type of the table's rows; nil for tables of the catalog, whose rows are records.
	Row *value.Type
	// Ledger tables only grow: UPDATE and the like are refused with their reason.
	Ledger bool
	// Private tables are for superusers alone.
	Private bool
	// Insertable tables take INSERT and COPY FROM.
	Insertable bool
}

// Column returns the index of a visible column, -1 if there is none of this name.
func (d *TableDef) Column(name string) int {
	for i := range d.Columns {
		if d.Columns[i].Name == name && !d.Columns[i].Hidden {
			return i
		}
	}
	return -1
}

// addTableOID adds the system column tableoid. It is computed of a column that is null only where an outer join makes the whole row so.
func (d *TableDef) addTableOID() {
	from := slices.IndexFunc(d.Columns, func(c ColumnDef) bool { return c.NotNull && c.Compute == nil && c.Type.Kind == value.Int64 })
	oid := int64(d.OID)
	d.Columns = append(d.Columns, ColumnDef{Name: "tableoid", Type: value.Oid, NotNull: true, Hidden: true, System: systemAttributes["tableoid"],
		From: []int{from}, Compute: func(_ *fn.Env, out *value.Vector, _ []*value.Vector, n int, sel []int32) error {
			rows(&value.Batch{N: n, Sel: sel}, func(i int) { out.Ints[i] = oid })
			return nil
		}})
}

// A ColumnDef is a column of a table. Attribute numbers count visible columns from 1, which stand before the hidden ones.
type ColumnDef struct {
	Name    string
	Type    *value.Type
	NotNull bool
	Hidden  bool // serves computed columns alone; SQL cannot name it
	// System columns are hidden ones that SQL can name, but that * leaves out. It is their number in pg_attribute, 0 for other columns.
	System int16
	// Modifier is that of the type, as in pg_attribute.atttypmod; 0 stands for none.
	Modifier int32
	// Compute makes the column out of the columns From of the same row, when and for the rows that something needs it.
	// It is nil for a column that scans deliver.
	Compute fn.Kernel
	From    []int
}

// A ScanRequest says which part of a table a statement wants.
type ScanRequest struct {
	Session *Session
	Where   []Constraint // all of them hold for the rows wanted
	Need    []bool       // by column: whether its values are used; never set for computed columns
	Order   []OrderKey   // the order the statement would like
	AsOf    *Snapshot    // read as it stood then; nil for the ledger as it stands
	Few     int          // so many rows are likely to be enough; 0 if unknown
	Sample  *Sample      // the only rows that are wanted, known when the path is opened; nil for all. The scan leaves others out itself
}

// A Constraint is a condition on one column that a path may make use of.
type Constraint struct {
	Column int
	Op     ConstraintOp
	Values []value.Datum // of the column's type, none null; one, or any number for OneOf
	cond   expr          // for EXPLAIN: what it says
}

// A ConstraintOp compares a column with the values of a Constraint.
type ConstraintOp uint8

// The comparisons.
const (
	Equal ConstraintOp = iota
	OneOf              // equal to one of the values
	Less
	LessEqual
	Greater
	GreaterEqual
)

// An OrderKey is one column of an order. Where nulls go does not matter to tables: they keep an order by columns without nulls
// alone.
type OrderKey struct {
	Column     int
	Desc       bool
	NullsFirst bool
}

// A Path is a way to read a table.
type Path struct {
	Name    string // as EXPLAIN shows it: "Seq Scan on rounds", "Index Scan using hashes_digest on hashes"
	Used    []bool // by constraint: the path gives no row that breaks it
	Ordered int    // so many of the first keys of the request's order hold
	Rows    float64
	Open    func(ctx context.Context) (Scan, error)
	// Keys are the columns by whose values rows are found: given a OneOf constraint on one of them, the table reads little more
	// than the rows that it names.
	Keys []int
	// KeyRows is about how many rows are read in the time in which those of one such value are found.
	KeyRows float64
	// Split returns ways to open parts of the rows, at most n, to be read at the same time: one after the other they give what
	// Open gives. It returns nil, and is nil, where that is not worth while.
	Split func(ctx context.Context, n int) ([]func(ctx context.Context) (Scan, error), error)
}

// A Scan reads rows.
type Scan interface {
	// Next resets the needed columns of b, at their indices, and fills them with up to value.BatchSize rows. b.N = 0 ends.
	Next(ctx context.Context, b *value.Batch) error
	Close()
}
