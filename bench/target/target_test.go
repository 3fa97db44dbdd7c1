package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTail(t *testing.T) {
	var lines []string
	log := tail{line: func(line []byte) bool {
		lines = append(lines, string(line))
		return string(line) != "last"
	}}
	for _, part := range []string{"fi", "rst\nsec", "ond\nlast\nnot", " told\n", strings.Repeat("x", 2*tailSize), "end"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if strings.Join(lines, ",") != "first,second,last" {
		t.Errorf("lines %q", lines)
	}
	if s := log.String(); len(s) != tailSize || !strings.HasSuffix(s, "xend") {
		t.Errorf("kept %d bytes", len(s))
	}
}

// What a process does is seen: its processor time, what it writes, and its children's part of both.
func TestUsage(t *testing.T) {
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := t.TempDir()
	const script = `
		dd if=/dev/zero of="$0/own" bs=1M count=3 conv=fsync 2>/dev/null
		sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done > "$0/done"; exec cat > /dev/null' "$0" &
		exec sleep 600`
	s := &Server{Target: &Target{Name: "shell"}, process: new(process)}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := s.launch(cmd); err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	deadline := time.After(time.Minute)
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "done")); err == nil && len(text) > 0 {
			break
		}
		select {
		case <-deadline:
			t.Fatal("the shell does nothing")
		case <-time.After(10 * time.Millisecond):
		}
	}
	u, err := s.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if u.CPU < 10*time.Millisecond || u.Written < 3<<20 && !inMemory(t, dir) || u.Resident <= 0 || u.Peak < u.Resident {
		t.Errorf("%+v", u)
	}
	since, err := s.Settle(t.Context(), 0)
	if after, errAfter := s.Usage(); err != nil || errAfter != nil || after.CPU > u.CPU+time.Second || since.IsZero() {
		t.Errorf("settled %v, %v, %v", since, err, errAfter)
	}
}

// inMemory reports whether files in dir never go to a disk.
func inMemory(t *testing.T, dir string) bool {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	const tmpfs = 0x01021994
	return s.Type == tmpfs
}

// A server that ends by itself is an error that shows its log.
func TestEnds(t *testing.T) {
	program := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho sorry >&2; exit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Jurat("jurat", program).Start(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "sorry") {
		t.Errorf("%v", err)
	}
}
