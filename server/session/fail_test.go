package session_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// An error that the server finds in a message takes back what the pipeline before it would file.
func TestMalformedMessageFailsPipeline(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha").PgConn()
	hijacked, err := conn.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer hijacked.Conn.Close()
	f := hijacked.Frontend
	f.SendParse(&pgproto3.Parse{Query: `INSERT INTO hashes (digest) VALUES (sha256('x'))`})
	f.SendBind(&pgproto3.Bind{})
	f.SendExecute(&pgproto3.Execute{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	// A Describe of what is neither statement nor portal, then Sync.
	if _, err := hijacked.Conn.Write([]byte{'D', 0, 0, 0, 6, 'Q', 0, 'S', 0, 0, 0, 4}); err != nil {
		t.Fatal(err)
	}
	failed := false
	for done := false; !done; {
		m, err := f.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			failed = m.Code == "08P01"
		case *pgproto3.ReadyForQuery:
			done = true
		}
	}
	if !failed {
		t.Error("the malformed message was taken")
	}
	var n int
	if err := s.connect(t, "alpha").QueryRow(t.Context(), `SELECT count(*) FROM hashes`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d digests filed by a pipeline that failed: %v", n, err)
	}
}
