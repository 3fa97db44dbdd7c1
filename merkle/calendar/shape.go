package calendar

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/jurat-ledger/jurat/merkle/internal/shape"
)

// ErrShape is wrapped by the error of AggregationTime.
var ErrShape = errors.New("chain does not fit its publication time")

// AggregationTime returns the second whose leaf a chain of these directions starts at, leaf first, given the second p of its
// root: true is a left link, the chain's own node being the left operand. Each chain of a calendar has exactly one;
// directions that no chain to p has are an error (KSI's INT-05).
func AggregationTime(p Second, left []bool) (Second, error) {
	var t Second
	rest := p
	for i := len(left) - 1; i >= 0; i-- {
		if rest <= 0 {
			return 0, fmt.Errorf("link %d: %w %d", i, ErrShape, int64(p))
		}
		half := Second(1) << (bits.Len64(uint64(rest)) - 1)
		if left[i] {
			rest = half - 1
		} else {
			t += half
			rest -= half
		}
	}
	if rest != 0 {
		return 0, fmt.Errorf("%d links: %w %d", len(left), ErrShape, int64(p))
	}
	return t, nil
}

// path returns the way from leaf t to the root over the p+1 leaves of seconds 0 to p.
func path(t, p Second) []shape.Link {
	if t < 0 || t > p {
		panic(fmt.Sprintf("calendar: chain from second %d to %d", int64(t), int64(p)))
	}
	return shape.Path(uint64(p)+1, uint64(t))
}
