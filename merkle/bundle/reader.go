package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Reader reads a bundle from its start to its end and checks all of it but who vouches for the time. Its errors are a
// *Fault, or what reading failed with.
type Reader struct {
	r      *bufio.Reader
	hash   hash.Hash
	at     uint64 // bytes read
	header Header
	err    error // of the last Next

	round          calendar.Second // of the last group
	lane           int
	sequences      []uint64 // by lane, of its last group; 0 if there was none
	marks          []mark
	groups, leaves uint64
}

// NewReader reads the header of a bundle.
func NewReader(r io.Reader) (*Reader, error) {
	b := &Reader{r: bufio.NewReaderSize(r, 1<<16), hash: sha256.New(), lane: -1}
	if err := b.readHeader(); err != nil {
		return nil, b.fault(0, err)
	}
	return b, nil
}

// Header returns what the bundle holds.
func (r *Reader) Header() Header { return r.header }

// fault gives an error its place. One of reading stays as it is, but for an end that comes too early.
func (r *Reader) fault(offset uint64, err error) error {
	var reading *readError
	switch {
	case errors.As(err, &reading):
		return reading.err
	case errors.Is(err, ErrVersion):
		return &Fault{Offset: offset, err: err}
	}
	return &Fault{Offset: offset, err: fmt.Errorf("%w: %w", err, ErrFormat)}
}

// A readError is an error of the reader below.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// take fills data.
func (r *Reader) take(data []byte) error {
	_, err := io.ReadFull(r.r, data)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the file ends too early")
	} else if err != nil {
		return &readError{err}
	}
	r.hash.Write(data)
	r.at += uint64(len(data))
	return nil
}

// number reads an integer of up to 8 bytes.
func (r *Reader) number(size int) (uint64, error) {
	var b [8]byte
	err := r.take(b[8-size:])
	return binary.BigEndian.Uint64(b[:]), err
}

// text reads a text.
func (r *Reader) text() (string, error) {
	n, err := r.number(1)
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	err = r.take(b)
	return string(b), err
}

