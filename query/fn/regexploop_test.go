package fn

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/query/value"
)

// loopPatterns are expressions with every kind of anchor and with empty matches.
var loopPatterns = []string{
	"", "a", "a*", "a+", "a*?", "(a)|(b)", "(a|ab)(c|bcd)*", "^", "$", "^a", "a$", "^$", `\b`, `\B`, `\ba`, `a\b`, `\Ba`, `a\B`, `(?m)^`, `(?m)$`,
	`(?m)^a`, `(?m)^a*$`, `(?s).`, `(?s).*`, `.*`, `.+?`, `\A`, `\z`, `(?m)\Aa|b`, `^a|b`, `(^|,)a`, `(?:^|\b)b*`, "é", "é*", "[^a]", "[^a]*", "ab", "ab|ba",
	`(a*)(b*)`, `(a*)+`, `(?i)A`, `(?i)aB*`, `x*|\b`, `(\s|^)a(\s|$)`, `((a)|b)*?\b`, `ab.*c`, `\bab`, `(?m)ab$`, `a{2,3}`, `(?:a|$)`, `(?:)|b`,
}

func loopTexts() []string {
	texts := []string{""}
	for _, c := range []string{"a", "b", " ", "\n", "é"} {
		for _, t := range slices.Clone(texts) {
			texts = append(texts, t+c, c+t)
		}
	}
	for _, t := range []string{"aaa", "abcd ab\nba", "a,a,,a", "ébé aé", "\n\n", "a b c", " a", "aab abb\n\nabc", "ab ab xab abc"} {
		texts = append(texts, t, t+t)
	}
	return texts
}

// TestMatchLoop compares the matches and the parts between them with those of package regexp, both for short texts and for texts so
// long that matches are watched, which a large number of states stands for here.
func TestMatchLoop(t *testing.T) {
	env := testEnv()
	for _, pattern := range loopPatterns {
		for _, states := range []int{0, maxUnwatched * 2} {
			c, err := newCompiledRegexp(pattern)
			if err != nil {
				t.Fatal(pattern, err)
			}
			c.states = max(c.states, states)
			for _, text := range loopTexts() {
				compareLoop(t, env, c, pattern, text)
			}
		}
	}
}

func compareLoop(t *testing.T, env *Env, c *compiledRegexp, pattern, text string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for _, limit := range []int{-1, 1, 2} {
		want := re.FindAllStringSubmatchIndex(text, limit)
		if got, err := c.all(env, []byte(text), limit); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q in %q, at most %d: %v, %v; want %v", pattern, text, limit, got, err, want)
		}
	}
	if ok, err := c.match(env, []byte(text)); err != nil || ok != re.MatchString(text) {
		t.Fatalf("%q in %q: %v, %v", pattern, text, ok, err)
	}
	var parts []string
	got, err := c.split(env, []byte(text))
	for _, p := range got {
		parts = append(parts, string(p))
	}
	want := re.Split(text, -1)
	if text == "" {
		want = []string{""} // Split gives no part for the empty expression
	}
	if err != nil || !slices.Equal(parts, want) {
		t.Fatalf("%q split by %q: %q, %v; want %q", text, pattern, parts, err, want)
	}
}

// TestMatchLoopRandom does the same with expressions put together at random.
func TestMatchLoopRandom(t *testing.T) {
	env := testEnv()
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b", "(a|b)", "é", `\b`, `\B`, "^", "$", "(?m:^)", "(?m:$)", ".", "(?s:.)", "[^a]", "\n", "(b*)", "a*?", "(?:a|)", "|"}
	for range 3000 {
		var pattern, text strings.Builder
		for range 1 + rng.IntN(4) {
			pattern.WriteString(pieces[rng.IntN(len(pieces))])
		}
		for range rng.IntN(10) {
			text.WriteString([]string{"a", "b", "é", " ", "\n"}[rng.IntN(5)])
		}
		c, err := newCompiledRegexp(pattern.String())
		if err != nil {
			t.Fatal(pattern.String(), err)
		}
		if rng.IntN(2) == 0 {
			c.states = maxUnwatched * 2
		}
		compareLoop(t, env, c, pattern.String(), text.String())
	}
}

// TestMatchCanceled has a match that is under way end with the statement.
func TestMatchCanceled(t *testing.T) {
	c, err := newCompiledRegexp(`(a|aa)*b`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	env := testEnv()
	env.Ctx = ctx
	text := &watchedText{env: env, s: bytes.Repeat([]byte("a"), 1<<16)}
	for range 1000 {
		if _, _, err := text.ReadRune(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if c.re.MatchReader(text) || len(text.s) == 0 {
		t.Errorf("%d bytes left when the match ended", len(text.s))
	}
	_, err = c.all(env, bytes.Repeat([]byte("a"), 1<<16), -1)
	if e := (*value.Error)(nil); !errors.As(err, &e) || e.Code != value.CodeCanceled {
		t.Errorf("error %v", err)
	}
}
