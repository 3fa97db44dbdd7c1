package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/server"
)

var (
	soakTime   = flag.Duration("soak.time", 6*time.Second, "how long TestSoak goes on")
	soakSeed   = flag.Uint64("soak.seed", 0, "seed of TestSoak, as an earlier run has printed it; 0 for one of its own")
	soakReport = flag.String("soak.report", "", "file that TestSoak writes its table to, docs/reliability.md")
)

// Limits of memory that the servers of TestSoak are given.
const (
	soakStatementMemory = 16 << 20
	soakQueryMemory     = 64 << 20
)

// soakConfig limits the memory of a server of TestSoak, on a configuration of its own.
func soakConfig() server.Config {
	c := server.DefaultConfig()
	c.StatementMemory, c.QueryMemory = soakStatementMemory, soakQueryMemory
	return c
}

// soakMemory is the most that the server of TestSoak may ever have in memory, in KiB: what a server with its limits says that it needs.
func soakMemory() int {
	c := soakConfig()
	return int(c.MemoryLimit() >> 10)
}

// A soaking is a run of TestSoak.
type soaking struct {
	t    *testing.T
	dir  string
	psql bool       // is installed
	r    *rand.Rand // of the test's goroutine alone; no plan depends on it

	mu    sync.Mutex // covers tally
	tally map[string]int

	all     []acknowledgement
	latest  int      // index in all of the first of the last life
	loads   int      // how often clients began
	backups []string // the last backup, after those that it is based on
	covered int      // how many of all are in it for certain
	peak    int      // KiB
}

// count counts what the table tells.
func (s *soaking) count(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally[what] += n
}

// streams returns the first of the streams of digests of the clients that began last.
func (s *soaking) streams() int { return 1_000_000 + 100*s.loads }

// TestSoak has one ledger live through one life of the server after another: filed into by many clients in every way, beside
// hostile statements and clients, backed up and restored, on disks that fail and fill and clocks that step, ended by kill -9 or
// SIGTERM, its files damaged and mended. After each life fsck finds it in order and the next one proves what was acknowledged; in
// the end everything that ever was.
func TestSoak(t *testing.T) {
	t.Parallel()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -soak.seed=%d -soak.time=%s", seed, *soakTime)
	s := &soaking{t: t, dir: filepath.Join(t.TempDir(), "data"), psql: installed(t, "psql"), tally: make(map[string]int)}
	for number, start := 1, time.Now(); time.Since(start) < *soakTime; number++ {
		p := planLife(seed, number)
		t.Log(p)
		s.r = rand.New(rand.NewPCG(p.rest, 0))
		latest := s.life(p)
		s.latest = len(s.all)
		s.all = append(s.all, latest...)
		s.damage(p)
	}
	server := startServer(t, s.dir)
	s.hold(server, s.all)
	var faults int
	if err := server.connect().QueryRow(t.Context(), `SELECT count(*) FROM audit_calendar('-infinity', 'infinity')`).Scan(&faults); err != nil || faults != 0 {
		t.Errorf("%d faults: %v", faults, err)
	}
	server.stop()
	s.report(seed)
}

// life is one life of the server. It returns what was acknowledged in it.
func (s *soaking) life(p *plan) []acknowledgement {
	s.t.Helper()
	s.count("lives of the server", 1)
	var server *serverProcess
	if p.fault == noFault {
		server = startServer(s.t, s.dir, "--statement-memory", fmt.Sprint(soakStatementMemory), "--query-memory", fmt.Sprint(soakQueryMemory))
	} else {
		server = startFaulty(s.t, s.dir)
	}
	s.hold(server, s.all[s.latest:])
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &load{server: server, ctx: ctx, psql: s.psql}
	var wg sync.WaitGroup
	for _, harm := range []func(){s.hostile(l, s.r.Uint64()), s.hostile(l, s.r.Uint64()), s.rude(l, s.r.Uint64())} {
		wg.Go(harm)
	}
	s.begin(p, l, &wg)
	<-time.After(p.load)
	if p.backup {
		s.backUp(p, l)
	}
	switch p.fault {
	case ioError:
		s.failIO(p, l)
	case fullDisk:
		s.fillDisk(l)
	case badClock:
		s.turnClock(p, l)
	}
	if p.fault == fullDisk || p.fault == badClock { // those who were refused have ended
		s.begin(p, l, &wg)
		<-time.After(p.load)
	}
	s.end(p, server)
	cancel()
	wg.Wait()
	return l.acks
}