func (r *Reader) readHeader() error {
	start := make([]byte, len(magic)+1)
	if err := r.take(start); err != nil {
		return err
	}
	if string(start[:len(magic)]) != magic {
		return errors.New("it does not begin like a bundle")
	}
	if v := start[len(magic)]; v != version {
		return fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	h := &r.header
	var lanes uint64
	var err error
	for _, n := range []*calendar.Second{&h.From, &h.To} {
		var s uint64
		if s, err = r.number(8); err != nil {
			return err
		}
		*n = calendar.Second(s)
	}
	for _, text := range []*string{&h.Server, &h.Agency} {
		if *text, err = r.text(); err != nil {
			return err
		}
	}
	if lanes, err = r.number(1); err != nil {
		return err
	}
	for range lanes {
		base, err := r.number(1)
		if err != nil {
			return err
		}
		name, err := r.text()
		if err != nil {
			return err
		}
		h.Lanes = append(h.Lanes, Lane{Name: name, Base: merkle.Level(base)})
	}
	r.sequences = make([]uint64, len(h.Lanes))
	return h.check()
}

// Next reads the next group and checks it. At the end of the bundle, when all of it is in order, it returns io.EOF.
func (r *Reader) Next() (*Group, error) {
	if r.err == nil {
		var g *Group
		if g, r.err = r.next(); r.err == nil {
			return g, nil
		}
	}
	return nil, r.err
}

func (r *Reader) next() (*Group, error) {
	offset := r.at
	tag, err := r.number(1)
	switch {
	case err != nil:
		return nil, r.fault(offset, err)
	case tag == tagIndex:
		if err := r.finish(offset); err != nil {
			return nil, r.fault(offset, err)
		}
		return nil, io.EOF
	case tag != tagGroup:
		return nil, r.fault(offset, fmt.Errorf("byte %02x where a group or the index begins", tag))
	}
	g := &Group{offset: offset}
	if err := r.readGroup(g); err != nil {
		err = r.fault(offset, err)
		var f *Fault
		if errors.As(err, &f) {
			f.Round, f.Lane = g.Round, g.Lane.Name
		}
		return nil, err
	}
	return g, nil
}

// readGroup reads a group behind its tag.
func (r *Reader) readGroup(g *Group) error {
	round, err := r.number(8)
	if err != nil {
		return err
	}
	g.Round = calendar.Second(round)
	if g.Round < r.header.From || g.Round > r.header.To {
		g.Round = 0
		return fmt.Errorf("round %d is not of the seconds that the header names", int64(round))
	}
	lane, err := r.number(1)
	if err != nil {
		return err
	}
	if g.number = int(lane); g.number >= len(r.header.Lanes) {
		return fmt.Errorf("lane %d of %d", lane, len(r.header.Lanes))
	}
	g.Lane = r.header.Lanes[g.number]
	if g.Round < r.round || g.Round == r.round && g.number <= r.lane {
		return errors.New("it is out of order")
	}
	n, err := r.number(8)
	if err != nil {
		return err
	}
	if n == 0 || n > merkle.MaxLeaves(g.Lane.Base) {
		return fmt.Errorf("%d leaves", n)
	}
	signature, err := r.readSignature()
	if err != nil {
		return err
	}
	if err := g.announce(&r.header, signature, n); err != nil {
		return err
	}
	if err := r.readLeaves(&g.leaves, n); err != nil {
		return err
	}
	if err := g.derive(signature); err != nil {
		return err
	}
	return r.count(g)
}

func (r *Reader) readSignature() ([]byte, error) {
	size, err := r.number(4)
	if err != nil {
		return nil, err
	}
	if size > maxSignature {
		return nil, fmt.Errorf("signature of %d bytes", size)
	}
	signature := make([]byte, size)
	return signature, r.take(signature)
}

// readLeaves reads runs of n leaves.
func (r *Reader) readLeaves(leaves *merkle.Leaves, n uint64) error {
	var before merkle.Algorithm
	full := true // the run before could take no more
	for left := n; left > 0; {
		code, err := r.number(1)
		if err != nil {
			return err
		}
		count, err := r.number(4)
		if err != nil {
			return err
		}
		alg := merkle.Algorithm(code)
		switch {
		case alg.Size() == 0:
			return fmt.Errorf("run of algorithm %d", code)
		case count == 0 || count > MaxRun || count > left:
			return fmt.Errorf("run of %d leaves where %d are missing", count, left)
		case alg == before && !full:
			return errors.New("a run goes on the one before, which was not full")
		}
		digests := make([]byte, count*uint64(alg.Size()))
		if err := r.take(digests); err != nil {
			return err
		}
		leaves.AppendDigests(alg, digests)
		before, full = alg, count == MaxRun
		left -= count
	}
	return nil
}

// count notes a group that is in order.
func (r *Reader) count(g *Group) error {
	if was := r.sequences[g.number]; was > 0 && g.Sequence != was+1 {
		return fmt.Errorf("sequence number %d after %d: rounds of the lane are missing between", g.Sequence, was)
	} else if g.Sequence == 0 {
		return errors.New("sequence number 0")
	}
	r.sequences[g.number] = g.Sequence
	r.round, r.lane = g.Round, g.number
	if n := len(r.marks); n == 0 || g.offset-r.marks[n-1].offset >= markStep {
		r.marks = append(r.marks, mark{g.Round, g.offset})
	}
	r.groups++
	r.leaves += g.Len()
	return nil
}

// finish reads index and end, behind the tag of the index at offset.
func (r *Reader) finish(offset uint64) error {
	if err := r.expect(appendIndex(nil, r.marks)[1:], "the index is not that of the groups"); err != nil {
		return err
	}
	if err := r.expect(appendEnd(nil, r.groups, r.leaves, offset), "the end does not count the groups"); err != nil {
		return err
	}
	if err := r.expect(r.hash.Sum(nil), "the SHA-256 at the end is not that of the bytes before"); err != nil {
		return err
	}
	if _, err := r.r.ReadByte(); err == nil {
		return errors.New("bytes follow the end")
	} else if err != io.EOF {
		return &readError{err}
	}
	return nil
}

// expect reads what must stand here.
func (r *Reader) expect(want []byte, otherwise string) error {
	got := make([]byte, min(len(want), 1<<16))
	for len(want) > 0 {
		got = got[:min(len(want), len(got))]
		if err := r.take(got); err != nil {
			return err
		}
		if !bytes.Equal(got, want[:len(got)]) {
			return errors.New(otherwise)
		}
		want = want[len(got):]
	}
	return nil
}
