package landmark_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// rounds makes a calendar with a round in every third second of every block but each fourth, from a block on.
func rounds(t testing.TB, first uint64, blocks int) *calendar.Part {
	t.Helper()
	part := &calendar.Part{}
	for s := landmark.First(first); s < landmark.First(first+uint64(blocks)); s++ {
		if s%3 != 0 || landmark.BlockOf(s)%4 == 3 {
			continue
		}
		if err := part.Append(s, sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(s)))); err != nil {
			t.Fatal(err)
		}
	}
	return part
}

// contents makes what a file is made of, with the calendar roots as of ends.
func contents(t testing.TB, part *calendar.Part, first uint64, blocks int, ends ...calendar.Second) landmark.Contents {
	t.Helper()
	c := landmark.Contents{Server: "ledger.example", First: first, Marks: make([]merkle.Digest, blocks)}
	if err := part.ReadNodes(c.Marks, landmark.Height, first); err != nil {
		t.Fatal(err)
	}
	for _, s := range ends {
		leaves := make([]merkle.Digest, uint64(s+1)%landmark.BlockSeconds)
		if err := part.ReadLeaves(leaves, s+1-calendar.Second(len(leaves))); err != nil {
			t.Fatal(err)
		}
		e, err := landmark.NewEnd(s, leaves)
		if err != nil {
			t.Fatal(err)
		}
		c.Ends = append(c.Ends, e)
	}
	return c
}

