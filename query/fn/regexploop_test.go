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
	"unicode/utf8"

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

// TestMatchLoop compares the matches with what trying each place of a text gives, both for short texts and
// for texts so long that matches are watched, which a large number of states stands for here; and the longest match with that of
// package regexp.
func TestMatchLoop(t *testing.T) {
	env := testEnv()
	for _, pattern := range loopPatterns {
		for _, states := range []int{0, maxUnwatched * 2} {
			c, err := newCompiledRegexp(pattern)
			if err != nil {
				t.Fatal(pattern, err)
			}
			c.weight = max(c.weight, states)
			for _, text := range loopTexts() {
				compareLoop(t, env, c, pattern, text)
			}
		}
	}
}

// tryAll returns the matches of c in a text from a place on, found by trying each place.
func tryAll(t *testing.T, env *Env, c *compiledRegexp, text string, from int) (list [][]int) {
	t.Helper()
	for at := from; at <= len(text); at++ {
		if at < len(text) && !utf8.RuneStart(text[at]) {
			continue
		}
		m, err := c.walk(env, []byte(text), at)
		if err != nil {
			t.Fatal(err)
		}
		if m != nil && m[0] == at {
			list = append(list, m)
			at = max(at, m[1]-1)
		}
	}
	return list
}

func compareLoop(t *testing.T, env *Env, c *compiledRegexp, pattern, text string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	re.Longest()
	for from := 0; from <= len(text); from++ {
		if from < len(text) && !utf8.RuneStart(text[from]) {
			continue
		}
		for _, limit := range []int{-1, 1, 2} {
			want := tryAll(t, env, c, text, from)
			if limit >= 0 {
				want = want[:min(limit, len(want))]
			}
			if got, err := c.all(env, []byte(text), from, limit); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q in %q from %d, at most %d: %v, %v; want %v", pattern, text, from, limit, got, err, want)
			}
		}
	}
	got, err := c.find(env, []byte(text), 0)
	if ok, err := c.match(env, []byte(text)); err != nil || ok != (got != nil) {
		t.Fatalf("%q in %q: %v, %v", pattern, text, ok, err)
	}
	want := re.FindStringSubmatchIndex(text)
	switch {
	case c.asks&wordEnds != 0: // regexp knows words of ASCII alone
	case err != nil || (got == nil) != (want == nil) || got != nil && got[0] != want[0] || c.prefers != shortest && !slices.Equal(got, want):
		t.Fatalf("%q in %q: %v, %v; want %v", pattern, text, got, err, want)
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
			c.weight = maxUnwatched * 2
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
	_, err = c.all(env, bytes.Repeat([]byte("a"), 1<<16), 0, -1)
	if e := (*value.Error)(nil); !errors.As(err, &e) || e.Code != value.CodeCanceled {
		t.Errorf("error %v", err)
	}
}
