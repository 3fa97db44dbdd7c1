package catalog_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

var rewrite = flag.Bool("rewrite", false, "write what the Postgres at JURAT_POSTGRES has in its catalog into data")

// The facts of data, by file. A relation's columns stand in one field, "name:type" with * behind what is never null and #n
// behind a type with a modifier, after the object ids of its row type and of the type of arrays of that; domains are shown by their base
// types, as result columns are, and pg_statistic[] as record[]. A $1 stands for the ids of the types, functions and operators wanted.
var facts = map[string]string{
	"relations.tsv": `
		SELECT c.oid, nspname, relname, relkind, reltype, (SELECT typarray FROM pg_type t WHERE t.oid = reltype), (SELECT string_agg(attname || ':' || replace(coalesce(b.typname, t.typname), '_pg_statistic', '_record')
			|| CASE WHEN coalesce(nullif(t.typtypmod, -1), atttypmod) = -1 THEN '' ELSE '#' || coalesce(nullif(t.typtypmod, -1), atttypmod) END
			|| CASE WHEN attnotnull THEN '*' ELSE '' END, ' ' ORDER BY attnum)
			FROM pg_attribute JOIN pg_type t ON t.oid = atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') ORDER BY c.oid`,
	"types.tsv": `
		SELECT oid, typbyval, typtype, typdelim, typsubscript::oid, typinput::oid, typoutput::oid, typreceive::oid, typsend::oid,
			typmodin::oid, typmodout::oid, typalign, typstorage, typcollation
		FROM pg_type WHERE oid = ANY ($1) ORDER BY oid`,
	"functions.tsv": `
		SELECT p.oid, proname, l.lanname, prokind, prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel,
			provariadic, pronargdefaults, prorettype, array_to_string(proargtypes, ' '), array_to_string(proallargtypes, ' '),
			array_to_string(proargmodes, ''), array_to_string(proargnames, ' ', ''), CASE lanname WHEN 'sql' THEN proname ELSE prosrc END,
			array_to_string(ARRAY(SELECT pg_get_function_arg_default(p.oid, i) FROM generate_series(pronargs - pronargdefaults + 1, pronargs) i), '; ')
		FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE p.oid = ANY ($1) ORDER BY p.oid`,
	"operators.tsv": `
		SELECT oid, oprcanmerge, oprcanhash, oprcom, oprnegate, oprcode::oid, oprrest::oid, oprjoin::oid
		FROM pg_operator WHERE oid = ANY ($1) ORDER BY oid`,
	"aggregates.tsv": `
		SELECT aggfnoid::oid, aggkind, aggnumdirectargs, aggtransfn::oid, aggfinalfn::oid, aggtranstype
		FROM pg_aggregate WHERE aggfnoid = ANY ($1) ORDER BY 1`,
}

// TestLiveFacts compares data with what a real PostgreSQL 15 says; -rewrite writes it. Of its functions, types and
// operators those stand in data that exist here, and those that they refer to.
func TestLiveFacts(t *testing.T) {
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("NOT TESTED: comparison with a real PostgreSQL 15 (set JURAT_POSTGRES)")
	}
	conn, err := pgconn.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var types, operators, functions []string
	for _, u := range value.All() {
		types = append(types, id(u.OID))
	}
	for _, f := range fn.Builtins().AllOperators() {
		operators = append(operators, id(f.OID))
	}
	for _, f := range fn.Builtins().AllFunctions() {
		functions = append(functions, id(f.OID))
	}
	known := map[string]string{}
	for _, row := range ask(t, conn, `SELECT p.oid, proname, array_to_string(ARRAY(
		SELECT typname FROM unnest(proargtypes) WITH ORDINALITY a(o, n) JOIN pg_type t ON t.oid = o ORDER BY n), ',') FROM pg_proc p`) {
		known[row[1]+"("+row[2]+")"] = row[0]
	}
	for _, sig := range catalog.Signatures() {
		if known[sig] == "" {
			t.Errorf("Postgres has no %s", sig)
			continue
		}
		functions = append(functions, known[sig])
	}
	aggregates := slices.Clone(functions)
	for _, row := range ask(t, conn, `SELECT unnest(ARRAY[typsubscript, typinput, typoutput, typreceive, typsend, typmodin, typmodout]::oid[]) FROM pg_type WHERE oid = ANY (`+array(types)+`)
		UNION SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) FROM pg_operator WHERE oid = ANY (`+array(operators)+`)
		UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn]::oid[]) FROM pg_aggregate WHERE aggfnoid = ANY (`+array(aggregates)+`)
		UNION SELECT amhandler FROM pg_am UNION SELECT castfunc FROM pg_cast
		UNION SELECT unnest(ARRAY[lanplcallfoid, laninline, lanvalidator]) FROM pg_language WHERE lanname <> 'plpgsql'`) {
		functions = append(functions, row[0])
	}
	for file, sql := range facts {
		ids := map[string][]string{"types.tsv": types, "operators.tsv": operators, "functions.tsv": functions, "aggregates.tsv": aggregates}[file]
		var out strings.Builder
		for _, row := range ask(t, conn, strings.ReplaceAll(sql, "$1", array(ids))) {
			out.WriteString(strings.Join(row, "\t") + "\n")
		}
		name := filepath.Join("data", file)
		if *rewrite {
			if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, _ := os.ReadFile(name); string(have) != out.String() {
			t.Errorf("%s is not what Postgres says: run the test with -rewrite and build again", file)
		}
	}
}

// TestLiveFunctions compares the functions of this package with those of a real PostgreSQL 15.
func TestLiveFunctions(t *testing.T) {
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("NOT TESTED: comparison with a real PostgreSQL 15 (set JURAT_POSTGRES)")
	}
	conn, err := pgconn.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	theirs := map[string][]string{}
	for _, row := range ask(t, conn, "SELECT oid, prorettype, provolatile, proisstrict, proretset FROM pg_proc") {
		theirs[row[0]] = row
	}
	bit := map[bool]string{false: "f", true: "t"}
	for _, f := range catalog.Functions() {
		got := []string{id(f.OID), id(f.Ret), string(f.Volatility), bit[f.Strict], bit[f.IsSet()]}
		if f.Name == "pg_identify_object" {
			got[4] = "f" // a set of one row here: that is how a function has columns
		}
		if want := theirs[id(f.OID)]; !slices.Equal(got, want) {
			t.Errorf("%s: %v, Postgres has %v", f.Name, got, want)
		}
	}
}

func id(oid value.OID) string { return strconv.FormatUint(uint64(oid), 10) }

func array(ids []string) string { return "'{" + strings.Join(ids, ",") + "}'::oid[]" }

func ask(t *testing.T, conn *pgconn.PgConn, sql string) (rows [][]string) {
	t.Helper()
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	for _, r := range results[0].Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = string(v)
		}
		rows = append(rows, row)
	}
	return rows
}