func newFile(t testing.TB, c landmark.Contents) *landmark.File {
	t.Helper()
	f, err := landmark.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSmallCalendars compares every root and every path of files over small calendars with those that package calendar computes
// from the leaves.
func TestSmallCalendars(t *testing.T) {
	for _, first := range []uint64{0, 1, 5, 6, 7, 8, 7012930} {
		for n := 1; n <= 6; n++ {
			part := rounds(t, first, n+1)
			edge := landmark.First(first + uint64(n))
			ends := []calendar.Second{landmark.First(first) + 1, landmark.Last(first), edge - 100, edge - 1, edge + 6, edge + 254}
			if n == 1 {
				ends = []calendar.Second{landmark.First(first) + 1, edge - 1, edge + 254}
			}
			f := newFile(t, contents(t, part, first, n, ends...))
			checkFile(t, f, part)
			for block := first; block < first+uint64(n); block++ {
				later, err := f.Since(block)
				if err != nil {
					t.Fatal(err)
				}
				checkFile(t, later, part)
			}
		}
	}
}

// TestGrow sees to it that files which grew, by any steps, are those that are made at once, and that what they grew from stays as it was.
func TestGrow(t *testing.T) {
	for _, first := range []uint64{0, 1, 6, 7, 7012930} {
		const most = 9
		part := rounds(t, first, most)
		whole := func(n int) landmark.Contents {
			return contents(t, part, first, n, landmark.First(first)+1, landmark.Last(first+uint64(n)-1))
		}
		var before []*landmark.File
		for n := 1; n <= most; n++ {
			want := newFile(t, whole(n))
			for k, f := range before {
				c := whole(n)
				c.First, c.Marks = first+uint64(k+1), c.Marks[k+1:]
				grown, err := f.Grow(c)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(grown.Append(nil), want.Append(nil)) {
					t.Errorf("from block %d, %d grown to %d blocks: other bytes", first, k+1, n)
				}
				checkFile(t, grown, part)
				checkFile(t, f, part)
				c.First++
				if _, err := f.Grow(c); err == nil {
					t.Errorf("block %d was taken to follow %d blocks from %d", c.First, k+1, first)
				}
			}
			before = append(before, want)
		}
	}
}

func checkFile(t *testing.T, f *landmark.File, part *calendar.Part) {
	t.Helper()
	parsed, err := landmark.Parse(f.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	first, n := parsed.Blocks()
	for i, second := range parsed.Ends() {
		want, err := calendar.RootAt(part, second)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Root(i); got.Time != second || got.Root != want.Imprint() {
			t.Fatalf("%s: root %s, want %s", parsed.Summary(), got.Root, want)
		}
		for block := first; block < first+uint64(n); block++ {
			chain := parsed.Path(block, i)
			if complete := landmark.Last(block) <= second; complete != (chain != nil) && !(first == 0 && n == 1) {
				t.Fatalf("%s: block %d as of %s: chain of %d", parsed.Summary(), block, second, len(chain))
			} else if !complete {
				continue
			}
			mark, _ := parsed.Landmark(block)
			if got := chain.Root(mark); got != want {
				t.Fatalf("%s: block %d leads to %s as of %s, want %s", parsed.Summary(), block, got, second, want)
			}
		}
	}
}

// TestDetail sees to it that every second of a block leads to its landmark, and no second to it with another root.
func TestDetail(t *testing.T) {
	part := rounds(t, 100, 1)
	d := &landmark.Detail{Block: 100}
	if err := part.ReadLeaves(d.Roots[:], landmark.First(100)); err != nil {
		t.Fatal(err)
	}
	var mark [1]merkle.Digest
	if err := part.ReadNodes(mark[:], landmark.Height, 100); err != nil {
		t.Fatal(err)
	}
	data := d.Append(nil)
	again, err := landmark.ParseDetail(data)
	if err != nil || *again != *d || d.Landmark() != mark[0] {
		t.Fatalf("read again: %v", err)
	}
	for i, root := range d.Roots {
		s := d.Siblings(landmark.First(100) + calendar.Second(i))
		other := root
		other[7] ^= 1
		if s.Root(landmark.First(100)+calendar.Second(i), root) != mark[0] || s.Root(landmark.First(100)+calendar.Second(i), other) == mark[0] {
			t.Fatalf("second %d does not lead to the landmark", i)
		}
	}
	for i := range data {
		b := bytes.Clone(data)
		b[i] ^= 1
		if d, err := landmark.ParseDetail(b); err == nil && d.Landmark() == mark[0] && d.Block == 100 {
			t.Fatalf("byte %d changed, and it is the same landmark", i)
		}
	}
	if _, err := landmark.ParseDetail(data[:len(data)-1]); !errors.Is(err, landmark.ErrFormat) {
		t.Errorf("cut: %v", err)
	}
}

var key = sync.OnceValues(func() (*rsa.PrivateKey, ksi.Certificate) {
	at := landmark.First(100).Time()
	return ksitest.NewKey(1024, "ledger.example", at, at)
})

func signed(p ksi.Publication) (*ksi.Authentication, error) {
	key, cert := key()
	return ksi.SignAuthentication(rand.Reader, key, cert, p)
}

func TestVerify(t *testing.T) {
	part := rounds(t, 100, 6)
	published, newest := landmark.First(102)+77, landmark.First(105)+9
	c := contents(t, part, 100, 5, published, newest)
	c.Authentication = signed
	f := newFile(t, c)
	_, cert := key()
	trusted := []ksi.Certificate{cert}
	check := func(o landmark.Options, want ...landmark.BasisKind) {
		t.Helper()
		s, err := f.Verify(o)
		if err != nil {
			t.Fatal(err)
		}
		for i, kind := range want {
			block := 100 + uint64(i)
			b := s.Basis(block)
			mark, _ := s.Landmark(block)
			if b.Kind != kind || kind != landmark.Unvouched && s.Chain(block, b).Root(mark).Imprint() != b.Root {
				t.Errorf("block %d rests on %v, want %s", block, b, kind)
			}
		}
	}
	none, byKey, out := landmark.Unvouched, landmark.ByKey, landmark.ByPublication
	check(landmark.Options{}, none, none, none, none, none, none)
	check(landmark.Options{Certificates: trusted}, byKey, byKey, byKey, byKey, byKey, none)
	check(landmark.Options{Publications: []ksi.Publication{f.Root(0)}}, out, out, none, none, none)
	check(landmark.Options{Publications: []ksi.Publication{f.Root(0)}, Certificates: trusted}, out, out, byKey, byKey, byKey)
	check(landmark.Options{Publications: []ksi.Publication{f.Root(1)}, Certificates: trusted}, out, out, out, out, out)
	other := f.Root(0)
	other.Time = newest
	if _, err := f.Verify(landmark.Options{Publications: []ksi.Publication{other}}); !errors.Is(err, landmark.ErrOther) {
		t.Errorf("another root was published: %v", err)
	}
	// A landmark that is changed, by who can make the file anew, gives another root.
	c.Marks[1][0] ^= 1
	c.Authentication = func(ksi.Publication) (*ksi.Authentication, error) { return signed(f.Root(1)) }
	false1 := newFile(t, c)
	for _, o := range []landmark.Options{{Certificates: trusted}, {Publications: []ksi.Publication{f.Root(0)}}} {
		if _, err := false1.Verify(o); !errors.Is(err, landmark.ErrOther) {
			t.Errorf("a landmark was changed: %v", err)
		}
	}
}

// sum puts the right SHA-256 behind data.
func sum(data []byte) []byte {
	s := sha256.Sum256(data)
	return append(bytes.Clone(data), s[:]...)
}

// TestMangled changes every byte of a file, with and without a SHA-256 that fits: what is read still is written back, and no
// landmark is changed unseen.
func TestMangled(t *testing.T) {
	part := rounds(t, 100, 4)
	c := contents(t, part, 101, 2, landmark.First(102)+77, landmark.First(103)+9)
	c.Authentication = signed
	data := newFile(t, c).Append(nil)
	body := data[:len(data)-sha256.Size]
	for i := range data {
		b := bytes.Clone(data)
		b[i] ^= 1
		if _, err := landmark.Parse(b); err == nil {
			t.Fatalf("byte %d changed: read", i)
		}
		if _, err := landmark.Parse(data[:i]); err == nil {
			t.Fatalf("cut at %d: read", i)
		}
	}
	for i := range body {
		b := bytes.Clone(body)
		b[i] ^= 1
		checkParsed(t, sum(b))
		checkParsed(t, sum(body[:i]))
	}
}

func checkParsed(t *testing.T, data []byte) {
	t.Helper()
	f, err := landmark.Parse(data)
	if err != nil {
		if !errors.Is(err, landmark.ErrFormat) && !errors.Is(err, landmark.ErrVersion) {
			t.Fatalf("%x: %v", data, err)
		}
		return
	}
	if !bytes.Equal(f.Append(nil), data) {
		t.Fatalf("%x was read, %x written", data, f.Append(nil))
	}
	for i := range f.Ends() {
		f.Root(i)
	}
}

func FuzzParse(f *testing.F) {
	part := rounds(f, 5, 4)
	small := newFile(f, contents(f, part, 5, 3, landmark.First(6)+77, landmark.First(8)))
	later, err := small.Since(6)
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range []*landmark.File{small, later} {
		data := x.Append(nil)
		f.Add(data[:len(data)-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkParsed(t, sum(body)) })
}

// TestYear measures the file of a year of full activity.
func TestYear(t *testing.T) {
	const blocks = 365 * 86400 / landmark.BlockSeconds
	c := landmark.Contents{Server: "ledger.example", First: 7012930, Marks: make([]merkle.Digest, blocks)}
	for i := range c.Marks {
		binary.BigEndian.PutUint64(c.Marks[i][:], uint64(i)+1)
	}
	e, err := landmark.NewEnd(landmark.Last(c.First+blocks-1), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Ends = []landmark.End{e}
	data := newFile(t, c).Append(nil)
	if _, err := landmark.Parse(data); err != nil {
		t.Error(err)
	}
	if len(data) > 3_960_000 {
		t.Errorf("%d bytes", len(data))
	}
	t.Logf("%d blocks take %d bytes", blocks, len(data))
}
