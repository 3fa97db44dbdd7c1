package parse

import (
	"strconv"
	"strings"
)

var literalKinds = [...]LiteralKind{tkString: String, tkBit: Bit, tkHex: Hex, tkInteger: Integer, tkFloat: Float}

// primary reads an operand without operators.
func (p *parser) primary() Expr {
	switch loc := p.loc(); p.tok.kind {
	case tkIdent:
		return p.wordExpr()
	case tkString, tkInteger, tkFloat, tkBit, tkHex:
		return p.constant()
	case tkParam:
		return p.indirection(p.param())
	case tkLeftParen:
		query, list := p.parens(false)
		return p.parenthesized(query, list, loc)
	}
	p.fail()
	return nil
}

// constant reads a constant that is one token.
func (p *parser) constant() *Literal {
	c := p.literals.one()
	c.Loc, c.Kind, c.Text = p.loc(), literalKinds[p.tok.kind], p.tok.text
	p.advance()
	return c
}

// param reads $n.
func (p *parser) param() Expr {
	loc, text := p.loc(), p.take()
	n, err := strconv.Atoi(text)
	if err != nil || n > MaxParams {
		panic(&Error{Code: CodeTooManyArguments, Pos: int(loc),
			Message: "number of parameters must be between 0 and " + strconv.Itoa(MaxParams)})
	}
	if n == 0 {
		p.refuse(CodeUndefinedParameter, "there is no parameter $0", loc)
	}
	p.params = max(p.params, n)
	return &Param{loc, n}
}

// startsQuery tells whether tok starts a query that does not begin with a parenthesis.
func (p *parser) startsQuery() bool {
	switch p.tok.kw {
	case kwSelect, kwWith, kwTable:
		return true
	case kwValues:
		return p.peekKind(tkLeftParen)
	}
	return false
}

// continuesQuery tells whether tok goes on with a query after a query in parentheses.
func (p *parser) continuesQuery() bool {
	switch p.tok.kw {
	case kwUnion, kwIntersect, kwExcept, kwOrder, kwLimit, kwOffset, kwFetch, kwFor:
		return true
	}
	return false
}

// parens reads a parenthesis that holds a query, or one or more expressions. Which of them, the tokens at its start need
// not tell: ((SELECT 1) UNION …) and ((SELECT 1) + 1) look the same up to the operator. If single is set, one
// expression is all.
func (p *parser) parens(single bool) (query *Select, list []Expr) {
	p.expectKind(tkLeftParen)
	var first Expr
	switch loc := p.loc(); {
	case p.startsQuery():
		query = p.query()
		p.expectKind(tkRightParen)
		return query, nil
	case p.tok.kind == tkLeftParen:
		outer := p.enter()
		query, list = p.parens(false)
		switch {
		case query != nil && p.continuesQuery():
			query = p.queryFrom(query)
		case query == nil || p.tok.kind != tkRightParen:
			first = p.operators(p.parenthesized(query, list, loc), precNone, full)
			query = nil
		}
		p.leave(outer)
		if query != nil {
			p.expectKind(tkRightParen)
			return query, nil
		}
	default:
		first = p.expr()
	}
	if single {
		list = []Expr{first}
	} else {
		list = p.exprListFrom(first)
	}
	p.expectKind(tkRightParen)
	return nil, list
}

// parenthesized makes an operand of what parens has read at loc, and of the subscripts and fields that follow.
func (p *parser) parenthesized(query *Select, list []Expr, loc Loc) Expr {
	switch {
	case query != nil:
		return p.indirection(&Subquery{loc, ScalarSubquery, query})
	case len(list) == 1:
		if s, ok := list[0].(*Subscript); ok && p.tok.kind == tkLeftBracket {
			s.Closed = true
		}
		return p.indirection(list[0])
	}
	return p.overlaps(&Row{Loc: loc, Elems: list})
}

// queryInParens reads a parenthesis that has to hold a query.
func (p *parser) queryInParens() *Select {
	p.expectKind(tkLeftParen)
	var query *Select
	switch {
	case p.startsQuery():
		query = p.query()
	case p.tok.kind == tkLeftParen:
		outer := p.enter()
		query = p.queryFrom(p.queryInParens())
		p.leave(outer)
	default:
		p.fail()
	}
	p.expectKind(tkRightParen)
	return query
}

