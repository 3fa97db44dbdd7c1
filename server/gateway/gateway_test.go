package gateway_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
	"github.com/jurat-ledger/jurat/server/gateway"
)

var schemes = []string{"http", "ksi+tcp"}

// TestSignAndExtend signs documents and roots of every level, and extends what it got.
func TestSignAndExtend(t *testing.T) {
	s := serve(t, nil)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			c := s.client(scheme, "jura")
			for level := merkle.Level(0); level <= gateway.MaxLevel; level++ {
				im := document(int(level))
				signature, err := c.Sign(t.Context(), im, level)
				if err != nil {
					t.Fatal(err)
				}
				r := ksi.Verify(t.Context(), signature, ksi.Options{Policy: ksi.KeyBased, Document: &im, InputLevel: level,
					Certificates: []ksi.Certificate{s.cert}})
				if r.Verdict != ksi.OK {
					t.Errorf("level %d: %v", level, r)
				}
				if issuers := signature.Issuers(); len(issuers) != 1 || issuers[0].Client != "jura" {
					t.Errorf("issuers %v", issuers)
				}
				checkExtend(t, s, c, signature)
			}
		})
	}
}

// checkExtend extends a signature to its own second and to the newest one.
func checkExtend(t *testing.T, s *served, c ksi.Extender, signature *ksi.Signature) {
	t.Helper()
	s.close()
	_, closed, _ := s.Extent()
	for _, to := range []calendar.Second{signature.Time(), closed, 0} {
		chain, err := c.Extend(t.Context(), signature.Time(), to)
		if err != nil {
			t.Fatal(err)
		}
		root, err := chain.Root()
		if err != nil {
			t.Fatal(err)
		}
		if to == 0 && chain.PublicationTime() != closed {
			t.Errorf("newest chain ends at %s, the newest second is %s", chain.PublicationTime(), closed)
		}
		record := ksi.PublicationRecord{Publication: ksi.Publication{Time: chain.PublicationTime(), Root: root}}
		if _, err := signature.Extend(chain, record); err != nil {
			t.Error(err)
		}
	}
}

