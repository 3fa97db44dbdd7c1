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
	const listeners, notes, payload = 15, 500, 7000 // 53 MB wait for all of them, 3.5 MB for each
	var all []*query.Session
	for range listeners {
		s := openAs(t, e, "jurat")
		run(t.Context(), s, "listen x; listen round_closed")
		all = append(all, s)
	}
	var own []*query.Session // each on a channel of its own, whose room is the role's too
	for i := range 5 {
		own = append(own, openAs(t, e, "jurat"))
		run(t.Context(), own[i], fmt.Sprintf("listen own%d", i))
	}
	speaker := openAs(t, e, "jurat")
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

// TestChannelsBounded: a session listens on 1,024 channels and no more, and on others once it has given some up.
func TestChannelsBounded(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	s := openAs(t, query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"}), "jurat")
	n := 0
	a := run(t.Context(), s, "listen c0")
	for ; a.err == nil && n < 2000; n++ {
		a = run(t.Context(), s, fmt.Sprintf("listen c%d", n+1))
	}
	wantCode(t, outcome(a), "54000")
	if n != 1024 {
		t.Errorf("%d channels", n)
	}
	for _, sql := range []string{"unlisten c5", "listen other"} {
		if a := run(t.Context(), s, sql); a.err != nil {
			t.Error(a.err)
		}
	}
}
