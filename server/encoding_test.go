package server

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestEncodings: psql asks for the encoding of its terminal. A session begins in any that PostgreSQL knows, and says so if it speaks
// another; a terminal without a locale wants nothing converted.
func TestEncodings(t *testing.T) {
	s := serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	for asked, want := range map[string]struct {
		told   string
		warned bool
	}{
		"utf-8": {"UTF8", false}, "SQL_ASCII": {"SQL_ASCII", false}, "WIN1252": {"UTF8", true}, "latin1": {"UTF8", true}, "nonsense": {},
	} {
		config, err := pgconn.ParseConfig("postgres://super-s@" + s.Addr().String() + "/jurat?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		warned := false
		config.RuntimeParams["client_encoding"] = asked
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { warned = n.Code == "01000" }
		conn, err := pgconn.ConnectConfig(context.Background(), config)
		if want.told == "" {
			if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || e.Code != "22023" {
				t.Errorf("%s: %v", asked, err)
			}
			continue
		} else if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		if told := conn.ParameterStatus("client_encoding"); told != want.told || warned != want.warned {
			t.Errorf("%s: the client is told %s, warned %t", asked, told, warned)
		}
		conn.Close(context.Background())
	}
}
