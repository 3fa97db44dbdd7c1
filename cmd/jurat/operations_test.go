package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// TestOperations runs the blocks of docs/operations.md as they stand, but for the place of the server, and demands that the page
// tells of every alert.
func TestOperations(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, t.TempDir())
	blocks := codeBlocks(t, "../../docs/operations.md")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		if b.language == "sql" {
			if out := s.psql(b.text, "-v", "ON_ERROR_STOP=1", "-At"); out != "" {
				t.Errorf("%s\nprints\n%s", b.text, out)
			}
			continue
		}
		commands := strings.ReplaceAll(b.text, "--data /var/lib/jurat", "--data "+s.dir+" --listen "+s.address)
		if out, err := shell(t, t.TempDir(), s, commands); err != nil {
			t.Errorf("%s\nends with %v:\n%s", b.text, err, out)
		}
	}
	s.stop()
	for _, file := range regexp.MustCompile(`/usr/share/doc/jurat/(examples/\S+/)([\w.]+\.\w+)`).FindAllStringSubmatch(string(text), -1) {
		line := regexp.MustCompile(`(?m)^ +install -D .*-t /usr/share/doc/jurat/` + strings.TrimSuffix(file[1], "/") + ` .*` + file[1] + file[2])
		if _, err := os.Stat("../../" + file[1] + file[2]); err != nil || !line.Match(text) {
			t.Errorf("nothing installs %s from the tarball: %v", file[0], err)
		}
	}
	alerts, err := os.ReadFile("../../examples/ops/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(alerts), -1) {
		if !regexp.MustCompile(`\| [\w, ]*\b` + alert[1] + `\b`).Match(text) {
			t.Errorf("the page does not say what to do about %s", alert[1])
		}
	}
}
