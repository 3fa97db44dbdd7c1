package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// patience is what tests wait for what must happen.
const patience = 20 * time.Second

// A peer answers requests in its own way: with any bytes, or none to say nothing.
type peer func(q *pdu.Request) []byte

func (p peer) answer(tb testing.TB, data []byte) []byte {
	e, err := pdu.Parse(data)
	if err != nil {
		tb.Error(err)
		return nil
	}
	q, err := e.Request()
	if err != nil || !e.Authentic([]byte("key")) || q.Header.Login != "user" {
		tb.Errorf("%+v, %v", q, err)
		return nil
	}
	return p(q)
}

// serve starts a peer over HTTP and TCP and returns clients of both, with a short patience.
func serve(tb testing.TB, timeout time.Duration, p peer) map[string]*client.Client {
	tb.Helper()
	goroutines := runtime.NumGoroutine()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/ksi-request" {
			tb.Errorf("%s, %v, %v", r.Method, r.Header, err)
		}
		answer := p.answer(tb, data)
		if answer == nil {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusTeapot) // which clients must not care for
		w.Write(answer)
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.serve(tb, nc) })
		}
	})
	clients := make(map[string]*client.Client)
	for scheme, address := range map[string]string{"ksi": h.Listener.Addr().String(), "ksi+tcp": ln.Addr().String()} {
		c, err := client.New(client.Config{URL: scheme + "://user:key@" + address + "/path", Timeout: timeout})
		if err != nil {
			tb.Fatal(err)
		}
		clients[scheme] = c
	}
	tb.Cleanup(func() {
		for _, c := range clients {
			c.Close()
		}
		h.Close()
		ln.Close()
		running.Wait()
		end := time.After(patience)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for runtime.NumGoroutine() > goroutines {
			select {
			case <-tick.C:
			case <-end:
				tb.Fatal("goroutines are left")
			}
		}
	})
	return clients
}

func (p peer) serve(tb testing.TB, nc net.Conn) {
	defer nc.Close()
	in := pdu.NewReader(nc)
	for {
		data, err := in.Next()
		if err != nil {
			return
		}
		nc.Write(p.answer(tb, data))
	}
}

// write makes a PDU of a response.
func write(r pdu.Response, key string) []byte {
	r.Header.Login = "user"
	data, err := r.Append(nil, merkle.SHA256, []byte(key))
	if err != nil {
		panic(err)
	}
	return data
}

// What the server responds with, of which document.
var (
	elements = ksitest.DemoElements()
	chain    = ksitest.DemoChain()
	document = func() merkle.Imprint {
		im, err := merkle.ParseImprint(merkletest.Unhex("015891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"))
		if err != nil {
			panic(err)
		}
		return im
	}()
)

// good answers every request as the small signature's server would.
func good(q *pdu.Request) []byte {
	r := pdu.Response{Service: q.Service}
	switch {
	case q.Aggregate != nil:
		r.Aggregate = &pdu.AggregationResponse{ID: q.Aggregate.ID, Elements: elements}
	case q.Extend != nil:
		r.Extend = &pdu.ExtensionResponse{ID: q.Extend.ID, Chain: chain}
	}
	if q.Config {
		r.Config = &pdu.Config{MaxRequests: 7}
	}
	return write(r, "key")
}

func TestGood(t *testing.T) {
	for scheme, c := range serve(t, patience, good) {
		for range 3 {
			s, err := c.Sign(t.Context(), document, 0)
			if err != nil || s.Time() != 5 {
				t.Errorf("%s: %v", scheme, err)
			}
			if c, err := c.Extend(t.Context(), 5, 7); err != nil || c.PublicationTime() != 7 {
				t.Errorf("%s: %v", scheme, err)
			}
			if got, err := c.Config(t.Context(), pdu.Extender); err != nil || got.MaxRequests != 7 {
				t.Errorf("%s: %v", scheme, err)
			}
		}
		// The small signature is of a document at level 0: at level 1 the same links give another root.
		if _, err := c.Sign(t.Context(), document, 1); err == nil || !strings.Contains(err.Error(), "of no use: FAIL INT-03") {
			t.Errorf("%s, level 1: %v", scheme, err)
		}
	}
}

