package query_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/query/value"
)

var rewrite = flag.Bool("rewrite", false, "write the golden outputs anew")

// start is when the ledgers of the tests begin.
var start = time.Date(2026, 11, 22, 1, 15, 29, 250_000_000, time.UTC)

// world is a ledger with an engine and the sessions of a test.
type world struct {
	ledger   *querytest.Ledger
	engine   *query.Engine
	sessions map[string]*query.Session
	current  *query.Session
}

func newWorld(t testing.TB) *world {
	w := &world{ledger: querytest.New(start), sessions: map[string]*query.Session{}}
	w.engine = query.NewEngine(query.Config{
		Ledger: w.ledger, Clock: w.ledger.Now, Database: "jurat", ServerName: "ledger.example", StatementMemory: 8 << 20, TransactionLeaves: 1000,
	})
	for _, name := range []string{"alpha", "beta"} {
		if err := w.ledger.CreateRole(t.Context(), query.Role{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	w.user(t, "jurat")
	return w
}

// user makes the session of a role the current one.
func (w *world) user(t testing.TB, name string) {
	if w.sessions[name] == nil {
		s, err := w.engine.Open(query.Login{User: name, Database: "jurat", PID: 77})
		if err != nil {
			t.Fatal(err)
		}
		w.sessions[name] = s
	}
	w.current = w.sessions[name]
}

// answer is what a string of statements gave.
type answer struct {
	types  string
	cols   []query.Column
	rows   []string
	fields [][]*string // of rows; nil is null
	tags   []string
	err    *query.Error
}

// run runs a string as the wire does.
func run(ctx context.Context, s *query.Session, sql string) (a answer) {
	script, err := s.Script(sql)
	if err == nil {
		err = a.statements(ctx, s, script)
		if closing := script.Close(ctx, err); err == nil {
			err = closing
		}
	}
	if err != nil {
		a.err = err.(*query.Error)
	}
	return a
}

func (a *answer) statements(ctx context.Context, s *query.Session, script *query.Script) error {
	for {
		r, err := script.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		a.types, a.cols = "", r.Columns()
		for _, c := range r.Columns() {
			a.types += letter(c.Type)
		}
		for {
			b, i, err := r.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			a.rows, a.fields = append(a.rows, rowText(s, b, i)), append(a.fields, rowFields(s, b, i))
		}
		for _, n := range s.Notices() {
			a.tags = append(a.tags, n.Severity+" "+errorText(n))
		}
		a.tags = append(a.tags, r.Tag())
	}
}

func rowText(s *query.Session, b *value.Batch, i int) string {
	fields := make([]string, len(b.Cols))
	for k, f := range rowFields(s, b, i) {
		fields[k] = "NULL"
		if f != nil {
			fields[k] = *f
		}
	}
	return strings.Join(fields, " | ")
}

// rowFields returns the texts of a row's values, nil for nulls.
func rowFields(s *query.Session, b *value.Batch, i int) []*string {
	fields := make([]*string, len(b.Cols))
	for k, c := range b.Cols {
		if !c.IsNull(i) {
			text := string(value.AppendText(nil, s.Values(), c, i))
			fields[k] = &text
		}
	}
	return fields
}

// letter is the sqllogictest letter of a type.
func letter(t *value.Type) string {
	switch t {
	case value.Int2, value.Int4, value.Int8, value.Oid:
		return "I"
	case value.Float4, value.Float8, value.NumericT:
		return "R"
	case value.Bool:
		return "B"
	case value.Timestamptz, value.Timestamp, value.Date:
		return "D"
	case value.Bytea:
		return "X"
	case value.JSON, value.JSONB:
		return "J"
	}
	return "T"
}

// TestLogic runs the scripts of testdata/logic, each over a ledger of its own. Commands are
//
//	statement ok              the SQL below succeeds; its tags follow ----, if given
//	statement error           it fails; SQLSTATE, message, detail and hint follow ----
//	query TYPES               its rows follow ----; TYPES has a letter for each column, as in letter
//	plan                      its rows, a plan, follow ----
//	user NAME                 goes on in the session of NAME
//	advance DURATION          moves the clock
func TestLogic(t *testing.T) {
	files, err := filepath.Glob("testdata/logic/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".test"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			var out bytes.Buffer
			for i, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
				if block = strings.Trim(block, "\n"); block == "" {
					continue
				}
				if i > 0 {
					out.WriteString("\n")
				}
				out.WriteString(w.block(t, block))
			}
			if *rewrite {
				if err := os.WriteFile(f, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// block runs one command and returns it with the output that it gave.
func (w *world) block(t *testing.T, block string) string {
	head, want, golden := strings.Cut(block, "\n----")
	lines := strings.Split(head, "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return block + "\n"
	}
	words := strings.Fields(lines[0])
	sql := strings.Join(lines[1:], "\n")
	switch words[0] {
	case "user":
		w.user(t, words[1])
		return block + "\n"
	case "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		w.ledger.Advance(d)
		return block + "\n"
	}
	a := run(t.Context(), w.current, sql)
	got := a.output(words)
	if want = strings.TrimPrefix(want, "\n"); !*rewrite && (golden || words[0] != "statement" || words[1] != "ok") && got != want {
		t.Errorf("%s\n---- got\n%s\n---- want\n%s", head, got, want)
	}
	if fails := words[0] == "statement" && words[1] == "error"; fails != (a.err != nil) {
		t.Errorf("%s\nerror %v", head, a.err)
	}
	if words[0] == "query" && !*rewrite && (len(words) != 2 || words[1] != a.types) {
		t.Errorf("%s\ntypes %s, want %v", head, a.types, words[1:])
	}
	if words[0] == "query" {
		head = strings.Replace(head, strings.Join(words, " "), "query "+a.types, 1)
	}
	if words[0] == "statement" && words[1] == "ok" && !golden {
		return block + "\n"
	}
	if got != "" {
		got += "\n"
	}
	return head + "\n----\n" + got
}

func (a *answer) output(words []string) string {
	if a.err != nil {
		return errorText(a.err)
	}
	if words[0] == "statement" {
		return strings.Join(a.tags, "\n")
	}
	return strings.Join(a.rows, "\n")
}

func errorText(e *query.Error) string {
	text := fmt.Sprintf("%s: %s", e.Code, e.Message)
	if e.Position > 0 {
		text += fmt.Sprintf(" (at %d)", e.Position)
	}
	for _, part := range []struct{ name, text string }{{"DETAIL", e.Detail}, {"HINT", e.Hint}, {"CONSTRAINT", e.Constraint}} {
		if part.text != "" {
			text += "\n" + part.name + ": " + part.text
		}
	}
	return text
}
