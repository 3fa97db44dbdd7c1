package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
)

// postgresSettings are what PostgreSQL runs with: its usual durability, memory as for a server of its own, and no checkpoint
// or vacuum within a run, to its favour.
var postgresSettings = []string{
	"shared_buffers=4GB", "max_wal_size=16GB", "checkpoint_timeout=15min", "autovacuum=off",
	"fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=300",
	"listen_addresses=127.0.0.1",
}

// Postgres is PostgreSQL, as it is installed, with a table hashes (digest bytea, ts timestamptz default now()); keyed, digest is
// its primary key. More settings may be given, such as "wal_level=minimal".
func Postgres(keyed bool, settings ...string) (*Target, error) {
	bin, err := postgresDirectory()
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return nil, err
	}
	name, column, index := "postgres", "digest bytea PRIMARY KEY", "primary key"
	if !keyed {
		name, column, index = "postgres-unindexed", "digest bytea NOT NULL", "no index"
	}
	shown := slices.Concat(postgresSettings[:4], settings)
	return &Target{
		Name: name,
		Durability: fmt.Sprintf("%s; WAL synced at every commit (fsync, synchronous_commit and full_page_writes on), %s, no proofs; %s",
			strings.TrimSpace(string(out)), index, strings.Join(shown, " ")),
		Lookup:     "SELECT ts FROM hashes WHERE digest = $1",
		LookupMany: "SELECT ts FROM hashes WHERE digest = ANY($1)",
		Tidy:       "VACUUM ANALYZE hashes", // autovacuum, which would do it, is off
		// A connection is a process, which maps each page of shared memory at the first touch: all of the table, all of the index.
		Touch: "SET max_parallel_workers_per_gather = 0; SELECT count(*) FROM hashes; " +
			"SET enable_seqscan = off; SELECT count(digest) FROM hashes WHERE digest >= ''; RESET ALL",
		start: func(ctx context.Context, t *Target, dir string) (*Server, error) {
			return startPostgres(ctx, t, dir, bin, column, settings)
		},
		stored: storedPostgres,
		check:  func(context.Context, *Server) error { return nil },
	}, nil
}

// postgresDirectory finds the newest PostgreSQL of those that Debian installs side by side, else the one in the path.
func postgresDirectory() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found)), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed: apt-get install postgresql, or leave --peer postgres out")
	}
	return filepath.Dir(path), nil
}

func startPostgres(ctx context.Context, t *Target, dir, bin, column string, settings []string) (*Server, error) {
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
		initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--no-sync", "-A", "trust", "--locale=C", "-E", "UTF8", "-U", "jurat", "-D", dir)
		initdb.SysProcAttr, initdb.Dir = attr, "/"
		if out, err := initdb.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("initdb: %w:\n%s", err, out)
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Target: t, Dir: dir, Address: net.JoinHostPort("127.0.0.1", port), User: "jurat", Database: "postgres", process: new(process)}
	if t.unix {
		if s.socket, err = os.MkdirTemp("", "jurat"); err != nil {
			return nil, err
		}
		if _, err := unprivileged(s.socket); err != nil {
			return nil, err
		}
		s.Address = filepath.Join(s.socket, ".s.PGSQL."+port)
	}
	args := []string{"-D", dir, "-p", port, "-k", s.socket}
	for _, setting := range slices.Concat(postgresSettings, settings) {
		args = append(args, "-c", setting)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), args...)
	cmd.SysProcAttr, cmd.Dir = attr, "/"
	if err := s.launch(cmd); err != nil {
		return nil, err
	}
	if err := s.createTable(ctx, column); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// createTable waits until the server answers and makes the table.
func (s *Server) createTable(ctx context.Context, column string) error {
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for deadline := time.Now().Add(startTimeout); ; {
		conn, err := load.Dial(ctx, s.Address, s.User, s.Database)
		if err == nil {
			_, err = conn.Exec("CREATE TABLE IF NOT EXISTS hashes (" + column + ", ts timestamptz NOT NULL DEFAULT now()); CHECKPOINT")
			return errors.Join(err, conn.Close())
		}
		if time.Now().After(deadline) || !s.running() {
			return fmt.Errorf("%w:\n%s", err, s.log.String())
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// unprivileged makes dir for a process of user postgres if this one is root's, which PostgreSQL refuses to be run by, and
// returns how to start it.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// freePort returns a TCP port that was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func storedPostgres(ctx context.Context, s *Server) (int64, error) {
	if !s.running() {
		return 0, nil
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	size, err := conn.Exec("SELECT pg_total_relation_size('hashes')")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(size[0], 10, 64)
}
