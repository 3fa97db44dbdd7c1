package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/wire"
)

// What is told to record besides the events of query.
const (
	eventLogin  query.EventKind = "login"              // a session was opened
	eventFailed query.EventKind = "login failed"       // one was refused; the detail says why, and more than the client learns
	eventStart  query.EventKind = storage.JournalStart // the server was started; the detail holds its settings
	eventKey    query.EventKind = "key"                // the key of the object is another one than before: the calendar's, or that of the publications file
	eventBack   query.EventKind = "restore"            // the ledger goes on from a backup; at the first start from there
	eventStop   query.EventKind = "stop"               // it stops
	eventMany   query.EventKind = "not shown"          // the detail says what there was too much of
)

// What anybody who reaches the server can have happen is kept once a minute, and so often a day, whatever happens. Of both a role has a
// share that others cannot use up, as long as not more than a few of them want more than theirs; who is not logged in has one together.
const (
	journalMinute  = time.Minute
	journalKinds   = 1_000  // different lines a minute
	journalDayCap  = 20_000 // lines of a day
	repeatedDetail = " (again in this minute)"

	roleShare     = 5 // part of both that a role has: a fifth
	strangerShare = 2 // and failed logins together: half
)

// shareOf returns whose share an event is of: a role's, "" for who is not logged in.
func shareOf(e *query.Event) string {
	if e.Kind == eventFailed {
		return ""
	}
	return e.Role
}

// partOf returns what a share has of a whole.
func partOf(share string, whole int) int {
	if share == "" {
		return whole / strangerShare
	}
	return whole / roleShare
}

// record takes note of what happens to logins, roles, rights and configuration. It is the one place through which all of it
// goes. Passwords never do.
func (s *Server) record(e query.Event) {
	level := s.log.Info
	if e.Kind == eventLogin {
		level = s.log.Debug
	}
	level("journal", "event", string(e.Kind), "role", e.Role, "address", e.Address, "object", e.Object, "detail", e.Detail)
	switch e.Kind {
	case query.EventRole: // is in the journal already, with what it changed
	case eventLogin, eventFailed, query.EventDenied:
		s.journal.often(e)
	default:
		s.journal.write(journalEvent(e))
	}
}

// journalEvent makes a line of an event, cut to what lines take.
func journalEvent(e query.Event) storage.JournalEvent {
	return storage.JournalEvent{Times: 1, Event: cut(string(e.Kind), storage.MaxName), Actor: cut(e.Role, storage.MaxName),
		Address: cut(e.Address, storage.MaxName), Object: cut(e.Object, storage.MaxName), Detail: cut(e.Detail, storage.MaxDetail)}
}

// cut makes of s, which a client may have sent, UTF-8 without NUL of at most n bytes.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	s = strings.ToValidUTF8(s, "") // a letter that is cut through goes too
	return strings.ReplaceAll(s, "\x00", "")
}

// withLine has the change that a method of the ledger makes written with the line of what it is made for.
func withLine(ctx context.Context) context.Context {
	if e, ok := query.EventOf(ctx); ok {
		return ledger.WithLine(ctx, journalEvent(e))
	}
	return ctx
}

// A journal bounds what clients can have written to the ledger's.
type journal struct {
	write func(storage.JournalEvent) // does not wait
	now   func() time.Time

	mu     sync.Mutex // covers what follows
	minute time.Time  // that counts is of
	counts map[query.Event]uint32
	kinds  map[string]int    // of counts, by share
	others map[string]uint32 // events of the minute that found no place in counts, by share
	day    uint32
	total  int               // lines of day
	lines  map[string]int    // by share
	hidden map[string]uint32 // events of day that have no line, by share
}

func newJournal(write func(storage.JournalEvent), now func() time.Time) *journal {
	return &journal{write: write, now: now, counts: map[query.Event]uint32{}, kinds: map[string]int{}, others: map[string]uint32{},
		lines: map[string]int{}, hidden: map[string]uint32{}}
}

// often takes note of what can happen often: the first of a minute is a line at once, those that are like it are counted and
// make one line at the end of the minute.
func (j *journal) often(e query.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.turnLocked()
	n, known := j.counts[e]
	share := shareOf(&e)
	switch {
	case !known && (len(j.counts) >= journalKinds || j.kinds[share] >= partOf(share, journalKinds)):
		j.others[share]++
	case !known:
		j.lineLocked(share, journalEvent(e))
		j.counts[e] = 0
		j.kinds[share]++
	default:
		j.counts[e] = n + 1
	}
}

