package server

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var rewrite = flag.Bool("rewrite", false, "write docs/metrics.md anew")

// testServer runs a server until the test ends, or stop is called. With an operations listener it has recovered.
func testServer(t *testing.T, c Config) (s *Server, stop func()) {
	t.Helper()
	s, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for tick := time.Tick(time.Millisecond); s.ops != nil && phase(s.ops.phase.Load()) == recovering; <-tick {
	}
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return s, stop
}

// get returns the status and the body of a page of the operations listener.
func (s *Server) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return getPage(t, s.HTTPAddr(), path)
}

// getPage returns the status and the body of a page of a listener.
func getPage(t *testing.T, addr net.Addr, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + addr.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func (s *Server) exec(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), "postgres://jurat@"+s.Addr().String()+"/jurat?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		rows, err := conn.Query(context.Background(), sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		for rows.Next() {
		}
		if strings.HasPrefix(sql, "SELECT 1/0") {
			continue
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if _, err := conn.CopyFrom(context.Background(), pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromSlice(7, func(i int) ([]any, error) {
		return []any{[]byte(fmt.Sprintf("%032d", i))}, nil
	})); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyMetrics: a server that files nothing, and has no keys, is well, ready when it answers, and shows its metrics.
func TestReadOnlyMetrics(t *testing.T) {
	c := testConfig(t.TempDir())
	s, stop := testServer(t, c)
	s.exec(t, "INSERT INTO hashes (digest) VALUES (sha256('a')) RETURNING signature")
	stop()
	if err := os.RemoveAll(filepath.Join(c.DataDir, keysDir)); err != nil {
		t.Fatal(err)
	}
	c.ReadOnly, c.HTTPListen = true, "127.0.0.1:0"
	s, _ = testServer(t, c)
	if status, page := s.get(t, "/metrics"); status != http.StatusOK || !strings.Contains(page, "\njurat_ready 1\n") {
		t.Errorf("metrics: %d: %s", status, page)
	}
	if status, page := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("health: %d: %s", status, page)
	}
	if status, page := s.get(t, "/readyz"); status != http.StatusOK || page != "ok\n" {
		t.Errorf("ready: %d: %s", status, page)
	}
}

// TestMetrics has a server do a bit of everything, and demands that every metric is shown, counts what was done and follows
// the naming conventions, and that docs/metrics.md tells of it.
func TestMetrics(t *testing.T) {
	c := testConfig(t.TempDir())
	c.HTTPListen, c.GatewayListen = "127.0.0.1:0", "127.0.0.1:0"
	s, stop := testServer(t, c)
	s.exec(t, "INSERT INTO hashes (digest) VALUES (sha256('a')), (sha256('b'))", "INSERT INTO hashes (digest) VALUES (sha256('c')) RETURNING signature",
		"SELECT 1/0", "SELECT publish()")
	gateway, _ := s.GatewayAddrs()
	r, err := http.Post("http://"+gateway.String(), "application/ksi-request", strings.NewReader("noise"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	status, page := s.get(t, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, page)
	}
	for _, m := range metrics {
		if !strings.Contains(page, "# TYPE "+m.name+" "+m.typeName()+"\n") {
			t.Errorf("%s is not shown", m.name)
		}
	}
	for _, want := range []string{
		`jurat_filed_leaves_total{way="insert"} 3`, `jurat_filed_bytes_total{way="copy"} 224`, `jurat_filed_leaves_total{way="copy"} 7`,
		`jurat_errors_total{class="22"} 1`, `jurat_errors_total{class="58"} 0`, `jurat_errors_total{class="XX"} 0`, `jurat_statements_total{kind="insert"} 2`, `jurat_statements_total{kind="copy"} 1`,
		`jurat_proofs_total 1`, `jurat_ready 1`, `jurat_clock_jumped 0`, `jurat_group_commit_leaves_sum 10`,
		`jurat_gateway_requests_total{service="aggregator",status="0x101"} 1`, `jurat_connections_total 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("%q is not shown, but:\n%s", want, grep(page, want[:strings.IndexAny(want, "{ ")]))
		}
	}
	families, err := s.ops.registry.Gather()
	if err != nil {
		t.Error(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "jurat_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	stop()
	checkMetricsPage(t)
}

func grep(text, word string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

func (m *metric) typeName() string {
	switch {
	case m.histogram:
		return "histogram"
	case m.kind == prometheus.CounterValue:
		return "counter"
	}
	return "gauge"
}

// checkMetricsPage compares docs/metrics.md with the metrics that there are.
func checkMetricsPage(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Metrics

What ` + "`/metrics`" + ` of the operations listener (` + "`jurat serve --http-listen`" + `) shows, beside Go's and the process's own (` + "`go_…`, `process_…`" + `).
Counters count from the start of the process. No label has a value that clients choose: neither agencies nor digests are shown.
This page is generated: ` + "`go test ./server -run TestMetrics -rewrite`" + `.

| metric | type | labels | meaning |
|---|---|---|---|
`)
	for _, m := range metrics {
		labels := slices.Clone(m.labels)
		for i := range labels {
			labels[i] = "`" + labels[i] + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.typeName(), strings.Join(labels, ", "), m.help)
	}
	const path = "../docs/metrics.md"
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what the metrics are: run go test ./server -run TestMetrics -rewrite", path)
	}
}

