package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMistakes makes mistakes of operators: each is told apart, with what to do about it, and leaves nothing behind.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path("link")); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, t.TempDir())
	for _, c := range []struct{ command, words string }{
		{"serve --data " + path("file"), "file is no directory: give the data directory with --data"},
		{"serve --data " + path("file/x"), "file/x is no directory: give the data directory with --data"},
		{"serve --data " + path("link"), "link is a symbolic link to what does not exist: is a disk not mounted?"},
		{"fsck --data " + path("file"), "file holds no ledger: give the data directory"},
		{"serve --data " + path("made") + " --listen " + s.address, "--listen: listen tcp " + s.address + ": bind: address already in use: is a server running already?"},
		{"serve --data " + path("made") + " --listen 127.0.0.1:0 --http-listen 127.0.0.1:99999", "--http-listen: listen tcp: address 99999: invalid port: want host:port"},
		{"serve --data " + path("made") + " --listen 127.0.0.1:0 --page-listen [::1%none]:1", "--page-listen"},
		{"serve --data " + path("made") + " --max-clock-jump 10", "see jurat serve --help"},
		{"serve --date " + path("made"), "see jurat serve --help"},
		{"backup --to " + path("made.tar.gz") + " --server " + s.url(), "whose names end with .tar.zst"},
		{"backup --to " + path("made.zip") + " --data " + s.dir, "whose names end with .tar.zst"},
		{"publish --server postgres://nobody@" + s.address + "/jurat", "jurat: " + s.address + `: FATAL: role "nobody" does not exist (SQLSTATE 28000)` + "\nA superuser makes it"},
	} {
		r := run(t, dir, strings.Fields(c.command)...)
		if r.code != exitError || !strings.Contains(r.stderr, c.words) {
			t.Errorf("%s: %d %s, want %q", c.command, r.code, r.stderr, c.words)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
	s.stop()
}

// TestOthersDirectory has somebody else work on a server's data directory: he is told to be its user, not that another process has it open.
func TestOthersDirectory(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can be somebody else")
	}
	const nobody = 65534
	s := startServer(t, t.TempDir())
	s.stop()
	for dir := s.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(t.TempDir(), "jurat") // which anybody may run
	if err := os.Chmod(filepath.Dir(filepath.Dir(other)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(program(t), other); err != nil { // a copy could not be run while a child of another test has it open
		t.Fatal(err)
	}
	refused := func(command, words string) {
		t.Helper()
		cmd := exec.Command(other, strings.Fields(command+s.dir)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitError || !strings.Contains(string(out), words) {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
	const serve = "serve --listen 127.0.0.1:0 --data "
	for _, open := range []fs.FileMode{0o700, 0o755} { // of the store
		if err := os.Chmod(filepath.Join(s.dir, "store"), open); err != nil {
			t.Fatal(err)
		}
		refused("fsck --data ", "permission denied\nRun this as a user who may do that")
		refused(serve, "belongs to user root, and this runs as nobody: run it as root")
		refused("rotate-key calendar --data ", "belongs to user root, and this runs as nobody: run it as root")
	}
	giveTo(t, s.dir, nobody)
	key := filepath.Join(s.dir, "keys", "calendar.key")
	if err := os.Chown(key, 0, 0); err != nil { // as root has put it back
		t.Fatal(err)
	}
	refused(serve, "calendar.key: permission denied; what is in keys/ has to belong to the user that the server runs as")
	if err := errors.Join(os.Chown(key, nobody, nobody), os.Chown(s.dir, 0, 0)); err != nil {
		t.Fatal(err)
	}
	refused("rotate-key calendar --data ", "is good until") // in a volume that root has made for nobody, all is as it should be
}

// giveTo makes all of a directory a user's.
func giveTo(t *testing.T, dir string, user int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Chown(path, user, user)) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestOwners has root work on a directory of somebody else, and leaves files of root in it: neither makes a server that the owner cannot start
// any more without being told what to do.
func TestOwners(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root can give files away")
	}
	const nobody = 65534
	s := startServer(t, t.TempDir())
	s.stop()
	refused := func(words string, commands ...string) {
		t.Helper()
		for _, command := range append(commands, "serve --listen 127.0.0.1:0 --data ", "rotate-key calendar --data ") {
			if r := run(t, t.TempDir(), strings.Fields(command+s.dir)...); r.code == 0 || !strings.Contains(r.stdout+r.stderr, words) {
				t.Errorf("%s: %d %s %s, want %q", command, r.code, r.stdout, r.stderr, words)
			}
		}
	}
	giveTo(t, s.dir, nobody)
	refused(" belongs to user nobody, and this runs as root: run it as nobody")
	if r := run(t, t.TempDir(), "doctor", "--data", s.dir); strings.Contains(r.stdout, "owner") {
		t.Errorf("root's doctor says of somebody else's server %s", r.stdout)
	}
	giveTo(t, s.dir, 0)
	ends, lost := filepath.Join(s.dir, "store", "db", "ENDS"), filepath.Join(s.dir, "store", "lost+found")
	if err := errors.Join(os.Mkdir(lost, 0o700), os.Chown(lost, nobody, nobody), os.Chown(ends, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	refused(ends+" belongs to user nobody, not to root: something was run there as nobody; as root, run chown -R root "+s.dir, "doctor --data ")
	if err := os.Chown(ends, 0, 0); err != nil {
		t.Fatal(err)
	}
	startServer(t, s.dir).stop()
}
