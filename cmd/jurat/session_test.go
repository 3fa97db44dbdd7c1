package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run go test ./cmd/jurat -rewrite and review. Got:\n%s", path, got)
	}
}

// volatile is what differs from run to run, with what stands for it in golden files. Widths of psql's columns depend on
// it too, so the replacements keep the length.
var volatile = []struct{ pattern, instead string }{
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "2026-11-22T00:00:00Z"},
	{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00 *`, "2026-11-22 00:00:00+00 "},
	{`-{22,32}`, "----------------------"},
	{` +filed_at +`, " filed_at "},
	{`cost=[0-9.]+ rows=[0-9]+ width=[0-9]+`, "cost=C rows=N width=W"},
	{`LOCATION: .*\n`, ""},
}

func normalise(s string) string {
	for _, v := range volatile {
		s = regexp.MustCompile(v.pattern).ReplaceAllString(s, v.instead)
	}
	return s
}

func TestPsqlSession(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	dir := t.TempDir()
	var csv strings.Builder
	for i := range 5 {
		fmt.Fprintf(&csv, "\\x%x\n", testDigest(1, i))
	}
	for name, text := range map[string]string{"hashes.csv": csv.String(), "bad.csv": csv.String() + "\\xabc\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script, err := os.ReadFile("testdata/session.sql")
	if err != nil {
		t.Fatal(err)
	}
	s.psqlDir = dir
	golden(t, "session.out", normalise(s.psql(string(script), "-a")))
	s.stop()
}

// TestPgx drives the server as a Go program does: parameters in binary, batches, pipelines, COPY, cursors by portals.
func TestPgx(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	var receipt string
	var round time.Time
	var index int64
	err := conn.QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt, round, slot_index`, testDigest(1, 0)).
		Scan(&receipt, &round, &index)
	if err != nil {
		t.Fatal(err)
	}
	if want := round.UTC().Format("2006-01-02T15:04:05Z") + "/jurat/main/" + strconv.FormatInt(index, 10); receipt != want {
		t.Errorf("receipt %s, want %s", receipt, want)
	}
	var signature []byte
	if err := conn.QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(1, 1)).Scan(&signature); err != nil {
		t.Fatal(err)
	}
	mustBeProof(t, s, signature, testDigest(1, 1))
	testBatch(t, s, conn)
	testCopy(t, s, conn)
	testErrors(t, conn)
	s.stop()
}

func mustBeProof(t *testing.T, s *serverProcess, data, digest []byte) {
	t.Helper()
	signature, err := ksi.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	im, err := merkle.NewImprint(merkle.SHA256, digest)
	if err != nil {
		t.Fatal(err)
	}
	if r := ksi.Verify(t.Context(), signature, ksi.Options{Policy: ksi.KeyBased, Document: &im, Certificates: s.certificates()}); r.Verdict != ksi.OK {
		t.Errorf("proof of %x: %s", digest, r)
	}
}

func testBatch(t *testing.T, s *serverProcess, conn *pgx.Conn) {
	t.Helper()
	ctx := context.Background()
	batch := &pgx.Batch{}
	for i := range 100 {
		batch.Queue(`INSERT INTO hashes (digest) VALUES ($1)`, testDigest(2, i))
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	digests := make([][]byte, 50)
	for i := range digests {
		digests[i] = testDigest(3, i)
	}
	rows, err := conn.Query(ctx, `INSERT INTO hashes (digest) SELECT unnest($1::bytea[]) RETURNING receipt`, digests)
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(receipts) != 50 {
		t.Fatalf("%d receipts: %v", len(receipts), err)
	}
	rows, err = conn.Query(ctx, `SELECT digest, signature FROM proofs WHERE receipt = ANY($1) ORDER BY slot_index`, receipts)
	if err != nil {
		t.Fatal(err)
	}
	var digest, signature []byte
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&digest, &signature}, func() error {
		mustBeProof(t, s, signature, digests[n])
		n++
		return nil
	})
	if err != nil || n != 50 {
		t.Fatalf("%d proofs: %v", n, err)
	}
}

