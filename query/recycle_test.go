package query_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/query/value"
)

// recycledLeaves is more than a batch of signatures, and than a chunk of memory holds.
const recycledLeaves = 300

// openRecycling opens a session with a ledger of recycledLeaves, whose signatures are their digests many times.
func openRecycling(t *testing.T) *query.Session {
	t.Helper()
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	l.Sign = func(leaf query.Leaf) []byte { return bytes.Repeat(leaf.Imprint.Digest(), 80) }
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s, err := e.Open(query.Login{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	digests := make([]string, recycledLeaves)
	for i := range digests {
		digests[i] = fmt.Sprintf("('\\x%064x')", i)
	}
	if err := outcome(run(t.Context(), s, "insert into hashes (digest) values "+strings.Join(digests, ","))); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecycledSignatures reads signatures through several statements in turn, each row right before the next row of another one: by
// digest again and again, of all filings, with a limit, sorted, and from a cursor that goes back. Each signature is that of its leaf,
// whatever memory is used again.
func TestRecycledSignatures(t *testing.T) {
	s := openRecycling(t)
	if err := outcome(run(t.Context(), s, "begin; declare back scroll cursor for select digest, signature from proofs")); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"point": "select digest, signature from proofs where digest = $1",
		"all":   "select digest, signature from proofs",
		"limit": "select digest, signature from proofs limit 250 offset 7",
		"outer": "select digest, coalesce(signature, digest) from (select digest, signature from proofs order by signature desc) s",
	} {
		if err := s.Parse(t.Context(), name, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	open := func(name string, params ...value.Datum) *query.Result {
		portal := fmt.Sprint(name, len(params))
		if err := s.Bind(portal, name, params, nil); err != nil {
			t.Fatal(err)
		}
		r, err := s.Execute(t.Context(), portal)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	row := func(r *query.Result, who string, i int) {
		b, k, err := r.Next(t.Context())
		if err == io.EOF && who == "limit" && i == 250 {
			return
		}
		if err != nil {
			t.Fatalf("%s, row %d: %v", who, i, err)
		}
		if want := bytes.Repeat(b.Cols[0].Bytes[k], 80); !bytes.Equal(b.Cols[1].Bytes[k], want) {
			t.Fatalf("%s, row %d: another leaf's signature", who, i)
		}
	}
	all, limit, outer := open("all"), open("limit"), open("outer")
	for i := range recycledLeaves {
		row(all, "all", i)
		d := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(recycledLeaves-1-i))
		point := open("point", value.NewBytes(value.Bytea, d))
		row(point, "point", i)
		if i <= 250 {
			row(limit, "limit", i)
		}
		row(outer, "outer", i)
		s.ClosePortal("point1")
	}
	for _, r := range []*query.Result{all, limit, outer} {
		r.Close()
	}
	for _, move := range []string{"fetch 200 back", "fetch backward 150 back", "fetch absolute 3 back"} {
		a := run(t.Context(), s, move)
		if a.err != nil || len(a.rows) == 0 {
			t.Fatalf("%s: %d rows, %v", move, len(a.rows), a.err)
		}
		for _, f := range a.fields {
			if want := strings.Repeat(strings.TrimPrefix(*f[0], `\x`), 80); strings.TrimPrefix(*f[1], `\x`) != want {
				t.Fatalf("%s: another leaf's signature", move)
			}
		}
	}
}

// TestPointsSideBySide looks digests and receipts up by statements that are prepared once, through portals that are open at the same
// time, closed and bound again, with values that name a leaf, two leaves or none. A row read earlier from an open portal stays as it was.
func TestPointsSideBySide(t *testing.T) {
	s := openRecycling(t)
	if err := outcome(run(t.Context(), s, `insert into hashes (digest) select digest from hashes where digest = '\x`+fmt.Sprintf("%064x", 7)+`'`)); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{
		"digest":  "select digest, receipt from hashes where digest = $1",
		"receipt": "select digest, receipt from hashes where receipt = $1",
	} {
		if err := s.Parse(t.Context(), name, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(i int) []byte { return binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i)) }
	open := func(portal, statement string, v value.Datum) func() (d, receipt []byte) {
		s.ClosePortal(portal)
		if err := s.Bind(portal, statement, []value.Datum{v}, nil); err != nil {
			t.Fatal(err)
		}
		r, err := s.Execute(t.Context(), portal)
		if err != nil {
			t.Fatal(err)
		}
		return func() (d, receipt []byte) {
			b, k, err := r.Next(t.Context())
			if err == io.EOF {
				return nil, nil
			}
			if err != nil {
				t.Fatal(err)
			}
			return b.Cols[0].Bytes[k], b.Cols[1].Bytes[k]
		}
	}
	for i := range recycledLeaves {
		left := open("left", "digest", value.NewBytes(value.Bytea, digest(i)))
		d, receipt := left()
		wanted := string(receipt)
		right := open("right", "digest", value.NewBytes(value.Bytea, digest(i+1)))
		other, _ := right()
		named := open("named", "receipt", value.NewBytes(value.Text, []byte(wanted)))
		byName, sameReceipt := named()
		if !bytes.Equal(d, digest(i)) || i+1 < recycledLeaves && !bytes.Equal(other, digest(i+1)) || i+1 == recycledLeaves && other != nil ||
			!bytes.Equal(byName, digest(i)) || string(sameReceipt) != wanted || string(receipt) != wanted {
			t.Fatalf("digest %d: %x at %q, beside it %x; %x at %q by receipt", i, d, receipt, other, byName, sameReceipt)
		}
		if again, second := left(); i == 7 && (!bytes.Equal(again, digest(7)) || string(second) == wanted) || i != 7 && again != nil {
			t.Fatalf("digest %d stands at %q and again as %x at %q", i, wanted, again, second)
		}
		if gone, _ := open("named", "receipt", value.NewBytes(value.Text, []byte(wanted+"0000")))(); gone != nil {
			t.Fatalf("receipt %s0000 names %x", wanted, gone)
		}
	}
}
