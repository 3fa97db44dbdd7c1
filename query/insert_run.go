package query

import (
	"context"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/value"
)

// mayWrite refuses what changes the ledger where the transaction does not allow it.
func (s *Session) mayWrite(what string) error {
	if s.tx.readOnly {
		return errf(codeReadOnly, "cannot execute %s in a read-only transaction", what)
	}
	return nil
}

// insert runs an INSERT.
func (r *run) insert(ctx context.Context, p *insertPlan) (*Result, error) {
	if err := r.mayWrite("INSERT"); err != nil {
		return nil, err
	}
	if p.returning != nil && (r.tx.state == txBlock || !r.returning) {
		return nil, errf(codeUnsupported, "INSERT … RETURNING is not supported inside a transaction block").
			hint("Receipts exist once the digests are durable, which is at COMMIT. Send the INSERT on its own, or look the receipts up after COMMIT: SELECT receipt FROM hashes WHERE digest = …")
	}
	if p.direct != nil && !r.single && r.timeout() == 0 {
		tag, err := r.insertDirect(ctx, p, r.params)
		if err != nil {
			return nil, err
		}
		return r.tagged(tag), nil
	}
	f := &filer{session: r.Session, nothing: p.nothing, keep: p.returning != nil}
	x := r.execution(ctx, r.params)
	limit, cancel := r.limit(ctx, x)
	defer cancel()
	x.env.Ctx = limit
	if err := f.read(x, p); err != nil {
		return nil, stopped(limit, err)
	}
	if p.returning == nil && !r.single {
		r.hold(f)
		return r.tagged("INSERT 0 " + itoa(f.count)), nil
	}
	held := r.tx.leaves
	filings, err := r.flush(ctx, f.parts)
	if err != nil {
		return nil, err
	}
	count := 0
	for _, g := range filings {
		count += g.Count
	}
	if p.returning == nil {
		return r.tagged("INSERT 0 " + itoa(count)), nil
	}
	r.tx.filed += held + count
	return r.returned(x, p, f, filings), nil
}

// insertDirect runs an INSERT whose rows are parameters, without an execution, and returns its tag: drivers send it for one
// digest after the other. Nothing of params is kept.
func (s *Session) insertDirect(ctx context.Context, p *insertPlan, params []value.Datum) (string, error) {
	for _, row := range p.direct {
		if err := s.directRow(ctx, p.target, row, params); err != nil {
			return "", err
		}
	}
	if len(p.direct) == 1 {
		return "INSERT 0 1", nil
	}
	return "INSERT 0 " + itoa(len(p.direct)), nil
}

// directRow checks and files one row of parameters, as filer.row does.
func (s *Session) directRow(ctx context.Context, target, row []int, params []value.Datum) error {
	var digest, alg, lane *value.Datum
	for k, c := range target {
		switch d := &params[row[k]]; {
		case d.Null:
		case c == colDigest:
			digest = d
		case c == colAlgorithm:
			alg = d
		case c == colLane:
			lane = d
		default:
			return assigned(s.engine.tables["hashes"].Def().Columns[c].Name)
		}
	}
	if digest == nil {
		return nullDigest()
	}
	a, l := merkle.SHA256, LaneMain
	if alg != nil {
		var err error
		if a, err = algorithm(string(alg.B)); err != nil {
			return err
		}
	}
	if lane != nil {
		l = string(lane.B)
		if err := checkLane(l); err != nil {
			return err
		}
	}
	if len(digest.B) != a.Size() {
		return wrongLength(a, digest.B)
	}
	return s.holdOne(ctx, a, l, digest.B)
}

// read takes all rows of the source.
func (f *filer) read(x *execution, p *insertPlan) error {
	op, err := x.start(p.source, everything)
	if err != nil {
		return err
	}
	defer op.close()
	at := func(c int) int { return slices.Index(p.target, c) }
	digest, alg, lane := at(colDigest), at(colAlgorithm), at(colLane)
	defs := f.session.engine.tables["hashes"].Def().Columns
	for {
		b, err := op.next()
		if err != nil || b == nil {
			return err
		}
		if err := x.check(); err != nil {
			return err
		}
		rows(b, func(i int) {
			if err == nil {
				err = f.row(x.env.Ctx, b, i, digest, alg, lane, func(k int) error { return refuseAssigned(b.Cols[k], i, defs[p.target[k]].Name, p.target[k]) })
			}
		})
		if err != nil {
			return err
		}
	}
}

