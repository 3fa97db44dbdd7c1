package fn

import (
	"math/big"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A numberTemplate is a template of to_char for numbers: 9 0 . , D G L S MI PL SG PR V TH RN EEEE FM and text. B C SP are
// read and mean nothing.
type numberTemplate struct {
	whole, frac int      // digit places
	zeroFrom    int      // place of the first 0 before the point, counted from the left; -1 for none
	zeroTo      int      // last place behind the point that a 0 asks for
	fill        bool     // FM
	sign        byte     // 'S' before the digits, 's' behind, 0 for the place in front
	signs       bool     // MI, PL or SG
	angle       bool     // PR
	idle        bool     // B
	hasPoint    bool     // a point stood in the pattern
	roman       string   // RN or rn
	scientific  bool     // EEEE
	shifted     bool     // V
	shift       int      // digit places behind V
	pieces      []string // "9", "0", ".", ",", "MI", "PL", "SG", "S", "PR", "TH", "th", "L", or "=text"
}

func parseNumberTemplate(f string) (*numberTemplate, error) {
	if len(f) > maxTemplate {
		return nil, errTooLong()
	}
	t := &numberTemplate{zeroFrom: -1}
	for f != "" {
		piece, n := numberPiece(f)
		f = f[n:]
		if message := t.conflict(piece); message != "" {
			e := &value.Error{Code: value.CodeSyntax, Message: message}
			if piece == "EEEE" {
				e.Detail = `"EEEE" may only be used together with digit and decimal point patterns.`
			}
			return nil, e
		}
		switch piece {
		case "9", "0":
			t.digit(piece == "0")
		case ".":
			t.hasPoint = true
		case "FM":
			t.fill = true
			continue
		case "S":
			t.sign = 'S'
			if t.whole+t.frac > 0 {
				t.sign = 's'
			}
		case "MI", "PL", "SG":
			t.signs = true
		case "PR":
			t.angle = true
		case "B", "C", "SP":
			t.idle = t.idle || piece == "B"
			continue
		case "RN", "rn":
			t.roman = piece
		case "EEEE":
			t.scientific = true
		case "V":
			t.shifted = true
			continue
		}
		t.pieces = append(t.pieces, piece)
	}
	return t, nil
}

// conflict says why a piece may not follow the ones before, "" if it may.
func (t *numberTemplate) conflict(piece string) string {
	switch {
	case piece[0] == '=':
	case t.scientific:
		return `"EEEE" must be the last pattern used`
	case (piece == "9" || piece == "0") && t.angle:
		return `"` + piece + `" must be ahead of "PR"`
	case piece == "." && t.hasPoint:
		return "multiple decimal points"
	case piece == "." && t.shifted, piece == "V" && t.hasPoint:
		return `cannot use "V" and decimal point together`
	case piece == "S" && t.sign != 0:
		return `cannot use "S" twice`
	case piece == "S" && (t.signs || t.angle):
		return `cannot use "S" and "PL"/"MI"/"SG"/"PR" together`
	case (piece == "MI" || piece == "PL" || piece == "SG") && t.sign != 0:
		return `cannot use "S" and "` + piece + `" together`
	case piece == "PR" && (t.sign != 0 || t.signs):
		return `cannot use "PR" and "S"/"PL"/"MI"/"SG" together`
	case piece == "EEEE" && (t.idle || t.fill || t.sign != 0 || t.angle || t.signs || t.roman != "" || t.shifted):
		return `"EEEE" is incompatible with other formats`
	}
	return ""
}

func (t *numberTemplate) digit(zero bool) {
	if t.hasPoint {
		if t.frac++; zero {
			t.zeroTo = t.frac
		}
		return
	}
	if zero && t.zeroFrom < 0 {
		t.zeroFrom = t.whole
	}
	t.whole++
	if t.shifted {
		t.shift++
	}
}

func numberPiece(f string) (piece string, n int) {
	for _, p := range []string{"EEEE", "FM", "MI", "PL", "SG", "SP", "PR", "RN", "TH", "S", "V", "9", "0", ".", ",", "B", "C", "L"} {
		small := strings.ToLower(p)
		switch {
		case strings.HasPrefix(f, p):
			return p, len(p)
		case !strings.HasPrefix(f, small):
		case p == "TH" || p == "RN":
			return small, len(p)
		default:
			return p, len(p)
		}
	}
	switch f[0] {
	case 'D', 'd':
		return ".", 1
	case 'G', 'g':
		return ",", 1
	}
	text, rest := literalAt(f)
	return "=" + text, len(f) - len(rest)
}

func numberChar(x value.Numeric, f string) (string, error) {
	t, err := parseNumberTemplate(f)
	if err != nil {
		return "", err
	}
	switch {
	case t.roman != "":
		return romanChar(x, t), nil
	case t.scientific:
		return scientificChar(x, t), nil
	}
	if t.shift > 0 {
		if x, err = x.Mul(value.BigNumeric(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.shift)), nil), 0)); err != nil {
			return "", err
		}
	}
	r := x.Round(t.frac)
	whole, frac, _ := strings.Cut(r.Abs().String(), ".")
	if whole == "0" && t.frac > 0 && t.zeroFrom < 0 && t.whole > 0 {
		whole = ""
	}
	overflows := false
	switch {
	case x.IsNaN() && t.whole >= 3:
		whole, frac = "NaN", ""
	case !x.Finite() || len(whole) > t.whole:
		overflows = true
		whole, frac = strings.Repeat("#", t.whole), strings.Repeat("#", t.frac)
	}
	for t.fill && len(frac) > t.zeroTo && strings.HasSuffix(frac, "0") {
		frac = frac[:len(frac)-1]
	}
	if t.fill && whole == "" && frac == "" && t.zeroTo == 0 { // a lone point would be no number
		whole = "0"
	}
	w := &numberWriter{numberTemplate: t, frac: frac, negative: r.Sign() < 0}
	w.bare = t.whole > 0 && !overflows && (t.frac == 0 || x.IsNaN() && frac == "")
	w.start = t.whole - len(whole)
	if t.zeroFrom >= 0 && t.zeroFrom < w.start {
		whole = strings.Repeat("0", w.start-t.zeroFrom) + whole
		w.start = t.zeroFrom
	}
	w.whole = whole
	w.signed = t.sign == 's' || slices.ContainsFunc(t.pieces, func(p string) bool { return p == "MI" || p == "SG" })
	for _, p := range t.pieces {
		w.piece(p)
	}
	return w.out.String(), nil
}

