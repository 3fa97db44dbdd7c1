package wire_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/wire"
)

// dialAs connects to a Unix socket as another account of the machine.
func dialAs(t *testing.T, uid int, address string) *client {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const same = ^uintptr(0)
	become := func(uid uintptr) {
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, same, uid, same); e != 0 { // of this thread alone
			t.Fatal(e)
		}
	}
	become(uintptr(uid))
	defer become(uintptr(os.Getuid()))
	conn, err := net.Dial("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(t, conn)
}

// TestAccounts has one account of the machine open connections on a Unix socket and not log in: it leaves places for other accounts.
func TestAccounts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: only root may connect as others")
	}
	address := fmt.Sprintf("@jurat-accounts-%d", os.Getpid()) // no directory has to let the others in
	ln, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	s := wire.New(wire.Config{Handler: newFakeHandler(), Now: time.Now, MaxConnections: 4})
	done := make(chan error, 1)
	go func() { done <- s.Serve(t.Context(), ln) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		dialAs(t, 1, address)
	}
	if got := dialAs(t, 1, address).closed(); len(got) != 1 || !strings.Contains(got[0], "FATAL 53300") {
		t.Errorf("one account has all places: %s", got)
	}
	dialAs(t, 2, address).login()
}
