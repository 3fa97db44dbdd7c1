package landmark

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
	"github.com/jurat-ledger/jurat/merkle/internal/shape"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

const (
	fileMagic = "JURATLMK"
	// MaxBlocks is how many blocks a file holds at most: 136 years.
	MaxBlocks = 1 << 24
	maxEnds   = 1<<16 - 1
	maxServer = 200
	certID    = 4 // bytes of a certificate id
	level     = 0xff
)

// An End is a second as of which the calendar root can be computed.
type End struct {
	Second calendar.Second
	// tail holds the nodes of heights below Height at the right edge: one for each of those bits of Second+1.
	tail map[uint8]merkle.Digest
}

// NewEnd makes the end of a second; leaves are the round roots of the seconds of its block up to it, and none if it is the last of
// its block.
func NewEnd(second calendar.Second, leaves []merkle.Digest) (End, error) {
	if second <= 0 || second > calendar.LastWritable || uint64(len(leaves)) != uint64(second+1)%BlockSeconds {
		return End{}, fmt.Errorf("end at second %d with %d leaves", int64(second), len(leaves))
	}
	e := End{second, make(map[uint8]merkle.Digest)}
	for h := Height - 1; h >= 0; h-- {
		if len(leaves)>>h&1 == 0 {
			continue
		}
		// From the left the highest peak comes first.
		done := len(leaves) >> (h + 1) << (h + 1)
		row := append([]merkle.Digest(nil), leaves[done:done+1<<h]...)
		for ; len(row) > 1; row = row[:len(row)/2] {
			lanes.HashPairs(lanes.Flat(row[:len(row)/2]), lanes.Flat(row), level)
		}
		e.tail[uint8(h)] = row[0]
	}
	return e, nil
}

// A File holds the landmarks of consecutive blocks. It does not change, so that many goroutines may use it.
type File struct {
	server      string
	first       uint64 // block
	before      map[uint8]merkle.Digest
	rows        []*row // rows[h]: nodes over 2^h blocks from number first>>h on; rows[0] are the landmarks
	ends        []End
	certificate [certID]byte
	signature   []byte // of the last end, nil for none
	raw         []byte
}

// Contents are what a file is made of.
type Contents struct {
	Server string
	First  uint64          // block; all seconds before it are idle
	Marks  []merkle.Digest // landmarks from First on
	Ends   []End           // ascending; the last one is the newest second
	// Authentication is the calendar key's signature of the calendar root as of the last end; nil for none.
	Authentication func(ksi.Publication) (*ksi.Authentication, error)
}

// New makes a file. Contents that do not fit one another are an error.
func New(c Contents) (*File, error) {
	f := &File{server: c.Server, first: c.First, rows: []*row{newRow(calendar.ZeroNode(Height), c.Marks)}, ends: c.Ends, before: make(map[uint8]merkle.Digest)}
	for h := uint8(0); c.First>>h != 0; h++ {
		if c.First>>h&1 == 1 {
			f.before[h] = calendar.ZeroNode(Height + h)
		}
	}
	return f, f.finish(nil, c.Authentication)
}

// Grow returns a file of the same calendar that ends later: c.Marks are the landmarks behind those of f, from c.First on, of which there
// may be none, and c.Ends all of its ends. Nodes that f holds are not computed again.
func (f *File) Grow(c Contents) (*File, error) {
	if behind := f.first + uint64(f.rows[0].n); c.Server != f.server || c.First != behind {
		return nil, fmt.Errorf("landmarks: block %d of %s does not follow block %d of %s", c.First, c.Server, behind-1, f.server)
	}
	marks := f.rows[0].clone()
	marks.append(c.Marks)
	g := &File{server: f.server, first: f.first, rows: []*row{marks}, ends: c.Ends, before: f.before}
	return g, g.finish(f.rows, c.Authentication)
}

// finish checks the contents of f and makes what follows from them; known are rows of an earlier file.
func (f *File) finish(known []*row, authentication func(ksi.Publication) (*ksi.Authentication, error)) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("landmarks: %w", err)
	}
	f.build(known)
	if authentication != nil {
		a, err := authentication(f.Root(len(f.ends) - 1))
		if err != nil {
			return fmt.Errorf("landmarks: %w", err)
		}
		if len(a.CertificateID) != certID || len(a.Signature) == 0 || len(a.Signature) > 1<<15 || a.SignatureType != ksi.SHA256WithRSA {
			return errors.New("landmarks: the signature is of a kind that is not written")
		}
		f.certificate, f.signature = [certID]byte(a.CertificateID), a.Signature
	}
	f.raw = f.append(nil)
	return nil
}

