package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// A twin keeps what entries say in plain maps and answers every question by looking at all of it.
type twin struct {
	closed calendar.Second
	slots  []storage.Slot
	roles  map[string]storage.Role
	keys   map[string]string // KSI keys by login
	pubs   map[calendar.Second]storage.Publication
	certs  []storage.Certificate
	lines  []storage.JournalLine
	days   []storage.JournalDay
	leaves []twinLeaf // in order of round, slot, index once check has begun
	sorted bool
	rounds map[calendar.Second]storage.RoundRecord
	tiles  map[string]merkle.Digest // "round slot height index"
	nodes  map[string]merkle.Digest // "height index"
}

type twinLeaf struct {
	storage.Position
	imprint merkle.Imprint
	at      time.Time
}

func newTwin(g storage.Genesis) *twin {
	return &twin{
		closed: g.First - 1,
		roles:  make(map[string]storage.Role),
		keys:   make(map[string]string),
		pubs:   make(map[calendar.Second]storage.Publication),
		rounds: make(map[calendar.Second]storage.RoundRecord),
		tiles:  make(map[string]merkle.Digest),
		nodes:  make(map[string]merkle.Digest),
	}
}

func comparePositions(a, b storage.Position) int {
	if c := int(a.Round - b.Round); c != 0 {
		return c
	}
	if c := int(a.Slot) - int(b.Slot); c != 0 {
		return c
	}
	return int(a.Index) - int(b.Index)
}

func (tw *twin) apply(entries ...storage.Entry) {
	for _, e := range entries {
		switch e := e.(type) {
		case storage.AppendLeaves:
			for i := range e.Leaves.Len() {
				tw.leaves = append(tw.leaves, twinLeaf{storage.Position{Round: e.Round, Slot: e.Slot, Index: e.First + uint64(i)},
					e.Leaves.At(i), e.At})
			}
			tw.sorted = false
		case storage.CloseRound:
			tw.closed = e.Round
			tw.rounds[e.Round] = e.RoundRecord
			tw.keepTiles(e.Tiles)
			tw.keep(e.Calendar)
		case storage.KeepTiles:
			tw.keepTiles(e.Tiles)
		case storage.CloseIdle:
			tw.closed = e.Through
			tw.keep(e.Calendar)
		case storage.CreateSlot:
			tw.slots = append(tw.slots, e.Slot)
		case storage.CreateRole:
			tw.roles[e.Name] = e.Role
		case storage.ChangeRole:
			tw.roles[e.Name] = e.Role
		case storage.SetKSIKey:
			tw.keys[e.Login] = string(e.Key)
		case storage.Publish:
			tw.pubs[e.Time] = e.Publication
		case storage.AddCertificate:
			tw.certs = append(tw.certs, e.Certificate)
		case storage.AppendJournal:
			tw.lines = append(tw.lines, e.JournalLine)
		case storage.FileJournalDay:
			tw.days = append(tw.days, e.JournalDay)
		case storage.SealBlock:
		}
	}
}

func (tw *twin) keepTiles(tiles []storage.Tile) {
	for _, t := range tiles {
		for i, n := range t.Nodes {
			tw.tiles[fmt.Sprint(t.Round, t.Slot, t.Height, t.Index*storage.TileNodes+uint64(i))] = n
		}
	}
}

func (tw *twin) keep(nodes []storage.CalendarNode) {
	for _, n := range nodes {
		tw.nodes[fmt.Sprint(n.Height, n.Index)] = n.Node
	}
}

