package fn

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	goformat "go/format"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query/value"
)

var rewrite = flag.Bool("rewrite", false, "write what the Postgres at JURAT_POSTGRES answers into testdata")

const expressions = "testdata/expressions"

// A golden line is an expression and what PostgreSQL 15 makes of it:
//
//	expression => type: "text"
//	expression => type: null
//	expression => ERROR code: "message" DETAIL: "…" HINT: "…"
//
// or a setting: set TimeZone = 'UTC'. Lines of @agg have the form "@agg function | type | array", of @set
// "@set set-returning call": their result is that of the aggregate over the array's elements, or the array of the rows.
type goldenLine struct {
	text string // as it stands, without the answer
	want string
}

func readGolden(t *testing.T) []goldenLine {
	t.Helper()
	data, err := os.ReadFile(expressions)
	if err != nil {
		t.Fatal(err)
	}
	var lines []goldenLine
	for _, l := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		text, want, _ := strings.Cut(l, " => ")
		lines = append(lines, goldenLine{text, want})
	}
	return lines
}

func (l goldenLine) isExpression() bool {
	return l.text != "" && !strings.HasPrefix(l.text, "#") && !strings.HasPrefix(l.text, "set ")
}

// TestPostgres compares every line with what Postgres answered.
func TestPostgres(t *testing.T) {
	env := testEnv()
	checked := 0
	for n, l := range readGolden(t) {
		if strings.HasPrefix(l.text, "set ") {
			applySetting(t, env.Settings, l.text)
			continue
		}
		if !l.isExpression() {
			continue
		}
		checked++
		if got := answer(env, l.text); got != l.want {
			t.Errorf("%s:%d: %s\n  got %s\n want %s", expressions, n+1, l.text, got, l.want)
		}
	}
	if checked < 700 {
		t.Errorf("only %d expressions", checked)
	}
}

func applySetting(t *testing.T, s *value.Settings, text string) {
	t.Helper()
	name, val, _ := strings.Cut(strings.TrimPrefix(text, "set "), " = ")
	val = strings.Trim(val, "'")
	switch name {
	case "TimeZone":
		zone, err := value.LoadZone(val)
		if err != nil {
			t.Fatal(err)
		}
		s.Zone = zone
	case "bytea_output":
		s.ByteaEscape = val == "escape"
	case "extra_float_digits":
		s.ExtraFloatDigits, _ = strconv.Atoi(val)
	case "DateStyle":
		s.MonthFirst = !strings.Contains(val, "DMY")
	default:
		t.Fatalf("setting %s", name)
	}
}

// answer evaluates a line and shows the result the way golden lines do.
func answer(env *Env, text string) string {
	d, typmod, err := evalLine(env, text)
	var fault *value.Error
	switch {
	case errors.As(err, &fault):
		return showFault(fault.Code, fault.Message, fault.Detail, fault.Hint)
	case err != nil:
		return "BROKEN: " + err.Error()
	}
	_ = typmod
	return showValue(d.Type.SQL, d.Null, d.Text(env.Settings)) + checkBinary(env, d)
}

// checkBinary sends the value through its binary form and back.
func checkBinary(env *Env, d value.Datum) string {
	if d.Null || d.Type.Pseudo {
		return ""
	}
	raw := d.AppendBinary(nil, env.Settings)
	back, err := value.ParseBinary(env.Settings, d.Type, -1, raw)
	if err != nil {
		return fmt.Sprintf(" BINARY %x: %v", raw, err)
	}
	if again := back.AppendBinary(nil, env.Settings); !bytes.Equal(raw, again) {
		return fmt.Sprintf(" BINARY %x, then %x", raw, again)
	}
	return ""
}

func showValue(typ string, null bool, text string) string {
	if null {
		return typ + ": null"
	}
	return typ + ": " + strconv.Quote(text)
}

func showFault(code, message, detail, hint string) string {
	s := "ERROR " + code + ": " + strconv.Quote(message)
	if detail != "" {
		s += " DETAIL: " + strconv.Quote(detail)
	}
	if hint != "" {
		s += " HINT: " + strconv.Quote(hint)
	}
	return s
}

