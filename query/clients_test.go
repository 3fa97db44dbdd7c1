package query_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// capturedStatements returns what clients send, one statement each, by client; or skips the test.
func capturedStatements(t *testing.T) (clients []string, statements map[string][]string) {
	t.Helper()
	dir := os.Getenv("JURAT_TESTDATA")
	if dir == "" {
		dir = "../../shared"
	}
	files, _ := filepath.Glob(filepath.Join(dir, "client-sql", "*.sql"))
	if len(files) == 0 {
		t.Skip("NOT TESTED: recordings of clients are missing (set JURAT_TESTDATA)")
	}
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

// shapeOf is what Describe says of a statement: names and types of its parameters and columns, or its error.
func shapeOf(s *query.Session, sql string) (string, *query.Error) {
	err := s.Parse(context.Background(), "", sql, nil)
	if err == nil {
		var params []*value.Type
		var cols []query.Column
		if params, cols, err = s.DescribeStatement(""); err == nil {
			shape := "("
			for _, p := range params {
				shape += fmt.Sprint(p.OID, " ")
			}
			shape += ")"
			for _, c := range cols {
				shape += fmt.Sprintf(" %s:%d", c.Name, c.Type.OID)
			}
			s.Sync(context.Background())
			return shape, nil
		}
	}
	s.Sync(context.Background())
	return "", err.(*query.Error)
}

func TestClients(t *testing.T) {
	clients, statements := capturedStatements(t)
	w := newWorld(t)
	var conn *pgconn.PgConn
	if dsn := os.Getenv("JURAT_POSTGRES"); dsn != "" {
		conn = samePostgres(t, w, dsn)
	}
	n, bad := 0, 0
	count := map[string]int{}
	for _, c := range clients {
		for _, sql := range statements[c] {
			n++
			got, fail := shapeOf(w.current, sql)
			theirs := ""
			if conn != nil {
				d, err := conn.Prepare(context.Background(), "", sql, nil)
				var pg *pgconn.PgError
				if errors.As(err, &pg) {
					theirs = "ERROR " + pg.Code + " " + pg.Message
				} else if err != nil {
					t.Fatal(err)
				} else {
					theirs = "("
					for _, p := range d.ParamOIDs {
						theirs += fmt.Sprint(p, " ")
					}
					theirs += ")"
					for _, f := range d.Fields {
						theirs += fmt.Sprintf(" %s:%d", f.Name, f.DataTypeOID)
					}
				}
			}
			if fail != nil {
				got = "ERROR " + fail.Code + " " + fail.Message
			}
			same := got == theirs || fail != nil && strings.HasPrefix(theirs, "ERROR "+fail.Code)
			if !same {
				bad++
				if fail != nil {
					count[fail.Code+" "+fail.Message]++
				} else {
					count["shape"]++
				}
				t.Logf("%s: %.3000s\n  got  %.1000s\n  want %.1000s", c, sql, got, theirs)
			}
		}
	}
	var list []string
	for m, k := range count {
		list = append(list, fmt.Sprintf("%4d %s", k, m))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(list)))
	t.Logf("%d statements, %d differ\n%s", n, bad, strings.Join(list, "\n"))
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
