package query

import (
	"context"
	"math"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A JournalLine is a line of the server's journal.
type JournalLine struct {
	Seq                                   uint64 // 1, 2, 3 …
	Time                                  time.Time
	Times                                 uint32 // how often it happened
	Event, Actor, Object, Detail, Address string
	Hash                                  merkle.Digest // stands for all lines up to this one
	Receipt                               string        // of the leaf that holds the hash of its day's last line, "" if the day is not filed
}

// concerns reports whether a line is about a role. Objects of other events may be called what a role is called.
func (l *JournalLine) concerns(role string) bool {
	return l.Actor == role || l.Object == role && (l.Event == string(EventRole) || l.Event == string(EventKSIKey))
}

// A JournalFault says what is wrong with a line of the journal.
type JournalFault struct {
	Seq  uint64
	Text string
}

// Columns of journal.
const (
	colJournalSeq = iota
	colJournalTime
)

// journalTable is journal: who did what to the server.
type journalTable struct {
	def    TableDef
	ledger Ledger
}

func newJournalTable(l Ledger, oid value.OID) *journalTable {
	return &journalTable{ledger: l, def: TableDef{OID: oid, Schema: "public", Name: "journal", Ledger: true, Columns: []ColumnDef{
		{Name: "seq", Type: value.Int8},
		{Name: "time", Type: value.Timestamptz, NotNull: true},
		{Name: "day", Type: value.Date, NotNull: true},
		{Name: "actor", Type: value.Text},
		{Name: "event", Type: value.Text, NotNull: true},
		{Name: "object", Type: value.Text},
		{Name: "detail", Type: value.Text},
		{Name: "address", Type: value.Text},
		{Name: "times", Type: value.Int8, NotNull: true},
		{Name: "hash", Type: value.Bytea},
		{Name: "receipt", Type: value.Text},
	}}}
}

func (t *journalTable) Def() *TableDef { return &t.def }

// Plan reads the lines between two numbers. To agencies lines have none: the gaps would tell how much happens to others.
func (t *journalTable) Plan(r *ScanRequest) (*Path, error) {
	own := r.Session.visibleAgency()
	from, to := int64(1), int64(math.MaxInt64)
	since, before := int64(math.MinInt64), int64(math.MaxInt64)
	p := &Path{Used: make([]bool, len(r.Where)), Rows: 10_000}
	for i, c := range r.Where {
		switch {
		case c.Column == colJournalSeq && own == "" && c.Op != OneOf:
			from, to = narrow(from, to, c)
			p.Used[i] = true
		case c.Column == colJournalTime && c.Op != OneOf:
			since, before = narrow(since, before, c)
			p.Used[i] = true
		}
	}
	desc := false
	if len(r.Order) > 0 && (r.Order[0].Column == colJournalTime || r.Order[0].Column == colJournalSeq && own == "") {
		desc, p.Ordered = r.Order[0].Desc, 1
	}
	ranged := since > math.MinInt64 || before < math.MaxInt64 || from > 1 || to < math.MaxInt64
	p.Name = scanName("journal", ranged || p.Ordered > 0, desc)
	if ranged {
		p.Rows = 100
	}
	p.Open = func(context.Context) (Scan, error) {
		scan := &journalScan{t: t, need: r.Need, own: own, from: uint64(max(from, 1)), to: uint64(max(to, 0)), desc: desc}
		if since > math.MinInt64 {
			n, err := t.ledger.JournalSince(journalTime(since))
			if err != nil {
				return nil, err
			}
			scan.from = max(scan.from, n)
		}
		if before < math.MaxInt64 {
			n, err := t.ledger.JournalSince(journalTime(before).Add(time.Microsecond))
			if err != nil {
				return nil, err
			}
			scan.to = min(scan.to, n-1)
		}
		return scan, nil
	}
	return p, nil
}

// journalTime returns a timestamptz, infinite ones too, as a time that compares with those of lines as it does.
func journalTime(micros int64) time.Time {
	return value.ToTime(min(micros, math.MaxInt64-value.UnixToMicros))
}

// narrow makes a span of whole numbers, both ends included, no larger than a constraint admits.
func narrow(from, to int64, c Constraint) (int64, int64) {
	v := c.Values[0].I
	switch c.Op {
	case Equal:
		return max(from, v), min(to, v)
	case Less:
		if v == math.MinInt64 {
			return 1, 0
		}
		return from, min(to, v-1)
	case LessEqual:
		return from, min(to, v)
	case Greater:
		if v == math.MaxInt64 {
			return 1, 0
		}
		return max(from, v+1), to
	}
	return max(from, v), to
}

// A journalScan reads lines from from to to, both included, those of one agency alone unless own is empty.
type journalScan struct {
	t        *journalTable
	need     []bool
	own      string
	from, to uint64
	desc     bool
}

// Next reads part after part until one holds a line that is to be seen.
func (s *journalScan) Next(ctx context.Context, b *value.Batch) error {
	b.N = 0
	for s.from <= s.to {
		lines, err := s.t.ledger.ReadJournal(ctx, s.from, s.to, value.BatchSize, s.desc)
		if err != nil || len(lines) == 0 {
			return err
		}
		last := lines[len(lines)-1].Seq
		switch {
		case !s.desc:
			s.from = last + 1
		case last == 0:
			s.from = s.to + 1
		default:
			s.to = last - 1
		}
		list := listScan{def: &s.t.def, need: s.need}
		for i := range lines {
			if s.own == "" || lines[i].concerns(s.own) {
				list.rows = append(list.rows, s.row(&lines[i]))
			}
		}
		if len(list.rows) > 0 {
			return list.Next(ctx, b)
		}
	}
	return nil
}

func (s *journalScan) row(l *JournalLine) []value.Datum {
	optional := func(text string) value.Datum {
		if text == "" {
			return value.Null(value.Text)
		}
		return value.NewText(text)
	}
	row := []value.Datum{value.NewInt(value.Int8, int64(l.Seq)), timestamp(l.Time), value.NewInt(value.Date, daysSince2000(l.Time)), optional(l.Actor), value.NewText(l.Event),
		optional(l.Object), optional(l.Detail), optional(l.Address), value.NewInt(value.Int8, int64(l.Times)),
		value.NewBytes(value.Bytea, l.Hash[:]), optional(l.Receipt)}
	if s.own != "" {
		row[0], row[9], row[10] = value.Null(value.Int8), value.Null(value.Bytea), value.Null(value.Text)
	}
	return row
}

// daysSince2000 is the UTC day of a time as a date.
func daysSince2000(t time.Time) int64 { return t.Unix()/(24*60*60) - 10957 }

func (s *journalScan) Close() {}

// verifyJournal gives a row for every fault of the journal in a span of time.
func (c *ledgerCalls) verifyJournal(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	if env.Session.(*Session).visibleAgency() != "" {
		return nil, errf(codeNoPrivilege, "permission denied for function verify_journal").on("verify_journal").
			hint("The journal is checked as a whole, by an auditor, an operator or a superuser.")
	}
	if _, _, err := spanOf(args[0], args[1]); err != nil {
		return nil, err
	}
	from, err := c.ledger.JournalSince(journalTime(args[0].I))
	if err != nil {
		return nil, err
	}
	to, err := c.ledger.JournalSince(journalTime(args[1].I).Add(time.Microsecond))
	if err != nil {
		return nil, err
	}
	faults, err := c.ledger.VerifyJournal(env.Ctx, from, to-1)
	if err != nil {
		return nil, err
	}
	rows := make([][]value.Datum, len(faults))
	for i, f := range faults {
		rows[i] = []value.Datum{value.NewInt(value.Int8, int64(f.Seq)), value.NewText(f.Text)}
	}
	return &rowSeries{rows}, nil
}

// eventKey is where a context holds the event of a change.
type eventKey struct{}

// noting returns a context that says for what a change of the ledger is made: EventOf gives it to who writes the journal.
func (s *Session) noting(ctx context.Context, kind EventKind, object, detail string) context.Context {
	return context.WithValue(ctx, eventKey{}, Event{Kind: kind, Role: s.role.Name, Address: s.login.From, Object: object, Detail: detail})
}

// about returns a context whose event is about an object.
func about(ctx context.Context, object string) context.Context {
	e, _ := EventOf(ctx)
	e.Object = object
	return context.WithValue(ctx, eventKey{}, e)
}

// EventOf returns the event for which a method of Ledger is called that changes something; ok is false if it is none that is to
// be kept.
func EventOf(ctx context.Context) (e Event, ok bool) {
	e, ok = ctx.Value(eventKey{}).(Event)
	return e, ok
}