// overlaps reads OVERLAPS (…) if it follows the row left.
func (p *parser) overlaps(left *Row) Expr {
	loc := p.loc()
	if !p.accept(kwOverlaps) {
		return left
	}
	if !p.is(kwRow) && p.tok.kind != tkLeftParen {
		p.fail()
	}
	rightLoc := p.loc()
	explicit := p.accept(kwRow)
	p.expectKind(tkLeftParen)
	var right []Expr
	if !explicit || p.tok.kind != tkRightParen {
		right = p.exprList()
	}
	p.expectKind(tkRightParen)
	if len(left.Elems) != 2 {
		p.refuse(CodeSyntax, "wrong number of parameters on left side of OVERLAPS expression", left.Loc)
	}
	if len(right) != 2 {
		p.refuse(CodeSyntax, "wrong number of parameters on right side of OVERLAPS expression", rightLoc)
	}
	return p.system("overlaps", loc, left.Elems[0], left.Elems[1], right[0], right[1])
}

// indirection reads the subscripts and fields that follow x.
func (p *parser) indirection(x Expr) Expr {
	for {
		loc := p.loc()
		switch p.tok.kind {
		case tkDot:
			p.advance()
			if p.acceptKind(tkStar) {
				p.grow()
				p.afterStar()
				return &Star{Loc: loc, X: x}
			}
			x = &Field{loc, x, p.label()}
		case tkLeftBracket:
			x = p.subscript(x)
		default:
			return x
		}
		p.grow()
	}
}

// afterStar refuses fields and subscripts of all fields.
func (p *parser) afterStar() {
	more := false
	for p.tok.kind == tkDot || p.tok.kind == tkLeftBracket {
		more = true
		if p.tok.kind == tkLeftBracket {
			p.subscript(nil)
			continue
		}
		p.advance()
		if !p.acceptKind(tkStar) {
			p.label()
		}
	}
	if more {
		p.lexer.fail(`improper use of "*"`, int(p.tok.pos), int(p.tok.end))
	}
}

// subscript reads [i] or [lower:upper].
func (p *parser) subscript(x Expr) Expr {
	s := &Subscript{Loc: p.loc(), X: x}
	p.expectKind(tkLeftBracket)
	if p.tok.kind != tkColon {
		s.Lower = p.expr()
	}
	if p.acceptKind(tkColon) {
		s.Slice = true
		if p.tok.kind != tkRightBracket {
			s.Upper = p.expr()
		}
	}
	p.expectKind(tkRightBracket)
	return s
}

// wordExpr reads an operand that starts with a word.
func (p *parser) wordExpr() Expr {
	if p.tok.kw == 0 {
		return p.nameExpr()
	}
	loc := p.loc()
	switch p.tok.kw {
	case kwNull:
		p.advance()
		return &Literal{loc, Null, ""}
	case kwTrue, kwFalse:
		return &Literal{loc, Bool, p.take()}
	case kwCase:
		return p.caseExpr()
	case kwArray:
		p.advance()
		if p.tok.kind == tkLeftParen {
			return &Subquery{loc, ArraySubquery, p.queryInParens()}
		}
		return p.array(loc)
	case kwDefault:
		p.refuse(CodeSyntax, "DEFAULT is not allowed in this context", loc)
	case kwCurrentDate, kwCurrentTime, kwCurrentTimestamp, kwLocaltime, kwLocaltimestamp, kwCurrentRole,
		kwCurrentUser, kwSessionUser, kwUser, kwCurrentCatalog:
		return p.valueFunc()
	case kwCurrentSchema:
		if !p.peekKind(tkLeftParen) && !p.peekKind(tkString) {
			return p.valueFunc()
		}
	case kwCollation:
		if p.peek().kw == kwFor {
			p.expect(kwCollation, kwFor)
			p.expectKind(tkLeftParen)
			x := p.expr()
			p.expectKind(tkRightParen)
			return p.system("pg_collation_for", loc, x)
		}
	case kwCast:
		return p.castExpr()
	}
	if x := p.specialCall(); x != nil {
		return x
	}
	if p.startsTypedConstant() {
		return p.typedConstant()
	}
	return p.nameExpr()
}

// castExpr reads CAST (x AS type).
func (p *parser) castExpr() Expr {
	loc := p.loc()
	p.expect(kwCast)
	p.expectKind(tkLeftParen)
	x := p.expr()
	p.expect(kwAs)
	t := p.typeName()
	p.expectKind(tkRightParen)
	return &Cast{loc, x, t}
}

// caseExpr reads CASE … END.
func (p *parser) caseExpr() Expr {
	c := &Case{Loc: p.loc()}
	p.expect(kwCase)
	if !p.is(kwWhen) {
		c.Operand = p.expr()
	}
	for p.is(kwWhen) || c.Whens == nil {
		w := When{Loc: p.loc()}
		p.expect(kwWhen)
		w.Cond = p.expr()
		p.expect(kwThen)
		w.Result = p.expr()
		c.Whens = append(c.Whens, w)
	}
	if p.accept(kwElse) {
		c.Else = p.expr()
	}
	p.expect(kwEnd)
	return c
}

