package query_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestNotifyBounded: what waits for all sessions of a role together is bounded, and what the server says reaches them all the same. Those of
// others have their own room.
func TestNotifyBounded(t *testing.T) {
	t.Parallel()
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	open := func(role string) *query.Session {
		s, err := e.Open(query.Login{User: role, Database: "jurat"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	const listeners, notes, payload = 15, 500, 7000 // 53 MB wait for all of them, 3.5 MB for each
	var all []*query.Session
	for range listeners {
		s := open("jurat")
		run(t.Context(), s, "listen x; listen round_closed")
		all = append(all, s)
	}
	var own []*query.Session // each on a channel of its own, whose room is the role's too
	for i := range 5 {
		own = append(own, open("jurat"))
		run(t.Context(), own[i], fmt.Sprintf("listen own%d", i))
	}
	speaker := open("jurat")
	notify := fmt.Sprintf("select count(pg_notify('x', g || '%s')) from generate_series(1, %d) g", strings.Repeat("x", payload), notes)
	for range 2 {
		if a := run(t.Context(), speaker, notify); a.err != nil {
			t.Fatal(a.err)
		}
		wantCode(t, run(t.Context(), speaker, notify).err, "54000")
		refused := 0
		for i := range own {
			if a := run(t.Context(), speaker, strings.Replace(notify, "'x', g", fmt.Sprintf("'own%d', g", i), 1)); a.err != nil {
				refused++
			}
		}
		if refused != 2 { // 64 MiB are 19 times 3.5 MB, less some
			t.Errorf("%d of %d refused on channels of their own", refused, len(own))
		}
		for _, s := range own {
			s.Notifications()
		}
		if a := run(t.Context(), speaker, "notify y"); a.err != nil {
			t.Errorf("to a channel on which nobody listens: %v", a.err)
		}
		e.RoundClosed(7, merkle.Digest{1})
		for _, s := range all {
			got := s.Notifications()
			if len(got) != notes+1 || got[notes].Channel != "round_closed" || !strings.HasPrefix(got[notes-1].Payload, fmt.Sprint(notes)) {
				t.Errorf("%d notifications", len(got))
			}
		}
	}
}
