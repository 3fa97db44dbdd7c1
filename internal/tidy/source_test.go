package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxFunctionLines = 70
	maxFileLines     = 800
)

// long lists what is longer than the limits, with its length. A length here may only shrink.
var long = map[string]int{}

// banned are words with no place in the source, each with what to write instead. only limits a word to some files.
var banned = []struct {
	word    *regexp.Regexp
	only    func(path string) bool
	instead string
}{
	{regexp.MustCompile(`\btime\.(Now|Since|Until)\(`), notClock, "take the time from a clock that is passed in"},
	{regexp.MustCompile(`\btime\.Sleep\(`), anyFile, "wait for the event itself"},
	{regexp.MustCompile(`\blog\.(Fatal|Panic|Print)`), anyFile, "log through the *slog.Logger that is passed in, or return an error"},
	{regexp.MustCompile(`\bos\.Exit\(`), notMain, "return an error"},
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`), anyFile, "do it, or file an issue"},
	{regexp.MustCompile(`fmt\.Errorf\("[^%"]*"\)`), anyFile, "errors.New"},
	{regexp.MustCompile(`\batomic\.(Add|Load|Store|Swap|CompareAndSwap)[IUP]`), anyFile, "the types of sync/atomic"},
}

func anyFile(string) bool { return true }

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

func notClock(path string) bool {
	return !isTest(path) && path != "server/clock.go" && !folderIn("cmd", path) && !folderIn("bench", path) && path != "wire/clock.go"
}

func notMain(path string) bool {
	return path != "cmd/jurat/main.go" && path != "bench/peers/main.go" && path != "page/packer/main.go" && !isTest(path)
}

func TestSource(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && full != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(full, ".go") {
			return nil
		}
		path, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		files++
		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		checkFile(t, filepath.ToSlash(path), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("checked %d files only", files)
	}
	for name := range long {
		t.Errorf("%s is not too long any more: take it off the list", name)
	}
}

func checkFile(t *testing.T, path string, text []byte) {
	lines := strings.Split(string(text), "\n")
	checkLength(t, path, len(lines)-1, maxFileLines)
	for i, line := range lines {
		for _, b := range banned {
			if b.only(path) && path != "internal/tidy/source_test.go" && b.word.MatchString(line) {
				t.Errorf("%s:%d: %s: %s", path, i+1, b.word.FindString(line), b.instead)
			}
		}
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		t.Error(err)
		return
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1
			checkLength(t, path+" "+f.Name.Name, n, maxFunctionLines)
		}
		if !isTest(path) && !ast.IsGenerated(file) {
			checkDoc(t, set, d)
		}
	}
}

func checkLength(t *testing.T, name string, n, limit int) {
	was, listed := long[name]
	switch {
	case n <= limit:
		return
	case !listed:
		t.Errorf("%s has %d lines, %d are allowed", name, n, limit)
	case n > was:
		t.Errorf("%s has %d lines, it had %d and may only shrink", name, n, was)
	case n < was:
		t.Errorf("%s has %d lines: lower its entry of %d", name, n, was)
	}
	delete(long, name)
}

// checkDoc demands a comment on every public identifier that others can see.
func checkDoc(t *testing.T, set *token.FileSet, d ast.Decl) {
	missing := func(name *ast.Ident) { t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name) }
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d.Recv)) && !standardMethod(d.Name.Name) {
			missing(d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					missing(s.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						missing(n)
					}
				}
			}
		}
	}
}

// standardMethod reports methods whose name says it all.
func standardMethod(name string) bool {
	switch name {
	case "Error", "String", "Unwrap", "Close", "Len", "Less", "Swap":
		return true
	}
	return false
}

func exportedReceiver(r *ast.FieldList) bool {
	x := r.List[0].Type
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	if index, ok := x.(*ast.IndexExpr); ok {
		x = index.X
	}
	name, ok := x.(*ast.Ident)
	return !ok || name.IsExported()
}
