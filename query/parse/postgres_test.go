package parse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgres connects to the server that JURAT_POSTGRES names: "host=127.0.0.1 port=5432 user=postgres".
func postgres(t *testing.T) *pgconn.PgConn {
	t.Helper()
	dsn := os.Getenv("JURAT_POSTGRES")
	if dsn == "" {
		t.Skip("NOT TESTED: comparison with a real PostgreSQL 15 (set JURAT_POSTGRES)")
	}
	conn, err := pgconn.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestPostgres asks a real PostgreSQL 15 about every statement of testdata and of the recordings: it has to refuse what
// Parse refuses, at the same place and in the same words, and to find nothing wrong with the form of what Parse accepts.
// The server only parses; nothing is executed.
func TestPostgres(t *testing.T) {
	ctx, conn := t.Context(), postgres(t)
	checkKeywords(ctx, t, conn)
	var list []string
	for _, cases := range goldenFiles(t) {
		for _, c := range cases {
			list = append(list, c.sql)
		}
	}
	for _, file := range captured(t) {
		list = append(list, file...)
	}
	for _, sql := range list {
		if diff := compare(ctx, conn, sql); diff != "" {
			t.Errorf("%s\n%s", sql, diff)
		}
	}
	t.Logf("%d query strings compared", len(list))

	const mutants = 20_000
	seed := uint64(1)
	if s := os.Getenv("JURAT_SOAK"); s != "" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var differ []string
	for range mutants {
		sql := mutate(r, list[r.IntN(len(list))], list[r.IntN(len(list))])
		if diff := compare(ctx, conn, sql); diff != "" && !otherHead(sql) {
			differ = append(differ, sql+"\n"+diff)
		}
	}
	// What is left: AND, IS and the like as labels without AS (select 1 and), and which of two mistakes is named.
	if len(differ) > mutants/500 {
		t.Errorf("%d of %d mutants differ:\n%s", len(differ), mutants, strings.Join(differ, "\n"))
	}
}

// otherHead tells whether a statement of sql is one that is read by its head alone.
func otherHead(sql string) bool {
	p := parser{lexer: lexer{src: sql}}
	for first := true; ; {
		var err error
		func() {
			defer p.catch(&err)
			p.lexer.next(&p.tok)
		}()
		switch {
		case err != nil, p.tok.kind == tkEOF:
			return false
		case first && (p.is(kwMerge) || p.is(kwCreate) || p.is(kwAlter) || p.is(kwDrop) || p.is(kwTruncate) || p.is(kwLock) ||
			p.is(kwVacuum) || p.is(kwAnalyze) || p.is(kwAnalyse) || p.is(kwGrant) || p.is(kwRevoke) || p.is(kwComment) ||
			p.is(kwRefresh) || p.is(kwReindex) || p.is(kwImport) || p.is(kwReassign) || p.is(kwSecurity) ||
			p.is(kwCheckpoint) || p.is(kwDo) || p.is(kwCall) || p.is(kwCluster) || p.is(kwLoad)):
			return true
		}
		first = p.tok.kind == tkSemicolon
	}
}

// checkKeywords compares the list of keywords with the server's.
func checkKeywords(ctx context.Context, t *testing.T, conn *pgconn.PgConn) {
	results, err := conn.Exec(ctx, `select word, catcode, barelabel from pg_get_keywords() order by word collate "C"`).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	ours := Keywords()
	if len(ours) != len(results[0].Rows) {
		t.Fatalf("%d keywords, Postgres has %d", len(ours), len(results[0].Rows))
	}
	for i, row := range results[0].Rows {
		k := ours[i]
		if k.Word != string(row[0]) || string(k.Class) != string(row[1]) || k.BareLabel != (string(row[2]) == "t") {
			t.Errorf("keyword %v, Postgres has %s", k, row)
		}
	}
}

// compareNames returns how the names of the result columns differ, if s is a query without * that has some.
func compareNames(s Stmt, prepared *pgconn.StatementDescription) string {
	q, ok := s.(*Select)
	for ok && q.Op != 0 {
		q = q.Left
	}
	if !ok || len(prepared.Fields) != len(q.Targets) {
		return ""
	}
	for i, target := range q.Targets {
		name := target.Alias
		if _, star := target.X.(*Star); star {
			return ""
		}
		if name == "" {
			name = DefaultColumnName(target.X)
		}
		if theirs := prepared.Fields[i].Name; name != theirs {
			return fmt.Sprintf("column %d: ours is named %q, Postgres' %q", i+1, name, theirs)
		}
	}
	return ""
}

// words cuts sql into its tokens with the space in front of them, as far as it can.
func words(sql string) (list []string) {
	l := lexer{src: sql}
	defer func() {
		if x := recover(); x != nil {
			if _, ok := x.(*Error); !ok {
				panic(x)
			}
		}
	}()
	var t token
	for start := 0; ; {
		if l.next(&t); t.kind == tkEOF {
			return list
		}
		list = append(list, sql[start:t.end])
		start = int(t.end)
	}
}

// mutate drops, doubles, swaps or replaces a token of sql; the new one comes from other.
func mutate(r *rand.Rand, sql, other string) string {
	list, pool := words(sql), words(other)
	if len(list) < 2 || len(pool) == 0 || len(sql) > 1000 {
		return "select 1"
	}
	i := r.IntN(len(list))
	switch r.IntN(5) {
	case 0:
		list = append(list[:i:i], list[i+1:]...)
	case 1:
		list[i] += " " + list[i]
	case 2:
		j := r.IntN(len(list))
		list[i], list[j] = list[j], list[i]
	case 3:
		list[i] = " " + pool[r.IntN(len(pool))]
	default:
		list[i] += " " + pool[r.IntN(len(pool))]
	}
	return strings.Join(list, " ")
}

// compare returns how Parse and the server differ about sql.
func compare(ctx context.Context, conn *pgconn.PgConn, sql string) string {
	prepared, theirs := conn.Prepare(ctx, "", sql, nil)
	var pg *pgconn.PgError
	if theirs != nil && !errors.As(theirs, &pg) {
		return theirs.Error()
	}
	form := pg != nil && (strings.Contains(pg.Message, " at or near ") || strings.HasSuffix(pg.Message, " at end of input"))
	list, err := Parse(sql)
	ours, _ := err.(*Error)
	if err == nil && theirs == nil && len(list) == 1 {
		return compareNames(list[0].Stmt, prepared)
	}
	switch {
	case ours == nil && form:
		for _, s := range list {
			if _, ok := s.Stmt.(*Other); ok {
				return "" // only the head is read
			}
		}
		return "Parse accepts what Postgres refuses: " + pg.Message
	case ours == nil || ours.Code == CodeFeature || ours.Code == CodeTooManyArguments:
		return ""
	case pg == nil:
		return "Parse refuses what Postgres accepts: " + ours.Error()
	case !strings.Contains(ours.Message, " at ") && (form || strings.Contains("42P01 42703 42883 22P02", pg.Code)):
		return "" // both refuse; Postgres finds another mistake, or a name missing, before it sees our reason
	case pg.Code != ours.Code || pg.Message != ours.Message || pg.Hint != ours.Hint:
		return "ours:     " + ours.Error() + " " + ours.Hint + "\nPostgres: " + pg.Error() + " " + pg.Hint
	case pg.Position != 0 && int(pg.Position) != CharPos(sql, ours.Pos):
		return fmt.Sprintf("ours at %d, Postgres at %d: %v", CharPos(sql, ours.Pos), pg.Position, ours)
	}
	return ""
}

// specialForm matches what Postgres shows in a plan for functions called in a form of their own.
var specialForm = regexp.MustCompile(`\b(AT TIME ZONE|(EXTRACT|OVERLAY|POSITION|SUBSTRING|TRIM|NORMALIZE)\(|NORMALIZED|OVERLAPS)`)

// TestPostgresTrees shows that trees are those that Postgres builds: what they print has the plan of the original. The
// statements are the recorded queries, and expressions put together at random without parentheses.
func TestPostgresTrees(t *testing.T) {
	ctx, conn := t.Context(), postgres(t)
	if err := conn.Exec(ctx, `create temp table t (a int, b int, c bool, d text, e text[], f jsonb, g timestamptz)`).Close(); err != nil {
		t.Fatal(err)
	}
	explain := func(sql string) string {
		results, err := conn.Exec(ctx, "explain (verbose, costs off) "+sql).ReadAll()
		if err != nil {
			return "error"
		}
		var b strings.Builder
		for _, row := range results[0].Rows {
			b.Write(row[0])
			b.WriteByte('\n')
		}
		return b.String()
	}
	check := func(sql string) (plan string) {
		list, err := Parse(sql)
		if err != nil || len(list) != 1 {
			return "error"
		}
		if _, ok := list[0].Stmt.(*Select); !ok {
			return "error"
		}
		plan = explain(sql)
		if specialForm.MatchString(plan) {
			return plan // Postgres remembers how a call was written, and shows it
		}
		if other := explain(list[0].String()); plan != other {
			t.Errorf("%s\nprints as\n%s\nwith another plan:\n%s\n%s", sql, list[0], plan, other)
		}
		return plan
	}
	planned := 0
	for _, file := range captured(t) {
		for _, sql := range file {
			if check(sql) != "error" {
				planned++
			}
		}
	}
	r := rand.New(rand.NewPCG(2, 0))
	for range 20_000 {
		if check("select "+flatExpr(r)+" from t") != "error" {
			planned++
		}
	}
	t.Logf("%d plans compared", planned)
	if planned < 1_500 {
		t.Errorf("only %d plans compared", planned)
	}
}

// flatExpr puts operands and operators together at random, none in parentheses.
func flatExpr(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	numbers := r.IntN(4) > 0
	operand := func() string {
		if numbers {
			return pick("", "", "", "- ", "+ ", "not ", "~ ", "@ ") + pick("a", "b", "1", "2", "abs(a)", "c") +
				pick("", "", "", "", "::int", "::bool")
		}
		return pick("", "", "", "", "", "- ", "+ ", "not ", "~ ", "@ ") +
			pick("a", "b", "a", "b", "c", "c", "d", "e[1]", "f", "g", "1", "2.5", "'x'", "true", "null", "now()", "(a, b)", "abs(a)") +
			pick("", "", "", "", "", "", "::int", "::text", "::bool")
	}
	s := operand()
	for range 1 + r.IntN(4) {
		switch r.IntN(12) {
		case 0:
			s += pick(" is null", " is not null", " isnull", " is true", " is not false", " is unknown")
		case 1:
			s += " " + pick("", "not ") + "between " + operand() + " and " + operand()
		case 2:
			s += " " + pick("", "not ") + "in (" + operand() + ", " + operand() + ")"
		case 3:
			s += " " + pick("", "not ") + pick("like ", "ilike ", "similar to ") + operand() + pick("", "", " escape 'x'")
		case 4:
			s += pick(` collate "C"`, " is distinct from "+operand(), " = any (array[1, 2])", " <> all (e)")
		case 5, 6, 7, 8:
			s += " " + pick("and", "or", "+", "-", "*", "/", "%", "&", "|", "#", "<<", "=", "<") + " " + operand()
		default:
			s += " " + pick("and", "or", "and", "or", "=", "<", ">=", "<>", "+", "-", "*", "/", "%", "^", "||", "||", "&", "|", "#", "<<",
				"->", "->>", "@>", "operator(pg_catalog.+)", "operator(pg_catalog.||)") + " " + operand()
		}
	}
	return s
}
