package query

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A Fault is a place where what is stored is not what the leaves, or the seconds before, give.
type Fault struct {
	Round           calendar.Second
	Slot            int // that it is about, -1 for none
	Kind            string
	Expected, Found string
}

// An Audit finds the faults of some seconds, part by part.
type Audit interface {
	// Next returns the faults of the next seconds, maybe none; io.EOF ends. It can be left at any time.
	Next(ctx context.Context) ([]Fault, error)
}

// auditFunctions are the functions with which an auditor looks at the ledger as a whole.
func (c *ledgerCalls) auditFunctions() []*fn.Function {
	moment, text, bytea := value.TimestamptzOID, value.TextOID, value.ByteaOID
	span := []value.OID{moment, moment}
	series := func(oid value.OID, name string, start fn.SeriesFunc, columns []fn.Column, args ...value.OID) *fn.Function {
		return &fn.Function{OID: oid, Name: name, Args: args, Ret: value.RecordOID, Strict: true, Volatility: fn.Stable, Columns: columns, Series: start}
	}
	return []*fn.Function{
		series(16520, "audit_calendar", c.auditCalendar, []fn.Column{{Name: "round", Type: moment}, {Name: "agency", Type: text},
			{Name: "lane", Type: text}, {Name: "fault", Type: text}, {Name: "expected", Type: text}, {Name: "found", Type: text}}, span...),
		series(16521, "calendar_gaps", c.calendarGaps, []fn.Column{{Name: "first", Type: moment}, {Name: "last", Type: moment},
			{Name: "seconds", Type: value.Int8OID}, {Name: "reason", Type: text}}, span...),
		series(16522, "completeness", c.completeness, []fn.Column{{Name: "lane", Type: text}, {Name: "round", Type: moment},
			{Name: "sequence", Type: value.Int8OID}, {Name: "expected_sequence", Type: value.Int8OID}, {Name: "leaves", Type: value.Int8OID},
			{Name: "found", Type: value.Int8OID}, {Name: "complete", Type: value.BoolOID}}, text, moment, moment),
		series(16523, "consistency", c.consistency, []fn.Column{{Name: "step", Type: value.Int4OID}, {Name: "side", Type: text},
			{Name: "node", Type: bytea}, {Name: "old_hash", Type: bytea}, {Name: "new_hash", Type: bytea}}, span...),
		series(16580, "verify_journal", c.verifyJournal, []fn.Column{{Name: "seq", Type: value.Int8OID}, {Name: "fault", Type: text}}, span...),
		scalar(16524, "consistency_proof", bytea, c.consistencyProof, span...),
		scalar(16525, "verify_consistency", value.BoolOID, verifyConsistency, text, text, bytea),
	}
}

// spanOf returns the seconds of the calendar that lie in a span of time, both ends included. One that ends before it begins is an
// error: who mistypes it must not take silence for good news.
func spanOf(from, to value.Datum) (first, last calendar.Second, err error) {
	if from.I > to.I {
		return 0, 0, errf(codeInvalidParameter, "the span ends before it begins").hint("Give the earlier time first.")
	}
	first, last = 0, math.MaxInt64
	narrowRounds(&first, &last, Constraint{Op: GreaterEqual, Values: []value.Datum{from}}, value.Timestamptz)
	narrowRounds(&first, &last, Constraint{Op: LessEqual, Values: []value.Datum{to}}, value.Timestamptz)
	return first, last, nil
}

// closedSpan is spanOf for what says nothing if all is well: a span without a closed second, of a ledger that has any, is an error.
func (c *ledgerCalls) closedSpan(from, to value.Datum) (first, last calendar.Second, err error) {
	if first, last, err = spanOf(from, to); err != nil {
		return 0, 0, err
	}
	if begin, closed, _ := c.ledger.Extent(); begin <= closed && (last < begin || first > closed) {
		return 0, 0, errf(codeInvalidParameter, "no second of this span is closed").hint("The ledger has closed those from %s to %s.", begin, closed)
	}
	return first, last, nil
}

// A batchSeries gives rows as they are made, part by part.
type batchSeries struct {
	rows [][]value.Datum                                    // made and not given yet
	more func(ctx context.Context) ([][]value.Datum, error) // makes the next part, which may be empty; io.EOF ends
}

// Next implements fn.Series.
func (s *batchSeries) Next(env *fn.Env, out []*value.Vector) (int, error) {
	for len(s.rows) == 0 {
		if err := env.Check(); err != nil {
			return 0, err
		}
		rows, err := s.more(env.Ctx)
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		s.rows = rows
	}
	list := rowSeries{s.rows}
	n, err := list.Next(env, out)
	s.rows = list.rows
	return n, err
}

// auditCalendar gives a row for every fault of the calendar in a span of time. Of the lanes of others an agency learns no
// more than that something is wrong.
func (c *ledgerCalls) auditCalendar(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	from, to, err := c.closedSpan(args[0], args[1])
	if err != nil {
		return nil, err
	}
	audit, err := c.ledger.Audit(from, to)
	if err != nil {
		return nil, err
	}
	own := env.Session.(*Session).visibleAgency()
	return &batchSeries{more: func(ctx context.Context) (rows [][]value.Datum, err error) {
		faults, err := audit.Next(ctx)
		slots := c.ledger.Slots()
		for _, f := range faults {
			row := []value.Datum{momentOf(f.Round), value.Null(value.Text), value.Null(value.Text), value.NewText(f.Kind),
				value.NewText(f.Expected), value.NewText(f.Found)}
			if f.Slot >= 0 && f.Slot < len(slots) {
				if s := slots[f.Slot]; own == "" || own == s.Agency {
					row[1], row[2] = value.NewText(s.Agency), value.NewText(s.Lane)
				} else {
					row[3], row[4], row[5] = value.NewText("in a lane of another agency"), value.Null(value.Text), value.Null(value.Text)
				}
			}
			rows = append(rows, row)
		}
		return rows, err
	}}, nil
}

