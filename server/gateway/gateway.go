package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
)

// MaxLevel is the highest level of a request: that of the leaves in the lane that requests are filed in.
const MaxLevel merkle.Level = 32

// period is the length of the period that Config.MaxRequests is about, as the configuration tells it.
const period = time.Second

// A Ledger is what a Server serves. Its methods are called from many goroutines at once, and return soon after their
// context has ended. An error that is or wraps an *Error is told to the client as it is; any other is logged and told as an
// internal error.
type Ledger interface {
	// Key returns the HMAC key of an agency, and whether there is one. It is called for every name that anybody sends.
	Key(login string) (key []byte, ok bool)
	// Sign files the root of a tree of the agency's in its lane ksi, whose leaves are at level MaxLevel, waits until the
	// round is closed, and returns the signature: not extended, from the leaf taken as a document at level 0.
	Sign(ctx context.Context, agency string, root merkle.Imprint) ([]byte, error)
	// CalendarChain returns the links from the leaf of second from to the calendar root as of second to, and the leaf:
	// first <= from <= to <= closed, as Extent has them.
	CalendarChain(ctx context.Context, from, to calendar.Second) (calendar.Chain, merkle.Digest, error)
	// Extent returns the first second of the ledger, the newest that is closed, and the one whose round is open. Before any
	// is closed, closed is less than first.
	Extent() (first, closed, open calendar.Second)
	// PublicationsFile returns the publications file. An *Error with a client's status says that there is none.
	PublicationsFile(ctx context.Context) ([]byte, error)
}

// An Error is a failure of the ledger that the client is told.
type Error struct {
	Status  pdu.Status // of the service that was asked
	Message string     // in words, for the client
}

// Error returns status and message.
func (e *Error) Error() string { return fmt.Sprintf("status 0x%03x: %s", uint64(e.Status), e.Message) }

// A Config says what a Server serves and within which limits. Ledger and Now must be set; a zero limit means its default.
type Config struct {
	Ledger Ledger
	Now    func() time.Time // the clock of deadlines and periods: the real one, since the kernel compares with it
	Logger *slog.Logger     // nil discards

	// Refused is told of each request whose login id or HMAC is not right, with the login id as it was sent and the address
	// that it came from, host:port. nil ignores them. It may be called from many goroutines and must not wait.
	Refused func(login, remote string)

	MaxRequests    int // of a login in a second; default 1,000
	MaxRunning     int // requests that wait for the ledger; default 16,384
	MaxLoginShare  int // of one login among them; default 4,096
	MaxConnections int // of each listener; default 1,000
	MaxPipelined   int // requests of a TCP connection that are not answered yet; default 1,024

	RequestTimeout  time.Duration // that the ledger has for an answer; default 9 s, as clients give up after 10 s
	ReadTimeout     time.Duration // for a request that has begun, and for the first on a TCP connection; default 10 s
	IdleTimeout     time.Duration // between requests; default 5 min
	WriteTimeout    time.Duration // for each 16 KiB that a TCP client should read, and for a whole HTTP answer; default 10 s
	ShutdownTimeout time.Duration // that requests in flight get when Serve is told to stop; default 10 s
}

func (c *Config) setDefaults() {
	orDefault(&c.MaxRequests, 1000)
	orDefault(&c.MaxRunning, 16384)
	orDefault(&c.MaxLoginShare, 4096)
	orDefault(&c.MaxConnections, 1000)
	orDefault(&c.MaxPipelined, 1024)
	orDefault(&c.RequestTimeout, 9*time.Second)
	orDefault(&c.ReadTimeout, 10*time.Second)
	orDefault(&c.IdleTimeout, 5*time.Minute)
	orDefault(&c.WriteTimeout, 10*time.Second)
	orDefault(&c.ShutdownTimeout, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Refused == nil {
		c.Refused = func(string, string) {}
	}
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// A Server serves KSI clients. Make it with New.
type Server struct {
	cfg    Config
	nobody []byte // the key of unknown logins, which nobody has
	quota  quota
	open   atomic.Int64 // connections

	acceptor *places.Acceptor

	mu       sync.Mutex // covers requests
	requests map[Outcome]uint64
}

// New returns a server. It panics if c lacks a Ledger or a clock.
func New(c Config) *Server {
	if c.Ledger == nil || c.Now == nil {
		panic("gateway: Config needs Ledger and Now")
	}
	c.setDefaults()
	s := &Server{cfg: c, nobody: make([]byte, 32), acceptor: places.NewAcceptor("KSI connection", c.Now, c.Logger), requests: make(map[Outcome]uint64)}
	rand.Read(s.nobody)
	s.quota = quota{perPeriod: c.MaxRequests, share: c.MaxLoginShare, total: c.MaxRunning, accounts: make(map[string]*account)}
	return s
}