// check compares every reader of the store with the twin.
func (tw *twin) check(t testing.TB, s *storage.Store) {
	t.Helper()
	if !tw.sorted {
		slices.SortFunc(tw.leaves, func(a, b twinLeaf) int { return comparePositions(a.Position, b.Position) })
		tw.sorted = true
	}
	if s.Closed() != tw.closed {
		t.Fatalf("closed through %s, want %s", s.Closed(), tw.closed)
	}
	if got := s.Slots(); !slices.Equal(got, tw.slots) {
		t.Fatalf("slots %v, want %v", got, tw.slots)
	}
	for _, r := range s.Roles() {
		if got, ok := s.Role(r.Name); tw.roles[r.Name] != r || got != r || !ok {
			t.Fatalf("role %v", r)
		}
	}
	if len(s.Roles()) != len(tw.roles) {
		t.Fatalf("%d roles, want %d", len(s.Roles()), len(tw.roles))
	}
	if !slices.EqualFunc(s.Certificates(), tw.certs, func(a, b storage.Certificate) bool {
		return bytes.Equal(a.ID, b.ID) && bytes.Equal(a.DER, b.DER)
	}) {
		t.Fatal("certificates differ")
	}
	tw.checkKeys(t, s)
	tw.checkJournal(t, s)
	tw.checkPublications(t, s)
	tw.checkOpen(t, s)
	tw.checkLeaves(t, s)
	tw.checkRounds(t, s)
	tw.checkNodes(t, s)
	tw.checkCalendar(t, s)
}

func (tw *twin) checkKeys(t testing.TB, s *storage.Store) {
	t.Helper()
	var logins []string
	for login, want := range tw.keys {
		got, ok := s.KSIKey(login)
		if string(got) != want || ok != (want != "") {
			t.Fatalf("KSI key of %q is %q, want %q", login, got, want)
		}
		if ok {
			logins = append(logins, login)
		}
	}
	slices.Sort(logins)
	if got := s.KSILogins(); !slices.Equal(got, logins) {
		t.Fatalf("KSI logins %q, want %q", got, logins)
	}
}

func (tw *twin) checkPublications(t testing.TB, s *storage.Store) {
	t.Helper()
	got := s.Publications()
	if len(got) != len(tw.pubs) {
		t.Fatalf("%d publications, want %d", len(got), len(tw.pubs))
	}
	for i, p := range got {
		want := tw.pubs[p.Time]
		if p.Root != want.Root || !slices.Equal(p.References, want.References) || !p.Published.Equal(want.Published) ||
			i > 0 && got[i-1].Time >= p.Time {
			t.Fatalf("publication %d is %+v, want %+v", i, p, want)
		}
	}
}

func (tw *twin) checkOpen(t testing.TB, s *storage.Store) {
	t.Helper()
	want := make(map[calendar.Second]map[uint32]uint64)
	for _, l := range tw.leaves {
		if l.Round > tw.closed {
			if want[l.Round] == nil {
				want[l.Round] = make(map[uint32]uint64)
			}
			want[l.Round][l.Slot]++
		}
	}
	got := s.OpenRounds()
	if len(got) != len(want) {
		t.Fatalf("open rounds %v, want %v", got, want)
	}
	for i, o := range got {
		if fmt.Sprint(o.Counts) != fmt.Sprint(want[o.Round]) || i > 0 && got[i-1].Round >= o.Round {
			t.Fatalf("open rounds %v, want %v", got, want)
		}
	}
}

// checkLeaves compares leaves one by one, all those at the ends of slots among them, and ranges of them.
func (tw *twin) checkLeaves(t testing.TB, s *storage.Store) {
	t.Helper()
	number := uint64(0)
	step := 1 + len(tw.leaves)/200
	for i, want := range tw.leaves {
		if want.Round <= tw.closed {
			number++
		}
		last := i+1 == len(tw.leaves) || tw.leaves[i+1].Index == 0
		if i%step != 0 && !last {
			continue
		}
		im, at, err := s.Leaf(want.Round, want.Slot, want.Index)
		if err != nil || im != want.imprint || !at.Equal(want.at) {
			t.Fatalf("leaf %v: %v at %v, %v; want %v at %v", want.Position, im, at, err, want.imprint, want.at)
		}
		if last {
			if _, _, err := s.Leaf(want.Round, want.Slot, want.Index+1); !errors.Is(err, storage.ErrNotFound) {
				t.Fatalf("leaf after %v: %v", want.Position, err)
			}
			tw.checkSlotLeaves(t, s, tw.leaves[i-int(want.Index):i+1])
		}
		if want.Round <= tw.closed {
			if p, err := s.LeafNumber(number - 1); err != nil || p != want.Position {
				t.Fatalf("leaf number %d: %v, %v; want %v", number-1, p, err, want.Position)
			}
		}
	}
	if n := s.TotalLeaves(); n != number {
		t.Fatalf("%d leaves, want %d", n, number)
	}
	if _, err := s.LeafNumber(number); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("leaf number %d: %v", number, err)
	}
}

