package ksitest

import "github.com/jurat-ledger/jurat/merkle/merkletest"

// Demo returns a complete small signature that libksi and goksi accept: "hello\n" filed at second 5 of a calendar of 8 leaves,
// where leaf i is the SHA-256 of the byte i but for leaf 5.
func Demo() []byte {
	return merkletest.Unhex(`
88000137
 88010062
  020105 030105
  0521 015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
  060101
  070c 040a 7e0101 01 05 64656d6f00
  0826 010102 0221 01968ccf654c356f62f975bb400498d62afd2728c16873286db07087ff4608f3c7
 88020092
  010107 020105
  0521 0174f42ebeb2c942d289e36562f42862d889f370ef3d288b7c5cb2334d5bc8a9ba
  0821 01e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71
  0721 018d51341cb09acc303b939b5bad0f703a1744cf899816be006e60df88c09e5d8d
  0821 018fdcd35f1402e27353557c7cab2a17ae3c61257c38f8bd4b20a4809a2c3fbcef
 88030037
  1026 020107 0421 01e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87
  090d 44656d6f2047617a6574746500`)
}

// What a server responds with of Demo.
const (
	demoStart     = 4        // behind its header
	demoChainAt   = 4 + 0x62 // the calendar chain, behind the aggregation chain
	demoChainSize = 4 + 0x92
)

// DemoElements returns the aggregation chain and the calendar chain of Demo, which an aggregation response carries.
func DemoElements() []byte { return Demo()[demoStart:][:demoChainAt+demoChainSize] }

// DemoChain returns the calendar chain of Demo, which an extension response carries.
func DemoChain() []byte { return DemoElements()[demoChainAt:] }
