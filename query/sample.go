package query

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A tableSample is the clause TABLESAMPLE.
type tableSample struct {
	method  string
	percent expr // of type real
	seed    expr // of type double precision; nil for another sample with each statement
}

// The methods of TABLESAMPLE.
const (
	sampleRows   = "bernoulli"
	sampleBlocks = "system"
)

// SampleBlock is how many neighbours a block of leaves or of seconds is, those of LeafScan.Sample among them.
const SampleBlock = 1024

// A Sample is the rows of a table that TABLESAMPLE leaves. What a row is, or its block, decides about it, not where a scan finds it: so all
// paths give the same sample. It is known when a path is opened, not before.
type Sample struct {
	// Blocks has neighbours stay together, so that a path may pass over others without reading them.
	Blocks bool
	seed   uint64
	below  uint64 // of 2^53
}

// holds reports whether a row, or block, with these numbers is in the sample.
func (s *Sample) holds(numbers ...uint64) bool {
	h := s.seed
	for _, n := range numbers {
		h = mix(h ^ n)
	}
	return h>>11 < s.below
}

// mix is the permutation of SplitMix64, whose bits all depend on all bits of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// byBlocks reports whether the sample is of blocks.
func (s *Sample) byBlocks() bool { return s != nil && s.Blocks }

// leaves returns whether the sample has a block of leaves, for Ledger.Leaves; nil for all. Once ctx is done it has all: the ledger comes
// back then from the midst of rounds without a block, and the statement ends.
func (s *Sample) leaves(ctx context.Context) func(calendar.Second, uint64) bool {
	if !s.byBlocks() {
		return nil
	}
	return func(round calendar.Second, block uint64) bool {
		return s.holds(uint64(value.FromUnix(int64(round))), block) || ctx.Err() != nil
	}
}

// A sampledTable has rows that are told apart by whole numbers. Neighbours have the same ones but for the last.
type sampledTable interface {
	Table
	// sampledBy returns the columns that hold these numbers of a row, and those of a block, the last one of them divided by SampleBlock.
	sampledBy() (row, block []int)
}

func (t *leafTable) sampledBy() (row, block []int) {
	return []int{colRound, t.slot, colSlotIndex}, []int{colRound, colSlotIndex}
}

func (t *roundTable) sampledBy() (row, block []int)    { return []int{colSecond}, []int{colSecond} }
func (t *calendarTable) sampledBy() (row, block []int) { return []int{colSecond}, []int{colSecond} }

// sample analyzes TABLESAMPLE behind a table.
func (a *analyzer) sample(t *parse.Table) (*tableSample, error) {
	if t.Sample == nil {
		return nil, nil
	}
	m := t.Sample.Method
	if m.Schema != "" && m.Schema != "pg_catalog" || m.Catalog != "" || m.Name != sampleRows && m.Name != sampleBlocks {
		return nil, a.fail(errf(codeUndefinedObject, "tablesample method %s does not exist", m.String()), m)
	}
	if n := len(t.Sample.Args); n != 1 {
		return nil, a.fail(errf(codeSampleArgument, "tablesample method %s requires 1 argument, not %d", m.Name, n), m)
	}
	s := &tableSample{method: m.Name}
	err := a.unlateral(hintLateral, func() (err error) {
		s.percent, err = a.sampleArgument(t.Sample.Args[0], value.Float4, "TABLESAMPLE")
		if err == nil && t.Sample.Seed != nil {
			s.seed, err = a.sampleArgument(t.Sample.Seed, value.Float8, "REPEATABLE")
		}
		return err
	})
	return s, err
}

// isView reports whether a table is a view to clients.
func isView(t Table) bool {
	if c, ok := t.(*catalogTable); ok {
		return c.rel.Kind == 'v'
	}
	_, ok := t.(*view)
	return ok
}

// notSampled is the error for TABLESAMPLE behind what is no table.
func (a *analyzer) notSampled(t *parse.Table) error {
	return a.fail(errf(codeUnsupported, "TABLESAMPLE clause can only be applied to tables and materialized views"), t)
}

