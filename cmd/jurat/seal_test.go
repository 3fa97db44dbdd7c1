package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// TestSealPage runs the blocks of docs/seal.md as they stand, but for the port.
func TestSealPage(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	_, port, _ := strings.Cut(s.address, ":")
	blocks := codeBlocks(t, "../../docs/seal.md")
	if len(blocks) != 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		commands := strings.ReplaceAll(b.text, "-p 5433", "-p "+port)
		if b.language == "sql" {
			if out := s.psql(commands, "-v", "ON_ERROR_STOP=1"); !strings.Contains(out, "INSERT 0 ") {
				t.Errorf("%s\nprints\n%s", commands, out)
			}
			continue
		}
		out, err := shell(t, t.TempDir(), s, commands)
		if err != nil || strings.Count(string(out), "VALID: This document is genuine: jurat had it sealed by jurat at") != 2 {
			t.Errorf("%s\nends with %v:\n%s", commands, err, out)
		}
	}
	s.stop()
}

// TestCantonExample runs the example as it stands: the seal is scanned from the printed page where a scanner is installed.
func TestCantonExample(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	script, err := filepath.Abs("../../examples/canton/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell(t, t.TempDir(), s, script+" \"$HOME/out\"")
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, want := range []string{"VALID: This document is genuine: canton had it sealed", "  number: 2026-004711\n", "REVOKED: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	s.stop()
}

// TestSealOver seals what does not hold any more: allowed, since a seal may be made again by its salt, but not in silence.
func TestSealOver(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	dir := t.TempDir()
	for date, warned := range map[string]bool{"2020-01-31": true, "2199-12-31": false} {
		r := run(t, dir, "seal", "--server", s.url(), "--fields", "../../examples/canton/extract.json", "--not-after", date)
		if r.code != 0 || strings.Contains(r.stderr, "Warning: --not-after "+date+"T23:59:59Z is in the past") != warned {
			t.Errorf("%s: %d %s", date, r.code, r.stderr)
		}
	}
	s.stop()
}

// TestSealedDocument puts a seal onto a document, prints it and scans it again.
func TestSealedDocument(t *testing.T) {
	t.Parallel()
	require.Program(t, "pdftoppm")
	require.Program(t, "zbarimg")
	s := startServer(t, t.TempDir())
	dir := t.TempDir()
	const extract = "../../examples/canton/extract"
	place := []string{"--pdf", extract + ".pdf", "--at", "120,20", "--width", "60", "--page", "-1", "--out", dir + "/sealed.pdf"}
	made := run(t, dir, append([]string{"seal", "--server", s.url(), "--fields", extract + ".json"}, place...)...)
	if made.code != 0 {
		t.Fatalf("%d: %s", made.code, made.stderr)
	}
	text, err := shell(t, dir, s, "pdftoppm -r 200 -gray -singlefile sealed.pdf scan && zbarimg --quiet --nodbus --raw --oneshot scan.pgm")
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	scanned, err := seal.Parse(strings.TrimSuffix(string(text), "\n"))
	if err != nil || !strings.Contains(made.stderr, scanned.CheckString()) {
		t.Errorf("the scanned seal is another: %v, %s%s", err, made.stderr, text)
	}
	if err := os.WriteFile(dir+"/seal.txt", text, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"outside it":               {"--pdf", extract + ".pdf", "--at", "190,20", "--out", dir + "/x.pdf"},
		"want millimetres":         {"--pdf", extract + ".pdf", "--at", "here", "--out", dir + "/x.pdf"},
		"give a PDF document with": {"--pdf", extract + ".pdf", "--at", "10,10", "--out", dir + "/x.png"},
		"page 2 of 1":              {"--pdf", extract + ".pdf", "--at", "10,10", "--page", "2", "--out", dir + "/x.pdf"},
		"not a PDF document":       {"--pdf", extract + ".json", "--at", "10,10", "--out", dir + "/x.pdf"},
	} {
		if r := run(t, dir, append([]string{"qr", dir + "/seal.txt", "--width", "60"}, args...)...); r.code != 3 || !strings.Contains(r.stderr, want) {
			t.Errorf("%v ends with %d: %s", args, r.code, r.stderr)
		}
	}
	s.stop()
}

// writeAll writes files into a folder.
func writeAll(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSeal makes a seal and verifies it, alters it, revokes it, and says what is wrong with what cannot be sealed.
func TestSeal(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	writeAll(t, dir, map[string]string{"extract.json": `{"name": "Marie Dupont", "debts": 2}`, "bad.json": `{"total": 1240.50}`,
		"long.json": `{"text": "` + strings.Repeat("x", 1100) + `"}`})
	expect := func(code int, want string, args ...string) result {
		t.Helper()
		r := run(t, dir, args...)
		if r.code != code || !strings.Contains(r.stdout+r.stderr, want) {
			t.Fatalf("jurat %s\nends with %d:\n%s%s, want %d and %q", strings.Join(args, " "), r.code, r.stdout, r.stderr, code, want)
		}
		return r
	}
	with := func(args ...string) []string { return append(args, "--server", s.url()) }
	expect(3, `write it as text, "1240.50"`, with("seal", "--fields", path("bad.json"))...)
	expect(3, "shorten the fields", with("seal", "--fields", path("long.json"))...)
	made := expect(0, "Check string", with("seal", "--fields", path("extract.json"), "--not-after", "2036-12-31", "--profile", "immediate")...)
	text := strings.TrimSuffix(made.stdout, "\n")
	salt := regexp.MustCompile(`salt ([0-9a-f]{32})`).FindStringSubmatch(made.stderr)[1]
	again := expect(0, salt, with("seal", "--fields", path("extract.json"), "--not-after", "2036-12-31", "--profile", "immediate", "--salt", salt)...)
	if again.stdout != made.stdout {
		t.Errorf("the same seal is another now: %s", again.stdout)
	}
	if err := os.WriteFile(path("seal.txt"), []byte(made.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(3, "say with --out", with("seal", "--fields", path("extract.json"), "--out", path("seal.gif"))...)
	expect(0, salt, with("seal", "--fields", path("extract.json"), "--not-after", "2036-12-31", "--profile", "immediate", "--salt", salt,
		"--out", path("drawn.svg"), "--width", "60")...)
	expect(0, "", "qr", path("seal.txt"), "--out", path("code.svg"), "--width", "60")
	drawn, _ := os.ReadFile(path("drawn.svg"))
	if code, err := os.ReadFile(path("code.svg")); err != nil || string(code) != string(drawn) {
		t.Errorf("the drawn seal is not the code of its text: %v", err)
	}
	expect(2, "UNKNOWN KEY", "verify-seal", text)
	certificate := path("calendar.crt")
	if err := os.WriteFile(certificate, []byte(s.psql("SELECT pem FROM calendar_certificates", "-At")), 0o644); err != nil {
		t.Fatal(err)
	}
	expect(0, "  name: Marie Dupont", "verify-seal", text, "--certificate", certificate)
	expect(1, "EXPIRED", "verify-seal", text, "--certificate", certificate, "--at", "2037-01-01")
	expect(1, "UNREADABLE", "verify-seal", text[:100], "--certificate", certificate)
	parsed, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	altered := *parsed
	if altered.Fields, err = seal.FieldsFromJSON([]byte(`{"name": "Marie Dupont", "debts": 0}`)); err != nil {
		t.Fatal(err)
	}
	expect(1, "ALTERED", "verify-seal", altered.Text(), "--certificate", certificate)

	expect(2, "UNKNOWN KEY", "verify-seal", text, "--publication", strings.Fields(expect(0, "", with("publish")...).stdout)[1])
	other := expect(0, "Check string", with("seal", "--fields", path("extract.json"), "--profile", "immediate")...)

	conn := s.connect()
	defer conn.Close(t.Context())
	leaf := parsed.Leaf()
	const revoke = `INSERT INTO hashes (digest, lane) VALUES (seal_status($1, 'revoked'), 'status') RETURNING length(signature)`
	if err := conn.QueryRow(t.Context(), revoke, leaf[:]).Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	expect(0, "Wrote", with("export", "--agency", "jurat", "--lane", "status", "--to", path("status.bundle"))...)
	expect(0, "the newest entry of the status list", "verify-seal", strings.TrimSpace(other.stdout), "--certificate", certificate, "--status", path("status.bundle"))
	expect(1, "REVOKED", "verify-seal", text, "--certificate", certificate, "--status", path("status.bundle"))
	s.stop()
}

// TestVerifySeal verifies the vectors of package seal by the files that are kept beside them.
func TestVerifySeal(t *testing.T) {
	const dir = "../../merkle/seal/testdata/"
	data, err := os.ReadFile(dir + "vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Publication string
		Vectors     []struct {
			Name, Text, Landmarks, Certificate, Detail, Status, At string
			Publication                                            bool
			Verdict                                                seal.Verdict
		}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	for i, v := range all.Vectors {
		if i%3 != 0 && v.Status == "" { // each run starts the program
			continue
		}
		args := []string{"verify-seal", "--json"}
		for _, f := range [][2]string{{"--landmarks", v.Landmarks}, {"--certificate", v.Certificate}, {"--detail", v.Detail}, {"--status", v.Status}} {
			if f[1] != "" {
				args = append(args, f[0], dir+f[1])
			}
		}
		if v.Publication {
			args = append(args, "--publication", all.Publication)
		}
		if v.At == "" {
			v.At = "2026-11-22T01:45:00Z"
		}
		path := filepath.Join(home, "seal.txt")
		if err := os.WriteFile(path, []byte(v.Text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := run(t, home, append(args, "--at", v.At, path)...)
		var report struct{ Verdict seal.Verdict }
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
			t.Fatalf("%s: %v: %s%s", v.Name, err, r.stdout, r.stderr)
		}
		if report.Verdict != v.Verdict {
			t.Errorf("%s: %s, want %s", v.Name, report.Verdict, v.Verdict)
		}
	}
	r := run(t, home, "verify-seal", "--landmarks", dir+"detail.bin", dir+"vectors.json")
	if r.code != 3 || !strings.Contains(r.stderr, landmark.ErrFormat.Error()) {
		t.Errorf("a detail for landmarks: %d %s", r.code, r.stderr)
	}
}
