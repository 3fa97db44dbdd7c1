package merkletest

import (
	"os"
	"strings"
	"testing"
)

// Manual demands that a page of the documentation shows a worked example as it is; with rewrite it writes the example into the page.
func Manual(t *testing.T, path, example string, rewrite bool) {
	t.Helper()
	const from, to = "<!-- example -->\n", "<!-- end of example -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), from)
	was, after, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the example")
	}
	if rewrite {
		if err := os.WriteFile(path, []byte(before+from+example+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was != example {
		t.Errorf("the example is another (-rewrite updates it):\n%s", example)
	}
}
