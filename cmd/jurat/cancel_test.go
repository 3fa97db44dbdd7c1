package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// endless are queries that would run for minutes, one for each kind of operator that works for long between two rows.
var endless = map[string]string{
	"scan, filter":    `SELECT count(*) FROM hashes a, hashes b, hashes c WHERE a.digest < b.digest AND c.slot_index % 7 = 3`,
	"sort":            `SELECT g FROM generate_series(1, 100000000) g ORDER BY md5(g::text) LIMIT 1`,
	"hash join":       `SELECT count(*) FROM generate_series(1, 300000) a JOIN generate_series(1, 300000) b ON a % 2 = b % 2`,
	"nested loop":     `SELECT count(*) FROM generate_series(1, 100000) a JOIN generate_series(1, 1000000) b ON a < b`,
	"hash aggregate":  `SELECT g % 1000, count(DISTINCT g % 77) FROM generate_series(1, 10000000000) g GROUP BY 1`,
	"window":          `SELECT max(x) FROM (SELECT string_agg('x', '') OVER (ORDER BY g ROWS BETWEEN 5000 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) x FROM generate_series(1, 300000) g) y`,
	"recursion":       `WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT count(*) FROM r WHERE n < 0`,
	"cross join":      `SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b`,
	"subquery":        `SELECT count(*) FROM generate_series(1, 1000000) g WHERE EXISTS (SELECT FROM generate_series(1, 100000) h WHERE h + g < 0)`,
	"lateral":         `SELECT count(*) FROM generate_series(1, 1000000) g, LATERAL (SELECT sum(h) FROM generate_series(1, g) h) x`,
	"set operation":   `SELECT count(*) FROM (SELECT g % 2 FROM generate_series(1, 10000000000) g EXCEPT SELECT 5) x`,
	"regexp":          `SELECT count(*) FROM generate_series(1, 1000000) g WHERE repeat('a', 2000 + g % 2) ~ '(a|aa)*(a|b)*c'`,
	"jsonb":           `SELECT count(*) FROM generate_series(1, 1000000) g WHERE jsonb_set((SELECT jsonb_agg(x) FROM generate_series(1, 10000) x), '{5}', to_jsonb(g)) IS NULL`,
	"audit_calendar":  `SELECT count(*) FROM generate_series(1, 100000000) g, LATERAL audit_calendar(to_timestamp(g), now())`,
	"sleep":           `SELECT pg_sleep(1000)`,
	"regexp_replace":  `SELECT length(regexp_replace(repeat('abc', 3000000), '(b|c)[a-z]', '', 'g')) FROM generate_series(1, 1000)`,
	"regexp_matches":  `SELECT count(*) FROM generate_series(1, 1000), regexp_matches(repeat('a', 8000000), '(a|b)*c', 'g')`,
	"regexp_split":    `SELECT count(*) FROM generate_series(1, 1000), regexp_split_to_table(repeat('abcdefghij', 900000), '\mx|j')`,
	"regexp, anchors": `SELECT count(*) FROM generate_series(1, 1000), regexp_matches(repeat('a b ', 2000000), '\m(b+|c).*d', 'g')`,
	"power":           `SELECT max(g ^ (20000 + g)) FROM generate_series(1::numeric, 10000) g`,
	"logarithm":       `SELECT max(ln((g::text || repeat('7', 3000))::numeric)) FROM generate_series(1, 100000) g`,
	"long arguments":  `SELECT max(md5(t)) FROM (SELECT repeat('x', 10000000) t OFFSET 0) x, generate_series(1, 100000)`,
	"sort of series":  `SELECT g FROM generate_series(1, 9000000) g, generate_series(1, 1000) h ORDER BY g % 1000 OFFSET 5`,
	"hash join, wide": `SELECT count(*) FROM generate_series(1, 100) a JOIN generate_series(1, 9000000) b ON a = b, generate_series(1, 1000000000) c`,
	"two series":      `SELECT count(a) FROM (SELECT generate_series(1, 10000000000) a, generate_series(1, 7) b) x`,
	"INSERT … SELECT": `INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, 10000000000) g WHERE g % 10000 = 0`,
}

