package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// statistics makes the rows of the views that count what is done with tables and indexes: they name these, and count nothing.
var statistics = func() map[string]func(*Catalog, *Rows) {
	m := map[string]func(*Catalog, *Rows){}
	for scope, schemas := range map[string][]string{
		"user": {"public"}, "sys": {"pg_catalog", "information_schema"}, "all": {"public", "pg_catalog", "information_schema"},
	} {
		tables := func(k *Catalog, r *Rows) { k.pgStatTables(r, schemas) }
		indexes := func(k *Catalog, r *Rows) { k.pgStatIndexes(r, schemas) }
		for _, view := range []string{"pg_stat_", "pg_stat_xact_", "pg_statio_"} {
			m["pg_catalog."+view+scope+"_tables"] = tables
		}
		for _, view := range []string{"pg_stat_", "pg_statio_"} {
			m["pg_catalog."+view+scope+"_indexes"] = indexes
		}
	}
	return m
}()

// addNothingDone adds the one row of the statistics of a process of PostgreSQL that there is none of here: zeros since the start.
func addNothingDone(_ *Catalog, s Session, r *Rows) {
	v := row{"stats_reset": s.Started()}
	for _, c := range r.rel.Columns {
		switch c.Type {
		case value.Int8, value.Float8:
			v[c.Name] = zero(c.Type)
		case value.NumericT:
			v[c.Name] = value.NewBox(c.Type, value.Numeric{})
		}
	}
	r.add(v)
}

func (k *Catalog) pgStatTables(r *Rows, schemas []string) {
	list := slices.DeleteFunc(k.relations(), func(rel *Relation) bool { return rel.Kind != 'r' || !slices.Contains(schemas, rel.Schema) })
	slices.SortFunc(list, func(a, b *Relation) int { return cmp.Compare(a.OID, b.OID) })
	for _, rel := range list {
		r.add(row{"relid": rel.OID, "schemaname": rel.Schema, "relname": rel.Name})
	}
}

func (k *Catalog) pgStatIndexes(r *Rows, schemas []string) {
	for _, x := range k.indexes() {
		if slices.Contains(schemas, x.table.Schema) {
			r.add(row{"relid": x.table.OID, "indexrelid": x.oid, "schemaname": x.table.Schema, "relname": x.table.Name, "indexrelname": x.Name})
		}
	}
}

// The functions that count for an object, pg_stat_get_…, by what they return.
var counters = map[string]string{
	"int8 stable": `analyze_count autoanalyze_count autovacuum_count blocks_fetched blocks_hit db_blocks_fetched db_blocks_hit db_checksum_failures
		db_conflict_all db_conflict_bufferpin db_conflict_lock db_conflict_snapshot db_conflict_startup_deadlock db_conflict_tablespace
		db_deadlocks db_sessions db_sessions_abandoned db_sessions_fatal db_sessions_killed db_temp_bytes db_temp_files
		db_tuples_deleted db_tuples_fetched db_tuples_inserted db_tuples_returned db_tuples_updated db_xact_commit db_xact_rollback
		dead_tuples function_calls ins_since_vacuum live_tuples mod_since_analyze numscans tuples_deleted tuples_fetched
		tuples_hot_updated tuples_inserted tuples_returned tuples_updated vacuum_count`,
	"int8 volatile": `xact_blocks_fetched xact_blocks_hit xact_function_calls xact_numscans xact_tuples_deleted xact_tuples_fetched
		xact_tuples_hot_updated xact_tuples_inserted xact_tuples_returned xact_tuples_updated`,
	"float8 stable": `db_active_time db_blk_read_time db_blk_write_time db_idle_in_transaction_time db_session_time function_self_time
		function_total_time`,
	"float8 volatile":    `xact_function_self_time xact_function_total_time`,
	"timestamptz stable": `db_checksum_last_failure db_stat_reset_time last_analyze_time last_autoanalyze_time last_autovacuum_time last_vacuum_time`,
}

// counts are the functions that count for an object. They know no more than the views.
func counts() (list []*fn.Function) {
	for words, names := range counters {
		for _, name := range strings.Fields(names) {
			list = append(list, each("pg_stat_get_"+name, words, unknown, "oid")...)
		}
	}
	return append(list, each("pg_stat_get_db_numbackends", "int4 stable", func(s Session, args []value.Datum) value.Datum {
		if argOID(args[0]) != databaseOID {
			return value.NewInt(value.Int4, 0)
		}
		return value.NewInt(value.Int4, int64(len(s.Sessions())))
	}, "oid")...)
}

// unknown is what nobody is told.
func unknown(Session, []value.Datum) value.Datum { return null }
