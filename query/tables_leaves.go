package query

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/query/value"
)

// Columns of the tables hashes and proofs.
const (
	colDigest = iota
	colAlgorithm
	colAgency
	colLane
	colRound
	colSlotIndex
	colReceipt
	colFiledAt
	colSignature // proofs only, as those that follow
	colProof
)

// leafKeys are the columns by whose values leaves are found.
var leafKeys = []int{colDigest, colReceipt}

// leafKeyRows is Path.KeyRows of leaves.
const leafKeyRows = 30

// leafTable is hashes and proofs: one row a leaf.
type leafTable struct {
	def    TableDef
	slot   int // index of the hidden column with the slot's number
	ledger Ledger
}

func newLeafTable(l Ledger, name string, oid value.OID, proofs bool) *leafTable {
	t := &leafTable{ledger: l, def: TableDef{OID: oid, Schema: "public", Name: name, Insertable: !proofs, Ledger: true}}
	t.def.Columns = []ColumnDef{
		colDigest:    {Name: "digest", Type: value.Bytea, NotNull: true},
		colAlgorithm: {Name: "algorithm", Type: value.Text, NotNull: true},
		colAgency:    {Name: "agency", Type: value.Text, NotNull: true},
		colLane:      {Name: "lane", Type: value.Text, NotNull: true},
		colRound:     {Name: "round", Type: value.Timestamptz, NotNull: true},
		colSlotIndex: {Name: "slot_index", Type: value.Int8, NotNull: true},
		colReceipt:   {Name: "receipt", Type: value.Text, NotNull: true, Compute: receiptKernel, From: []int{colRound, colAgency, colLane, colSlotIndex}},
		colFiledAt:   {Name: "filed_at", Type: value.Timestamptz, NotNull: true},
	}
	t.slot = len(t.def.Columns)
	if proofs {
		t.slot += 2
		from := []int{colRound, t.slot, colSlotIndex}
		t.def.Columns = append(t.def.Columns,
			ColumnDef{Name: "signature", Type: value.Bytea, NotNull: true, Compute: signatureKernel(sign(l)), From: from},
			ColumnDef{Name: "proof", Type: value.JSONB, NotNull: true, Compute: proofKernel(sign(l)), From: from})
	}
	t.def.Columns = append(t.def.Columns, ColumnDef{Name: "slot", Type: value.Int8, Hidden: true})
	return t
}

func (t *leafTable) Def() *TableDef { return &t.def }

// leafQuery is what constraints leave of a leafTable.
type leafQuery struct {
	t        *leafTable
	ledger   Ledger
	session  *Session // to be told what looks like a mistake
	agency   string   // whose rows may be seen, "" for all
	need     []bool   // columns
	slots    []Slot   // all, by number
	visible  []uint32 // slots to read, nil for all
	from, to calendar.Second
	desc     bool
	sample   *Sample       // the rows that are wanted
	by       int           // colDigest or colReceipt, whose values are looked up; unpointed if none are
	values   []value.Datum // to look up
}

// unpointed is no column: a leafQuery that does not look values up.
const unpointed = -1

// begin makes q what the session's role may see.
func (t *leafTable) begin(q *leafQuery, r *ScanRequest) error {
	if kind := r.Session.role.Kind; !kind.readsFilings() {
		return errf(codeNoPrivilege, "permission denied for table %s", t.def.Name).on(t.def.Name).
			hint("Agencies read their own filings and auditors all; this role's kind is %s.", kind)
	}
	*q = leafQuery{t: t, ledger: r.ledger(t.ledger), session: r.Session, agency: r.Session.visibleAgency(), sample: r.Sample, need: r.Need, to: math.MaxInt64, by: unpointed}
	q.slots = q.ledger.Slots()
	return nil
}

