package cbor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
)

// vectors are those of RFC 8949, appendix A, that the subset has, and some of its edges.
var vectors = []struct {
	hex   string
	value cbor.Value
}{
	{"00", cbor.Number(0)}, {"17", cbor.Number(23)}, {"1818", cbor.Number(24)}, {"1864", cbor.Number(100)}, {"1903e8", cbor.Number(1000)},
	{"1a000f4240", cbor.Number(1000000)}, {"1b000000e8d4a51000", cbor.Number(1000000000000)}, {"20", cbor.Number(-1)},
	{"3863", cbor.Number(-100)}, {"3903e7", cbor.Number(-1000)}, {"1b7fffffffffffffff", cbor.Number(math.MaxInt64)},
	{"3b7fffffffffffffff", cbor.Number(math.MinInt64)}, {"18ff", cbor.Number(255)}, {"190100", cbor.Number(256)},
	{"19ffff", cbor.Number(65535)}, {"1a00010000", cbor.Number(65536)}, {"1b0000000100000000", cbor.Number(1 << 32)},
	{"f4", cbor.Value{Kind: cbor.False}}, {"f5", cbor.Value{Kind: cbor.True}}, {"f6", cbor.Value{}},
	{"40", cbor.Blob(nil)}, {"4401020304", cbor.Blob([]byte{1, 2, 3, 4})}, {"60", cbor.String("")}, {"6161", cbor.String("a")},
	{"62c3bc", cbor.String("ü")}, {"63e6b0b4", cbor.String("水")}, {"64f0908591", cbor.String("𐅑")}, {"80", cbor.List()},
	{"8301820203820405", cbor.List(cbor.Number(1), cbor.List(cbor.Number(2), cbor.Number(3)), cbor.List(cbor.Number(4), cbor.Number(5)))},
	{"a0", cbor.Value{Kind: cbor.Map}},
	{"a26161016162820203", cbor.Value{Kind: cbor.Map, Pairs: []cbor.Pair{{Key: "a", Value: cbor.Number(1)},
		{Key: "b", Value: cbor.List(cbor.Number(2), cbor.Number(3))}}}},
	{"a2617a00626161f6", cbor.Value{Kind: cbor.Map, Pairs: []cbor.Pair{{Key: "z", Value: cbor.Number(0)}, {Key: "aa"}}}},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		want, _ := hex.DecodeString(v.hex)
		if err := v.value.Check(); err != nil {
			t.Errorf("%s: %v", v.hex, err)
		}
		if got := v.value.Append(nil); !bytes.Equal(got, want) {
			t.Errorf("wrote %x, want %s", got, v.hex)
		}
		checkParsed(t, want)
		for cut := range want {
			if _, err := cbor.Parse(want[:cut]); !errors.Is(err, cbor.ErrFormat) {
				t.Errorf("%x, the start of %s: %v", want[:cut], v.hex, err)
			}
		}
	}
}

// TestRefused has what other encoders write, and what is no CBOR at all.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		"", "1800", "1817", "190018", "1900ff", "1a0000ffff", "1b00000000ffffffff", // longer than need be
		"1b8000000000000000", "3bffffffffffffffff", // beyond an int64
		"f7", "f0", "f820", "fa47c35000", "f90000", "fb3ff199999999999a", "c11a514b67b0", // undefined, simple, floats, a tag
		"5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "bf61610161629f0203ffff", // indefinite
		"62c328", "61ff", "a161ff00", // no UTF-8
		"a2616200616100", "a2616100616100", "a262616100617a00", // order, twice, order by length
		"a10000", "a1410000", "a1", "82", "8201", "9bffffffffffffffff", "bbffffffffffffffff", "0000", "1c", "ff", // keys, lengths, more than one
		strings.Repeat("81", cbor.MaxDepth+1) + "00",
	} {
		data, _ := hex.DecodeString(text)
		if v, err := cbor.Parse(data); !errors.Is(err, cbor.ErrFormat) {
			t.Errorf("%s: read as %v, error %v", text, v, err)
		}
	}
	deep := strings.Repeat("81", cbor.MaxDepth) + "00"
	data, _ := hex.DecodeString(deep)
	checkParsed(t, data)
	for _, v := range []cbor.Value{
		cbor.String("\xff"),
		{Kind: cbor.Map, Pairs: []cbor.Pair{{Key: "b"}, {Key: "a"}}},
		{Kind: cbor.Map, Pairs: []cbor.Pair{{Key: "a"}, {Key: "a"}}},
		{Kind: cbor.Map, Pairs: []cbor.Pair{{Key: "\xff"}}},
	} {
		if v.Check() == nil {
			t.Errorf("%v can be written", v)
		}
	}
}

// TestMaxItems: an array of so many values is read, and one of more is not, whatever they are.
func TestMaxItems(t *testing.T) {
	for n, want := range map[int]bool{cbor.MaxItems - 1: true, cbor.MaxItems: false, 1 << 16: false} {
		list := cbor.Value{Kind: cbor.Array, Items: make([]cbor.Value, n)}
		if _, err := cbor.Parse(list.Append(nil)); (err == nil) != want {
			t.Errorf("%d values in an array: %v", n, err)
		}
	}
}

func checkParsed(t *testing.T, data []byte) {
	t.Helper()
	v, err := cbor.Parse(data)
	if err != nil {
		if !errors.Is(err, cbor.ErrFormat) {
			t.Fatalf("%x: %v", data, err)
		}
		return
	}
	if err := v.Check(); err != nil {
		t.Fatalf("%x was read, and cannot be written: %v", data, err)
	}
	if again := v.Append(nil); !bytes.Equal(again, data) {
		t.Fatalf("%x was read, %x written", data, again)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.value.Append(nil))
	}
	f.Fuzz(checkParsed)
}
