package pdu_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// TestWorkedRequests compares with requests that other KSI clients make, byte for byte.
func TestWorkedRequests(t *testing.T) {
	for _, c := range []struct {
		request pdu.Request
		want    string
	}{
		{pdu.Request{Service: pdu.Extender, Header: anon, Extend: &pdu.ExtensionRequest{ID: 1, From: 1795311846, To: 1795311846}}, `
8320003d 0107 0105 616e6f6e00  020f 010101 0204 6b0248e6 0304 6b0248e6
1f21 01 02d1b4787733e0747428c2f30a8cfdfe587919e65ff38624bc957b221fed96e7`},
		{pdu.Request{Header: anon, Config: true},
			"8220002e 0107 0105616e6f6e00 0400 1f2101 b81d5a298d714ef8f8b73564606e6360984fc8706bcf487f9f93ce22758616c0"},
	} {
		want := merkletest.Unhex(c.want)
		got, err := c.request.Append(nil, merkle.SHA256, anonKey)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("written: %x, %v, want\n%x", got, err, want)
		}
		e := open(t, want)
		if !e.Authentic(anonKey) || e.Authentic([]byte("anom")) || e.Authentic(nil) {
			t.Errorf("%x: authenticity by the key is wrong", want)
		}
		if q, err := e.Request(); err != nil || !reflect.DeepEqual(*q, c.request) {
			t.Errorf("read: %+v, %v, want %+v", q, err, c.request)
		}
	}
}

// TestAggregationRequest checks the bytes of an aggregation request but for two digests.
func TestAggregationRequest(t *testing.T) {
	input := imprintOf(t, "010eff384d"+strings.Repeat("5a", 24)+"64e2a6a6")
	q := pdu.Request{Header: anon, Aggregate: &pdu.AggregationRequest{ID: 1, Input: input, Level: 5}}
	got, err := q.Append(nil, merkle.SHA256, anonKey)
	if err != nil {
		t.Fatal(err)
	}
	want := "82200057 0107 0105616e6f6e00 0229 010101 0221 " + input.String() + " 030105 1f21 01"
	if head := merkletest.Unhex(want); !bytes.HasPrefix(got, head) || len(got) != len(head)+32 {
		t.Errorf("%x, want %x and 32 bytes", got, head)
	}
}

// TestForeignResponses reads what an extender of others answered.
func TestForeignResponses(t *testing.T) {
	dir := require.TestData(t, "ksi-testpack", "pack-2024-libksi", "policy-verification-signatures", "resources")
	files, err := filepath.Glob(filepath.Join(dir, "*.tlv"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e := open(t, data)
		if !e.Authentic(anonKey) || e.Authentic([]byte("anom")) || e.Service != pdu.Extender {
			t.Errorf("%s: authenticity by the key is wrong, or the service %v", file, e.Service)
		}
		r, err := e.Response()
		if err != nil || r.Err() != nil || r.Extend.ID != 1 || r.Header != anon {
			t.Errorf("%s: %+v, %v", file, r, err)
			continue
		}
		again, err := r.Append(nil, merkle.SHA256, anonKey)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: written anew %x, %v", file, again, err)
		}
	}
}

// TestRoundTrip reads every sample and writes it again, and refuses it with any one byte changed, cut or added.
func TestRoundTrip(t *testing.T) {
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			e := open(t, data)
			if bare := name == "error"; e.Authentic(anonKey) == bare {
				t.Errorf("authentic: %v", !bare)
			}
			again, err := rewrite(t, e)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("written anew: %x, %v, want\n%x", again, err, data)
			}
			for i := range data {
				if _, err := pdu.Parse(data[:i]); err == nil {
					t.Errorf("%d of %d bytes are accepted", i, len(data))
				}
				if name == "error" {
					continue
				}
				for _, mask := range []byte{1, 0x10, 0x80, 0xff} {
					changed := bytes.Clone(data)
					changed[i] ^= mask
					if e, err := pdu.Parse(changed); err == nil && e.Authentic(anonKey) {
						t.Errorf("byte %d changed by %x is authentic", i, mask)
					}
				}
			}
			if _, err := pdu.Parse(append(bytes.Clone(data), 0)); err == nil {
				t.Error("a byte behind the end is accepted")
			}
		})
	}
}

