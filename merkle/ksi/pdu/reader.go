package pdu

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// firstPiece is how much memory a PDU gets on the word of its header; it gets more as its bytes arrive.
const firstPiece = 4 << 10

// A Reader takes PDUs from a stream in which they stand one after the other, as over TCP. It reads ahead.
type Reader struct {
	r *bufio.Reader
}

// NewReader returns a reader of the PDUs in r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, firstPiece)} }

// Wait returns when the next PDU begins to arrive, so that the caller can give an idle stream more time than a PDU that
// has begun. Its error is that of the stream; io.EOF says that the stream ended between two PDUs.
func (r *Reader) Wait() error {
	_, err := r.r.Peek(1)
	return err
}

// Next returns the bytes of the next PDU, for Parse. io.EOF says that the stream ended before it, io.ErrUnexpectedEOF
// within it. Bytes that do not start as a PDU does are an error that wraps ErrNotPDU; what follows them in the stream
// cannot be told apart, so the stream is of no more use. The caller may keep the bytes.
func (r *Reader) Next() ([]byte, error) {
	header, err := r.r.Peek(headerSize)
	if err != nil {
		if errors.Is(err, io.EOF) && len(header) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	_, size, err := frame(header)
	if err != nil {
		return nil, fmt.Errorf("pdu: %w", err)
	}
	size += headerSize
	b := make([]byte, 0, min(size, firstPiece))
	for len(b) < size {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(size, 2*cap(b))), b...)
		}
		n, err := r.r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil && len(b) < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return b, nil
}