func TestConfig(t *testing.T) {
	s := serve(t, func(c *gateway.Config) { c.MaxRequests = 77 })
	s.close()
	for _, scheme := range schemes {
		c := s.client(scheme, "bern")
		want := pdu.Config{MaxLevel: 32, Algorithm: merkle.SHA256, PeriodMillis: 1000, MaxRequests: 77}
		if got, err := c.Config(t.Context(), pdu.Aggregator); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		want = pdu.Config{MaxRequests: 77, First: firstSecond, Newest: firstSecond}
		if got, err := c.Config(t.Context(), pdu.Extender); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

// TestWorkedRequests sends requests that other KSI clients make, byte for byte.
func TestWorkedRequests(t *testing.T) {
	s := serve(t, nil)
	code, answer := s.post("/", merkletest.Unhex("8220002e 0107 0105616e6f6e00 0400 1f2101 b81d5a298d714ef8f8b73564606e6360984fc8706bcf487f9f93ce22758616c0"))
	if r := response(t, answer, "anon"); code != 200 || r.Config == nil || r.Config.MaxLevel != 32 {
		t.Errorf("status %d, %+v", code, r)
	}
	extend := merkletest.Unhex(`8320003d 0107 0105616e6f6e00 020f 010101 02046b0248e6 03046b0248e6
		1f2101 02d1b4787733e0747428c2f30a8cfdfe587919e65ff38624bc957b221fed96e7`)
	code, answer = s.post("/gt-extendingservice", extend)
	if r := response(t, answer, "anon"); code != 400 || r.Extend.Status != pdu.TimeTooOld || r.Extend.ID != 1 {
		t.Errorf("status %d, %+v", code, r.Extend)
	}
	// A ledger that was there at that time.
	s.mu.Lock()
	s.first, s.frontier = 1795311846, calendar.NewFrontier(1795311846)
	s.mu.Unlock()
	s.close()
	code, answer = s.post("/", extend)
	r := response(t, answer, "anon")
	if code != 200 || r.Err() != nil || r.Extend.ID != 1 || r.Header.Login != "anon" {
		t.Fatalf("status %d, %+v", code, r.Extend)
	}
	chain, err := ksi.ParseCalendarChain(r.Extend.Chain)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := chain.Time(); err != nil || at != 1795311846 || chain.PublicationTime() != at {
		t.Errorf("chain from %s, %v", at, err)
	}
	nc := s.dial()
	nc.Write(append(bytes.Clone(extend), extend...))
	in := pdu.NewReader(nc)
	for range 2 {
		if data := next(t, in); !bytes.Equal(data, answer) {
			t.Errorf("over TCP: %x, over HTTP: %x", data, answer)
		}
	}
}

// A refusal is a request that is refused.
type refusal struct {
	data   []byte
	status pdu.Status
	key    string // of the answer, which then has id 9 and an HMAC; empty for a bare error
}

// refusals returns requests to a ledger whose only closed second is firstSecond.
func refusals(t *testing.T) map[string]refusal {
	const bern = "secret of bern"
	aggregate := func(id uint64, im merkle.Imprint, level uint64) pdu.Request {
		return pdu.Request{Aggregate: &pdu.AggregationRequest{ID: id, Input: im, Level: level}}
	}
	extend := func(from, to calendar.Second) pdu.Request {
		return pdu.Request{Service: pdu.Extender, Extend: &pdu.ExtensionRequest{ID: 9, From: from, To: to}}
	}
	sha1, err := merkle.NewImprint(merkle.SHA1, make([]byte, 20))
	if err != nil {
		t.Fatal(err)
	}
	sha512, err := merkle.NewImprint(merkle.SHA512, make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	own := func(q pdu.Request) []byte { return request(t, q, "bern", bern) }
	good := aggregate(9, document(0), 0)
	im := document(0)
	id := im.Append(nil)
	unknownAlgorithm := resign(bytes.Replace(own(good), id, append([]byte{0x0c}, id[1:]...), 1), bern)
	ack := resign(bytes.Replace(own(pdu.Request{Config: true}), []byte{4, 0, 0x1f}, []byte{5, 0, 0x1f}, 1), bern)
	second := firstSecond
	return map[string]refusal{
		"garbage":           {[]byte("GET / HTTP/1.1\r\n\r\n"), 0x101, ""},
		"nothing":           {nil, 0x101, ""},
		"version 1":         {merkletest.Unhex("82000000"), 0x101, ""},
		"malformed":         {merkletest.Unhex("8220000401000100"), 0x101, ""},
		"a response":        {merkletest.Unhex("832100070305 040101 0500"), 0x101, ""},
		"unknown login":     {request(t, good, "nobody", "anon"), 0x102, ""},
		"another's key":     {request(t, good, "jura", bern), 0x102, ""},
		"no key":            {request(t, good, "empty", ""), 0x102, ""},
		"unknown algorithm": {unknownAlgorithm, 0x103, bern},
		"sha1":              {own(aggregate(9, sha1, 0)), 0x103, bern},
		"refused by ledger": {own(aggregate(9, sha512, 0)), 0x103, bern},
		"level 33":          {own(aggregate(9, document(1), 33)), 0x107, bern},
		"level 2^40":        {own(aggregate(9, document(1), 1<<40)), 0x107, bern},
		"only an ack":       {ack, 0x101, ""},
		"panic":             {request(t, good, "panic in sign", "anon"), 0x200, "anon"},
		"backwards":         {own(extend(second, second-1)), 0x104, bern},
		"too old":           {own(extend(second-1, second)), 0x105, bern},
		"from 0":            {own(extend(0, second)), 0x105, bern},
		"open":              {own(extend(second, second+1)), 0x106, bern},
		"future":            {own(extend(second, second+2)), 0x107, bern},
		"from open":         {own(extend(second+1, 0)), 0x106, bern},
		"from the future":   {own(extend(second+2, 0)), 0x107, bern},
	}
}

// TestRefused checks status, HTTP code and form of every failure, over both transports.
func TestRefused(t *testing.T) {
	s := serve(t, nil)
	s.close()
	for name, c := range refusals(t) {
		t.Run(name, func(t *testing.T) {
			code, answer := s.post("/x", c.data)
			want := 400
			if !c.status.ClientFault() {
				want = 500
			}
			if code != want {
				t.Errorf("HTTP status %d, want %d", code, want)
			}
			checkRefusal(t, answer, c.key, c.status)
			if len(c.data) == 0 {
				return
			}
			nc := s.dial()
			nc.Write(c.data)
			nc.CloseWrite()
			in := pdu.NewReader(nc)
			checkRefusal(t, next(t, in), c.key, c.status)
			if data, err := in.Next(); err != io.EOF {
				t.Errorf("after the answer: %x, %v", data, err)
			}
		})
	}
	if !strings.Contains(s.log.String(), "on purpose") {
		t.Errorf("no panic in the log:\n%s", &s.log)
	}
}

// resign makes the HMAC of a changed PDU anew.
func resign(data []byte, key string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(data[:len(data)-sha256.Size])
	return mac.Sum(data[: len(data)-sha256.Size : len(data)-sha256.Size])
}

func checkRefusal(t *testing.T, data []byte, key string, want pdu.Status) {
	t.Helper()
	r := response(t, data, key)
	fault, ok := errors.AsType[*pdu.Error](r.Err())
	if !ok || fault.Status != want || fault.Message == "" {
		t.Fatalf("%v, want status 0x%x", r.Err(), uint64(want))
	}
	if key != "" && (r.Aggregate == nil || r.Aggregate.ID != 9) && (r.Extend == nil || r.Extend.ID != 9) {
		t.Errorf("answer to another request: %+v", r)
	}
}

// TestSameRefusal checks that nobody can tell an unknown login from a wrong key.
func TestSameRefusal(t *testing.T) {
	s := serve(t, nil)
	q := pdu.Request{Config: true}
	_, a := s.post("/", request(t, q, "nobody", "x"))
	_, b := s.post("/", request(t, q, "jura", "x"))
	if !bytes.Equal(a, b) {
		t.Errorf("%x and %x", a, b)
	}
}

// TestCombined asks for a signature and the configuration in one PDU.
func TestCombined(t *testing.T) {
	s := serve(t, nil)
	q := pdu.Request{Config: true, Aggregate: &pdu.AggregationRequest{ID: 9, Input: document(0)}}
	code, answer := s.post("/", request(t, q, "jura", s.keys["jura"]))
	if r := response(t, answer, s.keys["jura"]); code != 200 || r.Err() != nil || r.Aggregate == nil || r.Config == nil {
		t.Errorf("status %d, %+v", code, r)
	}
	r := pdu.Request{Service: pdu.Extender, Config: true, Extend: &pdu.ExtensionRequest{ID: 9, From: firstSecond}}
	_, answer = s.post("/", request(t, r, "jura", s.keys["jura"]))
	if r := response(t, answer, s.keys["jura"]); r.Err() != nil || r.Extend == nil || r.Config == nil {
		t.Errorf("%+v", r)
	}
}

// TestAlgorithm checks that an answer has the HMAC algorithm of its request.
func TestAlgorithm(t *testing.T) {
	s := serve(t, nil)
	for _, a := range []merkle.Algorithm{merkle.SHA256, merkle.SHA384, merkle.SHA512} {
		q := pdu.Request{Config: true, Header: pdu.Header{Login: "anon"}}
		data, err := q.Append(nil, a, []byte("anon"))
		if err != nil {
			t.Fatal(err)
		}
		_, answer := s.post("/", data)
		e, err := pdu.Parse(answer)
		if err != nil || e.Algorithm() != a || !e.Authentic([]byte("anon")) {
			t.Errorf("%s: %v, %v", a, e, err)
		}
	}
}

// TestLargeBody sends more than a PDU can be.
func TestLargeBody(t *testing.T) {
	s := serve(t, nil)
	for service, want := range map[string]pdu.Status{"8220ffff": pdu.RequestTooLarge, "8320ffff": pdu.InvalidRequest} {
		body := append(merkletest.Unhex(service), make([]byte, tlv.MaxSize+1)...)
		code, answer := s.post("/", body)
		if r := response(t, answer, ""); code != 400 || r.Error.Status != want {
			t.Errorf("%s: HTTP status %d, %v", service, code, r.Err())
		}
		code, answer = s.post("/", body[:pdu.MaxSize])
		if r := response(t, answer, ""); code != 400 || r.Error.Status != pdu.InvalidRequest {
			t.Errorf("%s, full size: HTTP status %d, %v", service, code, r.Err())
		}
	}
}

func TestPages(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		method, path string
		file         []byte
		code         int
		want         string
	}{
		{"GET", "/", nil, 200, "KSI gateway of a Jurat ledger"},
		{"HEAD", "/", nil, 200, ""},
		{"GET", "/index.html", nil, 404, "see /"},
		{"GET", "/publications.bin", nil, 404, "nothing is published yet"},
		{"GET", "/publications.bin", []byte{}, 500, "the server failed"},
		{"GET", "/publications.bin", []byte("KSIPUBLF"), 200, "KSIPUBLF"},
		{"PUT", "/", nil, 405, "want GET"},
		{"DELETE", "/publications.bin", nil, 405, "want GET"},
	} {
		s.mu.Lock()
		s.file = c.file
		s.mu.Unlock()
		r, err := http.NewRequest(c.method, "http://"+s.http+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := &http.Transport{DisableKeepAlives: true}
		a, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		a.Body.Close()
		if a.StatusCode != c.code || !strings.Contains(string(body), c.want) || strings.Contains(string(body), "on fire") {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, a.StatusCode, body, c.code, c.want)
		}
	}
	s.mu.Lock()
	s.file = []byte("KSIPUBLF")
	s.mu.Unlock()
	for _, scheme := range schemes {
		c := s.client(scheme, "jura")
		if got, err := c.PublicationsFile(t.Context(), "ksi://"+s.http+"/publications.bin"); err != nil || string(got) != "KSIPUBLF" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := c.PublicationsFile(t.Context(), "http://"+s.http+"/else"); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("missing file: %v", err)
		}
	}
}

// TestManyClients has many clients of several agencies sign and extend at once, over both transports, and checks that
// everybody gets the answer to the own question.
func TestManyClients(t *testing.T) {
	s := serve(t, nil)
	const each = 40
	var running sync.WaitGroup
	for _, scheme := range schemes {
		for _, user := range []string{"anon", "jura", "bern"} {
			c := s.client(scheme, user)
			for i := range each {
				running.Go(func() {
					signature, err := c.Sign(t.Context(), document(i), merkle.Level(i%33))
					if err != nil {
						t.Error(err)
						return
					}
					if signature.Issuers()[0].Client != user || signature.InputImprint() != document(i) {
						t.Errorf("%s got the signature of %v", user, signature.Issuers())
					}
					if _, err := c.Extend(t.Context(), signature.Time(), 0); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	running.Wait()
}

// TestOutOfOrder asks one connection for a signature, which waits, and then for what is answered at once.
func TestOutOfOrder(t *testing.T) {
	s := serve(t, nil)
	s.close()
	s.freeze()
	c := s.client("ksi+tcp", "jura")
	signed := make(chan error, 1)
	go func() {
		_, err := c.Sign(t.Context(), document(0), 3)
		signed <- err
	}()
	waitFor(t, func() bool { return s.waiting() == 1 })
	for range 10 {
		if _, err := c.Extend(t.Context(), firstSecond, 0); err != nil {
			t.Error(err)
		}
		if _, err := c.Config(t.Context(), pdu.Aggregator); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-signed:
		t.Errorf("signed before the round closed: %v", err)
	default:
	}
	s.close()
	if err := <-signed; err != nil {
		t.Error(err)
	}
}

// TestClientErrors checks what a client makes of failures.
func TestClientErrors(t *testing.T) {
	var refused []string
	s := serve(t, func(c *gateway.Config) { // the client waits for the answer, so nothing is added at the same time
		c.Refused = func(login, remote string) { refused = append(refused, login+" "+remote) }
	})
	for _, scheme := range schemes {
		c := s.client(scheme, "jura")
		_, err := c.Extend(t.Context(), firstSecond+100, 0)
		if fault, ok := errors.AsType[*pdu.Error](err); !ok || fault.Status != pdu.TimeInFuture || fault.Service != pdu.Extender {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := c.Sign(t.Context(), document(0), 33); err == nil || !strings.Contains(err.Error(), `0x107, input too long: "level 33`) {
			t.Errorf("%s: %v", scheme, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Sign(ctx, document(0), 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", scheme, err)
		}
	}
	wrong, err := client.New(client.Config{URL: "ksi+tcp://jura:wrong@" + s.tcp})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	for range 3 { // the server closes the connection each time
		_, err := wrong.Sign(t.Context(), document(0), 0)
		if fault, ok := errors.AsType[*pdu.Error](err); !ok || fault.Status != pdu.AuthenticationFailure {
			t.Errorf("wrong key: %v", err)
		}
	}
	s.stop()
	if len(refused) < 3 || !strings.HasPrefix(refused[0], "jura 127.0.0.1:") {
		t.Errorf("told of %q", refused)
	}
}
