package query

import "github.com/jurat-ledger/jurat/query/value"

// newIndexStatusTable makes jurat_index_status: one row that says how far the index of digests is. What is not indexed yet
// is found too, but in memory. It is for superusers and operators: it tells how much all agencies file together.
func newIndexStatusTable(l Ledger, oid value.OID) Table {
	t := &listTable{def: TableDef{OID: oid, Schema: "public", Name: "jurat_index_status", Ledger: true, Private: true, Columns: []ColumnDef{
		{Name: "leaves", Type: value.Int8, NotNull: true},
		{Name: "indexed", Type: value.Int8, NotNull: true},
		{Name: "backlog", Type: value.Int8, NotNull: true},
		{Name: "recent", Type: value.Int8, NotNull: true},
		{Name: "runs", Type: value.Int4, NotNull: true},
		{Name: "bytes", Type: value.Int8, NotNull: true},
	}}}
	t.rows = func(s *Session, _ []bool) ([][]value.Datum, error) {
		if !s.role.Kind.administers() {
			return nil, errf(codeNoPrivilege, "permission denied for table jurat_index_status").on(t.def.Name).
				hint("It tells how much all agencies file together: only a superuser or an operator may read it.")
		}
		x, err := l.IndexStatus()
		if err != nil {
			return nil, err
		}
		count := func(n uint64) value.Datum { return value.NewInt(value.Int8, int64(n)) }
		return [][]value.Datum{{count(x.Leaves), count(x.Indexed), count(x.Leaves - x.Indexed), count(x.Recent),
			value.NewInt(value.Int4, int64(x.Runs)), count(x.Bytes)}}, nil
	}
	return t
}
