package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/index"
)

// checkDirectory looks at the data directory. false means that there is nothing to look into.
func (d *doctor) checkDirectory() bool {
	const check = "data directory"
	info, err := os.Stat(d.config.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(stateWarn, check, d.config.DataDir+" does not exist", "The first jurat serve --data "+d.config.DataDir+" makes it; or give another --data.")
		return false
	case err != nil:
		d.fail(check, err, "Run this as the user that the server runs as.")
		return false
	case !info.IsDir():
		d.add(stateFail, check, d.config.DataDir+" is no directory", "Give the data directory with --data.")
		return false
	}
	as := os.Geteuid()
	if owner, ok := host.Owner(info); ok && as == 0 {
		as = owner // root may look into anything; the server is somebody else's
	}
	if err := server.CheckOwner(d.config.DataDir, as); err != nil {
		d.fail("owner", err, "No server starts on it so.")
	}
	switch {
	case info.Mode().Perm()&0o077 != 0:
		d.add(stateWarn, check, fmt.Sprintf("%s has mode %04o", d.config.DataDir, info.Mode().Perm()), "Others may look into it: chmod 700 "+d.config.DataDir)
	default:
		d.ok(check, "%s, mode %04o", d.config.DataDir, info.Mode().Perm())
	}
	return true
}

// checkKeys looks at keys and certificates.
func (d *doctor) checkKeys() {
	if d.running {
		starts(d.hasKeys)
	}
	for _, name := range []string{"calendar", "publications"} {
		d.checkKey(name)
		d.checkCertificate(name)
	}
	d.checkCertificate("root")
	if err := server.CheckKeys(d.config.DataDir); err != nil {
		d.fail("keys and ledger", err, "No server starts with them: put keys/ back from one backup.")
	}
	if path := filepath.Join(d.config.DataDir, "keys", "root.key"); exists(path) {
		d.add(stateWarn, "root key", path+" is on this machine", "It is needed for jurat rotate-key publications alone: move it to where no thief of this machine finds it.")
	}
}

// hasKeys reports whether the key that a first start makes last is there, or cannot be seen.
func (d *doctor) hasKeys() bool {
	_, err := os.Stat(filepath.Join(d.config.DataDir, "keys", "publications.key"))
	return !errors.Is(err, fs.ErrNotExist)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *doctor) checkKey(name string) {
	check, path := name+" key", filepath.Join(d.config.DataDir, "keys", name+".key")
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !d.begun:
		d.ok(check, "there is none yet; the first start makes it")
	case err != nil:
		d.fail(check, err, "Put keys/ back from the backup; if it is lost, make a new one by jurat rotate-key "+name+".")
	case info.Mode().Perm()&0o077 != 0:
		d.add(stateFail, check, fmt.Sprintf("%s has mode %04o", path, info.Mode().Perm()), "Others may read it, and the server does not start: chmod 600 "+path)
	default:
		d.ok(check, "mode %04o", info.Mode().Perm())
	}
}

func (d *doctor) checkCertificate(name string) {
	check, path := name+" certificate", filepath.Join(d.config.DataDir, "keys", name+".crt")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !d.begun {
		return
	}
	var c *x509.Certificate
	if err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			err = fmt.Errorf("%s is not PEM", path)
		} else {
			c, err = x509.ParseCertificate(block.Bytes)
		}
	}
	if err != nil {
		d.fail(check, err, "Put keys/ back from the backup.")
		return
	}
	left := c.NotAfter.Sub(d.now())
	found := fmt.Sprintf("made %s, ends %s, in %d days", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), int(left.Hours()/24))
	advice := "Stop the server, run jurat rotate-key " + name + " --data " + d.config.DataDir + ", start it."
	if name == "root" {
		advice = "Verifiers trust it: plan a new ledger of publications with them."
	}
	switch {
	case c.NotBefore.After(d.now()):
		d.add(stateFail, check, "not valid before "+c.NotBefore.Format(time.DateTime), "Is this machine's clock right? If it is, it was ahead when the key was made. "+advice)
	case left < time.Hour:
		d.add(stateFail, check, found, advice)
	case left < 60*24*time.Hour:
		d.add(stateWarn, check, found, advice)
	default:
		d.ok(check, "%s", found)
	}
}

