package landmark_test

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// TestIdleMemory: a file of the most blocks there may be, all of them idle, is read, and takes memory in proportion to its bytes.
func TestIdleMemory(t *testing.T) {
	const most = 40 // bytes for each of the file
	body := append([]byte("JURATLMK"), 1, 1, 'x')
	body = binary.BigEndian.AppendUint64(body, 0)
	body = binary.BigEndian.AppendUint32(body, landmark.MaxBlocks)
	body = binary.BigEndian.AppendUint64(body, 0)
	body = append(body, make([]byte, landmark.MaxBlocks/8)...)
	end := landmark.Last(landmark.MaxBlocks - 1)
	body = binary.BigEndian.AppendUint16(body, 1)
	body = binary.BigEndian.AppendUint64(body, uint64(end))
	body = append(body, 0, 0, 0)
	data := sum(body)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := landmark.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > most*uint64(len(data)) {
		t.Errorf("a file of %d bytes takes %d", len(data), after.TotalAlloc-before.TotalAlloc)
	}
	if root := f.Root(0); root.Root != calendar.ZeroNode(32).Imprint() {
		t.Errorf("root %s", root.Root)
	}
}

// TestRowsFar: nodes far from one another give the roots that the leaves give, also in a file that grows and in one that begins later.
func TestRowsFar(t *testing.T) {
	const first, blocks = 7012931, 300
	part := &calendar.Part{}
	for _, block := range []uint64{first, first + 63, first + 64, first + 129, first + 298} {
		if err := part.Append(landmark.First(block)+9, [32]byte{byte(block), 1}); err != nil {
			t.Fatal(err)
		}
	}
	ends := []calendar.Second{landmark.First(first+70) + 3, landmark.Last(first+blocks-1) + 7}
	whole := newFile(t, contents(t, part, first, blocks, ends...))
	short := newFile(t, contents(t, part, first, 100, landmark.Last(first+99)))
	more := contents(t, part, first+100, blocks-100)
	more.Ends = contents(t, part, first, blocks, ends...).Ends
	grown, err := short.Grow(more)
	if err != nil {
		t.Fatal(err)
	}
	later, err := whole.Since(first + 64)
	if err != nil {
		t.Fatal(err)
	}
	if string(grown.Append(nil)) != string(whole.Append(nil)) {
		t.Error("the file that grew is another one")
	}
	for _, f := range []*landmark.File{whole, grown, later} {
		for i, second := range ends {
			root, err := calendar.RootAt(part, second)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Root(i); got.Root != root.Imprint() {
				t.Errorf("as of %s: %s, want %s", second, got.Root, root)
			}
		}
	}
}