// calendarGaps gives the runs of seconds in a span of time in which no round closed. Whether the server was down or nobody
// filed is not stored: an idle second is closed in either case, by the next start at the latest.
func (c *ledgerCalls) calendarGaps(_ *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	from, to, err := spanOf(args[0], args[1])
	if err != nil {
		return nil, err
	}
	first, closed, open := c.ledger.Extent()
	gap := func(rows [][]value.Datum, from, to calendar.Second, reason string) [][]value.Datum {
		if from > to {
			return rows
		}
		return append(rows, []value.Datum{momentOf(from), momentOf(to), value.NewInt(value.Int8, int64(to-from)+1), value.NewText(reason)})
	}
	at, ended := max(from, first), false // the next second to account for
	return &batchSeries{more: func(ctx context.Context) (rows [][]value.Datum, err error) {
		if ended {
			return nil, io.EOF
		}
		if from < first {
			rows = gap(rows, from, min(to, first-1), "before the ledger's first second")
			from = first
		}
		cursor, err := c.ledger.Rounds(ctx, RoundScan{From: at, To: min(to, closed)})
		if err != nil {
			return nil, err
		}
		defer cursor.Close()
		var b RoundBatch
		for len(rows) < value.BatchSize {
			err := cursor.Next(ctx, &b)
			if errors.Is(err, io.EOF) {
				ended = true
				rows = gap(rows, at, min(to, closed), "no filings")
				return gap(rows, max(at, closed+1), min(to, open-1), "not closed yet"), nil
			}
			if err != nil {
				return nil, err
			}
			for _, round := range b.Round {
				rows = gap(rows, at, round-1, "no filings")
				at = round + 1
			}
		}
		return rows, nil
	}}, nil
}

// consistency explains the proof that the calendar as of the second moment extends that as of the first one.
func (c *ledgerCalls) consistency(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	proof, err := c.prove(args)
	if err != nil {
		return nil, err
	}
	var roots [2]merkle.Digest
	for i, at := range []calendar.Second{proof.From, proof.To} {
		if roots[i], err = c.calendarRoot(env.Ctx, at); err != nil {
			return nil, err
		}
	}
	steps, err := proof.Steps(roots[0], roots[1])
	if err != nil {
		return nil, errf(codeDataCorrupted, "%s", err.Error()).hint("The calendar is damaged: SELECT * FROM audit_calendar('-infinity', 'infinity') says where.")
	}
	series := &rowSeries{}
	for i, s := range steps {
		side := "right"
		switch {
		case s.Start:
			side = "start"
		case s.Left:
			side = "left"
		}
		digest := func(d merkle.Digest) value.Datum { return value.NewBytes(value.Bytea, d[:]) }
		series.rows = append(series.rows, []value.Datum{value.NewInt(value.Int4, int64(i)), value.NewText(side), digest(s.Node), digest(s.Old), digest(s.New)})
	}
	return series, nil
}

// prove proves consistency between two whole seconds.
func (c *ledgerCalls) prove(args []value.Datum) (*calendar.Consistency, error) {
	from, err := wholeSecond(args[0].I)
	if err != nil {
		return nil, err
	}
	to, err := wholeSecond(args[1].I)
	if err != nil {
		return nil, err
	}
	return c.ledger.Consistency(from, to)
}

// calendarRoot returns the calendar root as of a closed second.
func (c *ledgerCalls) calendarRoot(ctx context.Context, at calendar.Second) (root merkle.Digest, err error) {
	cursor, err := c.ledger.Calendar(ctx, CalendarScan{From: at, To: at, Roots: true})
	if err != nil {
		return root, err
	}
	defer cursor.Close()
	var b CalendarBatch
	if err := cursor.Next(ctx, &b); err != nil {
		return root, err
	}
	return b.Root[0], nil
}

func (c *ledgerCalls) consistencyProof(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	proof, err := c.prove(args)
	if err != nil {
		return value.Datum{}, err
	}
	return value.NewBytes(value.Bytea, proof.Append(nil)), nil
}

// verifyConsistency checks a proof against two publication strings, an earlier and a later one.
func verifyConsistency(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	var roots [2]merkle.Digest
	var times [2]calendar.Second
	for i := range roots {
		p, err := ksi.ParsePublication(string(args[i].B))
		if err != nil {
			return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
		}
		if p.Root.Algorithm() != merkle.SHA256 {
			return value.NewBool(false), nil // no root of this calendar
		}
		roots[i], times[i] = merkle.Digest(p.Root.Digest()), p.Time
	}
	proof, err := calendar.ParseConsistency(args[2].B)
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	_, err = proof.Steps(roots[0], roots[1])
	return value.NewBool(err == nil && proof.From == times[0] && proof.To == times[1]), nil
}
