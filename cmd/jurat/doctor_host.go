package main

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	d.checkListener("port", "tcp", d.listen, "--listen", func() (net.Listener, error) { return net.Listen("tcp", d.listen) })
}

// checkSocket looks at the Unix socket, if there is to be one.
func (d *doctor) checkSocket() {
	dir := d.config.SocketDirectory
	address, err := net.ResolveTCPAddr("tcp", d.listen)
	if dir == "" || err != nil {
		return
	}
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o022 != 0 {
		d.add(stateWarn, "socket directory", fmt.Sprintf("%s has mode %04o", dir, info.Mode().Perm()),
			"Others may put a socket of their own there, to which clients then come: give a directory that only the server writes to.")
	}
	d.checkListener("Unix socket", "unix", server.SocketPath(dir, address.Port), "--socket-directory",
		func() (net.Listener, error) { return server.ListenUnix(dir, address.Port) })
}

// checkListener looks whether a server could listen at an address that a flag gives, or whether the one that runs does.
func (d *doctor) checkListener(check, network, address, flag string, listen func() (net.Listener, error)) {
	if !d.running {
		ln, err := listen()
		switch {
		case err == nil:
			ln.Close()
			d.ok(check, "%s is free", address)
			return
		case errors.Is(err, syscall.EADDRINUSE) && starts(d.opened): // it listens first
		case errors.Is(err, syscall.EADDRINUSE):
			d.add(stateFail, check, err.Error(), "Another program has it: choose another with "+flag+". If systemd holds it for jurat.socket, all is well.")
			return
		default:
			d.add(stateFail, check, err.Error(), "Give one of this machine with "+flag+".")
			return
		}
	}
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		d.add(stateWarn, check, err.Error(), "A server is running, but not there: say where with "+flag+".")
		return
	}
	conn.Close()
	d.ok(check, "%s answers", address)
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
