package fn

import (
	"bytes"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// bitFunctions declares the functions of bit strings, which are their digits. Those of varbit are the same.
func bitFunctions() []*Function {
	return []*Function{
		def("length(bit) int4", octetLength),
		def("bit_length(bit) int4", octetLength),
		def("octet_length(bit) int4", map1[strs, ints](func(_ *Env, b []byte) (int64, error) { return int64(len(b)+7) / 8, nil })),
		def("bit_count(bit) int8", map1[strs, ints](func(_ *Env, b []byte) (int64, error) { return int64(bytes.Count(b, []byte{'1'})), nil })),
		def("position(bit,bit) int4", map2[strs, strs, ints](func(_ *Env, b, sub []byte) (int64, error) {
			if len(b) == 0 {
				return 0, nil
			}
			return int64(bytes.Index(b, sub)) + 1, nil
		})),
		def("substring(bit,int4) bit", map2[strs, ints, strs](bytesFrom)),
		def("substring(bit,int4,int4) bit", map3[strs, ints, ints, strs](bytesFor)),
		def("overlay(bit,bit,int4) bit", rowwise(overlay)),
		def("overlay(bit,bit,int4,int4) bit", rowwise(overlay)),
		def("get_bit(bit,int4) int4", map2[strs, ints, ints](func(_ *Env, b []byte, i int64) (int64, error) {
			if err := checkBitIndex(i, len(b)); err != nil {
				return 0, err
			}
			return int64(b[i] - '0'), nil
		})),
		def("set_bit(bit,int4,int4) bit", map3[strs, ints, ints, strs](func(_ *Env, b []byte, i, x int64) ([]byte, error) {
			if err := checkBitIndex(i, len(b)); err != nil {
				return nil, err
			}
			if x != 0 && x != 1 {
				return nil, value.Errorf(value.CodeInvalidParameter, "new bit must be 0 or 1")
			}
			out := bytes.Clone(b)
			out[i] = '0' + byte(x)
			return out, nil
		})),
	}
}

func checkBitIndex(i int64, n int) error {
	if i < 0 || i >= int64(n) {
		return value.Errorf(value.CodeSubscript, "bit index %d out of valid range (0..%d)", i, n-1)
	}
	return nil
}

// A bitOperation combines bit strings of one length bit by bit.
type bitOperation struct {
	op, aggregate string
	word          string               // for it in an error
	digit         func(a, b byte) byte // of two digits
}

var bitOperations = []bitOperation{
	{"&", "bit_and", "AND", func(a, b byte) byte { return a & b }},
	{"|", "bit_or", "OR", func(a, b byte) byte { return a | b }},
	{"#", "bit_xor", "XOR", func(a, b byte) byte { return '0' + (a ^ b) }},
}

func (o bitOperation) apply(env *Env, a, b []byte) ([]byte, error) {
	if len(a) != len(b) {
		return nil, value.Errorf(value.CodeBitLength, "cannot %s bit strings of different sizes", o.word)
	}
	if err := env.fits(len(a)); err != nil {
		return nil, err
	}
	out := make([]byte, len(a))
	for i := range out {
		out[i] = o.digit(a[i], b[i])
	}
	return out, nil
}

func bitOperators() []*Function {
	shift := func(sign int64) Kernel {
		return map2[strs, ints, strs](func(env *Env, b []byte, n int64) ([]byte, error) { return shiftBits(env, b, sign*n) })
	}
	not := bitOperation{digit: func(a, _ byte) byte { return '0' + '1' - a }}
	out := []*Function{
		def("~(bit) bit", map1[strs, strs](func(env *Env, b []byte) ([]byte, error) { return not.apply(env, b, b) })),
		def("<<(bit,int4) bit", shift(1)),
		def(">>(bit,int4) bit", shift(-1)),
		def("||(varbit,varbit) varbit", map2[strs, strs, strs](func(env *Env, a, b []byte) ([]byte, error) {
			if err := env.fits(len(a) + len(b)); err != nil {
				return nil, err
			}
			return slices.Concat(a, b), nil
		})),
	}
	for _, o := range bitOperations {
		out = append(out, def(o.op+"(bit,bit) bit", map2[strs, strs, strs](o.apply)))
	}
	return out
}

// shiftBits moves the bits n places to the left, or to the right if n is negative.
func shiftBits(env *Env, b []byte, n int64) ([]byte, error) {
	if err := env.fits(len(b)); err != nil {
		return nil, err
	}
	out := bytes.Repeat([]byte{'0'}, len(b))
	switch size := int64(len(b)); {
	case n >= 0:
		copy(out, b[min(n, size):])
	case -n < size:
		copy(out[-n:], b)
	}
	return out, nil
}

// intToBits makes bit strings of n bits of integers.
func intToBits(n int) Kernel {
	return map1[ints, strs](func(env *Env, x int64) ([]byte, error) {
		if err := env.fits(n); err != nil {
			return nil, err
		}
		return value.AppendBits(make([]byte, 0, n), x, n), nil
	})
}

// bitsToInt makes integers of bit strings that are not longer than they.
func bitsToInt(t *value.Type) Kernel {
	return map1[strs, ints](func(_ *Env, b []byte) (int64, error) {
		if len(b) > int(t.Len)*8 {
			return 0, outOfRange(t)
		}
		var x int64
		for _, digit := range b {
			x = x<<1 | int64(digit-'0')
		}
		return wrap(t, x), nil
	})
}

// bitAggregates declares the aggregates over bit strings.
func bitAggregates() []*Function {
	var out []*Function
	for _, o := range bitOperations {
		out = append(out, agg(o.aggregate+"(bit) bit", func([]*value.Type, *value.Type) States { return &bitFolds{op: o} }))
	}
	return out
}

// bitFolds combines bit strings with one operation.
type bitFolds struct {
	op   bitOperation
	acc  [][]byte
	some []bool
}

func (s *bitFolds) Grow(n int) { s.acc, s.some = grow(s.acc, n), grow(s.some, n) }

func (s *bitFolds) Step(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) (err error) {
	for _, i := range all(n, sel) {
		g := groups[i]
		if b := args[0].Bytes[i]; !s.some[g] {
			s.acc[g], s.some[g] = b, true
		} else if s.acc[g], err = s.op.apply(env, s.acc[g], b); err != nil {
			return err
		}
	}
	return nil
}

func (s *bitFolds) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if out.Bytes[i] = s.acc[first+i]; !s.some[first+i] {
			out.SetNull(i)
		}
	}
	return nil
}
