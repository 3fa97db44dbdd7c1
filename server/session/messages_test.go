package session_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

func query1(sql string) *pgproto3.Query      { return &pgproto3.Query{String: sql} }
func parse(name, sql string) *pgproto3.Parse { return &pgproto3.Parse{Name: name, Query: sql} }
func syncMessage() *pgproto3.Sync            { return &pgproto3.Sync{} }
func bind(portal, statement string) *pgproto3.Bind {
	return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
}

func execute(portal string, rows uint32) *pgproto3.Execute {
	return &pgproto3.Execute{Portal: portal, MaxRows: rows}
}

// sendAll sends messages to the server.
func sendAll(t *testing.T, front *pgproto3.Frontend, messages ...any) {
	t.Helper()
	for _, m := range messages {
		front.Send(m.(pgproto3.FrontendMessage))
	}
	if err := front.Flush(); err != nil {
		t.Fatal(err)
	}
}

// until reads to ReadyForQuery and returns what came in short.
func until(t *testing.T, front *pgproto3.Frontend, _ byte) string {
	t.Helper()
	var got []string
	for {
		m, err := front.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			got = append(got, string(m.Values[0]))
		case *pgproto3.PortalSuspended:
			got = append(got, "suspended")
		case *pgproto3.CommandComplete:
			got = append(got, string(m.CommandTag))
		case *pgproto3.ErrorResponse:
			got = append(got, m.Code)
		case *pgproto3.ReadyForQuery:
			return strings.Join(append(got, "ready "+string(m.TxStatus)), " ")
		}
	}
}