// turn ends the minute and the day that are over.
func (j *journal) turn() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.turnLocked()
}

// end ends the minute and the day as if they were over.
func (j *journal) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.endMinuteLocked()
	j.endDayLocked()
}

func (j *journal) turnLocked() {
	now := j.now()
	if minute := now.Truncate(journalMinute); !minute.Equal(j.minute) {
		j.endMinuteLocked()
		j.minute = minute
	}
	if day := storage.Day(now); day != j.day {
		j.endDayLocked()
		j.day = day
	}
}

func (j *journal) endMinuteLocked() {
	for e, n := range j.counts {
		if n > 0 {
			line := journalEvent(e)
			line.Times, line.Detail = n, cut(e.Detail, storage.MaxDetail-len(repeatedDetail))+repeatedDetail
			j.lineLocked(shareOf(&e), line)
		}
	}
	for share, n := range j.others {
		j.lineLocked(share, notShown(share, n, "minute"))
	}
	clear(j.counts)
	clear(j.kinds)
	clear(j.others)
}

func (j *journal) endDayLocked() {
	for share, n := range j.hidden {
		j.write(notShown(share, n, "day"))
	}
	clear(j.lines)
	clear(j.hidden)
	j.total = 0
}

// notShown makes the line about events of a share that have none of their own, in a minute or a day.
func notShown(share string, n uint32, when string) storage.JournalEvent {
	e := storage.JournalEvent{Times: n, Event: string(eventMany), Actor: cut(share, storage.MaxName)}
	if e.Detail = "logins and denied statements of a " + when + " in which the role had too many different ones"; share == "" {
		e.Detail = "failed logins of a " + when + " that had too many different ones"
	}
	return e
}

// lineLocked writes a line while the day and its share have room for it.
func (j *journal) lineLocked(share string, e storage.JournalEvent) {
	if j.total >= journalDayCap || j.lines[share] >= partOf(share, journalDayCap) {
		j.hidden[share] += e.Times
		return
	}
	j.total++
	j.lines[share]++
	j.write(e)
}

// keepJournal ends the journal's minutes until ctx is done, then all that is counted.
func (s *Server) keepJournal(ctx context.Context) {
	t := time.NewTicker(journalMinute)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.journal.turn()
		case <-ctx.Done():
			s.journal.end()
			return
		}
	}
}

// loginEvent tells of a client that wants to come in.
func loginEvent(kind query.EventKind, c *wire.Startup, detail string) query.Event {
	return query.Event{Kind: kind, Role: cut(c.User, storage.MaxName), Address: wire.From(c.Remote), Detail: detail}
}

// gatewayEvent tells of a request to the KSI gateway whose login id or HMAC is not right.
func gatewayEvent(login, remote string) query.Event {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	return query.Event{Kind: eventFailed, Role: cut(login, storage.MaxName), Address: host, Detail: "KSI gateway: login id or HMAC not right"}
}

// maxJournalFaults is how many faults of the journal one call gives.
const maxJournalFaults = 10_000

func (s source) ReadJournal(ctx context.Context, from, to uint64, n int, desc bool) (lines []query.JournalLine, err error) {
	days := s.ledger.JournalDays()
	var bad error
	err = s.ledger.ReadJournal(from, to, desc, func(l storage.JournalLine, lineErr error) bool {
		if bad = errors.Join(lineErr, context.Cause(ctx)); bad != nil {
			return false
		}
		line := query.JournalLine{Seq: l.Seq, Time: l.Time, Times: l.Times, Event: l.Event, Actor: l.Actor, Object: l.Object, Detail: l.Detail,
			Address: l.Address, Hash: l.Hash()}
		if d, ok := storage.JournalDayOf(days, l.Seq); ok {
			line.Receipt = receipt.Name{Round: d.Leaf.Round, Agency: storage.JournalAgency, Lane: storage.JournalLane, Index: d.Leaf.Index}.String()
		}
		lines = append(lines, line)
		return len(lines) < n
	})
	return lines, journalError(errors.Join(err, bad))
}

