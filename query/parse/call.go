package parse

// system makes a call of a function of pg_catalog.
func (p *parser) system(name string, loc Loc, args ...Expr) *Call {
	return &Call{Loc: loc, Name: Name{Loc: loc, Schema: catalogSchema, Name: name}, Args: args}
}

// call reads the arguments of the function name and what follows them.
func (p *parser) call(name Name) Expr {
	c := p.plainCall(name)
	if p.tok.kind == tkString && c.Args != nil && !c.Distinct && !c.Variadic {
		t := &TypeName{Name: name, Mods: c.Args}
		return &Cast{name.Loc, p.constant(), t}
	}
	p.callSuffix(c)
	return c
}

// plainCall reads a call without FILTER, OVER and the like.
func (p *parser) plainCall(name Name) *Call {
	c := &Call{Loc: name.Loc, Name: name}
	p.expectKind(tkLeftParen)
	switch {
	case p.tok.kind == tkRightParen:
	case p.acceptKind(tkStar):
		c.Star = true
	default:
		switch p.acceptAny(kwAll, kwDistinct) {
		case kwDistinct:
			c.Distinct = true
			c.Args = p.args(c, false)
		case kwAll:
			c.Args = p.args(c, false)
		default:
			c.Args = p.args(c, true)
		}
		if p.accept(kwOrder) {
			p.expect(kwBy)
			c.OrderBy = p.sortKeys()
		}
	}
	p.expectKind(tkRightParen)
	return c
}

// args reads the arguments of c.
func (p *parser) args(c *Call, variadic bool) []Expr {
	base, named := len(p.scratch), false
	for {
		c.Variadic = variadic && p.accept(kwVariadic)
		loc := p.loc()
		x := p.arg()
		if _, ok := x.(*NamedArg); ok {
			named = true
		} else if named {
			p.refuse(CodeSyntax, "positional argument cannot follow named argument", loc)
		}
		p.scratch = append(p.scratch, x)
		if c.Variadic || !p.acceptKind(tkComma) {
			return p.popList(base)
		}
	}
}

// arg reads one argument, with its name if it has one.
func (p *parser) arg() Expr {
	if p.tok.kind == tkIdent && (p.tok.class <= unreserved || p.tok.class == typeOrFunc) {
		if k := p.peek().kind; k == tkArrow || k == tkColonEqual {
			loc, name := p.loc(), p.take()
			p.advance()
			x := p.expr()
			p.grow()
			return &NamedArg{loc, name, x}
		}
	}
	return p.expr()
}

// callSuffix reads WITHIN GROUP, FILTER and OVER.
func (p *parser) callSuffix(c *Call) {
	if loc := p.loc(); p.accept(kwWithin) {
		switch {
		case c.OrderBy != nil:
			p.refuse(CodeSyntax, "cannot use multiple ORDER BY clauses with WITHIN GROUP", loc)
		case c.Distinct:
			p.refuse(CodeSyntax, "cannot use DISTINCT with WITHIN GROUP", loc)
		case c.Variadic:
			p.refuse(CodeSyntax, "cannot use VARIADIC with WITHIN GROUP", loc)
		}
		p.expect(kwGroup)
		p.expectKind(tkLeftParen)
		p.expect(kwOrder, kwBy)
		c.OrderBy, c.WithinGroup = p.sortKeys(), true
		p.expectKind(tkRightParen)
	}
	if p.accept(kwFilter) {
		p.expectKind(tkLeftParen)
		p.expect(kwWhere)
		c.Filter = p.expr()
		p.expectKind(tkRightParen)
	}
	if p.accept(kwOver) {
		c.Over = p.over()
	}
}

// over reads what follows OVER.
func (p *parser) over() *Window {
	if p.tok.kind != tkLeftParen {
		return &Window{Loc: p.loc(), Name: p.colID()}
	}
	return p.window()
}

// specialCall reads a function call with a syntax of its own; nil if tok starts none.
func (p *parser) specialCall() Expr {
	switch p.tok.kw {
	case kwExists, kwRow, kwCoalesce, kwGreatest, kwLeast, kwNullif, kwGrouping, kwExtract, kwNormalize, kwOverlay,
		kwPosition, kwSubstring, kwTreat, kwTrim, kwXmlconcat, kwXmlelement, kwXmlexists, kwXmlforest, kwXmlparse,
		kwXmlpi, kwXmlroot, kwXmlserialize, kwXmltable:
		if !p.peekKind(tkLeftParen) {
			return nil
		}
	default:
		return nil
	}
	loc, k := p.loc(), p.tok.kw
	name := p.take()
	switch k {
	case kwExists:
		return &Subquery{loc, ExistsSubquery, p.queryInParens()}
	case kwRow:
		p.expectKind(tkLeftParen)
		row := &Row{Loc: loc, Explicit: true}
		if p.tok.kind != tkRightParen {
			row.Elems = p.exprList()
		}
		p.expectKind(tkRightParen)
		return p.overlaps(row)
	case kwCoalesce, kwGreatest, kwLeast, kwNullif, kwGrouping:
		p.expectKind(tkLeftParen)
		c := &Call{Loc: loc, Name: Name{Loc: loc, Name: name}, Keyword: true}
		if k == kwNullif {
			c.Args = []Expr{p.expr()}
			p.expectKind(tkComma)
			c.Args = append(c.Args, p.expr())
		} else {
			c.Args = p.exprList()
		}
		p.expectKind(tkRightParen)
		return c
	case kwExtract:
		return p.extract(loc)
	case kwNormalize:
		return p.normalize(loc)
	case kwOverlay:
		return p.overlay(loc)
	case kwPosition:
		return p.position(loc)
	case kwSubstring:
		return p.substring(loc)
	case kwTreat:
		p.expectKind(tkLeftParen)
		x := p.expr()
		p.expect(kwAs)
		t := p.typeName()
		p.expectKind(tkRightParen)
		return p.system(t.Name.Name, loc, x)
	case kwTrim:
		return p.trim(loc)
	}
	p.unsupported("XML", loc)
	return nil
}

