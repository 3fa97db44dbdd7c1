package parse

// modify reads INSERT, UPDATE or DELETE after the WITH clause, which is nil if there is none.
func (p *parser) modify(with *With) Stmt {
	switch p.tok.kw {
	case kwInsert:
		return p.insert(with)
	case kwUpdate:
		return p.update(with)
	}
	return p.delete(with)
}

// insert reads an INSERT statement.
func (p *parser) insert(with *With) Stmt {
	s := &Insert{Loc: p.loc(), With: with}
	p.expect(kwInsert, kwInto)
	s.Table.Name = p.qualifiedName()
	if p.accept(kwAs) {
		s.Table.Alias.Name = p.colID()
	}
	if p.tok.kind == tkLeftParen && !p.parensHoldQuery() {
		s.Cols = p.targetColumns()
	}
	if p.accept(kwOverriding) {
		switch p.acceptAny(kwUser, kwSystem) {
		case kwUser:
			s.Overriding = "user"
		case kwSystem:
			s.Overriding = "system"
		default:
			p.fail()
		}
		p.expect(kwValue)
	}
	if s.Cols == nil && s.Overriding == "" && p.accept(kwDefault) {
		p.expect(kwValues)
	} else {
		s.Source = p.query()
	}
	if p.is(kwOn) {
		s.OnConflict = p.onConflict()
	}
	s.Returning = p.returning()
	return s
}

// targetColumns reads the columns to write to in parentheses.
func (p *parser) targetColumns() []Column {
	p.expectKind(tkLeftParen)
	var list []Column
	for {
		list = append(list, p.targetColumn())
		if !p.acceptKind(tkComma) {
			break
		}
	}
	p.expectKind(tkRightParen)
	return list
}

// targetColumn reads a column to write to.
func (p *parser) targetColumn() Column {
	c := Column{p.loc(), p.colID()}
	if p.tok.kind == tkDot || p.tok.kind == tkLeftBracket {
		p.unsupported("writing a part of a column", c.Loc)
	}
	return c
}

// returning reads a RETURNING clause if there is one.
func (p *parser) returning() []Target {
	if !p.accept(kwReturning) {
		return nil
	}
	return p.targets()
}

// onConflict reads an ON CONFLICT clause.
func (p *parser) onConflict() *OnConflict {
	c := &OnConflict{Loc: p.loc()}
	p.expect(kwOn, kwConflict)
	if p.acceptKind(tkLeftParen) {
		for more := true; more; more = p.acceptKind(tkComma) {
			c.Target = append(c.Target, p.indexElement())
		}
		p.expectKind(tkRightParen)
		if p.accept(kwWhere) {
			c.TargetWhere = p.expr()
		}
	} else if p.accept(kwOn) {
		p.expect(kwConstraint)
		c.Constraint = p.colID()
	}
	p.expect(kwDo)
	if p.accept(kwNothing) {
		return c
	}
	p.expect(kwUpdate, kwSet)
	c.Update = true
	c.Set = p.assignments()
	if p.accept(kwWhere) {
		c.Where = p.expr()
	}
	return c
}

// indexElement reads a column, function call or expression in parentheses, with its collation.
func (p *parser) indexElement() Expr {
	loc := p.loc()
	var x Expr
	if p.tok.kind == tkLeftParen {
		p.advance()
		x = p.expr()
		p.expectKind(tkRightParen)
	} else if x = p.wordFunc(); x == nil {
		switch name, isFunc := p.tableOrFunc(); {
		case isFunc:
			x = p.plainCall(name)
		case name.Schema != "":
			p.lexer.fail("syntax error", int(p.last), int(p.last))
		default:
			x = &ColumnRef{loc, []string{name.Name}}
		}
	}
	if loc := p.loc(); p.accept(kwCollate) {
		x = &Collate{loc, x, p.qualifiedName()}
	}
	if p.isColID() || p.is(kwAsc) || p.is(kwDesc) {
		p.unsupported("an operator class or order in ON CONFLICT", p.loc())
	}
	return x
}

