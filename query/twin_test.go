package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
)

// A twin is a world and a PostgreSQL 15 that holds a copy of its tables.
type twin struct {
	*world
	pg *pgconn.PgConn
}

// twinTables are the tables that are copied.
var twinTables = []string{"hashes", "rounds", "agencies"}

// newTwin files some hashes and copies the tables. PostgreSQL is that of JURAT_POSTGRES, or one of Debian's package that is
// started for the test.
func newTwin(t *testing.T) *twin {
	d := &twin{world: newWorld(t), pg: connectTwin(t)}
	d.fill(t)
	d.user(t, "jurat")
	for _, name := range twinTables {
		d.copyTable(t, name)
	}
	for _, set := range []string{"set timezone = 'UTC'", "set extra_float_digits = 1"} {
		if a := run(t.Context(), d.current, set); a.err != nil {
			t.Fatal(a.err)
		}
		d.must(t, set)
	}
	d.must(t, "set jit = off; set max_parallel_workers_per_gather = 0; set statement_timeout = '20s'")
	return d
}

// fill files the hashes of two agencies in some rounds.
func (w *world) fill(t testing.TB) {
	for r := range 12 {
		for i, name := range []string{"alpha", "beta"} {
			w.user(t, name)
			for k := range (r*7 + i*5) % 4 {
				lane := []string{"main", "seal", "ksi"}[(r+k)%3]
				sql := fmt.Sprintf("insert into hashes (digest, lane) values (sha256('%d-%d-%d'), '%s')", r, i, k, lane)
				if a := run(t.Context(), w.current, sql); a.err != nil {
					t.Fatal(sql, a.err)
				}
			}
		}
		w.ledger.Advance(time.Second)
	}
}