func connectPostgres(t *testing.T) *pgconn.PgConn {
	t.Helper()
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("JURAT_POSTGRES names no PostgreSQL 15 to compare with")
	}
	conn, err := pgconn.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// sqlOf is the statement that asks Postgres for a line.
func sqlOf(text string) string {
	if rest, ok := strings.CutPrefix(text, "@agg "); ok {
		p := strings.Split(rest, " | ")
		call := p[0] + "(x)"
		if name, more, ok := strings.Cut(p[0], ", "); ok {
			call = name + "(x, " + more + ")"
		}
		return fmt.Sprintf("SELECT pg_typeof(%[1]s), %[1]s FROM unnest('%[3]s'::%[2]s[]) x", call, p[1], p[2])
	}
	if rest, ok := strings.CutPrefix(text, "@set "); ok {
		return fmt.Sprintf("SELECT 'text[]', array_agg(x::text) FROM %s x", rest)
	}
	return fmt.Sprintf("SELECT pg_typeof(%[1]s), %[1]s", text)
}

func askPostgres(conn *pgconn.PgConn, text string) string {
	results, err := conn.Exec(context.Background(), sqlOf(text)).ReadAll()
	var fault *pgconn.PgError
	if errors.As(err, &fault) {
		return showFault(fault.Code, fault.Message, fault.Detail, fault.Hint)
	}
	if err != nil {
		return "BROKEN: " + err.Error()
	}
	row := results[0].Rows[0]
	return showValue(string(row[0]), row[1] == nil, string(row[1]))
}

