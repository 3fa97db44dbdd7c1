package query

import (
	"context"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// indexedColumns are the columns of our tables that scans are quick by, by table; the first is the primary key.
var indexedColumns = map[string][]string{
	"hashes": {"receipt", "digest", "round"}, "proofs": {"receipt", "digest", "round"}, "rounds": {"round"}, "calendar": {"round"}, "journal": {"time"},
}

// defaultOf is what a column of a table that takes rows has where INSERT says nothing, as SQL says it. NULL is what the server fills
// in itself: tools that write INSERT from the catalog ask for values of columns that have no default and are not null.
func defaultOf(t *TableDef, c ColumnDef) string {
	if !t.Insertable {
		return ""
	}
	switch c.Name {
	case "digest":
		return ""
	case "algorithm":
		return "'sha256'::text"
	case "agency":
		return "CURRENT_USER"
	case "lane":
		return "'main'::text"
	}
	return "NULL::" + c.Type.SQL
}

// addCatalog makes the system catalog, which describes the tables and the functions.
func (e *Engine) addCatalog(functions []*fn.Function) {
	c := catalog.Config{Database: e.Database, Functions: functions, Registry: e.fns}
	for _, t := range e.tables {
		def := t.Def()
		d := catalog.Table{Insert: def.Insertable, Private: def.Private, Filings: e.showsFilings(t), Comment: tableComments[def.Name], Comments: map[string]string{}}
		d.Relation = catalog.Relation{OID: def.OID, Schema: def.Schema, Name: def.Name, Kind: 'r', Row: def.Row}
		if v, ok := t.(*view); ok {
			d.Kind, d.Definition = 'v', v.text
		}
		for _, col := range def.Columns {
			if !col.Hidden {
				d.Columns = append(d.Columns, catalog.Column{Name: col.Name, Type: col.Type, Typmod: -1, NotNull: col.NotNull, Default: defaultOf(def, col)})
				d.Comments[col.Name] = columnComments[col.Name]
			}
		}
		for i, col := range indexedColumns[def.Name] {
			d.Indexes = append(d.Indexes, catalog.Index{Name: def.Name + "_" + col, Column: col, Primary: i == 0})
		}
		c.Tables = append(c.Tables, d)
	}
	slices.SortFunc(c.Tables, func(a, b catalog.Table) int { return int(a.OID) - int(b.OID) })
	e.catalog = catalog.New(c)
	e.system = map[string]map[string]Table{"pg_catalog": {}, "information_schema": {}}
	for _, r := range catalog.Relations() {
		e.system[r.Schema][r.Name] = newCatalogTable(r)
	}
}

// A catalogTable is a relation of the system catalog. Its rows are made when it is read.
type catalogTable struct {
	def TableDef
	rel *catalog.Relation

	mu    sync.Mutex
	index map[int]map[any][]int32 // of rows that never change: by column and value, their numbers
}

func newCatalogTable(r *catalog.Relation) *catalogTable {
	t := &catalogTable{rel: r, def: TableDef{OID: r.OID, Schema: r.Schema, Name: r.Name, Row: r.Row}, index: map[int]map[any][]int32{}}
	for _, c := range r.Columns {
		d := ColumnDef{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		if c.Typmod >= 0 {
			d.Modifier = c.Typmod
		}
		t.def.Columns = append(t.def.Columns, d)
	}
	for _, c := range catalogSystem {
		t.def.Columns = append(t.def.Columns, ColumnDef{Name: c.name, Type: c.t, NotNull: true, Hidden: true, System: systemAttributes[c.name]})
	}
	return t
}

// systemAttributes are the numbers of the columns that every table of PostgreSQL has besides its own.
var systemAttributes = map[string]int16{"tableoid": -6, "cmax": -5, "xmax": -4, "cmin": -3, "xmin": -2, "ctid": -1}

// catalogSystem are the system columns of the catalog's relations, which stand behind the others.
var catalogSystem = []struct {
	name string
	t    *value.Type
	of   func(*catalogScan) int64 // in all rows
}{
	{"tableoid", value.Oid, func(s *catalogScan) int64 { return int64(s.oid) }},
	{"xmin", value.MustType(value.XIDOID), func(*catalogScan) int64 { return frozen }},
}

// frozen is the transaction that wrote what has always been there.
const frozen = 2

func (t *catalogTable) Def() *TableDef { return &t.def }

// Plan looks rows up where one column has to equal values; else it gives all of them.
func (t *catalogTable) Plan(r *ScanRequest) (*Path, error) {
	rows, shared := r.Session.Catalog().Rows(t.rel, r.Session)
	p := &Path{Name: "Seq Scan on " + t.def.Name, Used: make([]bool, len(r.Where)), Rows: float64(rows.N)}
	scan := catalogScan{rows: rows, oid: t.def.OID, need: r.Need, left: rows.N}
	for i, c := range r.Where {
		kind := t.def.Columns[c.Column].Type.Kind
		if shared && c.Column < len(t.rel.Columns) && c.Op <= OneOf && (kind == value.Int64 || kind == value.Bytes) {
			scan.found, scan.left, p.Used[i] = t.find(rows, c), 0, true
			p.Name = "Index Scan using " + t.def.Name + "_" + t.def.Columns[c.Column].Name + "_index on " + t.def.Name
			p.Rows = float64(len(scan.found))
			break
		}
	}
	p.Open = func(context.Context) (Scan, error) {
		s := scan
		return &s, nil
	}
	return p, nil
}

// find returns the numbers of the rows that c admits, ascending.
func (t *catalogTable) find(rows *catalog.Rows, c Constraint) (found []int32) {
	t.mu.Lock()
	index := t.index[c.Column]
	if index == nil {
		index = map[any][]int32{}
		col := rows.Cols[c.Column]
		for i := range rows.N {
			if !col.IsNull(i) {
				key := lookupKey(col.Datum(i))
				index[key] = append(index[key], int32(i))
			}
		}
		t.index[c.Column] = index
	}
	t.mu.Unlock()
	for _, d := range c.Values {
		found = append(found, index[lookupKey(d)]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func lookupKey(d value.Datum) any {
	if d.Type.Kind == value.Int64 {
		return d.I
	}
	return string(d.B)
}

// A catalogScan gives the last rows of a relation, left many, or those that were found.
type catalogScan struct {
	rows  *catalog.Rows
	oid   value.OID
	need  []bool
	left  int
	found []int32
}

func (s *catalogScan) Next(_ context.Context, b *value.Batch) error {
	from := s.rows.N - s.left
	b.N = min(value.BatchSize, max(s.left, len(s.found)))
	for k, need := range s.need {
		switch {
		case !need:
		case k >= len(s.rows.Cols):
			c := &catalogSystem[k-len(s.rows.Cols)]
			*b.Cols[k] = *value.NewConst(value.NewInt(c.t, c.of(s)), b.N)
		case s.left > 0:
			*b.Cols[k] = *s.rows.Cols[k].Window(from, from+b.N)
		default:
			var v value.Vector // the one before may share the memory of the relation
			v.Gather(s.rows.Cols[k], s.found[:b.N])
			*b.Cols[k] = v
		}
	}
	if s.left > 0 {
		s.left -= b.N
	} else {
		s.found = s.found[b.N:]
	}
	return nil
}

func (s *catalogScan) Close() {}
