package parse

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what Parse accepts.
const (
	MaxLength  = 16 << 20 // bytes of text
	MaxParams  = 65_535   // the highest parameter: the protocol counts them in 16 bits
	MaxTargets = 1_664    // elements of a select list, as in Postgres

	maxDepth  = 1_000  // of nesting in the text
	maxHeight = 20_000 // of any tree
)

// Parse returns the statements of a query string, none if it holds only space, comments and semicolons. The error is an
// *Error whose position is a byte offset into sql.
//
// The trees refer to the memory of sql.
func Parse(sql string) (list []Statement, err error) { return ParseWithin(sql, nil) }

// ParseWithin is Parse that takes no more memory than its caller grants: took is told of every further 512 tokens, and of the rest
// at the end; an error of it ends the parsing, as an *OverError.
func ParseWithin(sql string, took func(tokens int) error) (list []Statement, err error) {
	p := parser{lexer: lexer{src: sql}, took: took}
	defer p.catch(&err)
	p.start()
	for {
		for p.acceptKind(tkSemicolon) {
		}
		if p.tok.kind == tkEOF {
			p.tell(p.tokens % tokensAtOnce)
			return list, nil
		}
		start := p.tok.pos
		p.params = 0
		first := p.tokens
		node := p.statement()
		if p.tok.kind != tkEOF && p.tok.kind != tkSemicolon {
			p.fail()
		}
		list = append(list, Statement{Stmt: node, Text: sql[start:p.last], Params: p.params, Tokens: p.tokens - first, Notices: p.notices})
		p.notices = nil
	}
}

// ParseExpr reads text that is one expression.
func ParseExpr(text string) (x Expr, err error) {
	p := parser{lexer: lexer{src: text}}
	defer p.catch(&err)
	p.start()
	x = p.expr()
	p.expectKind(tkEOF)
	return x, nil
}

// A parser reads a text token by token. Its methods end with a panic of an *Error at the first mistake.
type parser struct {
	lexer
	tok      token // the next token
	ahead    token // the one after that, if hasAhead
	hasAhead bool
	last     int32 // end of the token before tok

	depth  int                    // how many constructs around tok are open, bounded by maxDepth
	height int                    // height of the highest tree read inside the innermost of them, bounded by maxHeight
	params int                    // highest parameter of the statement
	tokens int                    // read so far
	took   func(tokens int) error // may be nil

	literals slab[Literal]
	columns  slab[ColumnRef]
	exprs    slab[Expr]
	texts    slab[string]
	scratch  []Expr // a stack of unfinished lists
}

// catch turns the panic of a mistake into an error.
func (p *parser) catch(err *error) {
	switch x := recover().(type) {
	case nil:
	case *Error:
		*err = x
	case *OverError:
		*err = x
	default:
		panic(x)
	}
}

// tokensAtOnce is how many tokens ParseWithin's caller is told of at once.
const tokensAtOnce = 512

// start checks the text as a whole and reads the first token.
func (p *parser) start() {
	if len(p.src) > MaxLength {
		panic(&Error{Code: CodeProgramLimit, Message: "statement is too long", Pos: -1,
			Detail: "The text has " + strconv.Itoa(len(p.src)) + " bytes, the limit is " + strconv.Itoa(MaxLength) + "."})
	}
	if !utf8.ValidString(p.src) {
		panic(badEncoding(p.src))
	}
	p.lexer.next(&p.tok)
}

// advance goes to the next token.
func (p *parser) advance() {
	p.last = p.tok.end
	if p.tokens++; p.tokens%tokensAtOnce == 0 {
		p.tell(tokensAtOnce)
	}
	if p.hasAhead {
		p.tok, p.hasAhead = p.ahead, false
		return
	}
	p.lexer.next(&p.tok)
}

// tell tells the caller of tokens.
func (p *parser) tell(tokens int) {
	if p.took == nil || tokens == 0 {
		return
	}
	if err := p.took(tokens); err != nil {
		panic(&OverError{err})
	}
}

// peek returns the token after tok.
func (p *parser) peek() *token {
	if !p.hasAhead {
		p.lexer.next(&p.ahead)
		p.hasAhead = true
	}
	return &p.ahead
}

// loc is the place of tok.
func (p *parser) loc() Loc { return Loc(p.tok.pos) }

// is tells whether tok is the keyword k.
func (p *parser) is(k keyword) bool { return p.tok.kw == k }

// accept goes past the keyword k if it comes next.
func (p *parser) accept(k keyword) bool {
	if p.tok.kw != k {
		return false
	}
	p.advance()
	return true
}

// acceptAny goes past one of the keywords if it comes next, and returns it, else 0.
func (p *parser) acceptAny(ks ...keyword) keyword {
	for _, k := range ks {
		if p.accept(k) {
			return k
		}
	}
	return 0
}

// expect goes past keywords that have to come next.
func (p *parser) expect(ks ...keyword) {
	for _, k := range ks {
		if !p.accept(k) {
			p.fail()
		}
	}
}

// acceptKind goes past a token of kind k if it comes next.
func (p *parser) acceptKind(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.advance()
	return true
}

// expectKind goes past a token of kind k, which has to come next. tkEOF is only checked.
func (p *parser) expectKind(k kind) {
	if p.tok.kind != k {
		p.fail()
	}
	if k != tkEOF {
		p.advance()
	}
}

// peekKind tells whether the token after tok is of kind k.
func (p *parser) peekKind(k kind) bool { return p.peek().kind == k }

