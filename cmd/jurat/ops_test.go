package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/server"
)

// TestLogSecrets greps the log of a busy session, with all that can go wrong in one, for what must not be in it: digests in
// any spelling, receipts, signatures, passwords.
func TestLogSecrets(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	ctx := context.Background()
	digest := testDigest(77, 1)
	text := hex.EncodeToString(digest)
	var receipt string
	var signature []byte
	if err := conn.QueryRow(ctx, "INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt, signature", digest).Scan(&receipt, &signature); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`SELECT * FROM proofs WHERE digest = '\x` + text + `'`,
		`SELECT * FROM hashes WHERE receipt = '` + receipt + `'`,
		`INSERT INTO hashes (digest) VALUES ('\x` + text + `00')`,
		`INSERT INTO hashes (digest, lane) VALUES ('\x` + text + `', 'nowhere')`,
		`SELECT nonsense('\x` + text + `')`,
		`SELECT verify('\x` + text + `', '\x` + text + `')`,
		`DELETE FROM hashes WHERE digest = '\x` + text + `'`,
		`CREATE ROLE spy LOGIN PASSWORD 'hush-hush-hush'`,
		`ALTER ROLE jurat PASSWORD 'hush-hush-hush'`,
		`SELECT set_ksi_key('jurat', 'hush-hush-hush')`,
		`syntax error '\x` + text + `'`,
	} {
		rows, err := conn.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err == nil {
			rows.Close()
		}
	}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromRows([][]any{{append(digest, 0)}})); err == nil {
		t.Error("a digest of 33 bytes was copied")
	}
	if _, err := pgx.Connect(ctx, strings.Replace(s.urlAs("nobody"), "nobody@", "nobody:hush-hush-hush@", 1)); err == nil {
		t.Error("nobody may log in")
	}
	s.stop()
	log := s.logged()
	if !strings.Contains(log, "login failed") || !strings.Contains(log, "msg=stopped") {
		t.Fatalf("not the log of this session:\n%s", log)
	}
	for name, secret := range map[string]string{
		"digest": text, "digest in capitals": strings.ToUpper(text), "digest in base64": base64.StdEncoding.EncodeToString(digest)[:40],
		"receipt": receipt, "signature": hex.EncodeToString(signature)[:40], "password": "hush-hush",
		"bytes": fmt.Sprint(digest)[1:40],
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows a %s:\n%s", name, log)
		}
	}
	if strings.Contains(log, "connection opened") || strings.Contains(log, "connection closed") {
		t.Errorf("connections are logged at info:\n%s", log)
	}
}

// TestLogFlags has the server log as JSON and about connections.
func TestLogFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, bad := range [][]string{{"--log-format", "xml"}, {"--log-level", "loud"}} {
		if r := run(t, dir, append([]string{"serve", "--data", dir}, bad...)...); r.code != exitError || !strings.Contains(r.stderr, bad[0]) {
			t.Errorf("%v: %d, %s", bad, r.code, r.stderr)
		}
	}
	s := startServer(t, dir, "--log-level", "debug")
	s.connect().Close(context.Background())
	s.stop()
	if !strings.Contains(s.logged(), `msg="connection opened"`) {
		t.Errorf("no connection at level debug:\n%s", s.logged())
	}
	cmd := exec.Command(program(t), "serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-format", "json")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	for lines := json.NewDecoder(stderr); ; {
		var line struct{ Msg, Listen, Level string }
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Msg == "ready" {
			if line.Listen == "" || line.Level != "INFO" {
				t.Errorf("%+v", line)
			}
			break
		}
	}
	cmd.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	var last struct{ Msg, Level, Error string }
	r := run(t, dir, "serve", "--data", dir, "--server-name", "other", "--log-format", "json", "--listen", "127.0.0.1:0")
	if err := json.Unmarshal([]byte(r.stderr), &last); err != nil || r.code != exitError || last.Level != "ERROR" || !strings.Contains(last.Error, `not "other"`) {
		t.Errorf("the last line of a server that does not start: %d %s: %v", r.code, r.stderr, err)
	}
}

