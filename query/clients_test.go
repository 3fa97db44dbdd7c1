package query_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// capturedStatements returns what clients send, one statement each, by client; or skips the test.
func capturedStatements(t *testing.T) (clients []string, statements map[string][]string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(require.TestData(t, "client-sql"), "*.sql"))
	statements = map[string][]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		client := strings.TrimSuffix(filepath.Base(name), ".sql")
		clients = append(clients, client)
		for _, sql := range strings.Split(string(text), "\n;;") {
			list, err := parse.Parse(sql)
			if err != nil {
				statements[client] = append(statements[client], strings.TrimSpace(sql))
				continue
			}
			for _, s := range list {
				statements[client] = append(statements[client], s.Text)
			}
		}
	}
	return clients, statements
}

// TestClients describes every statement that clients send. The answer has to be that of PostgreSQL 15, whose answers stand
// as hashes in testdata/clients; a real one is asked where JURAT_POSTGRES names it, and -rewrite writes its answers down.
// What differs is counted in docs/compatibility.md, with the reason.
func TestClients(t *testing.T) {
	clients, statements := capturedStatements(t)
	w := newWorld(t)
	recorded := readShapes(t)
	var conn *pgconn.PgConn
	if dsn := os.Getenv("JURAT_POSTGRES"); dsn != "" {
		conn = samePostgres(t, w, dsn)
	}
	var out strings.Builder
	differ := map[string]int{}
	total := 0
	for _, client := range clients {
		for _, sql := range statements[client] {
			total++
			ours, fault := shapeOf(w.current, sql)
			key := shapeHash(sql)
			want := recorded[key]
			if conn != nil {
				theirs := postgresShape(t, conn, sql)
				if want = shapeHash(theirs); want != shapeHash(ours) {
					t.Logf("%s: %s\n  ours     %s\n  Postgres %s", client, sql, ours, theirs)
				}
				fmt.Fprintln(&out, key, want)
			}
			if want != shapeHash(ours) {
				differ[fault]++
			}
		}
	}
	if *rewrite && conn != nil {
		if err := os.WriteFile(shapes, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known := knownDifferences(t)
	for fault, n := range differ {
		if known[fault] != n {
			t.Errorf("%d statements have another answer than from Postgres, docs/compatibility.md says %d: %s", n, known[fault], fault)
		}
	}
	for fault, n := range known {
		if differ[fault] == 0 {
			t.Errorf("docs/compatibility.md says that %d statements differ, but none does: %s", n, fault)
		}
	}
	t.Logf("%d statements", total)
}

// shapes holds for each statement its hash and that of Postgres' answer.
const shapes = "testdata/clients"

func shapeHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func readShapes(t *testing.T) map[string]string {
	text, err := os.ReadFile(shapes)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, shape, _ := strings.Cut(strings.TrimSpace(line), " ")
		m[key] = shape
	}
	return m
}

// difference matches a line of the table of docs/compatibility.md: our answer, the number of statements, the reason.
var difference = regexp.MustCompile("(?m)^\\| `(.+)` \\| (\\d+) \\| .+ \\|$")

func knownDifferences(t *testing.T) map[string]int {
	text, err := os.ReadFile("../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int{}
	for _, l := range difference.FindAllStringSubmatch(string(text), -1) {
		m[l[1]], _ = strconv.Atoi(l[2])
	}
	return m
}

// shapeOf is what Describe says of a statement: the types of its parameters and the names and types of its columns, or the
// SQLSTATE of its error. fault is the error.
func shapeOf(s *query.Session, sql string) (shape, fault string) {
	ctx := context.Background()
	defer s.Sync(ctx)
	err := s.Parse(ctx, "", sql, nil)
	if err == nil {
		var params []*value.Type
		var cols []query.Column
		if params, cols, err = s.DescribeStatement(""); err == nil {
			for _, p := range params {
				shape += fmt.Sprint("$", p.OID, " ")
			}
			for _, c := range cols {
				shape += fmt.Sprintf("%s:%d ", c.Name, c.Type.OID)
			}
			return shape, "other columns"
		}
	}
	e := err.(*query.Error)
	return "ERROR " + e.Code, e.Code + " " + e.Message
}

// postgresShape is shapeOf of a real Postgres.
func postgresShape(t *testing.T, conn *pgconn.PgConn, sql string) (shape string) {
	d, err := conn.Prepare(context.Background(), "", sql, nil)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return "ERROR " + pg.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.ParamOIDs {
		shape += fmt.Sprint("$", p, " ")
	}
	for _, f := range d.Fields {
		shape += fmt.Sprintf("%s:%d ", f.Name, f.DataTypeOID)
	}
	return shape
}

// samePostgres returns a connection to a database of the Postgres at dsn that has the tables of w, though empty ones.
func samePostgres(t *testing.T, w *world, dsn string) *pgconn.PgConn {
	t.Helper()
	ctx := context.Background()
	connect := func(dsn string) *pgconn.PgConn {
		conn, err := pgconn.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(ctx) })
		return conn
	}
	exec := func(conn *pgconn.PgConn, sql string) {
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatal(err, sql)
		}
	}
	first := connect(dsn)
	exec(first, "DROP DATABASE IF EXISTS jurat_clients")
	exec(first, "CREATE DATABASE jurat_clients")
	conn := connect(dsn + " database=jurat_clients")
	a := run(ctx, w.current, `SELECT 'CREATE TABLE ' || quote_ident(relname) || ' (' || string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) || ')'
		FROM pg_class c JOIN pg_attribute ON attrelid = c.oid WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 GROUP BY relname`)
	if a.err != nil || len(a.rows) < 9 {
		t.Fatal(a.err, a.rows)
	}
	for _, ddl := range a.rows {
		exec(conn, ddl)
	}
	return conn
}
