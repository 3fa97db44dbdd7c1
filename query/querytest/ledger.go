// Package querytest holds a ledger in memory for the tests of packages that work over query.Ledger. It keeps every leaf
// in one slice and answers by looking at all of them: slow, and easy to believe.
//
// Time stands still until a test moves it by Advance, or until somebody waits: who asks for the signature of a leaf in
// the open round makes the clock go to the end of that round. So nothing here sleeps.
package querytest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/query"
)

// A Ledger is a query.Ledger in memory.
type Ledger struct {
	// Sign makes the signature of a leaf; nil stands for the text of the leaf's position.
	Sign func(query.Leaf) []byte
	// Faults are what an audit finds.
	Faults []query.Fault
	// LineFaults are what is wrong with the journal.
	LineFaults []query.JournalFault
	// OpenBackups counts the backups that are begun and not closed.
	OpenBackups atomic.Int32
	// File is the publications file; nil for none.
	File *ksi.PublicationsFile

	mu        sync.Mutex
	now       time.Time
	first     calendar.Second
	slots     []query.Slot
	roles     map[string]query.Role
	numbered  uint32       // roles without a slot of their own
	leaves    []query.Leaf // in the order of compareLeaves
	counts    map[query.Position]uint64
	certs     []query.Certificate
	keys      map[string][]byte // of roles, for the KSI gateway
	published []query.Publication
	fail      error
	lines     []query.JournalLine
	// Appends counts the calls of Append that filed something.
	appends int
}

// New returns a ledger whose first second is that of start, with the superuser and agency "jurat".
func New(start time.Time) *Ledger {
	l := &Ledger{now: start, first: calendar.RoundOf(start), roles: map[string]query.Role{}, counts: map[query.Position]uint64{}, keys: map[string][]byte{}}
	l.addRole(query.Role{Name: "jurat", Kind: query.Superuser})
	return l
}

// Now returns the time of the ledger's clock.
func (l *Ledger) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// Advance moves the clock.
func (l *Ledger) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(d)
}

// Appends returns how often something was filed.
func (l *Ledger) Appends() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// Fail makes every call of Append return err until it is nil again.
func (l *Ledger) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// AddCertificate appends a calendar certificate.
func (l *Ledger) AddCertificate(c query.Certificate) { l.certs = append(l.certs, c) }

func (l *Ledger) addRole(r query.Role) {
	if r.Kind.Files() {
		l.slot(r.Name, query.LaneMain)
	} else {
		l.numbered++
		r.Number = l.numbered
	}
	l.roles[r.Name] = r
}

// slot returns the slot of an agency's lane and makes it if there is none.
func (l *Ledger) slot(agency, lane string) query.Slot {
	for _, s := range l.slots {
		if s.Agency == agency && s.Lane == lane {
			return s
		}
	}
	s := query.Slot{ID: uint32(len(l.slots)), Agency: agency, Lane: lane, Created: l.now}
	if lane == query.LaneKSI {
		s.Base = 32
	}
	l.slots = append(l.slots, s)
	return s
}

func (l *Ledger) open() calendar.Second { return calendar.RoundOf(l.now.Add(1)) }

// Append implements query.Ledger.
func (l *Ledger) Append(ctx context.Context, r *query.Request) ([]query.Filing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.fail != nil {
		return nil, l.fail
	}
	l.appends++
	var filings []query.Filing
	for _, p := range r.Parts {
		filings = append(filings, l.appendPart(l.slot(r.Agency, p.Lane), &p))
	}
	return filings, nil
}

func (l *Ledger) appendPart(slot query.Slot, p *query.Part) query.Filing {
	key := query.Position{Round: l.open(), Slot: slot.ID}
	f := query.Filing{Round: key.Round, Slot: slot.ID, First: l.counts[key], At: l.now}
	if p.New {
		f.Filed = []int{}
	}
	for i := range p.Leaves.Len() {
		im := p.Leaves.At(i)
		if p.New {
			if len(l.find(slot.Agency, im.Digest())) > 0 {
				continue
			}
			f.Filed = append(f.Filed, i)
		}
		at := key
		at.Index = l.counts[key]
		l.counts[key]++
		place, _ := l.place(at)
		l.leaves = slices.Insert(l.leaves, place, query.Leaf{Position: at, Imprint: im, FiledAt: l.now})
		f.Count++
	}
	return f
}

