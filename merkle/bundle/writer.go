package bundle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Writer writes a bundle, group by group. It checks order and counts, and leaves signatures to who reads: they are the
// caller's. After an error it cannot be used.
type Writer struct {
	w      io.Writer
	header Header
	hash   hash.Hash
	at     uint64 // bytes written
	buf    []byte

	round calendar.Second // of the group at hand
	lane  int
	left  uint64        // leaves that it lacks
	run   merkle.Leaves // not written yet
	marks []mark
	// Written so far.
	groups, leaves uint64
}

// NewWriter writes the header of a bundle to w.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	b := &Writer{w: w, header: h, hash: sha256.New(), lane: -1}
	return b, b.write(h.append(nil))
}

func (w *Writer) write(data []byte) error {
	w.hash.Write(data)
	w.at += uint64(len(data))
	if _, err := w.w.Write(data); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// Begin begins the group of a round and a lane, which is given by its place in the header: behind the group before, by round,
// then lane. It takes so many leaves, which Append adds, the first of which has this signature.
func (w *Writer) Begin(round calendar.Second, lane int, leaves uint64, signature []byte) error {
	switch {
	case w.left > 0:
		return fmt.Errorf("bundle: round %s: %d leaves are missing", w.round, w.left)
	case round < w.header.From || round > w.header.To || lane < 0 || lane >= len(w.header.Lanes),
		round < w.round, round == w.round && lane <= w.lane:
		return fmt.Errorf("bundle: round %s, lane %d after round %s, lane %d", round, lane, w.round, w.lane)
	case leaves == 0 || leaves > merkle.MaxLeaves(w.header.Lanes[lane].Base) || len(signature) > maxSignature:
		return fmt.Errorf("bundle: round %s: %d leaves, signature of %d bytes", round, leaves, len(signature))
	}
	w.round, w.lane, w.left = round, lane, leaves
	if n := len(w.marks); n == 0 || w.at-w.marks[n-1].offset >= markStep {
		w.marks = append(w.marks, mark{round, w.at})
	}
	be := binary.BigEndian
	w.buf = be.AppendUint64(append(w.buf[:0], tagGroup), uint64(round))
	w.buf = be.AppendUint64(append(w.buf, byte(lane)), leaves)
	w.buf = append(be.AppendUint32(w.buf, uint32(len(signature))), signature...)
	w.groups++
	w.leaves += leaves
	return w.write(w.buf)
}

// Append adds leaves to the group.
func (w *Writer) Append(leaves *merkle.Leaves) error {
	n := leaves.Len()
	if uint64(n) > w.left {
		return fmt.Errorf("bundle: round %s: %d leaves where %d are missing", w.round, n, w.left)
	}
	w.left -= uint64(n)
	_, _, uniform := leaves.Uniform()
	for i := 0; i < n; {
		alg := algorithmOf(leaves, i)
		if w.run.Len() == MaxRun || w.run.Len() > 0 && algorithmOf(&w.run, 0) != alg {
			if err := w.flush(); err != nil {
				return err
			}
		}
		j := min(n, i+MaxRun-w.run.Len())
		for k := i + 1; !uniform && k < j; k++ {
			if algorithmOf(leaves, k) != alg {
				j = k
			}
		}
		part := leaves.Slice(i, j)
		w.run.AppendLeaves(&part)
		i = j
	}
	if w.left == 0 {
		return w.flush()
	}
	return nil
}

func algorithmOf(leaves *merkle.Leaves, i int) merkle.Algorithm {
	im := leaves.At(i)
	return im.Algorithm()
}

// flush writes the run.
func (w *Writer) flush() error {
	alg, digests, _ := w.run.Uniform()
	w.buf = append(w.buf[:0], byte(alg))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(w.run.Len()))
	w.buf = append(w.buf, digests...)
	w.run.Reset()
	return w.write(w.buf)
}

// Close writes index and end. It does not close what it writes to.
func (w *Writer) Close() error {
	if w.left > 0 {
		return fmt.Errorf("bundle: round %s: %d leaves are missing", w.round, w.left)
	}
	index := w.at
	if err := w.write(appendIndex(nil, w.marks)); err != nil {
		return err
	}
	if err := w.write(appendEnd(nil, w.groups, w.leaves, index)); err != nil {
		return err
	}
	return w.write(w.hash.Sum(nil))
}

func appendIndex(dst []byte, marks []mark) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, tagIndex), uint64(len(marks)))
	for _, m := range marks {
		dst = binary.BigEndian.AppendUint64(dst, uint64(m.round))
		dst = binary.BigEndian.AppendUint64(dst, m.offset)
	}
	return dst
}

// appendEnd appends the end without its SHA-256.
func appendEnd(dst []byte, groups, leaves, index uint64) []byte {
	dst = append(dst, tagEnd)
	for _, n := range []uint64{groups, leaves, index} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return dst
}
