package parse

import (
	"fmt"
	"strings"
	"testing"
)

// mustParse returns the statements of sql.
func mustParse(t *testing.T, sql string) []Statement {
	t.Helper()
	list, err := Parse(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// TestStatements checks what Parse tells of each statement besides its tree.
func TestStatements(t *testing.T) {
	sql := " -- first\n select $2 , $1 /* in */ ; ;\tselect 1;commit -- end"
	list := mustParse(t, sql)
	want := []struct {
		text        string
		pos, params int
	}{{"select $2 , $1", 11, 2}, {"select 1", 39, 0}, {"commit", 48, 0}}
	if len(list) != len(want) {
		t.Fatalf("%d statements", len(list))
	}
	for i, w := range want {
		if s := list[i]; s.Text != w.text || s.Pos() != w.pos || s.Params != w.params {
			t.Errorf("statement %d: %q at %d with %d parameters, want %v", i, s.Text, s.Pos(), s.Params, w)
		}
	}
	for _, empty := range []string{"", " \n", ";", ";;--", "/* /* */ */"} {
		if list := mustParse(t, empty); len(list) != 0 {
			t.Errorf("%q: %d statements", empty, len(list))
		}
	}
}

// TestPositions checks where nodes stand.
func TestPositions(t *testing.T) {
	sql := "select a.b, 'é' || f(1) from s.t where x = any (y) and c::int between 1 and -2"
	s := mustParse(t, sql)[0].Stmt.(*Select)
	where := s.Where.(*Logic)
	between := where.Args[1].(*Between)
	for _, c := range []struct {
		node Node
		at   string
	}{
		{s, "select"}, {s.Targets[0].X, "a.b"}, {s.Targets[1].X, "||"}, {s.Targets[1].X.(*Binary).R, "f(1)"},
		{s.From[0], "s.t"}, {where, "and c"}, {where.Args[0], "= any"}, {between, "between"}, {between.X, "::int"},
		{between.X.(*Cast).Type, "int"}, {between.Upper, "-2"},
	} {
		if got := sql[c.node.Pos():]; !strings.HasPrefix(got, c.at) {
			t.Errorf("%v stands at %q, want %q", c.node, got, c.at)
		}
	}
	if pos := CharPos(sql, strings.Index(sql, "f(1)")); pos != 20 {
		t.Errorf("character %d, want 20", pos)
	}
	if CharPos(sql, -1) != 0 || CharPos("é", 99) != 2 || CharPos("\xff\xfe", 2) != 3 {
		t.Error("positions off the text are wrong")
	}
}

// TestFragments checks the entry point for expressions, and names of types in them.
func TestFragments(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a+b*$1", "a + b * $1"}, {" 1 ", "1"}, {"a as b", `syntax error at or near "as" (SQLSTATE 42601)`},
		{"", "syntax error at end of input (SQLSTATE 42601)"},
		{"a::int", "a::integer"}, {"a::timestamp (3) with time zone[]", "a::timestamp(3) with time zone[]"}, {`a::"Foo".bar`, `a::"Foo".bar`},
		{"a::varchar(10) array", "a::character varying(10)[]"}, {"a::interval day to second(2)", "a::interval day to second(2)"},
		{"a::int x", `syntax error at or near "x" (SQLSTATE 42601)`},
	} {
		x, err := ParseExpr(c.text)
		got := fmt.Sprint(x)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestInvalidText checks that text that is no UTF-8 is refused.
func TestInvalidText(t *testing.T) {
	for sql, want := range map[string]string{
		"select '\xff'":      `invalid byte sequence for encoding "UTF8": 0xff`,
		"select '\xc3'":      `invalid byte sequence for encoding "UTF8": 0xc3 0x27`,
		"select \xe2\x82 1":  `invalid byte sequence for encoding "UTF8": 0xe2 0x82 0x20`,
		"select '\xf0\x9f'":  `invalid byte sequence for encoding "UTF8": 0xf0 0x9f 0x27`,
		"select 1 -- é \x80": `invalid byte sequence for encoding "UTF8": 0x80`,
	} {
		_, err := Parse(sql)
		if e, ok := err.(*Error); !ok || e.Code != CodeBadEncoding || e.Message != want {
			t.Errorf("%q: %v, want %s", sql, err, want)
		}
	}
}

// TestQuoting checks identifiers and constants against the parser: they come back as they went in, as column, table,
// alias, function, type and cursor.
func TestQuoting(t *testing.T) {
	names := []string{"a", "A", "a b", `a"b`, "é", "1a", "a1", "_", "$a", "a$", "", "\n", "a.b"}
	for _, k := range Keywords() {
		names = append(names, k.Word)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		q := quoteIdent(name)
		sql := "select " + q + ", s." + q + ", " + q + "(1), 1::" + q + ", 1 as " + q + " from " + q + ", a as " + q + ", " + q +
			"() group by " + q + "(1)"
		s := mustParse(t, sql)[0].Stmt.(*Select)
		if got := s.Targets[0].X.(*ColumnRef).Parts[0]; got != name {
			t.Errorf("%s: column %q", q, got)
		}
		if got := s.Targets[2].X.(*Call).Name.Name; got != name {
			t.Errorf("%s: function %q", q, got)
		}
		if got := s.Targets[3].X.(*Cast).Type.Name.Name; got != name {
			t.Errorf("%s: type %q", q, got)
		}
		if got := s.From[0].(*Table).Name.Name; got != name {
			t.Errorf("%s: table %q", q, got)
		}
		if _, ok := s.GroupBy[0].(*Call); !ok {
			t.Errorf("%s: no call in GROUP BY", q)
		}
		for _, sql := range []string{"close " + q, "fetch " + q, "release " + q, "deallocate " + q, "move from " + q, "with " +
			q + " as (select 1) select over (" + q + ")", "set " + q + " to 1", "show " + q, "listen " + q} {
			if strings.Contains(sql, "over") {
				sql = strings.Replace(sql, "select over", "select f() over", 1)
			}
			if diff := fixpoint(sql); diff != "" {
				t.Error(diff)
			}
			mustParse(t, sql)
		}
	}
	for _, s := range []string{"", "'", "''", `\`, "a\nb", "é", "$1", "--", "/*"} {
		x, err := ParseExpr(quoteLiteral(s))
		if err != nil || x.(*Literal).Text != s {
			t.Errorf("%q comes back as %v, %v", s, x, err)
		}
	}
}
