package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
)

// A method is a way to file digests.
type method struct {
	name    string
	prepare string // SQL of the prepared statement that file runs, if it runs one
	rows    int    // that one operation files; 0 for as many as the plan says for a COPY
	file    func(c *client, first uint64, n int) error
	driver  bool // its clients have a connection by pgx, too
}

// statement is the name of prepared statements.
const statement = "s"

const insertOne = "INSERT INTO hashes (digest) VALUES ($1)"

// methods are the ways to file, fastest first.
var methods = []method{
	{name: "copy-binary", file: copyAs(load.Binary)},
	{name: "copy-text", file: copyAs(load.Text)},
	{name: "copy-csv", file: copyAs(load.CSV)},
	{name: "unnest", prepare: "INSERT INTO hashes (digest) SELECT unnest($1::bytea[])", rows: 1000, file: fileArray},
	{name: "values", prepare: insertRows(1000), rows: 1000, file: fileValues},
	{name: "pipeline", prepare: insertOne, rows: 1000, file: filePipeline},
	{name: "pgx", rows: 1000, file: fileBatch, driver: true},
	{name: "insert", prepare: insertOne, rows: 1, file: fileOne},
}

// insertRows is an INSERT of n rows of one parameter each.
func insertRows(n int) string {
	sql := []byte("INSERT INTO hashes (digest) VALUES ")
	for i := range n {
		if i > 0 {
			sql = append(sql, ", "...)
		}
		sql = fmt.Appendf(sql, "($%d)", i+1)
	}
	return string(sql)
}

// Methods returns the names of the ways to file that Ingest knows.
func Methods() []string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = m.name
	}
	return names
}

func methodOf(name string) (method, error) {
	for _, m := range methods {
		if m.name == name {
			return m, nil
		}
	}
	return method{}, fmt.Errorf("%q is no way to file: choose from %v", name, Methods())
}

func copyAs(f load.CopyFormat) func(*client, uint64, int) error {
	return func(c *client, first uint64, n int) error { return c.conn.Copy(f, c.stream, first, uint64(n)) }
}

func fileArray(c *client, first uint64, n int) error {
	digests := c.digests(first, n)
	c.array = load.AppendArray(c.array[:0], digests, stream.Size)
	_, err := c.conn.Run(statement, c.array, nil)
	return err
}

func filePipeline(c *client, first uint64, n int) error {
	digests := c.digests(first, n)
	return c.conn.RunAll(statement, n, func(i int) []byte { return digests[i*stream.Size : (i+1)*stream.Size] })
}

func fileValues(c *client, first uint64, n int) error {
	digests := c.digests(first, n)
	c.rows = c.rows[:0]
	for ; len(digests) > 0; digests = digests[stream.Size:] {
		c.rows = append(c.rows, digests[:stream.Size])
	}
	return c.conn.RunWith(statement, c.rows)
}

func fileBatch(c *client, first uint64, n int) error {
	digests := c.digests(first, n)
	return c.driver.RunAll(context.Background(), insertOne, n, func(i int) []byte { return digests[i*stream.Size : (i+1)*stream.Size] })
}

func fileOne(c *client, first uint64, n int) error {
	_, err := c.conn.Run(statement, c.digests(first, n), nil)
	return err
}

// A client is a connection that files.
type client struct {
	conn    *load.Conn
	driver  *load.Driver // nil unless the method wants it
	stream  stream.Stream
	buf     []byte
	array   []byte
	rows    [][]byte
	latency *Latency
}

// digests returns n digests from the first on, in the client's buffer.
func (c *client) digests(first uint64, n int) []byte {
	if len(c.buf) != n*stream.Size {
		c.buf = make([]byte, n*stream.Size)
	}
	c.stream.Fill(c.buf, first)
	return c.buf
}

// A filer loads one server by one method. Digests are taken from its stream one after the other, by all clients together: when
// all clients rest, the first next of the stream are filed and acknowledged.
type filer struct {
	method  method
	rows    int
	clients []*client
	next    atomic.Uint64
}

