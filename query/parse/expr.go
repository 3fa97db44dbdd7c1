package parse

// Precedences, low to high. The comparisons, the range operators and IS do not associate.
const (
	precNone = iota
	precOr
	precAnd
	precNot
	precIs
	precCompare
	precRange // BETWEEN IN LIKE ILIKE SIMILAR
	precOther // operators without a precedence of their own
	precAdd
	precMultiply
	precPower
	precAt
	precCollate
	precUnary // signs
	precCast
)

// A mode restricts what an expression may hold at its top.
type mode uint8

const (
	full mode = iota
	// restricted is Postgres' b_expr, for places where AND or IN ends an expression: only arithmetic, comparisons, casts
	// and IS DISTINCT FROM.
	restricted
)

var kindPrec = [...]uint8{
	tkOp: precOther, tkPlus: precAdd, tkMinus: precAdd, tkStar: precMultiply, tkSlash: precMultiply,
	tkPercent: precMultiply, tkCaret: precPower, tkLess: precCompare, tkGreater: precCompare, tkEqual: precCompare,
	tkLessEqual: precCompare, tkGreaterEqual: precCompare, tkNotEqual: precCompare, tkTypecast: precCast, tkOther: 0,
}

// expr reads an expression.
func (p *parser) expr() Expr { return p.exprAbove(precNone, full) }

// exprAbove reads an expression up to the first operator that does not bind tighter than prec.
func (p *parser) exprAbove(prec int, m mode) Expr {
	outer := p.enter()
	x := p.operators(p.operand(m), prec, m)
	p.leave(outer)
	return x
}

// exprList reads one or more expressions with commas between them.
func (p *parser) exprList() []Expr {
	return p.exprListFrom(p.expr())
}

// exprListFrom reads the rest of a list of which the first element has been read.
func (p *parser) exprListFrom(first Expr) []Expr {
	base := len(p.scratch)
	p.scratch = append(p.scratch, first)
	for p.acceptKind(tkComma) {
		x := p.expr()
		p.scratch = append(p.scratch, x)
	}
	return p.popList(base)
}

// popList takes the top of the scratch stack, down to base, as a list.
func (p *parser) popList(base int) []Expr {
	list := p.exprs.take(len(p.scratch) - base)
	copy(list, p.scratch[base:])
	clear(p.scratch[base:])
	p.scratch = p.scratch[:base]
	return list
}

// operand reads what stands left of the first binary operator: prefix operators and a primary.
func (p *parser) operand(m mode) Expr {
	loc := p.loc()
	switch p.tok.kind {
	case tkMinus:
		p.advance()
		return p.negate(p.exprAbove(precUnary, m), loc)
	case tkPlus:
		p.advance()
		return &Unary{loc, Operator{Name: "+"}, p.exprAbove(precUnary, m)}
	case tkOp:
		op := Operator{Name: p.take()}
		return &Unary{loc, op, p.exprAbove(precOther, m)}
	case tkIdent:
		if p.is(kwNot) && m != restricted {
			p.advance()
			return &Logic{loc, Not, []Expr{p.exprAbove(precNot, m)}}
		}
		if p.is(kwOperator) && p.peekKind(tkLeftParen) {
			op := p.qualifiedOperator()
			return &Unary{loc, op, p.exprAbove(precOther, m)}
		}
	}
	return p.primary()
}

// negate puts a minus at loc before x: into x if it is a numeric constant.
func (p *parser) negate(x Expr, loc Loc) Expr {
	c, ok := x.(*Literal)
	if !ok || c.Kind != Integer && c.Kind != Float {
		return &Unary{loc, Operator{Name: "-"}, x}
	}
	switch {
	case c.Text[0] == '-':
		c.Text = c.Text[1:]
	case c.Loc == loc+1 && p.src[c.Loc:p.last] == c.Text:
		c.Text = p.src[loc:p.last]
	default:
		c.Text = "-" + c.Text
	}
	c.Loc = loc
	return c
}

