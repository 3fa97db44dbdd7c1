package bundle

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// Find reads the group of a round and lane out of a bundle of size bytes, by its index: header, end, part of the index, about
// 1 MiB of groups and the group. It checks those groups as a Reader does, and not the SHA-256 of the whole. A group that is not
// there is ErrNotFound.
func Find(r io.ReaderAt, size int64, round calendar.Second, lane string) (*Group, Header, error) {
	b, err := NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, Header{}, err
	}
	h := b.header
	place, end, err := seek(r, uint64(size), b.at, round)
	if err != nil {
		return nil, h, err
	}
	// From here on as if the groups before had been read: of those that follow, order and sequence count.
	b.r, b.at, b.hash = bufio.NewReaderSize(io.NewSectionReader(r, int64(place), int64(end-place)), 1<<16), place, sha256.New()
	for b.at < end {
		g, err := b.Next()
		if err != nil {
			return nil, h, err
		}
		if g.Round == round && g.Lane.Name == lane {
			return g, h, nil
		}
		if g.Round > round {
			break
		}
	}
	return nil, h, fmt.Errorf("round %s, lane %q: %w", round, lane, ErrNotFound)
}

// seek returns the offset of the last marked group that is not behind a round, and that of the index.
func seek(r io.ReaderAt, size, header uint64, round calendar.Second) (place, index uint64, err error) {
	broken := func(why string) (uint64, uint64, error) {
		return 0, 0, &Fault{Offset: size, err: fmt.Errorf("%s: %w", why, ErrFormat)}
	}
	if size < header+1+8+endBytes {
		return broken("the file ends too early")
	}
	var end [endBytes]byte
	if _, err := r.ReadAt(end[:], int64(size-endBytes)); err != nil {
		return 0, 0, err
	}
	index = binary.BigEndian.Uint64(end[17:])
	if end[0] != tagEnd || index < header || index > size-endBytes-9 || (size-endBytes-9-index)%16 != 0 {
		return broken("it does not end like a bundle")
	}
	count := int((size - endBytes - 9 - index) / 16)
	if count == 0 {
		return index, index, nil
	}
	at := func(i int) (m mark) {
		var b [16]byte
		if _, e := r.ReadAt(b[:], int64(index)+9+16*int64(i)); e != nil {
			err = errors.Join(err, e)
		}
		return mark{calendar.Second(binary.BigEndian.Uint64(b[:])), binary.BigEndian.Uint64(b[8:])}
	}
	// The last group before the round that is marked: a marked group of the round may not be its first.
	i := sort.Search(count, func(i int) bool { return at(i).round >= round })
	place = at(max(i-1, 0)).offset
	if err == nil && (place < header || place >= index) {
		return broken("the index names a place outside the groups")
	}
	return place, index, err
}
