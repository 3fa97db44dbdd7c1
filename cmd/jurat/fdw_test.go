package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/internal/require"
)

// TestForeignTables has an agency's own PostgreSQL join its table of documents with the ledger's tables, by postgres_fdw.
func TestForeignTables(t *testing.T) {
	t.Parallel()
	pg := foreignServer(t)
	s := startServer(t, t.TempDir())
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	ledger, ctx := s.connect(), t.Context()
	for i := range 500 {
		if _, err := ledger.Exec(ctx, "INSERT INTO hashes (digest) VALUES ($1)", testDigest(1, i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		"CREATE EXTENSION postgres_fdw",
		fmt.Sprintf("CREATE SERVER ledger FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'jurat')", host, port),
		"CREATE USER MAPPING FOR jurat SERVER ledger OPTIONS (user 'jurat')",
		"CREATE SCHEMA ledger",
		"IMPORT FOREIGN SCHEMA public FROM SERVER ledger INTO ledger",
		"CREATE TABLE documents (id int PRIMARY KEY, digest bytea NOT NULL)",
	} {
		if _, err := pg.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for i := range 520 {
		if _, err := pg.Exec(ctx, "INSERT INTO documents VALUES ($1, $2)", i, testDigest(1, i)); err != nil {
			t.Fatal(err)
		}
	}
	askForeign(t, pg)
	s.stop()
}

func joinInts(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return strings.Join(all, ",")
}

func explain(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "EXPLAIN (VERBOSE, COSTS OFF) "+sql)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// foreignServer starts a PostgreSQL and connects to it.
func foreignServer(t *testing.T) *pgx.Conn {
	t.Helper()
	postgres, err := target.Postgres(true)
	if err != nil {
		require.Missing(t, "postgres", err.Error())
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // PostgreSQL runs as another user
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	server, err := postgres.Start(t.Context(), filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://jurat@%s/%s", server.Address, server.Database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// askForeign asks of the foreign tables over 500 digests and of documents, which are 520.
func askForeign(t *testing.T, pg *pgx.Conn) {
	check := func(sql, want string, args ...any) {
		t.Helper()
		var got string
		if err := pg.QueryRow(t.Context(), sql, args...).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s, want %s: %v", sql, got, want, err)
		}
	}
	check("SELECT string_agg(id::text, ',' ORDER BY id) FROM documents d WHERE NOT EXISTS (SELECT FROM ledger.hashes h WHERE h.digest = d.digest)",
		joinInts(500, 520))
	check("SELECT count(*)::text FROM ledger.hashes JOIN documents USING (digest)", "500")
	check("SELECT count(*)::text FROM ledger.rounds r WHERE leaves > 0 AND NOT EXISTS (SELECT FROM ledger.hashes h WHERE h.round = r.round)", "0")
	check("SELECT encode(digest, 'hex') FROM ledger.hashes WHERE digest = $1", fmt.Sprintf("%x", testDigest(1, 7)), testDigest(1, 7))

	// Conditions and aggregates are the ledger's work.
	for sql, want := range map[string]string{
		"SELECT receipt FROM ledger.hashes WHERE length(digest) = 32 AND round > '2026-01-01'": "WHERE ((round > '2026-01-01 00:00:00+00')) AND ((length(digest) = 32))",
		"SELECT round, count(*) FROM ledger.hashes GROUP BY round":                             "SELECT round, count(*) FROM public.hashes GROUP BY 1",
	} {
		if plan := explain(t, pg, sql); !strings.Contains(plan, "Remote SQL: ") || !strings.Contains(plan, want) {
			t.Errorf("%s: not pushed down:\n%s", sql, plan)
		}
	}

	// A digest is filed from there too; nothing is changed from there.
	if _, err := pg.Exec(t.Context(), "INSERT INTO ledger.hashes (digest) VALUES ($1)", testDigest(1, 600)); err != nil {
		t.Errorf("INSERT: %v", err)
	}
	check("SELECT count(*)::text FROM ledger.hashes WHERE digest = $1", "1", testDigest(1, 600))
	if _, err := pg.Exec(t.Context(), "DELETE FROM ledger.hashes"); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("DELETE: %v", err)
	}

	// Estimates come from the ledger's EXPLAIN.
	if _, err := pg.Exec(t.Context(), "ALTER SERVER ledger OPTIONS (ADD use_remote_estimate 'true', ADD fetch_size '77')"); err != nil {
		t.Fatal(err)
	}
	check("SELECT count(*)::text FROM (SELECT DISTINCT digest FROM ledger.hashes OFFSET 0) d", "501")
	check("SELECT count(*)::text FROM documents JOIN ledger.hashes USING (digest) WHERE id BETWEEN 10 AND 19", "10")
}
