package require

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestData returns the path of a file or directory of the test data of others, which is not in the tree: JURAT_TESTDATA names
// its directory, by default "shared" beside that of the project. It ends the test where there is none.
func TestData(t testing.TB, elem ...string) string {
	t.Helper()
	path, err := FindTestData(elem...)
	if err != nil {
		t.Skipf("SKIPPED, DATA OF OTHERS NOT TESTED: %v (set JURAT_TESTDATA)", err)
	}
	return path
}

// FindTestData is TestData for who can do without.
func FindTestData(elem ...string) (string, error) {
	dir := os.Getenv("JURAT_TESTDATA")
	if dir == "" {
		root, err := projectRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "..", "shared")
	}
	path := filepath.Join(dir, filepath.Join(elem...))
	_, err := os.Stat(path)
	return path, err
}

// projectRoot returns the directory of the module that the test belongs to.
func projectRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod in %s or above", start)
		}
		dir = up
	}
}
