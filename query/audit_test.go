package query_test

import (
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query"
)

// TestFaults shows the faults of an audit to a superuser whole, and to an agency those of others without what they hold.
func TestFaults(t *testing.T) {
	w := newWorld(t)
	round := calendar.RoundOf(start)
	w.ledger.Advance(3e9)
	for i, s := range w.ledger.Slots() {
		w.ledger.Faults = append(w.ledger.Faults, query.Fault{Round: round, Slot: i, Kind: "leaves", Expected: "12", Found: "11 of " + s.Agency})
	}
	w.ledger.Faults = append(w.ledger.Faults, query.Fault{Round: round + 1, Slot: -1, Kind: "round root", Expected: "aa", Found: "bb"})
	const sql = `select agency, lane, fault, expected, found from audit_calendar('-infinity', 'infinity')`
	for user, want := range map[string]string{
		"jurat": "jurat | main | leaves | 12 | 11 of jurat\nalpha | main | leaves | 12 | 11 of alpha\nbeta | main | leaves | 12 | 11 of beta\n" +
			"NULL | NULL | round root | aa | bb",
		"alpha": "NULL | NULL | in a lane of another agency | NULL | NULL\nalpha | main | leaves | 12 | 11 of alpha\n" +
			"NULL | NULL | in a lane of another agency | NULL | NULL\nNULL | NULL | round root | aa | bb",
	} {
		w.user(t, user)
		if a := run(t.Context(), w.current, sql); a.err != nil || strings.Join(a.rows, "\n") != want {
			t.Errorf("%s sees\n%s\n%v", user, strings.Join(a.rows, "\n"), a.err)
		}
	}
}
