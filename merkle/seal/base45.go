package seal

import (
	"errors"
	"fmt"
	"strings"
)

// base45Digits is the alphabet of RFC 9285, that of a QR code's alphanumeric mode.
const base45Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// appendBase45 appends the base45 form of data: three characters for two bytes, two for a last one.
func appendBase45(dst, data []byte) []byte {
	for ; len(data) > 1; data = data[2:] {
		n := int(data[0])<<8 | int(data[1])
		dst = append(dst, base45Digits[n%45], base45Digits[n/45%45], base45Digits[n/45/45])
	}
	if len(data) == 1 {
		dst = append(dst, base45Digits[data[0]%45], base45Digits[data[0]/45])
	}
	return dst
}

// decodeBase45 reads what appendBase45 writes, and nothing else.
func decodeBase45(text string) ([]byte, error) {
	data := make([]byte, 0, len(text)/3*2+1)
	for i := 0; i < len(text); i += 3 {
		group := text[i:min(i+3, len(text))]
		n := 0
		for k := len(group) - 1; k >= 0; k-- {
			d := strings.IndexByte(base45Digits, group[k])
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
