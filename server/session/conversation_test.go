package session_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestConversations sends the messages of testdata/postgres and compares what comes back with what PostgreSQL 15 answered,
// whose answers -rewrite takes anew from the server that JURAT_POSTGRES names. A block is messages, one a line, and behind
// ---- the answers up to ReadyForQuery or CopyInResponse. The messages are
//
//	Q sql              Query
//	P name sql         Parse, - for the name ""
//	B portal statement [text|binary] [value …]   Bind, with the format of results
//	D S|P name         Describe
//	E portal rows      Execute
//	C S|P name         Close
//	S                  Sync
//	d "text"           CopyData
//	c                  CopyDone
//	f reason           CopyFail
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/postgres/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".test"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			conn := conversationPartner(t)
			var out []string
			for _, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
				if strings.HasPrefix(block, "#") {
					out = append(out, block)
					continue
				}
				messages, want, _ := strings.Cut(block, "\n----")
				got := converse(t, conn, messages)
				out = append(out, messages+"\n----\n"+got)
				if !*rewrite && got != strings.TrimPrefix(want, "\n") {
					t.Errorf("%s\n---- got\n%s\n---- PostgreSQL%s", messages, got, want)
				}
			}
			if *rewrite {
				if err := os.WriteFile(f, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// conversationPartner is our server, or, to rewrite, a PostgreSQL that has a table hashes as well.
func conversationPartner(t *testing.T) *pgconn.PgConn {
	if !*rewrite {
		return serve(t).connect(t, "alpha").PgConn()
	}
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("set JURAT_POSTGRES to take the answers anew")
	}
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), "create temporary table hashes (digest bytea not null, lane text)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	return conn
}

func converse(t *testing.T, conn *pgconn.PgConn, messages string) string {
	t.Helper()
	front := conn.Frontend()
	for _, line := range strings.Split(messages, "\n") {
		front.Send(frontendMessage(t, line))
	}
	if err := front.Flush(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		m, err := front.Receive()
		if err != nil {
			t.Fatal(messages, err)
		}
		out = append(out, backendText(conn, m))
		switch m.(type) {
		case *pgproto3.ReadyForQuery, *pgproto3.CopyInResponse:
			return strings.Join(out, "\n")
		}
	}
}

func unnamed(name string) string { return strings.TrimPrefix(name, "-") }

func frontendMessage(t *testing.T, line string) pgproto3.FrontendMessage {
	kind, rest, _ := strings.Cut(line, " ")
	words := strings.Fields(rest)
	switch kind {
	case "Q":
		return &pgproto3.Query{String: rest}
	case "P":
		name, sql, _ := strings.Cut(rest, " ")
		return &pgproto3.Parse{Name: unnamed(name), Query: sql}
	case "B":
		b := &pgproto3.Bind{DestinationPortal: unnamed(words[0]), PreparedStatement: unnamed(words[1])}
		if len(words) > 2 && words[2] == "binary" {
			b.ResultFormatCodes = []int16{1}
		}
		for _, v := range words[min(3, len(words)):] {
			b.Parameters = append(b.Parameters, []byte(v))
		}
		return b
	case "D":
		return &pgproto3.Describe{ObjectType: words[0][0], Name: unnamed(words[1])}
	case "E":
		n, err := strconv.ParseUint(words[1], 10, 32)
		if err != nil {
			t.Fatal(line, err)
		}
		return &pgproto3.Execute{Portal: unnamed(words[0]), MaxRows: uint32(n)}
	case "C":
		return &pgproto3.Close{ObjectType: words[0][0], Name: unnamed(words[1])}
	case "S":
		return &pgproto3.Sync{}
	case "d":
		text, err := strconv.Unquote(rest)
		if err != nil {
			t.Fatal(line, err)
		}
		return &pgproto3.CopyData{Data: []byte(text)}
	case "c":
		return &pgproto3.CopyDone{}
	case "f":
		return &pgproto3.CopyFail{Message: rest}
	}
	t.Fatalf("no message: %s", line)
	return nil
}

// backendText shows a message of the server, without what differs between two servers.
func backendText(conn *pgconn.PgConn, m pgproto3.BackendMessage) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
	switch m := m.(type) {
	case *pgproto3.RowDescription:
		for _, f := range m.Fields {
			name += fmt.Sprintf(" %s:%d:%d", f.Name, f.DataTypeOID, f.Format)
		}
	case *pgproto3.DataRow:
		for _, v := range m.Values {
			if v == nil {
				name += " null"
			} else {
				name += " " + strconv.Quote(string(v))
			}
		}
	case *pgproto3.CommandComplete:
		name += " " + string(m.CommandTag)
	case *pgproto3.ErrorResponse:
		name += " " + m.Severity + " " + m.Code + " " + m.Message
	case *pgproto3.NoticeResponse:
		name += " " + m.Severity + " " + m.Code + " " + m.Message
	case *pgproto3.NotificationResponse:
		name += fmt.Sprintf(" own:%t %s %q", m.PID == conn.PID(), m.Channel, m.Payload)
	case *pgproto3.ParameterStatus:
		name += " " + m.Name + "=" + m.Value
	case *pgproto3.ParameterDescription:
		name += fmt.Sprint(" ", m.ParameterOIDs)
	case *pgproto3.CopyInResponse:
		name += fmt.Sprint(" ", m.OverallFormat, " ", m.ColumnFormatCodes)
	case *pgproto3.CopyOutResponse:
		name += fmt.Sprint(" ", m.OverallFormat, " ", m.ColumnFormatCodes)
	case *pgproto3.CopyData:
		name += " " + strconv.Quote(string(m.Data))
	case *pgproto3.ReadyForQuery:
		name += " " + string(m.TxStatus)
	}
	return name
}