// checkSlotLeaves reads some ranges of the leaves of one slot in one round.
func (tw *twin) checkSlotLeaves(t testing.TB, s *storage.Store, want []twinLeaf) {
	t.Helper()
	p := want[0].Position
	for _, r := range [][2]int{{0, len(want)}, {len(want) / 3, len(want) / 2}, {len(want) - 1, len(want)}, {0, 0}} {
		var got merkle.Leaves
		if _, err := s.ReadAccepted(&got, p.Round, p.Slot, uint64(r[0]), r[1]-r[0]); err != nil || got.Len() != r[1]-r[0] {
			t.Fatalf("leaves %v of round %s, slot %d: %d, %v", r, p.Round, p.Slot, got.Len(), err)
		}
		for i := range got.Len() {
			if got.At(i) != want[r[0]+i].imprint {
				t.Fatalf("leaf %d of round %s, slot %d differs", r[0]+i, p.Round, p.Slot)
			}
		}
	}
	var got merkle.Leaves
	if _, err := s.ReadAccepted(&got, p.Round, p.Slot, 0, len(want)+1); err == nil {
		t.Fatalf("round %s, slot %d: more leaves than filed", p.Round, p.Slot)
	}
}

func (tw *twin) checkRounds(t testing.TB, s *storage.Store) {
	t.Helper()
	for round, want := range tw.rounds {
		got, err := s.Round(round)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %s: %v, %v; want %v", round, got, err, want)
		}
		if _, ok := tw.rounds[round+1]; !ok {
			if _, err := s.Round(round + 1); !errors.Is(err, storage.ErrNotFound) {
				t.Fatalf("idle round %s: %v", round+1, err)
			}
		}
	}
}

func (tw *twin) checkNodes(t testing.TB, s *storage.Store) {
	t.Helper()
	for round, r := range tw.rounds {
		for _, x := range r.Slots {
			for h := uint8(8); x.Count>>h > 0; h += 8 {
				n := int(x.Count >> h)
				for _, from := range []int{0, n / 2, n - 1} {
					got := make([]merkle.Digest, n-from)
					if err := s.ReadNodes(got, round, x.Slot, h, uint64(from)); err != nil {
						t.Fatal(err)
					}
					for i := range got {
						if got[i] != tw.tiles[fmt.Sprint(round, x.Slot, h, from+i)] {
							t.Fatalf("round %s: slot %d: node %d of height %d differs", round, x.Slot, from+i, h)
						}
					}
				}
				if err := s.ReadNodes(make([]merkle.Digest, 2), round, x.Slot, h, uint64(n-1)); !errors.Is(err, storage.ErrCorrupt) {
					t.Fatalf("round %s: slot %d: node after the last of height %d: %v", round, x.Slot, h, err)
				}
			}
		}
	}
}

func (tw *twin) checkCalendar(t testing.TB, s *storage.Store) {
	t.Helper()
	first := s.Genesis().First - 50
	got := make([]merkle.Digest, int(tw.closed-first)+1)
	if err := s.ReadCalendarLeaves(got, first); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		round := first + calendar.Second(i)
		if got[i] != tw.rounds[round].Root {
			t.Fatalf("calendar leaf %s: %s, want %s", round, got[i], tw.rounds[round].Root)
		}
	}
	if err := s.ReadCalendarLeaves(got[:2], tw.closed); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("open calendar leaf: %v", err)
	}
	for h := uint8(8); h <= 16; h += 8 {
		from, to := uint64(first)>>h, uint64(tw.closed+1)>>h
		got := make([]merkle.Digest, to-from)
		if err := s.ReadCalendarNodes(got, h, from); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			want, ok := tw.nodes[fmt.Sprint(h, from+uint64(i))]
			if !ok {
				want = calendar.ZeroNode(h)
			}
			if got[i] != want {
				t.Fatalf("calendar node %d of height %d: %s, want %s", from+uint64(i), h, got[i], want)
			}
		}
		if err := s.ReadCalendarNodes(make([]merkle.Digest, 1), h, to); !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("incomplete calendar node: %v", err)
		}
	}
}
