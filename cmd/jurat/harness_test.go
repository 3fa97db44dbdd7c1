package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// programPath names the program in the environment of a test binary that another one starts.
const programPath = "JURAT_PROGRAM"

// builtProgram builds the program once for all tests.
var builtProgram = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(programPath); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "jurat-binary")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "jurat")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// TestMain runs twice as many tests at the same time as there are processors: most of the time they wait for a second to end.
func TestMain(m *testing.M) {
	if os.Getenv(faultyData) != "" {
		os.Exit(serveFaulty())
	}
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	code := m.Run()
	if path, err := builtProgram(); err == nil && os.Getenv(programPath) == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func program(t testing.TB) string {
	t.Helper()
	path, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A result is how a run of the program ended.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the program with a home directory of its own.
func run(t testing.TB, home string, args ...string) result {
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
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// A serverProcess is a running jurat serve.
type serverProcess struct {
	t       testing.TB
	cmd     *exec.Cmd
	dir     string
	address string
	psqlDir string        // where psql runs, for \copy
	orders  io.Writer     // of a faulty server, see startFaulty
	ordered int           // how many orders it was given
	exited  chan struct{} // closed when the process has ended and log holds all
	mu      sync.Mutex    // covers log
	log     bytes.Buffer
}

// startServer runs jurat serve on a data directory and a free port and waits until it is ready.
func startServer(t testing.TB, dir string, args ...string) *serverProcess {
	t.Helper()
	return start(t, exec.Command(program(t), append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, args...)...), dir)
}

// start runs a server on a data directory and waits until it is ready.
func start(t testing.TB, cmd *exec.Cmd, dir string) *serverProcess {
	t.Helper()
	s := &serverProcess{t: t, cmd: cmd, dir: dir, exited: make(chan struct{})}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go s.follow(stderr, ready)
	t.Cleanup(s.kill)
	select {
	case s.address = <-ready:
	case <-s.exited:
		t.Fatalf("the server ended before it was ready:\n%s", s.logged())
	case <-time.After(30 * time.Second):
		t.Fatalf("the server is not ready:\n%s", s.logged())
	}
	return s
}

// follow keeps the log and finds the address in it.
func (s *serverProcess) follow(stderr io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		s.mu.Lock()
		fmt.Fprintln(&s.log, lines.Text())
		s.mu.Unlock()
		if _, rest, ok := strings.Cut(lines.Text(), "msg=ready listen="); ok {
			address, _, _ := strings.Cut(rest, " ")
			ready <- address
		}
	}
	s.cmd.Wait()
	close(s.exited)
}

func (s *serverProcess) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// kill ends the server as a power cut would.
func (s *serverProcess) kill() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.exited
}

// stop ends the server as an operator would and demands that it ends well.
func (s *serverProcess) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(time.Minute): // as the systemd unit does
		s.cmd.Process.Signal(syscall.SIGQUIT) // it logs what its goroutines do
		<-s.exited
		s.t.Fatalf("the server does not stop:\n%s", s.logged())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the server ended with %d:\n%s", code, s.logged())
	}
}

func (s *serverProcess) url() string { return s.urlAs("jurat") }

func (s *serverProcess) urlAs(role string) string {
	return fmt.Sprintf("postgres://%s@%s/jurat", role, s.address)
}

func (s *serverProcess) connect() *pgx.Conn {
	s.t.Helper()
	conn, err := pgx.Connect(context.Background(), s.url())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (s *serverProcess) certificates() []ksi.Certificate {
	s.t.Helper()
	c, err := trustedCertificates(io.Discard, []string{filepath.Join(s.dir, "keys", "calendar.crt")})
	if err != nil {
		s.t.Fatal(err)
	}
	return certificatesOf(c)
}

// installed reports whether a program is there, for a test that has more to do than to drive it: where it is not, a test below t is
// skipped, or fails as require.Program says.
func installed(t *testing.T, name string) (there bool) {
	t.Run(name, func(t *testing.T) {
		require.Program(t, name)
		there = true
	})
	return there
}

// psql runs psql with a script on standard input and returns what it prints.
func (s *serverProcess) psql(script string, args ...string) string {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	require.Program(s.t, "psql")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", append([]string{"-X", "-h", host, "-p", port, "-U", "jurat", "-d", "jurat"}, args...)...)
	cmd.Stdin = strings.NewReader(script)
	cmd.Dir = s.psqlDir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("psql: %v", err)
	}
	return string(out)
}

// A codeBlock is a block of commands of a page.
type codeBlock struct{ language, text string } // sql or sh

// codeBlocks returns the blocks of commands of a page, those of lists too.
func codeBlocks(t *testing.T, path string) (blocks []codeBlock) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.ReplaceAll(string(text), "\n   ", "\n")
	for _, b := range regexp.MustCompile("(?s)```(sql|sh)\n(.*?)```").FindAllStringSubmatch(whole, -1) {
		blocks = append(blocks, codeBlock{b[1], b[2]})
	}
	return blocks
}

// shell runs commands as a user would who has the program, and a server to talk to.
func shell(t *testing.T, dir string, s *serverProcess, commands string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command("sh", "-eu", "-c", commands)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME=", "JURAT_SERVER="+s.url(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
	return cmd.CombinedOutput()
}

func soak() bool { return os.Getenv("JURAT_SOAK") != "" }

// testDigest returns the i-th digest of a stream.
func testDigest(stream, i int) []byte {
	d := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(stream)), uint64(i)))
	return d[:]
}