// Since returns a file of the same calendar that begins at a later block.
func (f *File) Since(block uint64) (*File, error) {
	if block < f.first || block >= f.first+uint64(f.rows[0].n) {
		return nil, fmt.Errorf("landmarks: block %d is not among %d to %d", block, f.first, f.first+uint64(f.rows[0].n)-1)
	}
	g := *f
	g.first, g.rows, g.before = block, []*row{f.rows[0].from(int(block - f.first))}, make(map[uint8]merkle.Digest)
	for h := uint8(0); block>>h != 0; h++ {
		if block>>h&1 == 1 {
			g.before[h] = f.node(h, block>>h-1)
		}
	}
	g.ends = nil
	for _, e := range f.ends {
		if uint64(e.Second)+1 >= block*BlockSeconds {
			g.ends = append(g.ends, e)
		}
	}
	g.build(nil)
	g.raw = g.append(nil)
	return &g, nil
}

// check returns why a file cannot be written.
func (f *File) check() error {
	n := f.rows[0].n
	switch {
	case f.server == "" || len(f.server) > maxServer || !utf8.ValidString(f.server) || strings.ContainsAny(f.server, "/\x00"):
		return fmt.Errorf("server %q", f.server)
	case n == 0 || n > MaxBlocks || f.first+uint64(n)-1 > maxBlock:
		return fmt.Errorf("%d blocks from %d", n, f.first)
	case len(f.ends) == 0 || len(f.ends) > maxEnds:
		return fmt.Errorf("%d ends", len(f.ends))
	}
	behind := f.first + uint64(n)
	for i, e := range f.ends {
		count := uint64(e.Second) + 1
		if count/BlockSeconds < f.first || count/BlockSeconds > behind || i > 0 && e.Second <= f.ends[i-1].Second {
			return fmt.Errorf("end at second %d does not belong there", int64(e.Second))
		}
		if i == len(f.ends)-1 && count/BlockSeconds != behind {
			return fmt.Errorf("the last end, second %d, is not behind the last block", int64(e.Second))
		}
	}
	return nil
}

// build computes the nodes above the landmarks, but for those that stand in known: the rows of a file that begins where f does.
func (f *File) build(known []*row) {
	below := f.rows[0]
	f.rows = []*row{below}
	for h := 0; below.n > 1 || f.first>>h != 0 && below.n > 0; h++ {
		var before *merkle.Digest
		if f.first>>h&1 == 1 {
			node := f.before[uint8(h)]
			before = &node
		}
		up := &row{zero: calendar.ZeroNode(Height + uint8(h) + 1)}
		if h+1 < len(known) {
			up = known[h+1].clone()
		}
		below.above(up, before)
		f.rows = append(f.rows, up)
		below = up
	}
}

// node returns the root over blocks index<<h to (index+1)<<h.
func (f *File) node(h uint8, index uint64) merkle.Digest {
	if first := f.first >> h; index >= first {
		return f.rows[h].at(int(index - first))
	}
	return f.before[h]
}

// spanRoot returns the root over seconds that form a subtree of the calendar as of an end.
func (f *File) spanRoot(s shape.Span, e *End) (root merkle.Digest) {
	peaks := s.AppendPeaks(nil)
	for i := len(peaks) - 1; i >= 0; i-- {
		var node merkle.Digest
		if p := peaks[i]; p.Height < Height {
			node = e.tail[p.Height]
		} else {
			node = f.node(p.Height-Height, p.Index)
		}
		if i == len(peaks)-1 {
			root = node
			continue
		}
		root = calendar.HashNode(node, root)
	}
	return root
}

// Server returns the name of the ledger.
func (f *File) Server() string { return f.server }

// Blocks returns the number of the first block and how many there are.
func (f *File) Blocks() (first uint64, count int) { return f.first, f.rows[0].n }

// Landmark returns the landmark of a block; ok is false if the file does not hold it. An idle block has calendar.ZeroNode(Height).
func (f *File) Landmark(block uint64) (root merkle.Digest, ok bool) {
	if block < f.first || block-f.first >= uint64(f.rows[0].n) {
		return root, false
	}
	return f.rows[0].at(int(block - f.first)), true
}

// End returns the end of a second, if the file has one there.
func (f *File) End(second calendar.Second) (e End, ok bool) {
	i, ok := slices.BinarySearchFunc(f.ends, second, func(e End, s calendar.Second) int { return cmp.Compare(e.Second, s) })
	if ok {
		e = f.ends[i]
	}
	return e, ok
}

// Ends returns the seconds as of which the file gives the calendar root, ascending.
func (f *File) Ends() []calendar.Second {
	seconds := make([]calendar.Second, len(f.ends))
	for i, e := range f.ends {
		seconds[i] = e.Second
	}
	return seconds
}

// Root returns the calendar root as of end i.
func (f *File) Root(i int) ksi.Publication {
	e := &f.ends[i]
	return ksi.Publication{Time: e.Second, Root: f.spanRoot(shape.Span{Count: uint64(e.Second) + 1}, e).Imprint()}
}

