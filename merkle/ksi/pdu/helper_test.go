package pdu_test

import (
	"bytes"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

func imprintOf(tb testing.TB, s string) merkle.Imprint {
	tb.Helper()
	im, err := merkle.ParseImprint(merkletest.Unhex(s))
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
	response("aggregated", pdu.Response{Aggregate: &pdu.AggregationResponse{ID: 1, Elements: ksitest.DemoElements()},
		Config: &pdu.Config{MaxLevel: 32, Algorithm: merkle.SHA256, PeriodMillis: 1000, MaxRequests: 99,
			Parents: []string{"ksi://a.example", ""}}})
	response("not aggregated", pdu.Response{Aggregate: &pdu.AggregationResponse{ID: 1, Status: pdu.OverQuota, Message: "later"}})
	response("extended", pdu.Response{Service: pdu.Extender,
		Extend: &pdu.ExtensionResponse{ID: 2, Newest: 9, Chain: ksitest.DemoChain()}})
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
