package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server/ledger/ledgertest"
)

// damageQueries read everything that a ledger holds, in every way.
var damageQueries = []string{
	"SELECT * FROM calendar ORDER BY round", "SELECT * FROM rounds ORDER BY round", "SELECT count(*), sum(leaves) FROM rounds", "SELECT * FROM hashes ORDER BY round, slot_index",
	"SELECT round, slot_index FROM hashes WHERE digest = sha256('a1')", "SELECT receipt FROM hashes WHERE digest IN (SELECT sha256(('a' || g)::bytea) FROM generate_series(1, 300) g) ORDER BY 1",
	"SELECT count(*) FROM hashes WHERE round = '2026-11-22T01:15:31Z'", "SELECT signature FROM proofs WHERE digest = sha256('a3')", "SELECT signature FROM proofs ORDER BY round, slot_index LIMIT 20",
	"SELECT * FROM publications", "SELECT * FROM calendar_certificates", "SELECT publication_string('2026-11-22T01:15:33Z', (SELECT root FROM calendar WHERE round = '2026-11-22T01:15:33Z'))",
	"SELECT * FROM audit_calendar('-infinity', 'infinity')", "SELECT * FROM verify_journal('-infinity', 'infinity')", "SELECT seq, event, object, hash FROM journal WHERE time < '2026-11-22T01:15:45Z' ORDER BY seq",
	"SELECT * FROM completeness('super-s', '-infinity', 'infinity')", "SELECT consistency_proof('2026-11-22T01:15:31Z', '2026-11-22T01:15:33Z')",
	"SELECT md5(string_agg(data, '' ORDER BY at)) FROM export_bundle('super-s', NULL, '2026-11-22T01:15:33Z', true)", "SELECT publish('2026-11-22T01:15:33Z')",
}

// damageImage makes a data directory with something of every kind: tables, value files, a log, publications, a journal. It has so many
// roles more, each with a line in the journal.
func damageImage(t *testing.T, roles int) string {
	dir := filepath.Join(t.TempDir(), "data")
	s := serveStill(t, stillConfig(t, dir), stillStart)
	conn := s.connect("super-s")
	conn.must("CREATE ROLE canton LOGIN", "SELECT create_lane('seal')", "INSERT INTO hashes (digest) SELECT sha256(('a' || g)::bytea) FROM generate_series(1, 150) g")
	for i := range roles {
		conn.must(fmt.Sprintf("CREATE ROLE r%d LOGIN", i))
	}
	if roles > 0 {
		conn.must("INSERT INTO hashes (digest) SELECT sha256(('b' || g)::bytea) FROM generate_series(1, 1500) g")
	}
	s.pass(2)
	conn.must("INSERT INTO hashes (digest, lane) SELECT sha256(('a' || g)::bytea), 'seal' FROM generate_series(151, 290) g")
	s.pass(3)
	if err := s.store.DB().Flush(); err != nil {
		t.Fatal(err)
	}
	conn.must("SELECT publish('2026-11-22T01:15:33Z')", "INSERT INTO hashes (digest) SELECT sha256(('a' || g)::bytea) FROM generate_series(291, 300) g")
	s.pass(2)
	s.stop()
	return dir
}

// askDamaged starts a server on a copy of a data directory, after which during is called if it is not nil, and returns its answers, or
// the error that it gave instead of an answer; why it does not start, or ended.
func askDamaged(t *testing.T, dir string, during func()) (answers [][]string, refused []*pgconn.PgError, err error) {
	t.Helper()
	c := testConfig(dir)
	clock := ledgertest.NewClock(stillStart.Add(20 * time.Second))
	c.Clock = clock
	s, err := New(t.Context(), c)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for closed := calendar.Second(0); closed < calendar.Second(clock.Wall().Unix()); _, closed, _ = s.ledger.Extent() {
		select {
		case err := <-done: // damage keeps it from closing the seconds that have passed
			cancel()
			return nil, nil, err
		case <-time.After(time.Millisecond):
		}
	}
	if during != nil {
		during()
	}
	conn, lost := pgconn.Connect(t.Context(), "postgres://super-s@"+s.Addr().String()+"/jurat?sslmode=disable")
	for i := 0; lost == nil && i < len(damageQueries); i++ {
		var e *pgconn.PgError
		var rows []string
		results, err := conn.Exec(t.Context(), damageQueries[i]).ReadAll()
		if err != nil && (!errors.As(err, &e) || conn.IsClosed()) {
			lost = err
			break
		}
		for _, r := range results {
			for _, row := range r.Rows {
				rows = append(rows, fmt.Sprintf("%q", row))
			}
		}
		answers, refused = append(answers, rows), append(refused, e)
	}
	if conn != nil {
		conn.Close(context.Background())
	}
	cancel()
	for {
		select {
		case err := <-done:
			return answers, refused, errors.Join(err, lost)
		case <-time.After(time.Millisecond):
			clock.Move(100*time.Millisecond, 0)
		}
	}
}

