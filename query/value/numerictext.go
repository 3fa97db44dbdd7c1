package value

import (
	"encoding/binary"
	"math/big"
	"strconv"
	"strings"
)

// String returns the text form of n.
func (n Numeric) String() string { return string(n.Append(nil)) }

// Append appends the text form of n.
func (n Numeric) Append(dst []byte) []byte {
	switch n.form {
	case nan:
		return append(dst, "NaN"...)
	case posInf:
		return append(dst, "Infinity"...)
	case negInf:
		return append(dst, "-Infinity"...)
	}
	if n.scale == 0 && n.large == nil {
		return strconv.AppendInt(dst, n.small, 10)
	}
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	digits := n.digits()
	point := len(digits) - int(n.scale)
	if point <= 0 {
		dst = append(dst, "0."...)
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[:point]...)
	if n.scale > 0 {
		dst = append(append(dst, '.'), digits[point:]...)
	}
	return dst
}

// ParseNumeric reads the text form of a numeric. The errors are 22P02 and 22003.
func ParseNumeric(text string) (Numeric, error) {
	bad := func() (Numeric, error) { return Numeric{}, badText(NumericT, []byte(text)) }
	s := string(trimSpace([]byte(text)))
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	switch strings.ToLower(s) {
	case "nan":
		if len(s) != len(strings.TrimSpace(text)) {
			return bad()
		}
		return numericNaN, nil
	case "infinity", "inf":
		if neg {
			return Numeric{form: negInf}, nil
		}
		return Numeric{form: posInf}, nil
	}
	digits, scale, exp := "", 0, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if strings.Trim(s[:i], "0123456789.") != "" || s[:i] == "" {
			return bad()
		}
		if err != nil && err.(*strconv.NumError).Err == strconv.ErrSyntax || i+1 == len(s) {
			return bad()
		}
		if err != nil || e > maxWhole+maxScale || e < -maxWhole-maxScale {
			return Numeric{}, errNumericOverflow
		}
		s, exp = s[:i], e
	}
	whole, frac, _ := strings.Cut(s, ".")
	digits, scale = whole+frac, len(frac)
	if digits == "" {
		return bad()
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return bad()
		}
	}
	if neg {
		digits = "-" + digits
	}
	return makeNumeric(digits, scale-exp)
}

func makeNumeric(digits string, scale int) (Numeric, error) {
	if i, err := strconv.ParseInt(digits, 10, 64); err == nil && scale >= 0 && scale <= maxScale {
		return Numeric{small: i, scale: int32(scale)}, nil
	}
	if len(digits)-scale > 2*maxWhole || scale > maxScale {
		return Numeric{}, errNumericOverflow
	}
	c, _ := new(big.Int).SetString(digits, 10)
	if scale < 0 {
		c.Mul(c, pow10(-scale))
		scale = 0
	}
	return checked(BigNumeric(c, scale))
}

// Signs of the binary form.
const (
	signPos    = 0x0000
	signNeg    = 0x4000
	signNaN    = 0xc000
	signPosInf = 0xd000
	signNegInf = 0xf000
)

func (n Numeric) appendBinary(dst []byte) []byte {
	put := binary.BigEndian.AppendUint16
	switch n.form {
	case nan:
		return put(put(put(put(dst, 0), 0), signNaN), 0)
	case posInf:
		return put(put(put(put(dst, 0), 0), signPosInf), 0x20)
	case negInf:
		return put(put(put(put(dst, 0), 0), signNegInf), 0x20)
	}
	digits := n.digits()
	point := len(digits) - int(n.scale)
	if tail := (4 - int(n.scale)%4) % 4; tail > 0 {
		digits += "000"[:tail]
	}
	lead := ((-point)%4 + 4) % 4
	digits = "000"[:lead] + digits
	weight := floorDiv(point+lead, 4) - 1
	for len(digits) >= 4 && digits[:4] == "0000" {
		digits = digits[4:]
		weight--
	}
	for len(digits) >= 4 && digits[len(digits)-4:] == "0000" {
		digits = digits[:len(digits)-4]
	}
	if digits == "" {
		weight = 0
	}
	sign := uint16(signPos)
	if n.Sign() < 0 {
		sign = signNeg
	}
	dst = put(put(put(put(dst, uint16(len(digits)/4)), uint16(int16(weight))), sign), uint16(n.scale))
	for ; digits != ""; digits = digits[4:] {
		d, _ := strconv.Atoi(digits[:4])
		dst = put(dst, uint16(d))
	}
	return dst
}

func parseBinaryNumeric(b []byte) (Numeric, error) {
	if len(b) < 8 {
		return Numeric{}, errShort
	}
	get := binary.BigEndian.Uint16
	count, weight, sign, scale := int(get(b)), int(int16(get(b[2:]))), get(b[4:]), int(get(b[6:]))
	b = b[8:]
	if len(b) < 2*count {
		return Numeric{}, errShort
	}
	if len(b) > 2*count {
		return Numeric{}, badBinary(NumericT)
	}
	switch sign {
	case signNaN:
		return numericNaN, nil
	case signPosInf:
		return Numeric{form: posInf}, nil
	case signNegInf:
		return Numeric{form: negInf}, nil
	case signPos, signNeg:
	default:
		return Numeric{}, Errorf(CodeBadBinary, "invalid sign in external \"numeric\" value")
	}
	if scale > maxScale {
		return Numeric{}, Errorf(CodeBadBinary, "invalid scale in external \"numeric\" value")
	}
	var digits strings.Builder
	if sign == signNeg {
		digits.WriteByte('-')
	}
	digits.WriteByte('0')
	for ; len(b) > 0; b = b[2:] {
		d := get(b)
		if d > 9999 {
			return Numeric{}, Errorf(CodeBadBinary, "invalid digit in external \"numeric\" value")
		}
		four := strconv.Itoa(int(d) + 10000)
		digits.WriteString(four[1:])
	}
	have := (count - 1 - weight) * 4 // digits behind the point
	if have > scale+4*count+4 && count > 0 {
		return Numeric{scale: int32(scale)}, nil // nothing of it is left at this scale
	}
	text := digits.String()
	if have < scale {
		text += strings.Repeat("0", scale-have)
		have = scale
	}
	c, _ := new(big.Int).SetString(text, 10)
	if c == nil {
		panic("value: digits that are no number")
	}
	if drop := have - scale; drop > 0 {
		c.Quo(c, pow10(drop)) // Postgres cuts digits beyond the scale
	}
	return checked(BigNumeric(c, scale))
}
