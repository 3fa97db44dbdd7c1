package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestFewFiles has clients connect to a server that may open few files until it refuses them: it has files left to file what goes into tables of
// its own.
func TestFewFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, exec.Command("sh", "-c", `ulimit -n 550; exec "$0" serve --data "$1" --listen 127.0.0.1:0`, program(t), dir), dir)
	if words := "max_connections=25 wanted=2000 open_files=550"; !strings.Contains(s.logged(), words) {
		t.Errorf("not in the log: %q\n%s", words, s.logged())
	}
	first := s.connect()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // where nobody is refused, somebody waits for ever
	defer cancel()
	for n := 1; n < 550; n++ {
		conn, err := pgx.Connect(ctx, s.url())
		if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == "53300" {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
	}
	const many = 100_000
	rows := make([][]any, many)
	for i := range rows {
		digest := sha256.Sum256([]byte(strconv.Itoa(i)))
		rows[i] = []any{digest[:]}
	}
	if n, err := first.CopyFrom(t.Context(), pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromRows(rows)); err != nil || n != many {
		t.Errorf("%d rows, %v", n, err)
	}
	s.stop()
}
