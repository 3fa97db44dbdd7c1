//go:build unix

package storage

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestLockForReading: the lock of who reads in a directory that is mounted read-only fails while another process, which this test starts
// itself as, has the file locked for writing.
func TestLockForReading(t *testing.T) {
	const other = "JURAT_LOCKED"
	if path := os.Getenv(other); path != "" {
		if _, err := vfs.Default.Lock(path); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		io.ReadAll(os.Stdin)
		return
	}
	path := filepath.Join(t.TempDir(), "LOCK")
	lock := func(want bool) {
		t.Helper()
		l, err := lockForReading(path)
		if (err == nil) != want {
			t.Fatalf("locked %t: %v", err == nil, err)
		}
		if err == nil {
			l.Close()
		}
	}
	lock(true) // nobody has made the file
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockForReading$")
	cmd.Env = append(os.Environ(), other+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	lock(false)
	in.Close()
	cmd.Wait()
	lock(true)
}
