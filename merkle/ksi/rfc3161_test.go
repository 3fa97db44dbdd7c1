package ksi_test

import (
	"bytes"
	"crypto/sha512"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// withRFC3161 returns a signature of SHA-256("hello\n") by way of a record as of a converted RFC 3161 time stamp, whose
// signed attributes are hashed with SHA-512.
func withRFC3161(tb testing.TB) []byte {
	tb.Helper()
	document := merkletest.Hash([]byte("hello\n"))
	info := merkletest.Hash([]byte("tst<"), document[1:], []byte(">"))
	signed := sha512.Sum512(bytes.Join([][]byte{[]byte("signed<"), info[1:], []byte(">")}, nil))
	p := ownParts(tb)
	p.Leaf = imprintOf(tb, merkletest.Hash([]byte{5}, signed[:]))
	p.Notice = &ksi.Notice{}
	data := build(tb, p).Append(nil)

	root := takeApart(tb, data)
	record := tlv.Append(nil, 0x10, 0, []byte("tst<"))
	record = tlv.Append(record, 0x11, 0, []byte(">"))
	record = tlv.AppendUint(record, 0x12, 0, 1)
	record = tlv.Append(record, 0x13, 0, []byte("signed<"))
	record = tlv.Append(record, 0x14, 0, []byte(">"))
	record = tlv.AppendUint(record, 0x15, 0, 5)
	var head []byte
	for _, c := range root.nodes[0].nodes {
		switch c.tag {
		case 2, 3:
			head = c.append(head)
		case 5:
			head = tlv.Append(head, 5, 0, document)
		}
	}
	root.nodes = append([]*node{{tag: 0x806, value: append(head, record...)}}, root.nodes...)
	return root.append(nil)
}