// TestLivePostgres checks the golden lines, and the binary forms, against a running Postgres; -rewrite updates them.
func TestLivePostgres(t *testing.T) {
	conn := connectPostgres(t)
	env := testEnv()
	lines := readGolden(t)
	for i, l := range lines {
		if strings.HasPrefix(l.text, "set ") {
			applySetting(t, env.Settings, l.text)
			if _, err := conn.Exec(context.Background(), l.text).ReadAll(); err != nil {
				t.Fatal(err)
			}
		}
		if !l.isExpression() {
			continue
		}
		got := askPostgres(conn, l.text)
		if lines[i].want = got; got != l.want && !*rewrite {
			t.Errorf("line %d: %s\n  got %s\n want %s", i+1, l.text, got, l.want)
		}
		compareBinary(t, conn, env, l.text)
	}
	if !*rewrite {
		return
	}
	var out strings.Builder
	for _, l := range lines {
		out.WriteString(l.text)
		if l.isExpression() {
			out.WriteString(" => " + l.want)
		}
		out.WriteByte('\n')
	}
	if err := os.WriteFile(expressions, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func compareBinary(t *testing.T, conn *pgconn.PgConn, env *Env, text string) {
	t.Helper()
	d, _, err := evalLine(env, text)
	if err != nil || d.Null || d.Type.Pseudo || strings.HasPrefix(text, "@") {
		return
	}
	r := conn.ExecParams(context.Background(), sqlOf(text), nil, nil, nil, []int16{1}).Read()
	if r.Err != nil {
		return // the text form says it
	}
	if got := d.AppendBinary(nil, env.Settings); !bytes.Equal(got, r.Rows[0][1]) {
		t.Errorf("%s: binary form\n  got %x\n want %x", text, got, r.Rows[0][1])
	}
}

// TestLiveCatalog checks signatures against pg_proc, pg_operator and pg_cast; -rewrite writes their OIDs to oids_*.go.
func TestLiveCatalog(t *testing.T) {
	conn := connectPostgres(t)
	functions := queryCatalog(t, conn, `
		SELECT p.oid, proname, (SELECT string_agg(typname, ',' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY a(o, n)
			JOIN pg_type t ON t.oid = o), r.typname, provolatile, proisstrict, proretset, provariadic <> 0, prokind, pronargdefaults
		FROM pg_proc p JOIN pg_type r ON r.oid = prorettype WHERE pronamespace = 'pg_catalog'::regnamespace`)
	operators := queryCatalog(t, conn, `
		SELECT o.oid, oprname, concat_ws(',', l.typname, r.typname), t.typname, provolatile, proisstrict, false, false, 'o', 0
		FROM pg_operator o LEFT JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
		JOIN pg_type t ON t.oid = oprresult JOIN pg_proc p ON p.oid = oprcode`)
	check := func(f *Function, catalog map[string]catalogRow) string {
		key := signatureKey(f)
		row, ok := catalog[key]
		if !ok {
			t.Errorf("%s: Postgres has no such function", key)
			return ""
		}
		if got := describe(f); got != row.text {
			t.Errorf("%s:\n  got %s\n want %s", key, got, row.text)
		}
		return row.oid
	}
	r := Builtins()
	write := func(file, name, comment string, list []*Function, catalog map[string]catalogRow) {
		var out strings.Builder
		fmt.Fprintf(&out, "package fn\n\nimport %q\n\n", "github.com/jurat-ledger/jurat/query/value")
		fmt.Fprintf(&out, "// %s %s in Postgres 15. TestLiveCatalog writes it.\nvar %s = map[string]value.OID{\n", name, comment, name)
		for _, f := range list {
			if oid := check(f, catalog); oid != "" {
				fmt.Fprintf(&out, "\t%q: %s,\n", signatureKey(f), oid)
			}
		}
		out.WriteString("}\n")
		if *rewrite {
			text, err := goformat.Source([]byte(out.String()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("oids_functions.go", "functionOIDs", "holds the OIDs of the functions", r.AllFunctions(), functions)
	write("oids_operators.go", "operatorOIDs", "holds the OIDs of the operators", r.AllOperators(), operators)
}

// TestLiveCasts checks the casts against pg_cast, but for casts between a type and itself.
func TestLiveCasts(t *testing.T) {
	conn := connectPostgres(t)
	results, err := conn.Exec(context.Background(), "SELECT castsource, casttarget, castcontext, castmethod FROM pg_cast").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, row := range results[0].Rows {
		from, _ := strconv.Atoi(string(row[0]))
		to, _ := strconv.Atoi(string(row[1]))
		f, u := value.ByOID(value.OID(from)), value.ByOID(value.OID(to))
		if f == nil || u == nil || f == u || f.Opaque || u.Opaque {
			continue
		}
		checked++
		c, ok := Builtins().FindCast(f, u, Explicit)
		if !ok {
			t.Errorf("%s to %s: no cast", f.Name, u.Name)
			continue
		}
		same := string(row[3]) == "b" && f != value.Int4 && u != value.Int4 // of an int4 and an oid only one has a sign
		if string(c.Context) != string(row[2]) || c.Binary != same && f != value.JSONB {
			t.Errorf("%s to %s: context %c, binary %t; want %s, method %s", f.Name, u.Name, c.Context, c.Binary, row[2], row[3])
		}
		if Builtins().casts[castKey{f.OID, u.OID}] == nil {
			t.Errorf("%s to %s: found, but not listed", f.Name, u.Name)
		}
	}
	if own := len(Builtins().casts); checked != own {
		t.Errorf("Postgres has %d of these casts, we have %d", checked, own)
	}
}

type catalogRow struct{ oid, text string }

func queryCatalog(t *testing.T, conn *pgconn.PgConn, sql string) map[string]catalogRow {
	t.Helper()
	results, err := conn.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]catalogRow{}
	for _, row := range results[0].Rows {
		s := make([]string, len(row))
		for i, b := range row {
			s[i] = string(b)
		}
		m[s[1]+"("+s[2]+")"] = catalogRow{s[0], strings.Join(s[3:], " ")}
	}
	return m
}

// describe shows what pg_proc says of a function. A strict aggregate is one whose transition function is strict, which
// pg_proc does not say of the aggregate itself.
func describe(f *Function) string {
	kind := "f"
	strict := f.Strict
	switch {
	case f.IsAggregate():
		kind, strict = "a", false
	case f.Window:
		kind = "w"
	case slices.Contains(Builtins().ops[f.Name], f):
		kind = "o"
	}
	bit := func(b bool) string { return map[bool]string{true: "t", false: "f"}[b] }
	return strings.Join([]string{
		value.MustType(f.Ret).Name, string(f.Volatility), bit(strict), bit(f.IsSet()), bit(f.Variadic), kind, strconv.Itoa(f.Defaults),
	}, " ")
}
