package fn

import (
	"math/big"
	"math/bits"

	"github.com/jurat-ledger/jurat/query/value"
)

// An IntSum is a sum of integers, in 128 bits, which no number of rows overflows. The zero IntSum is one of none.
type IntSum struct {
	hi    int64
	lo    uint64
	count int64
}

// Add adds x.
func (a *IntSum) Add(x int64) {
	a.add(uint64(x), x>>63)
	a.count++
}

// Remove takes back that x was added.
func (a *IntSum) Remove(x int64) {
	var borrow uint64
	a.lo, borrow = bits.Sub64(a.lo, uint64(x), 0)
	a.hi -= x>>63 + int64(borrow)
	a.count--
}

// add adds hi * 2^64 + lo.
func (a *IntSum) add(lo uint64, hi int64) {
	var carry uint64
	a.lo, carry = bits.Add64(a.lo, lo, 0)
	a.hi += hi + int64(carry)
}

func (a IntSum) numeric() value.Numeric {
	if a.hi == int64(a.lo)>>63 {
		return value.IntNumeric(int64(a.lo))
	}
	b := new(big.Int).Lsh(big.NewInt(a.hi), 64)
	return value.BigNumeric(b.Add(b, new(big.Int).SetUint64(a.lo)), 0)
}

// Put makes value i of out the sum, of type numeric or int8, or the average, of type numeric; null if nothing was added. The
// error says that an int8 cannot hold the sum.
func (a IntSum) Put(out *value.Vector, i int, avg bool) error {
	switch {
	case a.count == 0:
		out.SetNull(i)
	case avg:
		q, err := a.numeric().Div(value.IntNumeric(a.count))
		if err != nil {
			return err
		}
		out.Boxes[i] = q
	case out.Type == value.NumericT:
		out.Boxes[i] = a.numeric()
	case a.hi != int64(a.lo)>>63:
		return outOfRange(value.Int8)
	default:
		out.Ints[i] = int64(a.lo)
	}
	return nil
}