// qualifiedOperator reads OPERATOR(schema.op).
func (p *parser) qualifiedOperator() (op Operator) {
	p.expect(kwOperator)
	p.expectKind(tkLeftParen)
	loc, deep := p.loc(), false
	for p.tok.kind == tkIdent {
		deep = op.Schema != ""
		op.Schema = p.colID()
		p.expectKind(tkDot)
	}
	if p.tok.kind < tkOp || p.tok.kind > tkNotEqual {
		p.fail()
	}
	op.Name = p.take()
	if deep {
		p.refuse(CodeFeature, "cross-database references are not implemented: "+excerpt(p.src[loc:p.last]), loc)
	}
	p.expectKind(tkRightParen)
	return op
}

// precedence is that of the operator that tok starts, precNone if it starts none.
func (p *parser) precedence(m mode) int {
	if p.tok.kind != tkIdent {
		if int(p.tok.kind) < len(kindPrec) {
			return int(kindPrec[p.tok.kind])
		}
		return precNone
	}
	if p.tok.kw == 0 {
		return precNone
	}
	switch p.tok.kw {
	case kwIs:
		return precIs
	case kwOperator:
		return precOther
	}
	if m == restricted {
		return precNone
	}
	switch p.tok.kw {
	case kwOr:
		return precOr
	case kwAnd:
		return precAnd
	case kwIsnull, kwNotnull:
		return precIs
	case kwBetween, kwIn, kwLike, kwIlike:
		return precRange
	case kwSimilar:
		if p.peek().kw == kwTo {
			return precRange
		}
	case kwNot:
		switch p.peek().kw {
		case kwBetween, kwIn, kwLike, kwIlike, kwSimilar:
			return precRange
		}
	case kwAt:
		if p.peek().kw == kwTime {
			return precAt
		}
	case kwCollate:
		return precCollate
	}
	return precNone
}

// operators reads the operators that follow x and bind tighter than above, with their right operands.
func (p *parser) operators(x Expr, above int, m mode) Expr {
	open := precNone // of the operator read last, if it does not associate and ended in an operand
	for {
		prec := p.precedence(m)
		if prec <= above {
			return x
		}
		if prec == open {
			p.fail()
		}
		open = precNone
		switch prec {
		case precOr:
			x = p.logic(x, Or, precOr, m)
		case precAnd:
			x = p.logic(x, And, precAnd, m)
		case precIs:
			distinct := false
			if x, distinct = p.isTest(x, m); distinct {
				open = precIs
			}
		case precRange:
			closed := false
			if x, closed = p.rangeTest(x, m); !closed {
				open = precRange
			}
		case precCast:
			loc := p.loc()
			p.advance()
			x = &Cast{loc, x, p.typeName()}
			p.grow()
		case precCollate:
			loc := p.loc()
			p.advance()
			x = &Collate{loc, x, p.qualifiedName()}
			p.grow()
		case precAt:
			loc := p.loc()
			p.expect(kwAt, kwTime, kwZone)
			zone := p.exprAbove(precAt, m)
			x = p.system("timezone", loc, zone, x)
			p.grow()
		default:
			closed := false
			if x, closed = p.binary(x, prec, m); !closed && prec == precCompare {
				open = precCompare
			}
		}
	}
}

// logic reads AND or OR and its right operand.
func (p *parser) logic(x Expr, op LogicOp, prec int, m mode) Expr {
	loc := p.loc()
	p.advance()
	y := p.exprAbove(prec, m)
	if chain, ok := x.(*Logic); ok && chain.Op == op {
		chain.Args = append(chain.Args, y)
		return x
	}
	p.grow()
	return &Logic{loc, op, []Expr{x, y}}
}

// binary reads an operator and its right operand; closed tells that this was ANY (…) or ALL (…).
func (p *parser) binary(x Expr, prec int, m mode) (y Expr, closed bool) {
	loc := p.loc()
	var op Operator
	if p.is(kwOperator) {
		op = p.qualifiedOperator()
	} else {
		op.Name = p.take()
	}
	if m != restricted && p.isQuantifier() {
		return p.quantified(x, op, loc), true
	}
	right := p.exprAbove(prec, m)
	p.grow()
	return &Binary{loc, op, x, right}, false
}

// isQuantifier tells whether ANY, SOME or ALL comes next.
func (p *parser) isQuantifier() bool { return p.is(kwAny) || p.is(kwSome) || p.is(kwAll) }

