// Package target starts the servers that benchmarks load, each on a fresh directory, reads from Linux's /proc what they cost,
// and stops them.
package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
)

// A Target is a kind of server.
type Target struct {
	// Name is the contender's name in samples.
	Name string
	// Durability says what an acknowledgement of this server means.
	Durability string
	// Lookup is SQL that finds a filed digest, its one binary parameter, by what the server gives as evidence for it.
	Lookup string
	// LookupMany is the same for many digests, its one parameter being an array.
	LookupMany string
	// Tidy is SQL to be run between filing and looking up, as an operator would; empty for none.
	Tidy string
	// Touch is SQL that a connection runs before its look-ups are timed: what it needs once, at its start; empty for none.
	Touch string
	// Proofs reports whether Lookup gives proofs that can be verified: KSI signatures, in the first column.
	Proofs bool

	unix   bool // clients come by a Unix socket
	start  func(ctx context.Context, t *Target, dir string) (*Server, error)
	stored func(ctx context.Context, s *Server) (int64, error)
	check  func(ctx context.Context, s *Server) error
}

// OverUnixSocket returns t as clients find it by a Unix socket.
func (t *Target) OverUnixSocket() *Target {
	u := *t
	u.unix, u.Name = true, t.Name+"-unix"
	return &u
}

// Start starts a server on dir, which must not exist, be empty, or hold what such a server left there.
func (t *Target) Start(ctx context.Context, dir string) (*Server, error) {
	s, err := t.start(ctx, t, dir)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", t.Name, err)
	}
	return s, nil
}

// Patience with servers.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 5 * time.Minute
)

// A Server is a server that runs, or ran until Stop.
type Server struct {
	Target         *Target
	Dir            string
	Address        string // of TCP, or the path of a Unix socket; another after Restart
	User, Database string

	*process
}

// A process is that of a server.
type process struct {
	cmd    *exec.Cmd
	log    tail
	socket string        // directory of its Unix socket, "" for none; it ends with the process
	exited chan struct{} // closed when the process has ended
	err    error         // of the process; valid once exited is closed
}

// launch starts the process of s, whose standard error goes to its log. It ends with ctx at the latest.
func (s *Server) launch(cmd *exec.Cmd) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	cmd.Stderr = &s.log
	p := s.process
	p.cmd, p.exited = cmd, make(chan struct{})
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		p.err = cmd.Wait()
		if p.socket != "" {
			os.RemoveAll(p.socket)
		}
		close(p.exited)
	}()
	return nil
}

// Restart stops the server in an orderly way and starts it again on its directory. Connections end.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	again, err := s.Target.Start(ctx, s.Dir)
	if err != nil {
		return err
	}
	s.Address, s.process = again.Address, again.process
	return nil
}

// Connect opens a connection.
func (s *Server) Connect(ctx context.Context) (*load.Conn, error) {
	c, err := load.Dial(ctx, s.Address, s.User, s.Database)
	if err != nil {
		return nil, fmt.Errorf("%w; the server's log ends:\n%s", err, s.log.String())
	}
	return c, nil
}

// Stop stops the server in an orderly way and waits for its end.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.wait()
}

// Kill ends the server as a power cut would, if it still runs.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.exited
}

func (s *Server) wait() error {
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		s.Kill()
		return fmt.Errorf("%s does not stop; its log ends:\n%s", s.Target.Name, s.log.String())
	}
	if s.err != nil {
		return fmt.Errorf("%s: %w; its log ends:\n%s", s.Target.Name, s.err, s.log.String())
	}
	return nil
}

// Stored returns how many bytes the server keeps of what was filed. Some targets can tell while they run only, others when
// they are stopped: call it twice and take the one that is not 0.
func (s *Server) Stored(ctx context.Context) (int64, error) { return s.Target.stored(ctx, s) }

// Check has the stopped server's data checked by its own means, if it has any.
func (s *Server) Check(ctx context.Context) error { return s.Target.check(ctx, s) }

func (s *Server) running() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// DirectorySize returns the size of all files below dir, in bytes.
func DirectorySize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}

// A tail is a Writer that keeps the end of what is written. It may be used from several goroutines.
type tail struct {
	mu   sync.Mutex // covers all below
	kept []byte
	// line, if not nil, is told every line while it returns true.
	line func(line []byte) bool
	part []byte // of a line
}

// tailSize is how many bytes a tail keeps.
const tailSize = 4 << 10

// Write takes the next bytes.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	if t.line != nil {
		t.part = append(t.part, b...)
	}
	for t.line != nil {
		line, rest, ok := bytes.Cut(t.part, []byte("\n"))
		if !ok {
			break
		}
		if !t.line(line) {
			t.line = nil
		}
		t.part = rest
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
