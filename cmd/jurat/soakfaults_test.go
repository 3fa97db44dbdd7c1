package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A filer files digests of its own, one at a time, beside all other clients.
type filer struct {
	s    *soaking
	l    *load
	conn *pgx.Conn
	n    int
}

// newFiler returns one whose digests are of a stream.
func newFiler(s *soaking, l *load) *filer { return &filer{s: s, l: l, conn: l.server.connect()} }

// open returns the connection, a new one if that before was lost.
func (f *filer) open() *pgx.Conn {
	if f.conn.IsClosed() {
		f.conn = f.l.server.connect()
	}
	return f.conn
}

// file files one digest and returns the code that it was refused with, empty if it was acknowledged. What waits for longer than a
// second counts as refused, too; it may have been filed.
func (f *filer) file() (code string) {
	f.s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	f.n++
	a := acknowledgement{digest: testDigest(f.s.streams()+99, f.n)}
	err := f.open().QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt`, a.digest).Scan(&a.receipt)
	var e *pgconn.PgError
	switch {
	case err == nil:
		f.l.acked(a)
		return ""
	case errors.As(err, &e):
		return e.Code
	case ctx.Err() != nil:
		return "waits"
	}
	f.s.t.Fatalf("%v\n%s", err, f.l.server.logged())
	return ""
}

// until files until the answer is a code, empty for filed, for half a minute at most, and returns how many others there were. No
// other code than those allowed may come before.
func (f *filer) until(code string, allowed ...string) (others int) {
	f.s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; others++ {
		got := f.file()
		if got == code {
			return others
		}
		if got != "waits" && !slices.Contains(allowed, got) || time.Now().After(deadline) {
			f.s.t.Fatalf("answered %q to who files, want %q:\n%s", got, code, f.l.server.logged())
		}
	}
}

// prove files a digest and has it proven in a closed round.
func (f *filer) prove() acknowledgement {
	f.s.t.Helper()
	f.until("")
	a := f.l.newest()
	mustVerify(f.s.t, f.l.server, f.open(), a)
	return a
}

// newest returns what was acknowledged last.
func (l *load) newest() acknowledgement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acks[len(l.acks)-1]
}

// failIO has the disk fail under load. The server ends by itself, at the latest when it has nothing else left, or goes on: the next
// life shows whether it kept what it said. An error of the log it does not survive.
func (s *soaking) failIO(p *plan, l *load) {
	l.server.order(order{Fail: &p.fails})
	failed := l.server.waitFor(diskFailed, 20*time.Second)
	wait := p.load
	if p.fails.Of == ".log" {
		wait = time.Minute
	}
	select {
	case <-l.server.exited:
		if code := l.server.cmd.ProcessState.ExitCode(); code == 0 || !strings.Contains(l.server.logged(), diskFailed) {
			s.t.Fatalf("the server ended with %d:\n%s", code, l.server.logged())
		}
		s.count("ended by itself", 1)
	case <-time.After(wait):
		if p.fails.Of == ".log" {
			s.t.Fatalf("the server goes on after an error of its log:\n%s", l.server.logged())
		}
	}
	if failed {
		s.count("I/O errors", 1)
	}
}

// waitFor waits until the server has logged something, has ended or the time is over, and reports whether it has logged it.
func (s *serverProcess) waitFor(text string, most time.Duration) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(most); ; {
		if strings.Contains(s.logged(), text) {
			return true
		}
		select {
		case <-s.exited:
			return strings.Contains(s.logged(), text)
		case <-over:
			return false
		case <-tick.C:
		}
	}
}

// fillDisk has the disk nearly full, then full, then with room again: what is filed is refused, what was filed is proven, and filing
// goes on by itself.
func (s *soaking) fillDisk(l *load) {
	f := newFiler(s, l)
	old := f.prove()
	for _, state := range []diskState{diskNearly, diskFull} {
		l.server.order(order{Disk: state})
		f.until("53100", "")
		for range 3 {
			mustVerify(s.t, l.server, f.open(), old)
			s.count("proofs given meanwhile", 1)
			if f.file() != "" {
				s.count("filings refused meanwhile", 1)
			}
		}
		l.server.order(order{Disk: diskSound})
		f.until("", "53100")
		s.count("disk full", 1)
	}
}

// turnClock has the clock do what the plan says. A jump ahead is never believed unseen, and filing goes on once it is confirmed or
// the clock is right.
func (s *soaking) turnClock(p *plan, l *load) {
	f := newFiler(s, l)
	f.prove()
	for _, step := range p.steps {
		s.count("clock "+string(step.kind), 1)
		switch step.kind {
		case clockBack:
			l.server.order(order{Step: -step.by})
			f.until("")
		case clockFrozen:
			l.server.order(order{Frozen: true})
			f.until("")
			<-time.After(step.by)
			l.server.order(order{})
			s.settle(f)
		case clockAhead:
			l.server.order(order{Step: step.by})
			f.until("55000", "")
			s.settle(f)
		case clockWrong:
			l.server.order(order{Step: step.by})
			f.until("55000", "")
			l.server.order(order{Step: -step.by})
			f.until("", "55000")
		}
	}
}

// settle files until it is acknowledged, and confirms the clock if that is what it takes.
func (s *soaking) settle(f *filer) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		code := f.file()
		if code == "" {
			return
		}
		if code != "55000" && code != "waits" || time.Now().After(deadline) {
			s.t.Fatalf("answered %q to who files:\n%s", code, f.l.server.logged())
		}
		if code == "waits" {
			continue
		}
		if _, err := f.open().Exec(context.Background(), "SELECT confirm_clock()"); err != nil {
			s.t.Fatal(err)
		}
	}
}

// tear damages what was written of the logs and was not durable when the server was killed, as a power cut may: noise in some
// sectors, or the end cut off.
func (s *soaking) tear(r *rand.Rand) {
	s.t.Helper()
	for path, durable := range s.ends() {
		if filepath.Ext(path) != ".log" {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) { // obsolete
			continue
		} else if err != nil {
			s.t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			err = f.Truncate(durable + r.Int64N(1<<12))
		}
		for range r.IntN(8) {
			noise := make([]byte, 512)
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			at := durable + r.Int64N(1<<15)
			_, failed := f.WriteAt(noise[:min(512, 512-at%512)], at)
			err = errors.Join(err, failed)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			s.t.Fatal(err)
		}
		s.count("torn logs", 1)
	}
}

// ends yields the logs and manifests and how many bytes of each were durable for certain when the server ended. What lies behind
// them was never acknowledged.
func (s *soaking) ends() iter.Seq2[string, int64] {
	s.t.Helper()
	dir := filepath.Join(s.dir, "store", "db")
	ends, err := os.ReadFile(filepath.Join(dir, "ENDS"))
	if err != nil {
		s.t.Fatal(err)
	}
	return func(yield func(path string, durable int64) bool) {
		for n, b := ends[1], ends[2:]; n > 0; n, b = n-1, b[21:] {
			name := [...]string{"%06d.log", "MANIFEST-%06d"}[b[0]]
			path := filepath.Join(dir, fmt.Sprintf(name, binary.LittleEndian.Uint64(b[1:])))
			if !yield(path, int64(binary.LittleEndian.Uint64(b[9:]))) {
				return
			}
		}
	}
}
