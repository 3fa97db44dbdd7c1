package gateway_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/server/gateway"
)

// firstSecond is the first second of the test ledger.
const firstSecond calendar.Second = 1795313194

// calendarKey is an RSA key of the tests. Making one takes a moment, so they share it.
var calendarKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// A ledger is a whole ledger in memory, of real trees, chains and signatures. A round closes when the test says so, or by
// itself soon after something was filed.
type ledger struct {
	tb   testing.TB
	keys map[string]string // login to key
	cert ksi.Certificate

	mu       sync.Mutex // covers what follows
	first    calendar.Second
	frontier *calendar.Frontier
	leaves   map[calendar.Second]merkle.Digest
	nodes    map[calendar.Node]merkle.Digest // by a Node without its digest
	open     *round
	frozen   bool // rounds close when close is called only
	file     []byte
}

// A round is the open second. Its slots are the agencies, by name.
type round struct {
	filed  map[string]*merkle.Leaves
	closed chan struct{}
	chains map[string][]merkle.Chain // by agency, one for each leaf; set before closed is closed
	at     calendar.Second
	way    calendar.Chain
	auth   *ksi.Authentication
}

func newLedger(tb testing.TB) *ledger {
	tb.Helper()
	now := firstSecond.Time()
	der, err := ksi.NewCalendarCertificate(rand.Reader, calendarKey(), "calendar key of the tests", now, now)
	if err != nil {
		tb.Fatal(err)
	}
	l := &ledger{
		tb: tb, keys: map[string]string{"anon": "anon", "jura": "secret of jura", "bern": "secret of bern", "empty": ""},
		first: firstSecond, frontier: calendar.NewFrontier(firstSecond), leaves: make(map[calendar.Second]merkle.Digest),
		nodes: make(map[calendar.Node]merkle.Digest), open: newRound(),
	}
	if l.cert, err = ksi.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return l
}

func newRound() *round {
	return &round{filed: make(map[string]*merkle.Leaves), closed: make(chan struct{})}
}

func (l *ledger) Key(login string) ([]byte, bool) {
	if login == "panic in sign" {
		return []byte("anon"), true
	}
	key, ok := l.keys[login]
	return []byte(key), ok
}

