package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hostileStatements want more memory or time than there is.
var hostileStatements = []string{
	"SELECT * FROM generate_series(1, 100000000) ORDER BY 1 DESC",
	"SELECT count(DISTINCT g) FROM generate_series(1, 100000000) g",
	"SELECT array_agg(repeat('x', 1000)) FROM generate_series(1, 100000000)",
	"WITH RECURSIVE t AS (SELECT 'x' AS n UNION ALL SELECT n || n FROM t) SELECT count(*) FROM t",
	"SELECT regexp_replace(repeat('a', 3000000), 'a', 'b', 'g')",
	"SELECT to_char(1.5, repeat('9', 1000000))",
	"SELECT length(repeat('x', 1000000000))",
	"SELECT repeat('x', 60000000) FROM generate_series(1, 1000)",
	"SELECT " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
	"SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b",
	"SELECT count(*) FROM generate_series(1, 20000000) a JOIN generate_series(1, 20000000) b ON a = b",
	"SELECT sum(g) OVER (ORDER BY g) FROM generate_series(1, 100000000) g",
	"SELECT jsonb_agg(g) FROM generate_series(1, 100000000) g",
	"SELECT string_to_array(repeat('x,', 10000000), ',')",
	"SELECT 10::numeric ^ 10000000",
	"SELECT 1 WHERE 1 IN (" + strings.Repeat("2,", 2_000_000) + "3)",
	"SELECT ARRAY[" + strings.Repeat("2,", 2_000_000) + "3]",
	"INSERT INTO hashes (digest) VALUES " + strings.Repeat("(''),", 1_000_000) + "('')",
	"SELECT 1 WHERE true" + strings.Repeat(" AND true", 1_000_000),
	strings.Repeat("SELECT 1;", 1_000_000),
	"SELECT '" + strings.Repeat("x", 20_000_000) + "'",
	"SELECT '[" + strings.Repeat("1,", 4_000_000) + "1]'::jsonb, length(repeat('x', 1000000000))",
	"SELECT '{" + strings.Repeat("1,", 4_000_000) + "1}'::int[], length(repeat('x', 1000000000))",
}

// limitCodes are how hostile statements may end: limits, and the end of the server.
var limitCodes = []string{"53200", "54000", "54001", "57014", "57P01", "22003"}

// hostility runs hostile statements in one connection, one after the other, until ctx ends or the server does, and returns how many.
// Beside limitCodes they may end with others, which are given.
func hostility(ctx context.Context, url string, r *rand.Rand, others ...string) (n int, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		defer conn.Close(context.Background())
		_, err = conn.Exec(ctx, "SET statement_timeout = '300ms'")
	}
	for err == nil || errors.As(err, new(*pgconn.PgError)) {
		sql := hostileStatements[r.IntN(len(hostileStatements))]
		_, err = conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		var e *pgconn.PgError
		if err == nil || errors.As(err, &e) && !slices.Contains(limitCodes, e.Code) && !slices.Contains(others, e.Code) {
			return n, fmt.Errorf("%.80s: ended with %v", sql, err)
		}
		if e != nil && e.Code == "57P01" {
			return n, nil
		}
		n++
	}
	return n, nil
}

// TestHostileMemory: many clients at once send statements that want more memory than there is, long ones and deep ones, and prepare
// them. What the process takes stays below a bound that follows from the flags, and others are served.
func TestHostileMemory(t *testing.T) {
	const (
		statement, all, ingest = 16 << 20, 48 << 20, 16 << 20
		clients                = 16
		// Collected garbage may be as much as what is in use. A client's message is there twice, as it came and as text.
		bound = 2*(all+ingest) + clients*2*(20<<20) + 64<<20
	)
	t.Parallel()
	s := startServer(t, t.TempDir(), "--statement-memory", fmt.Sprint(statement), "--query-memory", fmt.Sprint(all), "--ingest-memory", fmt.Sprint(ingest))
	before := s.memory("VmRSS")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	duration := 4 * time.Second
	if soak() {
		duration = time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			n, err := hostility(ctx, s.url(), rand.New(rand.NewPCG(seed, uint64(i))))
			if err != nil || n == 0 {
				t.Errorf("client %d: %d statements, %v", i, n, err)
			}
		})
	}
	conn := s.connect()
	for i := 0; ctx.Err() == nil; i++ {
		if _, err := conn.Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(7, i)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	mustFind(t, conn, []acknowledgement{{digest: testDigest(7, 0)}})
	peak := s.memory("VmHWM")
	t.Logf("%d KiB at first, %d at most, %d allowed", before, peak, before+bound>>10)
	if peak > before+bound>>10 {
		t.Errorf("%d KiB at first, %d at most, want at most %d more", before, peak, bound>>10)
	}
}