// hold demands that everything acknowledged is there, and verifies some proofs.
func (s *soaking) hold(server *serverProcess, acks []acknowledgement) {
	s.t.Helper()
	mustHold(s.t, server, acks, s.r)
	s.count("proofs verified", (len(acks)+999)/1000)
}

// begin has clients begin to file.
func (s *soaking) begin(p *plan, l *load, wg *sync.WaitGroup) {
	s.loads++
	clients := []func(stream int){l.inserts, l.inserts, l.copies, l.psqls}
	if p.bulk {
		clients = append(clients, l.bulk)
	}
	for i, client := range clients {
		stream := s.streams() + i
		wg.Go(func() { client(stream) })
	}
}

// end ends the server, if it has not ended by itself.
func (s *soaking) end(p *plan, server *serverProcess) {
	s.t.Helper()
	peak, alive := server.memoryIfAlive("VmHWM")
	if !alive {
		<-server.exited
		return
	}
	s.t.Logf("life %d: ended, %d MiB at most", p.number, peak>>10)
	if s.peak = max(s.peak, peak); peak > soakMemory() {
		s.t.Errorf("the server took %d KiB", peak)
	}
	if p.stop && p.fault != ioError { // what has failed may fail again
		server.stop()
		s.count("ended by SIGTERM", 1)
	} else {
		server.kill()
		s.count("ended by kill -9", 1)
		if p.tear {
			s.tear(s.r)
		}
	}
	if strings.Contains(server.logged(), "panic") && p.fault != ioError {
		s.t.Fatal(server.logged())
	}
}

// hostile runs statements that want too much, one after the other. Each must end with an error of limits, not of mistakes.
func (s *soaking) hostile(l *load, seed uint64) func() {
	return func() {
		n, err := hostility(l.ctx, l.server.url(), rand.New(rand.NewPCG(seed, 1)), "53100", "55000", "58030") // disk and clock
		if err != nil {
			s.t.Error(err)
		}
		s.count("hostile statements", n)
	}
}

// rude opens connections that keep to no manners until the server ends.
func (s *soaking) rude(l *load, seed uint64) func() {
	return func() {
		r := rand.New(rand.NewPCG(seed, 2))
		var held []rawClient
		defer func() {
			for _, c := range held {
				c.vanish()
			}
		}()
		for l.ctx.Err() == nil {
			c, err := l.server.dial()
			if err != nil {
				return
			}
			s.count("hostile connections", 1)
			start := startMessage()
			switch r.IntN(5) {
			case 0: // stops in its first message
				c.Write(start[:r.IntN(len(start))])
			case 1: // does not read
				c.Write(append(start, queryMessage("SELECT repeat('x', 1000000) FROM generate_series(1, 100000)", 0)...))
			case 2: // stops in a message
				c.Write(append(start, queryMessage("SELECT 1", 1+r.IntN(1<<20))...))
			case 3: // announces a GiB
				c.Write(append(start, queryMessage("SELECT 1", 1<<30)...))
			case 4: // noise
				noise := make([]byte, 1+r.IntN(500))
				for i := range noise {
					noise[i] = byte(r.Uint32())
				}
				c.Write(noise)
			}
			if held = append(held, c); len(held) > 30 {
				held[0].vanish()
				held = held[1:]
			}
			<-time.After(time.Millisecond)
		}
	}
}

// backUp backs the server up under load and restores the backup, which checks it. Every second one is based on the one before.
func (s *soaking) backUp(p *plan, l *load) {
	s.t.Helper()
	l.mu.Lock()
	covered := len(s.all) + len(l.acks)
	l.mu.Unlock()
	dir := s.t.TempDir()
	archive, restored := filepath.Join(dir, "backup.tar.zst"), filepath.Join(dir, "restored")
	args := []string{"backup", "--to", archive, "--server", l.server.url()}
	chain := []string{archive}
	if n := len(s.backups); n == 1 {
		args = append(args, "--since", s.backups[0])
		chain = append(slices.Clone(s.backups), archive)
	}
	expect(s.t, 0, "Wrote ", args...)
	s.restore(restored, chain)
	expect(s.t, 0, "OK", "fsck", "--data", restored)
	if err := os.RemoveAll(restored); err != nil {
		s.t.Fatal(err)
	}
	if len(chain) == 1 {
		s.forgetBackups()
	}
	s.backups, s.covered = chain, covered
	s.count("backups", 1)
}

// restore makes a data directory of a chain of backups.
func (s *soaking) restore(to string, chain []string, more ...string) {
	s.t.Helper()
	args := append([]string{"restore", "--data", to}, more...)
	for _, from := range chain {
		args = append(args, "--from", from)
	}
	expect(s.t, 0, "Restored "+to, args...)
}

