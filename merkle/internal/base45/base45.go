// Package base45 writes bytes as the text of RFC 9285, whose alphabet is that of a QR code's alphanumeric mode. There is one text for
// given bytes, and Decode refuses every other.
package base45

import (
	"errors"
	"fmt"
	"strings"
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// Append appends the base45 form of data: three characters for two bytes, two for a last one.
func Append(dst, data []byte) []byte {
	for ; len(data) > 1; data = data[2:] {
		n := int(data[0])<<8 | int(data[1])
		dst = append(dst, digits[n%45], digits[n/45%45], digits[n/45/45])
	}
	if len(data) == 1 {
		dst = append(dst, digits[data[0]%45], digits[data[0]/45])
	}
	return dst
}

// Decode reads what Append writes, and nothing else.
func Decode(text string) ([]byte, error) {
	data := make([]byte, 0, len(text)/3*2+1)
	for i := 0; i < len(text); i += 3 {
		group := text[i:min(i+3, len(text))]
		n := 0
		for k := len(group) - 1; k >= 0; k-- {
			d := strings.IndexByte(digits, group[k])
			if d < 0 {
				return nil, fmt.Errorf("character %d, %q, is none of base45", i+k+1, group[k])
			}
			n = 45*n + d
		}
		switch {
		case len(group) == 3 && n < 1<<16:
			data = append(data, byte(n>>8), byte(n))
		case len(group) == 2 && n < 1<<8:
			data = append(data, byte(n))
		case len(group) == 1:
			return nil, errors.New("it ends in the middle of a group of base45")
		default:
			return nil, fmt.Errorf("characters %d and on, %q, stand for no bytes", i+1, group)
		}
	}
	return data, nil
}
