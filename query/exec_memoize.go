package query

import (
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

const (
	// memoPart is what part of the memory of a statement may go to what is remembered of one lateral side, or of one subquery.
	memoPart = 32
	// memoTrial is how many executions a memo waits before it judges whether it pays.
	memoTrial = 1024
	// memoPays is up to how many executions there may be for each one that a memo saves.
	memoPays = 64
	// memoDoubt is what part of its memory a memo may take that does not pay yet.
	memoDoubt = 16
	// memoBytes is about what a result takes in a memo besides its key and its rows.
	memoBytes = 80
)

// A memoRecord tells how it went, in a run of a statement, to remember what a lateral side gives.
type memoRecord struct {
	never                   bool // equal values around may give other rows, or there is one row alone
	off                     bool // it does not pay
	hits, misses, evictions int
}

// A memo remembers the rows that the lateral side of a join gave by the exact values around that they are of. It forgets all when it is
// full, and ends where too little is found again.
type memo struct {
	*memoRecord
	x    *execution
	cols []Column
	need []bool
	rows *rowStore       // of all results
	at   map[string]span // the rows of each
	held int             // reserved for the keys
	key  []byte          // of the result that is being made
	from int             // where that begins
	open bool            // there is one
}

// A span is the rows of a rowStore from one on to another.
type span struct{ from, to int }

// newMemo returns a memo for the lateral side of n, nil if it is not to be remembered.
func (x *execution) newMemo(n *joinNode, need []bool) *memo {
	record := x.memos[n]
	if record == nil {
		record = &memoRecord{never: atMostOne(n.l, nil) || isVolatilePlan(n.r)}
		if x.memos == nil {
			x.memos = map[*joinNode]*memoRecord{}
		}
		x.memos[n] = record
	}
	if record.never || x.session.engine.memoPart == 0 {
		return nil
	}
	cols := n.r.columns()
	return &memo{memoRecord: record, x: x, cols: cols, need: need, rows: newRowStore(x, cols), at: map[string]span{}}
}

// A rowSource is what a lateralOp needs of an operator.
type rowSource interface {
	next() (*value.Batch, error)
	close()
}

// find returns the rows for some values around, nil if they are not remembered.
func (m *memo) find(vals []value.Datum) rowSource {
	m.open = false
	if m.off {
		return nil
	}
	var exact bool
	if m.key, exact = exactKey(m.key[:0], vals, m.x.env.Settings); !exact {
		return nil
	}
	if s, ok := m.at[string(m.key)]; ok {
		m.hits++
		return &spanReader{rows: m.rows, span: s}
	}
	if m.misses++; m.misses%memoTrial == 0 && !m.pays() {
		m.off = true
		m.evict()
		return nil
	}
	m.open, m.from = true, m.rows.n
	return nil
}

func (m *memo) pays() bool { return m.hits*memoPays >= m.misses }

// keep has the rows that op gives for the values last looked for remembered, once they are all there.
func (m *memo) keep(op operator) rowSource {
	if !m.open {
		return op
	}
	return &keepingReader{op, m}
}

// add adds rows to the result that is being made; nil ends it.
func (m *memo) add(b *value.Batch) {
	if !m.open {
		return
	}
	err := m.put(b)
	most := int(m.x.limit) / m.x.session.engine.memoPart
	if !m.pays() {
		most /= memoDoubt
	}
	if err != nil || m.rows.bytes+m.held > most {
		m.off = err != nil || !m.pays()
		m.evict()
	}
}

func (m *memo) put(b *value.Batch) error {
	if b == nil {
		m.open = false
		m.at[string(m.key)] = span{m.from, m.rows.n}
		m.held += len(m.key) + memoBytes
		return m.x.reserve(len(m.key) + memoBytes)
	}
	in := value.Batch{N: b.N, Sel: b.Sel, Cols: make([]*value.Vector, len(m.cols))}
	for k, c := range m.cols {
		if m.need[k] {
			if in.Cols[k] = column(b, k); !present(in.Cols[k]) {
				in.Cols[k] = gatherOrNull(nil, c.Type, make([]int32, b.N))
			}
		}
	}
	return m.rows.add(&in)
}

// evict forgets all while the join goes on.
func (m *memo) evict() {
	m.evictions += len(m.at)
	m.forget()
}

// forget gives back the memory of all that is remembered.
func (m *memo) forget() {
	m.rows.free()
	m.x.release(m.held)
	m.at, m.held, m.open = map[string]span{}, 0, false
}

// explain shows the memo above what it remembers.
func (m *memo) explain(n *joinNode, of explained) explained {
	e := of
	keys := make([]string, len(n.args))
	for i, a := range n.args {
		keys[i] = exprText(a.x)
	}
	e.title, e.keys, e.subplan, e.children = "Memoize", nil, "", []explained{of}
	e.lines = []string{"Cache Key: " + strings.Join(keys, ", "), "Cache Mode: binary"}
	if m.x.analyzes() {
		m.x.explaining.show(&e, m.memoRecord)
		e.lines = append(e.lines, fmt.Sprint("Cache Hits: ", m.hits), fmt.Sprint("Cache Misses: ", m.misses), fmt.Sprint("Cache Evictions: ", m.evictions))
	}
	return e
}

// A keepingReader gives the rows of an operator, to a memo too.
type keepingReader struct {
	operator
	memo *memo
}

func (op *keepingReader) next() (*value.Batch, error) {
	b, err := op.operator.next()
	if err == nil {
		op.memo.add(b)
	}
	return b, err
}

// A spanReader gives some of the rows of a rowStore.
type spanReader struct {
	rows *rowStore
	span
	out value.Batch
}

func (op *spanReader) next() (*value.Batch, error) {
	n := min(value.BatchSize, op.to-op.from)
	if n == 0 {
		return nil, nil
	}
	op.out = value.Batch{N: n, Cols: make([]*value.Vector, len(op.rows.cols))}
	for k, c := range op.rows.cols {
		if c != nil {
			op.out.Cols[k] = c.Window(op.from, op.from+n)
		}
	}
	op.from += n
	return &op.out, nil
}

func (op *spanReader) close() {}
