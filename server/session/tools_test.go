package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query/value"
)

// toolTables are the tables whose rows a PostgreSQL gets to answer the same questions.
var toolTables = []string{"hashes", "rounds", "agencies"}

// A toolStatement is what a tool sends, with the values of its parameters.
type toolStatement struct {
	sql    string
	params [][]byte
	rows   bool // the rows are told, not only their shape
}

// TestToolStatements sends what tools ask that were not recorded: testdata/tools has a file for each, whose first line says what
// it follows. Statements are separated by lines of ";;"; a line "-- params: a | b" before one gives its parameters, a line "-- rows"
// says that the rows must be PostgreSQL's as well as the types of parameters and columns. PostgreSQL's answers over a copy of the
// same tables stand in the .out file beside; -rewrite takes them anew from the server that JURAT_POSTGRES names. What differs is
// listed in docs/compatibility.md.
func TestToolStatements(t *testing.T) {
	files, err := filepath.Glob("testdata/tools/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no statements", err)
	}
	s := serve(t)
	fillForTools(t, s)
	known := toolDifferences(t)
	for _, f := range files {
		tool := strings.TrimSuffix(filepath.Base(f), ".sql")
		t.Run(tool, func(t *testing.T) {
			conn := s.connect(t, "jurat").PgConn()
			if *rewrite {
				conn = toolsPostgres(t, conn)
			}
			mustExec(t, conn, "SET timezone = 'UTC'; SET search_path = public")
			golden := strings.TrimSuffix(f, ".sql") + ".out"
			var out []string
			for _, st := range toolStatements(t, f) {
				out = append(out, st.answer(t, conn))
			}
			if *rewrite {
				if err := os.WriteFile(golden, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compareTool(t, tool, golden, out, known)
		})
	}
	for difference, n := range known {
		if n > 0 && !*rewrite {
			t.Errorf("docs/compatibility.md lists a difference that is none: %s", difference)
		}
	}
}

// compareTool compares answers with those of PostgreSQL and takes the known differences off the list.
func compareTool(t *testing.T, tool, golden string, out []string, known map[string]int) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n\n")
	if len(want) != len(out) {
		t.Fatalf("%d answers to %d statements: take them anew with -rewrite", len(want), len(out))
	}
	for i, got := range out {
		if got == want[i] {
			continue
		}
		heading, ours, _ := strings.Cut(got, "\n")
		difference, _, _ := strings.Cut(ours, "\n")
		if key := tool + " " + difference; known[key] > 0 {
			known[key]--
			continue
		}
		_, theirs, _ := strings.Cut(want[i], "\n")
		t.Errorf("%s\n---- ours\n%s\n---- PostgreSQL\n%s", heading, ours, theirs)
	}
}

// toolDifference matches a line of the table of docs/compatibility.md: tool, the first line of our answer, how often, reason.
var toolDifference = regexp.MustCompile("(?m)^\\| ([a-z]+) \\| `(.+)` \\| (\\d+) \\| .+ \\|$")

func toolDifferences(t *testing.T) map[string]int {
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int{}
	for _, l := range toolDifference.FindAllStringSubmatch(string(text), -1) {
		var n int
		fmt.Sscan(l[3], &n)
		m[l[1]+" "+l[2]] = n
	}
	return m
}

func toolStatements(t *testing.T, file string) (list []toolStatement) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	for sql := range strings.SplitSeq(rest, "\n;;\n") {
		st := toolStatement{}
		for {
			line, after, _ := strings.Cut(sql, "\n")
			if values, ok := strings.CutPrefix(line, "-- params: "); ok {
				for v := range strings.SplitSeq(values, " | ") {
					st.params = append(st.params, []byte(v))
				}
			} else if line == "-- rows" {
				st.rows = true
			} else {
				break
			}
			sql = after
		}
		st.sql = strings.TrimSpace(sql)
		list = append(list, st)
	}
	return list
}

