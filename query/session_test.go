package query_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
)

// TestInference lists, for statements, the types that their parameters and columns turn out to have.
func TestInference(t *testing.T) {
	for _, c := range []struct {
		sql    string
		given  []uint32
		params string
		cols   string
	}{
		{"select $1", nil, "text", "?column? text"},
		{"select $1", []uint32{value.Int8OID}, "bigint", "?column? bigint"},
		{"select $1 + 1", nil, "integer", "?column? integer"},
		{"select $1 + 1", []uint32{value.Int2OID}, "smallint", "?column? integer"},
		{"select $2::int, $1::bytea", nil, "bytea, integer", "int4 integer, bytea bytea"},
		{"insert into hashes (digest) values ($1)", nil, "bytea", "-"},
		{"insert into hashes (digest, algorithm, lane) values ($1, $2, $3), ($4, 'sha256', null)", nil, "bytea, text, text, bytea", "-"},
		{"insert into hashes (digest) select $1", nil, "bytea", "-"},
		{"insert into hashes (digest) select unnest($1::bytea[]) on conflict do nothing", nil, "bytea[]", "-"},
		{"insert into hashes (digest) values ($1) returning receipt, round, signature", nil, "bytea", "receipt text, round timestamp with time zone, signature bytea"},
		{"select receipt from hashes where digest = $1 and round >= $2 and slot_index < $3", nil, "bytea, timestamp with time zone, bigint", "receipt text"},
		{"select digest from hashes where digest = any($1)", nil, "bytea[]", "digest bytea"},
		{"select count(*) from rounds where round between $1 and $2 and leaves > $3", nil, "timestamp with time zone, timestamp with time zone, bigint", "count bigint"},
		{"select * from rounds limit $1 offset $2", nil, "bigint, bigint", "round timestamp with time zone, second bigint, root bytea, leaves bigint, slots integer"},
		{"select case when $1 then 1 else $2 end", nil, "boolean, integer", "case integer"},
		{"select coalesce($1, 'x'), $2 in (1, 2), $3 like 'a%'", nil, "text, integer, text", "coalesce text, ?column? boolean, ?column? boolean"},
		{"values ($1, 1), (2, $2)", nil, "integer, integer", "column1 integer, column2 integer"},
		{"select sum(leaves), avg(slots), max(round) from rounds", nil, "", "sum numeric, avg numeric, max timestamp with time zone"},
		{"select proof from proofs", nil, "", "proof jsonb"},
		{"select 1 union select $1", nil, "integer", "?column? integer"},
		{"show timezone", nil, "", "TimeZone text"},
		{"begin", nil, "", "-"},
		{"explain select 1", nil, "", "QUERY PLAN text"},
	} {
		s := newWorld(t).current
		if err := s.Parse(t.Context(), "", c.sql, c.given); err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		params, cols, err := s.DescribeStatement("")
		if err != nil {
			t.Fatal(err)
		}
		var p []string
		for _, t := range params {
			p = append(p, t.SQL)
		}
		got := "-"
		if cols != nil {
			var list []string
			for _, c := range cols {
				list = append(list, c.Name+" "+c.Type.SQL)
			}
			got = strings.Join(list, ", ")
		}
		if strings.Join(p, ", ") != c.params || got != c.cols {
			t.Errorf("%s\n got %s -> %s\nwant %s -> %s", c.sql, strings.Join(p, ", "), got, c.params, c.cols)
		}
	}
}

