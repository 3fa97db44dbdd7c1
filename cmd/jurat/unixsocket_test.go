package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/server"
)

// overSocket runs psql over the Unix socket in a directory.
func overSocket(dir, port, role string, statements ...string) string {
	args := []string{"-X", "-q", "-A", "-t", "-w", "-h", dir, "-p", port, "-U", role, "jurat"}
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	out, _ := exec.Command("psql", args...).CombinedOutput()
	return string(out)
}

// TestUnixSocket has psql and the program itself come by a Unix socket: without rules, after a crash, beside what has the socket's place, and
// after a stop.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "a +&=b")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data, "--socket-directory", dir)
	_, port, _ := net.SplitHostPort(s.address)
	const where = `SELECT coalesce(client_addr::text, 'none'), client_port FROM pg_stat_activity`
	if got := overSocket(dir, port, "jurat", "INSERT INTO hashes (digest) VALUES (sha256('a'))", "CREATE ROLE court", where); got != "none|-1\n" {
		t.Errorf("psql says %s", got)
	}
	expect(t, 0, "jurat", "role", "list", "--server", dir+":"+port)
	expect(t, exitError, "directory of its Unix socket", "role", "list", "--server", dir)
	found := diagnose(t, 0, "--data", data, "--listen", s.address, "--socket-directory", dir)
	expectFinding(t, found, "Unix socket", stateOK, "answers")
	if f, ok := found["socket directory"]; ok {
		t.Errorf("of a directory that only this account writes to: %+v", f)
	}

	second := []string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.2:" + port, "--socket-directory"}
	expect(t, exitError, "another server has the port", append(second, dir)...)
	s.kill()
	s = startServer(t, data, "--listen", s.address, "--socket-directory", dir)
	if got := overSocket(dir, port, "jurat", "SELECT count(*), (SELECT address FROM journal WHERE event = 'role') FROM hashes"); got != "1|[local]\n" {
		t.Errorf("after a crash: %s", got)
	}
	s.stop()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	found = diagnose(t, 0, "--data", data, "--listen", s.address, "--socket-directory", dir)
	expectFinding(t, found, "Unix socket", stateOK, "is free")
	expectFinding(t, found, "socket directory", stateWarn, "mode 0777")

	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	file := server.SocketPath(dir, number)
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for in, words := range map[string]string{dir: "another server has the port", filepath.Join(dir, "missing"): "is there already", dir + "/" + strings.Repeat("x", 100): "shorter"} {
		expect(t, exitError, words, append(second, in)...)
	}
	expectFinding(t, diagnose(t, exitFail, "--data", data, "--listen", s.address, "--socket-directory", dir), "Unix socket", stateFail, "address already in use")
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("what was in the socket's place: %q, %v", text, err)
	}
	if _, err := os.Stat(second[2]); err == nil {
		t.Error("a start that cannot listen has made a data directory")
	}
}

// TestPeer has rules for the Unix socket: the account that is named as a role needs no password, others do, and loopback is another matter.
func TestPeer(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	data, dir := t.TempDir(), t.TempDir()
	rules := fmt.Sprintf("local all %s,jurat peer\nlocal all +agency scram-sha-256\nhost all all 127.0.0.0/8 trust\n", me.Username)
	if err := os.WriteFile(filepath.Join(data, server.HBAFile), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, data, "--socket-directory", dir)
	_, port, _ := net.SplitHostPort(s.address)
	s.psql("CREATE ROLE " + me.Username + " LOGIN; CREATE ROLE canton LOGIN PASSWORD 'secret'; GRANT agency TO canton")
	for role, words := range map[string]string{me.Username: me.Username + "\n", "jurat": `FATAL:  Peer authentication failed for user "jurat"`,
		"canton": "no password supplied", "stranger": "no password supplied"} {
		if got := overSocket(dir, port, role, "SELECT current_user"); !strings.Contains(got, words) {
			t.Errorf("%s is told %s", role, got)
		}
	}
	expect(t, exitError, "(SQLSTATE 28000)\nRun the client as the account", "role", "list", "--server", dir+":"+port)
	if got := s.psql("SELECT type, user_name, address, auth_method FROM pg_hba_file_rules LIMIT 1", "-qAt"); got != "local|{"+me.Username+",jurat}||peer\n" {
		t.Errorf("the rule in force: %s", got)
	}
	s.stop()
	s = startServer(t, data)
	if !strings.Contains(s.logged(), "give --socket-directory") {
		t.Errorf("rules for a socket that there is not: %s", s.logged())
	}
}