// place is where a leaf stands among all, or would.
func (l *Ledger) place(p query.Position) (int, bool) {
	return slices.BinarySearchFunc(l.leaves, query.Leaf{Position: p}, compareLeaves)
}

func (l *Ledger) find(agency string, digest []byte) (found []query.Leaf) {
	for _, leaf := range l.leaves {
		if bytes.Equal(leaf.Imprint.Digest(), digest) && (agency == "" || l.slots[leaf.Slot].Agency == agency) {
			found = append(found, leaf)
		}
	}
	return found
}

// Find implements query.Ledger.
func (l *Ledger) Find(_ context.Context, dst []query.Leaf, agency string, digest []byte) ([]query.Leaf, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(dst, l.find(agency, digest)...), nil
}

// maxTogether is the most leaves that FindAll returns. It is small, so that callers have to ask in parts.
const maxTogether = 8

// FindAll implements query.Ledger.
func (l *Ledger) FindAll(_ context.Context, agency string, digests [][]byte) ([]query.Leaf, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []query.Leaf
	for i, d := range digests {
		if !slices.ContainsFunc(digests[:i], func(o []byte) bool { return bytes.Equal(d, o) }) {
			found = append(found, l.find(agency, d)...)
		}
	}
	if len(found) > maxTogether {
		return nil, &query.Error{Code: "54000", Message: "too many leaves"}
	}
	slices.SortFunc(found, compareLeaves)
	return found, nil
}

// Leaf implements query.Ledger.
func (l *Ledger) Leaf(_ context.Context, p query.Position) (query.Leaf, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.place(p)
	if !ok {
		return query.Leaf{}, false, nil
	}
	return l.leaves[i], true, nil
}

// Signature returns what Signatures does for one leaf.
func (l *Ledger) Signature(ctx context.Context, p query.Position) ([]byte, error) {
	leaf, ok, err := l.Leaf(ctx, p)
	if err != nil || !ok {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if end := p.Round.Time(); l.now.Before(end) {
		l.now = end
	}
	if l.Sign != nil {
		return l.Sign(leaf), nil
	}
	s := l.slots[p.Slot]
	return []byte(receipt.Name{Round: p.Round, Agency: s.Agency, Lane: s.Lane, Index: p.Index}.String()), nil
}

// Signatures implements query.Ledger.
func (l *Ledger) Signatures(ctx context.Context, signatures [][]byte, positions []query.Position, memory query.Memory) error {
	for i, p := range positions {
		made, err := l.Signature(ctx, p)
		if err != nil {
			return err
		}
		signatures[i] = append(memory.Alloc(len(made))[:0], made...)
	}
	return nil
}

func compareLeaves(a, b query.Leaf) int {
	return cmp.Or(cmp.Compare(a.Round, b.Round), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Index, b.Index))
}

type leafCursor struct {
	leaves []query.Leaf
	desc   bool
}

// Leaves implements query.Ledger.
func (l *Ledger) Leaves(_ context.Context, s query.LeafScan) (query.LeafCursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &leafCursor{desc: s.Desc}
	for _, leaf := range l.leaves {
		if leaf.Round >= s.From && leaf.Round <= s.To && (s.Slots == nil || slices.Contains(s.Slots, leaf.Slot)) &&
			(s.Sample == nil || s.Sample(leaf.Round, leaf.Index/query.SampleBlock)) {
			c.leaves = append(c.leaves, leaf)
		}
	}
	return c, nil
}

// runMax is the length of the runs that cursors yield: short, so that tests meet many of them.
const runMax = 3