// TestRefused looks at what is not a PDU, and what the error says.
func TestRefused(t *testing.T) {
	const header, mac = "0107 0105616e6f6e00 ", " 1f2101 b81d5a298d714ef8f8b73564606e6360984fc8706bcf487f9f93ce22758616c0"
	const noText, number = "0106 010461006100 ", "0109 0103612000 020200 05 "
	for _, c := range []struct{ tag, body, want string }{
		{"2200", header + "0400" + mac, "not a KSI PDU"},
		{"8200", header + "0400" + mac, "not a KSI PDU"},
		{"8222", header + "0400" + mac, "not a KSI PDU"},
		{"8220", "0400" + mac, "no header"},
		{"8220", header + "0400", "no HMAC"},
		{"8221", "0400", "no header"},
		{"8221", "0303040101" + mac, "no header"},
		{"8221", "0303040101 0400", "no header"},
		{"8220", "0400 " + header + mac, "0x220.0x01 at byte 6: header behind a payload"},
		{"8220", header + header + "0400" + mac, "0x220.0x01 at byte 13: repeated"},
		{"8220", header + "0400 0400" + mac, "0x220.0x04 at byte 15: repeated"},
		{"8220", header + mac + " 0400", "0x220.0x04 at byte 48: behind the HMAC"},
		{"8220", header + mac + mac, "0x220.0x1f at byte 48: behind the HMAC"},
		{"8220", header + "0400 0600" + mac, "0x220.0x06 at byte 15: unknown critical"},
		{"8220", header + "0303040101" + mac, "0x220.0x03 at byte 13: unknown critical"},
		{"8320", header + "0500" + mac, "0x320.0x05 at byte 13: unknown critical"},
		{"8220", header + "0400 1f2102 b81d5a298d714ef8f8b73564606e6360984fc8706bcf487f9f93ce22758616c0", "0x220.0x1f at byte 15: malformed"},
		{"8220", header + "0400 1f2108 b81d5a298d714ef8f8b73564606e6360984fc8706bcf487f9f93ce22758616c0", "HMAC with sha3-256"},
		{"8220", header + "0400 1f00", "0x220.0x1f at byte 15: malformed imprint: empty"},
		{"8220", noText + "0400" + mac, "0x220.0x01.0x01 at byte 6: string with a NUL"},
		{"8220", number + "0400" + mac, "0x220.0x01.0x02 at byte 11: integer with a leading zero"},
		{"8220", "0100 0400" + mac, "0x220.0x01 at byte 4: no element 0x01"},
		{"8220", "010a 0105616e6f6e00 090100 0400" + mac, "0x220.0x01.0x09 at byte 13: unknown critical"},
	} {
		body := merkletest.Unhex(c.body)
		data := append(merkletest.Unhex(c.tag+fmt.Sprintf("%04x", len(body))), body...)
		if _, err := pdu.Parse(data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.tag, c.body, err, c.want)
		}
	}
}

// TestRefusedPayloads looks at payloads that are wrong inside an authentic PDU.
func TestRefusedPayloads(t *testing.T) {
	const hash = "0221 015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	for _, c := range []struct{ tag, payloads, want string }{
		{"8220", "", "no payload"},
		{"8220", "0203 010101", "0x220.0x02 at byte 13: no element 0x02"},
		{"8220", "0223" + hash, "0x220.0x02 at byte 13: no element 0x01"},
		{"8220", "0226 010101" + strings.Replace(hash, " 01", " 03", 1), "0x220.0x02.0x02 at byte 18: malformed imprint"},
		{"8220", "0226 010101" + strings.Replace(hash, " 01", " 04", 1), "0x220.0x02.0x02 at byte 18: malformed imprint"},
		{"8220", "022a 010101" + hash + "03020005", "0x220.0x02.0x03 at byte 53: integer with a leading zero"},
		{"8220", "0229 010101" + hash + "040105", "0x220.0x02.0x04 at byte 53: unknown critical"},
		{"8220", "0403 010101", "0x220.0x04.0x01 at byte 15: unknown critical"},
		{"8320", "0203 010101", "0x320.0x02 at byte 13: no element 0x02"},
		{"8320", "0208 010101 020101 0300", "no calendar chain ends at second 0"},
		{"8320", "020d 010101 0208 8000000000000000", "beyond all calendars"},
		{"8320", "0209 010101 020101 020101", "0x320.0x02.0x02 at byte 21: repeated"},
		{"8221", "0203 010101", "no element 0x04"},
		{"8221", "0205 010101 0400", "status 0x000 and a signature of 0 bytes"},
		{"8221", "020b 010101 04020105 88010000", "status 0x105 and a signature of 4 bytes"},
		{"8221", "020d 010101 0400 88020000 88020000", "0x221.0x02.0x802 at byte 24: repeated"},
		{"8221", "020d 010101 0400 88010000 88030000", "0x221.0x02.0x803 at byte 24: unknown critical"},
		{"8221", "0302 0400", "success, in an error"},
		{"8221", "0302 0500", "string does not end in NUL"},
		{"8221", "0403 020103", "no hash algorithm has id 0x03"},
		{"8221", "0404 02020101", "no hash algorithm has id 0x101"},
		{"8221", "0403 110101", "0x221.0x04.0x11 at byte 15: unknown critical"},
		{"8321", "0205 010101 0400", "status 0x000 and a calendar chain of 0 bytes"},
		{"8321", "0403 010101", "0x321.0x04.0x01 at byte 15: unknown critical"},
		{"8321", "04c3" + strings.Repeat("100100", 65), "more than 64 parents"},
	} {
		body := append(merkletest.Unhex("0107 0105616e6f6e00"), merkletest.Unhex(c.payloads)...)
		body = tlv.Append(body, 0x1f, 0, append([]byte{1}, make([]byte, 32)...))
		e := open(t, append(merkletest.Unhex(c.tag+fmt.Sprintf("%04x", len(body))), body...))
		_, err := rewrite(t, e)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.tag, c.payloads, err, c.want)
		}
		if e.IsResponse {
			_, err = e.Request()
		} else {
			_, err = e.Response()
		}
		if err == nil || !strings.Contains(err.Error(), "is wanted") {
			t.Errorf("%s read as the other direction: %v", c.tag, err)
		}
	}
}