// checkTLS looks at what clients are shown.
func (d *doctor) checkTLS() {
	const check = "TLS certificate"
	switch {
	case d.config.TLSCert == "" && d.config.TLSClientCA == "":
		return
	case d.config.TLSCert == "":
		d.add(stateFail, check, "there is none, but an authority of client certificates", "Give --tls-cert and --tls-key, here and to jurat serve.")
		return
	}
	c, err := server.TLSCertificate(&d.config)
	if err != nil {
		d.add(stateFail, check, err.Error(), "With this no server starts, and one that runs keeps what it has read before.")
		return
	}
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	left := c.NotAfter.Sub(d.now())
	found := fmt.Sprintf("for %s, ends %s, in %d days", strings.Join(names, ", "), c.NotAfter.Format(time.DateOnly), int(left.Hours()/24))
	const renew = "Put a new one in its place; a server that runs reads it within seconds."
	info, err := os.Stat(d.config.TLSKey)
	switch {
	case c.NotBefore.After(d.now()):
		d.add(stateFail, check, "not valid before "+c.NotBefore.Format(time.DateTime), "Clients that verify it stay away. Is this machine's clock right?")
	case left <= 0:
		d.add(stateFail, check, found, "Clients that verify it stay away. "+renew)
	case left < server.WarnTLSBefore:
		d.add(stateWarn, check, found, renew)
	case len(names) == 0:
		d.add(stateWarn, check, "it names no host", "Clients with sslmode=verify-full stay away: make one with the names by which they reach the server (subject alternative names).")
	case err == nil && info.Mode().Perm()&0o007 != 0:
		d.add(stateWarn, check, fmt.Sprintf("%s has mode %04o", d.config.TLSKey, info.Mode().Perm()), "Everybody on this machine may read it: chmod 600 "+d.config.TLSKey)
	default:
		d.ok(check, "%s", found)
	}
}

// checkLoginRules reads the file that says who may log in from where.
func (d *doctor) checkLoginRules() {
	const check = "login rules"
	rules, err := server.LoginRules(&d.config)
	switch {
	case err != nil:
		d.fail(check, err, "With this no server starts, and one that runs keeps the rules it has read before.")
	case rules == nil:
		d.ok(check, "those of a server without hba.conf")
	default:
		d.ok(check, "%d", len(rules.List()))
	}
}