// A numberWriter lays digits out over a template.
type numberWriter struct {
	*numberTemplate
	whole, frac string // digits
	negative    bool
	start       int  // place of the first digit before the point
	place       int  // places before the point passed
	inFrac      bool // the point is passed
	fracPlace   int  // places behind it passed
	bare        bool // no places follow the point, which is not shown then
	signed      bool // the sign is written, or stands elsewhere
	out         strings.Builder
}

func (w *numberWriter) piece(p string) {
	switch p {
	case "9", "0":
		w.digitPlace()
	case ".":
		w.lead()
		w.inFrac = true
		if !w.bare {
			w.out.WriteByte('.')
		}
	case ",":
		if w.place > w.start {
			w.out.WriteByte(',')
		} else {
			w.blank()
		}
	case "MI":
		w.bySign("-", " ")
	case "PL":
		w.bySign(" ", "+")
	case "SG":
		w.bySign("-", "+")
	case "S":
		if w.sign == 's' {
			w.bySign("-", "+")
		}
	case "PR":
		w.bySign(">", " ")
	case "L":
		w.out.WriteByte(' ')
	case "TH", "th":
		if !w.negative && !w.hasPoint && !strings.HasPrefix(w.whole, "#") {
			w.out.WriteString(ordinal(w.whole, p == "TH"))
		}
	default:
		w.out.WriteString(p[1:])
	}
}

// blank fills a place, unless FM says not to.
func (w *numberWriter) blank() {
	if !w.fill {
		w.out.WriteByte(' ')
	}
}

func (w *numberWriter) bySign(negative, other string) {
	s := other
	if w.negative {
		s = negative
	}
	if s == " " {
		w.blank()
		return
	}
	w.out.WriteString(s)
}

// lead writes the sign right before the first digit or the point.
func (w *numberWriter) lead() {
	if w.signed {
		return
	}
	w.signed = true
	switch {
	case w.sign == 'S':
		w.bySign("-", "+")
	case w.angle:
		w.bySign("<", " ")
	default:
		w.bySign("-", " ")
	}
}

func (w *numberWriter) digitPlace() {
	switch {
	case w.inFrac:
		if w.fracPlace < len(w.frac) {
			w.out.WriteByte(w.frac[w.fracPlace])
			w.fracPlace++
		}
	case w.place < w.start:
		w.blank()
		w.place++
	default:
		w.lead()
		w.out.WriteByte(w.whole[w.place-w.start])
		w.place++
	}
}