// TestPartialRequest checks that the id of a request survives a fault behind it.
func TestPartialRequest(t *testing.T) {
	body := merkletest.Unhex("0107 0105616e6f6e00 0208 01012a 0203030000 0400")
	body = tlv.Append(body, 0x1f, 0, append([]byte{1}, make([]byte, 32)...))
	q, err := open(t, tlv.Append(nil, 0x220, 0, body)).Request()
	if !errors.Is(err, merkle.ErrImprint) || q == nil || q.Aggregate == nil || q.Aggregate.ID != 42 {
		t.Errorf("%+v, %v", q, err)
	}
}

// TestIgnored checks that unknown elements which may be ignored are, and acknowledgments too.
func TestIgnored(t *testing.T) {
	const hash = "0221 015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	body := merkletest.Unhex("490100 610a 0105616e6f6e00 490101 022d 010101 5e0199 " + hash + " c9990000 0502 0101 0402 5e00")
	body = tlv.Append(body, 0x1f, 0, append([]byte{1}, make([]byte, 32)...))
	q, err := open(t, tlv.Append(nil, 0x220, 0, body)).Request()
	if err != nil || q.Aggregate.ID != 1 || !q.Config || q.Header != anon {
		t.Errorf("%+v, %v", q, err)
	}
	body = tlv.Append(merkletest.Unhex("0107 0105616e6f6e00 0500"), 0x1f, 0, append([]byte{1}, make([]byte, 32)...))
	if q, err := open(t, tlv.Append(nil, 0x220, 0, body)).Request(); err != nil || q.Aggregate != nil || q.Config {
		t.Errorf("acknowledgment alone: %+v, %v", q, err)
	}
}

// TestSignature takes a signature out of a response and puts it back.
func TestSignature(t *testing.T) {
	r := pdu.AggregationResponse{Elements: ksitest.DemoElements()}
	s, err := r.Signature()
	if err != nil {
		t.Fatal(err)
	}
	if v := ksi.Verify(t.Context(), s, ksi.Options{}); v.Verdict != ksi.OK || s.Time() != calendar.Second(5) {
		t.Errorf("%v", v)
	}
	back, err := pdu.SignatureElements(s)
	if err != nil || !bytes.Equal(back, r.Elements) {
		t.Errorf("%x, %v", back, err)
	}
	extended := tlv.Append(nil, 0x800, 0, append(bytes.Clone(r.Elements), merkletest.Unhex(`88030028
		1026 020107 0421 01e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87`)...))
	s, err = ksi.Parse(extended)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pdu.SignatureElements(s); err == nil || !strings.Contains(err.Error(), "0x800.0x803 at byte 256") {
		t.Errorf("extended signature: %v", err)
	}
}