// must runs statements in PostgreSQL.
func (d *twin) must(t testing.TB, sql string) {
	t.Helper()
	if _, err := d.pg.Exec(context.Background(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (d *twin) copyTable(t *testing.T, name string) {
	cols := d.columns(t, "select * from "+name)
	var defs []string
	for _, c := range cols {
		defs = append(defs, strconv.Quote(c.Name)+" "+c.Type.SQL)
	}
	d.must(t, "create temporary table "+name+" ("+strings.Join(defs, ", ")+")")
	rows := run(t.Context(), d.current, "select * from "+name)
	if rows.err != nil || len(rows.rows) == 0 {
		t.Fatal(name, rows.err)
	}
	for _, r := range rows.fields {
		list := make([]string, len(r))
		for i, f := range r {
			list[i] = "null"
			if f != nil {
				list[i] = "'" + strings.ReplaceAll(*f, "'", "''") + "'"
			}
		}
		d.must(t, "insert into "+name+" values ("+strings.Join(list, ", ")+")")
	}
}

// columns describes what a query returns.
func (d *twin) columns(t testing.TB, sql string) []query.Column {
	a := run(t.Context(), d.current, sql)
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.cols
}

// A verdict is what a server made of a query.
type verdict struct {
	code    string
	message string
	cols    []string // name and type of each
	rows    []string
}

// ours is our verdict.
func (d *twin) ours(ctx context.Context, sql string) (v verdict) {
	a := run(ctx, d.current, sql)
	if a.err != nil {
		return verdict{code: a.err.Code, message: a.err.Message}
	}
	for _, c := range a.cols {
		v.cols = append(v.cols, c.Name+" "+c.Type.Name)
	}
	v.rows = a.rows
	return v
}

// theirs is PostgreSQL's verdict.
func (d *twin) theirs(sql string) (v verdict) {
	var fields []pgconn.FieldDescription
	var rows [][][]byte
	r := d.pg.Exec(context.Background(), sql)
	for r.NextResult() {
		fields, rows = r.ResultReader().FieldDescriptions(), nil
		for r.ResultReader().NextRow() {
			var row [][]byte
			for _, b := range r.ResultReader().Values() {
				row = append(row, bytes.Clone(b))
			}
			rows = append(rows, row)
		}
	}
	err := r.Close()
	var fault *pgconn.PgError
	if errors.As(err, &fault) {
		return verdict{code: fault.Code, message: fault.Message}
	}
	if err != nil {
		return verdict{code: "BROKEN", message: err.Error()}
	}
	for _, f := range fields {
		name := strconv.Itoa(int(f.DataTypeOID))
		if t := value.ByOID(f.DataTypeOID); t != nil {
			name = t.Name
		}
		v.cols = append(v.cols, f.Name+" "+name)
	}
	for _, row := range rows {
		texts := make([]string, len(row))
		for i, b := range row {
			texts[i] = "NULL"
			if b != nil {
				texts[i] = string(b)
			}
		}
		v.rows = append(v.rows, strings.Join(texts, " | "))
	}
	return v
}

// differs says how two verdicts differ, "" if they do not. The order of rows counts if ordered is true.
func (v verdict) differs(theirs verdict, ordered bool) string {
	a, b := v.rows, theirs.rows
	switch {
	case v.code != theirs.code:
		return fmt.Sprintf("we: %s %s %s\npg: %s %s %s", v.code, v.message, head(a), theirs.code, theirs.message, head(b))
	case !slices.Equal(v.cols, theirs.cols):
		return fmt.Sprintf("columns\nwe: %q\npg: %q", v.cols, theirs.cols)
	}
	if !ordered {
		slices.Sort(a)
		slices.Sort(b)
	}
	if !slices.Equal(a, b) {
		return fmt.Sprintf("rows %d, %d\nwe: %s\npg: %s", len(a), len(b), head(a), head(b))
	}
	return ""
}

func head(rows []string) string { return strings.Join(rows[:min(len(rows), 12)], " // ") }

func connectTwin(t *testing.T) *pgconn.PgConn {
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		dsn = startTwin(t)
	}
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-pace.C {
		conn, err := pgconn.Connect(t.Context(), dsn)
		if err == nil {
			t.Cleanup(func() { conn.Close(context.Background()) })
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// startTwin starts a PostgreSQL 15 for the time of the test.
func startTwin(t *testing.T) (dsn string) {
	const bin = "/usr/lib/postgresql/15/bin/"
	if _, err := os.Stat(bin + "initdb"); err != nil {
		t.Skip("NOT TESTED: comparison with a real PostgreSQL 15 (install it or set JURAT_POSTGRES)")
	}
	dir, err := os.MkdirTemp("", "jurat-twin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // which PostgreSQL refuses to be run by
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("NOT TESTED: comparison with PostgreSQL, which root may not run: ", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(bin+"initdb", "--no-sync", "-A", "trust", "--locale=C", "--lc-ctype=C.UTF-8", "-E", "UTF8", "-U", "jurat", "-D", data)
	initdb.SysProcAttr, initdb.Dir = attr, "/"
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := exec.Command(bin+"postgres", "-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
	cmd.SysProcAttr, cmd.Dir = attr, "/"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGQUIT)
		cmd.Wait()
	})
	return "host=127.0.0.1 port=" + port + " user=jurat dbname=postgres"
}

// TestPostgresAnswers runs the queries of testdata/postgres over the tables of fill and compares what they give with what
// PostgreSQL 15 answered. Scripts are like those of TestLogic; rowsort after the types says that the order of the rows is
// not told. With -rewrite the answers are taken from PostgreSQL anew, whatever the blocks are headed with.
func TestPostgresAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/postgres/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	d := &twin{world: newWorld(t)}
	if *rewrite {
		d = newTwin(t)
	} else {
		d.fill(t)
		d.user(t, "jurat")
	}
	d.engine.EachLateral(0) // few rows are joined as many are
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, block := range strings.Split(strings.Trim(string(text), "\n"), "\n\n") {
			comment, block := splitComment(block)
			if block == "" {
				out = append(out, strings.TrimSuffix(comment, "\n"))
				continue
			}
			heading, rest, _ := strings.Cut(block, "\n")
			sql, want, _ := strings.Cut(rest, "\n----")
			ours := d.ours(t.Context(), sql)
			if *rewrite {
				theirs := d.theirs(sql)
				out = append(out, comment+theirs.block(sql, !slices.Equal(theirs.rows, ours.rows)))
				continue
			}
			if got := ours.block(sql, strings.HasSuffix(heading, " rowsort")); got != heading+"\n"+sql+"\n----"+want {
				t.Errorf("%s: got\n%s\nwant\n%s", f, got, block)
			}
		}
		if *rewrite {
			if err := os.WriteFile(f, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// splitComment splits the lines of comment at the head of a block off.
func splitComment(block string) (comment, rest string) {
	rest = block
	for strings.HasPrefix(rest, "#") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return block[:len(block)-len(rest)], rest
}

// block writes a verdict as a block of a script.
func (v verdict) block(sql string, sorted bool) string {
	if v.code != "" {
		return "statement error\n" + sql + "\n----\n" + v.code + ": " + v.message
	}
	heading := "query "
	for _, c := range v.cols {
		heading += letter(value.ByName(c[strings.LastIndexByte(c, ' ')+1:]))
	}
	rows := slices.Clone(v.rows)
	if sorted {
		heading += " rowsort"
		slices.Sort(rows)
	}
	return strings.Join(append([]string{heading, sql, "----"}, rows...), "\n")
}
