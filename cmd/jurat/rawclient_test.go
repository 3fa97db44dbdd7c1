package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A rawClient speaks the protocol byte by byte, as far as a test wants.
type rawClient struct{ net.Conn }

// dial connects and sends nothing.
func (s *serverProcess) dial() (rawClient, error) {
	conn, err := net.DialTimeout("tcp", s.address, 10*time.Second)
	return rawClient{conn}, err
}

// startMessage is a start-up message of the role jurat.
func startMessage() []byte {
	body := append(binary.BigEndian.AppendUint32(nil, 3<<16), "user\x00jurat\x00database\x00jurat\x00\x00"...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// queryMessage is a simple query that says it is n bytes longer than it is.
func queryMessage(sql string, n int) []byte {
	return append(append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(sql)+5+n)), sql...), 0)
}

// vanish closes without a word of the protocol, and as TCP's reset.
func (c rawClient) vanish() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// refusal sends b behind a start and returns all that the server says until it closes the connection.
func (c rawClient) refusal(b []byte) (string, error) {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(append(startMessage(), b...)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}

// descriptors returns how many files and sockets the server has open.
func (s *serverProcess) descriptors() int {
	s.t.Helper()
	list, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "fd"))
	if err != nil {
		s.t.Skipf("SKIPPED: %v", err)
	}
	return len(list)
}

// memory returns a number of /proc/PID/status in KiB: VmRSS, VmHWM.
func (s *serverProcess) memory(name string) int {
	s.t.Helper()
	n, ok := s.memoryIfAlive(name)
	if !ok {
		s.t.Fatalf("no %s: the server has ended", name)
	}
	return n
}

// memoryIfAlive is memory for a server that may have ended; ok is false then.
func (s *serverProcess) memoryIfAlive(name string) (n int, ok bool) {
	s.t.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		s.t.Skipf("SKIPPED: %v", err)
	}
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, false
	}
	m := regexp.MustCompile(name + `:\s*(\d+) kB`).FindSubmatch(text)
	if m == nil {
		return 0, false
	}
	if n, err = strconv.Atoi(string(m[1])); err != nil {
		s.t.Fatal(err)
	}
	return n, true
}

// churn opens connections and drops them in every state of their start.
func (s *serverProcess) churn() {
	s.t.Helper()
	connections := 3_000
	if soak() {
		connections = 10_000
	}
	for i := range connections {
		c, err := s.dial()
		if err != nil {
			s.t.Fatalf("connection %d: %v", i, err)
		}
		start := startMessage()
		c.Write(start[:i%(len(start)+1)])
		if i%2 == 0 {
			c.vanish()
		} else {
			c.Close()
		}
	}
}

// TestHostileClients: thousands of connections come and go in every bad manner, a message announces a gigabyte, clients ask for
// gigabytes and do not read them, others stop in the middle of a message. The server refuses what is too much before it has
// spent memory, serves others meanwhile, and has everything back in the end.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	conn := s.connect()
	answers := func() {
		t.Helper()
		var n int
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM rounds WHERE root IS NULL`).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	answers()
	descriptors, before := s.descriptors(), s.memory("VmRSS")
	s.churn()
	answers()
	var held []rawClient
	for i := range 20 {
		c, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
		c.Write(startMessage())
		if i%2 == 0 { // 100 GB that nobody reads
			c.Write(queryMessage("SELECT repeat('x', 1000000) FROM generate_series(1, 100000)", 0))
		} else { // a message without an end
			c.Write(queryMessage("SELECT 1", 1<<20))
		}
	}
	c, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := c.refusal(queryMessage("SELECT 1", 1<<30)); err != nil || !strings.Contains(answer, "invalid message length") {
		t.Errorf("a message of 1 GiB: %q, %v", answer, err)
	}
	answers()
	for _, c := range held {
		c.vanish()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); s.descriptors() > descriptors; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d descriptors at first, %d in the end", descriptors, s.descriptors())
		}
	}
	answers()
	if peak := s.memory("VmHWM"); peak > before+192<<10 {
		t.Errorf("%d KiB at first, %d at most", before, peak)
	}
	s.stop()
	if bytes.Contains([]byte(s.logged()), []byte("panic")) {
		t.Error(s.logged())
	}
}
