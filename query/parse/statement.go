package parse

// statement reads one statement.
func (p *parser) statement() Stmt {
	if s := p.dataStatement(); s != nil {
		return s
	}
	if s := p.sessionStatement(); s != nil {
		return s
	}
	if s := p.cursorStatement(); s != nil {
		return s
	}
	if s := p.otherStatement(); s != nil {
		return s
	}
	p.fail()
	return nil
}

// dataStatement reads a statement that reads or writes tables; nil if tok starts none.
func (p *parser) dataStatement() Stmt {
	if p.tok.kind == tkLeftParen {
		return p.query()
	}
	switch p.tok.kw {
	case kwSelect, kwValues, kwTable:
		return p.query()
	case kwWith:
		return p.withStatement()
	case kwInsert, kwUpdate, kwDelete:
		return p.modify(nil)
	case kwMerge:
		return p.merge()
	case kwCopy:
		return p.copy()
	case kwExplain:
		return p.explain()
	}
	return nil
}

// sessionStatement reads a statement about transactions or settings; nil if tok starts none.
func (p *parser) sessionStatement() Stmt {
	switch p.tok.kw {
	case kwBegin, kwStart, kwCommit, kwEnd, kwRollback, kwAbort, kwSavepoint, kwRelease:
		return p.transaction()
	case kwPrepare:
		if p.peek().kw == kwTransaction {
			return p.transaction()
		}
		return p.prepare()
	case kwSet:
		return p.set()
	case kwShow:
		s := &Show{Loc: p.loc()}
		p.advance()
		s.Name = p.settingOrAll()
		return s
	case kwReset:
		s := &Reset{Loc: p.loc()}
		p.advance()
		s.Name = p.settingOrAll()
		return s
	case kwDiscard:
		d := &Discard{Loc: p.loc()}
		p.advance()
		switch p.acceptAny(kwAll, kwPlans, kwSequences, kwTemp, kwTemporary) {
		case kwAll:
			d.What = "all"
		case kwPlans:
			d.What = "plans"
		case kwSequences:
			d.What = "sequences"
		case kwTemp, kwTemporary:
			d.What = "temp"
		default:
			p.fail()
		}
		return d
	}
	return nil
}

// cursorStatement reads a statement about prepared statements, cursors or notifications; nil if tok starts none.
func (p *parser) cursorStatement() Stmt {
	loc := p.loc()
	switch p.tok.kw {
	case kwExecute:
		return p.execute()
	case kwDeallocate:
		p.advance()
		p.acceptPrepare()
		return &Deallocate{loc, p.nameOrAll()}
	case kwDeclare:
		return p.declare()
	case kwFetch, kwMove:
		return p.fetch()
	case kwClose:
		p.advance()
		return &CloseCursor{loc, p.nameOrAll()}
	case kwListen:
		p.advance()
		return &Listen{loc, p.colID()}
	case kwUnlisten:
		p.advance()
		if p.acceptKind(tkStar) {
			return &Unlisten{loc, ""}
		}
		return &Unlisten{loc, p.colID()}
	case kwNotify:
		p.advance()
		n := &Notify{Loc: loc, Channel: p.colID()}
		if p.acceptKind(tkComma) {
			n.Payload = p.stringConst()
		}
		return n
	}
	return nil
}

// nameOrAll reads a name, or ALL as the empty name.
func (p *parser) nameOrAll() string {
	if p.accept(kwAll) {
		return ""
	}
	return p.colID()
}

// acceptPrepare goes past PREPARE in DEALLOCATE PREPARE name; PREPARE may be the name itself.
func (p *parser) acceptPrepare() {
	if p.is(kwPrepare) && !p.peekKind(tkEOF) && !p.peekKind(tkSemicolon) {
		p.advance()
	}
}

// explain reads EXPLAIN and its statement.
func (p *parser) explain() Stmt {
	e := &Explain{Loc: p.loc()}
	p.expect(kwExplain)
	if p.tok.kind == tkLeftParen && !p.parensHoldQuery() {
		e.Options = p.options(p.optionName)
	} else {
		for _, k := range [...]keyword{kwAnalyze, kwVerbose} {
			if p.is(k) || k == kwAnalyze && p.is(kwAnalyse) {
				e.Options = append(e.Options, Option{Loc: p.loc(), Name: keywords[k].Word})
				p.advance()
			}
		}
	}
	switch p.tok.kw {
	case kwDeclare:
		e.Stmt = p.declare()
	case kwExecute:
		e.Stmt = p.execute()
	case kwMerge:
		e.Stmt = p.merge()
	case kwCreate, kwRefresh:
		e.Stmt = p.otherStatement()
	default:
		e.Stmt = p.preparable()
	}
	return e
}

// parensHoldQuery tells whether the parenthesis that is tok starts a query, not a list of options.
func (p *parser) parensHoldQuery() bool {
	next := p.peek()
	switch next.kw {
	case kwSelect, kwValues, kwWith, kwTable:
		return true
	}
	return next.kind == tkLeftParen
}

// options reads a list of options in parentheses: name [value], … The names are read by name.
func (p *parser) options(name func() string) []Option {
	p.expectKind(tkLeftParen)
	var list []Option
	for {
		o := Option{Loc: p.loc()}
		o.Name = name()
		switch {
		case p.tok.kind == tkStar:
			o.Value = &Star{Loc: p.loc()}
			p.advance()
		case p.acceptKind(tkLeftParen):
			for more := true; more; more = p.acceptKind(tkComma) {
				o.List = append(o.List, p.optionWord().Text)
			}
			p.expectKind(tkRightParen)
		case p.tok.kind != tkComma && p.tok.kind != tkRightParen:
			o.Value = p.settingValue()
		}
		list = append(list, o)
		if !p.acceptKind(tkComma) {
			break
		}
	}
	p.expectKind(tkRightParen)
	return list
}

// optionName reads the name of an option of EXPLAIN or VACUUM. ANALYSE is ANALYZE.
func (p *parser) optionName() string {
	if p.acceptAny(kwAnalyze, kwAnalyse) != 0 {
		return "analyze"
	}
	return p.word()
}

// optionWord reads a word, TRUE, FALSE, ON or a string as a string.
func (p *parser) optionWord() *Literal {
	c := &Literal{Loc: p.loc(), Kind: String}
	switch p.tok.kw {
	case kwTrue, kwFalse, kwOn:
		c.Text = p.take()
	default:
		c.Text = p.wordOrString()
	}
	return c
}

// settingValue reads what optionWord does, or a number with or without sign.
func (p *parser) settingValue() Expr {
	loc := p.loc()
	switch p.tok.kind {
	case tkInteger, tkFloat:
		return p.constant()
	case tkMinus, tkPlus:
		minus := p.tok.kind == tkMinus
		p.advance()
		if p.tok.kind != tkInteger && p.tok.kind != tkFloat {
			p.fail()
		}
		c := p.constant()
		if minus {
			return p.negate(c, loc)
		}
		return c
	}
	return p.optionWord()
}