// TestTooLarge writes what does not fit.
func TestTooLarge(t *testing.T) {
	long := strings.Repeat("n", tlv.MaxSize-1)
	for _, h := range []pdu.Header{{Login: long}, {Login: "\x00"}, {Login: long[:tlv.MaxSize-40]}} {
		q := pdu.Request{Header: h, Config: true}
		if _, err := q.Append(nil, merkle.SHA256, anonKey); err == nil {
			t.Errorf("login id of %d bytes is written", len(h.Login))
		}
	}
	for _, size := range []int{tlv.MaxSize, tlv.MaxSize - 7, tlv.MaxSize - 30} {
		r := pdu.Response{Header: anon, Aggregate: &pdu.AggregationResponse{Elements: make([]byte, size)}}
		if _, err := r.Append(nil, merkle.SHA256, anonKey); err == nil {
			t.Errorf("signature of %d bytes is written", size)
		}
	}
	q := pdu.Request{Header: anon, Config: true}
	for _, a := range []merkle.Algorithm{merkle.SHA1, merkle.SHA3_256, 0x7e} {
		if _, err := q.Append(nil, a, anonKey); err == nil || !strings.Contains(err.Error(), "want sha256") {
			t.Errorf("HMAC with %v: %v", a, err)
		}
	}
	r := pdu.Response{Error: &pdu.Error{Status: 1, Message: "a\x00b\xff" + strings.Repeat("é", 2000)}}
	b, err := r.Append(nil, merkle.SHA256, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := open(t, b).Response()
	if want := "ab" + strings.Repeat("é", 498); err != nil || got.Error.Message != want {
		t.Errorf("message %q, %v", got.Error.Message, err)
	}
}

// TestStatus checks that both services have words for their own codes and for no others.
func TestStatus(t *testing.T) {
	for s, n := range map[pdu.Service]int{pdu.Aggregator: 11, pdu.Extender: 13} {
		found := 0
		for code := pdu.Status(0); code < 0x1000; code++ {
			named, said := code.Name(s) != "unknown status", code.Sentence(s) != ""
			if named != said {
				t.Errorf("%v 0x%x: name %q, sentence %q", s, uint64(code), code.Name(s), code.Sentence(s))
			}
			if named {
				found++
			}
			if code.ClientFault() != (code >= 0x100 && code < 0x200) {
				t.Errorf("0x%x: client fault %v", uint64(code), code.ClientFault())
			}
		}
		if found != n {
			t.Errorf("%v has %d codes, want %d", s, found, n)
		}
	}
	for want, err := range map[string]error{
		"aggregator: status 0x105, over quota: The client has used up its requests for now; ask again in the next period.": &pdu.Error{Status: 0x105},
		`extender: status 0x105, time too old: "before 2026"`:                                                              &pdu.Error{Service: pdu.Extender, Status: 0x105, Message: "before 2026"},
		"extender: status 0x7777, unknown status: ":                                                                        &pdu.Error{Service: pdu.Extender, Status: 0x7777},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}

// TestReader takes all samples from one stream, whole and byte by byte, and knows where a stream breaks.
func TestReader(t *testing.T) {
	var stream []byte
	var want [][]byte
	for _, data := range samples(t) {
		stream, want = append(stream, data...), append(want, data)
	}
	big := tlv.Append(nil, 0x320, 0, make([]byte, tlv.MaxSize))
	stream, want = append(stream, big...), append(want, big)
	for _, r := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)),
		iotest.DataErrReader(bytes.NewReader(stream))} {
		in := pdu.NewReader(r)
		for i := range want {
			if err := in.Wait(); err != nil {
				t.Fatal(err)
			}
			if got, err := in.Next(); err != nil || !bytes.Equal(got, want[i]) {
				t.Fatalf("PDU %d: %x, %v", i, got, err)
			}
		}
		if err := in.Wait(); err != io.EOF {
			t.Errorf("wait at the end: %v", err)
		}
		if _, err := in.Next(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	for i := 1; i < len(big); i += 1 + i/10 {
		if _, err := pdu.NewReader(bytes.NewReader(big[:i])).Next(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
	for _, garbage := range []string{"GET / HTTP/1.1\r\n", "\x82\x22\x00\x01\x00", "\x02\x20\x00\x01\x00", "\x16\x03\x01\x02\x00"} {
		if _, err := pdu.NewReader(strings.NewReader(garbage)).Next(); !errors.Is(err, pdu.ErrNotPDU) {
			t.Errorf("%q: %v", garbage, err)
		}
	}
	if s, ok := pdu.ServiceOf(big); s != pdu.Extender || !ok {
		t.Errorf("service %v, %v", s, ok)
	}
	if _, ok := pdu.ServiceOf([]byte("GET ")); ok {
		t.Error("service of a GET")
	}
}
