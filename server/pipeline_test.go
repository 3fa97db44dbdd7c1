package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestReturningInPipeline: what INSERT … RETURNING has filed stays filed when a later statement of the same pipeline fails, and that
// statement's error says how much it is; without RETURNING nothing is filed.
func TestReturningInPipeline(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	c := s.connect("super-s")
	s.pass(1)
	for i, k := range []struct{ returning, detail, filed string }{
		{"", "", `["0"]`},
		{" RETURNING receipt", "2 digests", `["2"]`},
	} {
		p := c.StartPipeline(context.Background())
		for n, sql := range []string{
			fmt.Sprintf("INSERT INTO hashes (digest) VALUES (sha256('a %d'))", i),
			fmt.Sprintf("INSERT INTO hashes (digest) VALUES (sha256('b %d'))%s", i, k.returning),
			"INSERT INTO hashes (digest) VALUES ('bad')", "SELECT 1",
		} {
			p.SendQueryParams(sql, nil, nil, nil, nil)
			if n == 1 {
				p.SendFlushRequest()
			}
		}
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
		var refused *pgconn.PgError
		for range 8 {
			results, err := p.GetResults()
			if errors.As(err, &refused) {
				break
			}
			if r, ok := results.(*pgconn.ResultReader); ok {
				r.Close()
			}
		}
		if refused == nil || refused.Code != "23514" || !strings.Contains(refused.Detail, k.detail) || strings.Contains(refused.Detail, "filed") != (k.detail != "") {
			t.Errorf("%q: %+v", k.returning, refused)
		}
		p.Close()
		if got := c.one(fmt.Sprintf("SELECT count(*) FROM hashes WHERE digest IN (sha256('a %d'), sha256('b %d'))", i, i)); got != k.filed {
			t.Errorf("%q: %s are filed, want %s", k.returning, got, k.filed)
		}
	}
}