func (t *leafTable) Plan(r *ScanRequest) (*Path, error) {
	q := new(leafQuery)
	if err := t.begin(q, r); err != nil {
		return nil, err
	}
	p := &Path{Used: make([]bool, len(r.Where))}
	keep := func(Slot) bool { return true }
	if q.agency != "" {
		keep = func(s Slot) bool { return s.Agency == q.agency }
	}
	narrowed, bySlot := q.agency != "", false
	for i, c := range r.Where {
		if t.isPoint(c.Column) && c.Op <= OneOf && q.by == unpointed {
			q.by, q.values, p.Used[i] = c.Column, c.Values, true
		}
	}
	if q.by == unpointed {
		p.Keys, p.KeyRows = leafKeys, leafKeyRows
		for i, c := range r.Where {
			switch {
			case c.Column == colRound:
				p.Used[i] = narrowRounds(&q.from, &q.to, c, value.Timestamptz)
			case (c.Column == colAgency || c.Column == colLane) && c.Op <= OneOf:
				keep, narrowed, bySlot, p.Used[i] = keepNamed(keep, c), true, true, true
			}
		}
	}
	if narrowed && q.by == unpointed {
		q.visible = []uint32{}
		for _, s := range q.slots {
			if keep(s) {
				q.visible = append(q.visible, s.ID)
			}
		}
	}
	t.name(p, q, r, bySlot)
	p.Open = q.open
	return p, nil
}

// keepNamed narrows slots by a condition on agency or lane.
func keepNamed(keep func(Slot) bool, c Constraint) func(Slot) bool {
	return func(s Slot) bool {
		name := s.Agency
		if c.Column == colLane {
			name = s.Lane
		}
		return keep(s) && slices.ContainsFunc(c.Values, func(d value.Datum) bool { return string(d.B) == name })
	}
}

// name fills in how the path is called, which order it keeps and how many rows it may give.
func (t *leafTable) name(p *Path, q *leafQuery, r *ScanRequest, bySlot bool) {
	if q.by != unpointed {
		p.Name, p.Rows = "Index Scan using "+t.def.Name+"_"+t.def.Columns[q.by].Name+" on "+t.def.Name, float64(max(1, len(q.values)))
		return
	}
	if len(r.Order) > 0 && r.Order[0].Column == colRound && !(r.Order[0].Desc && q.sample.byBlocks()) {
		q.desc, p.Ordered = r.Order[0].Desc, 1
		if len(r.Order) > 1 && r.Order[1].Column == colSlotIndex && r.Order[1].Desc == q.desc && len(q.visible) == 1 {
			p.Ordered = 2
		}
	}
	p.Name = scanName(t.def.Name, p.Ordered > 0 || bySlot || q.from > 0 || q.to < math.MaxInt64, q.desc)
	p.Rows = q.estimate()
}

// assumedLeaves is how many leaves an agency is assumed to have: the true number of all would tell it how much others file, and nobody
// counts its own.
const assumedLeaves = 1 << 20

// estimate returns about how many leaves there are to read, as if they were spread evenly over seconds and slots.
func (q *leafQuery) estimate() float64 {
	leaves := float64(assumedLeaves)
	if q.agency == "" {
		leaves = float64(q.ledger.TotalLeaves())
		if q.visible != nil {
			leaves *= float64(len(q.visible)) / float64(max(1, len(q.slots)))
		}
	}
	if all := (secondSpan{0, math.MaxInt64}).within(q.ledger).seconds(); all > 0 {
		leaves *= secondSpan{q.from, q.to}.within(q.ledger).seconds() / all
	}
	return max(1, leaves)
}

// scanName is what EXPLAIN calls a scan by round.
func scanName(table string, ranged, desc bool) string {
	names := scanNames[table]
	switch {
	case !ranged:
		return names[0]
	case desc:
		return names[2]
	}
	return names[1]
}

// scanNames are the names of scans by table, made once since every execution asks for one.
var scanNames = func() map[string][3]string {
	m := map[string][3]string{}
	for _, t := range []string{"hashes", "proofs", "rounds", "calendar"} {
		index := t + "_round on " + t
		m[t] = [3]string{"Seq Scan on " + t, "Index Scan using " + index, "Index Scan Backward using " + index}
	}
	return m
}()

