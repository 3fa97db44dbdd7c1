package index

import (
	"encoding/hex"
	"testing"
)

// TestHash compares with SipHash-1-3 as CPython 3.11 has it in hash(bytes), for messages 00 01 02 …, under the keys that
// PYTHONHASHSEED=0 and PYTHONHASHSEED=7 give; and with the first reference vector.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		key  string
		sums map[int]uint64
	}{
		{"000102030405060708090a0b0c0d0e0f", map[int]uint64{0: 0xabac0158050fc4dc}},
		{"00000000000000000000000000000000", map[int]uint64{
			1: 0x68a914128e01e473, 7: 0x2f098ab0c751325a, 8: 0xead411e67ebe2eea, 20: 0x639e355ae68c0100,
			28: 0x8cd57fe8130d0ac7, 32: 0x31ef8061c910629b, 48: 0xfe1f2445ba50237f, 64: 0x75e05fd5bbc870c6,
		}},
		{"3d0e6f80a174c8124f78d2f9d2890a47", map[int]uint64{
			1: 0x7e255bf0210f9775, 7: 0x987cfd95990dd34b, 8: 0x8450991e34fe08de, 20: 0xeed21668d559ec9c,
			28: 0xefed3ba14403375c, 32: 0xefb0a08e62aba998, 48: 0x7942a890accc8f66, 64: 0x2128138620d8ef33,
		}},
	} {
		raw, err := hex.DecodeString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		k := storedKey(raw).words()
		if k.bytes() != storedKey(raw) {
			t.Errorf("key %s comes back as %x", c.key, k.bytes())
		}
		for n, want := range c.sums {
			m := make([]byte, n)
			for i := range m {
				m[i] = byte(i)
			}
			if got := k.hash(m); got != want {
				t.Errorf("key %s, %d bytes: %#x, want %#x", c.key, n, got, want)
			}
		}
	}
}
