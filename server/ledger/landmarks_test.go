package ledger

import (
	"bytes"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// A counter counts what is read of a calendar.
type counter struct {
	calendarReader
	nodes, leaves int
}

func (c *counter) ReadCalendarNodes(dst []merkle.Digest, height uint8, first uint64) error {
	c.nodes += len(dst)
	return c.calendarReader.ReadCalendarNodes(dst, height, first)
}

func (c *counter) ReadCalendarLeaves(dst []merkle.Digest, first calendar.Second) error {
	c.leaves += len(dst)
	return c.calendarReader.ReadCalendarLeaves(dst, first)
}

// TestLandmarksKept sees to it that a file of landmarks reads what is new alone, stays the same while nothing is, and has the bytes that a ledger
// gives which has just been opened.
func TestLandmarksKept(t *testing.T) {
	w := newWorld(t)
	read := &counter{calendarReader: w.store}
	w.ledger.landmarks.store = read
	first := landmark.BlockOf(w.ledger.genesis.First)
	file := func(what string, nodes, leaves int) []byte {
		t.Helper()
		*read = counter{calendarReader: w.store}
		f, err := w.ledger.LandmarksFile(0)
		if err != nil {
			t.Fatal(err)
		}
		if read.nodes != nodes || read.leaves != leaves {
			t.Errorf("%s: %d landmarks and %d seconds were read, want %d and %d", what, read.nodes, read.leaves, nodes, leaves)
		}
		data := f.Append(nil)
		key, cert := testKey()
		fresh, err := Open(Config{Store: w.store, Index: w.ledger.index, Key: key, Certificate: cert, Clock: w.clock, Logger: w.ledger.log})
		if err != nil {
			t.Fatal(err)
		}
		want, err := fresh.LandmarksFile(0)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, want.Append(nil)) {
			t.Errorf("%s: other bytes than those of a ledger that has just been opened", what)
		}
		return data
	}
	rest := func(s calendar.Second) int { return int(uint64(s+1) % landmark.BlockSeconds) }
	round := w.file(request("canton", LaneMain, leaves(1, 3)))[0].Round
	w.passTo(landmark.Last(first + 2))
	was := file("three blocks", 3, rest(round))
	w.pass(20)
	if again := file("some seconds later", 0, 0); !bytes.Equal(again, was) {
		t.Error("the file changed though no block was closed")
	}
	p, err := w.ledger.Publish(t.Context(), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	file("published", 0, rest(p.Time))
	if _, err := w.ledger.Publish(t.Context(), p.Time, []string{"Amtsblatt 3"}); err != nil {
		t.Fatal(err)
	}
	file("a reference to the publication", 0, 0)
	w.passTo(landmark.Last(first + 3))
	file("another block", 1, 0)
	old, err := w.ledger.Publish(t.Context(), round+7, nil)
	if err != nil {
		t.Fatal(err)
	}
	file("an older second published", 0, rest(old.Time))
	round = w.file(request("canton", LaneMain, leaves(5, 1)))[0].Round
	w.passTo(landmark.Last(first + 5))
	file("two blocks, and a round in one", 2, rest(round))
}
