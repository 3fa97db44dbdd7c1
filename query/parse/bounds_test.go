package parse

import (
	"os"
	"strings"
	"testing"
)

// hostile are texts made of n equal parts that no statement of a client looks like, with the SQLSTATE expected for a
// large n: empty if the statement is in order.
var hostile = []struct {
	name, head, part, tail, code string
}{
	{"parens", "select ", "(", "", CodeTooComplex},
	{"nested calls", "select ", "f(", "", CodeTooComplex},
	{"nested subqueries", "select ", "(select ", "", CodeTooComplex},
	{"nested froms", "", "select * from (", "", CodeTooComplex},
	{"nested joins", "select * from ", "(a join ", "", CodeTooComplex},
	{"pending joins", "select * from a", " join a", "", CodeTooComplex},
	{"case", "select ", "case when ", "", CodeTooComplex},
	{"array", "select array", "[", "", CodeTooComplex},
	{"subscripts in subscripts", "select ", "a[", "", CodeTooComplex},
	{"not", "select ", "not ", "1", CodeTooComplex},
	{"minus", "select ", "- ", "1", CodeTooComplex},
	{"prefix operators", "select ", "@ ", "1", CodeTooComplex},
	{"plus signs", "select ", "+", "1", CodeTooComplex},
	{"with", "", "with a as (", "", CodeTooComplex},
	{"explain", "", "explain ", "select 1", CodeSyntax},
	{"grouping sets", "select 1 group by ", "grouping sets (", "", CodeTooComplex},
	{"between", "select ", "a between ", "1", CodeSyntax},
	{"comparisons", "select 1", "=1", "", CodeSyntax},
	{"sum", "select 1", "+1", "", CodeTooComplex},
	{"concatenation", "select 'a'", "||'a'", "", CodeTooComplex},
	{"casts", "select 1", "::int", "", CodeTooComplex},
	{"subscripts", "select a", "[1]", "", CodeTooComplex},
	{"fields", "select (a)", ".a", "", CodeTooComplex},
	{"tests", "select a", " is null", "", CodeTooComplex},
	{"in", "select a", " in (1)", "", CodeTooComplex},
	{"collations", "select a", ` collate "C"`, "", CodeTooComplex},
	{"time zones", "select a", " at time zone 'a'", "", CodeTooComplex},
	{"any", "select a", " = any(b)", "", CodeTooComplex},
	{"union", "select 1", " union all select 1", "", CodeTooComplex},
	{"intersect", "select 1", " intersect select 1", "", CodeTooComplex},
	{"joins", "select 1 from a", " cross join a", "", CodeTooComplex},
	{"joins on", "select 1 from a", " join a on true", "", CodeTooComplex},
	{"and", "select true", " and true", "", ""},
	{"or", "select true", " or true", "", ""},
	{"and or", "select true", " and true or true", "", ""},
	{"in list", "select 1 in (1", ",1", ")", ""},
	{"values", "insert into t values (1)", ",('a')", "", ""},
	{"arguments", "select f(1", ",1", ")", ""},
	{"array elements", "select array[1", ",1", "]", ""},
	{"branches", "select case 1", " when 1 then 1", " end", ""},
	{"from list", "select 1 from a", ",a", "", ""},
	{"order by", "select 1 order by 1", ",1", "", ""},
	{"targets", "select 1", ",1", "", CodeTooManyColumns},
	{"statements", "select 1", ";select 1", "", ""},
	{"semicolons", "", ";", "", ""},
	{"nested comments", "", "/*", "", CodeSyntax},
	{"comments", "", "/**/", "", ""},
	{"line comments", "", "--\n", "", ""},
	{"quotes", "select '", "''", "'", ""},
	{"open quotes", "select '", "''", "", CodeSyntax},
	{"identifier quotes", `select "`, `""`, `"`, ""},
	{"escapes", "select E'", `\n`, "'", ""},
	{"unicode", "select U&'", `\0061`, "'", ""},
	{"unicode strings", "select ", "U&'a' ", "", CodeSyntax},
	{"continued strings", "select 'a'", "\n'a'", "", ""},
	{"continued escapes", "select E'a'", "\n'\\a'", "", ""},
	{"almost continued", "select 'a'", "\n", "", ""},
	{"dollars", "select $", "a", "$", CodeSyntax},
	{"dollar quotes", "select $a$", "$a", "$a$", ""},
	{"operators", "select 1 ", "<", " 1", CodeSyntax},
	{"minus signs", "select 1 =", "-+", " 1", CodeTooComplex},
	{"long names", "select ", "a", "", ""},
	{"long numbers", "select 1", "0", "", ""},
	{"points", "select 1", ".", "", CodeSyntax},
	{"dots", "select a", ".a", "", CodeSyntax},
	{"long table names", "select 1 from a", ".a", "", CodeSyntax},
	{"type bounds", "select 1::int", "[]", "", ""},
	{"create", "create table t ", "(", "", CodeSyntax},
	{"create body", "create function f() begin atomic ", "select case end;", "end", ""},
	{"settings", "set a = 1", ",1", "", ""},
	{"transaction modes", "begin read only", ",read only", "", ""},
	{"grants", "grant ", "a,", "", CodeSyntax},
	{"windows", "select 1 window w as ()", ", w as ()", "", ""},
	{"ctes", "with a as (select 1)", ", a as (select 1)", " select 1", ""},
}

