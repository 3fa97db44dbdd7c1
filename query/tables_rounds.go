package query

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// receiptKernel makes receipts of round, agency, lane and index.
func receiptKernel(_ *fn.Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	var buf []byte
	rows(&value.Batch{N: n, Sel: sel}, func(i int) {
		r := receipt.Name{
			Round: roundOf(args[0].Ints[i]), Agency: string(args[1].Bytes[i]), Lane: string(args[2].Bytes[i]),
			Index: uint64(args[3].Ints[i]),
		}
		buf = r.Append(buf[:0])
		out.SetBytes(i, buf)
	})
	return nil
}

// roundOf turns a timestamptz that is a round into its second, any other into the one that it is in. What is later than the calendar can
// be, infinity too, becomes its last second; what is earlier stays below 0.
func roundOf(micros int64) calendar.Second {
	return min(calendar.Second(value.FloorDiv(micros, 1_000_000)+value.UnixToMicros/1_000_000), calendar.LastWritable)
}

// A signer chooses how the signatures of a statement are made.
type signer func(env *fn.Env) (signatures, error)

// signatures makes signatures as Ledger.Signatures does.
type signatures func(ctx context.Context, signatures [][]byte, positions []Position, memory Memory) error

// sign makes signatures as jurat.proof says: signed by the calendar key, or extended, with an error where there is no
// publication yet.
func sign(l Ledger) signer {
	signed, published := signatures(l.Signatures), publishedSignatures(l)
	return func(env *fn.Env) (signatures, error) {
		kind, err := env.Session.Setting("jurat.proof")
		if kind == proofPublished {
			return published, err
		}
		return signed, err
	}
}

