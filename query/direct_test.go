package query_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
)

// simple runs a statement without parameters and returns its rows, one column as text, and its tag or error.
func simple(t *testing.T, s *query.Session, sql string) string {
	t.Helper()
	script, err := s.Script(sql)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r, err := script.Next(t.Context())
	for err == nil {
		var b *value.Batch
		var i int
		if b, i, err = r.Next(t.Context()); err == nil {
			fmt.Fprintf(&out, "%s\n", b.Cols[0].Bytes[i])
		}
	}
	if err == io.EOF {
		out.WriteString(r.Tag())
		err = nil
	}
	if closing := script.Close(t.Context(), err); closing != nil {
		t.Fatal(closing)
	}
	if err != nil {
		return err.Error()
	}
	return out.String()
}

// TestDirectInsert files through a prepared statement whose rows are parameters alone, which needs no plan, and through one
// that needs it, in a transaction with savepoints: what they say and what is filed is the same.
func TestDirectInsert(t *testing.T) {
	digest := func(b byte, n int) value.Datum { return value.NewBytes(value.Bytea, bytes.Repeat([]byte{b}, n)) }
	text := value.NewText
	noDigest, noText, noIndex := value.Null(value.Bytea), value.Null(value.Text), value.Null(value.Int8)
	row := map[string][]value.Datum{
		"plain":     {digest(1, 32), noText, noText, noIndex},
		"named":     {digest(2, 32), text("sha256"), text("main"), noIndex},
		"seal":      {digest(3, 32), noText, text("seal"), noIndex},
		"sha512":    {digest(4, 64), text("sha512"), noText, noIndex},
		"short":     {digest(5, 31), noText, noText, noIndex},
		"length":    {digest(5, 32), text("sha512"), noText, noIndex},
		"algorithm": {digest(5, 32), text("sha0"), noText, noIndex},
		"lane":      {digest(5, 32), noText, text("other"), noIndex},
		"assigned":  {digest(5, 32), noText, noText, {Type: value.Int8, I: 7}},
		"null":      {noDigest, text("sha0"), text("other"), noIndex},
	}
	steps := strings.Fields("plain short begin plain named savepoint:a seal sha512 savepoint:b plain lane rollback:b named null rollback:b " +
		"length rollback:b algorithm rollback:b assigned rollback:b release:b plain savepoint:c seal rollback:a plain plain seal commit plain")
	run := func(sql string) string {
		s := newWorld(t).current
		if err := s.Parse(t.Context(), "x", sql, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		var told strings.Builder
		for _, step := range steps {
			verb, name, _ := strings.Cut(step, ":")
			if params, ok := row[step]; ok {
				err := s.Bind("", "x", params, nil)
				var r *query.Result
				if err == nil {
					r, err = s.Execute(t.Context(), "")
				}
				var e *query.Error
				if errors.As(err, &e) {
					fmt.Fprintf(&told, "%s: %s %s %s\n", step, e.Code, e.Message, e.Detail)
				} else {
					fmt.Fprintf(&told, "%s: %s\n", step, r.Tag())
				}
				if err := s.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if verb == "rollback" {
				verb = "rollback to"
			}
			fmt.Fprintln(&told, simple(t, s, verb+" "+name))
		}
		return told.String() + simple(t, s, "select lane || ' ' || slot_index || ' ' || algorithm || ' ' || encode(digest, 'hex') from hashes order by 1")
	}
	direct := run("insert into hashes (digest, algorithm, lane, slot_index) values ($1, $2, $3, $4)")
	planned := run("insert into hashes (digest, algorithm, lane, slot_index) select $1::bytea, $2::text, $3::text, $4::bigint")
	if direct != planned {
		t.Errorf("direct:\n%s\nplanned:\n%s", direct, planned)
	}
	if want := 7; strings.Count(direct, "\n") < len(steps) || !strings.HasSuffix(direct, fmt.Sprintf("SELECT %d", want)) {
		t.Errorf("want %d digests filed:\n%s", want, direct)
	}
}