func TestPreparedErrors(t *testing.T) {
	s := newWorld(t).current
	ctx := t.Context()
	check := func(what, want string, err error) {
		t.Helper()
		var e *query.Error
		if got := ""; errors.As(err, &e) {
			if got = e.Code; got != want {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		} else if err != nil || want != "" {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if err := s.Sync(ctx); err != nil {
			t.Error(err)
		}
	}
	check("two statements", "42601", s.Parse(ctx, "", "select 1; select 2", nil))
	check("unknown type", "42704", s.Parse(ctx, "", "select $1", []uint32{99999}))
	check("unused parameter", "42P18", s.Parse(ctx, "", "select $2::int", nil))
	check("first", "", s.Parse(ctx, "a", "select 1", nil))
	check("again", "42P05", s.Parse(ctx, "a", "select 1", nil))
	check("no such statement", "26000", s.Bind("", "b", nil, nil))
	_, err := s.Execute(ctx, "nowhere")
	check("no such portal", "34000", err)
	check("parameters", "08P01", s.Bind("", "a", make([]value.Datum, 1), nil))
	check("empty", "", s.Parse(ctx, "e", " -- nothing", nil))
	if err := s.Bind("", "e", nil, nil); err != nil {
		t.Error(err)
	}
	if r, err := s.Execute(ctx, ""); r != nil || err != nil {
		t.Error("an empty statement gave", r, err)
	}
	s.CloseStatement("a")
	check("closed", "26000", s.Bind("", "a", nil, nil))
}

// TestPaths compares what access paths give with what a scan gives that is kept from using any.
func TestPaths(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		user := []string{"alpha", "beta", "jurat"}[i%3]
		w.user(t, user)
		sql := fmt.Sprintf("insert into hashes (digest, lane) values (sha256('%d'), '%s'), (sha256('%d'), 'main')", i%7, []string{"main", "seal", "ksi"}[i%5%3], i)
		if a := run(t.Context(), w.current, sql); a.err != nil {
			t.Fatal(a.err)
		}
		w.ledger.Advance([]time.Duration{0, 300 * time.Millisecond, time.Second, 4 * time.Second}[i%4])
	}
	times := []string{"2026-11-22 01:15:30Z", "2026-11-22 01:15:33.5Z", "2026-11-22 01:15:40Z", "2026-11-22 01:16:10.000001Z", "2027-01-01", "infinity", "-infinity"}
	var conditions []string
	for _, op := range []string{"=", "<", "<=", ">", ">="} {
		for _, x := range times {
			conditions = append(conditions, "round "+op+" '"+x+"'")
		}
		conditions = append(conditions, "'"+times[1]+"' "+op+" round", "'"+times[2]+"' "+op+" round")
	}
	conditions = append(conditions, "round in ('2026-11-22 01:15:30Z', '2026-11-22 01:15:35Z')", "round = any('{}')", "round is not null",
		"round between '2026-11-22 01:15:33Z' and '2026-11-22 01:15:50.5Z'", "round not between '2026-11-22 01:15:33Z' and '2026-11-22 01:15:50.5Z'")
	forRounds := slices.Clone(conditions)
	for _, op := range []string{"=", "<", "<=", ">", ">="} {
		forRounds = append(forRounds, "second "+op+" 1795310137", "second "+op+" 1795310137.5", "1795310137 "+op+" second")
	}
	forLeaves := append(conditions, "agency = 'alpha'", "agency in ('alpha', 'nobody')", "lane = 'seal' and round > '2026-11-22 01:15:33Z'",
		"agency = 'beta' and lane = 'main'", "lane = any('{ksi,seal}')", "digest = sha256('3')", "digest in (sha256('3'), sha256('39'))",
		"digest = sha256('3') and lane = 'main'", "receipt = '2026-11-22T01:15:30Z/alpha/main/0'", "receipt = 'no'", "slot_index = 0",
		"digest = sha256('3') and digest = sha256('4')", "receipt in ('2026-11-22T01:15:30Z/alpha/main/0', '2026-11-22T01:15:30Z/beta/main/0')")
	n := 0
	for _, user := range []string{"alpha", "jurat"} {
		w.user(t, user)
		for _, x := range []struct {
			table, cols, all   string
			conditions, orders []string
		}{
			{"rounds", "*", "*", forRounds, []string{"round", "round desc", "second desc, leaves"}},
			{"calendar", "*", "*", forRounds, []string{"round", "second desc"}},
			{"hashes", "*", "*", forLeaves, []string{"round, agency, lane, slot_index", "round desc, agency, lane, slot_index desc"}},
			{"proofs", "receipt, signature", "digest, agency, lane, round, slot_index, receipt, signature", forLeaves, []string{"round, receipt", "round desc, slot_index desc, receipt"}},
		} {
			for _, c := range x.conditions {
				for _, order := range x.orders {
					for _, limit := range []string{"", map[string]string{"alpha": " limit 3", "jurat": " limit 2 offset 4"}[user]} {
						base := "select " + x.cols + " from " + x.table
						fast := run(t.Context(), w.current, base+" where "+c+" order by "+order+limit)
						slow := run(t.Context(), w.current, "with x as materialized (select "+x.all+" from "+x.table+") select "+x.cols+" from x where "+c+" order by "+order+limit)
						if fast.err != nil || slow.err != nil || !slices.Equal(fast.rows, slow.rows) {
							t.Fatalf("%s: %s where %s order by %s%s\nby path %v %q\nby scan %v %q", user, x.table, c, order, limit, fast.err, fast.rows, slow.err, slow.rows)
						}
						n++
					}
				}
			}
		}
	}
	t.Log(n, "queries")
}

// FuzzSQL runs any text; whatever it is, it must give rows or an error of a statement, never a panic.
func FuzzSQL(f *testing.F) {
	files, err := filepath.Glob("testdata/logic/*.test")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "\n\n") {
			head, _, _ := strings.Cut(block, "\n----")
			if _, sql, ok := strings.Cut(head, "\n"); ok {
				f.Add(sql)
			}
		}
	}
	f.Add("select $1 + 1")
	f.Fuzz(func(t *testing.T, sql string) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		w := newWorld(t)
		simple := run(ctx, w.current, sql)
		if simple.err != nil {
			mustBeClean(t, sql, simple.err)
		}
		s := w.current
		err := s.Parse(ctx, "", sql, nil)
		mustBeClean(t, sql, err)
		if err == nil {
			mustBeClean(t, sql, extended(ctx, s))
		}
		mustBeClean(t, sql, s.Sync(ctx))
		s.Close()
		if s.Status() != 'I' {
			t.Errorf("%q: a closed session has status %c", sql, s.Status())
		}
	})
}

