package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

const (
	defaultTimeout = 10 * time.Second

	// maxPublicationsFile bounds a publications file in bytes; a file of fifteen years has 50 kB.
	maxPublicationsFile = 16 << 20

	userAgent = "KSI HTTP Client"
)

// A Config says whom a Client asks, and as whom.
type Config struct {
	URL     string        // see the package comment
	User    string        // login id; that of the URL if empty
	Key     string        // HMAC key; that of the URL if empty
	Timeout time.Duration // of one request, from dialling to the answer; 10 s if 0
	HTTP    *http.Client  // for what goes over HTTP; one of its own if nil
}

// A Client asks one server. It implements ksi.Extender.
type Client struct {
	header    pdu.Header
	key       []byte
	timeout   time.Duration
	http      *http.Client
	closeHTTP func()
	transport transport
	lastID    atomic.Uint64
}

var _ ksi.Extender = (*Client)(nil)

// A transport brings requests to the server.
type transport interface {
	// ask sends a PDU made of q and returns the response to it, which is authentic but for errors.
	ask(ctx context.Context, q *pdu.Request, data []byte) (*pdu.Response, error)
	close()
}

// New returns a client. It asks nothing yet. The error says what is wrong with c, and never holds the key.
func New(c Config) (*Client, error) {
	u, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		if key, ok := u.User.Password(); ok && c.Key == "" {
			c.Key = key
		}
		if c.User == "" {
			c.User = u.User.Username()
		}
		u.User = nil
	}
	if !tlv.ValidText(c.User) || c.User == "" || c.Key == "" {
		return nil, errors.New("KSI server: a login id and an HMAC key are needed: give them, or write them into the address, ksi://user:key@host")
	}
	x := &Client{header: pdu.Header{Login: c.User}, key: []byte(c.Key), timeout: c.Timeout, http: c.HTTP}
	if x.timeout <= 0 {
		x.timeout = defaultTimeout
	}
	x.closeHTTP = func() {} // what is the caller's, stays open
	if x.http == nil {
		x.http = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		x.closeHTTP = x.http.CloseIdleConnections
	}
	if u.Scheme == "ksi+tcp" {
		x.transport = newStreams(u.Host, x.decode)
	} else {
		x.transport = &posts{u.String(), x.http, x.decode}
	}
	return x, nil
}

// parseURL reads a server's address. The scheme of the result is http, https or ksi+tcp.
func parseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("KSI server: its address is no URL") // the error of package url may show the key
	}
	switch u.Scheme {
	case "http", "ksi", "ksi+http":
		u.Scheme = "http"
	case "https", "ksi+https":
		u.Scheme = "https"
	case "ksi+tcp":
		if u.Port() == "" {
			return nil, fmt.Errorf("KSI server %s: ksi+tcp needs a port", u.Redacted())
		}
	default:
		return nil, fmt.Errorf("KSI server %s: want http, https, ksi, ksi+http, ksi+https or ksi+tcp", u.Redacted())
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("KSI server %s: no host in the address", u.Redacted())
	}
	return u, nil
}

// Close closes the connections. Requests in flight over ksi+tcp fail, and so does every later one.
func (c *Client) Close() {
	c.transport.close()
	c.closeHTTP()
}

// Sign has the server sign an imprint: that of a document, with level 0, or the root of a hash tree of the caller's, with
// the tree's height. The signature has passed ksi's internal policy for both; who vouches for the time is for other
// policies.
func (c *Client) Sign(ctx context.Context, im merkle.Imprint, level merkle.Level) (*ksi.Signature, error) {
	q := &pdu.Request{Service: pdu.Aggregator, Aggregate: &pdu.AggregationRequest{ID: c.lastID.Add(1), Input: im, Level: uint64(level)}}
	r, err := c.ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if r.Aggregate == nil || r.Aggregate.ID != q.Aggregate.ID {
		return nil, errors.New("sign: the server answered another request")
	}
	s, err := r.Aggregate.Signature()
	if err == nil {
		s, err = s.ShiftLevel(int(level))
	}
	if err != nil {
		return nil, fmt.Errorf("sign: the server's %w", err)
	}
	if v := ksi.Verify(ctx, s, ksi.Options{Document: &im, InputLevel: level}); v.Verdict != ksi.OK {
		return nil, fmt.Errorf("sign: the server's signature is of no use: %s", v)
	}
	return s, nil
}