// TestCancel ends each of them by a cancel request or by statement_timeout. How late they end is logged.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	if _, err := conn.Exec(ctx, `INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, 20000) g`); err != nil {
		t.Fatal(err)
	}
	// The proof is there when the ledger's first second is closed: an audit of time before that is an error of its own.
	if _, err := conn.Exec(ctx, `INSERT INTO hashes (digest) VALUES (sha256('first')) RETURNING signature`); err != nil {
		t.Fatal(err)
	}
	const after = 50 * time.Millisecond
	var worst time.Duration
	var slowest string
	ends := func(name string, byTimeout bool, run func() error) {
		t.Helper()
		begin := time.Now()
		if byTimeout {
			if _, err := conn.Exec(ctx, `SET statement_timeout = 50`); err != nil {
				t.Fatal(err)
			}
		} else {
			timer := time.AfterFunc(after, func() { conn.PgConn().CancelRequest(ctx) })
			defer timer.Stop()
		}
		err := run()
		late := time.Since(begin) - after
		t.Logf("%s, %v late", name, late)
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "57014" {
			t.Errorf("%s ends with %v", name, err)
		}
		if late > worst {
			worst, slowest = late, name
		}
		if _, err := conn.Exec(ctx, `RESET statement_timeout`); err != nil {
			t.Fatal(err)
		}
	}
	for name, sql := range endless {
		for _, byTimeout := range []bool{false, true} {
			ends(name, byTimeout, func() error {
				_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
				return err
			})
		}
	}
	ends("COPY TO", false, func() error {
		_, err := conn.PgConn().CopyTo(ctx, io.Discard, `COPY (SELECT g, repeat('x', 100) FROM generate_series(1, 10000000000) g) TO STDOUT`)
		return err
	})
	waitersEnd(t, ctx, conn)
	t.Logf("latest: %s, %v after its end was asked for", slowest, worst)
	s.stop()
}

// waitersEnd has statements end while they wait for their round to close.
func waitersEnd(t *testing.T, ctx context.Context, conn *pgx.Conn) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO hashes (digest) VALUES (sha256('waits')) RETURNING signature`,
		`BEGIN; INSERT INTO hashes (digest) VALUES (sha256('waits too')); COMMIT; SELECT signature FROM proofs WHERE digest = sha256('waits too')`,
	} {
		// A round that closes within the 50 ms gives an answer; the statement after it begins right after that.
		for try := 0; ; try++ {
			if _, err := conn.Exec(ctx, `SET statement_timeout = 50`); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
			t.Logf("%s, %v", sql, time.Since(begin))
			var e *pgconn.PgError
			if errors.As(err, &e) && e.Code == "57014" {
				break
			}
			if err != nil || try == 5 {
				t.Fatalf("%s ends with %v", sql, err)
			}
		}
		if _, err := conn.Exec(ctx, `RESET statement_timeout`); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCancelReturning ends INSERT … RETURNING when the digest is filed and its proof is not made yet: the error says that it is filed, and it
// is, once.
func TestCancelReturning(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	for name, c := range map[string]struct{ setting, code, expression string }{
		"timeout":     {"30", "57014", "signature"},
		"request":     {"0", "57014", "signature"},
		"other error": {"0", "22012", "slot_index / 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := conn.Exec(ctx, "SET statement_timeout = "+c.setting); err != nil {
				t.Fatal(err)
			}
			var err error
			var digest string
			for i := 0; err == nil; i++ { // a proof may be there at once
				digest = fmt.Sprintf("sha256('%s %d')", name, i)
				timer := time.AfterFunc(30*time.Millisecond, func() {
					if name == "request" {
						conn.PgConn().CancelRequest(ctx)
					}
				})
				_, err = conn.Exec(ctx, "INSERT INTO hashes (digest) VALUES ("+digest+") RETURNING "+c.expression)
				timer.Stop()
			}
			if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Detail, "are filed") || !strings.Contains(e.Hint, "proofs") {
				t.Errorf("ended with %+v", err)
			}
			if _, err := conn.Exec(ctx, "RESET statement_timeout"); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := conn.QueryRow(ctx, "SELECT count(*) FROM hashes WHERE digest = "+digest).Scan(&n); err != nil || n != 1 {
				t.Errorf("filed %d times: %v", n, err)
			}
		})
	}
}
