package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOperations runs the blocks of docs/operations.md as they stand, but for the place of the server, and demands that the page
// tells of every alert.
func TestOperations(t *testing.T) {
	requireClient(t, "psql")
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, t.TempDir())
	blocks := regexp.MustCompile("(?s)```(sql|sh)\n(.*?)```").FindAllStringSubmatch(strings.ReplaceAll(string(text), "\n   ", "\n"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		if b[1] == "sql" {
			if out := s.psql(b[2], "-v", "ON_ERROR_STOP=1", "-At"); out != "" {
				t.Errorf("%s\nprints\n%s", b[2], out)
			}
			continue
		}
		cmd := exec.Command("sh", "-eu", "-c", strings.ReplaceAll(b[2], "--data data", "--data "+s.dir+" --listen "+s.address))
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\nends with %v:\n%s", b[2], err, out)
		}
	}
	s.stop()
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
