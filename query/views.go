package query

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A view is a table whose rows are those of a query over other tables, read with the rights of whoever reads the view. The analyzer
// puts the query in its place.
type view struct {
	def   TableDef
	text  string // the query in SQL, as pg_get_viewdef shows it; it names tables with their schema
	query *parse.Select
	reads []string // the tables that the query names in FROM
}

func newView(name string, oid value.OID, text string, columns ...ColumnDef) *view {
	list, err := parse.Parse(text)
	if err != nil {
		panic("query: view " + name + ": " + err.Error())
	}
	q := list[0].Stmt.(*parse.Select)
	def := TableDef{OID: oid, Schema: "public", Name: name, Ledger: true, Columns: columns}
	return &view{def: def, text: strings.TrimSpace(text), query: q, reads: tablesOf(name, q)}
}

// tablesOf returns the tables that the query of a view reads. The queries of views are plain: FROM names all of them.
func tablesOf(view string, q *parse.Select) (names []string) {
	if q.With != nil || q.Op != 0 {
		panic("query: view " + view + ": WITH and UNION need a look at what they read")
	}
	var add func(parse.TableExpr)
	add = func(t parse.TableExpr) {
		switch t := t.(type) {
		case *parse.Table:
			names = append(names, t.Name.Name)
		case *parse.Join:
			add(t.Left)
			add(t.Right)
		default:
			panic("query: view " + view + ": FROM is to name tables")
		}
	}
	for _, t := range q.From {
		add(t)
	}
	return names
}

// showsFilings reports whether the rows of a table come from filings: it is one of them, or a view that reads one.
func (e *Engine) showsFilings(t Table) bool {
	switch t := t.(type) {
	case *leafTable:
		return true
	case *view:
		return slices.ContainsFunc(t.reads, func(name string) bool { return e.showsFilings(e.tables[name]) })
	}
	return false
}

func (v *view) Def() *TableDef { return &v.def }

// Plan is not called: no plan scans a view.
func (v *view) Plan(*ScanRequest) (*Path, error) { panic("query: a view is scanned") }

// newDuplicatesView is the digests that an agency filed more than once, in one lane or in several.
func newDuplicatesView(oid value.OID) *view {
	return newView("duplicates", oid, `
 SELECT agency,
    digest,
    algorithm,
    count(*) AS filings,
    array_agg(DISTINCT lane ORDER BY lane) AS lanes,
    min(round) AS first_round,
    max(round) AS last_round
   FROM public.hashes
  GROUP BY agency, digest, algorithm
 HAVING count(*) > 1;`,
		ColumnDef{Name: "agency", Type: value.Text}, ColumnDef{Name: "digest", Type: value.Bytea}, ColumnDef{Name: "algorithm", Type: value.Text},
		ColumnDef{Name: "filings", Type: value.Int8}, ColumnDef{Name: "lanes", Type: value.MustType(value.Text.Array)},
		ColumnDef{Name: "first_round", Type: value.Timestamptz}, ColumnDef{Name: "last_round", Type: value.Timestamptz})
}

// newLateFilingsView is the filings whose round is not the second in which the ledger accepted them: the clock was stepped, or the
// lane was new.
func newLateFilingsView(oid value.OID) *view {
	return newView("late_filings", oid, `
 SELECT digest,
    algorithm,
    agency,
    lane,
    round,
    slot_index,
    receipt,
    filed_at,
    round - filed_at AS late
   FROM public.hashes
  WHERE filed_at > round OR filed_at <= (round - '1 second'::interval);`,
		ColumnDef{Name: "digest", Type: value.Bytea}, ColumnDef{Name: "algorithm", Type: value.Text}, ColumnDef{Name: "agency", Type: value.Text},
		ColumnDef{Name: "lane", Type: value.Text}, ColumnDef{Name: "round", Type: value.Timestamptz}, ColumnDef{Name: "slot_index", Type: value.Int8},
		ColumnDef{Name: "receipt", Type: value.Text}, ColumnDef{Name: "filed_at", Type: value.Timestamptz}, ColumnDef{Name: "late", Type: value.IntervalT})
}

// fromView analyzes a view named in FROM.
func (a *analyzer) fromView(t *parse.Table, v *view) (plan node, s *scope, err error) {
	ctes, clause := a.ctes, a.clause
	a.ctes = nil
	err = a.unlateral(hintLateral, func() error {
		plan, err = a.query(v.query, nil)
		return err
	})
	a.ctes, a.clause = ctes, clause
	if err != nil {
		return nil, nil, err
	}
	s, err = a.derived(t, plan, v.def.Name, t.Alias)
	for i := range s.cols {
		c := &s.cols[i]
		c.row = v.def.Row
		c.from.Table, c.from.Attribute = v.def.OID, int16(i+1)
		if t.Alias.Name == "" {
			c.schema = v.def.Schema
		}
	}
	return plan, s, err
}