func (c *leafCursor) Next(ctx context.Context, b *query.LeafBatch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n := len(c.leaves)
	if n == 0 {
		return io.EOF
	}
	same := func(x, y query.Leaf) bool {
		return x.Round == y.Round && x.Slot == y.Slot && x.FiledAt.Equal(y.FiledAt)
	}
	lo, hi := 0, 1
	if c.desc {
		for lo, hi = n-1, n; lo > 0 && hi-lo < runMax && same(c.leaves[lo-1], c.leaves[lo]); lo-- {
		}
	} else {
		for ; hi < n && hi-lo < runMax && same(c.leaves[hi], c.leaves[lo]); hi++ {
		}
	}
	run := c.leaves[lo:hi]
	b.Round, b.Slot, b.First, b.FiledAt = run[0].Round, run[0].Slot, run[0].Index, run[0].FiledAt
	b.Leaves.Reset()
	for _, leaf := range run {
		b.Leaves.Append(leaf.Imprint)
	}
	if c.desc {
		c.leaves = c.leaves[:lo]
	} else {
		c.leaves = c.leaves[hi:]
	}
	return nil
}

func (c *leafCursor) Close() error { return nil }

// rounds returns one row a closed round with leaves; the counts are those of one agency, or of all.
func (l *Ledger) rounds(agency string) (b query.RoundBatch) {
	last := calendar.Second(-1)
	var seen map[uint32]bool
	for _, leaf := range l.leaves {
		if leaf.Round > l.closed() {
			break
		}
		if leaf.Round != last {
			b.Round, b.Root = append(b.Round, leaf.Round), append(b.Root, l.root(leaf.Round))
			b.Leaves, b.Slots = append(b.Leaves, 0), append(b.Slots, 0)
			last, seen = leaf.Round, map[uint32]bool{}
		}
		if agency != "" && l.slots[leaf.Slot].Agency != agency {
			continue
		}
		i := len(b.Round) - 1
		b.Leaves[i]++
		if !seen[leaf.Slot] {
			b.Slots[i]++
		}
		seen[leaf.Slot] = true
	}
	return b
}

// root is no Merkle root: it stands for one.
func (l *Ledger) root(round calendar.Second) merkle.Digest {
	return sha256.Sum256([]byte(round.String()))
}

func (l *Ledger) closed() calendar.Second { return l.open() - 1 }

type roundCursor struct {
	b      query.RoundBatch
	within query.LeafSpan
}

// Rounds implements query.Ledger.
func (l *Ledger) Rounds(_ context.Context, s query.RoundScan) (query.RoundCursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, c := l.rounds(s.Agency), &roundCursor{within: query.LeafSpan{Max: math.MaxUint64}}
	if s.Leaves != nil {
		c.within = *s.Leaves
	}
	for i, r := range all.Round {
		if r >= s.From && r <= s.To && (s.Seconds == nil || slices.Contains(s.Seconds, r)) {
			c.b.Round, c.b.Root = append(c.b.Round, r), append(c.b.Root, all.Root[i])
			c.b.Leaves, c.b.Slots = append(c.b.Leaves, all.Leaves[i]), append(c.b.Slots, all.Slots[i])
		}
	}
	if s.Desc {
		slices.Reverse(c.b.Round)
		slices.Reverse(c.b.Root)
		slices.Reverse(c.b.Leaves)
		slices.Reverse(c.b.Slots)
	}
	return c, nil
}

// Narrow implements query.RoundCursor.
func (c *roundCursor) Narrow(s query.LeafSpan) { c.within = s }

func (c *roundCursor) Next(_ context.Context, b *query.RoundBatch) error {
	n := 0
	for i, leaves := range c.b.Leaves {
		if leaves >= c.within.Min && leaves <= c.within.Max {
			c.b.Round[n], c.b.Root[n], c.b.Leaves[n], c.b.Slots[n] = c.b.Round[i], c.b.Root[i], leaves, c.b.Slots[i]
			n++
		}
	}
	c.b = query.RoundBatch{Round: c.b.Round[:n], Root: c.b.Root[:n], Leaves: c.b.Leaves[:n], Slots: c.b.Slots[:n]}
	n = min(runMax, n)
	if n == 0 {
		return io.EOF
	}
	b.Round, c.b.Round = append(b.Round[:0], c.b.Round[:n]...), c.b.Round[n:]
	b.Root, c.b.Root = append(b.Root[:0], c.b.Root[:n]...), c.b.Root[n:]
	b.Leaves, c.b.Leaves = append(b.Leaves[:0], c.b.Leaves[:n]...), c.b.Leaves[n:]
	b.Slots, c.b.Slots = append(b.Slots[:0], c.b.Slots[:n]...), c.b.Slots[n:]
	return nil
}