// Path returns the chain from the landmark of a block to the calendar root as of end i, nil unless the block is complete then.
func (f *File) Path(block uint64, i int) calendar.Chain {
	e := &f.ends[i]
	if _, ok := f.Landmark(block); !ok || Last(block) > e.Second {
		return nil
	}
	way := shape.Path(uint64(e.Second)+1, block*BlockSeconds)[Height:] // the block is a perfect subtree
	chain := make(calendar.Chain, len(way))
	for k, l := range way {
		chain[k] = calendar.Link{Left: l.Left, Sibling: f.spanRoot(l.Sibling, e)}
	}
	return chain
}

// Append appends the file's bytes to dst.
func (f *File) Append(dst []byte) []byte { return append(dst, f.raw...) }

func (f *File) append(dst []byte) []byte {
	start := len(dst)
	dst = append(append(dst, fileMagic...), version)
	dst = append(append(dst, byte(len(f.server))), f.server...)
	dst = binary.BigEndian.AppendUint64(dst, f.first)
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.rows[0].n))
	dst = appendPeaks(dst, 8, f.before, Height)
	dst = f.rows[0].appendTo(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.ends)))
	for _, e := range f.ends {
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.Second))
		dst = appendPeaks(dst, 1, e.tail, 0)
	}
	if f.signature == nil {
		dst = append(dst, 0, 0)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(certID+len(f.signature)))
		dst = append(append(dst, f.certificate[:]...), f.signature...)
	}
	sum := sha256.Sum256(dst[start:])
	return append(dst, sum[:]...)
}

// Parse reads a file. It demands the bytes that Append gives, and says nothing of whether the landmarks are right: see Verify.
func Parse(data []byte) (*File, error) {
	f, err := parse(data)
	if err == nil {
		f.build(nil)
		if f.raw = f.append(nil); !bytes.Equal(f.raw, data) {
			err = errors.New("it is not written as landmarks are")
		}
	}
	if err != nil {
		return nil, formatError("landmarks", err)
	}
	return f, nil
}

func parse(data []byte) (*File, error) {
	f := &File{}
	r := reader{data: data}
	if err := r.start(fileMagic); err != nil {
		return nil, err
	}
	if len(r.data) < sha256.Size {
		return nil, errShort
	}
	body := len(data) - sha256.Size
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return nil, errors.New("the SHA-256 at its end is not that of the rest: it was cut short or changed")
	}
	r.data = r.data[:len(r.data)-sha256.Size]
	size, err := r.number(1)
	if err != nil {
		return nil, err
	}
	server, err := r.take(int(size))
	if err != nil {
		return nil, err
	}
	f.server = string(server)
	if f.first, err = r.number(8); err != nil {
		return nil, err
	}
	n, err := r.number(4)
	if err != nil {
		return nil, err
	}
	if f.first > maxBlock || n > MaxBlocks || n/8 > uint64(len(r.data)) {
		return nil, fmt.Errorf("%d blocks from %d", n, f.first)
	}
	if f.before, err = r.peaks(8, f.first, Height); err != nil {
		return nil, err
	}
	marks, err := r.row(int(n), calendar.ZeroNode(Height))
	if err != nil {
		return nil, err
	}
	f.rows = []*row{marks}
	if err = f.parseEnds(&r); err == nil {
		err = f.check()
	}
	return f, err
}

// parseEnds reads ends and key.
func (f *File) parseEnds(r *reader) error {
	n, err := r.number(2)
	if err != nil {
		return err
	}
	for range n {
		second, err := r.number(8)
		if err != nil {
			return err
		}
		if second == 0 || second > uint64(calendar.LastWritable) {
			return fmt.Errorf("end at second %d", second)
		}
		e := End{Second: calendar.Second(second)}
		if e.tail, err = r.peaks(1, (second+1)%BlockSeconds, 0); err != nil {
			return err
		}
		f.ends = append(f.ends, e)
	}
	size, err := r.number(2)
	if err != nil {
		return err
	}
	if size > 0 {
		if size <= certID || int(size) != len(r.data) {
			return errors.New("the signature has another length than it says")
		}
		f.certificate = [certID]byte(r.data)
		f.signature = bytes.Clone(r.data[certID:])
	} else if len(r.data) > 0 {
		return errors.New("bytes follow its end")
	}
	return nil
}

// idle counts the blocks without rounds; it is what makes a file smaller.
func (f *File) idle() int { return f.rows[0].n - len(f.rows[0].kept) }

// Summary says in a line what the file holds.
func (f *File) Summary() string {
	last := f.ends[len(f.ends)-1].Second
	return fmt.Sprintf("landmarks of %s: %d blocks from %s to %s, %d of them idle, calendar roots as of %d seconds up to %s", f.server,
		f.rows[0].n, First(f.first), Last(f.first+uint64(f.rows[0].n)-1), f.idle(), len(f.ends), last)
}
