package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

// diagnose runs jurat doctor and returns its findings by their checks.
func diagnose(t *testing.T, code int, args ...string) map[string]finding {
	t.Helper()
	r := run(t, t.TempDir(), append([]string{"doctor", "--json"}, args...)...)
	var list []finding
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || r.code != code {
		t.Fatalf("%v, exit code %d, want %d: %s%s", err, r.code, code, r.stdout, r.stderr)
	}
	found := make(map[string]finding)
	for _, f := range list {
		if f.State != stateOK && f.Advice == "" {
			t.Errorf("%+v says not what to do", f)
		}
		found[f.Check] = f
	}
	return found
}

func expectFinding(t *testing.T, found map[string]finding, check, state, words string) {
	t.Helper()
	if f := found[check]; f.State != state || !strings.Contains(f.Found+f.Advice, words) {
		t.Errorf("%s: %+v, want %s and %q", check, f, state, words)
	}
}

// TestDoctor breaks a data directory in the ways that the doctor knows.
func TestDoctor(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	expectFinding(t, diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:0"), "data directory", stateWarn, "does not exist")

	s := startServer(t, dir)
	found := diagnose(t, 0, "--data", dir, "--listen", s.address)
	expectFinding(t, found, "ledger", stateOK, "a server has it open")
	expectFinding(t, found, "port", stateOK, "answers")
	expectFinding(t, found, "calendar key", stateOK, "0600")
	expectFinding(t, found, "calendar certificate", stateOK, "ends")
	expectFinding(t, found, "root key", stateWarn, "move it")
	expectFinding(t, diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:1"), "port", stateWarn, "--listen")
	s.stop()

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	key, certificate := filepath.Join(dir, "keys", "calendar.key"), filepath.Join(dir, "keys", "publications.crt")
	for _, err := range []error{os.Chmod(key, 0o640), os.Chmod(dir, 0o755), os.WriteFile(certificate, []byte("no PEM"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found = diagnose(t, exitFail, "--data", dir, "--listen", taken.Addr().String())
	expectFinding(t, found, "ledger", stateOK, "0 digests")
	expectFinding(t, found, "port", stateFail, "choose another")
	expectFinding(t, found, "calendar key", stateFail, "chmod 600")
	expectFinding(t, found, "publications certificate", stateFail, "not PEM")
	expectFinding(t, found, "data directory", stateWarn, "chmod 700")
	for _, check := range []string{"disk space", "disk sync", "clock", "open files", "memory", "large pages", "processors"} {
		if found[check].Found == "" {
			t.Errorf("%s is not checked", check)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".doctor-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	r := run(t, dir, "doctor", "--data", dir, "--listen", taken.Addr().String())
	if r.code != exitFail || !strings.Contains(r.stdout, "FAIL  calendar key: ") || !strings.Contains(r.stdout, "OK    ledger: ") {
		t.Errorf("%d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// TestDoctorKeys: keys with which no server starts are found, although each is a key.
func TestDoctorKeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	startServer(t, dir).stop()
	key, other := filepath.Join(dir, "keys", "calendar.key"), filepath.Join(dir, "keys", "publications.key")
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	do(os.WriteFile(key, foreign, 0o600))
	expectFinding(t, diagnose(t, exitFail, "--data", dir, "--listen", "127.0.0.1:0"), "keys and ledger", stateFail, "one backup")
	do(os.WriteFile(key, good, 0o600), os.WriteFile(filepath.Join(dir, "keys", "calendar-01234567.key"), good, 0o600))
	diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:0")
	rules := filepath.Join(dir, server.HBAFile)
	do(os.WriteFile(rules, []byte("host all all all scram-sha-256\n"), 0o600))
	expectFinding(t, diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:0"), "login rules", stateOK, "1")
	do(os.WriteFile(rules, []byte("host all all everywhere scram-sha-256\n"), 0o600))
	expectFinding(t, diagnose(t, exitFail, "--data", dir, "--listen", "127.0.0.1:0"), "login rules", stateFail, "everywhere")
	do(os.Remove(rules))
	expectFinding(t, diagnose(t, exitFail, "--data", dir, "--listen", "127.0.0.1:0", "--hba", rules), "login rules", stateFail, "no such file")
	do(os.Rename(filepath.Join(dir, "store"), filepath.Join(dir, "away")))
	expectFinding(t, diagnose(t, exitFail, "--data", dir, "--listen", "127.0.0.1:0"), "ledger", stateFail, "is a disk not mounted")
}

// TestDoctorClockAhead: a first start with a clock that was a year ahead is found when it is right again.
func TestDoctorClockAhead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	startServer(t, dir).stop()
	d := doctor{now: func() time.Time { return time.Now().AddDate(-1, 0, 0) }}
	d.config.DataDir = dir
	d.checkLedger()
	names := []string{"calendar", "publications", "root"}
	for _, name := range names {
		d.checkCertificate(name)
	}
	found := make(map[string]finding)
	for _, f := range d.findings {
		found[f.Check] = f
	}
	expectFinding(t, found, "ledger", stateFail, "days ahead")
	for _, name := range names {
		expectFinding(t, found, name+" certificate", stateFail, "not valid before")
	}
}

// TestDoctorCutOff: a first start that was cut off before it had made keys is no fault.
func TestDoctorCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	genesis := storage.Genesis{Server: "jurat", First: calendar.RoundOf(time.Now())}
	s, err := storage.Create(filepath.Join(dir, server.StoreDir), genesis, storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = errors.Join(s.Close(), os.Chmod(dir, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	found := diagnose(t, 0, "--data", dir, "--listen", "127.0.0.1:0")
	expectFinding(t, found, "ledger", stateOK, "cut off")
	expectFinding(t, found, "calendar key", stateOK, "first start")
}

// TestDoctorTLS shows the doctor certificates for TLS, good ones and those with which clients stay away or no server starts.
func TestDoctorTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	now := time.Now()
	made := func(name string, from, to time.Time, hosts ...string) {
		c := &x509.Certificate{NotBefore: from, NotAfter: to, DNSNames: hosts}
		issue(t, path(name), c, c, nil)
	}
	made("good", now.Add(-time.Hour), now.AddDate(1, 0, 0), "ledger.example")
	made("short", now.Add(-time.Hour), now.AddDate(0, 0, 13), "ledger.example")
	made("over", now.AddDate(0, 0, -9), now.Add(-time.Hour), "ledger.example")
	made("early", now.AddDate(0, 0, 1), now.AddDate(1, 0, 0), "ledger.example")
	made("nameless", now.Add(-time.Hour), now.AddDate(1, 0, 0))
	made("open", now.Add(-time.Hour), now.AddDate(1, 0, 0), "ledger.example")
	if err := os.Chmod(path("open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cert, key, ca string
		state, words  string
	}{
		{"good.crt", "good.key", "", stateOK, "ledger.example"},
		{"good.crt", "good.key", "good.crt", stateOK, "in 36"},
		{"short.crt", "short.key", "", stateWarn, "in 12 days"},
		{"over.crt", "over.key", "", stateFail, "stay away"},
		{"early.crt", "early.key", "", stateFail, "clock"},
		{"nameless.crt", "nameless.key", "", stateWarn, "verify-full"},
		{"open.crt", "open.key", "", stateWarn, "chmod 600"},
		{"good.crt", "short.key", "", stateFail, "its own key"},
		{"none.crt", "good.key", "", stateFail, "none.crt"},
		{"good.crt", "good.key", "good.key", stateFail, "no certificate"},
		{"", "", "good.crt", stateFail, "--tls-cert"},
	} {
		d := doctor{now: time.Now}
		for file, name := range map[*string]string{&d.config.TLSCert: c.cert, &d.config.TLSKey: c.key, &d.config.TLSClientCA: c.ca} {
			if name != "" {
				*file = path(name)
			}
		}
		d.checkTLS()
		if len(d.findings) != 1 {
			t.Fatalf("%+v: %d findings", c, len(d.findings))
		}
		f := d.findings[0]
		if f.State != c.state || !strings.Contains(f.Found+f.Advice, c.words) || (f.Advice == "") != (c.state == stateOK) {
			t.Errorf("%+v: %+v", c, f)
		}
	}
	if r := run(t, dir, "doctor", "--tls-cert", path("good.crt")); r.code == 0 || !strings.Contains(r.stderr, "tls-key") {
		t.Errorf("a certificate without a key: exit code %d: %s", r.code, r.stderr)
	}
}

// startToRead starts a server, which the test's end kills, and returns its log to be read while it starts.
func startToRead(t *testing.T, dir string) io.Reader {
	t.Helper()
	cmd := exec.Command(program(t), "serve", "--data", dir, "--listen", "127.0.0.1:0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return log
}

// TestDoctorInFirstStart: the doctor waits for the keys that a first start is making.
func TestDoctorInFirstStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	lines := bufio.NewScanner(startToRead(t, dir))
	for lines.Scan() && !strings.Contains(lines.Text(), `msg="new ledger"`) {
	}
	d := doctor{config: server.Config{DataDir: dir}, now: time.Now}
	d.checkLedger()
	d.checkKeys()
	for _, f := range d.findings {
		if f.State == stateFail {
			t.Errorf("%+v", f)
		}
	}
	if !d.running {
		t.Error("no server was there")
	}
}

// TestDoctorBesideStart has the doctor and a starting server meet: the doctor sees the ledger before the server opens it and the port after,
// and the server waits while the doctor has the store open.
func TestDoctorBesideStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	d := doctor{config: server.Config{DataDir: dir}, now: time.Now}
	d.checkLedger()
	s := startServer(t, dir)
	d.listen = s.address
	d.checkPort()
	for _, f := range d.findings {
		if f.State != stateOK {
			t.Errorf("%+v", f)
		}
	}
	s.stop()

	looking, err := storage.Open(filepath.Join(dir, server.StoreDir), storage.Options{ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ready := false
	for lines := bufio.NewScanner(startToRead(t, dir)); !ready && lines.Scan(); {
		if strings.Contains(lines.Text(), "another process has the store open") {
			if err := looking.Close(); err != nil {
				t.Fatal(err)
			}
		}
		ready = strings.Contains(lines.Text(), "msg=ready")
	}
	if !ready {
		t.Error("the server did not wait")
	}
}

// TestManual writes the manual pages and has man read them where it is installed.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	groff := installed(t, "groff")
	if r := run(t, dir, "manual", "--dir", dir, "--date", "2026-11-22"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	for page, words := range map[string]string{
		"jurat.1": "jurat\\-serve", "jurat-serve.1": "\\-\\-max\\-clock\\-jump", "jurat-doctor.1": "Exit code", "jurat-role-ksi-key.1": "role",
	} {
		path := filepath.Join(dir, page)
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), words) {
			t.Errorf("%s: %v, %q is not in it", page, err, words)
		}
		if !groff {
			continue
		}
		if out, err := exec.Command("groff", "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", page, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "jurat-manual.1")); err == nil {
		t.Error("a hidden command has a page")
	}
}

// TestOpsExamples has the programs that read examples/ops read them.
func TestOpsExamples(t *testing.T) {
	const dir = "../../examples/ops/"
	text, err := os.ReadFile(dir + "dashboard.json")
	if err != nil || !json.Valid(text) {
		t.Errorf("dashboard: %v", err)
	}
	documented, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := os.ReadFile(dir + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range metricNames(string(text) + string(alerts)) {
		if !strings.Contains(string(documented), "| `"+name+"` |") {
			t.Errorf("there is no metric %s", name)
		}
	}
	t.Run("promtool", func(t *testing.T) {
		require.Program(t, "promtool")
		for _, args := range [][]string{{"check", "rules", dir + "alerts.yml"}, {"test", "rules", dir + "alerts_test.yml"}} {
			if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
				t.Errorf("promtool %v: %v: %s", args, err, out)
			}
		}
	})
	t.Run("systemd", func(t *testing.T) {
		require.Program(t, "systemd-analyze")
		checkUnits(t, dir)
	})
}

// metricNames returns the names of Jurat's metrics in a text, without the suffixes of histograms.
func metricNames(text string) (names []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		if strings.HasPrefix(word, "jurat_") {
			names = append(names, strings.TrimSuffix(word, "_bucket"))
		}
	}
	return names
}

// checkUnits has systemd check the units, with the program where this test has it, and rate what they shut off.
func checkUnits(t *testing.T, dir string) {
	units := t.TempDir()
	for _, name := range []string{"jurat.service", "jurat.socket"} {
		text, err := os.ReadFile(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		unit := strings.NewReplacer("/usr/bin/jurat", program(t), "User=jurat", "User=root", "Group=jurat", "Group=root").Replace(string(text))
		if err := os.WriteFile(filepath.Join(units, name), []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	service := filepath.Join(units, "jurat.service")
	text, err := os.ReadFile(service)
	if head, _, _ := strings.Cut(string(text), "[Service]"); err != nil || !strings.Contains(head, "\nStartLimitIntervalSec=0\n") {
		t.Errorf("systemd gives a server up that ends again and again: %v", err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", service, filepath.Join(units, "jurat.socket")).CombinedOutput(); err != nil || strings.Contains(string(out), units) {
		t.Errorf("verify: %v: %s", err, out)
	}
	// 0 is a service that can do nothing, 10 one that can do everything.
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", service).CombinedOutput(); err != nil {
		t.Errorf("security: %v: %s", err, out)
	}
}

// TestSBOM demands that the bill of materials names what go.mod does of what is linked in, and is the same every time.
func TestSBOM(t *testing.T) {
	first, again := run(t, t.TempDir(), "sbom"), run(t, t.TempDir(), "sbom", program(t))
	if first.code != 0 || first.stdout != again.stdout {
		t.Errorf("%d: %s", first.code, first.stderr)
	}
	var b bom
	if err := json.Unmarshal([]byte(first.stdout), &b); err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]string)
	for _, c := range b.Components {
		versions[c.Name] = c.Version
	}
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"github.com/cockroachdb/pebble/v2", "github.com/spf13/cobra", "github.com/prometheus/client_golang"} {
		if versions[name] == "" || !strings.Contains(string(text), name+" "+versions[name]) {
			t.Errorf("%s %q", name, versions[name])
		}
	}
	if versions["std"] == "" || b.Metadata.Component.Hashes == nil {
		t.Errorf("%+v", b.Metadata)
	}
}

// TestDiskSpace: the doctor calls a disk full where the server does, and warns before.
func TestDiskSpace(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, c := range []struct {
		free, size, reserve uint64
		state               string
	}{
		{255 * mib, 8 * gib, 256 * mib, stateFail},
		{256 * mib, 8 * gib, 256 * mib, stateWarn},
		{1023 * mib, 8 * gib, 256 * mib, stateWarn},
		{gib, 8 * gib, 256 * mib, stateOK},
		{9 * gib, 100 * gib, 256 * mib, stateWarn},
		{10 * gib, 100 * gib, 256 * mib, stateOK},
		{3 * gib, 8 * gib, 4 * gib, stateFail},
		{16 * mib, gib, 0, stateWarn},
	} {
		d := doctor{config: server.Config{DiskReserve: c.reserve}}
		d.addDisk("disk space", host.Disk{Free: c.free, Size: c.size})
		if got := d.findings[0]; got.State != c.state || c.state != stateOK && !strings.Contains(got.Advice, fmt.Sprintf("%d MiB", c.reserve/mib)) {
			t.Errorf("%d of %d MiB free, %d reserved: %+v, want %s", c.free/mib, c.size/mib, c.reserve/mib, got, c.state)
		}
	}
	if r := run(t, t.TempDir(), "doctor", "--data", t.TempDir(), "--disk-reserve", fmt.Sprint(uint64(1)<<60)); r.code != exitFail || !strings.Contains(r.stdout, "--disk-reserve") {
		t.Errorf("with a reserve that no disk has: %d: %s", r.code, r.stdout)
	}
}
