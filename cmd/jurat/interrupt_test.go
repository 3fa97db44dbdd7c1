package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

// TestInterrupted: commands that are interrupted say so, whatever that became inside them, and leave nothing.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	if _, err := conn.Exec(t.Context(), `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(0, 0)); err != nil {
		t.Fatal(err)
	}
	saved, bundle := filepath.Join(t.TempDir(), "saved.tar.zst"), filepath.Join(t.TempDir(), "jurat.bundle")
	for _, args := range [][]string{{"backup", "--to", saved}, {"export", "--agency", "jurat", "--to", bundle}} {
		if r := run(t, t.TempDir(), append(args, "--server", s.url())...); r.code != 0 {
			t.Fatalf("%s: %s%s", args[0], r.stdout, r.stderr)
		}
	}
	s.stop()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	made := filepath.Join(dir, "made")
	for name, work := range map[string]func(context.Context) error{
		"restore": func(ctx context.Context) error {
			o := restoreOptions{from: []string{saved}, data: made}
			return o.run(ctx, io.Discard, time.Now())
		},
		"backup": func(ctx context.Context) error {
			return (&backupOptions{to: made, data: s.dir}).run(ctx, io.Discard, time.Now())
		},
		"backup, of a server": func(ctx context.Context) error {
			return (&backupOptions{to: made, server: s.url()}).run(ctx, io.Discard, time.Now())
		},
		"export": func(ctx context.Context) error {
			o := exportOptions{agency: "jurat", to: made, server: s.url()}
			return o.run(ctx, io.Discard)
		},
		"fsck":          func(ctx context.Context) error { return check(ctx, io.Discard, s.dir, true) },
		"verify-bundle": func(ctx context.Context) error { return new(verifyOptions).verifyBundle(ctx, io.Discard, bundle, "") },
	} {
		if err := untilInterrupted(over, work); !errors.Is(err, errInterrupted) || err.Error() != "interrupted" {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", name, left, err)
		}
	}
	for _, err := range []error{exitStatus(exitFail), nil} {
		if got := untilInterrupted(over, func(context.Context) error { return err }); got != err {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	undo := errors.New("cannot remove it")
	if err := untilInterrupted(over, func(context.Context) error { return errors.Join(io.EOF, undo) }); err.Error() != "interrupted\ncannot remove it" {
		t.Errorf("what undoing it came to is lost: %v", err)
	}
}

// TestSignals interrupts the program by each signal while it waits for a server: it ends as it should and leaves nothing. Where SIGHUP is
// ignored, as by nohup, it goes on.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		ignore string
		says   string
	}{
		{"Ctrl-C", syscall.SIGINT, "", "jurat: interrupted\n"},
		{"SIGTERM", syscall.SIGTERM, "", "jurat: interrupted\n"},
		{"terminal closed", syscall.SIGHUP, "", "jurat: interrupted\n"},
		{"nohup", syscall.SIGHUP, "trap '' HUP; ", "Is the server running"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer silent.Close()
			dir := t.TempDir()
			cmd := exec.Command("sh", "-c", c.ignore+`exec "$0" "$@"`, program(t), "export", "--agency", "canton", "--to", filepath.Join(dir, "bundle"),
				"--server", "postgres://canton@"+silent.Addr().String()+"/jurat?sslmode=disable")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			if c.ignore != "" {
				conn.Close()
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitError || !bytes.Contains(stderr.Bytes(), []byte(c.says)) {
				t.Errorf("ended with %d: %s", code, stderr.String())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("leaves %v, %v", left, err)
			}
		})
	}
}

// TestSignInterrupted has a server whose clock is behind its ledger. Who signs is told what he waits for and, when he ends that, how he gets the proof.
func TestSignInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	genesis := storage.Genesis{Server: "jurat", First: calendar.RoundOf(time.Now().Add(time.Hour))}
	store, err := storage.Create(filepath.Join(dir, server.StoreDir), genesis, storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, dir)
	file := filepath.Join(t.TempDir(), "letter")
	if err := os.WriteFile(file, []byte("letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t), "sign", "--server", s.url(), file)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	var words []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		words = append(words, lines.Text())
		if strings.Contains(lines.Text(), "does not close yet") {
			cmd.Process.Signal(os.Interrupt)
		}
	}
	err = cmd.Wait()
	said := strings.Join(words, "\n")
	if cmd.ProcessState.ExitCode() != exitError || !strings.Contains(said, "/jurat/main/0; its proof is still to be had") || !strings.HasSuffix(said, "jurat: interrupted") {
		t.Errorf("%v: %s", err, said)
	}
}
