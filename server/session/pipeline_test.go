package session_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/jurat-ledger/jurat/wire"
)

// column returns the first field of every row of a statement, and its tag.
func column(t *testing.T, s wire.Session, sql string) (rows []string, tag string) {
	t.Helper()
	script, r := result(t, s, sql)
	for {
		row, err := r.AppendRow(t.Context(), nil)
		if err != nil {
			break
		}
		rows = append(rows, string(row[4:]))
	}
	tag = r.Tag()
	if err := script.Close(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return rows, tag
}

// run binds a statement to a portal and executes it.
func run(t *testing.T, s wire.Session, portal, statement string, format int16, params ...[]byte) string {
	t.Helper()
	err := s.Bind(t.Context(), &wire.Bind{Portal: portal, Statement: statement, ParameterFormats: []int16{format}, Parameters: params})
	if err != nil {
		return err.Error()
	}
	r, err := s.Execute(t.Context(), portal)
	if err != nil {
		return err.Error()
	}
	if _, err := r.AppendRow(t.Context(), nil); err == nil {
		return "a row"
	}
	return r.Tag()
}

// TestPipelineMemory files in pipelines whose statements take over each other's memory, with values in every form, longer and
// shorter ones, NULL and portals with names among them: every digest is filed as it was sent.
func TestPipelineMemory(t *testing.T) {
	s := open(t)
	const three = "insert into hashes (digest, algorithm) values ($1, $2), ($3, null)"
	for name, sql := range map[string]string{"one": "insert into hashes (digest) values ($1)", "three": three} {
		if err := s.Parse(t.Context(), name, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	next := func(size int) []byte {
		d := bytes.Repeat([]byte{byte(len(want) >> 8), byte(len(want))}, size/2)
		want = append(want, hex.EncodeToString(d))
		return d
	}
	for pipeline := range 3 {
		for i := range 1100 { // more than a part
			var got, expect string
			switch i % 5 {
			case 0:
				got, expect = run(t, s, "", "one", 1, next(32)), "INSERT 0 1"
			case 1:
				got, expect = run(t, s, "", "one", 0, []byte(`\x`+hex.EncodeToString(next(32)))), "INSERT 0 1"
			case 2:
				got, expect = run(t, s, "", "three", 1, next(64), []byte("sha512"), next(32)), "INSERT 0 2"
			case 3:
				got, expect = run(t, s, fmt.Sprint("p", i), "one", 1, next(32)), "INSERT 0 1"
			case 4:
				got, expect = run(t, s, "", "three", 1, next(32), nil, next(32)), "INSERT 0 2"
			}
			if got != expect {
				t.Fatalf("pipeline %d, statement %d: %s", pipeline, i, got)
			}
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	rows, _ := column(t, s, "select encode(digest, 'hex') from hashes order by round, slot_index")
	if len(rows) != len(want) {
		t.Fatalf("%d of %d digests are filed", len(rows), len(want))
	}
	for i := range rows {
		if rows[i] != want[i] {
			t.Fatalf("digest %d is %s, want %s", i, rows[i], want[i])
		}
	}
}

// TestUnnamedPortal shows what becomes of the unnamed portal: the next Bind takes its place, one with a wrong value leaves none,
// and it ends with the transaction.
func TestUnnamedPortal(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	for name, sql := range map[string]string{"series": "select n from generate_series(1, $1) n", "insert": "insert into hashes (digest) values ($1)"} {
		if err := s.Parse(ctx, name, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	bind := func(portal, statement string, format int16, v string) error {
		return s.Bind(ctx, &wire.Bind{Portal: portal, Statement: statement, ParameterFormats: []int16{format}, Parameters: [][]byte{[]byte(v)}})
	}
	row := func(portal string) string {
		r, err := s.Execute(ctx, portal)
		if err != nil {
			return err.Error()
		}
		b, err := r.AppendRow(ctx, nil)
		if err != nil {
			return err.Error()
		}
		return string(b[4:])
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	for _, portal := range []string{"", "named"} {
		if err := bind(portal, "series", 0, "7"); err != nil {
			t.Fatal(err)
		}
		check("first row", row(portal), "1")
	}
	check("second row", row(""), "2")
	check("an INSERT meanwhile", run(t, s, "", "insert", 1, digest("a")), "INSERT 0 1")
	check("the portal with a name goes on", row("named"), "2")
	if err := bind("", "series", 0, "3"); err != nil {
		t.Fatal(err)
	}
	check("bound again", row(""), "1")
	if err := bind("", "series", 0, "x"); err == nil {
		t.Error("a wrong value is bound")
	}
	if err := s.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	const none = `portal "" does not exist (SQLSTATE 34000)`
	check("after Sync", row(""), none)
	if err := s.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if rows, _ := column(t, s, "select count(*) from hashes"); rows[0] != "0" {
		t.Errorf("a failed pipeline filed %s digests", rows[0])
	}
}

// A COMMIT ends the portal that it runs in; what is bound next runs anew.
func TestPreparedTransactions(t *testing.T) {
	s := open(t)
	for _, sql := range []string{"BEGIN", "COMMIT", "ROLLBACK"} {
		if err := s.Parse(t.Context(), sql, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for _, sql := range []string{"BEGIN", "COMMIT", "BEGIN", "ROLLBACK"} {
			if got := run(t, s, "", sql, 0); got != sql {
				t.Fatalf("%s: %s", sql, got)
			}
			if err := s.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := byte('I')
			if sql == "BEGIN" {
				want = 'T'
			}
			if s.Status() != want {
				t.Fatalf("%s: status %c, want %c", sql, s.Status(), want)
			}
		}
	}
}

// TestPipelineTakesNoMemory shows that a pipelined INSERT of one digest allocates next to nothing: its digest has a place.
func TestPipelineTakesNoMemory(t *testing.T) {
	s := open(t)
	if err := s.Parse(t.Context(), "x", "insert into hashes (digest) values ($1)", nil); err != nil {
		t.Fatal(err)
	}
	b := &wire.Bind{Statement: "x", ParameterFormats: []int16{1}, Parameters: [][]byte{digest("x")}, ResultFormats: []int16{1}}
	n := testing.AllocsPerRun(500, func() {
		if err := s.Bind(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		r, err := s.Execute(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.AppendRow(t.Context(), nil); err == nil {
			t.Fatal("a row of an INSERT without RETURNING")
		}
		r.Close()
	})
	if n > 0 {
		t.Errorf("%v allocations a row", n)
	}
	if n := testing.AllocsPerRun(500, func() {
		if !s.Repeat(t.Context(), b) {
			t.Fatal("it is not repeated")
		}
	}); n > 0 {
		t.Errorf("%v allocations a row that is repeated", n)
	}
}