// forgetBackups removes the backups that are kept.
func (s *soaking) forgetBackups() {
	for _, path := range s.backups {
		if err := os.Remove(path); err != nil {
			s.t.Fatal(err)
		}
	}
	s.backups = nil
}

// damage checks the directory of the server that has ended, then flips bits of its files, one at a time: fsck names the damage,
// or finds exactly what it found before. Mended, all is in order; or the directory is given up and restored from the last backup.
func (s *soaking) damage(p *plan) {
	s.t.Helper()
	sound := expect(s.t, 0, "OK", "fsck", "--data", s.dir)
	s.count("checked by fsck", 1)
	files := s.files()
	for range 3 {
		s.flip(files[s.r.IntN(len(files))], sound)()
	}
	if !p.lost || s.backups == nil {
		return
	}
	for named := s.tally[tallyNamed]; s.tally[tallyNamed] == named; { // the last one is not mended
		s.flip(files[s.r.IntN(len(files))], sound)
	}
	dir := filepath.Join(s.t.TempDir(), "data")
	s.restore(dir, s.backups, "--original-is-gone")
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Fatal(err)
	}
	s.count("restored from the last backup", 1)
	s.count(tallyGivenUp, len(s.all)-s.covered)
	s.dir, s.all, s.latest = dir, s.all[:s.covered], min(s.latest, s.covered)
	s.forgetBackups()
	expect(s.t, 0, "OK", "fsck", "--data", s.dir)
}

// files returns the files of the store and the index.
func (s *soaking) files() (files []string) {
	s.t.Helper()
	for _, part := range []string{"store", "index"} {
		err := filepath.WalkDir(filepath.Join(s.dir, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return files
}

// flip flips a bit of a file and has fsck look, which finds what it found before, or names the damage; what was written of a log
// and never acknowledged it may take for its torn end. What flip returns mends the file.
func (s *soaking) flip(path, sound string) (mend func()) {
	s.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	used := len(bytes.TrimRight(data, "\x00"))
	if used == 0 {
		return func() {}
	}
	at := s.r.IntN(used)
	flipped := slices.Clone(data)
	flipped[at] ^= 1 << s.r.IntN(8)
	if err := os.WriteFile(path, flipped, 0o600); err != nil {
		s.t.Fatal(err)
	}
	mend = func() {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	out := run(s.t, s.dir, "fsck", "--data", s.dir)
	s.count("flipped bits", 1)
	switch {
	case out.code == 0 && out.stdout != sound && at < s.durable(path):
		s.t.Fatalf("a bit of byte %d of %s: something else is held, and nobody says so:\n%s\nbefore:\n%s", at, path, out.stdout, sound)
	case out.code == 0:
		s.count("of them without effect", 1)
		mend()
	case strings.Contains(out.stderr, "panic") || out.code != exitFail && out.code != exitError:
		s.t.Fatalf("a bit of byte %d of %s: fsck ended with %d:\n%s%s", at, path, out.code, out.stdout, out.stderr)
	default:
		s.count(tallyNamed, 1)
	}
	return mend
}

// durable returns how many bytes of a file were durable when the server ended: all of one that is neither a log nor a manifest.
func (s *soaking) durable(path string) int {
	s.t.Helper()
	for name, durable := range s.ends() {
		if name == path {
			return int(durable)
		}
	}
	return math.MaxInt
}

// report logs the table and writes it to the file that is wanted.
func (s *soaking) report(seed uint64) {
	s.t.Helper()
	s.count(tallyAcknowledged, len(s.all)+s.tally[tallyGivenUp])
	var table strings.Builder
	fmt.Fprintf(&table, "| what | how often | what it means |\n|---|---|---|\n")
	for _, row := range reliabilityRows {
		fmt.Fprintf(&table, "| %s | %d | %s |\n", row.what, s.tally[row.what], row.means)
		delete(s.tally, row.what)
	}
	fmt.Fprintf(&table, "| most memory | %d MiB | of a server process, at its peak; more than the %d MiB that its flags come to fails the run |\n", s.peak>>10, soakMemory()>>10)
	if len(s.tally) > 0 {
		s.t.Errorf("counted and not told: %v", s.tally)
	}
	s.t.Logf("\n%s", &table)
	if s.t.Failed() || *soakReport == "" {
		return
	}
	page := fmt.Sprintf(reliabilityPage, *soakTime, seed, &table, *soakTime, seed)
	if err := os.WriteFile(*soakReport, []byte(page), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