// quantified reads ANY (…) or ALL (…) after x op.
func (p *parser) quantified(x Expr, op Operator, loc Loc) Expr {
	q := &Quantified{Loc: loc, X: x, Op: op, All: p.is(kwAll)}
	p.advance()
	query, list := p.parens(true)
	if query == nil {
		q.Array = list[0]
	}
	q.Select = query
	p.grow()
	return q
}

// isTest reads IS …, ISNULL and NOTNULL; distinct tells that it ended in an operand.
func (p *parser) isTest(x Expr, m mode) (y Expr, distinct bool) {
	loc := p.loc()
	if k := p.acceptAny(kwIsnull, kwNotnull); k != 0 {
		p.grow()
		return &Is{loc, x, IsNull, k == kwNotnull}, false
	}
	p.expect(kwIs)
	not := p.accept(kwNot)
	if p.accept(kwDistinct) {
		p.expect(kwFrom)
		right := p.exprAbove(precIs, m)
		p.grow()
		return &Distinct{loc, x, right, not}, true
	}
	p.grow()
	k := p.tok.kw
	if m == restricted && k != kwDocument {
		p.fail()
	}
	switch k {
	case kwNull:
		y = &Is{loc, x, IsNull, not}
	case kwTrue:
		y = &Is{loc, x, IsTrue, not}
	case kwFalse:
		y = &Is{loc, x, IsFalse, not}
	case kwUnknown:
		y = &Is{loc, x, IsUnknown, not}
	case kwDocument:
		y = &Is{loc, x, IsDocument, not}
	default:
		y = p.isNormalized(x, loc)
		if not {
			p.grow()
			y = &Logic{loc, Not, []Expr{y}}
		}
		return y, false
	}
	p.advance()
	return y, false
}

// isNormalized reads [NFC …] NORMALIZED.
func (p *parser) isNormalized(x Expr, loc Loc) Expr {
	args := []Expr{x}
	if form := p.normalForm(); form != nil {
		args = append(args, form)
	}
	p.expect(kwNormalized)
	return p.system("is_normalized", loc, args...)
}

// normalForm reads NFC, NFD, NFKC or NFKD as a string, nil if none comes next.
func (p *parser) normalForm() Expr {
	switch loc := p.loc(); p.tok.kw {
	case kwNfc, kwNfd, kwNfkc, kwNfkd:
		return &Literal{loc, String, upperASCII(p.take())}
	}
	return nil
}

// rangeTest reads [NOT] BETWEEN, IN, LIKE, ILIKE or SIMILAR TO; closed tells that it did not end in an operand.
func (p *parser) rangeTest(x Expr, m mode) (y Expr, closed bool) {
	loc := p.loc()
	not := p.accept(kwNot)
	k := p.tok.kw
	p.advance()
	switch k {
	case kwBetween:
		b := &Between{Loc: loc, X: x, Not: not}
		b.Symmetric = p.acceptAny(kwSymmetric, kwAsymmetric) == kwSymmetric
		b.Lower = p.exprAbove(precNone, restricted)
		p.expect(kwAnd)
		b.Upper = p.exprAbove(precRange, m)
		p.grow()
		return b, false
	case kwIn:
		in := &In{Loc: loc, X: x, Not: not}
		in.Select, in.List = p.parens(false)
		p.grow()
		return in, true
	}
	like := &Like{Loc: loc, X: x, Not: not}
	switch k {
	case kwIlike:
		like.Kind = ILikePattern
	case kwSimilar:
		like.Kind = SimilarPattern
		p.expect(kwTo)
	}
	if p.isQuantifier() && k != kwSimilar {
		return p.quantified(x, likeOperator(like.Kind, not), loc), true
	}
	like.Pattern = p.exprAbove(precRange, m)
	if p.accept(kwEscape) {
		like.Escape = p.exprAbove(precRange, m)
	}
	p.grow()
	return like, false
}

// likeOperator is the operator that LIKE or ILIKE stands for.
func likeOperator(k LikeKind, not bool) Operator {
	name := "~~"
	if k == ILikePattern {
		name = "~~*"
	}
	if not {
		name = "!" + name
	}
	return Operator{Name: name}
}