// checkLedger compares the newest round of a stopped server with the clock.
func (d *doctor) checkLedger() {
	const check = "ledger"
	dir := filepath.Join(d.config.DataDir, server.StoreDir)
	s, err := storage.Open(dir, storage.Options{ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	d.begun = !errors.Is(err, storage.ErrNotFound)
	switch {
	case errors.Is(err, storage.ErrLocked):
		d.running = true
		d.ok(check, "a server has it open; /readyz and SELECT audit_calendar(…) say how it is")
		return
	case errors.Is(err, storage.ErrNotFound):
		if err := server.CheckNew(d.config.DataDir); err != nil {
			d.fail(check, err, "No server starts on it. Mount the disk or put store/ back where it was; if it is lost, restore all from a backup.")
		} else {
			d.ok(check, "there is none yet; the first start makes it")
		}
		return
	case err != nil:
		d.fail(check, err, damageAdvice(err))
		return
	}
	defer s.Close()
	if d.begun = len(s.Certificates()) > 0; !d.begun {
		d.ok(check, "its first start was cut off; the next one goes on with it")
		return
	}
	cursor, err := index.Look(s.DB(), index.Options{Dir: filepath.Join(d.config.DataDir, server.IndexDir)})
	if err == nil {
		err = ledger.CheckIndexed(s.TotalLeaves(), cursor)
	}
	if err != nil {
		d.fail("digest index", err, damageAdvice(err))
	}
	if mark, err := backup.ReadMark(d.config.DataDir); err != nil {
		d.fail(check, err, "Restore the data directory from a backup, and keep this one as it is.")
		return
	} else if mark != nil {
		d.add(stateFail, check, "it was restored from a backup, and no server files into it yet",
			"See jurat restore --help: jurat serve --read-only to look at it, jurat restore --original-is-gone to go on with it.")
		return
	}
	closed := s.Closed().Time()
	switch behind := closed.Sub(d.now()); {
	case behind > time.Minute:
		ahead := behind.Round(time.Second).String()
		if days := int(behind.Hours() / 24); days > 1 {
			ahead = fmt.Sprintf("%d days", days)
		}
		d.add(stateFail, check, fmt.Sprintf("its newest round, %s, is %s ahead of this machine's clock", closed.Format(time.RFC3339), ahead),
			"Nothing is closed until the clock passes it: set the clock, by NTP. If it is right, it was ahead before: see docs/operations.md.")
	case -behind > 31*24*time.Hour:
		d.add(stateWarn, check, fmt.Sprintf("its newest round is of %s, %d days ago", closed.Format(time.RFC3339), int(-behind.Hours()/24)),
			"After the start somebody has to check the clock and run SELECT confirm_clock().")
	default:
		d.ok(check, "%d digests in closed rounds, the newest second is %s", s.TotalLeaves(), closed.Format(time.RFC3339))
	}
}

// damageAdvice says what to do about a store or an index that does not open. A disk that cannot be read is no reason to restore.
func damageAdvice(err error) string {
	switch {
	case errors.Is(err, index.ErrCorrupt):
		return "Run jurat fsck --rebuild-index: it makes the index anew from the leaves."
	case errors.Is(err, ledger.ErrBehind):
		return "Run jurat fsck --rebuild-index, or start the server: it makes the index whole before it serves anybody."
	case errors.Is(err, storage.ErrCorrupt):
		return "Restore the data directory from a backup, and keep this one as it is."
	case errors.Is(err, storage.ErrVersion), errors.Is(err, index.ErrVersion):
		return "Run the program that wrote it, or a newer one."
	}
	return "See to the disk that it is on, and to the kernel log. If what is there cannot be read any more, restore from a backup."
}

func (d *doctor) checkDisk() {
	const check = "disk space"
	disk, err := host.DiskOf(d.config.DataDir)
	if err != nil {
		d.unknown(check, err)
		return
	}
	d.addDisk(check, disk)
}

// scarce is the free space that a server can file into for a while still, and that its operator has to hear of.
const scarce = 1 << 30

// addDisk says whether a disk has room for a server to file.
func (d *doctor) addDisk(check string, disk host.Disk) {
	found := fmt.Sprintf("%.1f of %.1f GB free", float64(disk.Free)/1e9, float64(disk.Size)/1e9)
	const advice = "A ledger and its index take some 40 bytes a digest; enlarge the disk, or free some of it."
	switch {
	case disk.Free < max(1, d.config.DiskReserve):
		d.add(stateFail, check, found, fmt.Sprintf("Nothing is filed: --disk-reserve is %d MiB. %s", d.config.DiskReserve>>20, advice))
	case disk.Free < max(scarce, disk.Size/10):
		d.add(stateWarn, check, found, fmt.Sprintf("Below --disk-reserve, %d MiB, nothing is filed. %s", d.config.DiskReserve>>20, advice))
	default:
		d.ok(check, "%s", found)
	}
}

// unknown notes what could not be found out.
func (d *doctor) unknown(check string, err error) {
	if errors.Is(err, host.ErrUnknown) {
		d.ok(check, "%v", err)
		return
	}
	d.add(stateWarn, check, err.Error(), "Run this as the user that the server runs as.")
}

const (
	syncs       = 30
	fastestSync = 15 * time.Microsecond // of a device that keeps what it was told to: no NVMe disk is known to be faster
	slowSync    = 20 * time.Millisecond
)

// checkSync measures how long the disk takes to sync. What is too fast to be true was not synced.
func (d *doctor) checkSync() {
	const check = "disk sync"
	times, err := d.syncTimes()
	if err != nil {
		d.fail(check, err, "The server has to write there: run this as the user that it runs as.")
		return
	}
	slices.Sort(times)
	median := times[len(times)/2]
	found := fmt.Sprintf("%s in the median, %s at most, of %d", median.Round(time.Microsecond), times[len(times)-1].Round(time.Microsecond), len(times))
	if device, cache, err := host.WriteCache(d.config.DataDir); err == nil {
		found += fmt.Sprintf("; %s says %q", device, cache)
	}
	switch {
	case median < fastestSync:
		d.add(stateWarn, check, found, "That is faster than devices are: a disk in memory, or one that answers before it has written, loses acknowledged digests in a power cut.")
	case median > slowSync:
		d.add(stateWarn, check, found, "Each INSERT waits for it. A disk with power-loss protection takes well under a millisecond.")
	default:
		d.ok(check, "%s", found)
	}
}

// syncTimes returns how long the syncs of a small file take, each after a write.
func (d *doctor) syncTimes() ([]time.Duration, error) {
	f, err := os.CreateTemp(d.config.DataDir, ".doctor-*") // a name that a first start overlooks
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var times []time.Duration
	for i := range syncs {
		if _, err := f.WriteAt(make([]byte, 4096), int64(i)*4096); err != nil {
			return nil, err
		}
		began := d.now()
		if err := f.Sync(); err != nil {
			return nil, err
		}
		times = append(times, d.now().Sub(began))
	}
	return times, nil
}
