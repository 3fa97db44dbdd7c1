package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// expect runs the program and demands an exit code and words in what it prints.
func expect(t *testing.T, code int, words string, args ...string) string {
	t.Helper()
	out := run(t, t.TempDir(), args...)
	if out.code != code || !strings.Contains(out.stdout+out.stderr, words) {
		t.Fatalf("jurat %s\nends with %d, want %d and %q:\n%s%s", strings.Join(args, " "), out.code, code, words, out.stdout, out.stderr)
	}
	return out.stdout
}

// TestBackup backs a server up while it files, kills it, restores, and goes on from there.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), t.TempDir()
	s := startServer(t, dir)
	conn := s.connect()
	file := func(i int) (receipt string, proof []byte) {
		t.Helper()
		err := conn.QueryRow(t.Context(), `INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt`, testDigest(1, i)).Scan(&receipt)
		if err == nil {
			err = conn.QueryRow(t.Context(), `SELECT signature FROM proofs WHERE receipt = $1`, receipt).Scan(&proof)
		}
		if err != nil {
			t.Fatal(err)
		}
		return receipt, proof
	}
	_, proof := file(1)
	full, more, stopped := filepath.Join(to, "full"), filepath.Join(to, "more.tar.zst"), filepath.Join(to, "stopped.tar.zst")
	expect(t, 0, "Wrote "+full, "backup", "--to", full, "--server", s.url())
	_, later := file(2)
	expect(t, 0, "in earlier backups", "backup", "--to", more, "--since", full, "--server", s.url())
	if _, err := conn.Exec(t.Context(), `CREATE ROLE canton LOGIN`); err != nil {
		t.Fatal(err)
	}
	expect(t, 3, "permission denied", "backup", "--to", filepath.Join(to, "x"), "--server", s.urlAs("canton"))
	expect(t, 3, "a running server makes its backups itself", "backup", "--to", filepath.Join(to, "x"), "--data", dir)
	expect(t, 3, "is not empty", "backup", "--to", full, "--server", s.url())
	s.kill()
	expect(t, 0, "Left out: keys/calendar.key", "backup", "--to", stopped, "--since", more, "--data", dir, "--without-keys")

	restored := filepath.Join(t.TempDir(), "restored")
	expect(t, 1, "REFUSED", "restore", "--from", more, "--data", restored)
	ksig, laterKsig := filepath.Join(to, "1.ksig"), filepath.Join(to, "2.ksig")
	for path, data := range map[string][]byte{ksig: proof, laterKsig: later} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, 1, "the backup is too old", "restore", "--from", full, "--data", restored, "--original-is-gone", "--newest-proof", laterKsig)
	expect(t, 0, "Missing: keys/calendar.key", "restore", "--from", full, "--from", more, "--from", stopped, "--data", filepath.Join(to, "without"))
	expect(t, 0, "Restored "+restored, "restore", "--from", full, "--from", more, "--data", restored)
	expect(t, 3, "is empty", "serve", "--data", restored, "--server-name", "")
	expect(t, 3, "--original-is-gone", "serve", "--data", restored, "--listen", "127.0.0.1:0")
	expect(t, 3, "is not empty", "restore", "--from", full, "--data", restored)
	mustServeReadOnly(t, restored, later)
	mustServeReadOnly(t, filepath.Join(to, "without"), later)
	expect(t, 1, "REFUSED", "restore", "--data", restored, "--original-is-gone", "--newest-publication", "2026-12-31T00:00:00Z  "+publicationLater(t, later))
	expect(t, 0, "goes on from here", "restore", "--data", restored, "--original-is-gone", "--newest-proof", laterKsig, "--newest-proof", ksig)
	expect(t, 3, "does not wait", "restore", "--data", restored, "--original-is-gone")
	n := startServer(t, restored)
	conn = n.connect()
	receipt, _ := file(3)
	mustVerify(t, n, conn, acknowledgement{testDigest(1, 3), receipt})
	mustVerify(t, n, conn, acknowledgement{digest: testDigest(1, 1)})
	var faults int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM audit_calendar('-infinity', 'infinity')`).Scan(&faults); err != nil || faults != 0 {
		t.Errorf("%d faults: %v", faults, err)
	}
	n.stop()
	expect(t, 0, "OK", "fsck", "--data", restored)
}

// mustServeReadOnly serves a restored directory for reading and demands the proof of the second digest as it was.
func mustServeReadOnly(t *testing.T, dir string, proof []byte) {
	t.Helper()
	r := startServer(t, dir, "--read-only")
	if out := r.psql("INSERT INTO hashes (digest) VALUES (sha256('x'))"); !strings.Contains(out, "this server is read-only") {
		t.Errorf("insert into a read-only server: %s", out)
	}
	if out := r.psql("SELECT file FROM backup(true, NULL)"); !strings.Contains(out, "read-only") {
		t.Errorf("backup of a read-only server: %s", out)
	}
	var again []byte
	if err := r.connect().QueryRow(t.Context(), `SELECT signature FROM proofs WHERE digest = $1`, testDigest(1, 2)).Scan(&again); err != nil ||
		!bytes.Equal(again, proof) {
		t.Errorf("another proof than before: %v", err)
	}
	r.stop()
}

// TestTwoServers starts a second server on the directory of a first.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	expect(t, 3, "another process has the store open", "serve", "--data", s.dir, "--listen", "127.0.0.1:0")
	expect(t, 3, "another process has the store open", "serve", "--data", s.dir, "--listen", "127.0.0.1:0", "--read-only")
	s.stop()
}

// TestTwoFirstStarts: of two servers that begin in one new directory one makes the ledger with its keys, and the other changes nothing.
func TestTwoFirstStarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	ended := make(chan error, 2)
	var both []*os.Process
	for range 2 {
		cmd := exec.Command(program(t), "serve", "--data", dir, "--listen", "127.0.0.1:0")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		both = append(both, cmd.Process)
		go func() { ended <- cmd.Wait() }()
	}
	t.Cleanup(func() {
		for _, p := range both {
			p.Kill()
		}
	})
	if err := <-ended; err == nil {
		t.Fatal("a server stopped by itself, without an error")
	}
	await(t, "no ledger is made", func() bool { return exists(filepath.Join(dir, "keys", "publications.key")) }) // after all else
	diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:0")
	kept, err := os.ReadFile(filepath.Join(dir, "keys", "calendar.crt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range both {
		p.Kill()
	}
	<-ended
	s := startServer(t, dir)
	var pem string
	if err := s.connect().QueryRow(t.Context(), "SELECT pem FROM calendar_certificates").Scan(&pem); err != nil || pem != string(kept) {
		t.Errorf("%v: the keys are not those of the ledger:\n%s%s", err, pem, kept)
	}
	s.stop()
}

// TestBackupUnderLoad backs a server up under load and kills it in the middle of a further backup: all that was acknowledged
// before a backup began is in it, and the server starts again.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := startServer(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{server: s, ctx: ctx}
	var wg sync.WaitGroup
	wg.Go(func() { l.inserts(1) })
	wg.Go(func() { l.copies(2) })
	wg.Go(func() { l.bulk(3) })
	backups := make(map[string][]acknowledgement)
	for i := range 2 {
		<-time.After(time.Duration(300+r.IntN(700)) * time.Millisecond)
		l.mu.Lock()
		acked := l.acks[:len(l.acks):len(l.acks)]
		l.mu.Unlock()
		path := filepath.Join(t.TempDir(), []string{"backup", "backup.tar.zst"}[i])
		expect(t, 0, "Wrote", "backup", "--to", path, "--server", s.url())
		backups[path] = acked
	}
	ended := make(chan result)
	cut := filepath.Join(t.TempDir(), "cut")
	go func() { ended <- run(t, dir, "backup", "--to", cut, "--server", s.url()) }()
	<-time.After(time.Duration(50+r.IntN(300)) * time.Millisecond)
	s.kill()
	cancel()
	wg.Wait()
	if out := <-ended; out.code == 0 {
		backups[cut] = nil // it was faster
	} else if _, err := os.Stat(cut); err == nil {
		t.Errorf("a backup that was cut off left %s: %s", cut, out.stderr)
	}
	for path, acked := range backups {
		restored := filepath.Join(t.TempDir(), "restored")
		expect(t, 0, "Nothing was compared", "restore", "--from", path, "--data", restored, "--original-is-gone")
		n := startServer(t, restored)
		mustHold(t, n, acked, r)
		n.stop()
	}
	s = startServer(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "backup.tmp")); err == nil {
		t.Error("the checkpoint of a backup that was cut off is still there")
	}
	mustHold(t, s, l.acks, r)
	s.stop()
}

// mustTell wants the outcome of a bundle as JSON.
func mustTell(t *testing.T, path, certificate string) {
	t.Helper()
	var told bundleReport
	out := expect(t, 0, "", "verify-bundle", path, "--json", "--certificate", certificate)
	if err := json.Unmarshal([]byte(out), &told); err != nil || told.Verdict != "OK" || told.Agency != "jurat" || told.Hashes != 301 ||
		!slices.Equal(told.TrustedBy, []string{certificate}) || len(told.Lanes) != 2 || told.Lanes[0].Hashes+told.Lanes[1].Hashes != 301 {
		t.Errorf("as JSON: %s, %v", out, err)
	}
}

// TestExport exports what agencies filed and takes every proof out again.
func TestExport(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	out := s.psql(`CREATE ROLE canton LOGIN; INSERT INTO hashes (digest) SELECT sha256(g::text::bytea) FROM generate_series(1, 300) g;
		INSERT INTO hashes (digest, lane) VALUES (sha256('seal'), 'seal')`)
	if strings.Contains(out, "ERROR") {
		t.Fatal(out)
	}
	conn := s.connect()
	to := t.TempDir()
	bundle, packed := filepath.Join(to, "bundle"), filepath.Join(to, "bundle.zst")
	certificate := filepath.Join(s.dir, "keys", "calendar.crt")
	proofs := func(sql string) map[string][]byte {
		t.Helper()
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		all := make(map[string][]byte)
		for rows.Next() {
			var receipt string
			var signature []byte
			if err := rows.Scan(&receipt, &signature); err != nil {
				t.Fatal(err)
			}
			all[receipt] = signature
		}
		if len(all) == 0 || rows.Err() != nil {
			t.Fatalf("%d proofs: %v", len(all), rows.Err())
		}
		return all
	}
	want := proofs(`SELECT receipt, signature FROM proofs WHERE slot_index % 100 = 99 OR lane = 'seal'`)
	expect(t, 3, "permission denied", "export", "--agency", "jurat", "--to", bundle, "--server", s.urlAs("canton"))
	for _, path := range []string{bundle, packed} {
		expect(t, 0, "Wrote", "export", "--agency", "jurat", "--to", path, "--server", s.url())
		expect(t, 0, "The key is trusted because of "+certificate+".", "verify-bundle", path, "--certificate", certificate)
		expect(t, 2, "NA: 301 hashes are in order", "verify-bundle", path)
		expect(t, 2, `"verdict": "NA"`, "verify-bundle", path, "--json")
		mustTell(t, path, certificate)
		for receipt, signature := range want {
			if got := expect(t, 0, "", "extract", "--receipt", receipt, path); got != string(signature) {
				t.Errorf("%s: another proof than the server's", receipt)
			}
			expect(t, 3, "not in the bundle", "extract", "--receipt", strings.Replace(receipt, "20", "21", 1), path)
		}
	}
	expect(t, 0, "OK: 0 hashes", "verify-bundle", exportOf(t, s, "canton", filepath.Join(to, "canton")), "--certificate", certificate)
	text := strings.TrimSpace(s.psql("SELECT publish()", "-At"))
	expect(t, 0, "Wrote", "export", "--agency", "jurat", "--to", filepath.Join(to, "published"), "--server", s.url(), "--published", "--until", publishedAt(t, s))
	expect(t, 0, "OK: 301 hashes", "verify-bundle", filepath.Join(to, "published"), "--publication", text)
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(bundle, data, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, "FAIL: offset", "verify-bundle", bundle, "--certificate", certificate)
	if err := os.WriteFile(packed, data[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, `"sentence": "offset`, "verify-bundle", bundle, "--certificate", certificate, "--json")
	expect(t, 1, "ends too early", "verify-bundle", packed, "--certificate", certificate)
	s.stop()
}