// publishedSignatures makes signatures of many leaves, each extended.
func publishedSignatures(l Ledger) signatures {
	return func(ctx context.Context, signatures [][]byte, positions []Position, _ Memory) (err error) {
		for i, p := range positions {
			if signatures[i], err = l.PublishedSignature(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
}

// signFresh makes signatures of leaves that were just filed: nothing is published yet, whatever jurat.proof says.
func signFresh(l Ledger) signer {
	made := signatures(l.Signatures)
	return func(*fn.Env) (signatures, error) { return made, nil }
}

// signatureKernel makes signatures of round, slot and index. It waits for rounds that are open.
func signatureKernel(s signer) fn.Kernel {
	return func(env *fn.Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		return s.each(env, out, args, n, sel, func(i int, sig []byte) error {
			out.Bytes[i] = sig
			return nil
		})
	}
}

// signedTogether is how many signatures are asked for at once: they may be of no use for longer than f takes.
const signedTogether = 128

// A signing is leaves whose signatures are made together.
type signing struct {
	positions  [signedTogether]Position
	at         [signedTogether]int // the row of each
	signatures [signedTogether][]byte
	n          int
}

// signings holds *signing.
var signings = sync.Pool{New: func() any { return new(signing) }}

// each calls f with the signature of each row, which is in the memory of a vector.
func (s signer) each(env *fn.Env, memory *value.Vector, args []*value.Vector, n int, sel []int32, f func(int, []byte) error) error {
	sign, err := s(env)
	if err != nil {
		return err
	}
	t := signings.Get().(*signing)
	t.n = 0
	defer signings.Put(t)
	flush := func() {
		if err == nil {
			err = sign(env.Ctx, t.signatures[:t.n], t.positions[:t.n], memory)
		}
		for k := 0; k < t.n && err == nil; k++ {
			err = f(t.at[k], t.signatures[k])
		}
		clear(t.signatures[:t.n])
		t.n = 0
	}
	rows(&value.Batch{N: n, Sel: sel}, func(i int) {
		t.positions[t.n] = Position{Round: roundOf(args[0].Ints[i]), Slot: uint32(args[1].Ints[i]), Index: uint64(args[2].Ints[i])}
		t.at[t.n] = i
		if t.n++; t.n == signedTogether {
			flush()
		}
	})
	flush()
	return err
}

// proofKernel makes proofs, signatures in readable form, of round, slot and index.
func proofKernel(s signer) fn.Kernel {
	return func(env *fn.Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		return s.each(env, out, args, n, sel, func(i int, sig []byte) error {
			signature, err := ksi.Parse(sig)
			if err != nil {
				return err
			}
			d, err := value.ParseText(env.Settings, value.JSONB, -1, signature.JSON())
			out.Set(i, d)
			return err
		})
	}
}

// roundTable is rounds: the closed rounds that hold leaves.
type roundTable struct {
	def    TableDef
	ledger Ledger
}

func newRoundTable(l Ledger, oid value.OID) *roundTable {
	return &roundTable{ledger: l, def: TableDef{OID: oid, Schema: "public", Name: "rounds", Ledger: true, Columns: []ColumnDef{
		{Name: "round", Type: value.Timestamptz, NotNull: true},
		{Name: "second", Type: value.Int8, NotNull: true},
		{Name: "root", Type: value.Bytea, NotNull: true},
		{Name: "leaves", Type: value.Int8, NotNull: true},
		{Name: "slots", Type: value.Int4, NotNull: true},
	}}}
}

func (t *roundTable) Def() *TableDef { return &t.def }

// The columns of tables of seconds that rows are found by.
const (
	colRoundTime = iota // round
	colSecond
)

// secondKeys are these columns.
var secondKeys = []int{colRoundTime, colSecond}

// secondKeyRows is Path.KeyRows of tables of seconds, which are read in blocks.
const secondKeyRows = 1024

// secondRange is what the constraints on round (column 0) and second (column 1) leave, and the path's name and order. list, unless
// nil, holds the only seconds that may be wanted.
func secondRange(name string, r *ScanRequest, l Ledger) (p *Path, from, to calendar.Second, desc bool, list []calendar.Second) {
	p = &Path{Used: make([]bool, len(r.Where)), Keys: secondKeys, KeyRows: secondKeyRows}
	from, to = 0, math.MaxInt64
	for i, c := range r.Where {
		if c.Op == OneOf && c.Column <= 1 {
			if l := secondsOf(c); list == nil || len(l) < len(list) {
				list = l
			}
		}
		switch c.Column {
		case 0:
			p.Used[i] = narrowRounds(&from, &to, c, value.Timestamptz)
		case 1:
			p.Used[i] = narrowRounds(&from, &to, c, value.Int8)
		}
	}
	if len(r.Order) > 0 && r.Order[0].Column <= 1 {
		// Rounds are unique, so any further key changes nothing.
		desc, p.Ordered = r.Order[0].Desc, len(r.Order)
	}
	ranged := from > 0 || to < math.MaxInt64
	if p.Rows = max(1, secondSpan{from, to}.within(l).seconds()); list != nil {
		p.Rows = max(1, min(p.Rows, float64(len(list))))
	}
	p.Name = scanName(name, ranged || p.Ordered > 0, desc)
	return p, from, to, desc, list
}

// A secondTable is a table of seconds.
type secondTable interface {
	Table
	// open reads a span of them.
	open(ctx context.Context, r *ScanRequest, s secondSpan, desc bool) (Scan, error)
	// openList reads those of an ascending list that are in a span.
	openList(ctx context.Context, r *ScanRequest, list []calendar.Second, s secondSpan, desc bool) (Scan, error)
	// extent returns the part of a span that can hold rows.
	extent(ctx context.Context, r *ScanRequest, s secondSpan) (secondSpan, error)
}

// secondsPath plans a scan of a table of seconds.
func secondsPath(t secondTable, r *ScanRequest, name string, l Ledger) *Path {
	p, from, to, desc, list := secondRange(name, r, l)
	wanted := secondSpan{from, to}
	open := t.open
	if r.Sample != nil && r.Sample.Blocks {
		open = blocksOf(t)
	}
	p.Open = func(ctx context.Context) (Scan, error) {
		if from > to {
			return &listScan{}, nil
		}
		if list == nil {
			return open(ctx, r, wanted, desc)
		}
		return t.openList(ctx, r, list, wanted, desc)
	}
	if desc || list != nil || r.Sample != nil && r.Sample.Blocks { // which are known when it is opened, not before
		return p
	}
	p.Split = func(ctx context.Context, n int) (parts []func(context.Context) (Scan, error), err error) {
		e, err := t.extent(ctx, r, wanted)
		if err != nil || e.short() {
			return nil, err
		}
		for _, s := range splitSeconds(e, n) {
			parts = append(parts, func(ctx context.Context) (Scan, error) { return open(ctx, r, s, false) })
		}
		return parts, nil
	}
	return p
}

// blocksOf opens scans of the blocks of a span of seconds that are in a sample.
func blocksOf(t secondTable) func(context.Context, *ScanRequest, secondSpan, bool) (Scan, error) {
	return func(ctx context.Context, r *ScanRequest, s secondSpan, desc bool) (Scan, error) {
		e, err := t.extent(ctx, r, s)
		if err != nil {
			return nil, err
		}
		scan := &secondsScan{open: func(ctx context.Context, s secondSpan) (Scan, error) { return t.open(ctx, r, s, desc) }}
		for block := e.from / SampleBlock; block <= e.to/SampleBlock; block++ {
			if r.Sample.holds(uint64(block)) {
				first := block * SampleBlock
				scan.spans = append(scan.spans, secondSpan{max(e.from, first), min(e.to, first+SampleBlock-1)})
			}
		}
		if desc {
			slices.Reverse(scan.spans)
		}
		return scan, nil
	}
}

// open opens a scan of a span of seconds.
func (t *roundTable) open(ctx context.Context, r *ScanRequest, s secondSpan, desc bool) (Scan, error) {
	return t.openList(ctx, r, nil, s, desc)
}

// openList implements secondTable; a list that is nil names all seconds.
func (t *roundTable) openList(ctx context.Context, r *ScanRequest, list []calendar.Second, s secondSpan, desc bool) (Scan, error) {
	scan := RoundScan{From: s.from, To: s.to, Desc: desc, Seconds: list,
		Agency: r.Session.visibleAgency(), Roots: r.Need[2], Counts: r.Need[3] || r.Need[4], Few: r.Few}
	leaves, narrow := leafSpan(r.Where)
	if narrow {
		scan.Leaves = &leaves
	}
	for _, c := range r.Where {
		if c.Column == 2 && c.Op == Equal && len(c.Values[0].B) == len(merkle.Digest{}) {
			root := merkle.Digest(c.Values[0].B)
			scan.Root = &root
		}
	}
	c, err := r.ledger(t.ledger).Rounds(ctx, scan)
	return &roundScan{cursor: c, need: r.Need, within: leaves}, err
}

func (t *roundTable) Plan(r *ScanRequest) (*Path, error) {
	return secondsPath(t, r, "rounds", r.ledger(t.ledger)), nil
}

// within returns the seconds of s that the ledger has closed.
func (s secondSpan) within(l Ledger) secondSpan {
	first, closed, _ := l.Extent()
	return secondSpan{max(s.from, first), min(s.to, closed)}
}

// extent returns the part of s from its first to its last round, or less than minSplit seconds if there are too few.
func (t *roundTable) extent(ctx context.Context, r *ScanRequest, s secondSpan) (secondSpan, error) {
	l := r.ledger(t.ledger)
	e := s.within(l)
	if e.short() {
		return e, nil
	}
	probe := RoundScan{From: e.from, To: e.to}
	for _, probe.Desc = range []bool{false, true} {
		c, err := l.Rounds(ctx, probe)
		if err != nil {
			return e, err
		}
		var b RoundBatch
		err = c.Next(ctx, &b)
		c.Close()
		switch {
		case errors.Is(err, io.EOF):
			return secondSpan{}, nil
		case err != nil:
			return e, err
		case probe.Desc:
			e.to = b.Round[0]
		default:
			e.from = b.Round[0]
		}
	}
	return e, nil
}

// minSplit is how many seconds are worth to be read by two.
const minSplit = 1 << 16

// splitBy is what parts of a scan are multiples of: rounds are read in blocks of so many seconds.
const splitBy = 1024

// A secondSpan is the seconds from and to and all between.
type secondSpan struct{ from, to calendar.Second }

// seconds returns how many seconds a span is, which may be empty.
func (s secondSpan) seconds() float64 { return max(0, float64(s.to)-float64(s.from)+1) }

// short reports whether a span, which may be empty, is not worth to be read by two.
func (s secondSpan) short() bool { return s.from > s.to || s.to-s.from < minSplit }

// splitSeconds cuts a span into n parts of about the same length.
func splitSeconds(s secondSpan, n int) (parts []secondSpan) {
	for ; n > 1; n-- {
		cut := (s.from + (s.to-s.from)/calendar.Second(n)) / splitBy * splitBy
		if cut <= s.from {
			break
		}
		parts = append(parts, secondSpan{s.from, cut - 1})
		s.from = cut
	}
	return append(parts, s)
}

// colLeaves is the column of rounds with the number of leaves.
const colLeaves = 3

// leafSpan returns what conditions say of the number of leaves; ok is false if they say nothing.
func leafSpan(where []Constraint) (s LeafSpan, ok bool) {
	s.Max = math.MaxInt64
	for _, c := range where {
		if c.Column == colLeaves {
			s.narrow(c)
			ok = true
		}
	}
	return s, ok
}

// narrow leaves of s the numbers for which a condition may hold.
func (s *LeafSpan) narrow(c Constraint) {
	if c.Op == OneOf {
		return
	}
	n := c.Values[0].I
	least, most := int64(0), int64(math.MaxInt64)
	switch c.Op {
	case Equal:
		least, most = n, n
	case Less:
		most = max(n, 0) - 1
	case LessEqual:
		most = n
	case Greater:
		least = max(n, -1)
		if least == math.MaxInt64 {
			most = -1
		} else {
			least++
		}
	case GreaterEqual:
		least = n
	}
	if most < 0 { // no number is so small
		least, most = 1, 0
	}
	s.Min, s.Max = max(s.Min, uint64(max(least, 0))), min(s.Max, uint64(most))
}

type roundScan struct {
	cursor RoundCursor
	need   []bool
	within LeafSpan // rounds with other numbers of leaves are not wanted
	b      RoundBatch
}

// narrow implements narrowing.
func (s *roundScan) narrow(c Constraint) {
	if c.Column == colLeaves {
		s.within.narrow(c)
		s.cursor.Narrow(s.within)
	}
}

func (s *roundScan) Next(ctx context.Context, b *value.Batch) error {
	err := s.cursor.Next(ctx, &s.b)
	if errors.Is(err, io.EOF) {
		b.N = 0
		return nil
	}
	if err != nil {
		return err
	}
	b.N = len(s.b.Round)
	seconds(b, s.need, s.b.Round)
	digests(b, s.need, 2, s.b.Root)
	if s.need[3] {
		b.Cols[3].Reset(value.Int8, b.N)
		ints := b.Cols[3].Ints
		for i, n := range s.b.Leaves[:len(ints)] {
			ints[i] = int64(n)
		}
	}
	if s.need[4] {
		b.Cols[4].Reset(value.Int4, b.N)
		ints := b.Cols[4].Ints
		for i, n := range s.b.Slots[:len(ints)] {
			ints[i] = int64(n)
		}
	}
	return nil
}

// seconds fills in the columns round and second.
func seconds(b *value.Batch, need []bool, list []calendar.Second) {
	if need[0] {
		b.Cols[0].Reset(value.Timestamptz, b.N)
		ints := b.Cols[0].Ints
		for i, s := range list[:len(ints)] {
			ints[i] = value.FromUnix(int64(s))
		}
	}
	if need[1] {
		b.Cols[1].Reset(value.Int8, b.N)
		ints := b.Cols[1].Ints
		for i, s := range list[:len(ints)] {
			ints[i] = int64(s)
		}
	}
}

// digests fills in a column of digests.
func digests(b *value.Batch, need []bool, k int, list []merkle.Digest) {
	if !need[k] {
		return
	}
	b.Cols[k].Reset(value.Bytea, b.N)
	const size = len(merkle.Digest{})
	flat := make([]byte, 0, b.N*size)
	for i := range list {
		flat = append(flat, list[i][:]...)
		b.Cols[k].Bytes[i] = flat[i*size : (i+1)*size : (i+1)*size]
	}
}

func (s *roundScan) Close() { s.cursor.Close() }

// calendarTable is calendar: every closed second since the ledger's first.
type calendarTable struct {
	def    TableDef
	ledger Ledger
}

func newCalendarTable(l Ledger, oid value.OID) *calendarTable {
	return &calendarTable{ledger: l, def: TableDef{OID: oid, Schema: "public", Name: "calendar", Ledger: true, Columns: []ColumnDef{
		{Name: "round", Type: value.Timestamptz, NotNull: true},
		{Name: "second", Type: value.Int8, NotNull: true},
		{Name: "idle", Type: value.Bool, NotNull: true},
		{Name: "leaf", Type: value.Bytea, NotNull: true},
		{Name: "root", Type: value.Bytea, NotNull: true},
	}}}
}

func (t *calendarTable) Def() *TableDef { return &t.def }

// open opens a scan of a span of seconds.
func (t *calendarTable) open(ctx context.Context, r *ScanRequest, s secondSpan, desc bool) (Scan, error) {
	c, err := r.ledger(t.ledger).Calendar(ctx, CalendarScan{From: s.from, To: s.to, Desc: desc, Roots: r.Need[4]})
	if err == nil && r.Need[4] && s.to > s.from {
		c = readAhead(c, r.Session)
	}
	return &calendarScan{cursor: c, need: r.Need}, err
}

// openList implements secondTable: it reads one span of neighbours after the other.
func (t *calendarTable) openList(_ context.Context, r *ScanRequest, list []calendar.Second, s secondSpan, desc bool) (Scan, error) {
	return newSecondsScan(list, s, desc, func(ctx context.Context, s secondSpan) (Scan, error) { return t.open(ctx, r, s, desc) }), nil
}

// extent implements secondTable.
func (t *calendarTable) extent(_ context.Context, r *ScanRequest, s secondSpan) (secondSpan, error) {
	return s.within(r.ledger(t.ledger)), nil
}

func (t *calendarTable) Plan(r *ScanRequest) (*Path, error) {
	return secondsPath(t, r, "calendar", r.ledger(t.ledger)), nil
}

type calendarScan struct {
	cursor CalendarCursor
	need   []bool
	b      CalendarBatch
}

func (s *calendarScan) Next(ctx context.Context, b *value.Batch) error {
	err := s.cursor.Next(ctx, &s.b)
	if errors.Is(err, io.EOF) {
		b.N = 0
		return nil
	}
	if err != nil {
		return err
	}
	b.N = len(s.b.Round)
	seconds(b, s.need, s.b.Round)
	if s.need[2] {
		b.Cols[2].Reset(value.Bool, b.N)
		for i, idle := range s.b.Idle {
			b.Cols[2].Ints[i] = value.BoolInt(idle)
		}
	}
	digests(b, s.need, 3, s.b.Leaf)
	digests(b, s.need, 4, s.b.Root)
	return nil
}

func (s *calendarScan) Close() { s.cursor.Close() }

// listTable is a table whose few rows are made anew for each scan. Columns that are not needed need not be made.
type listTable struct {
	def  TableDef
	rows func(s *Session, need []bool) ([][]value.Datum, error)
}

func (t *listTable) Def() *TableDef { return &t.def }

func (t *listTable) Plan(r *ScanRequest) (*Path, error) {
	p := &Path{Name: "Seq Scan on " + t.def.Name, Used: make([]bool, len(r.Where)), Rows: 100}
	open := func(context.Context) (Scan, error) {
		rows, err := t.rows(r.Session, r.Need)
		return &listScan{def: &t.def, need: r.Need, rows: rows}, err
	}
	p.Open = open
	if r.AsOf != nil { // the rows are those of now, whenever they are read
		scan, err := open(context.Background())
		p.Open = func(context.Context) (Scan, error) { return scan, err }
	}
	return p, nil
}

type listScan struct {
	def  *TableDef
	need []bool
	rows [][]value.Datum
}

func (s *listScan) Next(_ context.Context, b *value.Batch) error {
	b.N = min(value.BatchSize, len(s.rows))
	if b.N == 0 {
		return nil
	}
	for k, c := range s.def.Columns {
		if !s.need[k] {
			continue
		}
		b.Cols[k].Reset(c.Type, b.N)
		for i := range b.N {
			b.Cols[k].Set(i, s.rows[i][k])
		}
	}
	s.rows = s.rows[b.N:]
	return nil
}

func (s *listScan) Close() {}

func newAgencyTable(l Ledger, oid value.OID) Table {
	t := &listTable{def: TableDef{OID: oid, Schema: "public", Name: "agencies", Ledger: true, Columns: []ColumnDef{
		{Name: "agency", Type: value.Text, NotNull: true},
		{Name: "lane", Type: value.Text, NotNull: true},
		{Name: "slot", Type: value.Int4, NotNull: true},
		{Name: "base_level", Type: value.Int4, NotNull: true},
		{Name: "created_at", Type: value.Timestamptz, NotNull: true},
	}}}
	t.rows = func(s *Session, _ []bool) (rows [][]value.Datum, err error) {
		for _, x := range s.reads(l).Slots() {
			if own := s.visibleAgency(); own != "" && x.Agency != own {
				continue
			}
			rows = append(rows, []value.Datum{
				value.NewText(x.Agency), value.NewText(x.Lane), value.NewInt(value.Int4, int64(x.ID)),
				value.NewInt(value.Int4, int64(x.Base)), value.NewInt(value.Timestamptz, value.FromTime(x.Created)),
			})
		}
		return rows, nil
	}
	return t
}

func newCertificateTable(l Ledger, oid value.OID) Table {
	t := &listTable{def: TableDef{OID: oid, Schema: "public", Name: "calendar_certificates", Ledger: true, Columns: []ColumnDef{
		{Name: "id", Type: value.Bytea, NotNull: true},
		{Name: "subject", Type: value.Text, NotNull: true},
		{Name: "not_before", Type: value.Timestamptz, NotNull: true},
		{Name: "not_after", Type: value.Timestamptz, NotNull: true},
		{Name: "pem", Type: value.Text, NotNull: true},
	}}}
	t.rows = func(*Session, []bool) (rows [][]value.Datum, err error) {
		for _, c := range l.Certificates() {
			x, err := x509.ParseCertificate(c.DER)
			if err != nil {
				return nil, err
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER})
			rows = append(rows, []value.Datum{
				value.NewBytes(value.Bytea, c.ID), value.NewText(x.Subject.String()),
				value.NewInt(value.Timestamptz, value.FromTime(x.NotBefore)),
				value.NewInt(value.Timestamptz, value.FromTime(x.NotAfter)), value.NewBytes(value.Text, text),
			})
		}
		return rows, nil
	}
	return t
}
