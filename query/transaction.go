package query

import (
	"context"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
)

// txState is where a session stands.
type txState uint8

const (
	txIdle     txState = iota
	txImplicit         // in a string of several statements, or in the extended protocol until Sync
	txBlock            // BEGIN was given
)

// A transaction is what a session holds back until COMMIT.
type transaction struct {
	state      txState
	aborted    bool // an error came: nothing but its end is understood
	readOnly   bool
	start      time.Time
	begun      settings            // to go back to on ROLLBACK
	parts      []Part              // filings not yet sent to the ledger
	leaves     int                 // in parts
	bytes      int64               // of their digests
	filed      int                 // leaves that are filed whatever comes: by INSERT … RETURNING, and what was held back before
	digests    map[string]struct{} // of parts; nil until somebody asks
	savepoints []savepoint
	asOf       *Snapshot // what the transaction sees, once its isolation level calls for it and it has read
	queried    bool      // a statement has run that reads or files
	cursors    int       // declared before it
	tunings    []tuning
	notes      []Notification
	noted      map[Notification]struct{} // notes; nil if it is to be made anew
	noteBytes  int                       // of noted
}

// A savepoint is a state to go back to.
type savepoint struct {
	name     string
	kept     int64 // bytes that it takes
	settings settings
	parts    int
	leaves   int
	bytes    int64
	readOnly bool
	cursors  int // declared before
	tunings  int
	notes    int
	chunks   [2]int // large and small ones, of parts
}

func (t *transaction) implicit() bool { return t.state == txImplicit }

// Status is the transaction status for clients: 'I' idle, 'T' in a block, 'E' in a failed one.
func (s *Session) Status() byte {
	switch {
	case s.tx.state != txBlock:
		return 'I'
	case s.tx.aborted:
		return 'E'
	}
	return 'T'
}

// enter begins an implicit transaction if none is there.
func (s *Session) enter() {
	if s.tx.state == txIdle {
		s.startTransaction(txImplicit)
	}
}

// transactionSettings are the settings that every transaction has of its own: transaction_… takes what default_transaction_…
// says.
var transactionSettings = []string{"read_only", "isolation", "deferrable"}

func (s *Session) startTransaction(state txState) {
	s.tx = transaction{state: state, start: s.engine.Clock(), begun: s.settings, cursors: s.cursors}
	if s.derive().plain {
		return
	}
	for _, name := range transactionSettings {
		v, _ := s.settings.get("default_transaction_" + name)
		if v != settingByName["transaction_"+name].boot {
			s.put("transaction_"+name, v, true)
		}
		s.tx.readOnly = s.tx.readOnly || name == "read_only" && v == "on"
	}
}

// failed notes an error.
func (s *Session) failed() {
	if s.tx.state == txIdle {
		return
	}
	s.tx.aborted = true
}

// dropParts gives up what a failed transaction holds back to be filed: all of it, but what it held at the newest savepoint, to which it may
// still go back.
func (s *Session) dropParts() {
	if !s.tx.aborted {
		return
	}
	var p savepoint
	if n := len(s.tx.savepoints); n > 0 {
		p = s.tx.savepoints[n-1]
	}
	s.cutParts(&p)
	if keep := max(p.bytes-uncountedMemory, 0); keep < s.share.held {
		s.engine.memory.give(&s.share, s.share.held-keep)
	}
}

// cutParts has the transaction hold back what it did at a savepoint.
func (s *Session) cutParts(p *savepoint) {
	s.tx.parts, s.tx.leaves, s.tx.bytes, s.tx.digests = s.tx.parts[:p.parts:p.parts], p.leaves, p.bytes, nil
	s.releaseChunks(p.chunks[0], p.chunks[1])
}

// commit ends the transaction. What it filed is durable once commit returns nil.
func (s *Session) commit(ctx context.Context) error {
	if s.tx.aborted {
		s.rollback()
		return nil
	}
	err := s.persistCursors(ctx)
	if err == nil {
		err = s.mayNotify()
	}
	if err == nil {
		_, err = s.flush(ctx, nil)
	}
	if err != nil {
		s.rollback()
		return err
	}
	if s.settings.local != nil {
		s.settings.endLocal()
		s.values = nil
	}
	s.tune()
	s.end()
	return nil
}

// rollback ends the transaction and forgets what it did.
func (s *Session) rollback() {
	if s.tx.state != txIdle {
		s.settings = s.tx.begun
		s.closeCursors(func(c *cursor) bool { return c.created > s.tx.cursors })
	}
	s.settings.endLocal()
	s.values = nil
	s.end()
}

func (s *Session) end() {
	s.closePortals()
	s.params.trim()
	s.dropSavepoints(0)
	s.tx = transaction{}
	s.releaseMemory()
	if len(s.grants) > 0 {
		s.engine.queries.giveAllBack(s)
	}
}

// flush files what is held back and, if given, one statement's parts, in one request. It returns the filings of those.
func (s *Session) flush(ctx context.Context, more []Part) ([]Filing, error) {
	parts := merge(s.tx.parts)
	held := len(parts)
	parts = append(parts, more...)
	s.tx.parts, s.tx.leaves, s.tx.bytes, s.tx.digests = nil, 0, 0, nil
	if len(parts) == 0 {
		return nil, nil
	}
	filings, err := s.engine.Ledger.Append(ctx, &Request{Agency: s.role.Name, Parts: parts})
	if err != nil {
		return nil, err
	}
	s.engine.meters.filed(parts, filings)
	return filings[held:], nil
}