// extended runs the unnamed statement with nulls for parameters.
func extended(ctx context.Context, s *query.Session) error {
	types, cols, err := s.DescribeStatement("")
	if err != nil {
		return err
	}
	params := make([]value.Datum, len(types))
	for i, t := range types {
		params[i] = value.Null(t)
	}
	if err := s.Bind("", "", params, nil); err != nil {
		return err
	}
	r, err := s.Execute(ctx, "")
	if r == nil || err != nil {
		return err
	}
	for {
		b, i, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(b.Cols) != len(cols) {
			return fmt.Errorf("row of %d columns, described as %d", len(b.Cols), len(cols))
		}
		for k, c := range b.Cols {
			if c.Type != cols[k].Type {
				return fmt.Errorf("column %d is %s, described as %s", k, c.Type, cols[k].Type)
			}
		}
		rowText(s, b, i)
	}
}

func mustBeClean(t *testing.T, sql string, err error) {
	t.Helper()
	var e *query.Error
	if err != nil && (!errors.As(err, &e) || len(e.Code) != 5 || e.Code == "XX000" || e.Message == "") {
		t.Errorf("%q: %v", sql, err)
	}
}

// TestProof shows that a proof is the signature in readable form.
func TestProof(t *testing.T) {
	w := newWorld(t)
	sig := ksitest.Demo()
	w.ledger.Sign = func(query.Leaf) []byte { return sig }
	a := run(t.Context(), w.current, "insert into hashes (digest) values (sha256('x')) returning signature, proof")
	if a.err != nil || len(a.rows) != 1 {
		t.Fatal(a.err)
	}
	b := run(t.Context(), w.current, "select signature, proof from proofs where digest = sha256('x') and jsonb_typeof(proof) = 'object'")
	if b.err != nil || !slices.Equal(a.rows, b.rows) {
		t.Errorf("%v\n%q\n%q", b.err, a.rows, b.rows)
	}
	text, proof, _ := strings.Cut(a.rows[0], " | ")
	if text != fmt.Sprintf("\\x%x", sig) || !strings.HasPrefix(proof, "{") || !strings.Contains(proof, `"aggregation`) {
		t.Errorf("%s\n%s", text, proof)
	}
}
