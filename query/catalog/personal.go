package catalog

import (
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// personal makes the rows of the relations that depend on the session.
var personal = map[string]func(*Catalog, Session, *Rows){
	"pg_catalog.pg_authid":              func(k *Catalog, s Session, r *Rows) { k.rolesOf(s, r, "rol", false) },
	"pg_catalog.pg_roles":               func(k *Catalog, s Session, r *Rows) { k.rolesOf(s, r, "rol", true) },
	"pg_catalog.pg_user":                (*Catalog).pgUser,
	"pg_catalog.pg_shadow":              (*Catalog).pgUser,
	"pg_catalog.pg_group":               (*Catalog).pgGroup,
	"pg_catalog.pg_auth_members":        (*Catalog).pgAuthMembers,
	"pg_catalog.pg_db_role_setting":     (*Catalog).pgDbRoleSetting,
	"pg_catalog.pg_hba_file_rules":      (*Catalog).pgHBAFileRules,
	"pg_catalog.pg_stat_ssl":            (*Catalog).pgStatSSL,
	"pg_catalog.pg_settings":            (*Catalog).pgSettings,
	"pg_catalog.pg_stat_activity":       (*Catalog).pgStatActivity,
	"pg_catalog.pg_stat_archiver":       addNothingDone,
	"pg_catalog.pg_stat_bgwriter":       addNothingDone,
	"pg_catalog.pg_stat_wal":            addNothingDone,
	"pg_catalog.pg_prepared_statements": (*Catalog).pgPreparedStatements,
	"pg_catalog.pg_cursors":             (*Catalog).pgCursors,
	"pg_catalog.pg_stat_database":       (*Catalog).pgStatDatabase,
	"pg_catalog.pg_timezone_names":      (*Catalog).pgTimezoneNames,

	"information_schema.enabled_roles": func(_ *Catalog, s Session, r *Rows) {
		r.add(row{"role_name": s.CurrentUser()})
	},
}

func (k *Catalog) pgSettings(s Session, r *Rows) {
	for _, g := range s.SessionSettings() {
		v := row{"name": g.Name, "setting": g.Value, "category": "Jurat", "short_desc": g.Doc, "context": "user", "vartype": g.Type, "source": g.Source,
			"min_val": g.Min, "max_val": g.Max, "enumvals": g.Values, "boot_val": g.Boot, "reset_val": g.Reset, "pending_restart": false}
		if g.Fixed {
			v["context"] = "internal"
		}
		if g.Unit != "" {
			v["unit"] = g.Unit
		}
		r.add(v)
	}
}

func (k *Catalog) pgStatActivity(s Session, r *Rows) {
	for _, a := range s.Sessions() {
		v := row{"datid": databaseOID, "datname": k.Database, "pid": a.PID, "usesysid": a.Role.OID, "usename": a.Role.Name, "application_name": a.App,
			"backend_start": a.Start, "backend_type": "client backend", "state": "disabled", "query": "", "client_port": -1}
		if a.Client != "" {
			v["client_addr"], v["client_port"] = a.Client, a.Port
		}
		if a.Own {
			v["state"], v["query"] = "active", a.Query
		}
		r.add(v)
	}
}

func (k *Catalog) pgPreparedStatements(s Session, r *Rows) {
	for _, p := range s.PreparedStatements() {
		r.add(row{"name": p.Name, "statement": p.SQL, "prepare_time": p.At, "parameter_types": p.Params, "from_sql": p.FromSQL})
	}
}

func (k *Catalog) pgCursors(s Session, r *Rows) {
	for _, c := range s.Cursors() {
		r.add(row{"name": c.Name, "statement": c.SQL, "is_holdable": c.Hold, "is_binary": c.Binary, "is_scrollable": c.Scroll, "creation_time": c.At})
	}
}

// systemRelation returns a relation of pg_catalog.
func systemRelation(name string) *Relation {
	rels := Relations()
	return rels[slices.IndexFunc(rels, func(r *Relation) bool { return r.Schema == "pg_catalog" && r.Name == name })]
}

// relationFunctions are the functions that give the rows of a view: PostgreSQL makes the view of them, and some clients ask them.
func relationFunctions() (list []*fn.Function) {
	for _, f := range [][2]string{{"pg_show_all_settings", "pg_settings"}, {"pg_cursor", "pg_cursors"}, {"pg_prepared_statement", "pg_prepared_statements"},
		{"pg_timezone_names", "pg_timezone_names"}, {"pg_timezone_abbrevs", "pg_timezone_abbrevs"}} {
		rel := systemRelation(f[1])
		var columns []fn.Column
		for _, c := range rel.Columns {
			columns = append(columns, fn.Column{Name: c.Name, Type: c.Type.OID})
		}
		list = append(list, fn.DefineSet(f[0]+"() record stable", func(env *fn.Env, _ []value.Datum) (all [][]value.Datum, err error) {
			s := env.Session.(Session)
			rows, _ := s.Catalog().Rows(rel, s)
			for i := range rows.N {
				var one []value.Datum
				for _, c := range rows.Cols {
					one = append(one, c.Datum(i))
				}
				all = append(all, one)
			}
			return all, nil
		}, columns...))
	}
	return append(list, fn.DefineSet("pg_available_extensions() record stable", func(*fn.Env, []value.Datum) ([][]value.Datum, error) { return nil, nil },
		fn.Column{Name: "name", Type: value.NameOID}, fn.Column{Name: "default_version", Type: value.TextOID}, fn.Column{Name: "comment", Type: value.TextOID}))
}

// pgTimezoneNames shows the clocks of all zones when the transaction began.
func (k *Catalog) pgTimezoneNames(s Session, r *Rows) {
	for _, z := range value.Zones(s.TransactionTime()) {
		r.add(row{"name": z.Name, "abbrev": z.Abbreviation, "utc_offset": span(z.Offset), "is_dst": z.Summer})
	}
}

func (k *Catalog) pgTimezoneAbbrevs(r *Rows) {
	for _, z := range value.ZoneAbbreviations() {
		r.add(row{"abbrev": z.Abbreviation, "utc_offset": span(z.Offset), "is_dst": z.Summer})
	}
}

// span makes an interval.
func span(d time.Duration) value.Datum {
	return value.NewBox(value.IntervalT, value.Interval{Micros: d.Microseconds()})
}

func (k *Catalog) pgStatDatabase(s Session, r *Rows) {
	r.add(row{"datid": databaseOID, "datname": k.Database, "numbackends": len(s.Sessions())})
}