func (c *roundCursor) Close() error { return nil }

type calendarCursor struct {
	l        *Ledger
	from, to calendar.Second
	desc     bool
	roots    bool
}

// Calendar implements query.Ledger.
func (l *Ledger) Calendar(_ context.Context, s query.CalendarScan) (query.CalendarCursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &calendarCursor{l: l, from: max(s.From, l.first), to: min(s.To, l.closed()), desc: s.Desc, roots: s.Roots}, nil
}

func (c *calendarCursor) Next(_ context.Context, b *query.CalendarBatch) error {
	if c.from > c.to {
		return io.EOF
	}
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	*b = query.CalendarBatch{Round: b.Round[:0], Leaf: b.Leaf[:0], Idle: b.Idle[:0], Root: b.Root[:0]}
	for range runMax {
		if c.from > c.to {
			break
		}
		r := c.from
		if c.desc {
			r = c.to
			c.to--
		} else {
			c.from++
		}
		_, busy := slices.BinarySearchFunc(c.l.leaves, r, func(l query.Leaf, r calendar.Second) int { return cmp.Compare(l.Round, r) })
		leaf := merkle.Digest{}
		if busy {
			leaf = c.l.root(r)
		}
		b.Round, b.Idle, b.Leaf = append(b.Round, r), append(b.Idle, !busy), append(b.Leaf, leaf)
		if c.roots {
			b.Root = append(b.Root, calendarRoot(r))
		}
	}
	return nil
}

func (c *calendarCursor) Close() error { return nil }

// Snapshot implements query.Ledger.
func (l *Ledger) Snapshot() query.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := query.Snapshot{Closed: l.closed(), Open: map[calendar.Second]map[uint32]uint64{}, Slots: len(l.slots), Publications: slices.Clone(l.published)}
	for p, n := range l.counts {
		if p.Round <= s.Closed {
			continue
		}
		if s.Open[p.Round] == nil {
			s.Open[p.Round] = map[uint32]uint64{}
		}
		s.Open[p.Round][p.Slot] = n
	}
	return s
}

// Extent implements query.Ledger.
func (l *Ledger) Extent() (first, closed, open calendar.Second) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first, l.closed(), l.open()
}

// Slots implements query.Ledger.
func (l *Ledger) Slots() []query.Slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.slots)
}

// Role implements query.Ledger.
func (l *Ledger) Role(name string) (query.Role, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.roles[name]
	r.KSI = l.keys[name] != nil
	return r, ok
}

// Roles implements query.Ledger.
func (l *Ledger) Roles() (roles []query.Role) {
	for _, name := range slices.Sorted(maps.Keys(l.roles)) {
		r, _ := l.Role(name)
		roles = append(roles, r)
	}
	return roles
}

// SetKSIKey implements query.Ledger.
func (l *Ledger) SetKSIKey(_ context.Context, role string, key []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[role] = key
	return nil
}

// KSIKey returns what SetKSIKey stored last.
func (l *Ledger) KSIKey(role string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[role]
}

// CreateRole implements query.Ledger.
func (l *Ledger) CreateRole(_ context.Context, r query.Role) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.roles[r.Name]; ok || strings.Contains(r.Name, "/") {
		return &query.Error{Code: "42710", Message: `role "` + r.Name + `" already exists`}
	}
	l.addRole(r)
	return nil
}

