package server

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSocketTaken: a socket that somebody has open is left alone, and not even connected to, which would wake whom systemd starts for it;
// one that nobody has is replaced.
func TestSocketTaken(t *testing.T) {
	dir := t.TempDir()
	holder, err := net.Listen("unix", SocketPath(dir, 5433))
	if err != nil {
		t.Fatal(err)
	}
	if ln, err := ListenUnix(dir, 5433); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("beside another listener: %v, %v", ln, err)
	}
	client, err := net.Dial("unix", SocketPath(dir, 5433))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Write([]byte{1})
	first, err := holder.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := io.ReadFull(first, make([]byte, 1)); err != nil {
		t.Errorf("the first connection is not the client's: %v", err)
	}

	holder.(*net.UnixListener).SetUnlinkOnClose(false)
	holder.Close()
	ln, err := ListenUnix(dir, 5433)
	if err != nil {
		t.Fatalf("in place of what a crash left: %v", err)
	}
	defer ln.Close()
	if info, err := os.Stat(SocketPath(dir, 5433)); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("not everybody may connect: %v, %v", info, err)
	}
}

// TestSocketSwapped: a symbolic link that is put in the place of a new socket opens no file to all.
func TestSocketSwapped(t *testing.T) {
	key, path := filepath.Join(t.TempDir(), "key"), SocketPath(t.TempDir(), 5433)
	if err := errors.Join(os.WriteFile(key, nil, 0o600), os.Symlink(key, path)); err != nil {
		t.Fatal(err)
	}
	if err := admitAll(path); err == nil {
		t.Error("a link is taken for the socket")
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is left with %v, %v", info.Mode(), err)
	}
}
