package storage_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// fill returns the digest b, b+1, ….
func fill(b byte) (d merkle.Digest) {
	for i := range d {
		d[i] = b + byte(i)
	}
	return d
}

// everyAttribute is a role that has each.
func everyAttribute(until time.Time) storage.Role {
	return storage.Role{Name: "auditor", Kind: storage.Auditor, Number: 1, NoLogin: true, Limited: true, Connections: 3, ValidUntil: until,
		Verifier: "SCRAM-SHA-256$4096:c2FsdA==$a:b",
		Limits:   storage.RoleLimits{StatementTimeout: 1000, IdleInTransaction: 2000, IdleSession: 3000, Memory: 4096}}
}

// goldenJournal is two lines, and the day of both.
func goldenJournal(first calendar.Second) []storage.Entry {
	lines := journal(storage.JournalHead{},
		storage.JournalEvent{Time: first.Time(), Times: 1, Event: "start", Detail: "version 0.1"},
		storage.JournalEvent{Time: (first + 1).Time(), Times: 3, Event: "login failed", Actor: "jura", Address: "192.0.2.7",
			Object: "jurat", Detail: "wrong password, é"})
	return append(lines, storage.FileJournalDay{JournalDay: storage.JournalDay{Day: storage.Day(first.Time()), Last: 2,
		Hash: hashOf(lines[1]), Leaf: storage.Position{Round: first + 30}}})
}

