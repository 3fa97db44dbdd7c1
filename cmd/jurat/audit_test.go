package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/internal/require"
)

// notebook returns the statements of examples/audit.sql by the number of their question.
func notebook(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "audit.sql"))
	if err != nil {
		t.Fatal(err)
	}
	questions := map[string]string{}
	for _, part := range strings.Split(string(text), "\n\\echo '")[1:] {
		title, sql, _ := strings.Cut(part, "\n")
		number, _, _ := strings.Cut(title, ".")
		questions[number] = sql
	}
	return questions
}

// answers runs the notebook and returns the rows of each answer, fields joined by |.
func answers(t *testing.T, conn *pgx.Conn) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for number, sql := range notebook(t) {
		rows, err := conn.Query(context.Background(), sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatalf("question %s: %v", number, err)
		}
		lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var fields []string
			for _, raw := range row.RawValues() {
				fields = append(fields, string(raw))
			}
			return strings.Join(fields, "|"), nil
		})
		if err != nil {
			t.Fatalf("question %s: %v", number, err)
		}
		all[number] = lines
	}
	return all
}

// TestAuditNotebook has an auditor and an agency ask the twelve questions of examples/audit.sql.
func TestAuditNotebook(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	super := s.connect()
	exec := func(conn *pgx.Conn, sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(super, `CREATE ROLE canton LOGIN`)
	canton, err := pgx.Connect(ctx, s.urlAs("canton"))
	if err != nil {
		t.Fatal(err)
	}
	defer canton.Close(ctx)
	for i := range 3 { // three rounds, each before a publication
		for k, conn := range []*pgx.Conn{super, canton} {
			exec(conn, `INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series($1::int, $2) g`, 10*i+k, 10*i+k+2000)
			var signature []byte
			if err := conn.QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(i, k)).Scan(&signature); err != nil {
				t.Fatal(err)
			}
		}
		exec(super, `SELECT publish()`)
	}
	for k, conn := range []*pgx.Conn{super, canton} {
		got := answers(t, conn)
		for number, want := range map[string]int{"1": 0, "3": 0, "4": 1, "5": 2, "7": 20, "8": 0, "9": 1, "10": 3, "12": 1} {
			if len(got[number]) != want {
				t.Errorf("question %s of client %d is answered by %d rows:\n%s", number, k, len(got[number]), strings.Join(got[number], "\n"))
			}
		}
		for number, end := range map[string]string{"4": "|6006|t", "5": "|t", "9": "OK||100", "10": "|t|t", "6": "|t|t"} {
			if rows := got[number]; !strings.HasSuffix(rows[len(rows)-1], end) {
				t.Errorf("question %s of client %d: %v", number, k, rows)
			}
		}
	}
	if _, err := canton.Exec(ctx, `SELECT * FROM completeness('jurat', '-infinity', 'infinity')`); err == nil {
		t.Error("an agency counts another's filings")
	}
	testByHand(t, canton)
	t.Run("psql", func(t *testing.T) { testPsqlNotebook(t, s) })
	s.stop()
}

// testByHand: a proof of consistency is refused for any other pair of publications.
func testByHand(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	var own, others int
	err := conn.QueryRow(context.Background(), `
		SELECT count(*) FILTER (WHERE ok AND own), count(*) FILTER (WHERE ok AND NOT own) FROM (
			SELECT verify_consistency(a.publication_string, b.publication_string, p.proof) AS ok,
			       a.publication_time = p.earlier AND b.publication_time = p.later AS own
			FROM publications a, publications b, (
				SELECT x.publication_time AS earlier, y.publication_time AS later, consistency_proof(x.publication_time, y.publication_time) AS proof
				FROM publications x JOIN publications y ON x.publication_time <= y.publication_time) p) q`).Scan(&own, &others)
	if err != nil || own != 6 || others != 0 {
		t.Errorf("%d of 6 proofs hold, %d for other publications: %v", own, others, err)
	}
}

// testPsqlNotebook runs the notebook as its first lines say.
func testPsqlNotebook(t *testing.T, s *serverProcess) {
	require.Program(t, "psql")
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "audit.sql"))
	if err != nil {
		t.Fatal(err)
	}
	out := s.psql(string(text), "-v", "ON_ERROR_STOP=1")
	for i := 1; i <= 12; i++ {
		if !strings.Contains(out, fmt.Sprintf("\n%d. ", i)) && !strings.HasPrefix(out, fmt.Sprintf("%d. ", i)) {
			t.Errorf("psql does not get to question %d:\n%s", i, out)
		}
	}
}

// TestAuditCancel: audits that take long end when they are told to.
func TestAuditCancel(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	if _, err := conn.Exec(context.Background(), `INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, 300000) g`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(1, 1)); err != nil {
		t.Fatal(err)
	}
	const audits = `SELECT sum((SELECT count(*) FROM audit_calendar('-infinity', 'infinity') WHERE g > 0)) FROM generate_series(1, 1000000000) g`
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := conn.Exec(ctx, audits)
	if err == nil {
		t.Error("an audit went on")
	}
	other := s.connect()
	if _, err := other.Exec(context.Background(), `SET statement_timeout = 20`); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(context.Background(), audits); err == nil ||
		!strings.Contains(err.Error(), "statement timeout") {
		t.Errorf("an audit ends with %v", err)
	}
	s.stop()
}