func testCopy(t *testing.T, s *serverProcess, conn *pgx.Conn) {
	t.Helper()
	ctx := context.Background()
	rows := make([][]any, 3000)
	for i := range rows {
		rows[i] = []any{testDigest(4, i), "sha256", "main"}
	}
	n, err := conn.CopyFrom(ctx, pgx.Identifier{"hashes"}, []string{"digest", "algorithm", "lane"}, pgx.CopyFromRows(rows))
	if err != nil || n != 3000 {
		t.Fatalf("copied %d: %v", n, err)
	}
	var count int64
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM hashes WHERE digest = ANY($1)`, [][]byte{testDigest(4, 0), testDigest(4, 2999), testDigest(4, 3000)}).Scan(&count); err != nil || count != 2 {
		t.Errorf("found %d of the copied: %v", count, err)
	}
	var out strings.Builder
	if _, err := conn.PgConn().CopyTo(ctx, &out, `COPY (SELECT round, leaves FROM rounds) TO STDOUT (FORMAT csv, HEADER)`); err != nil || !strings.HasPrefix(out.String(), "round,leaves\n") {
		t.Errorf("copied out %q: %v", out.String(), err)
	}
}

func testErrors(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for sql, code := range map[string]string{
		`INSERT INTO hashes (digest) VALUES ('\x00')`: "23514",
		`INSERT INTO hashes (digest) VALUES (NULL)`:   "23502",
		`UPDATE hashes SET digest = NULL`:             "55000",
		`SELECT 1/0`:                                  "22012",
		`SELEC`:                                       "42601",
	} {
		_, err := conn.Exec(context.Background(), sql)
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v, want %s", sql, err, code)
		}
	}
}

// An agency sees its own filings alone; its proofs name it.
func TestAgencies(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := startServer(t, t.TempDir())
	super := s.connect()
	if _, err := super.Exec(ctx, `CREATE ROLE canton LOGIN`); err != nil {
		t.Fatal(err)
	}
	canton, err := pgx.Connect(ctx, s.urlAs("canton"))
	if err != nil {
		t.Fatal(err)
	}
	defer canton.Close(ctx)
	for i, conn := range []*pgx.Conn{super, canton} {
		if _, err := conn.Exec(ctx, `INSERT INTO hashes (digest) VALUES ($1), ($2)`, testDigest(1, 0), testDigest(2, i)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(conn *pgx.Conn, sql string, args ...any) (n int) {
		t.Helper()
		if err := conn.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for sql, want := range map[string][2]int{
		`SELECT count(*) FROM hashes`:                                 {4, 2},
		`SELECT count(*) FROM proofs WHERE agency = 'jurat'`:          {2, 0},
		`SELECT count(DISTINCT agency) FROM agencies`:                 {2, 1},
		`SELECT count(*) FROM hashes WHERE round > '2020-01-01'`:      {4, 2},
		`SELECT count(*) FROM hashes WHERE agency IN ('jurat', 'me')`: {2, 0},
	} {
		if got := [2]int{count(super, sql), count(canton, sql)}; got != want {
			t.Errorf("%s: superuser and agency count %v, want %v", sql, got, want)
		}
	}
	if n := count(canton, `SELECT count(*) FROM hashes WHERE digest = $1`, testDigest(2, 0)); n != 0 {
		t.Errorf("an agency finds another's digest %d times", n)
	}
	var receipt string
	if err := super.QueryRow(ctx, `SELECT receipt FROM hashes WHERE digest = $1`, testDigest(2, 0)).Scan(&receipt); err != nil {
		t.Fatal(err)
	}
	if n := count(canton, `SELECT count(*) FROM proofs WHERE receipt = $1`, receipt); n != 0 {
		t.Errorf("an agency finds another's receipt %d times", n)
	}
	var signature []byte
	if err := canton.QueryRow(ctx, `SELECT signature FROM proofs WHERE digest = $1`, testDigest(1, 0)).Scan(&signature); err != nil {
		t.Fatal(err)
	}
	mustBeProof(t, s, signature, testDigest(1, 0))
	parsed, err := ksi.Parse(signature)
	if err != nil || parsed.Issuers()[0].Client != "canton" {
		t.Errorf("the proof names %v: %v", parsed.Issuers(), err)
	}
	var code *pgconn.PgError
	if _, err := canton.Exec(ctx, `CREATE ROLE other LOGIN`); !errors.As(err, &code) || code.Code != "42501" {
		t.Errorf("an agency makes a role: %v", err)
	}
	if _, err := pgx.Connect(ctx, s.urlAs("nobody")); !errors.As(err, &code) || code.Code != "28000" {
		t.Errorf("an unknown role: %v", err)
	}
	s.stop()
}

// TestMemory bounds the memory of an idle server and of idle connections, as the operating system counts it.
func TestMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: reads /proc")
	}
	s := startServer(t, t.TempDir())
	s.connect().Close(context.Background())
	if rss := s.residentMiB(); rss > 60 {
		t.Errorf("an idle server holds %d MiB", rss)
	}
	for range 1000 {
		conn, err := pgx.Connect(context.Background(), s.url())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), `SELECT 1`); err != nil {
			t.Fatal(err)
		}
	}
	if rss := s.residentMiB(); rss > 250 {
		t.Errorf("a server with 1,000 idle connections holds %d MiB", rss)
	}
}

// residentMiB returns the resident memory of the server.
func (s *serverProcess) residentMiB() int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		s.t.Fatal("no VmRSS")
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d KiB resident", kb)
	return kb / 1024
}

// What is no Postgres client gets an answer or is cut off.
func TestStrangers(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	for name, bytes := range map[string]string{
		"http":   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"random": "\x9c\x01\xff\xfe\x00\x00garbage that goes on\n",
		"tls":    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, bytes); err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: no answer and no end", name)
		}
		conn.Close()
	}
	s.connect()
}

// Commands of the program against a server, with a home of their own.
func TestSignVerifyInspect(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	a := newAccount(t)
	home, expect := a.home, a.expect
	file := filepath.Join(home, "letter.txt")
	if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	proof, crt := file+".ksig", filepath.Join(s.dir, "keys", "calendar.crt")
	expect(0, []string{"receipt 20", "/jurat/main/0", "Remembered"}, "sign", "--server", s.url(), file)
	expect(3, []string{"exists already"}, "sign", "--server", s.url(), file)
	expect(0, []string{"OK", "Filed by jurat (jurat/main)"}, "verify", file, proof)
	expect(0, []string{"OK"}, "verify", file)
	expect(0, []string{`"verdict": "OK"`}, "verify", file, "--json", "--certificate", crt)
	expect(0, []string{"OK", "not checked"}, "verify", file, "--policy", "internal")
	if r := run(t, home, "verify", file, "--policy", "internal"); strings.Contains(r.stdout, "Filed by") {
		t.Errorf("a consistent proof proves who filed: %s", r.stdout)
	}
	expect(0, []string{"jurat"}, "inspect", proof)
	expect(0, []string{`{`}, "inspect", proof, "--json")

	other := filepath.Join(home, "other.txt")
	if err := os.WriteFile(other, []byte("hallo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(1, []string{"FAIL GEN-01"}, "verify", other, proof)
	expect(3, []string{"no such file"}, "verify", filepath.Join(home, "missing"), proof)
	stranger := t.TempDir()
	if r := run(t, stranger, "verify", file, proof); r.code != 2 || !strings.Contains(r.stdout, "NA GEN-02") {
		t.Errorf("verify without a certificate ended with %d: %s", r.code, r.stdout)
	}
	data, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(proof, data[:len(data)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	expect(1, []string{"FAIL FORMAT"}, "verify", file, proof)
	expect(3, []string{"another process", "stop it first"}, "fsck", "--data", s.dir)
	s.stop()
	expect(0, []string{"rounds"}, "fsck", "--data", s.dir)
	expect(3, []string{"Is the server running"}, "sign", "--server", s.url(), other)
}