// TestLies looks at answers that no honest server gives.
func TestLies(t *testing.T) {
	sign := func(c *client.Client) error { _, err := c.Sign(context.Background(), document, 0); return err }
	newest := func(c *client.Client) error { _, err := c.Extend(context.Background(), 5, 0); return err }
	config := func(c *client.Client) error { _, err := c.Config(context.Background(), pdu.Aggregator); return err }
	other := slices.Replace(slices.Clone(elements), 14, 15, 0xff)
	late := slices.Replace(slices.Clone(chain), 6, 7, 15) // three links do not reach 15
	timeless := slices.Delete(slices.Clone(chain[4:]), 3, 6)
	timeless[3+35+35] = 8 // from second 7 to itself all links are right ones
	timeless = tlv.Append(nil, 0x802, 0, timeless)
	aggregate := func(e []byte, key string) peer {
		return func(q *pdu.Request) []byte {
			return write(pdu.Response{Aggregate: &pdu.AggregationResponse{ID: q.Aggregate.ID, Elements: e}}, key)
		}
	}
	extended := func(e []byte) peer {
		return func(q *pdu.Request) []byte {
			return write(pdu.Response{Service: pdu.Extender, Extend: &pdu.ExtensionResponse{ID: q.Extend.ID, Chain: e}}, "key")
		}
	}
	for name, c := range map[string]struct {
		ask  func(*client.Client) error
		peer peer
		want string
	}{
		"another key":      {sign, aggregate(elements, "yek"), "HMAC of the server's response was not made with our key"},
		"another document": {sign, aggregate(other, "key"), "of no use: FAIL GEN-01"},
		"broken":           {sign, aggregate(elements[:0x66+4+3], "key"), "0x802 wants"},
		"broken signature": {sign, aggregate(chain, "key"), "the server's signature: 0x800"},
		"a request":        {sign, func(q *pdu.Request) []byte { b, _ := q.Append(nil, merkle.SHA256, []byte("key")); return b }, "a request where a response is wanted"},
		"another time":     {newest, extended(late), "does not fit its publication time 15"},
		"no time":          {func(c *client.Client) error { _, err := c.Extend(context.Background(), 7, 7); return err }, extended(timeless), "does not say where it starts"},
		"another end":      {func(c *client.Client) error { _, err := c.Extend(context.Background(), 5, 8); return err }, extended(chain), "ends at 1970-01-01T00:00:07Z, not at"},
		"another start":    {func(c *client.Client) error { _, err := c.Extend(context.Background(), 4, 0); return err }, extended(chain), "starts at 1970-01-01T00:00:05Z, not at"},
		"malformed chain":  {newest, extended(merkletest.Unhex("88020000")), "the server's calendar chain: 0x802"},
		"bare error": {config, func(*pdu.Request) []byte {
			return write(pdu.Response{Error: &pdu.Error{Status: 0x102, Message: "who?\nOK"}}, "")
		}, `status 0x102, authentication failure: "who?\nOK"`},
		"status in payload": {sign, func(q *pdu.Request) []byte {
			return write(pdu.Response{Aggregate: &pdu.AggregationResponse{ID: q.Aggregate.ID, Status: 0x300}}, "key")
		}, "status 0x300, upstream error"},
	} {
		t.Run(name, func(t *testing.T) {
			for scheme, client := range serve(t, patience, c.peer) {
				if err := c.ask(client); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want %q", scheme, err, c.want)
				}
			}
		})
	}
}

// TestOtherRequest has answers to other requests: over TCP they may still be on their way to whom they belong, over HTTP
// they are wrong.
func TestOtherRequest(t *testing.T) {
	wrong := func(q *pdu.Request) []byte {
		q.Aggregate.ID++
		return good(q)
	}
	for scheme, c := range serve(t, 100*time.Millisecond, wrong) {
		want := "the server answered another request"
		if scheme == "ksi+tcp" {
			want = "no answer within 100ms"
		}
		_, err := c.Sign(t.Context(), document, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", scheme, err, want)
		}
	}
}