// narrowRounds narrows a range of rounds by a condition on a column that holds them as timestamptz or as seconds. It
// returns whether the range says all that the condition says.
func narrowRounds(from, to *calendar.Second, c Constraint, t *value.Type) bool {
	if len(c.Values) == 0 {
		*to = *from - 1
		return true
	}
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	for _, d := range c.Values {
		lowest, highest = min(lowest, d.I), max(highest, d.I)
	}
	floor := func(v int64) (calendar.Second, bool) { // second at or before, and whether exactly at
		if t != value.Timestamptz || v == value.Infinity || v == value.NegInfinity {
			return calendar.Second(v), true
		}
		s := v / 1_000_000
		if v%1_000_000 < 0 {
			s--
		}
		return calendar.Second(s + value.UnixToMicros/1_000_000), v%1_000_000 == 0
	}
	lo, loExact := floor(lowest)
	hi, hiExact := floor(highest)
	if !loExact {
		lo++ // the first second not before lowest
	}
	switch c.Op {
	case Equal, OneOf:
		*from, *to = max(*from, lo), min(*to, hi)
	case Less:
		if hiExact {
			if hi == math.MinInt64 {
				hi++
			}
			hi--
		}
		*to = min(*to, hi)
	case LessEqual:
		*to = min(*to, hi)
	case Greater:
		if loExact {
			if lo == math.MaxInt64 {
				lo--
			}
			lo++
		}
		*from = max(*from, lo)
	case GreaterEqual:
		*from = max(*from, lo)
	}
	return c.Op != OneOf
}

func (q *leafQuery) open(ctx context.Context) (Scan, error) {
	s := &leafScan{q: q}
	return s, s.open(ctx)
}

// open begins to read, in the memory of leaves that were found before.
func (s *leafScan) open(ctx context.Context) (err error) {
	q, memory := s.q, s.memory
	*s = leafScan{q: q, memory: memory, together: maxTogether}
	switch {
	case q.by == colDigest:
		if s.digests = q.values; len(s.digests) > maxTogether {
			s.digests = distinct(s.digests)
		}
	case q.by == colReceipt:
		s.found, err = q.receipted(ctx, memory[:0])
		s.remember()
	case q.from > q.to || q.visible != nil && len(q.visible) == 0:
	default:
		_, _, open := q.ledger.Extent()
		to := min(q.to, open+1) // the round may close before the scan begins
		s.cursor, err = q.ledger.Leaves(ctx, LeafScan{From: q.from, To: to, Slots: q.visible, Desc: q.desc, Sample: q.sample.leaves(ctx)})
	}
	return err
}

// minDigest is the size of the shortest digest in bytes.
const minDigest = 20

// maxTogether is how many digests are looked up together: what they need of the ledger is in its caches still when proofs are
// made of them.
const maxTogether = value.BatchSize

// tooManyTogether reports whether err says that a ledger cannot answer for so many digests at once.
func tooManyTogether(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeProgramLimit
}

// hint tells the client, once, that a digest looks like text of hex digits, if nothing was found for it.
func (s *leafScan) hint(digest []byte, found []Leaf) {
	if !s.hinted && len(digest) >= 2*minDigest && isHex(digest) && !slices.ContainsFunc(found, func(f Leaf) bool { return bytes.Equal(f.Imprint.Digest(), digest) }) {
		s.hinted = true
		s.q.session.notice("NOTICE", codeSuccess, "the digest looked for, %.80q, is text of hex digits: write \\x before it", digest)
	}
}

// distinct returns values without repetitions.
func distinct(values []value.Datum) []value.Datum {
	if len(values) < 2 {
		return values
	}
	list, seen := make([]value.Datum, 0, len(values)), make(map[string]bool, len(values))
	for _, d := range values {
		if !seen[string(d.B)] {
			seen[string(d.B)] = true
			list = append(list, d)
		}
	}
	return list
}

