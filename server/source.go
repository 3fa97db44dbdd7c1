package server

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// A source is the ledger as the query engine sees it.
type source struct {
	ledger    *ledger.Ledger
	publisher *publisher
	slots     *atomic.Pointer[[]query.Slot] // what Slots last made; slots are only ever added
	backups   *backups
}

// clientError turns the ledger's errors into what a client is told.
func clientError(err error) error {
	if err == nil {
		return nil
	}
	var e *query.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, ledger.ErrFatal):
		return &query.Error{Code: "58030", Message: "the ledger has stopped after a failed write",
			Detail: "If this statement files digests, it is not known whether they are filed.",
			Hint:   "Connect again when the server is back and look the digests up in hashes; file again what is missing."}
	case errors.Is(err, ledger.ErrStopped):
		return &query.Error{Code: "57P01", Message: "the server is shutting down", Hint: "Try again when the server is back."}
	case errors.Is(err, ledger.ErrReadOnly):
		return &query.Error{Code: "25006", Message: "this server is read-only: it serves a ledger as it was and files nothing",
			Hint: "What was in a round that is not closed has no proof here. A server that runs without --read-only files."}
	case errors.Is(err, ledger.ErrClockJump):
		return &query.Error{Code: "55000", Message: "filing has stopped because the server's clock jumped ahead",
			Detail: "A round cannot be taken back, so nothing is filed under a time that may be wrong.",
			Hint:   "An operator has to check the clock and run SELECT confirm_clock()."}
	case errors.Is(err, ledger.ErrCertificateEnds):
		return &query.Error{Code: "55000", Message: "filing has stopped because " + err.Error(),
			Detail: "Rounds closed after that could not be proven.",
			Hint:   "An operator has to stop the server, run jurat rotate-key calendar and start it again."}
	case errors.Is(err, ledger.ErrDiskFull):
		return &query.Error{Code: "53100", Message: "could not file: the server's disk is full",
			Hint: "Nothing of this statement is filed. Filing goes on by itself when an operator has made room; proofs are to be had all the same."}
	case errors.Is(err, ledger.ErrRole):
		return &query.Error{Code: "28000", Message: "the role of this session was changed and does not file any more",
			Hint: "Nothing of this statement is filed. Connect again, if the role may still log in."}
	case errors.Is(err, ledger.ErrTooMany):
		return &query.Error{Code: "54000", Message: err.Error(),
			Hint: "With ON CONFLICT DO NOTHING file in smaller parts. A digest that was filed that often is reached by its receipts."}
	case errors.Is(err, ledger.ErrBlockNotClosed):
		return &query.Error{Code: "55000", Message: err.Error(),
			Hint: "A block of 256 seconds is closed with its last second: up to 4 minutes and 17 seconds after any second in it."}
	case errors.Is(err, ledger.ErrNotClosed):
		return &query.Error{Code: "55000", Message: err.Error(),
			Hint: "Take the newest closed second or one before it, or wait: a second is closed about a second after it has passed."}
	case errors.Is(err, ledger.ErrNoPublication):
		return &query.Error{Code: "55000", Message: err.Error(),
			Hint: "The table publications shows which there are; a superuser makes one by SELECT publish()."}
	case errors.Is(err, ledger.ErrForeign), errors.Is(err, ledger.ErrInvalid), errors.Is(err, ledger.ErrBeforeFirst),
		errors.Is(err, ledger.ErrRange), errors.Is(err, ledger.ErrReferences), errors.Is(err, ledger.ErrKey), errors.Is(err, ledger.ErrNoSeal):
		return &query.Error{Code: "22023", Message: err.Error()}
	case errors.Is(err, ledger.ErrExists):
		return &query.Error{Code: "42710", Message: err.Error()}
	case errors.Is(err, ledger.ErrNotFound):
		return &query.Error{Code: "02000", Message: err.Error()}
	case errors.Is(err, storage.ErrVersion), errors.Is(err, index.ErrVersion):
		return &query.Error{Code: "0A000", Message: err.Error(), Hint: "A newer server wrote it: an operator has to run that one."}
	case errors.Is(err, storage.ErrCorrupt), errors.Is(err, index.ErrCorrupt):
		return &query.Error{Code: "XX001", Message: "what is stored is damaged: " + err.Error(),
			Hint: "Nothing that is damaged is given out. An operator has to stop the server, run jurat fsck and restore a backup; the digest index alone is made anew by jurat fsck --rebuild-index."}
	}
	return err
}

func (s source) Append(ctx context.Context, r *query.Request) ([]query.Filing, error) {
	in := ledger.Request{Agency: r.Agency, Parts: make([]ledger.Part, len(r.Parts))}
	for i, p := range r.Parts {
		in.Parts[i] = ledger.Part{Lane: p.Lane, Leaves: p.Leaves, New: p.New}
	}
	filings, err := s.ledger.Append(ctx, &in)
	out := make([]query.Filing, len(filings))
	for i, f := range filings {
		out[i] = query.Filing(f)
	}
	return out, clientError(err)
}