func TestTimeout(t *testing.T) {
	for scheme, c := range serve(t, 50*time.Millisecond, func(*pdu.Request) []byte { return nil }) {
		if _, err := c.Sign(t.Context(), document, 0); !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "no answer within 50ms") {
			t.Errorf("%s: %v", scheme, err)
		}
		c.Close()
	}
}

// TestAnyOrder has a peer that answers only when it has several requests, last first, with configurations among them.
func TestAnyOrder(t *testing.T) {
	const batch = 8
	var mu sync.Mutex
	var kept [][]byte
	keep := func(q *pdu.Request) []byte {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, good(q))
		if len(kept) < batch {
			return nil
		}
		slices.Reverse(kept)
		all := slices.Concat(kept...)
		kept = nil
		return all
	}
	c := serve(t, patience, keep)["ksi+tcp"]
	var running sync.WaitGroup
	for i := range 10 * batch {
		running.Go(func() {
			var err error
			switch i % 4 {
			case 0:
				_, err = c.Config(t.Context(), pdu.Extender)
			case 1:
				_, err = c.Extend(t.Context(), 5, 7)
			default:
				_, err = c.Sign(t.Context(), document, 0)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	// Configurations answer all who wait for one, so the last batch may stay short.
	stop := make(chan struct{})
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		for {
			select {
			case <-stop:
				return
			default:
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				c.Config(ctx, pdu.Aggregator)
				cancel()
			}
		}
	}()
	running.Wait()
	close(stop)
	<-filled
}

// TestReconnect has a server that closes the connection after each answer.
func TestReconnect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				break
			}
			if data, err := pdu.NewReader(nc).Next(); err == nil {
				nc.Write(peer(good).answer(t, data))
			}
			nc.Close()
		}
		done <- n
	}()
	c, err := client.New(client.Config{URL: "ksi+tcp://user:key@" + ln.Addr().String(), Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := c.Extend(t.Context(), 5, 7); err != nil {
			t.Error(err)
		}
	}
	c.Close()
	if _, err := c.Extend(t.Context(), 5, 7); err == nil || !strings.Contains(err.Error(), "the client is closed") {
		t.Errorf("after Close: %v", err)
	}
	ln.Close()
	if n := <-done; n != 50 {
		t.Errorf("%d connections for 50 requests", n)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://u:k@host":           "",
		"https://u:k@host/x":        "",
		"ksi://u:k@host":            "",
		"ksi+http://u:k@host:80":    "",
		"ksi+https://u:k@[::1]:443": "",
		"ksi+tcp://u:k@host:3332":   "",
		"ksi+tcp://u:secret@host":   "ksi+tcp needs a port",
		"ftp://u:secret@host":       "want http, https",
		"host:3332":                 "want http, https",
		"":                          "want http, https",
		"http://u:secret@":          "no host",
		"http://u:secret\x00@host":  "is no URL",
		"http://host":               "a login id and an HMAC key are needed",
		"http://u@host":             "a login id and an HMAC key are needed",
		"http://:secret@host":       "a login id and an HMAC key are needed",
		"http://u%00:secret@host":   "a login id and an HMAC key are needed",
	} {
		_, err := client.New(client.Config{URL: address})
		switch {
		case err == nil && want != "":
			t.Errorf("%q is accepted", address)
		case err != nil && (want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
	if _, err := client.New(client.Config{URL: "http://host", User: "u", Key: "k"}); err != nil {
		t.Error(err)
	}
}

// TestForeignHTTP asks servers that are no KSI servers.
func TestForeignHTTP(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			w.Write(make([]byte, pdu.MaxSize+1))
		case "/file":
			w.Write(make([]byte, 16<<20+1))
		default:
			http.NotFound(w, r)
		}
	}))
	defer h.Close()
	for path, want := range map[string]string{"": "answered 404 Not Found and no KSI response", "/long": "longer than 65539 bytes"} {
		c, err := client.New(client.Config{URL: h.URL + path, User: "user", Key: "key"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Config(t.Context(), pdu.Aggregator); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		for address, want := range map[string]string{h.URL + "/file": "longer than 16777216 bytes", h.URL: "404",
			"ksi+tcp://x:1": "no server has one over ksi+tcp", "file:///x": "want http"} {
			if _, err := c.PublicationsFile(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", address, err, want)
			}
		}
		c.Close()
	}
}
