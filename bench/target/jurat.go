package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// CertificatePath returns where the server keeps its calendar certificate, by which its proofs are verified.
func (s *Server) CertificatePath() string { return filepath.Join(s.Dir, "keys", "calendar.crt") }

// Jurat is this project's server, run by a program with flags added to those that every run has.
func Jurat(name, program string, flags ...string) *Target {
	return &Target{
		Name:       name,
		Durability: "every acknowledged filing is synced to disk (Pebble WAL, Sync on), hashed into its round and indexed",
		Lookup:     "SELECT signature FROM proofs WHERE digest = $1",
		LookupMany: "SELECT signature FROM proofs WHERE digest = ANY($1)",
		Proofs:     true,
		start: func(ctx context.Context, t *Target, dir string) (*Server, error) {
			return startJurat(ctx, t, dir, program, flags)
		},
		stored: func(_ context.Context, s *Server) (int64, error) {
			if s.running() {
				return 0, nil
			}
			return DirectorySize(s.Dir)
		},
		check: func(ctx context.Context, s *Server) error {
			out, err := exec.CommandContext(ctx, program, "fsck", "--data", s.Dir).CombinedOutput()
			if err != nil {
				return fmt.Errorf("fsck: %w:\n%s", err, out)
			}
			return nil
		},
	}
}

func startJurat(ctx context.Context, t *Target, dir, program string, flags []string) (*Server, error) {
	s := &Server{Target: t, Dir: dir, User: "jurat", Database: "jurat", process: new(process)}
	ready, at := make(chan string, 1), "listen="
	if t.unix {
		var err error
		if s.socket, err = os.MkdirTemp("", "jurat"); err != nil {
			return nil, err
		}
		at, flags = "socket=", append([]string{"--socket-directory", s.socket}, flags...)
	}
	s.log.line = func(line []byte) bool {
		_, rest, ok := bytes.Cut(line, []byte("msg=ready "))
		if ok {
			_, rest, _ = bytes.Cut(rest, []byte(at))
			address, _, _ := bytes.Cut(rest, []byte(" "))
			ready <- string(address)
		}
		return !ok
	}
	args := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--monthly-publications=false"}, flags...)
	if err := s.launch(exec.CommandContext(ctx, program, args...)); err != nil {
		return nil, err
	}
	select {
	case s.Address = <-ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("%s ended before it was ready:\n%s", program, s.log.String())
	case <-time.After(startTimeout):
		s.Kill()
		return nil, errors.New("not ready after two minutes:\n" + s.log.String())
	}
}
