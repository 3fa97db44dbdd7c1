package merkletest

import (
	"encoding/hex"
	"strings"
)

// Unhex returns the bytes that hexadecimal digits stand for, white space between them or not. It panics if they are no such.
func Unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}
