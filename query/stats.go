package query

import (
	"sync/atomic"

	"github.com/jurat-ledger/jurat/query/parse"
)

// Stats are what an engine has done since it was made, and where it stands.
type Stats struct {
	Statements map[string]uint64 // that were run, by kind; failed ones too
	Inserted   Filed             // by INSERT
	Copied     Filed             // by COPY

	IngestMemory    int64 // bytes that transactions hold back now
	MaxIngestMemory int64
	Waiting         int // sessions that wait for such memory
}

// Filed is how much was filed.
type Filed struct{ Leaves, Bytes uint64 }

// A statementKind sorts statements for counting.
type statementKind uint8

const (
	kindOther statementKind = iota
	kindSelect
	kindInsert
	kindCopy
	kindTransaction
	kindSetting
	kindPrepared
	kindCursor
	kindNotify
	kindExplain
	statementKinds
)

var statementKindNames = [statementKinds]string{"other", "select", "insert", "copy", "transaction", "setting", "prepared", "cursor",
	"notify", "explain"}

func kindOf(stmt parse.Stmt) statementKind {
	switch stmt.(type) {
	case *parse.Select:
		return kindSelect
	case *parse.Insert:
		return kindInsert
	case *parse.Copy:
		return kindCopy
	case *parse.Transaction, *parse.SetTransaction:
		return kindTransaction
	case *parse.Set, *parse.Show, *parse.Reset, *parse.Discard:
		return kindSetting
	case *parse.Prepare, *parse.Execute, *parse.Deallocate:
		return kindPrepared
	case *parse.DeclareCursor, *parse.Fetch, *parse.CloseCursor:
		return kindCursor
	case *parse.Listen, *parse.Unlisten, *parse.Notify:
		return kindNotify
	case *parse.Explain:
		return kindExplain
	}
	return kindOther
}

// meters are what Stats is made of.
type meters struct {
	statements       [statementKinds]atomic.Uint64
	inserted, copied filedMeter
}

type filedMeter struct{ leaves, bytes atomic.Uint64 }

func (m *filedMeter) read() Filed { return Filed{m.leaves.Load(), m.bytes.Load()} }

// counted is what a session has run since it last told the engine: sessions share the engine's counts, so they go there
// seldom.
type counted [statementKinds]uint32

// tell adds what was run to the engine's counts.
func (c *counted) tell(m *meters) {
	for kind, n := range c {
		if n > 0 {
			m.statements[kind].Add(uint64(n))
			c[kind] = 0
		}
	}
}

// filed counts parts that were filed as filings say.
func (m *meters) filed(parts []Part, filings []Filing) {
	for i := range parts {
		to := &m.inserted
		if parts[i].copied {
			to = &m.copied
		}
		to.leaves.Add(uint64(filings[i].Count))
		to.bytes.Add(filedBytes(&parts[i], &filings[i]))
	}
}

// filedBytes returns how many bytes the digests of a part have that were filed.
func filedBytes(p *Part, f *Filing) uint64 {
	if alg, _, ok := p.Leaves.Uniform(); ok {
		return uint64(f.Count * alg.Size())
	}
	n := 0
	for i := range f.Count {
		at := i
		if f.Filed != nil {
			at = f.Filed[i]
		}
		im := p.Leaves.At(at)
		n += len(im.Digest())
	}
	return uint64(n)
}

// Stats returns what the engine has done so far.
func (e *Engine) Stats() Stats {
	s := Stats{Statements: make(map[string]uint64, statementKinds), Inserted: e.meters.inserted.read(), Copied: e.meters.copied.read()}
	for kind := range e.meters.statements {
		s.Statements[statementKindNames[kind]] = e.meters.statements[kind].Load()
	}
	m := e.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	s.IngestMemory, s.MaxIngestMemory, s.Waiting = m.used, m.limit, len(m.waiting)
	return s
}