// fail refuses tok.
func (p *parser) fail() {
	p.lexer.fail("syntax error", int(p.tok.pos), int(p.tok.end))
}

// refuse ends with an error at pos, for what has the right form but not the right meaning.
func (p *parser) refuse(code, message string, pos Loc) {
	panic(&Error{Code: code, Message: message, Pos: int(pos)})
}

// unsupported refuses what Postgres has and this server has not.
func (p *parser) unsupported(what string, pos Loc) {
	p.refuse(CodeFeature, what+" is not supported", pos)
}

// enter goes one level down in the text and in the tree; leave takes back what it returned.
func (p *parser) enter() (outer int) {
	if p.depth++; p.depth > maxDepth {
		p.tooComplex("nested more than " + strconv.Itoa(maxDepth) + " levels deep")
	}
	outer, p.height = p.height, 0
	return outer
}

func (p *parser) leave(outer int) {
	p.depth--
	p.grow()
	p.height = max(p.height, outer)
}

// grow notes that the tree just read gets a node on top.
func (p *parser) grow() {
	if p.height++; p.height > maxHeight {
		p.tooComplex("a chain of more than " + strconv.Itoa(maxHeight) + " operations")
	}
}

func (p *parser) tooComplex(how string) {
	panic(&Error{Code: CodeTooComplex, Message: "stack depth limit exceeded", Detail: "The statement is " + how + ".",
		Pos: int(p.tok.pos)})
}

// colID reads a name that may be a keyword not reserved, types and functions excepted: of a table, column, role …
func (p *parser) colID() string {
	if p.tok.kind != tkIdent || p.tok.class > columnName {
		p.fail()
	}
	return p.take()
}

// isColID tells whether colID would read tok.
func (p *parser) isColID() bool { return p.tok.kind == tkIdent && p.tok.class <= columnName }

// label reads a name that may be any keyword: after AS or a point.
func (p *parser) label() string {
	if p.tok.kind != tkIdent {
		p.fail()
	}
	return p.take()
}

// word reads a name or any keyword that is not reserved.
func (p *parser) word() string {
	if p.tok.kind != tkIdent || p.tok.class == reserved {
		p.fail()
	}
	return p.take()
}

// take returns the text of tok and goes past it.
func (p *parser) take() string {
	s := p.tok.text
	p.advance()
	return s
}

// stringConst reads a string constant.
func (p *parser) stringConst() string {
	if p.tok.kind != tkString {
		p.fail()
	}
	return p.take()
}

// wordOrString reads what word does, or a string constant.
func (p *parser) wordOrString() string {
	if p.tok.kind == tkString {
		return p.take()
	}
	return p.word()
}

// integer reads an integer constant that fits 32 bits.
func (p *parser) integer() int64 {
	n, err := strconv.ParseInt(p.tok.text, 10, 32)
	if p.tok.kind != tkInteger || err != nil {
		p.fail()
	}
	p.advance()
	return n
}

// signedInteger reads an integer constant that fits 32 bits, with a sign or without.
func (p *parser) signedInteger() int64 {
	if p.acceptKind(tkMinus) {
		return -p.integer()
	}
	p.acceptKind(tkPlus)
	return p.integer()
}

// qualifiedName reads name, schema.name or catalog.schema.name.
func (p *parser) qualifiedName() Name {
	n := Name{Loc: p.loc(), Name: p.colID()}
	p.restOfName(&n)
	return n
}

// restOfName reads the points and names that follow the first part.
func (p *parser) restOfName(n *Name) {
	for parts := 1; p.acceptKind(tkDot); parts++ {
		if parts == 3 {
			p.tooManyDots([]string{n.Catalog, n.Schema, n.Name}, n.Loc)
		}
		if p.acceptKind(tkStar) {
			p.fail()
		}
		n.Catalog, n.Schema, n.Name = n.Schema, n.Name, p.label()
	}
}

// tooManyDots refuses the name at pos, of which parts have been read and more follow.
func (p *parser) tooManyDots(parts []string, pos Loc) {
	for more := true; more; more = p.acceptKind(tkDot) {
		parts = append(parts, p.label())
	}
	p.refuse(CodeSyntax, "improper qualified name (too many dotted names): "+excerpt(strings.Join(parts, ".")), pos)
}

// qualifiedNames reads a list of names.
func (p *parser) qualifiedNames() []Name {
	list := []Name{p.qualifiedName()}
	for p.acceptKind(tkComma) {
		list = append(list, p.qualifiedName())
	}
	return list
}

// names reads (name, name …).
func (p *parser) names() []string {
	var list []string
	for _, c := range p.columnNames() {
		list = append(list, c.Name)
	}
	return list
}

// columnNames reads (column, column …).
func (p *parser) columnNames() []Column {
	p.expectKind(tkLeftParen)
	var list []Column
	for {
		list = append(list, Column{p.loc(), p.colID()})
		if !p.acceptKind(tkComma) {
			break
		}
	}
	p.expectKind(tkRightParen)
	return list
}

// A slab hands out values from arrays that grow with use.
type slab[T any] struct {
	free []T
	size int
}

const maxSlab = 512

// take returns n zero values next to each other, nil if n is 0.
func (s *slab[T]) take(n int) []T {
	if n == 0 {
		return nil
	}
	if n > len(s.free) {
		s.size = max(n, min(2*s.size, maxSlab), 2)
		s.free = make([]T, s.size)
	}
	list := s.free[:n:n]
	s.free = s.free[n:]
	return list
}

// one returns a zero value.
func (s *slab[T]) one() *T { return &s.take(1)[0] }
