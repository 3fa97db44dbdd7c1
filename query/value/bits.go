package value

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxBits is the greatest modifier of a bit string type.
const maxBits = 83886080

// parseBits reads a bit string: binary digits, which a b may stand before, or hexadecimal ones behind an x.
func parseBits(s *Settings, text []byte) ([]byte, error) {
	kind := byte('b')
	if len(text) > 0 {
		switch text[0] | 0x20 {
		case 'b', 'x':
			kind, text = text[0]|0x20, text[1:]
		}
	}
	if kind == 'x' {
		return parseHexBits(s, text)
	}
	for i, c := range text {
		if c != '0' && c != '1' {
			return nil, badDigit("binary", text[i:])
		}
	}
	return append([]byte{}, text...), nil
}

func parseHexBits(s *Settings, text []byte) ([]byte, error) {
	if err := s.Take(4 * len(text)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, 4*len(text))
	for i, c := range text {
		digit, ok := hexDigit(c)
		if !ok {
			return nil, badDigit("hexadecimal", text[i:])
		}
		out = AppendBits(out, int64(digit), 4)
	}
	return out, nil
}

func badDigit(kind string, rest []byte) error {
	_, n := utf8.DecodeRune(rest)
	return Errorf(CodeBadText, "\"%s\" is not a valid %s digit", rest[:n], kind)
}

// AppendBits appends the n lowest bits of x, the highest first. Beyond the 64 of x they are those of its sign.
func AppendBits(dst []byte, x int64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, '0'+byte(x>>i&1))
	}
	return dst
}

// parseBinaryBits reads the number of bits and the bytes that hold them.
func parseBinaryBits(s *Settings, t *Type, data []byte) ([]byte, error) {
	if len(data) < 4 {
		return nil, errShort
	}
	n := int64(int32(binary.BigEndian.Uint32(data)))
	if n < 0 {
		return nil, Errorf(CodeBadBinary, "invalid length in external bit string")
	}
	data = data[4:]
	if err := wantLen(t, data, int((n+7)/8)); err != nil {
		return nil, err
	}
	if err := s.Take(int(n)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(data)*8)
	for _, c := range data {
		out = AppendBits(out, int64(c), 8)
	}
	return out[:n], nil
}

func appendBinaryBits(dst, bits []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(bits)))
	for i := 0; i < len(bits); i += 8 {
		var c byte
		for j, digit := range bits[i:min(i+8, len(bits))] {
			c |= (digit - '0') << (7 - j)
		}
		dst = append(dst, c)
	}
	return dst
}

// fitBits makes a bit string one of n bits, or of n at most if t is varbit: it cuts, or adds zeros, at the right. What a cast in
// the statement does not ask for is an error.
func fitBits(t *Type, bits []byte, n int, explicit bool) ([]byte, error) {
	switch {
	case len(bits) == n || len(bits) < n && t == Varbit:
		return bits, nil
	case !explicit && t == Varbit:
		return nil, Errorf(CodeTruncation, "bit string too long for type bit varying(%d)", n)
	case !explicit:
		return nil, Errorf(CodeBitLength, "bit string length %d does not match type bit(%d)", len(bits), n)
	case len(bits) > n:
		return bits[:n:n], nil
	}
	out := make([]byte, n)
	for i := copy(out, bits); i < n; i++ {
		out[i] = '0'
	}
	return out, nil
}
