package pdu_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// testdata returns the path of a folder of third-party test data, which JURAT_TESTDATA locates. It skips the test,
// loudly, if there is none.
func testdata(tb testing.TB, elem ...string) string {
	tb.Helper()
	base := os.Getenv("JURAT_TESTDATA")
	if base == "" {
		base = "../../../../shared"
	}
	path := filepath.Join(append([]string{base}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("SKIPPED, THIRD-PARTY RESPONSES NOT TESTED: %v (set JURAT_TESTDATA)", err)
	}
	return path
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func imprintOf(tb testing.TB, s string) merkle.Imprint {
	tb.Helper()
	im, err := merkle.ParseImprint(unhex(tb, s))
	if err != nil {
		tb.Fatal(err)
	}
	return im
}

func open(tb testing.TB, data []byte) *pdu.Envelope {
	tb.Helper()
	e, err := pdu.Parse(data)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

var anon = pdu.Header{Login: "anon"}

var anonKey = []byte("anon")

// demoElements are the elements of a small signature: "hello\n" filed at second 5 of a calendar that ends at 7.
const demoElements = `
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
 0821 018fdcd35f1402e27353557c7cab2a17ae3c61257c38f8bd4b20a4809a2c3fbcef`

// demoChain is the calendar chain in demoElements.
func demoChain(tb testing.TB) []byte { return unhex(tb, demoElements)[0x66:] }

// samples are PDUs of every kind, each as the writer makes it.
func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	document := imprintOf(tb, "015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
	all := map[string][]byte{}
	request := func(name string, q pdu.Request) {
		q.Header = anon
		b, err := q.Append(nil, merkle.SHA256, anonKey)
		if err != nil {
			tb.Fatal(err)
		}
		all[name] = b
	}
	response := func(name string, r pdu.Response) {
		r.Header = pdu.Header{Login: "anon", Instance: 7, Message: 1 << 40}
		b, err := r.Append(nil, merkle.SHA512, anonKey)
		if err != nil {
			tb.Fatal(err)
		}
		all[name] = b
	}
	request("aggregate", pdu.Request{Aggregate: &pdu.AggregationRequest{ID: 1, Input: document, Level: 5}, Config: true})
	request("extend", pdu.Request{Service: pdu.Extender, Extend: &pdu.ExtensionRequest{ID: 2, From: 5, To: 7}})
	request("extend to newest", pdu.Request{Service: pdu.Extender, Extend: &pdu.ExtensionRequest{From: 5}})
	request("extender config", pdu.Request{Service: pdu.Extender, Config: true})
	response("aggregated", pdu.Response{Aggregate: &pdu.AggregationResponse{ID: 1, Elements: unhex(tb, demoElements)},
		Config: &pdu.Config{MaxLevel: 32, Algorithm: merkle.SHA256, PeriodMillis: 1000, MaxRequests: 99,
			Parents: []string{"ksi://a.example", ""}}})
	response("not aggregated", pdu.Response{Aggregate: &pdu.AggregationResponse{ID: 1, Status: pdu.OverQuota, Message: "later"}})
	response("extended", pdu.Response{Service: pdu.Extender,
		Extend: &pdu.ExtensionResponse{ID: 2, Newest: 9, Chain: demoChain(tb)}})
	response("not extended", pdu.Response{Service: pdu.Extender, Extend: &pdu.ExtensionResponse{Status: pdu.TimeTooNew},
		Config: &pdu.Config{MaxRequests: 3, Parents: []string{"x"}, First: 1, Newest: 9}})
	response("config", pdu.Response{Service: pdu.Extender, Config: &pdu.Config{}})
	response("error", pdu.Response{Service: pdu.Extender, Error: &pdu.Error{Status: pdu.InvalidRequest, Message: "?"}})
	return all
}

// rewrite reads the payloads of e and writes them anew with the key, under e's algorithm. It returns nothing if there are
// none to write.
func rewrite(tb testing.TB, e *pdu.Envelope) ([]byte, error) {
	tb.Helper()
	var b []byte
	var err error
	if e.IsResponse {
		r, fault := e.Response()
		if fault != nil {
			return nil, fault
		}
		b, err = r.Append([]byte("x"), e.Algorithm(), anonKey)
	} else {
		q, fault := e.Request()
		if fault != nil {
			return nil, fault
		}
		if q.Aggregate == nil && q.Extend == nil && !q.Config {
			return nil, nil // an acknowledgment, which is not kept
		}
		b, err = q.Append([]byte("x"), e.Algorithm(), anonKey)
	}
	if err != nil {
		tb.Fatalf("what was read cannot be written: %v", err)
	}
	return bytes.TrimPrefix(b, []byte("x")), nil
}

// elements splits the children of an element.
func elements(tb testing.TB, data []byte) (all []tlv.Element) {
	tb.Helper()
	root, err := tlv.ParseOne(data)
	if err != nil {
		tb.Fatal(err)
	}
	for r := root.Children(); r.More(); {
		e, err := r.Next()
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}