func (l *ledger) Sign(ctx context.Context, agency string, im merkle.Imprint) ([]byte, error) {
	switch agency {
	case "panic in sign":
		panic("on purpose")
	case "bern":
		if im.Algorithm() == merkle.SHA512 {
			return nil, fmt.Errorf("wrapped: %w", &gateway.Error{Status: pdu.InvalidPayload, Message: "bern hashes with sha256"})
		}
	}
	l.mu.Lock()
	r := l.open
	if r.filed[agency] == nil {
		r.filed[agency] = &merkle.Leaves{}
	}
	i := r.filed[agency].Len()
	r.filed[agency].Append(im)
	if len(r.filed) == 1 && i == 0 && !l.frozen {
		time.AfterFunc(2*time.Millisecond, l.close)
	}
	l.mu.Unlock()
	select {
	case <-r.closed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := ksi.Build(ksi.Parts{Round: r.at, Leaf: im, Chains: []merkle.Chain{r.chains[agency][2*i], r.chains[agency][2*i+1]},
		CalendarTime: r.at, Calendar: r.way, Authentication: r.auth})
	if err != nil {
		return nil, err
	}
	return s.Append(nil), nil
}

// close closes the open round.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.open
	r.at = l.frontier.Next()
	l.open = newRound()
	agencies := []string{""} // slot 0 is nobody's, so that there always is a slot tree
	for agency := range r.filed {
		agencies = append(agencies, agency)
	}
	slices.Sort(agencies)
	metadata := func(agency string) []byte {
		m := merkle.Metadata{ClientID: agency, MachineID: "test/ksi", Sequence: 1, TimeMicros: uint64(r.at) * 1e6}
		return m.Append(nil)
	}
	subtrees := make(map[string]subtree)
	slots := merkle.NewSlotTree(uint32(len(agencies)), func(slot uint32) merkle.Digest {
		if slot == 0 || int(slot) >= len(agencies) {
			return merkle.Blind([32]byte{}, int64(r.at), slot)
		}
		agency := agencies[slot]
		tree := merkle.NewTree(gateway.MaxLevel)
		tree.Append(r.filed[agency])
		kept := make(map[uint8][]merkle.Digest)
		for height, nodes := range tree.Kept() {
			kept[height] = append(kept[height], nodes...)
		}
		subtrees[agency] = subtree{r.filed[agency], kept}
		return merkle.SlotNode(tree.Root(), metadata(agency))
	})
	r.chains = make(map[string][]merkle.Chain)
	for slot, agency := range agencies[1:] {
		n := uint64(r.filed[agency].Len())
		for i := range n {
			path, err := merkle.ProveLeaf(subtrees[agency], gateway.MaxLevel, n, i)
			if err != nil {
				l.tb.Error(err)
			}
			path = append(path, merkle.IssuerLink(metadata(agency), gateway.MaxLevel, n))
			r.chains[agency] = append(r.chains[agency], path, slots.Chain(uint32(slot)+1))
		}
	}
	leaf := slots.Root()
	l.frontier.Append(leaf)
	l.leaves[r.at] = leaf
	for _, n := range l.frontier.Kept() {
		l.nodes[calendar.Node{Height: n.Height, Index: n.Index}] = n.Digest
	}
	var err error
	if r.way, err = calendar.Prove(l, r.at, r.at); err != nil {
		l.tb.Error(err)
	}
	r.auth, err = ksi.SignAuthentication(nil, calendarKey(), l.cert, ksi.Publication{Time: r.at, Root: l.frontier.Root().Imprint()})
	if err != nil {
		l.tb.Error(err)
	}
	close(r.closed)
}

// waiting returns how many leaves the open round has.
func (l *ledger) waiting() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leaves := range l.open.filed {
		n += leaves.Len()
	}
	return n
}

// freeze makes rounds close when close is called only.
func (l *ledger) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
}

// A subtree is what is stored of a slot in a round.
type subtree struct {
	leaves *merkle.Leaves
	kept   map[uint8][]merkle.Digest // by height
}

func (s subtree) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	for i := range n {
		dst.Append(s.leaves.At(int(first) + i))
	}
	return nil
}

func (s subtree) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	copy(dst, s.kept[height][first:])
	return nil
}

// ReadLeaves and ReadNodes read the calendar; the caller holds mu.
func (l *ledger) ReadLeaves(dst []merkle.Digest, first calendar.Second) error {
	for i := range dst {
		dst[i] = l.leaves[first+calendar.Second(i)]
	}
	return nil
}

func (l *ledger) ReadNodes(dst []merkle.Digest, height uint8, first uint64) error {
	for i := range dst {
		n, ok := l.nodes[calendar.Node{Height: height, Index: first + uint64(i)}]
		if !ok {
			n = calendar.ZeroNode(height)
		}
		dst[i] = n
	}
	return nil
}

func (l *ledger) CalendarChain(_ context.Context, from, to calendar.Second) (calendar.Chain, merkle.Digest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.first || from > to || to >= l.frontier.Next() {
		l.tb.Errorf("chain from %d to %d", from, to)
	}
	chain, err := calendar.Prove(l, from, to)
	return chain, l.leaves[from], err
}

func (l *ledger) Extent() (first, closed, open calendar.Second) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first, l.frontier.Next() - 1, l.frontier.Next()
}

func (l *ledger) PublicationsFile(context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.file == nil:
		return nil, &gateway.Error{Status: pdu.InvalidRequest, Message: "nothing is published yet"}
	case len(l.file) == 0:
		return nil, fmt.Errorf("disk of %s on fire", "somebody")
	}
	return l.file, nil
}

// document returns the imprint of document i.
func document(i int) merkle.Imprint {
	return merkle.Digest(sha256.Sum256(fmt.Appendf(nil, "document %d", i))).Imprint()
}