func exportOf(t *testing.T, s *serverProcess, agency, path string) string {
	t.Helper()
	expect(t, 0, "Wrote", "export", "--agency", agency, "--to", path, "--server", s.urlAs(agency))
	return path
}

func publishedAt(t *testing.T, s *serverProcess) string {
	t.Helper()
	var at time.Time
	if err := s.connect().QueryRow(t.Context(), `SELECT max(publication_time) FROM publications`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at.UTC().Format(time.RFC3339)
}

// TestManuals runs the shell commands of docs/backup.md and docs/bundle.md as they stand, but for the port and the directories.
func TestManuals(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, filepath.Join(t.TempDir(), "jurat"))
	if out := s.psql("CREATE ROLE canton LOGIN"); strings.Contains(out, "ERROR") {
		t.Fatal(out)
	}
	_, port, _ := strings.Cut(s.address, ":")
	work := t.TempDir()
	for _, name := range []string{"backup.md", "bundle.md"} {
		blocks := codeBlocks(t, "../../docs/"+name)
		if len(blocks) < 2 {
			t.Fatalf("%s: %d blocks", name, len(blocks))
		}
		for _, b := range blocks {
			if b.language != "sh" {
				t.Fatalf("%s: a block of %s", name, b.language)
			}
			commands := strings.NewReplacer("127.0.0.1:5433", s.address, "-p 5433", "-p "+port, "/var/lib/jurat", s.dir, "/backup/", work+"/").Replace(b.text)
			if out, err := shell(t, work, s, commands); err != nil {
				t.Errorf("%s: %s\nends with %v:\n%s", name, commands, err, out)
			}
		}
	}
	s.stop()
}

// publicationLater returns a publication string of the second after a proof's.
func publicationLater(t *testing.T, proof []byte) string {
	t.Helper()
	s, err := ksi.Parse(proof)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.PublishedData()
	p.Time += 1000
	return p.String()
}
