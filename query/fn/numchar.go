package fn

import (
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A numberTemplate is a template of to_char for numbers: 9 0 . , D G S MI PL SG PR FM and text.
type numberTemplate struct {
	whole, frac int  // digit places
	zeroFrom    int  // place of the first 0 before the point, counted from the left; -1 for none
	zeroTo      int  // last place behind the point that a 0 asks for
	fill        bool // FM
	sign        byte // 'S' leading, 's' trailing, 0 for the place in front
	angle       bool // PR
	hasPoint    bool
	pieces      []string // "9", "0", ".", ",", "MI", "PL", "SG", "S", "PR", or "=text"
}

func parseNumberTemplate(f string) (*numberTemplate, error) {
	t := &numberTemplate{zeroFrom: -1}
	for f != "" {
		piece, n := numberPiece(f)
		f = f[n:]
		switch piece {
		case "9", "0":
			if t.hasPoint {
				t.frac++
				if piece == "0" {
					t.zeroTo = t.frac
				}
			} else {
				if piece == "0" && t.zeroFrom < 0 {
					t.zeroFrom = t.whole
				}
				t.whole++
			}
		case ".":
			if t.hasPoint {
				return nil, value.Errorf(value.CodeSyntax, "multiple decimal points")
			}
			t.hasPoint = true
		case "FM":
			t.fill = true
			continue
		case "S":
			t.sign = 'S'
			if t.whole+t.frac > 0 {
				t.sign = 's'
			}
		case "PR":
			t.angle = true
		case "EEEE", "RN", "V", "TH":
			return nil, value.Errorf(value.CodeUnsupported, "format pattern %s is not supported", piece)
		}
		t.pieces = append(t.pieces, piece)
	}
	return t, nil
}

func numberPiece(f string) (piece string, n int) {
	up := strings.ToUpper(f)
	for _, p := range []string{"EEEE", "FM", "MI", "PL", "SG", "PR", "RN", "TH", "S", "V", "9", "0", ".", ","} {
		if strings.HasPrefix(up, p) {
			return p, len(p)
		}
	}
	switch up[0] {
	case 'D':
		return ".", 1
	case 'G':
		return ",", 1
	case 'L':
		return "= ", 1
	}
	text, rest := literalAt(f)
	return "=" + text, len(f) - len(rest)
}

func numberChar(x value.Numeric, f string) (string, error) {
	t, err := parseNumberTemplate(f)
	if err != nil {
		return "", err
	}
	if f == "" {
		return "", nil
	}
	r := x.Round(t.frac)
	negative := r.Sign() < 0
	whole, frac, _ := strings.Cut(r.Abs().String(), ".")
	if whole == "0" && t.frac > 0 && t.zeroFrom < 0 {
		whole = ""
	}
	switch {
	case !x.Finite():
		whole, frac = strings.Repeat("#", t.whole), strings.Repeat("#", t.frac)
	case len(whole) > t.whole:
		whole, frac = strings.Repeat("#", t.whole), strings.Repeat("#", t.frac)
	}
	return t.show(whole, frac, negative), nil
}

// show lays the digits out.
func (t *numberTemplate) show(whole, frac string, negative bool) string {
	if t.fill {
		for len(frac) > t.zeroTo && strings.HasSuffix(frac, "0") {
			frac = frac[:len(frac)-1]
		}
	}
	start := t.whole - len(whole) // places before the first digit
	if t.zeroFrom >= 0 && t.zeroFrom < start {
		whole = strings.Repeat("0", start-t.zeroFrom) + whole
		start = t.zeroFrom
	}
	var out strings.Builder
	signed := t.sign != 0 || t.has("MI") || t.has("PL") || t.has("SG")
	place, fracPlace, signDone := 0, 0, signed
	lead := func() { // the sign stands right before the first digit
		if signDone {
			return
		}
		signDone = true
		switch {
		case negative && t.angle:
			out.WriteByte('<')
		case negative:
			out.WriteByte('-')
		case !t.fill:
			out.WriteByte(' ')
		}
	}
	if t.sign == 'S' {
		signDone = false
	}
	plus := func(yes, no string) {
		if negative {
			out.WriteString(yes)
		} else if no != " " || !t.fill {
			out.WriteString(no)
		}
	}
	leadS := func() {
		if t.sign == 'S' && !signDone {
			signDone = true
			plus("-", "+")
			return
		}
		lead()
	}
	inFrac := false
	for _, p := range t.pieces {
		switch p {
		case "9", "0":
			switch {
			case inFrac && fracPlace < len(frac):
				out.WriteByte(frac[fracPlace])
				fracPlace++
			case inFrac:
			case place < start:
				if !t.fill {
					out.WriteByte(' ')
				}
				place++
			default:
				leadS()
				out.WriteByte(whole[place-start])
				place++
			}
		case ".":
			leadS()
			inFrac = true
			if frac != "" || !t.fill || t.frac > 0 && !t.fill || t.hasPoint && t.fill {
				out.WriteByte('.')
			}
		case ",":
			if place > start {
				out.WriteByte(',')
			} else if !t.fill {
				out.WriteByte(' ')
			}
		case "MI":
			plus("-", " ")
		case "PL":
			if !negative {
				out.WriteByte('+')
			} else if !t.fill {
				out.WriteByte(' ')
			}
		case "SG":
			plus("-", "+")
		case "S":
			if t.sign == 's' {
				plus("-", "+")
			}
		case "PR":
			if negative {
				out.WriteByte('>')
			} else if !t.fill {
				out.WriteByte(' ')
			}
		default:
			out.WriteString(p[1:])
		}
	}
	return out.String()
}

func (t *numberTemplate) has(piece string) bool {
	for _, p := range t.pieces {
		if p == piece {
			return true
		}
	}
	return false
}
