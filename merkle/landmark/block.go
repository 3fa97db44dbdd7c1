package landmark

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

const (
	// Height is that of a landmark above the leaves of the calendar.
	Height = 8
	// BlockSeconds is the number of seconds of a block.
	BlockSeconds = 1 << Height

	maxBlock = uint64(calendar.LastWritable) / BlockSeconds
)

// Errors that callers decide on.
var (
	// ErrFormat says that bytes are no landmarks, or not as they are written.
	ErrFormat = errors.New("not a whole, unchanged file of landmarks")
	// ErrVersion says that a file has a format version that this program does not know.
	ErrVersion = errors.New("unknown format version: use a newer program")
	// ErrOther says that landmarks are not those of the calendar that was published or signed.
	ErrOther = errors.New("the landmarks are not those of the calendar")
)

// BlockOf returns the number of the block that a second is in.
func BlockOf(s calendar.Second) uint64 { return uint64(s) / BlockSeconds }

// First returns the first second of a block.
func First(block uint64) calendar.Second { return calendar.Second(block * BlockSeconds) }

// Last returns the last second of a block.
func Last(block uint64) calendar.Second { return First(block+1) - 1 }

// Siblings are those of the way from a second to its landmark, lowest first.
type Siblings [Height]merkle.Digest

// Root returns the landmark that leads to from the round root of a second.
func (s *Siblings) Root(second calendar.Second, round merkle.Digest) merkle.Digest {
	node := round
	for h := range s {
		node = s.Step(second, node, h)
	}
	return node
}

// Step returns the node of height h+1 on the way of a second, given that of height h.
func (s *Siblings) Step(second calendar.Second, node merkle.Digest, h int) merkle.Digest {
	if second>>h&1 == 0 {
		return calendar.HashNode(node, s[h])
	}
	return calendar.HashNode(s[h], node)
}

// A Detail is the round roots of a block, the zero digest in idle seconds.
type Detail struct {
	Block uint64
	Roots [BlockSeconds]merkle.Digest
}

const (
	detailMagic = "JURATBLK"
	version     = 1
)

// Landmark returns the root over the block.
func (d *Detail) Landmark() merkle.Digest {
	s := d.Siblings(First(d.Block))
	return s.Root(First(d.Block), d.Roots[0])
}

// Siblings returns the siblings of the way from a second of the block to its landmark.
func (d *Detail) Siblings(second calendar.Second) (s Siblings) {
	row := d.Roots[:]
	at := int(second % BlockSeconds)
	for h := range s {
		s[h] = row[at^1]
		up := make([]merkle.Digest, len(row)/2)
		for i := range up {
			up[i] = calendar.HashNode(row[2*i], row[2*i+1])
		}
		row, at = up, at/2
	}
	return s
}

// Append appends the record.
func (d *Detail) Append(dst []byte) []byte {
	dst = append(append(dst, detailMagic...), version)
	dst = binary.BigEndian.AppendUint64(dst, d.Block)
	return appendSparse(dst, d.Roots[:], merkle.Digest{})
}

// ParseDetail reads a record that Append wrote, and nothing else. A landmark says whether it is right.
func ParseDetail(data []byte) (*Detail, error) {
	r := reader{data: data}
	d := &Detail{}
	err := r.start(detailMagic)
	if err == nil {
		d.Block, err = r.number(8)
	}
	if err == nil && d.Block > maxBlock {
		err = fmt.Errorf("block %d", d.Block)
	}
	if err == nil {
		err = r.sparse(d.Roots[:], merkle.Digest{})
	}
	if err == nil && len(r.data) > 0 {
		err = errors.New("bytes follow its end")
	}
	if err != nil {
		return nil, formatError("detail of a block", err)
	}
	return d, nil
}

// formatError gives an error of reading its sentinel.
func formatError(what string, err error) error {
	if errors.Is(err, ErrVersion) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, err, ErrFormat)
}

// appendSparse appends a bitmap of the digests that are not zero, and those.
func appendSparse(dst []byte, digests []merkle.Digest, zero merkle.Digest) []byte {
	bits := make([]byte, (len(digests)+7)/8)
	for i := range digests {
		if digests[i] != zero {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	dst = append(dst, bits...)
	for i := range digests {
		if digests[i] != zero {
			dst = append(dst, digests[i][:]...)
		}
	}
	return dst
}

// A reader reads what is left of data.
type reader struct{ data []byte }

var errShort = errors.New("it ends too early")

func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.data) {
		return nil, errShort
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b, nil
}

// number reads an integer of up to 8 bytes.
func (r *reader) number(size int) (n uint64, err error) {
	b, err := r.take(size)
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n, err
}

// start reads the magic and the version.
func (r *reader) start(magic string) error {
	b, err := r.take(len(magic) + 1)
	switch {
	case err != nil:
		return err
	case string(b[:len(magic)]) != magic:
		return errors.New("it does not begin like one")
	case b[len(magic)] != version:
		return fmt.Errorf("version %d: %w", b[len(magic)], ErrVersion)
	}
	return nil
}

// digest reads a digest that is not zero.
func (r *reader) digest(zero merkle.Digest) (d merkle.Digest, err error) {
	b, err := r.take(len(d))
	if err != nil {
		return d, err
	}
	if d = merkle.Digest(b); d == zero {
		return d, errors.New("a zero node that is to be left out")
	}
	return d, nil
}

// sparse reads what appendSparse wrote.
func (r *reader) sparse(digests []merkle.Digest, zero merkle.Digest) error {
	bits, err := r.take((len(digests) + 7) / 8)
	if err != nil {
		return err
	}
	for i := range 8 * len(bits) {
		set := bits[i/8]>>(i%8)&1 == 1
		switch {
		case i >= len(digests) && set:
			return errors.New("a bit that stands for nothing is set")
		case i >= len(digests):
		case !set:
			digests[i] = zero
		default:
			if digests[i], err = r.digest(zero); err != nil {
				return err
			}
		}
	}
	return nil
}

// peaks reads a mask of size bytes, whose bits all must have, and the peak of each bit; the lowest stands low above a
// leaf of the calendar. Those that are left out become zero nodes.
func (r *reader) peaks(size int, all uint64, low uint8) (map[uint8]merkle.Digest, error) {
	mask, err := r.number(size)
	if err != nil {
		return nil, err
	}
	if mask&^all != 0 {
		return nil, errors.New("a mask names a node that is not there")
	}
	peaks := make(map[uint8]merkle.Digest)
	for h := uint8(0); all>>h != 0; h++ {
		zero := calendar.ZeroNode(low + h)
		switch {
		case all>>h&1 == 0:
		case mask>>h&1 == 0:
			peaks[h] = zero
		default:
			if peaks[h], err = r.digest(zero); err != nil {
				return nil, err
			}
		}
	}
	return peaks, nil
}

// appendPeaks appends what peaks reads.
func appendPeaks(dst []byte, size int, peaks map[uint8]merkle.Digest, low uint8) []byte {
	var mask uint64
	var digests []byte
	for h := uint8(0); h < 64-low; h++ {
		if d, ok := peaks[h]; ok && d != calendar.ZeroNode(low+h) {
			mask |= 1 << h
			digests = append(digests, d[:]...)
		}
	}
	b := binary.BigEndian.AppendUint64(nil, mask)
	return append(append(dst, b[8-size:]...), digests...)
}
