package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

func (d *doctor) checkClock() {
	const check = "clock"
	now := d.now().UTC().Format(time.RFC3339)
	c, err := host.Clock()
	switch {
	case err != nil:
		d.unknown(check, err)
	case !c.Synchronized:
		d.add(stateWarn, check, now+"; the kernel says that nobody steers it", "Run an NTP client (chrony, systemd-timesyncd): what is filed gets this time, for ever.")
	case c.MaxError > time.Second:
		d.add(stateWarn, check, fmt.Sprintf("%s; wrong by up to %s", now, c.MaxError), "Look at the NTP client: it has not reached a source for long.")
	default:
		d.ok(check, "%s, steered, wrong by %s at most", now, c.MaxError)
	}
}

// wantedFiles is room for a thousand clients, the store and the index.
const wantedFiles = 8192

func (d *doctor) checkLimits() {
	const check = "open files"
	n, err := host.OpenFiles()
	switch {
	case err != nil:
		d.unknown(check, err)
	case n < wantedFiles:
		d.add(stateWarn, check, fmt.Sprintf("at most %d", n), "Raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536. --max-connections alone may need 4,000.")
	default:
		d.ok(check, "at most %d", n)
	}
}

func (d *doctor) checkMemory() {
	const check = "memory"
	total, available, err := host.Memory()
	found := fmt.Sprintf("%.1f of %.1f GB to be had", float64(available)/1e9, float64(total)/1e9)
	switch {
	case err != nil:
		d.unknown(check, err)
	case available < 1<<30 && !d.running:
		d.add(stateWarn, check, found, "The server makes do with it, and transactions and statements may hold less: 4 GB are plenty.")
	default:
		d.ok(check, "%s", found)
	}
	mode, err := host.LargePages()
	switch {
	case err != nil:
		d.unknown("large pages", err)
	case mode == "never":
		d.add(stateWarn, "large pages", "switched off", "Filing is some per cent slower: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
	default:
		d.ok("large pages", "%s", mode)
	}
}

func (d *doctor) checkProcessor() {
	found := fmt.Sprintf("%d, %s/%s; trees are hashed by %s", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, merkle.Kernel())
	if merkle.Kernel() == "stdlib" {
		d.add(stateWarn, "processors", found, "A processor with SHA instructions, AVX2 or AVX-512 files several times as fast; in FIPS 140 mode this is as it must be.")
		return
	}
	d.ok("processors", "%s", found)
}

func (d *doctor) checkPort() {
	const check = "port"
	if !d.running {
		ln, err := net.Listen("tcp", d.listen)
		switch {
		case err == nil:
			ln.Close()
			d.ok(check, "%s is free", d.listen)
			return
		case errors.Is(err, syscall.EADDRINUSE) && starts(d.opened): // it has its port first
		case errors.Is(err, syscall.EADDRINUSE):
			d.add(stateFail, check, err.Error(), "Another program has it: choose another port with --listen. If systemd holds it for jurat.socket, all is well.")
			return
		default:
			d.add(stateFail, check, err.Error(), "Give an address of this machine with --listen.")
			return
		}
	}
	conn, err := net.DialTimeout("tcp", d.listen, time.Second)
	if err != nil {
		d.add(stateWarn, check, err.Error(), "A server is running, but not there: give its address with --listen.")
		return
	}
	conn.Close()
	d.ok(check, "%s answers", d.listen)
}

// How long a server may take from its port to the store, and on its first start from there to the keys, and how often that is looked at.
const (
	startPatience = 5 * time.Second
	startPace     = 100 * time.Millisecond
)

// starts waits for what a server that starts brings about, and reports whether it came.
func starts(come func() bool) bool {
	patience, pace := time.NewTimer(startPatience), time.NewTicker(startPace)
	defer patience.Stop()
	defer pace.Stop()
	for !come() {
		select {
		case <-pace.C:
		case <-patience.C:
			return false
		}
	}
	return true
}

// opened reports whether a server has the store open.
func (d *doctor) opened() bool {
	used, _ := storage.InUse(filepath.Join(d.config.DataDir, server.StoreDir))
	return used
}
