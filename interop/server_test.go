package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/guardtime/goksi/hash"
	"github.com/jackc/pgx/v5"
)

// builtProgram builds jurat once for all tests.
var builtProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "jurat-interop")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "jurat")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/jurat")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := builtProgram(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// jurat runs a command of the program with a home directory of its own and returns what it prints and its exit code.
func jurat(t *testing.T, home string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String() + stderr.String(), cmd.ProcessState.ExitCode()
}

// A server is a running jurat serve with its gateway.
type server struct {
	cmd       *exec.Cmd
	name      string // what --server-name gives
	dir       string
	address   string        // of the Postgres port
	http, tcp string        // addresses of the gateway
	exited    chan struct{} // closed when the process has ended and log holds all
	mu        sync.Mutex    // covers log
	log       bytes.Buffer
}

// startServer runs jurat serve on a data directory and free ports and waits until it is ready. It publishes nothing by
// itself, so that the tests do not depend on the day.
func startServer(t *testing.T, dir, name string, args ...string) *server {
	t.Helper()
	s := &server{name: name, dir: dir, exited: make(chan struct{})}
	s.cmd = exec.Command(program(t), append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--server-name", name,
		"--gateway-listen", "127.0.0.1:0", "--gateway-tcp-listen", "127.0.0.1:0", "--monthly-publications=false"}, args...)...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan map[string]string, 1)
	go s.follow(stderr, ready)
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.exited
	})
	select {
	case line := <-ready:
		s.address, s.http, s.tcp = line["listen"], line["gateway"], line["gateway_tcp"]
	case <-s.exited:
		t.Fatalf("the server ended before it was ready:\n%s", s.logged())
	case <-time.After(30 * time.Second):
		t.Fatalf("the server is not ready:\n%s", s.logged())
	}
	return s
}

// follow keeps the log and finds the line in it that tells the addresses.
func (s *server) follow(stderr io.Reader, ready chan<- map[string]string) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		s.mu.Lock()
		fmt.Fprintln(&s.log, lines.Text())
		s.mu.Unlock()
		if _, rest, ok := strings.Cut(lines.Text(), "msg=ready "); ok {
			values := map[string]string{}
			for _, field := range strings.Fields(rest) {
				name, value, _ := strings.Cut(field, "=")
				values[name] = value
			}
			ready <- values
		}
	}
	s.cmd.Wait()
	close(s.exited)
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop ends the server as an operator would.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		t.Fatalf("the server does not stop:\n%s", s.logged())
	}
}

func (s *server) url(role string) string {
	return fmt.Sprintf("postgres://%s@%s/jurat", role, s.address)
}

func (s *server) connect(t *testing.T, role string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), s.url(role))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// exec runs a statement as the superuser.
func (s *server) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.connect(t, "jurat").Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
}

// A filed is a hash with its proof.
type filed struct {
	agency, lane, server string
	round                time.Time
	imprint              hash.Imprint // what was filed
	path                 string       // the document; its proof is beside it
	signature            []byte
	claims               []string // the names that the client put into its own tree, from the document up
}

// String names the proof in messages.
func (f *filed) String() string {
	return fmt.Sprintf("%s/%s/%s %s %s", f.server, f.agency, f.lane, f.round.UTC().Format(time.TimeOnly), filepath.Base(f.path))
}

// file files hashes with one statement, so that they share a round.
func (s *server) file(t *testing.T, agency, lane, algorithm string, digests [][]byte) []string {
	t.Helper()
	rows, err := s.connect(t, agency).Query(context.Background(), `INSERT INTO hashes (digest, algorithm, lane)
		SELECT unnest($1::bytea[]), $2::text, $3::text RETURNING receipt`, digests, algorithm, lane)
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(receipts) != len(digests) {
		t.Fatalf("%d receipts: %v", len(receipts), err)
	}
	return receipts
}

// fetch gets the proof of a receipt, when its round is closed.
func (s *server) fetch(t *testing.T, agency, lane, receipt string) *filed {
	t.Helper()
	f := &filed{agency: agency, lane: lane, server: s.name}
	err := s.connect(t, agency).QueryRow(context.Background(), `SELECT round, signature FROM proofs WHERE receipt = $1`, receipt).
		Scan(&f.round, &f.signature)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// closed returns the newest closed second. Some round must have been waited for.
func (s *server) closed(t *testing.T) (at time.Time) {
	t.Helper()
	if err := s.connect(t, "jurat").QueryRow(context.Background(), `SELECT max(round) FROM calendar`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}

// closeRound files a hash, waits until its round is closed, and returns that.
func (s *server) closeRound(t *testing.T) (at time.Time) {
	t.Helper()
	var proof []byte
	err := s.connect(t, "jurat").QueryRow(context.Background(), `INSERT INTO hashes (digest) VALUES ($1) RETURNING round, signature`,
		bytes.Repeat([]byte{1}, 32)).Scan(&at, &proof)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// waitClosed waits until a second is closed.
func (s *server) waitClosed(t *testing.T, at time.Time) {
	t.Helper()
	for s.closeRound(t).Before(at) {
	}
}

// publish publishes a second and returns the publication string. An empty reference stands for none.
func (s *server) publish(t *testing.T, at time.Time, reference string) string {
	t.Helper()
	var text string
	err := s.connect(t, "jurat").QueryRow(context.Background(), `SELECT publish($1, NULLIF($2, ''))`, at, reference).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// certificates returns the server's calendar certificates as PEM.
func (s *server) certificates(t *testing.T) []byte {
	t.Helper()
	rows, err := s.connect(t, "jurat").Query(context.Background(), `SELECT pem FROM calendar_certificates`)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.Join(texts, "\n"))
}

// A verdict is what a verifier says. Code is empty if the signature cannot be parsed.
type verdict struct{ Verdict, Code string }

// juratVerdict asks jurat verify under a policy, with what the arguments name as trusted.
func juratVerdict(t *testing.T, policy, document, proof string, args ...string) verdict {
	t.Helper()
	return juratReport(t, policy, document, proof, args...).verdict
}

// A report is what jurat verify prints. Names of clients, which stand below the agency's, are claims.
type report struct {
	verdict
	Agency, Lane    string
	Claims          []string
	PublicationTime *time.Time `json:"publication_time"`
	References      []string
	Sentence        string
}

func juratReport(t *testing.T, policy, document, proof string, args ...string) *report {
	t.Helper()
	out, code := jurat(t, t.TempDir(), append([]string{"verify", document, proof, "--policy", policy, "--json"}, args...)...)
	r := &report{}
	if err := json.Unmarshal([]byte(out), r); err != nil {
		t.Fatalf("jurat verify %s ends with %d: %s", proof, code, out)
	}
	if r.Code == "FORMAT" {
		r.Code = ""
	}
	return r
}
