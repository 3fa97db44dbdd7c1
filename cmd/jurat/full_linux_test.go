package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

// smallDisk mounts a file system of some MiB, which takes a process that may.
func smallDisk(t *testing.T, size string) string {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("NOT TESTED: a file system of its own takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk leaves free bytes.
func fill(t *testing.T, path string, free int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		var s syscall.Statfs_t
		if err := syscall.Statfs(path, &s); err != nil {
			t.Fatal(err)
		}
		left := int64(s.Bavail)*s.Bsize - free
		if left < 4096 {
			return
		}
		if _, err := f.Write(make([]byte, min(left, 1<<20))); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills the disk under a server: first to its reserve, then to the last byte while hashes are filed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "160m")
	s := startServer(t, filepath.Join(disk, "data"), "--disk-reserve", "33554432")
	conn := s.connect()
	file := func(i int) error {
		_, err := conn.Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(0, i))
		return err
	}
	if err := file(0); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	fill(t, filler, 30<<20)
	for i := range 3 {
		var e *pgconn.PgError
		if err := file(1 + i); !errors.As(err, &e) || e.Code != "53100" {
			t.Fatalf("filed into the reserve: %v", err)
		}
		mustProve(t, s, conn, 0)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := file(10); err != nil {
		t.Fatalf("after there was room: %v", err)
	}
	acked := fillUnder(t, s, filler)
	mustProve(t, s, conn, 10)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for err := file(11); err != nil; err = file(11) {
		if time.Now().After(deadline) {
			t.Fatalf("half a minute after there was room: %v\n%s", err, s.logged())
		}
	}
	s.kill()
	s = startServer(t, s.dir)
	mustFind(t, s.connect(), append(acked(), acknowledgement{digest: testDigest(0, 11)}))
	s.stop()
	if r := run(t, t.TempDir(), "fsck", "--data", s.dir); r.code != 0 {
		t.Errorf("fsck: %s%s", r.stdout, r.stderr)
	}
}

func mustProve(t *testing.T, s *serverProcess, conn *pgx.Conn, i int) {
	t.Helper()
	mustVerify(t, s, conn, acknowledgement{digest: testDigest(0, i)})
}

// fillUnder fills the disk to the last byte while clients file, until one of the server's writes waits for room, or until the
// server has refused to file for seconds: then it saw to its reserve before any write failed. Writes that fail are certain in the
// tests of storage and server/ledger. What it returns ends the clients and tells what they were told.
func fillUnder(t *testing.T, s *serverProcess, filler string) func() []acknowledgement {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	l := &load{server: s, ctx: ctx}
	done := make(chan struct{}, 3)
	for c := range 2 {
		go func() { l.copies(10 + c); done <- struct{}{} }()
	}
	go func() { l.bulk(20); done <- struct{}{} }()
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for tick := 0; !strings.Contains(s.logged(), "the disk is full"); tick++ {
		<-pace.C
		if tick > 3000 {
			if strings.Count(s.logged(), "the disk is nearly full") < 2 {
				t.Fatalf("neither a write nor the watch over the reserve found the disk full:\n%s", s.logged())
			}
			t.Log("the server saw to its reserve in time: no write found the disk full")
			break
		}
		fill(t, filler, 0)
	}
	return func() []acknowledgement {
		cancel()
		for range 3 {
			<-done
		}
		return l.acks
	}
}

// TestStartOnFullDisk has a server start on a disk that is full to the last byte: one SIGTERM ends it.
func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "160m")
	s := startServer(t, filepath.Join(disk, "data"), "--disk-reserve", "1048576")
	if _, err := s.connect().Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(0, 0)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	filler := filepath.Join(disk, "filler")
	fill(t, filler, 0)
	waits := startWaiting(t, s.dir)
	waits.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-waits.exited:
	case <-time.After(time.Minute):
		t.Fatalf("a start that waits for room does not end:\n%s", waits.logged())
	}
	if code := waits.cmd.ProcessState.ExitCode(); code != exitError || !strings.Contains(waits.logged(), "jurat: told to stop before it had started") {
		t.Errorf("ended with %d:\n%s", code, waits.logged())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, s.dir)
	mustProve(t, s, s.connect(), 0)
	s.stop()
}

// startWaiting starts a server on a full disk and waits until it waits for room.
func startWaiting(t *testing.T, dir string) *serverProcess {
	t.Helper()
	s := &serverProcess{t: t, cmd: exec.Command(program(t), "serve", "--data", dir, "--listen", "127.0.0.1:0"), dir: dir, exited: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go s.follow(stderr, make(chan string, 1))
	t.Cleanup(s.kill)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(time.Minute); !strings.Contains(s.logged(), "the disk is full"); <-tick.C {
		if time.Now().After(until) {
			t.Fatalf("the server does not wait for room:\n%s", s.logged())
		}
	}
	return s
}

// TestDoctorOnFullDisk: the doctor says that room is missing, not that it is run as the wrong user.
func TestDoctorOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "1m")
	dir := filepath.Join(disk, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(disk, "fill"), 0)
	expectFinding(t, diagnose(t, exitFail, "--data", dir, "--listen", "127.0.0.1:0"), "disk sync", stateFail, "make room")
}

// TestRebuildOnFullDisk: a rebuild of the digest index that finds the disk full, or is interrupted, says so and what is to be done.
func TestRebuildOnFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "160m")
	dir, filler := filepath.Join(disk, "data"), filepath.Join(disk, "filler")
	s := startServer(t, dir, "--disk-reserve", "33554432")
	if _, err := s.connect().Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1)`, testDigest(0, 0)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	fill(t, filler, 0)
	out := expect(t, 3, "make room\n"+errNotWhole.Error(), "fsck", "--data", dir, "--rebuild-index")
	if strings.Contains(out, "OK") {
		t.Errorf("on a full disk all is well: %s", out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	store, err := openStopped(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	r := &indexRebuild{store: store, dir: filepath.Join(dir, server.IndexDir)}
	if err := r.Compare(interrupted, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.close(); !errors.Is(err, errNotWhole) {
		t.Errorf("interrupted: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	expect(t, 0, "1 leaves in the digest index", "fsck", "--data", dir, "--rebuild-index")
}
