package parse

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// captured returns what clients send, per file the query strings in their order, or skips the test. They are data of others.
func captured(t testing.TB) map[string][]string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(require.TestData(t, "client-sql"), "*.sql")) // the pattern is in order
	all := make(map[string][]string)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range strings.Split(string(text), "\n;;") {
			if sql = strings.Trim(sql, "\n"); sql != "" {
				all[filepath.Base(name)] = append(all[filepath.Base(name)], sql)
			}
		}
	}
	return all
}

// notSQL are the recorded query strings that Postgres refuses too, or that were not recorded whole, by their start or
// end.
var notSQL = []struct{ start, end, message string }{
	{"selekt 1;", "", `syntax error at or near "selekt"`},                     // typed wrong on purpose
	{"SELECT proof FROM", "= ?", "syntax error at end of input"},              // a driver leaves its placeholder in
	{"select null as type_cat", " bytes)", `syntax error at or near "bytes"`}, // cut by the recorder
}

// refused tells whether sql is one of notSQL and is refused as it should be.
func refused(sql string, err error) bool {
	for _, n := range notSQL {
		if e, ok := err.(*Error); ok && strings.HasPrefix(sql, n.start) && strings.HasSuffix(sql, n.end) {
			return e.Code == CodeSyntax && e.Message == n.message
		}
	}
	return false
}

// TestCaptured shows that everything clients send is understood, and that what is printed means the same.
func TestCaptured(t *testing.T) {
	total := 0
	for file, list := range captured(t) {
		for _, sql := range list {
			total++
			_, err := Parse(sql)
			if refused(sql, err) {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", file, err, sql)
				continue
			}
			if diff := fixpoint(sql); diff != "" {
				t.Errorf("%s: %s", file, diff)
			}
		}
	}
	t.Logf("%d query strings", total)
	if total < 900 {
		t.Errorf("only %d query strings", total)
	}
}

// fixpoint checks that each statement of sql, printed and parsed again, is the same tree, and prints the same. It
// returns what is wrong.
func fixpoint(sql string) string {
	list, err := Parse(sql)
	if err != nil {
		return ""
	}
	for _, s := range list {
		text := s.String()
		again, err := Parse(text)
		if e, ok := err.(*Error); ok && e.Code == CodeTooComplex {
			continue // parentheses made it deeper
		}
		if err != nil || len(again) != 1 {
			return "printed text does not parse: " + text + "\n" + s.Text
		}
		if second := again[0].String(); second != text {
			return "printed text changes:\n" + text + "\n" + second + "\n" + s.Text
		}
		strip(reflect.ValueOf(s.Stmt))
		strip(reflect.ValueOf(again[0].Stmt))
		if _, other := s.Stmt.(*Other); !other && !reflect.DeepEqual(s.Stmt, again[0].Stmt) {
			return "printed text means something else:\n" + text + "\n" + s.Text
		}
	}
	return ""
}

var locType = reflect.TypeOf(Loc(0))

// strip removes the places from a tree.
func strip(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			strip(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			strip(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.Type() == locType && f.CanSet() {
				f.SetInt(0)
			} else {
				strip(f)
			}
		}
	}
}