// newFiler connects clients.
func newFiler(ctx context.Context, s *target.Server, m method, clients, copyRows int, digests stream.Stream) (*filer, error) {
	f := &filer{method: m, rows: m.rows}
	if f.rows == 0 {
		f.rows = copyRows
	}
	for range clients {
		conn, err := s.Connect(ctx)
		if err != nil {
			f.close()
			return nil, err
		}
		f.clients = append(f.clients, &client{conn: conn, stream: digests, latency: new(Latency)})
		if err := f.clients[len(f.clients)-1].prepare(ctx, s, m); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

// prepare does what a method wants done before it is measured.
func (c *client) prepare(ctx context.Context, s *target.Server, m method) (err error) {
	if m.driver {
		c.driver, err = load.DialDriver(ctx, s.Address, s.User, s.Database)
	}
	if err == nil && m.prepare != "" {
		err = c.conn.Prepare(statement, m.prepare)
	}
	return err
}

func (f *filer) close() {
	for _, c := range f.clients {
		c.conn.Close()
		if c.driver != nil {
			c.driver.Close()
		}
	}
}

// file carries out one operation.
func (f *filer) file(c *client) error {
	first := f.next.Add(uint64(f.rows)) - uint64(f.rows)
	return f.method.file(c, first, f.rows)
}

// each runs work in a goroutine for each client and returns the latencies, measured by work, of all.
func (f *filer) each(work func(c *client) error) (*Latency, error) {
	errs := make(chan error, len(f.clients))
	var wg sync.WaitGroup
	for _, c := range f.clients {
		*c.latency = Latency{}
		wg.Go(func() { errs <- work(c) })
	}
	wg.Wait()
	close(errs)
	all := new(Latency)
	for _, c := range f.clients {
		all.Merge(c.latency)
	}
	for err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// closed files for some seconds, in closed loop: each client starts an operation when its last one is acknowledged. It returns
// how long it took until all were.
func (f *filer) closed(ctx context.Context, seconds float64) (*Latency, time.Duration, error) {
	start := time.Now()
	end := start.Add(time.Duration(seconds * 1e9))
	latency, err := f.each(func(c *client) error {
		for now := time.Now(); ctx.Err() == nil; {
			if err := f.file(c); err != nil {
				return err
			}
			done := time.Now()
			c.latency.Add(done.Sub(now))
			if now = done; !now.Before(end) {
				return nil
			}
		}
		return context.Cause(ctx)
	})
	return latency, time.Since(start), err
}

// open starts rate operations a second for some seconds, when they are due, as long as a client is free; latencies count from
// when they were due.
func (f *filer) open(ctx context.Context, rate, seconds float64) (*Latency, error) {
	due := make(chan time.Time, int(rate*seconds)+1)
	go func() {
		defer close(due)
		start := time.Now()
		for i := range int(rate * seconds) {
			at := start.Add(time.Duration(float64(i) / rate * 1e9))
			if wait := time.Until(at); wait > 0 {
				pause(wait)
			}
			if ctx.Err() != nil {
				return
			}
			due <- at
		}
	}()
	latency, err := f.each(func(c *client) error {
		for at := range due {
			if err := f.file(c); err != nil {
				return err
			}
			c.latency.Add(time.Since(at))
		}
		return context.Cause(ctx)
	})
	return latency, err
}

// A watcher files single digests while others load the server, and notes how long after the acknowledgement it has the proof.
type watcher struct {
	conn  *load.Conn
	waits Latency
}

const (
	insertReceipt   = "INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt"
	lookupByReceipt = "SELECT signature FROM proofs WHERE receipt = $1"
)

// watchers is how many watch: each sees about one round a second.
const watchers = 4

// watch starts watchers. stop ends them and returns what they saw.
func watch(ctx context.Context, s *target.Server, seed uint64) (stop func() (*Latency, error), err error) {
	all := make([]*watcher, watchers)
	for i := range all {
		conn, err := s.Connect(ctx)
		if err != nil {
			return nil, err
		}
		all[i] = &watcher{conn: conn}
		if err := conn.Prepare("file", insertReceipt); err != nil {
			return nil, err
		}
		if err := conn.Prepare("prove", lookupByReceipt); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	errs := make(chan error, watchers)
	for i, w := range all {
		go func() { errs <- w.run(ctx, seed+uint64(i)) }()
	}
	return func() (*Latency, error) {
		cancel()
		sum := new(Latency)
		var err error
		for range all {
			if e := <-errs; e != nil {
				err = e
			}
		}
		for _, w := range all {
			sum.Merge(&w.waits)
			w.conn.Close()
		}
		return sum, err
	}, nil
}

// watched is added to a seed for the digests that watchers file.
const watched = 1 << 32

func (w *watcher) run(ctx context.Context, seed uint64) error {
	digests, random := stream.Stream(seed+watched), rand.New(rand.NewPCG(seed, 0))
	for i := uint64(0); ctx.Err() == nil; i++ {
		select { // not all right after a round has closed
		case <-time.After(time.Duration(random.IntN(500)) * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
		d := digests.At(i)
		var receipt []byte
		_, err := w.conn.Run("file", d[:], func(_, _ int, v []byte) { receipt = append(receipt[:0], v...) })
		if err != nil {
			return err
		}
		acknowledged := time.Now()
		if n, err := w.conn.Run("prove", receipt, nil); err != nil || n != 1 {
			return fmt.Errorf("proof of receipt %s: %d rows, %v", receipt, n, err)
		}
		w.waits.Add(time.Since(acknowledged))
	}
	return nil
}

// ProcessorTime returns what this process has used of all processors.
func ProcessorTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