// journalError turns an error of reading the journal into what the client is told.
func journalError(err error) error {
	if errors.Is(err, storage.ErrCorrupt) || errors.Is(err, storage.ErrVersion) {
		return &query.Error{Code: "XX001", Message: err.Error(), Hint: "SELECT * FROM verify_journal('-infinity', 'infinity') shows all lines that are damaged."}
	}
	return err
}

func (s source) JournalSince(t time.Time) (uint64, error) {
	n, err := s.ledger.JournalSince(t)
	return n, journalError(err)
}

func (s source) VerifyJournal(ctx context.Context, from, to uint64) (faults []query.JournalFault, err error) {
	err = s.ledger.VerifyJournal(ctx, from, to, func(f ledger.JournalFault) error {
		if faults = append(faults, query.JournalFault(f)); len(faults) >= maxJournalFaults {
			return errTooManyFaults
		}
		return nil
	})
	if errors.Is(err, errTooManyFaults) {
		err = nil
	}
	return faults, journalError(err)
}

// errTooManyFaults ends the search for faults.
var errTooManyFaults = errors.New("too many faults")

// publicationsSetting is the setting in the line of a start that tells the next start of another key.
const publicationsSetting = "publications certificate %x"

// lastStart returns the newest line of a start; ok is false if there is none. It reads one line, but for a journal of before its head
// knew which: of that it reads what was recorded since.
func (s *Server) lastStart() (start storage.JournalLine, ok bool, err error) {
	var bad error
	head := s.ledger.JournalHead()
	from, to := uint64(1), head.Lines
	if head.Start > 0 {
		from, to = head.Start, head.Start
	}
	err = s.ledger.ReadJournal(from, to, true, func(l storage.JournalLine, lineErr error) bool {
		start, bad = l, lineErr
		ok = bad == nil && l.Event == string(eventStart)
		return bad == nil && !ok
	})
	if err = errors.Join(err, bad); err == nil && !ok && head.Start > 0 {
		err = fmt.Errorf("journal: line %d is not that of a start: %w", head.Start, storage.ErrCorrupt)
	}
	return start, ok, err
}

// recordSinceLast takes note of what the data directory went through since the start before: other keys, a restoration. What it
// cannot read it reports, and starts all the same.
func (s *Server) recordSinceLast() {
	if s.newKey != nil {
		s.record(query.Event{Kind: eventKey, Object: "calendar", Detail: fmt.Sprintf("certificate %x is new", s.newKey)})
	}
	last, known, err := s.lastStart()
	mark, markErr := backup.ReadContinued(s.config.DataDir)
	if err := errors.Join(err, markErr); err != nil {
		s.log.Error("journal: what happened before this start", "error", err)
		return
	}
	if id := s.publisher.certificateID(); !known || !strings.Contains(last.Detail, fmt.Sprintf(publicationsSetting, id)) {
		s.record(query.Event{Kind: eventKey, Object: "publications", Detail: fmt.Sprintf("certificate %x is new", id)})
	}
	if mark != nil && (!known || last.Time.Before(mark.Continued)) {
		s.record(query.Event{Kind: eventBack, Object: mark.Server, Detail: fmt.Sprintf("goes on from a backup of %s that ends at %s; restored %s",
			mark.Made.UTC().Format(time.RFC3339), mark.LastRound, mark.Restored.UTC().Format(time.RFC3339))})
	}
}

// recordStart takes note of the start, of the settings it was given, and of what the data directory went through before.
func (s *Server) recordStart() {
	c := &s.config
	detail := fmt.Sprintf("version %s; "+publicationsSetting+"; listen %s, Unix socket %q, gateway %q %q, http %q, tls %t, client certificates %t, hba %s, max connections %d, max clock jump %s, disk reserve %d, monthly publications %t",
		cmp.Or(c.Version, "none"), s.publisher.certificateID(), s.listener.Addr(), s.SocketPath(), c.GatewayListen, c.GatewayTCPListen, c.HTTPListen, s.tls != nil, c.TLSClientCA != "",
		c.hbaPath(), c.MaxConnections, c.MaxClockJump, c.DiskReserve, c.MonthlyPublications)
	if !c.ReadOnly {
		s.recordSinceLast()
	}
	s.record(query.Event{Kind: eventStart, Object: s.store.Genesis().Server, Detail: detail})
}
