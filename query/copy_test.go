package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// TestCopyHints: what people send by COPY in place of digests is named, with what to send instead in that format.
func TestCopyHints(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s := openAs(t, e, "jurat")
	hex := strings.Repeat("ab", 32)
	for _, c := range []struct{ format, field, hint string }{
		{"text", hex, `write \\x before it`},
		{"csv", hex, `write \x before it`},
		{"csv", hex + "  letter.pdf", `sha256sum: send its first column, with \x before it`},
		{"csv", "digest", "WITH (HEADER)"},
		{"csv", "\ufeff\\x" + hex, "byte order mark"},
		{"text", "0x" + hex, `\x instead of 0x`},
		{"text", "letter", "File the hash of the document"},
	} {
		script, err := s.Script("copy hashes (digest) from stdin (format " + c.format + ")")
		if err != nil {
			t.Fatal(err)
		}
		r, err := script.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.CopyIn().Row(t.Context(), [][]byte{[]byte(c.field)})
		if e := (*query.Error)(nil); !errors.As(err, &e) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s %q: %+v, want the hint %q", c.format, c.field, e, c.hint)
		}
		r.CopyIn().Abort()
		if err := script.Close(t.Context(), err); err != nil {
			t.Fatal(err)
		}
	}
}
