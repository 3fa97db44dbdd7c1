package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestAirGap runs the server, with all its listeners, and the main job in a network of its own that has nothing but the
// loopback device: it works, and the kernel counts not one attempt to reach anything else, nor a datagram to a resolver.
func TestAirGap(t *testing.T) {
	t.Parallel()
	const inside = "JURAT_AIR_GAP"
	if os.Getenv(inside) != "" {
		airGapped(t)
		return
	}
	for _, tool := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
	}
	apart := []string{"--net", "sh", "-c", `ip link set lo up && exec "$@"`, "sh"}
	if os.Getuid() != 0 {
		apart = append([]string{"--map-root-user"}, apart...)
	}
	if out, err := exec.Command("unshare", append(apart, "true")...).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no network of one's own is to be had here: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", append(apart, os.Args[0], "-test.run", "^TestAirGap$", "-test.v")...)
	cmd.Env = append(os.Environ(), inside+"=1", programPath+"="+program(t))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAirGap") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// airGapped is TestAirGap inside that network.
func airGapped(t *testing.T) {
	s := startServer(t, t.TempDir(), "--gateway-listen", "127.0.0.1:0", "--gateway-tcp-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	dir := t.TempDir()
	letter := dir + "/letter.pdf"
	if err := os.WriteFile(letter, []byte("Dear Sir or Madam"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"sign", "--server", s.url(), letter},
		{"verify", letter, "--certificate", s.dir + "/keys/calendar.crt"},
		{"publish", "--server", s.url()},
	} {
		if r := run(t, dir, args...); r.code != 0 {
			t.Errorf("%v: %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if installed(t, "psql") {
		if out := s.psql("SELECT count(*) FROM hashes;", "-At"); out != "1\n" {
			t.Errorf("psql: %q", out)
		}
	}
	s.stop()
	if n := outbound(t); n != 0 {
		t.Errorf("%d attempts to reach something outside", n)
	}

	// The counters do count.
	if conn, err := net.DialTimeout("tcp", "192.0.2.1:80", time.Second); err == nil {
		conn.Close()
		t.Fatal("this network has a way out")
	}
	if conn, err := net.Dial("udp", "127.0.0.53:53"); err == nil {
		fmt.Fprint(conn, "a question")
		conn.Close()
	}
	if n := outbound(t); n < 2 {
		t.Errorf("two attempts are counted as %d", n)
	}
}

// outbound returns how many packets of this network had no way to go, and how many datagrams were sent, to resolvers on the
// loopback device say: nothing of the project sends any.
func outbound(t *testing.T) int {
	t.Helper()
	n := 0
	for path, counters := range map[string][]string{
		"/proc/net/snmp": {"Ip:OutNoRoutes", "Udp:OutDatagrams"}, "/proc/net/snmp6": {"Ip6OutNoRoutes", "Udp6OutDatagrams"},
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		values := snmp(string(text))
		for _, c := range counters {
			v, ok := values[c]
			if !ok {
				t.Fatalf("%s has no %s", path, c)
			}
			n += v
		}
	}
	return n
}

// snmp reads the counters of /proc/net/snmp, whose lines come in pairs of names and values, and of /proc/net/snmp6.
func snmp(text string) map[string]int {
	values := make(map[string]int)
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) > 0 && !strings.HasSuffix(f[0], ":"):
			values[f[0]] = number(f[1])
		case len(names) == len(f) && names[0] == f[0]:
			for i := 1; i < len(f); i++ {
				values[f[0]+names[i]] = number(f[i])
			}
			names = nil
		default:
			names = f
		}
	}
	return values
}

func number(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}