// receipted looks receipts up and appends their leaves to found. What is no receipt names no leaf.
func (q *leafQuery) receipted(ctx context.Context, found []Leaf) ([]Leaf, error) {
	for _, d := range distinct(q.values) {
		r, err := receipt.ParseName(string(d.B))
		if err != nil || q.agency != "" && r.Agency != q.agency {
			continue
		}
		i := slices.IndexFunc(q.slots, func(s Slot) bool { return s.Agency == r.Agency && s.Lane == r.Lane })
		if i < 0 {
			continue
		}
		leaf, ok, err := q.ledger.Leaf(ctx, Position{Round: r.Round, Slot: q.slots[i].ID, Index: r.Index})
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, leaf)
		}
	}
	return found, nil
}

// leafScan reads leaves: found ones, or those of a cursor.
type leafScan struct {
	q       *leafQuery
	names   [][2][]byte   // agency and lane of each slot that was met
	digests []value.Datum // still to be looked up
	// together is how many digests are looked up together: fewer than maxTogether when those before were filed often.
	together int
	found    []Leaf // still to be given
	memory   []Leaf // of what was found, if it was looked for by one value; overwritten by the next opening
	cursor   LeafCursor
	run      LeafBatch
	left     int // leaves of run still to give
	ended    bool
	hinted   bool
}

// remember keeps the memory of what was found by one value for the next opening.
func (s *leafScan) remember() {
	const most = 16 // leaves, for the session to hold
	if s.memory = nil; len(s.q.values) == 1 && cap(s.found) <= most {
		s.memory = s.found
	}
}

func (s *leafScan) Close() {
	if s.cursor != nil {
		s.cursor.Close()
		s.cursor = nil
	}
}

// find looks the next digests up, or finds that they are too many.
func (s *leafScan) find(ctx context.Context) (err error) {
	n := min(len(s.digests), s.together)
	if n == 1 {
		s.found, err = s.q.ledger.Find(ctx, s.memory[:0], s.q.agency, s.digests[0].B)
	} else {
		list := make([][]byte, n)
		for i := range list {
			list[i] = s.digests[i].B
		}
		if s.found, err = s.q.ledger.FindAll(ctx, s.q.agency, list); tooManyTogether(err) {
			s.found, s.digests, s.together = nil, distinct(s.digests), n/2
			return nil
		}
	}
	if err != nil {
		return err
	}
	for _, d := range s.digests[:n] {
		s.hint(d.B, s.found)
	}
	s.digests = s.digests[n:]
	s.remember()
	return nil
}

func (s *leafScan) Next(ctx context.Context, b *value.Batch) error {
	cols := s.q.t.def.Columns
	for len(s.found) == 0 && len(s.digests) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.find(ctx); err != nil {
			return err
		}
	}
	room := value.BatchSize
	if s.cursor == nil {
		room = min(room, len(s.found))
	}
	for i, need := range s.q.need {
		if need {
			b.Cols[i].Reset(cols[i].Type, room)
		}
	}
	b.N = 0
	for s.cursor == nil && b.N < room {
		s.putFound(b)
	}
	s.found = s.found[min(b.N, len(s.found)):]
	for s.cursor != nil && b.N < value.BatchSize {
		if s.left == 0 {
			if s.ended {
				break
			}
			err := s.cursor.Next(ctx, &s.run)
			if errors.Is(err, io.EOF) {
				s.ended = true
				break
			}
			if err != nil {
				return err
			}
			s.left = s.run.Leaves.Len()
		}
		s.putRun(b)
	}
	return nil
}