// Extend returns the calendar chain from the leaf of second from to the calendar root as of second to, or of the newest
// second if to is 0. The chain has the seconds asked for and their shape; whether it is of the calendar that a signature
// is of, is for its user to see.
func (c *Client) Extend(ctx context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	if from < 0 || to < 0 {
		return nil, fmt.Errorf("extend %d to %d: no calendar has such seconds", int64(from), int64(to))
	}
	q := &pdu.Request{Service: pdu.Extender, Extend: &pdu.ExtensionRequest{ID: c.lastID.Add(1), From: from, To: to}}
	r, err := c.ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	if r.Extend == nil || r.Extend.ID != q.Extend.ID {
		return nil, errors.New("extend: the server answered another request")
	}
	chain, err := ksi.ParseCalendarChain(r.Extend.Chain)
	if err == nil {
		err = checkChain(chain, r.Extend.Chain, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("extend: the server's %w", err)
	}
	return chain, nil
}

// checkChain returns an error unless the chain, which element holds, leads from one second to the other.
func checkChain(chain *ksi.CalendarChain, element []byte, from, to calendar.Second) error {
	t, err := chain.Time()
	switch {
	case err != nil:
		return err
	case t != from:
		return fmt.Errorf("calendar chain starts at %s, not at %s", t, from)
	case to != 0 && chain.PublicationTime() != to:
		return fmt.Errorf("calendar chain ends at %s, not at %s", chain.PublicationTime(), to)
	case !hasTime(element):
		return errors.New("calendar chain does not say where it starts")
	}
	return nil
}

// hasTime reports whether a calendar chain holds its aggregation time, which the format lets out if both times are equal
// and KSI clients want in a response.
func hasTime(element []byte) bool {
	const tagTime = 0x02
	e, err := tlv.ParseOne(element)
	if err != nil {
		return false
	}
	for r := e.Children(); r.More(); {
		if e, err = r.Next(); err != nil || e.Tag == tagTime {
			return err == nil
		}
	}
	return false
}

// Config asks one of the two services for its configuration.
func (c *Client) Config(ctx context.Context, s pdu.Service) (*pdu.Config, error) {
	r, err := c.ask(ctx, &pdu.Request{Service: s, Config: true})
	if err == nil && r.Config == nil {
		err = errors.New("the server answered another request")
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return r.Config, nil
}

// PublicationsFile fetches a publications file of at most 16 MiB over HTTP. Whether it is to be trusted, its reader finds.
func (c *Client) PublicationsFile(ctx context.Context, address string) ([]byte, error) {
	u, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "ksi+tcp" {
		return nil, errors.New("publications file: no server has one over ksi+tcp; want an address of http or https")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("publications file: %s answered %s", u.Redacted(), response.Status)
	}
	data, err := readAtMost(response.Body, maxPublicationsFile)
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	return data, nil
}

// ask sends q under the client's name and returns a response that tells no failure.
func (c *Client) ask(ctx context.Context, q *pdu.Request) (*pdu.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s: %w", c.timeout, context.DeadlineExceeded))
	defer cancel()
	q.Header = c.header
	data, err := q.Append(nil, merkle.SHA256, c.key)
	if err != nil {
		return nil, err
	}
	r, err := c.transport.ask(ctx, q, data)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// decode reads a response. What it returns is authentic, but for an error without an HMAC.
func (c *Client) decode(data []byte) (*pdu.Response, error) {
	e, err := pdu.Parse(data)
	if err != nil {
		return nil, err
	}
	r, err := e.Response()
	switch {
	case err != nil:
		return nil, err
	case r.Error == nil && !e.Authentic(c.key):
		return nil, errors.New("the HMAC of the server's response was not made with our key")
	}
	return r, nil
}

// readAtMost reads r to its end, which is an error if it is farther than limit bytes away.
func readAtMost(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return data, err
}