// TestLogReaderGone: a server outlives who reads its log.
func TestLogReaderGone(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t), "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	cmd.Stderr = write
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	s := &serverProcess{t: t}
	for lines := bufio.NewScanner(read); s.address == "" && lines.Scan(); {
		_, rest, _ := strings.Cut(lines.Text(), "msg=ready listen=")
		s.address, _, _ = strings.Cut(rest, " ")
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.connect().Exec(context.Background(), "SELECT pg_reload_conf()"); err != nil { // which is logged
		t.Error(err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A unit stands for systemd: it holds the sockets, starts the server on them, and hears what it says.
type unit struct {
	t       *testing.T
	sockets []*os.File // TCP and Unix
	addr    [2]net.Addr
	heard   *net.UnixConn
	dir     string
	notify  string
}

func newUnit(t *testing.T) *unit {
	u := &unit{t: t, dir: t.TempDir(), notify: filepath.Join(t.TempDir(), "notify")}
	for i, at := range [2]struct{ network, address string }{{"tcp", "127.0.0.1:0"}, {"unix", server.SocketPath(t.TempDir(), 5433)}} {
		ln, err := net.Listen(at.network, at.address)
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := ln.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		f, err := ln.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		t.Cleanup(func() { f.Close() })
		u.sockets, u.addr[i] = append(u.sockets, f), ln.Addr()
	}
	var err error
	if u.heard, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: u.notify, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.heard.Close() })
	return u
}

// start starts the server as systemd does. The shell is there to know the process id before the program runs.
func (u *unit) start(names string) (*exec.Cmd, *strings.Builder) {
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" serve --data "$1" --listen 127.0.0.1:1`, program(u.t), u.dir)
	cmd.ExtraFiles = u.sockets
	cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES="+names, "NOTIFY_SOCKET="+u.notify, "WATCHDOG_USEC=200000")
	log := new(strings.Builder)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, log
}

// hear waits until the server says something.
func (u *unit) hear(word string) {
	u.t.Helper()
	u.heard.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 4096)
	for {
		n, err := u.heard.Read(buf)
		if err != nil {
			u.t.Fatalf("%s is not said: %v", word, err)
		}
		if strings.HasPrefix(string(buf[:n]), word) {
			return
		}
	}
}

// A retryLoad are clients that file, and connect again when they lose the server.
type retryLoad struct {
	t       *testing.T
	addr    [2]net.Addr // TCP and Unix
	until   context.Context
	clients sync.WaitGroup

	mu    sync.Mutex // covers acked
	acked [][]byte
}

func (l *retryLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// file files one digest after the other. Refused connections are the one thing that must not be.
func (l *retryLoad) file(ctx context.Context, stream int) {
	addr := l.addr[stream%len(l.addr)]
	for i := 0; l.until.Err() == nil; {
		nc, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			l.t.Errorf("connect: %v", err)
			return
		}
		nc.Close()
		conn, err := pgx.Connect(ctx, urlOf(addr))
		for err == nil && l.until.Err() == nil {
			d := testDigest(100+stream, i)
			i++
			if _, err = conn.Exec(ctx, "INSERT INTO hashes (digest) VALUES ($1)", d); err == nil {
				l.mu.Lock()
				l.acked = append(l.acked, d)
				l.mu.Unlock()
			}
		}
		if conn != nil {
			conn.Close(ctx)
		}
	}
}

// urlOf is where clients find a server that listens on port 5433 of a Unix socket, or at an address of TCP.
func urlOf(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "postgres://jurat@/jurat?port=5433&host=" + filepath.Dir(addr.String())
	}
	return "postgres://jurat@" + addr.String() + "/jurat"
}

// TestRestart starts the server anew under load, over and over, with its sockets held open as systemd does: no attempt to
// connect fails, and nothing that was acknowledged is lost.
func TestRestart(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	loading, stopLoad := context.WithCancel(ctx)
	l := retryLoad{t: t, addr: u.addr, until: loading}
	defer l.clients.Wait()
	defer stopLoad()
	cmd, log := u.start("listen:listen")
	u.hear("READY=1")
	for stream := range 4 {
		l.clients.Go(func() { l.file(ctx, stream) })
	}
	for range 3 {
		for was := l.count(); l.count() < was+50 && ctx.Err() == nil; {
			u.hear("WATCHDOG=1")
		}
		cmd.Process.Signal(syscall.SIGHUP)
		u.hear("RELOADING=1")
		u.hear("READY=1")
		cmd.Process.Signal(os.Interrupt)
		u.hear("STOPPING=1")
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v:\n%s", err, log)
		}
		cmd, log = u.start("")
		u.hear("READY=1")
	}
	stopLoad()
	l.clients.Wait()
	conn, err := pgx.Connect(ctx, urlOf(u.addr[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var missing int
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM unnest($1::bytea[]) AS d WHERE NOT EXISTS (SELECT FROM hashes h WHERE h.digest = d)`, l.acked).Scan(&missing); err != nil {
		t.Fatal(err)
	}
	if missing > 0 || len(l.acked) < 150 {
		t.Errorf("%d of %d acknowledged digests are lost", missing, len(l.acked))
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, log)
	}
	for names, words := range map[string]string{"jurat.socket:listen": "FileDescriptorName=", "listen:http-listen": "is for a Unix socket", "socket-directory:x": "is for a Unix socket"} {
		bad, log := u.start(names)
		if err := bad.Wait(); err == nil || !strings.Contains(log.String(), words) {
			t.Errorf("sockets with the names %s: %v, %s", names, err, log)
		}
	}
}