// refuseAssigned refuses a value other than NULL in a column that the server fills.
func refuseAssigned(v *value.Vector, i int, name string, column int) error {
	if column == colDigest || column == colAlgorithm || column == colLane || v.IsNull(i) {
		return nil
	}
	return assigned(name)
}

// row checks and takes row i of b.
func (f *filer) row(ctx context.Context, b *value.Batch, i, digest, alg, lane int, other func(int) error) error {
	for k := range b.Cols {
		if err := other(k); err != nil {
			return err
		}
	}
	if digest < 0 || b.Cols[digest].IsNull(i) {
		return nullDigest()
	}
	a, l := merkle.SHA256, LaneMain
	if alg >= 0 && !b.Cols[alg].IsNull(i) {
		var err error
		if a, err = algorithm(string(b.Cols[alg].Bytes[i])); err != nil {
			return err
		}
	}
	if lane >= 0 && !b.Cols[lane].IsNull(i) {
		l = string(b.Cols[lane].Bytes[i])
		if err := checkLane(l); err != nil {
			return err
		}
	}
	d := b.Cols[digest].Bytes[i]
	if len(d) != a.Size() {
		return wrongLength(a, d)
	}
	return f.add(ctx, a, l, d)
}

// filedRows gives the leaves that an INSERT filed, in the order of its rows and in the columns of proofs.
type filedRows struct {
	oneRowOp
	f       *filer
	filings []Filing
	slot    int
	at      int
}

// returned is the result of INSERT … RETURNING.
func (r *run) returned(x *execution, p *insertPlan, f *filer, filings []Filing) *Result {
	proofs := r.engine.tables["proofs"].(*leafTable)
	op := &projectOp{x: x, n: p.returning, in: &filedRows{f: f, filings: filings, slot: proofs.slot}, exprs: x.compileAll(p.returning.exprs)}
	return &Result{session: r.Session, cols: p.returning.cols, x: x, op: op, tag: "INSERT 0", counted: true}
}

func (op *filedRows) next() (*value.Batch, error) {
	defs := op.f.session.engine.tables["proofs"].Def().Columns
	b := &value.Batch{Cols: make([]*value.Vector, len(defs))}
	for k, c := range defs {
		b.Cols[k] = value.NewVector(c.Type, value.BatchSize)
	}
	for ; op.at < len(op.f.order) && b.N < value.BatchSize; op.at++ {
		if leaf, ok := op.leaf(op.f.order[op.at]); ok {
			op.put(b, leaf, op.f.parts[op.f.order[op.at].part].Lane)
		}
	}
	if b.N == 0 {
		return nil, nil
	}
	return b, nil
}

// leaf returns the leaf of a row, ok false if the row was not filed.
func (op *filedRows) leaf(p place) (leaf Leaf, ok bool) {
	if p.part < 0 {
		return leaf, false
	}
	g, index := &op.filings[p.part], p.index
	if g.Filed != nil {
		if index, ok = slices.BinarySearch(g.Filed, p.index); !ok {
			return leaf, false
		}
	}
	leaf.Round, leaf.Slot, leaf.Index = g.Round, g.Slot, g.First+uint64(index)
	leaf.Imprint, leaf.FiledAt = op.f.parts[p.part].Leaves.At(p.index), g.At
	return leaf, true
}

func (op *filedRows) put(b *value.Batch, leaf Leaf, lane string) {
	i := b.N
	b.Cols[colDigest].SetBytes(i, leaf.Imprint.Digest())
	b.Cols[colAlgorithm].Bytes[i] = algorithmNames[leaf.Imprint.Algorithm()]
	b.Cols[colAgency].Bytes[i] = []byte(op.f.session.role.Name)
	b.Cols[colLane].Bytes[i] = []byte(lane)
	b.Cols[colRound].Ints[i] = roundMicros(leaf.Round)
	b.Cols[colSlotIndex].Ints[i] = int64(leaf.Index)
	b.Cols[colFiledAt].Ints[i] = value.FromTime(leaf.FiledAt)
	b.Cols[op.slot].Ints[i] = int64(leaf.Slot)
	b.N++
}

// roundMicros is a round as the value of a timestamptz.
func roundMicros(s calendar.Second) int64 { return value.FromUnix(int64(s)) }