// golden proposes fixed entries: every kind of key with values that do not depend on keys or chance.
func golden(t *testing.T, fs vfs.FS) *storage.Store {
	t.Helper()
	const first = 1024*1_600_000 + 1000
	leaves := func(sizes ...int) (l merkle.Leaves) {
		for i, size := range sizes {
			alg := map[int]merkle.Algorithm{20: merkle.RIPEMD160, 32: merkle.SHA256, 48: merkle.SHA384}[size]
			im, err := merkle.NewImprint(alg, bytes.Repeat([]byte{byte(0x10*i + 1)}, size))
			if err != nil {
				t.Fatal(err)
			}
			l.Append(im)
		}
		return l
	}
	s := create(t, fs, storage.Genesis{Server: "golden.example", First: first, BlindingKey: [32]byte(fill(0xb0))})
	record := func(second int64, firstLeaf uint64, slots ...storage.SlotRound) storage.RoundRecord {
		return storage.RoundRecord{Round: first + calendar.Second(second), Root: fill(byte(second)), FirstLeaf: firstLeaf,
			SlotCount: 2, Slots: slots, Certificate: []byte{0xca, 0xfe, 0xba, 0xbe}, Signature: []byte("signature")}
	}
	imprint := fill(0x77)
	var many merkle.Leaves
	many.AppendDigests(merkle.SHA256, bytes.Repeat([]byte{0x5a}, 256*32))
	for _, group := range [][]storage.Entry{
		{
			storage.AddCertificate{Certificate: storage.Certificate{ID: []byte{0xca, 0xfe, 0xba, 0xbe}, DER: []byte("DER")}},
			storage.CreateRole{Role: storage.Role{Name: "jurat", Kind: storage.Superuser}},
			storage.CreateRole{Role: storage.Role{Name: "jura"}},
			storage.CreateRole{Role: storage.Role{Name: "auditor", Kind: storage.Auditor, Number: 1}},
			storage.ChangeRole{Role: everyAttribute(calendar.Second(first).Time())},
			storage.SetKSIKey{Login: "jura", Key: []byte("anon")},
			storage.CreateSlot{Slot: storage.Slot{ID: 0, Agency: "jura", Lane: "main", Created: first}},
			storage.CreateSlot{Slot: storage.Slot{ID: 1, Agency: "jura", Lane: "ksi", Base: 32, Created: first}},
		},
		{
			storage.AppendLeaves{Round: first, Slot: 0, At: calendar.Second(first).Time(), Leaves: leaves(32, 32)},
			storage.AppendLeaves{Round: first, Slot: 1, At: calendar.Second(first).Time(), Leaves: leaves(48, 20, 32)},
			storage.CloseRound{RoundRecord: record(0, 0,
				storage.SlotRound{Slot: 0, Count: 2, Root: imprint.Imprint(), Ordinal: 1},
				storage.SlotRound{Slot: 1, Count: 3, Root: imprint.Imprint(), Ordinal: 1})},
		},
		{
			storage.AppendLeaves{Round: first + 2, Slot: 1, At: calendar.Second(first).Time(), Leaves: leaves(20)},
			storage.CloseRound{RoundRecord: record(2, 5,
				storage.SlotRound{Slot: 1, Count: 1, Root: leavesRoot(leaves(20)), Ordinal: 2})},
		},
		{
			storage.AppendLeaves{Round: first + 26, Slot: 0, At: calendar.Second(first).Time(), Leaves: many},
			storage.CloseRound{RoundRecord: record(26, 6,
				storage.SlotRound{Slot: 0, Count: 256, Root: imprint.Imprint(), Ordinal: 2}),
				Tiles:    []storage.Tile{{Round: first + 26, Slot: 0, Height: 8, Nodes: []merkle.Digest{fill(0xd0)}}},
				Calendar: []storage.CalendarNode{{Height: 8, Index: (first+26)/256 - 1, Node: fill(0xe0)}},
			},
		},
		{storage.SealBlock{Block: first / 1024}},
		{
			storage.Publish{Publication: storage.Publication{Time: first + 1, Root: fill(0xc1),
				Published: calendar.Second(first + 27).Time().Add(5 * time.Microsecond)}},
			storage.Publish{Publication: storage.Publication{Time: first + 26, Root: fill(0xc0),
				References: []string{"Gazette, 2021-12-04, p. 3", strings.Repeat("é", 150)},
				Published:  calendar.Second(first + 26).Time()}},
		},
		{storage.AppendLeaves{Round: first + 30, Slot: 0, At: calendar.Second(first).Time(), Leaves: leaves(32)}},
		goldenJournal(first),
	} {
		if err := s.Propose(group...); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func leavesRoot(l merkle.Leaves) merkle.Imprint { return l.At(0) }

// TestGolden compares every kind of key and value, explained field by field, with testdata/store.txt.
func TestGolden(t *testing.T) {
	s := golden(t, vfs.NewMem())
	defer s.Close()
	var out strings.Builder
	it, err := s.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		key, err := storage.ParseKey(it.Key())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(key.Append(nil), it.Key()) {
			t.Fatalf("key %x is read as %v and written as %x", it.Key(), key, key.Append(nil))
		}
		value := it.Value()
		fmt.Fprintf(&out, "%x    # %s\n", it.Key(), key)
		next := 0
		err = storage.Inspect(key, value, func(from, to int, text string) {
			if from != next {
				t.Errorf("%s: bytes %d to %d are skipped", key, next, from)
			}
			next = to
			raw := hex.EncodeToString(value[from:to])
			if len(raw) > 80 {
				raw = raw[:16] + "…" + raw[len(raw)-64:]
			}
			fmt.Fprintf(&out, "  %03d-%03d: %s    # %s\n", from, to, raw, text)
		})
		if err != nil || next != len(value) {
			t.Fatalf("%s: %d bytes of %d explained: %v", key, next, len(value), err)
		}
	}
	const path = "testdata/store.txt"
	if *rewrite {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Fatalf("the stored form differs from %s; if that is meant, -rewrite it. Now:\n%s", path, out.String())
	}
}

// TestVersions raises the version byte of every value: each is refused, and named.
func TestVersions(t *testing.T) {
	fs := vfs.NewMem()
	s := golden(t, fs)
	type pair struct{ key, value []byte }
	var all []pair
	it, err := s.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		all = append(all, pair{bytes.Clone(it.Key()), bytes.Clone(it.Value())})
	}
	it.Close()
	for _, p := range all {
		key, _ := storage.ParseKey(p.key)
		newer := bytes.Clone(p.value)
		newer[0] = 2
		if key.Kind == storage.KindRole || key.Kind == storage.KindMeta && key.Group == storage.GroupJournal {
			newer[0] = 3
		}
		set := func(value []byte) {
			if err := s.DB().Set(p.key, value, pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		set(newer)
		s.Close()
		err := readAll(fs)
		if !errors.Is(err, storage.ErrVersion) || !strings.Contains(err.Error(), fmt.Sprintf("offset 0: version %d", newer[0])) {
			t.Errorf("%s: %v", key, err)
		}
		db, err := pebble.Open("store/db", &pebble.Options{FS: fs, Logger: quiet{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Set(p.key, p.value, pebble.Sync), db.Close()); err != nil {
			t.Fatal(err)
		}
		if s, err = storage.Open("store", options(fs)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
}

type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(format) }

// readAll opens a store and reads what there is to read until the first error.
func readAll(fs vfs.FS) error {
	s, err := storage.Open("store", options(fs))
	if err != nil {
		return err
	}
	defer s.Close()
	leaves, err := s.Leaves(storage.LeafScan{To: 1 << 40})
	if err != nil {
		return err
	}
	defer leaves.Close()
	for leaves.Next() {
	}
	if err := leaves.Err(); err != nil {
		return err
	}
	for _, slots := range [][]uint32{nil, {0, 1}} {
		rounds, err := s.Rounds(storage.RoundScan{To: 1 << 40, Roots: true, Counts: true, Slots: slots})
		if err != nil {
			return err
		}
		defer rounds.Close()
		for rounds.Next() {
			for _, round := range rounds.Batch().Round {
				r, err := s.Round(round)
				if err != nil {
					return err
				}
				if _, err := s.LeafNumber(r.FirstLeaf); err != nil {
					return err
				}
				for _, x := range r.Slots {
					if err := s.ReadNodes(make([]merkle.Digest, x.Count>>8), round, x.Slot, 8, 0); err != nil {
						return err
					}
				}
			}
		}
		if err := rounds.Err(); err != nil {
			return err
		}
	}
	var bad error
	if err := s.ReadJournal(1, 1<<40, false, func(_ storage.JournalLine, err error) bool {
		bad = err
		return err == nil
	}); err != nil || bad != nil {
		return errors.Join(err, bad)
	}
	first := uint64(s.Genesis().First)
	return s.ReadCalendarNodes(make([]merkle.Digest, uint64(s.Closed())/256-first/256), 8, first/256)
}
