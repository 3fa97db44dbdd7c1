package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// faultyData names the data directory in the environment of a test binary that is to be the server of the program, but on a disk and
// a clock that do as orders on standard input say.
const faultyData = "JURAT_FAULTY_DATA"

// soakClockJump is how far the clock of a faulty server may run ahead before filing stops: little, so that tests of it are short.
const soakClockJump = time.Second

// An order says how the disk and the clock of a faulty server are from now on.
type order struct {
	Disk   diskState
	Fail   *diskFailure  // what ends in an error; nil for nothing
	Step   time.Duration // that the clock is set by, once
	Frozen bool          // the clock stands still
}

// A diskState is how much room there is on a faulty disk.
type diskState int

// States of a disk.
const (
	diskSound  diskState = iota
	diskNearly           // there is less room than the server leaves free
	diskFull             // nothing more can be written
)

// A diskFailure has operations of a kind end in EIO.
type diskFailure struct {
	Ops     []errorfs.OpKind
	Of      string // what stands in the names of their files
	After   int    // how many of them still succeed
	Lasting bool   // all that follow fail, too, and not one alone
}

// A faultyDisk is the disk, with the faults that orders put into it.
type faultyDisk struct {
	vfs.FS // injects what MaybeError says
	log    *slog.Logger

	mu     sync.Mutex // covers all below
	state  diskState
	fail   *diskFailure
	passed int // operations that fail is about
}

func newFaultyDisk(log *slog.Logger) *faultyDisk {
	d := &faultyDisk{log: log}
	d.FS = errorfs.Wrap(vfs.Default, d)
	return d
}

func (d *faultyDisk) String() string { return "orders" }

// MaybeError implements errorfs.Injector.
func (d *faultyDisk) MaybeError(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == diskFull && slices.Contains([]errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate}, op.Kind) {
		return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}
	if d.fail == nil || !slices.Contains(d.fail.Ops, op.Kind) || !strings.Contains(op.Path, d.fail.Of) {
		return nil
	}
	d.passed++
	if d.passed <= d.fail.After || d.passed > d.fail.After+1 && !d.fail.Lasting {
		return nil
	}
	if d.passed == d.fail.After+1 {
		d.log.Warn(diskFailed, "operation", int(op.Kind), "file", op.Path)
	}
	return &fs.PathError{Op: "injected", Path: op.Path, Err: syscall.EIO}
}

// diskFailed is logged when the first operation fails.
const diskFailed = "an operation on the disk fails"

// GetDiskUsage implements vfs.FS.
func (d *faultyDisk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	usage, err := d.FS.GetDiskUsage(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.state {
	case diskNearly:
		usage.AvailBytes = 1 << 20
	case diskFull:
		usage.AvailBytes = 0
	}
	return usage, err
}

// A faultyClock is the machine's, but stepped and stopped.
type faultyClock struct {
	start time.Time

	mu     sync.Mutex // covers all below
	step   time.Duration
	frozen time.Time // what it shows; zero while it goes
}

func (c *faultyClock) wallLocked() time.Time {
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Round(0).Add(c.step)
}

// Now implements ledger.Clock.
func (c *faultyClock) Now() (wall time.Time, elapsed time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wallLocked(), time.Since(c.start)
}

// Wait implements ledger.Clock.
func (c *faultyClock) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

func (c *faultyClock) set(step time.Duration, frozen bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step += step
	if stands := !c.frozen.IsZero(); frozen && !stands {
		c.frozen = c.wallLocked()
	} else if !frozen {
		c.frozen = time.Time{}
	}
}

// serveFaulty is the server of the program on a faulty disk and clock. It returns the exit code.
func serveFaulty() int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	disk, clock := newFaultyDisk(log), &faultyClock{start: time.Now()}
	go obey(os.Stdin, disk, clock, log)
	c := soakConfig()
	c.DataDir, c.Listen, c.Logger, c.Clock, c.Store.FS = os.Getenv(faultyData), "127.0.0.1:0", log, clock, disk
	c.MaxClockJump, c.DiskReserve = soakClockJump, 16<<20
	if err := serve(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, "jurat:", err)
		return exitError
	}
	return 0
}

// obeyed is logged of each order.
const obeyed = "order %d is carried out"

// obey carries out orders as long as they come.
func obey(in io.Reader, disk *faultyDisk, clock *faultyClock, log *slog.Logger) {
	for n, lines := 1, bufio.NewScanner(in); lines.Scan(); n++ {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			log.Error("order", "error", err)
			return
		}
		disk.mu.Lock()
		disk.state, disk.fail, disk.passed = o.Disk, o.Fail, 0
		disk.mu.Unlock()
		clock.set(o.Step, o.Frozen)
		log.Info(fmt.Sprintf(obeyed, n))
	}
}

// startFaulty runs the server of the program on a data directory, with a disk and a clock that are sound until it is ordered.
func startFaulty(t testing.TB, dir string) *serverProcess {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), faultyData+"="+dir)
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, cmd, dir)
	s.orders = orders
	return s
}

// order tells a faulty server how its disk and clock are from now on, and waits until they are, or the server has ended.
func (s *serverProcess) order(o order) {
	s.t.Helper()
	if err := json.NewEncoder(s.orders).Encode(o); err != nil {
		s.t.Fatal(err)
	}
	s.ordered++
	s.waitFor(fmt.Sprintf(obeyed, s.ordered), time.Minute)
}