// answer runs a statement as a driver does that prepares it, and tells what comes back.
func (s toolStatement) answer(t *testing.T, conn *pgconn.PgConn) string {
	first, _, _ := strings.Cut(s.sql, "\n")
	out := []string{"# " + first[:min(len(first), 100)]}
	d, err := conn.Prepare(t.Context(), "", s.sql, nil)
	if err != nil {
		return strings.Join(append(out, faultText(t, err)), "\n")
	}
	shape := "columns"
	for _, p := range d.ParamOIDs {
		shape += " $" + value.ByOID(value.OID(p)).Name
	}
	for _, f := range d.Fields {
		name := fmt.Sprint(f.DataTypeOID)
		if typ := value.ByOID(value.OID(f.DataTypeOID)); typ != nil {
			name = typ.Name
		}
		shape += fmt.Sprintf(" %s:%s", f.Name, name)
	}
	r := conn.ExecPrepared(t.Context(), "", s.params, nil, nil)
	var rows []string
	for r.NextRow() {
		var row []string
		for _, v := range r.Values() {
			text := "NULL"
			if v != nil {
				text = string(v)
			}
			row = append(row, text)
		}
		rows = append(rows, strings.ReplaceAll(strings.Join(row, " | "), "\n\n", "\n"))
	}
	if _, err := r.Close(); err != nil {
		return strings.Join(append(out, faultText(t, err)), "\n")
	}
	out = append(out, shape)
	if s.rows {
		out = append(out, rows...)
	}
	return strings.Join(out, "\n")
}

func faultText(t *testing.T, err error) string {
	var fault *pgconn.PgError
	if !errors.As(err, &fault) {
		t.Fatal(err)
	}
	return "ERROR " + fault.Code + " " + fault.Message
}

func mustExec(t *testing.T, conn *pgconn.PgConn, sql string) *pgconn.Result {
	t.Helper()
	results, err := conn.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return results[len(results)-1]
}

// fillForTools files the hashes of two agencies in some rounds.
func fillForTools(t *testing.T, s *server) {
	for _, agency := range []string{"alpha", "jurat"} {
		conn := s.connect(t, agency).PgConn()
		for r := range 6 {
			for k := range (r*5+len(agency))%4 + 1 {
				lane := []string{"main", "seal", "ksi"}[(r+k)%3]
				mustExec(t, conn, fmt.Sprintf("INSERT INTO hashes (digest, lane) VALUES (sha256('%s %d %d'), '%s')", agency, r, k, lane))
			}
			s.ledger.Advance(time.Second)
		}
	}
}

// toolsPostgres returns a connection to a database of the PostgreSQL at JURAT_POSTGRES that has our tables and views, with the
// rows of toolTables.
func toolsPostgres(t *testing.T, ours *pgconn.PgConn) *pgconn.PgConn {
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("set JURAT_POSTGRES to take the answers anew")
	}
	connect := func(dsn string) *pgconn.PgConn {
		conn, err := pgconn.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
	first := connect(dsn)
	mustExec(t, first, "DROP DATABASE IF EXISTS jurat_tools")
	mustExec(t, first, "CREATE DATABASE jurat_tools")
	conn := connect(dsn + " dbname=jurat_tools")
	ddl := mustExec(t, ours, `SELECT format('CREATE TABLE %I (%s)', relname, string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum))
		FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 GROUP BY relname`)
	for _, row := range ddl.Rows {
		mustExec(t, conn, string(row[0]))
	}
	for _, row := range mustExec(t, ours, `SELECT format('CREATE VIEW %I AS %s', relname, pg_get_viewdef(oid)) FROM pg_class
		WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace`).Rows {
		mustExec(t, conn, string(row[0]))
	}
	for _, table := range toolTables {
		for _, row := range mustExec(t, ours, "SELECT * FROM "+table).Rows {
			var list []string
			for _, v := range row {
				field := "NULL"
				if v != nil {
					field = "'" + strings.ReplaceAll(string(v), "'", "''") + "'"
				}
				list = append(list, field)
			}
			mustExec(t, conn, fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, strings.Join(list, ", ")))
		}
	}
	return conn
}
