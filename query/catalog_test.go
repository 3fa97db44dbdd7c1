package query_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/query/catalog"
)

// TestCatalogRelations reads every relation of the catalog, as a superuser and as an agency.
func TestCatalogRelations(t *testing.T) {
	w := newWorld(t)
	relations := catalog.Relations()
	if len(relations) != 208 {
		t.Errorf("%d relations, PostgreSQL 15 has 208", len(relations))
	}
	for _, user := range []string{"jurat", "alpha"} {
		w.user(t, user)
		filled := 0
		for _, r := range relations {
			a := run(t.Context(), w.current, "SELECT * FROM "+r.Schema+"."+r.Name)
			if a.err != nil {
				t.Errorf("%s: %s: %v", user, r.Name, a.err)
			}
			if len(a.rows) > 0 {
				filled++
			}
			for _, row := range a.rows {
				if user == "alpha" && (strings.Contains(row, "beta") || strings.Contains(row, "65538")) {
					t.Errorf("%s betrays another agency: %s", r.Name, row)
				}
			}
		}
		if filled < 50 {
			t.Errorf("%s: %d relations only have rows", user, filled)
		}
	}
}

// TestCatalogReferences checks that what the catalog refers to is there.
func TestCatalogReferences(t *testing.T) {
	w := newWorld(t)
	for _, sql := range []string{
		"SELECT attname FROM pg_attribute WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = attrelid)",
		"SELECT attname FROM pg_attribute WHERE NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = atttypid AND typlen = attlen)",
		"SELECT relname FROM pg_class WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.oid = relnamespace)",
		"SELECT relname FROM pg_class WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = relowner)",
		"SELECT relname FROM pg_class c WHERE relnatts <> (SELECT count(*) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)",
		"SELECT typname FROM pg_type t WHERE typarray <> 0 AND NOT EXISTS (SELECT FROM pg_type a WHERE a.oid = t.typarray AND a.typelem = t.oid)",
		"SELECT typname FROM pg_type WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = typinput)",
		"SELECT typname FROM pg_type WHERE typreceive <> 0 AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = typreceive)",
		"SELECT oprname FROM pg_operator WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = oprcode)",
		"SELECT aggfnoid FROM pg_aggregate WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = aggfnoid AND prokind = 'a')",
		"SELECT proname FROM pg_proc WHERE NOT EXISTS (SELECT FROM pg_language l WHERE l.oid = prolang)",
		"SELECT indexrelid FROM pg_index WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = indexrelid AND relkind = 'i')",
		"SELECT conname FROM pg_constraint WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = conindid AND indrelid = conrelid)",
		"SELECT objoid FROM pg_description WHERE classoid = 'pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = objoid)",
		"SELECT oid FROM pg_class GROUP BY oid HAVING count(*) > 1",
		"SELECT oid FROM pg_proc GROUP BY oid HAVING count(*) > 1",
		"SELECT relname FROM pg_class c WHERE relkind <> 'i' AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = reltype AND typrelid = c.oid AND typtype = 'c' AND typname = relname AND typnamespace = relnamespace)",
		"SELECT typname FROM pg_type t WHERE typrelid <> 0 AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND reltype = t.oid)",
		"SELECT typname FROM pg_type t WHERE typelem <> 0 AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem)",
		"SELECT oid FROM pg_type GROUP BY oid HAVING count(*) > 1",
		"SELECT oid FROM pg_type WHERE to_regtype(oid::regtype::text) IS DISTINCT FROM oid AND NOT typname IN ('bpchar', '_bpchar', 'char', '_char')",
		"SELECT proname FROM pg_proc WHERE format_type(prorettype, NULL) = '???' OR pg_get_function_arguments(oid) LIKE '%???%'",
		"SELECT proname FROM pg_proc WHERE (proargdefaults IS NULL) <> (pronargdefaults = 0)",
		"SELECT indexrelid FROM pg_index EXCEPT SELECT indexrelid FROM pg_stat_user_indexes",
		"SELECT oid FROM pg_class WHERE relkind = 'r' EXCEPT SELECT relid FROM pg_statio_all_tables",
		"SELECT amname FROM pg_am WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = amhandler)",
	} {
		if a := run(t.Context(), w.current, sql); a.err != nil || len(a.rows) > 0 {
			t.Errorf("%s\n%v %v", sql, a.err, a.rows)
		}
	}
}

// TestCatalogColumns compares the columns with those that were recorded from PostgreSQL 15.
func TestCatalogColumns(t *testing.T) {
	f, err := os.Open(require.TestData(t, "client-sql", "catalog-columns-pg15.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := map[string]string{}
	for _, r := range catalog.Relations() {
		for i, c := range r.Columns {
			ours[fmt.Sprintf("%s.%s %c %d", r.Schema, r.Name, r.Kind, i+1)] = c.Name + " " + c.Type.SQL
		}
	}
	domains := strings.NewReplacer("information_schema.sql_identifier", "name", "information_schema.character_data", "character varying",
		"information_schema.yes_or_no", "character varying", "information_schema.cardinal_number", "integer",
		"information_schema.time_stamp", "timestamp with time zone", "pg_statistic[]", "record[]")
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		p := strings.Split(s.Text(), "\t")
		if p[0] == "schema" {
			continue
		}
		n++
		key := fmt.Sprintf("%s.%s %s %s", p[0], p[1], p[2], p[3])
		if want := domains.Replace(p[4] + " " + p[5]); ours[key] != want {
			t.Errorf("%s: %s, PostgreSQL has %s", key, ours[key], want)
		}
		delete(ours, key)
	}
	if n < 2000 || len(ours) > 0 {
		t.Errorf("%d columns compared; more here: %v", n, ours)
	}
}
