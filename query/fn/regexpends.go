package fn

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A preference says which of the matches that begin at one place an expression takes.
type preference int8

const (
	noPreference preference = iota
	longest
	shortest
)

// preferences is what is still to be read of a valid expression, as translateRegexp makes it.
type preferences string

// preferenceOf returns the preference of an expression: that of the first of its parts that has one, and where it has branches
// the longest match (PostgreSQL's manual, Regular Expression Matching Rules).
func preferenceOf(expression string) preference {
	p := preferences(expression)
	return p.branches()
}

// skip moves on by n bytes.
func (p *preferences) skip(n int) { *p = (*p)[min(n, len(*p)):] }

// branches reads up to the parenthesis that ends them.
func (p *preferences) branches() (first preference) {
	several := false
	for *p != "" && (*p)[0] != ')' {
		if (*p)[0] == '|' {
			several = true
			p.skip(1)
		} else if part := p.part(); first == noPreference {
			first = part
		}
	}
	if several {
		return longest
	}
	return first
}

// part reads a character, a class or a group, and the quantifier behind it.
func (p *preferences) part() (inside preference) {
	switch (*p)[0] {
	case '\\':
		number := strings.HasPrefix(string(*p), `\x{`)
		p.skip(2)
		if number {
			p.skip(strings.IndexByte(string(*p)+"}", '}') + 1)
		}
	case '[':
		p.skip(classLength(string(*p)))
	case '(':
		p.skip(1)
		if strings.HasPrefix(string(*p), "?") {
			p.skip(strings.IndexAny(string(*p)+")", ":)"))
		}
		inside = p.branches()
		p.skip(1)
	default:
		p.skip(1)
	}
	quantifier := string(*p)
	switch {
	case strings.HasPrefix(quantifier, "{"):
		end := strings.IndexByte(quantifier+"}", '}')
		p.skip(end + 1)
		if !strings.Contains(quantifier[:min(end, len(quantifier))], ",") {
			if strings.HasPrefix(string(*p), "?") {
				p.skip(1)
			}
			return inside
		}
	case quantifier != "" && strings.IndexByte("*+?", quantifier[0]) >= 0:
		p.skip(1)
	default:
		return inside
	}
	if strings.HasPrefix(string(*p), "?") {
		p.skip(1)
		return shortest
	}
	return longest
}

// A thread is a state of an expression, with where its match began and the groups so far, as FindSubmatchIndex gives them, which
// it may have in common with others.
type thread struct {
	state  *syntax.Inst
	begin  int
	groups []int
}

// threads are the states that can be reached at some place of a text; what comes first is preferred.
type threads struct {
	program *syntax.Prog
	list    []thread
	seen    []int // by state: 1 + the place where it was reached last
	steps   int   // states reached, and groups copied
}

// reach adds a state that is reached at a place with such characters around it, and what follows from it without a character.
func (t *threads) reach(state uint32, at int, around syntax.EmptyOp, begin int, groups []int) {
	if t.seen[state] == at+1 {
		return
	}
	t.seen[state] = at + 1
	t.steps++
	in := &t.program.Inst[state]
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		t.reach(in.Out, at, around, begin, groups)
		t.reach(in.Arg, at, around, begin, groups)
	case syntax.InstCapture:
		groups = slices.Clone(groups)
		t.steps += len(groups)
		groups[in.Arg] = at
		t.reach(in.Out, at, around, begin, groups)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(in.Arg)&^around == 0 {
			t.reach(in.Out, at, around, begin, groups)
		}
	case syntax.InstNop:
		t.reach(in.Out, at, around, begin, groups)
	case syntax.InstFail:
	default:
		t.list = append(t.list, thread{in, begin, groups})
	}
}

// A walk is a search for the match of an expression that package regexp cannot find: the shortest, or one that depends on what
// package regexp does not see.
type walk struct {
	c         *compiledRegexp
	now, next threads
	none      []int // the groups at the beginning
	match     []int // the best so far
}

// walk is find, by all states of c at a time.
func (c *compiledRegexp) walk(env *Env, s []byte, from int) ([]int, error) {
	states := len(c.program.Inst)
	w := &walk{c: c, now: threads{program: c.program, seen: make([]int, states)}, next: threads{program: c.program, seen: make([]int, states)}}
	w.none = slices.Repeat([]int{-1}, 2*(c.re.NumSubexp()+1))
	before := rune(-1)
	if from > 0 {
		before, _ = utf8.DecodeLastRune(s[:from])
	}
	const unwatched = 1 << 18 // steps without a look for the end of the statement
	for at := from; ; {
		if w.now.steps+w.next.steps > unwatched {
			if err := env.Check(); err != nil {
				return nil, err
			}
			w.now.steps, w.next.steps = 0, 0
		}
		after, n := nextRune(s, at)
		around := emptyWidth(before, after)
		w.step(before, at, around)
		w.settle(at)
		if after < 0 || w.match != nil && len(w.now.list) == 0 {
			return w.match, nil
		}
		before, at = after, at+n
	}
}

// step moves on behind a character to what can be reached at a place, where another match may begin.
func (w *walk) step(before rune, at int, around syntax.EmptyOp) {
	w.next.list = w.next.list[:0]
	for _, t := range w.now.list {
		if t.state.MatchRune(before) {
			w.next.reach(t.state.Out, at, around, t.begin, t.groups)
		}
	}
	if w.match == nil {
		w.next.reach(uint32(w.c.program.Start), at, around, at, w.none)
	}
	w.now, w.next = w.next, w.now
}

// settle takes the match that ends at a place, if there is one, and drops the states that cannot lead to a better one: what begins
// earlier comes first in the list.
func (w *walk) settle(at int) {
	kept := w.now.list[:0]
	for _, t := range w.now.list {
		switch {
		case w.match != nil && (t.begin > w.match[0] || t.begin == w.match[0] && w.c.prefers == shortest):
		case t.state.Op != syntax.InstMatch:
			kept = append(kept, t)
		case w.match == nil || t.begin < w.match[0] || w.match[1] < at:
			w.match = slices.Clone(t.groups)
			w.match[0], w.match[1] = t.begin, at
		}
	}
	w.now.list = kept
}

// nextRune returns the character at byte i of s and its length, -1 at the end.
func nextRune(s []byte, i int) (rune, int) {
	if i == len(s) {
		return -1, 0
	}
	return utf8.DecodeRune(s[i:])
}

// emptyWidth is syntax.EmptyOpContext for words of all scripts.
func emptyWidth(before, after rune) syntax.EmptyOp {
	op := syntax.EmptyOpContext(before, after) &^ (syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary)
	if inWord(before) != inWord(after) {
		return op | syntax.EmptyWordBoundary
	}
	return op | syntax.EmptyNoWordBoundary
}

// inWord reports whether a character is what \w stands for.
func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
