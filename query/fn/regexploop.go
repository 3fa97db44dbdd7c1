package fn

import (
	"bytes"
	"io"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

const (
	// maxRegexpStates bounds the weight of an expression: with more, its memory and the time without a look for the end of the statement
	// would be much.
	maxRegexpStates = 1 << 17
	// maxRegexpSteps bounds the states of an expression times the bytes of a text: it takes some ten seconds at most.
	maxRegexpSteps = 1 << 29
	// maxUnwatched bounds the same for a match during which nothing looks for the end of the statement.
	maxUnwatched = 1 << 21
	// maxMatches bounds the matches of an expression in one text.
	maxMatches = 1 << 20
	// matchBytes is what a match takes besides its positions.
	matchBytes = 24
)

// lookBehind are the conditions that ask for the character before.
const lookBehind = syntax.EmptyBeginLine | syntax.EmptyBeginText | wordEnds

// wordEnds are the conditions that ask for words, which to package regexp are of ASCII alone.
const wordEnds = syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary

// A compiledRegexp is an expression that is matched with looks for the end of the statement, which package regexp has not.
type compiledRegexp struct {
	re      *regexp.Regexp // takes the longest match
	program *syntax.Prog
	prefers preference
	asks    syntax.EmptyOp // all the conditions in it
	weight  int            // its states, more for many groups: what a character costs
	prefix  []byte         // every match begins with it
	whole   bool           // prefix is all there is
	atTop   bool           // matches at the beginning of a text alone
}

func newCompiledRegexp(expression string) (*compiledRegexp, error) {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, value.Errorf(value.CodeBadRegexp, "invalid regular expression: %s", regexpFault(err))
	}
	if sizeOfRegexp(tree)*weightOf(tree.MaxCap()) > maxRegexpStates {
		return nil, value.Errorf(value.CodeProgramLimit, "regular expression is too complex")
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, value.Errorf(value.CodeBadRegexp, "invalid regular expression: %s", regexpFault(err))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	re.Longest()
	c := &compiledRegexp{
		re: re, program: program, prefers: preferenceOf(expression), weight: len(program.Inst) * weightOf(re.NumSubexp()),
		atTop: program.StartCond()&syntax.EmptyBeginText != 0,
	}
	prefix, whole := re.LiteralPrefix()
	c.prefix, c.whole = []byte(prefix), whole
	for _, in := range program.Inst {
		if in.Op == syntax.InstEmptyWidth {
			c.asks |= syntax.EmptyOp(in.Arg)
		}
	}
	return c, nil
}

// weightOf returns how much more a state costs in an expression with so many groups, which go from state to state.
func weightOf(groups int) int { return 1 + groups/4 }

// sizeOfRegexp returns about how many states an expression has, at most maxRegexpStates and one.
func sizeOfRegexp(tree *syntax.Regexp) int {
	n := max(1, len(tree.Rune))
	if tree.Op == syntax.OpCharClass {
		n = 1 + len(tree.Rune)/64 // one state; its ranges take little
	}
	for _, sub := range tree.Sub {
		n = min(n+sizeOfRegexp(sub)+1, maxRegexpStates+1)
	}
	if tree.Op == syntax.OpRepeat {
		n *= max(1, tree.Min, tree.Max)
	}
	return min(n, maxRegexpStates+1)
}

// A watchedText reads a text, and ends early when the statement has been canceled.
type watchedText struct {
	env  *Env
	s    []byte
	read int // characters
}

func (t *watchedText) ReadRune() (rune, int, error) {
	if t.read++; t.read&0xfff == 0 && t.env.Check() != nil {
		return 0, 0, io.EOF
	}
	if len(t.s) == 0 {
		return 0, 0, io.EOF
	}
	r, n := utf8.DecodeRune(t.s)
	t.s = t.s[n:]
	return r, n, nil
}

// match reports whether c matches in s. The error is 57014.
func (c *compiledRegexp) match(env *Env, s []byte) (bool, error) {
	if err := env.Check(); err != nil {
		return false, err
	}
	if c.asks&wordEnds != 0 {
		m, err := c.find(env, s, 0)
		return m != nil, err
	}
	if c.unwatched(s) {
		return c.re.Match(s), nil
	}
	ok := c.re.MatchReader(&watchedText{env: env, s: s})
	return ok, env.Check()
}

func (c *compiledRegexp) unwatched(s []byte) bool { return c.whole || len(s) <= maxUnwatched/c.weight }

// find returns the first match of c in s that begins at byte from or after, as FindSubmatchIndex does; nil if there is none. Of
// those that begin there it is the one that c prefers. from is the beginning of a character. The error is 57014.
func (c *compiledRegexp) find(env *Env, s []byte, from int) ([]int, error) {
	if err := env.Check(); err != nil {
		return nil, err
	}
	if from > 0 && c.atTop {
		return nil, nil
	}
	next := bytes.Index(s[from:], c.prefix)
	if next < 0 {
		return nil, nil
	}
	from += next
	if c.prefers == shortest || c.asks&wordEnds != 0 || c.asks&lookBehind != 0 && from > 0 {
		return c.walk(env, s, from)
	}
	rest := s[from:]
	var m []int
	if c.unwatched(rest) {
		m = c.re.FindSubmatchIndex(rest)
	} else {
		m = c.re.FindReaderSubmatchIndex(&watchedText{env: env, s: rest})
		if err := env.Check(); err != nil {
			return nil, err
		}
	}
	for i, at := range m {
		if at >= 0 {
			m[i] = at + from
		}
	}
	return m, nil
}

// all returns up to limit matches of c in s, -1 for all, as find gives them, from byte from on. The errors are 54000 and 57014.
func (c *compiledRegexp) all(env *Env, s []byte, from, limit int) (list [][]int, err error) {
	var room room
	for at := from; at <= len(s) && (limit < 0 || len(list) < limit); {
		m, err := c.find(env, s, at)
		if err != nil {
			return nil, err
		}
		if m == nil {
			break
		}
		if at = m[1]; m[0] == m[1] {
			_, n := utf8.DecodeRune(s[at:])
			at += max(1, n)
		}
		if list = append(list, m); len(list) > maxMatches {
			return nil, value.Errorf(value.CodeProgramLimit, "regular expression matches more than %d times", maxMatches)
		}
		if err := room.take(env, len(list)*(matchBytes+8*len(m))); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// split returns the parts of s between the matches of c. Empty matches at its ends and right behind another match divide
// nothing. The errors are those of all.
func (c *compiledRegexp) split(env *Env, s []byte) ([][]byte, error) {
	list, err := c.all(env, s, 0, -1)
	if err != nil {
		return nil, err
	}
	var parts [][]byte
	end := 0 // of the match before
	for _, m := range list {
		if m[0] < len(s) && m[1] > end {
			parts = append(parts, s[end:m[0]:m[0]])
			end = m[1]
		}
	}
	return append(parts, s[end:]), nil
}