// merge joins small neighbours that go the same way.
func merge(parts []Part) (merged []Part) {
	for _, p := range parts {
		if n := len(merged); n > 0 && merged[n-1].Lane == p.Lane && merged[n-1].New == p.New && merged[n-1].copied == p.copied &&
			merged[n-1].Leaves.Len()+p.Leaves.Len() <= smallPart {
			merged[n-1].Leaves.AppendLeaves(&p.Leaves)
		} else {
			merged = append(merged, p)
		}
	}
	return merged
}

// hold puts what a statement files aside until the transaction ends.
func (s *Session) hold(f *filer) {
	s.tx.leaves += f.count
	s.tx.bytes += f.bytes
	s.tx.parts = append(s.tx.parts, f.parts...)
	if s.tx.digests != nil {
		for i := range f.parts {
			s.remember(&f.parts[i].Leaves)
		}
	}
}

// holdOne is hold for a single digest, whose length must be that of alg. Digests that come one after the other share a part.
func (s *Session) holdOne(ctx context.Context, alg merkle.Algorithm, lane string, digest []byte) error {
	tx := &s.tx
	if tx.leaves+1 > s.engine.TransactionLeaves {
		return s.tooMany()
	}
	if err := s.mayHold(ctx, tx.bytes+int64(len(digest))); err != nil {
		return err
	}
	fixed := 0 // parts that a savepoint goes back to
	if n := len(tx.savepoints); n > 0 {
		fixed = tx.savepoints[n-1].parts
	}
	i := len(tx.parts) - 1
	if i < fixed || !tx.parts[i].takes(lane) {
		i = len(tx.parts)
		tx.parts = append(tx.parts, Part{Lane: lane})
	}
	leaves := &tx.parts[i].Leaves
	if leaves.Len() == 1 && fixed == 0 {
		s.makeRoom(leaves)
	}
	leaves.AppendDigests(alg, digest)
	tx.leaves++
	tx.bytes += int64(len(digest))
	if tx.digests != nil {
		tx.digests[string(digest)] = struct{}{}
	}
	return nil
}

// takes reports whether one more leaf of a lane may join the part.
func (p *Part) takes(lane string) bool {
	return p.Lane == lane && !p.New && !p.copied && p.Leaves.Len() < smallPart
}

// tooMany is the error for a transaction that holds back more than it may.
func (s *Session) tooMany() error {
	return errf(codeProgramLimit, "a transaction files at most %d digests", s.engine.TransactionLeaves).
		hint("Commit in parts. Each part is filed whole or not at all.")
}

// savepoint marks the present state.
func (s *Session) savepoint(name string) error {
	kept := int64(savepointBytes + len(name))
	if n := len(s.tx.savepoints); n == 0 || s.tx.savepoints[n-1].settings.version != s.settings.version {
		kept += int64(s.settings.bytes())
	}
	if err := s.keep(kept); err != nil {
		return err
	}
	p := savepoint{name: strings.Clone(name), kept: kept, settings: s.settings, parts: len(s.tx.parts), leaves: s.tx.leaves, bytes: s.tx.bytes,
		readOnly: s.tx.readOnly, cursors: s.cursors, tunings: len(s.tx.tunings), notes: len(s.tx.notes),
		chunks: [2]int{len(s.chunks), len(s.smallChunks)}}
	s.tx.savepoints = append(s.tx.savepoints, p)
	return nil
}

// dropSavepoints forgets all savepoints but the first n.
func (s *Session) dropSavepoints(n int) {
	for _, p := range s.tx.savepoints[n:] {
		s.drop(p.kept)
	}
	clear(s.tx.savepoints[n:])
	s.tx.savepoints = s.tx.savepoints[:n]
}

// findSavepoint returns the index of the newest savepoint of a name.
func (s *Session) findSavepoint(name string) (int, error) {
	for i := len(s.tx.savepoints) - 1; i >= 0; i-- {
		if s.tx.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, errf(codeUndefinedSavepoint, "savepoint %q does not exist", name)
}

// rollbackTo goes back to a savepoint, which stays.
func (s *Session) rollbackTo(i int) {
	p := s.tx.savepoints[i]
	s.dropSavepoints(i + 1)
	s.settings, s.values = p.settings, nil
	s.cutParts(&p)
	s.tx.aborted, s.tx.readOnly = false, p.readOnly
	s.closeCursors(func(c *cursor) bool { return c.created > p.cursors })
	s.tx.tunings, s.tx.notes, s.tx.noted = s.tx.tunings[:p.tunings], s.tx.notes[:p.notes], nil
}

// holds reports whether the transaction holds back a digest.
func (s *Session) holds(digest []byte) bool {
	if s.tx.digests == nil {
		s.tx.digests = map[string]struct{}{}
		for i := range s.tx.parts {
			s.remember(&s.tx.parts[i].Leaves)
		}
	}
	_, ok := s.tx.digests[string(digest)]
	return ok
}

func (s *Session) remember(l *merkle.Leaves) {
	for i := range l.Len() {
		im := l.At(i)
		s.tx.digests[string(im.Digest())] = struct{}{}
	}
}