// extract reads (field FROM x).
func (p *parser) extract(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	field := &Literal{Loc: p.loc(), Kind: String}
	if p.tok.kind != tkString && fieldWords[p.tok.kw] == 0 && (p.tok.kind != tkIdent || p.tok.kw != 0) {
		p.fail()
	}
	field.Text = p.take()
	p.expect(kwFrom)
	x := p.expr()
	p.expectKind(tkRightParen)
	return p.system("extract", loc, field, x)
}

// normalize reads (x) or (x, form).
func (p *parser) normalize(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	args := []Expr{p.expr()}
	if p.acceptKind(tkComma) {
		form := p.normalForm()
		if form == nil {
			p.fail()
		}
		args = append(args, form)
	}
	p.expectKind(tkRightParen)
	return p.system("normalize", loc, args...)
}

// keywordCall goes on with a call, in the ordinary form, of a function whose name is a keyword with a form of its own.
// first is an argument read already, or nil.
func (p *parser) keywordCall(name string, loc Loc, first Expr) Expr {
	c := &Call{Loc: loc, Name: Name{Loc: loc, Name: name}}
	base := len(p.scratch)
	if first != nil {
		p.scratch = append(p.scratch, first)
	}
	for first == nil && p.tok.kind != tkRightParen || first != nil && p.acceptKind(tkComma) {
		first = p.arg()
		p.scratch = append(p.scratch, first)
	}
	c.Args = p.popList(base)
	p.expectKind(tkRightParen)
	return c
}

// overlay reads (x PLACING y FROM n [FOR m]), or arguments.
func (p *parser) overlay(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	if p.tok.kind == tkRightParen {
		return p.keywordCall("overlay", loc, nil)
	}
	args := []Expr{p.arg()}
	if !p.accept(kwPlacing) {
		return p.keywordCall("overlay", loc, args[0])
	}
	args = append(args, p.expr())
	p.expect(kwFrom)
	args = append(args, p.expr())
	if p.accept(kwFor) {
		args = append(args, p.expr())
	}
	p.expectKind(tkRightParen)
	return p.system("overlay", loc, args...)
}

// position reads (a IN b).
func (p *parser) position(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	x := p.exprAbove(precNone, restricted)
	p.expect(kwIn)
	y := p.exprAbove(precNone, restricted)
	p.expectKind(tkRightParen)
	return p.system("position", loc, y, x)
}

// substring reads (x FROM n FOR m) and its other forms, or arguments.
func (p *parser) substring(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	if p.tok.kind == tkRightParen {
		return p.keywordCall("substring", loc, nil)
	}
	x := p.arg()
	var from, length Expr
	switch p.acceptAny(kwFrom, kwFor, kwSimilar) {
	case kwFrom:
		from = p.expr()
		if p.accept(kwFor) {
			length = p.expr()
		}
	case kwFor:
		length = p.expr()
		if p.accept(kwFrom) {
			from = p.expr()
			break
		}
		from = &Literal{loc, Integer, "1"}
		t := &TypeName{Name: Name{Loc: Loc(length.Pos())}}
		t.system("int4")
		length = &Cast{t.Loc, length, t}
	case kwSimilar:
		from = p.expr()
		p.expect(kwEscape)
		length = p.expr()
	default:
		return p.keywordCall("substring", loc, x)
	}
	p.expectKind(tkRightParen)
	if length == nil {
		return p.system("substring", loc, x, from)
	}
	return p.system("substring", loc, x, from, length)
}

// trim reads ([BOTH | LEADING | TRAILING] [c FROM] x).
func (p *parser) trim(loc Loc) Expr {
	p.expectKind(tkLeftParen)
	name := "btrim"
	switch p.acceptAny(kwBoth, kwLeading, kwTrailing) {
	case kwLeading:
		name = "ltrim"
	case kwTrailing:
		name = "rtrim"
	}
	var args []Expr
	if p.accept(kwFrom) {
		args = p.exprList()
	} else if args = p.exprList(); len(args) == 1 && p.accept(kwFrom) {
		args = append(p.exprList(), args[0])
	}
	p.expectKind(tkRightParen)
	return p.system(name, loc, args...)
}