// TestHostile shows that the bounds hold: no text, however long, makes Parse, or a walk over its tree, fail in another
// way than with an error.
func TestHostile(t *testing.T) {
	sizes := []int{10, 900, 30_000}
	if os.Getenv("JURAT_SOAK") != "" {
		sizes = append(sizes, 1_000_000)
	}
	for _, h := range hostile {
		for _, n := range sizes {
			n = min(n, (MaxLength-len(h.head)-len(h.tail))/len(h.part))
			sql := h.head + strings.Repeat(h.part, n) + h.tail
			list, err := Parse(sql)
			e, _ := err.(*Error)
			switch {
			case err == nil && n >= 30_000 && h.code != "":
				t.Errorf("%s: %d parts are accepted", h.name, n)
			case err != nil && n >= 30_000 && e.Code != h.code:
				t.Errorf("%s: %d parts: %v", h.name, n, err)
			case err != nil && h.code == "":
				t.Errorf("%s: %d parts: %v", h.name, n, err)
			case err != nil && len(e.Message) > 2*maxQuoted:
				t.Errorf("%s: %d parts: message of %d bytes", h.name, n, len(e.Message))
			}
			if err == nil && n < 30_000 {
				if diff := fixpoint(sql); diff != "" {
					t.Errorf("%s: %d parts: %.200s", h.name, n, diff)
				}
			}
			for _, s := range list {
				_ = s.String()
			}
		}
	}
}

// TestHeight shows that the bound on the height of trees holds for chains inside of chains.
func TestHeight(t *testing.T) {
	chain := strings.Repeat("+1", maxHeight/2)
	for _, sql := range []string{
		"select (((1" + chain + ")" + chain + ")" + chain + ")",
		"select f(1" + chain + ")" + chain + chain,
		"select case when a[1" + chain + "] then 1 end" + chain + chain,
		"select (select 1" + chain + ")" + chain + chain,
		"select 1 from (select 1" + chain + ") a" + strings.Repeat(" cross join b", maxHeight),
		"select 1 union select (1" + chain + ")" + strings.Repeat(" union select 1", maxHeight),
	} {
		_, err := Parse(sql)
		if e, ok := err.(*Error); !ok || e.Code != CodeTooComplex {
			t.Errorf("%.60s…: %v", sql, err)
		}
	}
	for _, sql := range []string{"select 1" + chain, "select 1" + chain + ", 1" + chain, "select f(1" + chain + ", 1" + chain + ")"} {
		mustParse(t, sql)
	}
}

// TestLimits checks the limits that are plain numbers.
func TestLimits(t *testing.T) {
	fits := "select '" + strings.Repeat("a", MaxLength-9) + "'"
	mustParse(t, fits)
	_, err := Parse(fits + " ")
	if e, ok := err.(*Error); !ok || e.Code != CodeProgramLimit {
		t.Errorf("a statement too long: %v", err)
	}
	mustParse(t, "select 1"+strings.Repeat(",1", MaxTargets-1))
	if _, err := Parse("select 1" + strings.Repeat(",1", MaxTargets)); err.(*Error).Code != CodeTooManyColumns {
		t.Errorf("too many columns: %v", err)
	}
	if n := mustParse(t, "select $65535")[0].Params; n != MaxParams {
		t.Errorf("%d parameters", n)
	}
	mustParse(t, "select "+strings.Repeat("(", maxDepth-2)+"1"+strings.Repeat(")", maxDepth-2))
	if _, err := Parse("select " + strings.Repeat("(", maxDepth) + "1" + strings.Repeat(")", maxDepth)); err == nil {
		t.Error("nesting too deep is accepted")
	}
}