// assignments reads the list of a SET clause.
func (p *parser) assignments() []Assignment {
	var list []Assignment
	for {
		var a Assignment
		if p.tok.kind == tkLeftParen {
			a.Multi, a.Cols = true, p.targetColumns()
		} else {
			a.Cols = []Column{p.targetColumn()}
		}
		p.expectKind(tkEqual)
		a.Value = p.assignedValue(a.Multi)
		list = append(list, a)
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

// assignedValue reads the value of an assignment. In (a, b) = (x, DEFAULT) it is a row in which DEFAULT may stand.
func (p *parser) assignedValue(multi bool) Expr {
	loc := p.loc()
	explicit := p.is(kwRow) && p.peekKind(tkLeftParen)
	if !multi || !explicit && (p.tok.kind != tkLeftParen || p.parensHoldQuery()) {
		return p.value()
	}
	if explicit {
		p.advance()
	}
	p.expectKind(tkLeftParen)
	list := p.valueList()
	p.expectKind(tkRightParen)
	if !explicit && len(list) == 1 {
		return p.operators(p.indirection(list[0]), precNone, full)
	}
	return p.operators(&Row{loc, list, explicit}, precNone, full)
}

// update reads an UPDATE statement.
func (p *parser) update(with *With) Stmt {
	s := &Update{Loc: p.loc(), With: with}
	p.expect(kwUpdate)
	s.Table = p.modifyTarget()
	p.expect(kwSet)
	s.Set = p.assignments()
	if p.accept(kwFrom) {
		s.From = p.fromList()
	}
	s.Where, s.CurrentOf = p.whereOrCurrent()
	s.Returning = p.returning()
	return s
}

// delete reads a DELETE statement.
func (p *parser) delete(with *With) Stmt {
	s := &Delete{Loc: p.loc(), With: with}
	p.expect(kwDelete, kwFrom)
	s.Table = p.modifyTarget()
	if p.accept(kwUsing) {
		s.Using = p.fromList()
	}
	s.Where, s.CurrentOf = p.whereOrCurrent()
	s.Returning = p.returning()
	return s
}

// modifyTarget reads the table of UPDATE or DELETE and its alias, which cannot be SET without AS.
func (p *parser) modifyTarget() Table {
	t := p.relation()
	if p.accept(kwAs) || p.isColID() && !p.is(kwSet) {
		t.Alias.Name = p.colID()
	}
	return *t
}

// whereOrCurrent reads WHERE condition or WHERE CURRENT OF cursor.
func (p *parser) whereOrCurrent() (where Expr, cursor string) {
	if !p.accept(kwWhere) {
		return nil, ""
	}
	if p.is(kwCurrent) && p.peek().kw == kwOf {
		p.expect(kwCurrent, kwOf)
		return nil, p.colID()
	}
	return p.expr(), ""
}

// merge reads a MERGE statement as far as its target.
func (p *parser) merge() Stmt {
	s := &Other{Loc: p.loc(), Command: "MERGE"}
	p.expect(kwMerge, kwInto)
	s.Objects = []Name{p.relation().Name}
	return p.skipRest(s)
}

// copy reads a COPY statement.
func (p *parser) copy() Stmt {
	s := &Copy{Loc: p.loc()}
	p.expect(kwCopy)
	if p.acceptKind(tkLeftParen) {
		s.Query = p.preparable()
		p.expectKind(tkRightParen)
		p.expect(kwTo)
	} else {
		if loc := p.loc(); p.is(kwBinary) {
			p.advance()
			s.Options = append(s.Options, stringOption(loc, "format", "binary"))
		}
		name := p.qualifiedName()
		s.Table = &name
		if p.tok.kind == tkLeftParen {
			s.Cols = p.columnNames()
		}
		switch p.acceptAny(kwFrom, kwTo) {
		case kwFrom:
			s.From = true
		case 0:
			p.fail()
		}
	}
	s.Program = p.accept(kwProgram)
	if p.acceptAny(kwStdin, kwStdout) == 0 {
		s.File = p.stringConst()
	} else if s.Program {
		p.refuse(CodeSyntax, "STDIN/STDOUT not allowed with PROGRAM", -1)
	}
	p.copyDelimiters(s)
	p.accept(kwWith)
	if p.tok.kind == tkLeftParen {
		s.Options = append(s.Options, p.options(p.label)...)
	} else {
		p.oldCopyOptions(s)
	}
	if loc := p.loc(); s.Table != nil && p.accept(kwWhere) {
		s.Where = p.expr()
		if !s.From {
			p.refuse(CodeSyntax, "WHERE clause not allowed with COPY TO", loc)
		}
	}
	return s
}

// copyDelimiters reads [USING] DELIMITERS 'c', which is older than the old options.
func (p *parser) copyDelimiters(s *Copy) {
	loc := p.loc()
	if s.Table == nil || !p.is(kwUsing) && !p.is(kwDelimiters) {
		return
	}
	p.accept(kwUsing)
	p.expect(kwDelimiters)
	s.Options = append(s.Options, stringOption(loc, "delimiter", p.stringConst()))
}

// stringOption makes an option with a string value.
func stringOption(loc Loc, name, value string) Option {
	return Option{Loc: loc, Name: name, Value: &Literal{loc, String, value}}
}

// oldCopyOptions reads options without parentheses.
func (p *parser) oldCopyOptions(s *Copy) {
	for {
		o := Option{Loc: p.loc()}
		switch k := p.tok.kw; k {
		case kwBinary, kwCsv:
			o = stringOption(o.Loc, "format", p.take())
		case kwFreeze, kwHeader:
			o.Name = p.take()
			o.Value = &Literal{o.Loc, String, "true"}
		case kwDelimiter, kwNull, kwQuote, kwEscape:
			name := p.take()
			p.accept(kwAs)
			o = stringOption(o.Loc, name, p.stringConst())
		case kwEncoding:
			p.advance()
			o = stringOption(o.Loc, "encoding", p.stringConst())
		case kwForce:
			p.forceOption(&o)
		default:
			return
		}
		s.Options = append(s.Options, o)
	}
}

// forceOption reads FORCE QUOTE, FORCE NOT NULL or FORCE NULL and its columns.
func (p *parser) forceOption(o *Option) {
	p.expect(kwForce)
	switch p.acceptAny(kwQuote, kwNot, kwNull) {
	case kwQuote:
		o.Name = "force_quote"
		if loc := p.loc(); p.acceptKind(tkStar) {
			o.Value = &Star{Loc: loc}
			return
		}
	case kwNot:
		p.expect(kwNull)
		o.Name = "force_not_null"
	case kwNull:
		o.Name = "force_null"
	default:
		p.fail()
	}
	for more := true; more; more = p.acceptKind(tkComma) {
		o.List = append(o.List, p.colID())
	}
}