func (s source) Signatures(ctx context.Context, signatures [][]byte, positions []query.Position, memory query.Memory) error {
	in := make([]ledger.Position, len(positions))
	for i, p := range positions {
		in[i] = ledger.Position(p)
	}
	return clientError(s.ledger.Signatures(ctx, signatures, in, memory))
}

func (s source) PublishedSignature(ctx context.Context, p query.Position) ([]byte, error) {
	sig, err := s.ledger.PublishedSignature(ctx, ledger.Position(p), 0)
	return sig, clientError(err)
}

func (s source) Extend(ctx context.Context, signature []byte, to calendar.Second) ([]byte, error) {
	sig, err := s.ledger.Extend(ctx, signature, to)
	return sig, clientError(err)
}

func (s source) Publish(ctx context.Context, at calendar.Second, references []string) (query.Publication, error) {
	p, err := s.ledger.Publish(withLine(ctx), at, references)
	return query.Publication(p), clientError(err)
}

func (s source) Publications() []query.Publication {
	in := s.ledger.Publications()
	out := make([]query.Publication, len(in))
	for i, p := range in {
		out[i] = query.Publication(p)
	}
	return out
}

func (s source) PublicationsFile(context.Context) (*ksi.PublicationsFile, error) {
	return s.publisher.publicationsFile()
}

func (s source) CalendarChain(_ context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	links, leaf, to, err := s.ledger.CalendarChain(from, to)
	if err != nil {
		return nil, clientError(err)
	}
	return ksi.NewCalendarChain(from, leaf, to, links), nil
}

func (s source) Find(ctx context.Context, dst []query.Leaf, agency string, digest []byte) ([]query.Leaf, error) {
	var room [1]ledger.Leaf
	found, err := s.ledger.Find(ctx, room[:0], agency, digest)
	return appendLeaves(dst, found), clientError(err)
}

func (s source) FindAll(ctx context.Context, agency string, digests [][]byte) ([]query.Leaf, error) {
	room := leafLists.Get().(*[]ledger.Leaf)
	defer leafLists.Put(room)
	found, err := s.ledger.FindAll(ctx, (*room)[:0], agency, digests)
	if cap(found) <= maxLeafList {
		*room = found
	}
	return appendLeaves(nil, found), clientError(err)
}

// leafLists holds *[]ledger.Leaf of at most maxLeafList.
var leafLists = sync.Pool{New: func() any { return new([]ledger.Leaf) }}

const maxLeafList = 2048

func (s source) Leaf(_ context.Context, p query.Position) (query.Leaf, bool, error) {
	leaf, err := s.ledger.Leaf(ledger.Position(p))
	if errors.Is(err, ledger.ErrNotFound) {
		return query.Leaf{}, false, nil
	}
	return queryLeaf(&leaf), err == nil, clientError(err)
}

func appendLeaves(dst []query.Leaf, found []ledger.Leaf) []query.Leaf {
	dst = slices.Grow(dst, len(found))
	for i := range found {
		dst = append(dst, queryLeaf(&found[i]))
	}
	return dst
}

func queryLeaf(l *ledger.Leaf) query.Leaf {
	return query.Leaf{Position: query.Position(l.Position), Imprint: l.Imprint, FiledAt: l.FiledAt}
}

func (s source) Snapshot() query.Snapshot {
	closed, open := s.ledger.Durable()
	// Slots and publications come after: what is durable above is of no slot that is missing here.
	return query.Snapshot{Closed: closed, Open: open, Slots: len(s.ledger.Slots()), Publications: s.Publications()}
}

func (s source) Extent() (first, closed, open calendar.Second) { return s.ledger.Extent() }

func (s source) TotalLeaves() uint64 { return s.ledger.TotalLeaves() }

func (s source) Slots() []query.Slot {
	in := s.ledger.Slots()
	if known := s.slots.Load(); known != nil && len(*known) == len(in) {
		return *known
	}
	out := make([]query.Slot, len(in))
	for i, x := range in {
		out[i] = query.Slot{ID: x.ID, Agency: x.Agency, Lane: x.Lane, Base: x.Base, Created: x.Created.Time()}
	}
	s.slots.Store(&out)
	return out
}

func (s source) Role(name string) (query.Role, bool) {
	r, ok := s.ledger.Role(name)
	return s.role(r), ok
}

func (s source) role(r storage.Role) query.Role {
	q := queryRole(r)
	_, q.KSI = s.ledger.KSIKey(r.Name)
	return q
}

// queryRole and storageRole turn a role into the other package's. Whether it has a KSI key is not part of what is stored of it.
func queryRole(r storage.Role) query.Role {
	return query.Role{Name: r.Name, Kind: query.RoleKind(r.Kind), NoLogin: r.NoLogin, Dropped: r.Dropped, Number: r.Number, Limited: r.Limited,
		Connections: r.Connections, ValidUntil: r.ValidUntil, Verifier: r.Verifier, Limits: query.RoleLimits(r.Limits)}
}