// TestDamagedStore flips a bit of each file of a data directory, before the server starts or while it runs, and asks it for everything:
// it does not start and says why, or each answer is right or an error that names the damage. What it does not know it never makes up.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	image := damageImage(t, 0)
	want, refused, err := askDamaged(t, copyData(t, image), nil)
	if err != nil || slices.ContainsFunc(refused, func(e *pgconn.PgError) bool { return e != nil }) {
		t.Fatal(err, refused)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	flips := 2
	if os.Getenv("JURAT_SOAK") != "" {
		flips = 60
	}
	outcomes := make(map[string]int)
	err = filepath.WalkDir(image, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(image, path)
		if err != nil || d.IsDir() || !strings.HasPrefix(name, StoreDir) && !strings.HasPrefix(name, IndexDir) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		used := len(bytes.TrimRight(data, "\x00"))
		for i := range min(flips, used) {
			at, bit := r.IntN(used), byte(1)<<r.IntN(8)
			dir := copyData(t, image)
			flip := func() {
				f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
				if errors.Is(err, fs.ErrNotExist) {
					return // removed by the server that runs
				}
				if err == nil {
					_, err = f.WriteAt([]byte{data[at] ^ bit}, int64(at))
					err = errors.Join(err, f.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}
			when, during := "before", func() {}
			if i%2 == 0 {
				flip()
			} else {
				when, during = "during", flip
			}
			answers, refused, err := askDamaged(t, dir, during)
			outcomes[when+": "+judge(t, fmt.Sprintf("byte %d of %s flipped %s", at, name, when), want, answers, refused, err)]++
			os.RemoveAll(dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(outcomes)
	if outcomes["before: not started"] == 0 || outcomes["before: right"] == 0 || outcomes["during: right"] == 0 {
		t.Error("flips do not reach what they should")
	}
}

// judge compares what a server with damage answered with what it should have.
func judge(t *testing.T, what string, want, answers [][]string, refused []*pgconn.PgError, err error) string {
	t.Helper()
	if err != nil && answers == nil {
		return "not started"
	}
	outcome := "right"
	for i, got := range answers {
		switch e := refused[i]; {
		case e != nil && e.Code == "XX001":
			outcome = "named"
		case e != nil:
			t.Errorf("%s: %.80s: %v", what, damageQueries[i], e)
		case slices.Equal(got, want[i]):
		case strings.Contains(damageQueries[i], "audit_calendar") || strings.Contains(damageQueries[i], "verify_journal"):
			outcome = "named" // by a row for each fault
		default:
			t.Errorf("%s: %.80s:\n%.300q\nwant\n%.300q", what, damageQueries[i], got, want[i])
		}
	}
	if err != nil {
		return "ended"
	}
	return outcome
}

// copyData returns a copy of a data directory.
func copyData(t *testing.T, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(dir, keysDir, "*"))
	for _, key := range keys { // the copy has wider modes
		err = errors.Join(err, os.Chmod(key, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDamagedKeys flips bits of keys, certificates and login rules: the server does not start and names the file, or goes on as before:
// it takes no damaged certificate for a new one.
func TestDamagedKeys(t *testing.T) {
	t.Parallel()
	image := damageImage(t, 0)
	want, _, err := askDamaged(t, copyData(t, image), nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	flips := 8
	if os.Getenv("JURAT_SOAK") != "" {
		flips = 200
	}
	names, err := fs.Glob(os.DirFS(image), keysDir+"/*")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range append(names, HBAFile) {
		data, err := os.ReadFile(filepath.Join(image, name))
		if err != nil {
			t.Fatal(err)
		}
		outcomes := make(map[string]int)
		times := flips
		if name == HBAFile {
			times *= 5 // other letters make other rules mostly
		}
		for range times {
			at, bit := r.IntN(len(data)), byte(1)<<r.IntN(8)
			dir := copyData(t, image)
			flipped := bytes.Clone(data)
			flipped[at] ^= bit
			if err := os.WriteFile(filepath.Join(dir, name), flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("bit %#x of byte %d of %s", bit, at, name)
			answers, refused, err := askDamaged(t, dir, nil)
			if name == HBAFile && err == nil {
				outcomes["other rules, or a comment"]++
			} else if outcome := judge(t, what, want, answers, refused, err); outcome == "not started" && !strings.Contains(err.Error(), filepath.Base(name)) {
				t.Errorf("%s: %v", what, err)
			} else {
				outcomes[outcome]++
			}
			os.RemoveAll(dir)
		}
		t.Log(name, outcomes)
		if outcomes["not started"] == 0 && name != keysDir+"/root.key" {
			t.Errorf("no flip in %s is named", name)
		}
	}
}