// TestHealth goes through what /healthz and /readyz say in the life of a server.
func TestHealth(t *testing.T) {
	c := testConfig(t.TempDir())
	c.HTTPListen, c.Pprof = "127.0.0.1:0", true
	expect := func(s *Server, path string, status int, words string) {
		t.Helper()
		if got, body := s.get(t, path); got != status || !strings.Contains(body, words) {
			t.Errorf("%s: %d %q, want %d %q", path, got, body, status, words)
		}
	}
	// await demands that /readyz comes to refuse in these words: a server that was just started has yet to look
	// at disk and clock.
	await := func(s *Server, words string) {
		t.Helper()
		status, body := s.get(t, "/readyz")
		until := time.Now().Add(30 * time.Second)
		for tick := time.Tick(time.Millisecond); !strings.Contains(body, words) && time.Now().Before(until); <-tick {
			status, body = s.get(t, "/readyz")
		}
		if status != 503 || !strings.Contains(body, words) {
			t.Errorf("/readyz: %d %q, want 503 %q", status, body, words)
		}
	}
	s, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	expect(s, "/healthz", 200, "ok")
	expect(s, "/readyz", 503, "recovering")
	if _, page := s.get(t, "/metrics"); strings.Contains(page, "jurat_ready") {
		t.Error("metrics of a server that is not there yet")
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.exec(t) // it serves
	expect(s, "/healthz", 200, "ok")
	expect(s, "/readyz", 200, "ok")
	expect(s, "/debug/pprof/cmdline", 200, "server.test")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	// A disk on which more is to stay free than it has.
	c.Pprof, c.DiskReserve = false, 1<<60
	s, stop := testServer(t, c)
	await(s, "disk full")
	expect(s, "/healthz", 200, "ok")
	expect(s, "/debug/pprof/", 404, "")
	stop()

	// A clock that is a year ahead of the ledger's newest second.
	c.Clock, c.DiskReserve = movedClock{newSystemClock(), 365 * 24 * time.Hour}, 0
	s, stop = testServer(t, c)
	await(s, "clock unconfirmed")
	expect(s, "/healthz", 200, "ok")
	stop()
}

// TestListen demands that the operations listener stays on this machine.
func TestListen(t *testing.T) {
	c := testConfig(t.TempDir())
	c.HTTPListen = "0.0.0.0:0"
	mustRefuse(t, c, "--http-listen")
	c.HTTPListen, c.Pprof = "", true
	mustRefuse(t, c, "--pprof needs --http-listen")
}