// putFound adds one found leaf.
func (s *leafScan) putFound(b *value.Batch) {
	leaf := &s.found[b.N]
	at := b.N
	if s.q.need[colDigest] {
		b.Cols[colDigest].Bytes[at] = leaf.Imprint.Digest() // found leaves are not overwritten before the next opening
	}
	if s.q.need[colAlgorithm] {
		b.Cols[colAlgorithm].Bytes[at] = algorithmNames[leaf.Imprint.Algorithm()]
	}
	s.putPlace(b, at, at+1, leaf.Round, leaf.Slot, value.FromTime(leaf.FiledAt))
	if s.q.need[colSlotIndex] {
		b.Cols[colSlotIndex].Ints[at] = int64(leaf.Index)
	}
	b.N++
}

// putPlace fills in the columns that leaves of a run share.
func (s *leafScan) putPlace(b *value.Batch, from, to int, round calendar.Second, slot uint32, filed int64) {
	need := s.q.need
	for i := from; i < to; i++ {
		if need[colAgency] {
			b.Cols[colAgency].Bytes[i] = s.name(slot, 0)
		}
		if need[colLane] {
			b.Cols[colLane].Bytes[i] = s.name(slot, 1)
		}
		if need[colRound] {
			b.Cols[colRound].Ints[i] = value.FromUnix(int64(round))
		}
		if need[colFiledAt] {
			b.Cols[colFiledAt].Ints[i] = filed
		}
		if need[s.q.t.slot] {
			b.Cols[s.q.t.slot].Ints[i] = int64(slot)
		}
	}
}

// name returns the agency or lane of a slot, which may have been made after the scan was planned.
func (s *leafScan) name(slot uint32, part int) []byte {
	if int(slot) >= len(s.q.slots) {
		s.q.slots = s.q.ledger.Slots()
	}
	if len(s.names) < len(s.q.slots) {
		s.names = append(s.names, make([][2][]byte, len(s.q.slots)-len(s.names))...)
	}
	names := &s.names[slot]
	if names[0] == nil {
		*names = [2][]byte{[]byte(s.q.slots[slot].Agency), []byte(s.q.slots[slot].Lane)}
	}
	return names[part]
}

// putRun adds as many leaves of the run at hand as fit.
func (s *leafScan) putRun(b *value.Batch) {
	n := min(s.left, value.BatchSize-b.N)
	total := s.run.Leaves.Len()
	first, step := total-s.left, 1
	if s.q.desc {
		first, step = s.left-1, -1
	}
	s.putPlace(b, b.N, b.N+n, s.run.Round, s.run.Slot, value.FromTime(s.run.FiledAt))
	need := s.q.need
	var digests []byte
	alg, flat, uniform := s.run.Leaves.Uniform()
	size := alg.Size()
	if need[colDigest] && uniform {
		lo := min(first, first+(n-1)*step)
		digests = append(make([]byte, 0, n*size), flat[lo*size:(lo+n)*size]...)
		for k := range n {
			at := k
			if step < 0 {
				at = n - 1 - k
			}
			b.Cols[colDigest].Bytes[b.N+k] = digests[at*size : (at+1)*size : (at+1)*size]
		}
	}
	for k := range n {
		i := first + k*step
		if need[colSlotIndex] {
			b.Cols[colSlotIndex].Ints[b.N+k] = int64(s.run.First) + int64(i)
		}
		if uniform {
			if need[colAlgorithm] {
				b.Cols[colAlgorithm].Bytes[b.N+k] = algorithmNames[alg]
			}
			continue
		}
		im := s.run.Leaves.At(i)
		if need[colDigest] {
			b.Cols[colDigest].SetBytes(b.N+k, im.Digest())
		}
		if need[colAlgorithm] {
			b.Cols[colAlgorithm].Bytes[b.N+k] = algorithmNames[im.Algorithm()]
		}
	}
	b.N += n
	s.left -= n
}

// algorithmNames holds the name of each algorithm by its id.
var algorithmNames = func() (names [16][]byte) {
	for a := range names {
		names[a] = []byte(merkle.Algorithm(a).String())
	}
	return names
}()
