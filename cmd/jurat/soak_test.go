package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	soakTime   = flag.Duration("soak.time", 6*time.Second, "how long TestSoak goes on")
	soakSeed   = flag.Uint64("soak.seed", 0, "seed of TestSoak, as an earlier run has printed it; 0 for one of its own")
	soakReport = flag.String("soak.report", "", "file that TestSoak writes its table to, docs/reliability.md")
)

// soakMemory is the most that the server of TestSoak may ever have in memory, in KiB, with the limits that it is given.
const soakMemory = 1 << 20

// A soaking is a run of TestSoak.
type soaking struct {
	t   *testing.T
	dir string
	r   *rand.Rand // of the test's goroutine alone

	mu    sync.Mutex // covers tally
	tally map[string]int

	all  []acknowledgement
	peak int // KiB
}

// count counts what the table tells.
func (s *soaking) count(what string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally[what] += n
}

// TestSoak has one ledger live through one life of the server after another: filed into by many clients in every way, beside
// hostile statements and clients, backed up and restored, ended by kill -9 or SIGTERM, its files damaged and mended. After each
// life fsck finds it in order and the next one proves what was acknowledged; in the end everything that ever was.
func TestSoak(t *testing.T) {
	t.Parallel()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -soak.seed=%d -soak.time=%s", seed, *soakTime)
	s := &soaking{t: t, dir: t.TempDir(), r: rand.New(rand.NewPCG(seed, 0)), tally: make(map[string]int)}
	var latest []acknowledgement
	for start := time.Now(); time.Since(start) < *soakTime; {
		latest = s.life(latest)
		s.all = append(s.all, latest...)
		s.damage()
	}
	server := startServer(t, s.dir)
	mustHold(t, server, s.all, s.r)
	var faults int
	if err := server.connect().QueryRow(t.Context(), `SELECT count(*) FROM audit_calendar('-infinity', 'infinity')`).Scan(&faults); err != nil || faults != 0 {
		t.Errorf("%d faults: %v", faults, err)
	}
	server.stop()
	s.count("digests acknowledged", len(s.all))
	s.report(seed)
}

// life is one life of the server. It returns what was acknowledged in it.
func (s *soaking) life(before []acknowledgement) []acknowledgement {
	s.t.Helper()
	number := s.tally["lives of the server"] + 1
	s.count("lives of the server", 1)
	server := startServer(s.t, s.dir, "--statement-memory", "16777216", "--query-memory", "67108864")
	mustHold(s.t, server, before, s.r)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &load{server: server, ctx: ctx}
	clients := []func(stream int){l.inserts, l.inserts, l.copies, l.psqls, s.hostile(l, s.r.Uint64()), s.hostile(l, s.r.Uint64()), s.rude(l, s.r.Uint64())}
	if s.r.IntN(4) == 0 {
		clients = append(clients, l.bulk)
	}
	var wg sync.WaitGroup
	for i, client := range clients {
		wg.Go(func() { client(1_000_000 + number*100 + i) })
	}
	backup, end := s.r.IntN(2) == 0, s.r.IntN(3)
	<-time.After(time.Duration(500+s.r.IntN(1500)) * time.Millisecond)
	if backup {
		s.backUp(server)
	}
	s.peak = max(s.peak, server.memory("VmHWM"))
	if s.peak > soakMemory {
		s.t.Errorf("the server took %d KiB", s.peak)
	}
	if end == 0 {
		server.stop()
		s.count("ended by SIGTERM", 1)
	} else {
		server.kill()
		s.count("ended by kill -9", 1)
	}
	cancel()
	wg.Wait()
	if strings.Contains(server.logged(), "panic") {
		s.t.Fatal(server.logged())
	}
	return l.acks
}

// hostile runs statements that want too much, one after the other. Each must end with an error of limits, not of mistakes.
func (s *soaking) hostile(l *load, seed uint64) func(int) {
	return func(int) {
		n, err := hostility(l.ctx, l.server.url(), rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			s.t.Error(err)
		}
		s.count("hostile statements", n)
	}
}

