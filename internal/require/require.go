// Package require says in tests which programs of others they drive. A test that misses one is skipped, and says so, unless
// JURAT_REQUIRE_CLIENTS, a list with commas, names the program: then it fails.
package require

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Program ends the test unless a program is found in the path.
func Program(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		Missing(t, name, err.Error())
	}
}

// Missing ends the test for want of something, and says why it is not there.
func Missing(t testing.TB, name, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("JURAT_REQUIRE_CLIENTS"), ","), name) {
		t.Fatalf("%s is not installed: %s", name, why)
	}
	t.Skipf("SKIPPED: %s is not installed: %s", name, why)
}