func (a *analyzer) sampleArgument(e parse.Expr, t *value.Type, of string) (expr, error) {
	x, err := a.exprIn(&scope{}, e, clauseFrom)
	if err != nil {
		return nil, err
	}
	if hasSeries(x) {
		return nil, a.fail(errf(codeDatatypeMismatch, "argument of %s must not return a set", of), e)
	}
	given := x.typ()
	x, err = a.coerce(x, t, fn.Assignment)
	if err != nil && given != value.Unknown {
		err = errf(codeDatatypeMismatch, "argument of %s must be type %s, not type %s", of, t.SQL, given.SQL)
	}
	return x, a.fail(err, e)
}

// exprs returns the expressions of the clause.
func (s *tableSample) exprs() []expr {
	if s == nil {
		return nil
	}
	return nonNil(s.percent, s.seed)
}

// line describes the clause in EXPLAIN.
func (s *tableSample) line() string {
	text := "Sampling: " + s.method + " (" + exprText(s.percent) + ")"
	if s.seed != nil {
		text += " REPEATABLE (" + exprText(s.seed) + ")"
	}
	return text
}

// properties describes the clause in the other formats.
func (s *tableSample) properties(p map[string]any) {
	delete(p, "Sampling")
	p["Sampling Method"], p["Sampling Parameters"] = s.method, []any{exprText(s.percent)}
	if s.seed != nil {
		p["Repeatable Seed"] = exprText(s.seed)
	}
}

// sampler draws the sample of a scan.
type sampler struct {
	clause *tableSample
	sample Sample
	cols   []int // of a row, or of its block
	whole  bool  // the table does not say by what rows are told apart: cols are all
	key    []byte
	values []*value.Vector
	kept   []int32
}

// newSampler makes the sampler of a scan, nil if it gives all rows.
func (x *execution) newSampler(n *scanNode) *sampler {
	if n.sample == nil {
		return nil
	}
	s := &sampler{clause: n.sample, sample: Sample{Blocks: n.sample.method == sampleBlocks, seed: x.sampleSeed(n.sample)}}
	if t, ok := n.table.(sampledTable); ok {
		row, block := t.sampledBy()
		if s.cols = row; s.sample.Blocks {
			s.cols = block
		}
		return s
	}
	s.whole, s.sample.Blocks = true, false
	for i, c := range n.table.Def().Columns {
		if c.Compute == nil {
			s.cols = append(s.cols, i)
		}
	}
	return s
}

// sampleSeed returns the seed of a sample that has no other one: the same whenever the statement reads the table.
func (x *execution) sampleSeed(s *tableSample) uint64 {
	if _, ok := x.seeds[s]; !ok {
		if x.seeds == nil {
			x.seeds = map[*tableSample]uint64{}
		}
		x.seeds[s] = rand.Uint64()
	}
	return x.seeds[s]
}

// begin computes the arguments of the clause.
func (s *sampler) begin(x *execution) error {
	percent, err := x.evalOne(s.clause.percent)
	switch {
	case err != nil:
		return err
	case percent.Null:
		return errf(codeSampleArgument, "TABLESAMPLE parameter cannot be null")
	case !(percent.F >= 0 && percent.F <= 100):
		return errf(codeSampleArgument, "sample percentage must be between 0 and 100")
	}
	s.sample.below = uint64(math.Round(percent.F / 100 * (1 << 53)))
	if s.clause.seed == nil {
		return nil
	}
	seed, err := x.evalOne(s.clause.seed)
	if err == nil && seed.Null {
		err = errf(codeSampleSeed, "TABLESAMPLE REPEATABLE parameter cannot be null")
	}
	s.sample.seed = mix(math.Float64bits(seed.F + 0)) // -0 is 0
	return err
}

// draw leaves the rows of b that are in the sample. It reports whether there are any.
func (s *sampler) draw(b *value.Batch) bool {
	s.kept, s.values = s.kept[:0], s.values[:0]
	for _, k := range s.cols {
		s.values = append(s.values, b.Cols[k])
	}
	var numbers [3]uint64
	rows(b, func(i int) {
		of := numbers[:1]
		if s.whole {
			s.key = appendRowKey(s.key[:0], s.values, i)
			h := fnv.New64a()
			h.Write(s.key)
			of[0] = h.Sum64()
		} else {
			of = numbers[:len(s.values)]
			for k, v := range s.values {
				of[k] = uint64(v.Ints[i])
			}
			if s.sample.Blocks {
				of[len(of)-1] /= SampleBlock
			}
		}
		if s.sample.holds(of...) {
			s.kept = append(s.kept, int32(i))
		}
	})
	b.Sel = s.kept
	return len(s.kept) > 0
}