// rude opens connections that keep to no manners until the server ends.
func (s *soaking) rude(l *load, seed uint64) func(int) {
	return func(int) {
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

// backUp backs the server up under load and restores the backup, which checks it.
func (s *soaking) backUp(server *serverProcess) {
	s.t.Helper()
	dir := s.t.TempDir()
	archive, restored := filepath.Join(dir, "backup.tar.zst"), filepath.Join(dir, "restored")
	expect(s.t, 0, "Wrote ", "backup", "--to", archive, "--server", server.url())
	expect(s.t, 0, "Restored "+restored, "restore", "--from", archive, "--data", restored)
	expect(s.t, 0, "OK", "fsck", "--data", restored)
	if err := os.RemoveAll(dir); err != nil {
		s.t.Fatal(err)
	}
	s.count("backups restored", 1)
}

// damage checks the directory of the server that has ended, then flips bits of its files, one at a time: fsck names the damage,
// or finds exactly what it found before. Mended, all is in order.
func (s *soaking) damage() {
	s.t.Helper()
	sound := expect(s.t, 0, "OK", "fsck", "--data", s.dir)
	s.count("checked by fsck", 1)
	var files []string
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
	for range 3 {
		path := files[s.r.IntN(len(files))]
		data, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		used := len(bytes.TrimRight(data, "\x00"))
		if used == 0 {
			continue
		}
		at := s.r.IntN(used)
		flipped := slices.Clone(data)
		flipped[at] ^= 1 << s.r.IntN(8)
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			s.t.Fatal(err)
		}
		out := run(s.t, s.dir, "fsck", "--data", s.dir)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			s.t.Fatal(err)
		}
		s.count("flipped bits", 1)
		switch {
		case out.code == 0 && out.stdout != sound:
			s.t.Fatalf("a bit of byte %d of %s: something else is held, and nobody says so:\n%s\nbefore:\n%s", at, path, out.stdout, sound)
		case out.code == 0:
			s.count("of them without effect", 1)
		case strings.Contains(out.stderr, "panic") || out.code != exitFail && out.code != exitError:
			s.t.Fatalf("a bit of byte %d of %s: fsck ended with %d:\n%s%s", at, path, out.code, out.stdout, out.stderr)
		default:
			s.count("of them named", 1)
		}
	}
}

// report logs the table and writes it to the file that is wanted.
func (s *soaking) report(seed uint64) {
	s.t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "| what | how often |\n|---|---|\n")
	for _, what := range []string{"lives of the server", "ended by kill -9", "ended by SIGTERM", "digests acknowledged", "hostile statements",
		"hostile connections", "backups restored", "checked by fsck", "flipped bits", "of them named", "of them without effect"} {
		fmt.Fprintf(&table, "| %s | %d |\n", what, s.tally[what])
	}
	fmt.Fprintf(&table, "| most memory | %d MiB |\n", s.peak>>10)
	s.t.Logf("\n%s", &table)
	if s.t.Failed() || *soakReport == "" {
		return
	}
	page := fmt.Sprintf(reliabilityPage, *soakTime, seed, &table, *soakTime, seed)
	if err := os.WriteFile(*soakReport, []byte(page), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// reliabilityPage is docs/reliability.md: a duration, a seed, a table, and both again.
const reliabilityPage = `# Reliability

What one ledger has lived through in a run of %s with seed %d. It was filed into by INSERT, COPY and psql, beside statements
that want more than there is and clients without manners; at times backed up under load and restored; ended by kill -9 and SIGTERM. After each
life fsck computed every root again, and bits of its files were flipped, which fsck had to name unless what it found was the
same; the next life looked up everything acknowledged in the last and verified proofs; the end looked up everything.

%s
No acknowledged digest was lost, no proof was wrong, and no damage was overlooked. A run that finds a loss, a wrong proof, damage overlooked, an error that is none of limits, or more than 1 GiB in memory fails
and writes no page. This one is made by

    go test ./cmd/jurat -count=1 -run 'TestSoak$' -timeout 0 -soak.time=%s -soak.seed=%d -soak.report=$PWD/docs/reliability.md

The seed fixes what is done; when the machine gets to it differs from run to run. "make soak" runs it for longer, and with it power
cuts at every operation on the disk, full disks, clocks that step and jump, and every fault sweep of the packages.
`
