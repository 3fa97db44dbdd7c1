package fn

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

func formatFunctions() []*Function {
	return []*Function{
		def("format(text) text stable nullable", rowwise(format)),
		def("format(text,any) text stable nullable variadic", rowwise(format)),
	}
}

// A directive is one %… of a format.
type directive struct {
	position int // argument number, 0 for the next
	left     bool
	width    int
	star     int // argument number of the width, 0 for the next, -1 for none
	kind     byte
}

func format(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	f := args[0].B
	var out []byte
	var room room
	next := 1
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			out = append(out, f[i])
			continue
		}
		if i+1 < len(f) && f[i+1] == '%' {
			out = append(out, '%')
			i++
			continue
		}
		d, n, err := parseDirective(f[i+1:])
		if err != nil {
			return value.Datum{}, err
		}
		i += n
		if out, err = d.apply(env, out, args, &next); err != nil {
			return value.Datum{}, err
		}
		if err := room.reach(env, len(out)); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewBytes(value.Text, out), nil
}

var errDirective = &value.Error{
	Code: value.CodeInvalidParameter, Message: "unterminated format() type specifier",
	Hint: "For a single \"%\" use \"%%\".",
}

// parseDirective reads [position$][-][width]type and returns its length.
func parseDirective(f []byte) (d directive, n int, err error) {
	d.star = -1
	number := func() (int, bool) {
		start := n
		for n < len(f) && f[n] >= '0' && f[n] <= '9' {
			n++
		}
		x, err := strconv.ParseInt(string(f[start:n]), 10, 32)
		return int(x), err == nil
	}
	if x, ok := number(); ok && n < len(f) && f[n] == '$' {
		if x == 0 {
			return d, 0, errPosition
		}
		d.position = x
		n++
	} else {
		n = 0
	}
	for n < len(f) && f[n] == '-' {
		d.left = true
		n++
	}
	if n < len(f) && f[n] == '*' {
		n++
		start := n
		x, ok := number()
		if d.star = 0; ok && n < len(f) && f[n] == '$' {
			if x == 0 {
				return d, 0, errPosition
			}
			d.star = x
			n++
		} else {
			n = start
		}
	} else {
		d.width, _ = number()
	}
	if n == len(f) {
		return d, 0, errDirective
	}
	if d.kind = f[n]; strings.IndexByte("sIL", d.kind) < 0 {
		_, size := utf8.DecodeRune(f[n:])
		return d, 0, &value.Error{
			Code: value.CodeInvalidParameter, Hint: "For a single \"%\" use \"%%\".",
			Message: "unrecognized format() type specifier \"" + string(f[n:n+size]) + "\"",
		}
	}
	return d, n + 1, nil
}

var errPosition = value.Errorf(value.CodeInvalidParameter, "format specifies argument 0, but arguments are numbered from 1")

func (d directive) apply(env *Env, out []byte, args []value.Datum, next *int) ([]byte, error) {
	pick := func(position int) (value.Datum, error) {
		if position > 0 {
			*next = position
		}
		at := *next
		*next = at + 1
		if at >= len(args) {
			return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "too few arguments for format()")
		}
		return args[at], nil
	}
	if d.star >= 0 {
		w, err := pick(d.star)
		if err != nil {
			return nil, err
		}
		if err := d.setWidth(env, w); err != nil {
			return nil, err
		}
	}
	a, err := pick(d.position)
	if err != nil {
		return nil, err
	}
	text, err := d.text(env, a)
	if err != nil {
		return nil, err
	}
	pad := d.width - utf8.RuneCountInString(text)
	if err := env.fits(max(0, pad)); err != nil {
		return nil, err
	}
	padding := strings.Repeat(" ", max(0, pad))
	if d.left {
		return append(append(out, text...), padding...), nil
	}
	return append(append(out, padding...), text...), nil
}

func (d *directive) setWidth(env *Env, w value.Datum) error {
	if w.Null {
		return nil
	}
	n, err := strconv.Atoi(w.Text(env.Settings))
	if err != nil || n > math.MaxInt32 || n <= math.MinInt32 {
		return value.Errorf(value.CodeOutOfRange, "number is out of range")
	}
	if d.width = n; n < 0 {
		d.left, d.width = true, -n
	}
	return nil
}

func (d directive) text(env *Env, a value.Datum) (string, error) {
	switch {
	case a.Null && d.kind == 'I':
		return "", value.Errorf(value.CodeNullNotAllowed, "null values cannot be formatted as an SQL identifier")
	case a.Null && d.kind == 'L':
		return "NULL", nil
	case a.Null:
		return "", nil
	case d.kind == 'I':
		return QuoteIdent(a.Text(env.Settings)), nil
	case d.kind == 'L':
		return quoteLiteral(a.Text(env.Settings)), nil
	}
	return a.Text(env.Settings), nil
}
