package parse

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the results of this run as the expected ones")

// A goldenCase is a query string and what comes of it: the statements as they print, or the error.
type goldenCase struct {
	sql, want string
}

// goldenFiles returns the cases of testdata by file: query string, a line of four dashes, result, empty line.
func goldenFiles(t testing.TB) map[string][]goldenCase {
	t.Helper()
	names, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]goldenCase)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) || filepath.Base(name) == "fuzz" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(strings.TrimSuffix(string(text), "\n\n"), "\n\n") {
			sql, want, ok := strings.Cut(part+"\n", "\n----\n")
			if !ok {
				t.Fatalf("%s: case %d has no result: %s", name, i, part)
			}
			files[name] = append(files[name], goldenCase{sql, strings.TrimSuffix(want, "\n")})
		}
	}
	return files
}

// describe parses sql and tells what came of it.
func describe(sql string) string {
	var lines []string
	list, err := Parse(sql)
	if e, ok := err.(*Error); ok {
		lines = append(lines, fmt.Sprintf("error %s at %d: %s", e.Code, CharPos(sql, e.Pos), e.Message))
		if e.Detail != "" {
			lines = append(lines, "detail: "+e.Detail)
		}
		if e.Hint != "" {
			lines = append(lines, "hint: "+e.Hint)
		}
	}
	for _, s := range list {
		for _, n := range s.Notices {
			lines = append(lines, fmt.Sprintf("notice %s at %d: %s", n.Code, CharPos(sql, n.Pos), n.Message))
		}
		text := s.String()
		if o, ok := s.Stmt.(*Other); ok {
			text = o.Command
			for _, n := range o.Objects {
				text += " | " + n.String()
			}
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// TestGolden compares the results of the statements in testdata with those kept there.
func TestGolden(t *testing.T) {
	cases := 0
	for name, list := range goldenFiles(t) {
		var b strings.Builder
		for _, c := range list {
			cases++
			got := describe(c.sql)
			fmt.Fprintf(&b, "%s\n----\n", c.sql)
			if got != "" {
				b.WriteString(got + "\n")
			}
			b.WriteString("\n")
			if got != c.want && !*rewrite {
				t.Errorf("%s: %s\ngot:  %s\nwant: %s", name, c.sql, got, c.want)
			}
			if diff := fixpoint(c.sql); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if *rewrite {
			if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cases < 800 {
		t.Errorf("only %d cases", cases)
	}
}