func storageRole(r query.Role) storage.Role {
	return storage.Role{Name: r.Name, Kind: storage.RoleKind(r.Kind), NoLogin: r.NoLogin, Dropped: r.Dropped, Number: r.Number, Limited: r.Limited,
		Connections: r.Connections, ValidUntil: r.ValidUntil, Verifier: r.Verifier, Limits: storage.RoleLimits(r.Limits)}
}

func (s source) Roles() []query.Role {
	in := s.ledger.Roles()
	out := make([]query.Role, len(in))
	for i, r := range in {
		out[i] = s.role(r)
	}
	return out
}

func (s source) CreateRole(ctx context.Context, r query.Role) error {
	return clientError(s.ledger.CreateRole(withLine(ctx), storageRole(r)))
}

func (s source) ChangeRoles(ctx context.Context, changes []query.RoleChange) error {
	in := make([]ledger.RoleChange, len(changes))
	for i, c := range changes {
		in[i] = ledger.RoleChange{Name: c.Name, Line: journalEvent(c.Event), Make: func(was storage.Role, filed uint64) (storage.Role, error) {
			now, err := c.Make(s.role(was), filed)
			return storageRole(now), err
		}}
	}
	return clientError(s.ledger.ChangeRoles(ctx, in))
}

func (s source) CreateLane(ctx context.Context, agency, lane string) (uint32, error) {
	slot, err := s.ledger.CreateLane(withLine(ctx), agency, lane)
	return slot, clientError(err)
}

func (s source) SetKSIKey(ctx context.Context, role string, key []byte) error {
	return clientError(s.ledger.SetKSIKey(withLine(ctx), role, key))
}

func (s source) Certificates() []query.Certificate {
	in := s.ledger.Certificates()
	out := make([]query.Certificate, len(in))
	for i, c := range in {
		out[i] = query.Certificate(c)
	}
	return out
}

func (s source) IndexStatus() (query.IndexStatus, error) {
	x, err := s.ledger.IndexStatus()
	return query.IndexStatus(x), clientError(err)
}

func (s source) ConfirmClock(ctx context.Context) (time.Time, error) {
	now, err := s.ledger.ConfirmClock(withLine(ctx))
	return now, clientError(err)
}

// A sample's blocks are the same to both: the index is 0, or this does not compile.
var _ = [1]int{}[storage.SampleBlock-query.SampleBlock]

func (s source) Leaves(_ context.Context, scan query.LeafScan) (query.LeafCursor, error) {
	c, err := s.ledger.Leaves(storage.LeafScan(scan))
	return &leafCursor{c}, err
}

// atEnd returns what ends a cursor whose iterator ended with err.
func atEnd(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

type leafCursor struct{ cursor *storage.LeafIter }

func (c *leafCursor) Next(ctx context.Context, b *query.LeafBatch) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !c.cursor.Next() {
		return atEnd(c.cursor.Err())
	}
	run := c.cursor.Run()
	b.Round, b.Slot, b.First, b.FiledAt, b.Leaves = run.Round, run.Slot, run.First, run.At, run.Leaves
	return nil
}

func (c *leafCursor) Close() error { return c.cursor.Close() }

func (s source) Rounds(_ context.Context, scan query.RoundScan) (query.RoundCursor, error) {
	in := storage.RoundScan{From: scan.From, To: scan.To, Desc: scan.Desc, Roots: scan.Roots, Counts: scan.Counts, Few: scan.Few, Root: scan.Root, Seconds: scan.Seconds}
	if scan.Leaves != nil {
		in.Leaves = (*storage.Span)(scan.Leaves)
	}
	if scan.Agency != "" {
		in.Slots = []uint32{}
		for _, x := range s.ledger.Slots() {
			if x.Agency == scan.Agency {
				in.Slots = append(in.Slots, x.ID)
			}
		}
	}
	rounds, err := s.ledger.Rounds(in)
	return &roundCursor{rounds}, err
}

type roundCursor struct{ rounds *storage.RoundIter }

func (c *roundCursor) Next(ctx context.Context, b *query.RoundBatch) error {
	for ctx.Err() == nil {
		if !c.rounds.Next() {
			return atEnd(c.rounds.Err())
		}
		if *b = query.RoundBatch(*c.rounds.Batch()); len(b.Round) > 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

func (c *roundCursor) Narrow(s query.LeafSpan) { c.rounds.Narrow(storage.Span(s)) }

func (c *roundCursor) Close() error { return c.rounds.Close() }

func (s source) Calendar(_ context.Context, scan query.CalendarScan) (query.CalendarCursor, error) {
	return &calendarCursor{cursor: s.ledger.Calendar(ledger.CalendarScan(scan))}, nil
}

type calendarCursor struct{ cursor *ledger.CalendarCursor }

func (c *calendarCursor) Next(ctx context.Context, b *query.CalendarBatch) error {
	batch := ledger.CalendarBatch(*b)
	err := c.cursor.Next(ctx, &batch)
	*b = query.CalendarBatch(batch)
	return err
}

func (c *calendarCursor) Close() error { return c.cursor.Close() }
