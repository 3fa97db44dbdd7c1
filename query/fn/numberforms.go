package fn

import (
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// romanWidth is the width of the longest Roman number below 4000.
const romanWidth = 15

// romanChar writes a number from 1 to 3999 in Roman letters.
func romanChar(x value.Numeric, t *numberTemplate) string {
	n, ok := x.Round(0).Int64()
	if !ok || n < 1 || n > 3999 {
		return strings.Repeat("#", romanWidth)
	}
	var out strings.Builder
	for _, r := range []struct {
		n    int64
		text string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for ; n >= r.n; n -= r.n {
			out.WriteString(r.text)
		}
	}
	text := out.String()
	if t.roman == "rn" {
		text = strings.ToLower(text)
	}
	if t.fill {
		return text
	}
	return fmt.Sprintf("%*s", romanWidth, text)
}

// scientificChar writes a number as a coefficient and a power of ten.
func scientificChar(x value.Numeric, t *numberTemplate) string {
	if !x.Finite() {
		return " " + strings.Repeat("#", t.whole) + "." + strings.Repeat("#", t.frac+4)
	}
	digits := x.Abs().Coefficient().String()
	exponent := len(digits) - 1 - x.Scale()
	if x.Sign() == 0 {
		digits, exponent = "0", 0
	}
	// Rounding up 9.99 gives 10.0 and leaves the exponent, as in Postgres.
	coef := value.BigNumeric(x.Abs().Coefficient(), len(digits)-1).Round(t.frac)
	sign := " "
	if x.Sign() < 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s%se%+03d", sign, coef.String(), exponent)
}