// array reads [a, b …] or [[…], […] …] after ARRAY at loc.
func (p *parser) array(loc Loc) Expr {
	outer := p.enter()
	defer p.leave(outer)
	p.expectKind(tkLeftBracket)
	a := &Array{Loc: loc}
	switch p.tok.kind {
	case tkRightBracket:
	case tkLeftBracket:
		a.Elems = append(a.Elems, p.array(p.loc()))
		for p.acceptKind(tkComma) {
			a.Elems = append(a.Elems, p.array(p.loc()))
		}
	default:
		a.Elems = p.exprList()
	}
	p.expectKind(tkRightBracket)
	return a
}

// valueFunc reads a function that is a word, with a precision if it may have one.
func (p *parser) valueFunc() Expr {
	f := &ValueFunc{Loc: p.loc(), Precision: -1}
	k := p.tok.kw
	f.Name = p.take()
	switch k {
	case kwCurrentTime, kwCurrentTimestamp, kwLocaltime, kwLocaltimestamp:
		if p.acceptKind(tkLeftParen) {
			f.Precision = int(p.integer())
			p.expectKind(tkRightParen)
		}
	}
	return f
}

// startsTypedConstant tells whether tok, a keyword, is the type of a constant: DATE 'x' and the like, for the types that
// are keywords.
func (p *parser) startsTypedConstant() bool {
	switch p.tok.kw {
	case kwInt, kwInteger, kwSmallint, kwBigint, kwReal, kwBoolean:
		return p.peekKind(tkString)
	case kwFloat, kwDecimal, kwDec, kwNumeric, kwVarchar, kwInterval:
		return p.peekKind(tkString) || p.peekKind(tkLeftParen)
	case kwBit, kwCharacter, kwChar, kwNchar:
		return p.peekKind(tkString) || p.peekKind(tkLeftParen) || p.peek().kw == kwVarying
	case kwTime, kwTimestamp:
		return p.peekKind(tkString) || p.peekKind(tkLeftParen) || p.peek().kw == kwWith || p.peek().kw == kwWithout
	case kwNational:
		return p.peek().kw == kwCharacter || p.peek().kw == kwChar
	case kwDouble:
		return p.peek().kw == kwPrecision
	}
	return false
}

// typedConstant reads a type and a string constant. CHAR and BIT without length do not cut the constant.
func (p *parser) typedConstant() Expr {
	t := &TypeName{}
	t.Loc = p.loc()
	interval := p.is(kwInterval)
	p.simpleType(t)
	if (t.Name.Name == "bpchar" || t.Name.Name == "bit") && p.src[p.last-1] != ')' {
		t.Mods = nil
	}
	if p.tok.kind != tkString {
		p.fail()
	}
	c := p.constant()
	if interval && t.Mods == nil {
		p.intervalFields(t)
	}
	return &Cast{t.Loc, c, t}
}

// nameExpr reads what starts with a name: a column, a function call, or a constant with the name of its type.
func (p *parser) nameExpr() Expr {
	loc, cls := p.loc(), p.tok.class
	if cls == reserved {
		p.fail()
	}
	var buf [4]string
	parts := append(buf[:0], p.take())
	for p.tok.kind == tkDot && cls != typeOrFunc {
		p.advance()
		if p.acceptKind(tkStar) {
			p.afterStar()
			return &Star{Loc: loc, Parts: p.keep(parts)}
		}
		if len(parts) == 4 {
			p.tooManyDots(parts, loc)
		}
		parts = append(parts, p.label())
	}
	isFunc := len(parts) > 1 || cls != columnName
	switch {
	case isFunc && p.tok.kind == tkLeftParen:
		return p.call(p.nameOf(parts, loc))
	case isFunc && p.tok.kind == tkString:
		t := &TypeName{Name: p.nameOf(parts, loc)}
		return &Cast{loc, p.constant(), t}
	case cls == typeOrFunc:
		p.fail()
	}
	c := p.columns.one()
	c.Loc, c.Parts = loc, p.keep(parts)
	if p.tok.kind == tkLeftBracket {
		return p.indirection(c)
	}
	return c
}

// keep copies parts to where they stay.
func (p *parser) keep(parts []string) []string {
	list := p.texts.take(len(parts))
	copy(list, parts)
	return list
}

// nameOf makes a name of its parts, which stand at loc.
func (p *parser) nameOf(parts []string, loc Loc) Name {
	n := Name{Loc: loc, Name: parts[len(parts)-1]}
	switch len(parts) {
	case 2:
		n.Schema = parts[0]
	case 3:
		n.Catalog, n.Schema = parts[0], parts[1]
	case 4:
		p.refuse(CodeSyntax, "improper qualified name (too many dotted names): "+strings.Join(parts, "."), loc)
	}
	return n
}