// ChangeRoles implements query.Ledger.
func (l *Ledger) ChangeRoles(_ context.Context, changes []query.RoleChange) error {
	made := make([]query.Role, len(changes))
	for i, c := range changes {
		was, _ := l.Role(c.Name)
		filed := map[calendar.Second]bool{}
		for _, x := range l.leaves {
			if l.Slots()[x.Slot].Agency == c.Name {
				filed[x.Round] = true
			}
		}
		var err error
		if made[i], err = c.Make(was, uint64(len(filed))); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range changes {
		if l.roles[c.Name] = made[i]; made[i].Kind.Files() {
			l.slot(c.Name, query.LaneMain)
		}
	}
	return nil
}

// CreateLane implements query.Ledger.
func (l *Ledger) CreateLane(_ context.Context, agency, lane string) (uint32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slot(agency, lane).ID, nil
}

// Certificates implements query.Ledger.
func (l *Ledger) Certificates() []query.Certificate { return l.certs }

// IndexStatus implements query.Ledger: of the leaves of closed rounds, the last does not stand in the one run of the index.
func (l *Ledger) IndexStatus() (s query.IndexStatus, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Leaves = l.total()
	s.Indexed = max(s.Leaves, 1) - 1
	s.Recent = uint64(len(l.leaves)) - s.Indexed
	s.Runs, s.Bytes = 1, 8*s.Indexed
	return s, nil
}

// TotalLeaves implements query.Ledger.
func (l *Ledger) TotalLeaves() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total()
}

func (l *Ledger) total() (n uint64) {
	for _, leaf := range l.leaves {
		if leaf.Round <= l.closed() {
			n++
		}
	}
	return n
}

// ConfirmClock implements query.Ledger.
func (l *Ledger) ConfirmClock(context.Context) (time.Time, error) { return l.Now(), nil }

// calendarRoot is no Merkle root: it stands for one.
func calendarRoot(s calendar.Second) merkle.Digest {
	return sha256.Sum256([]byte("calendar " + s.String()))
}

// Publish implements query.Ledger.
func (l *Ledger) Publish(_ context.Context, at calendar.Second, references []string) (query.Publication, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at == 0 {
		at = l.closed()
	}
	if at > l.closed() || at < l.first {
		return query.Publication{}, &query.Error{Code: "55000", Message: "second " + at.String() + " is not closed"}
	}
	for i := range l.published {
		if p := &l.published[i]; p.Time == at {
			p.References = append(p.References, references...)
			return *p, nil
		}
	}
	p := query.Publication{Time: at, Root: calendarRoot(at), References: references, Published: l.now}
	l.published = append(l.published, p)
	slices.SortFunc(l.published, func(a, b query.Publication) int { return int(a.Time - b.Time) })
	return p, nil
}

// Publications implements query.Ledger.
func (l *Ledger) Publications() []query.Publication {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.published)
}

// after returns the first publication after a second.
func (l *Ledger) after(s calendar.Second) (query.Publication, error) {
	for _, p := range l.Publications() {
		if p.Time > s {
			return p, nil
		}
	}
	return query.Publication{}, &query.Error{Code: "55000", Message: "no publication after " + s.String()}
}

// PublishedSignature implements query.Ledger: the text of Signature and of the publication stand for the signature.
func (l *Ledger) PublishedSignature(ctx context.Context, p query.Position) ([]byte, error) {
	after, err := l.after(p.Round)
	if err != nil {
		return nil, err
	}
	signature, err := l.Signature(ctx, p)
	return append(signature, " published "+after.Time.String()...), err
}

// Extend implements query.Ledger: the second stands for the chain to it.
func (l *Ledger) Extend(_ context.Context, signature []byte, to calendar.Second) ([]byte, error) {
	if to == 0 && len(l.Publications()) > 0 {
		to = l.Publications()[0].Time
	}
	return append(bytes.Clone(signature), " extended to "+to.String()...), nil
}

// PublicationsFile implements query.Ledger.
func (l *Ledger) PublicationsFile(context.Context) (*ksi.PublicationsFile, error) {
	if l.File == nil {
		return nil, &query.Error{Code: "58030", Message: "no publications file"}
	}
	return l.File, nil
}

// CalendarChain implements query.Ledger.
func (l *Ledger) CalendarChain(_ context.Context, from, _ calendar.Second) (*ksi.CalendarChain, error) {
	return nil, &query.Error{Code: "22023", Message: "second " + from.String() + " is not in the calendar"}
}
