package parse

// fromList reads the list of a FROM clause.
func (p *parser) fromList() []TableExpr {
	var list []TableExpr
	for {
		list = append(list, p.tableRef())
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

// tableRef reads a table, or tables that are joined.
func (p *parser) tableRef() TableExpr {
	outer := p.enter()
	t := p.joins(p.tablePrimary(), false)
	p.leave(outer)
	return t
}

// startsJoin tells whether a join follows.
func (p *parser) startsJoin() bool {
	switch p.tok.kw {
	case kwJoin, kwInner, kwLeft, kwRight, kwFull, kwCross, kwNatural:
		return true
	}
	return false
}

// joins reads the joins of which left is the first operand; just one if once.
func (p *parser) joins(left TableExpr, once bool) TableExpr {
	for p.startsJoin() {
		j := &Join{Loc: p.loc(), Left: left}
		switch {
		case p.accept(kwCross):
			p.expect(kwJoin)
			j.Kind = CrossJoin
			j.Right = p.tablePrimary()
		case p.accept(kwNatural):
			j.Natural = true
			j.Kind = p.joinKind()
			j.Right = p.tablePrimary()
		default:
			j.Kind = p.joinKind()
			j.Right = p.joinOperand()
			p.joinCondition(j)
		}
		p.grow()
		left = j
		if once {
			break
		}
	}
	return left
}

// joinOperand reads the right operand of a join with a condition: in a JOIN b JOIN c ON x ON y it is a join itself.
func (p *parser) joinOperand() TableExpr {
	outer := p.enter()
	t := p.tablePrimary()
	for !p.is(kwOn) && !p.is(kwUsing) {
		if !p.startsJoin() {
			p.fail()
		}
		t = p.joins(t, true)
	}
	p.leave(outer)
	return t
}

// joinKind reads [INNER | LEFT [OUTER] …] JOIN.
func (p *parser) joinKind() JoinKind {
	kind := InnerJoin
	switch p.acceptAny(kwInner, kwLeft, kwRight, kwFull) {
	case kwLeft:
		kind = LeftJoin
	case kwRight:
		kind = RightJoin
	case kwFull:
		kind = FullJoin
	}
	if kind != InnerJoin {
		p.accept(kwOuter)
	}
	p.expect(kwJoin)
	return kind
}

// joinCondition reads ON … or USING (…).
func (p *parser) joinCondition(j *Join) {
	if p.accept(kwOn) {
		j.On = p.expr()
		return
	}
	p.expect(kwUsing)
	j.Using = p.columnNames()
	if p.accept(kwAs) {
		j.UsingAlias = p.colID()
	}
}

// alias reads [AS] name [(columns)] if it is there.
func (p *parser) alias() (a Alias) {
	if p.accept(kwAs) || p.isColID() {
		a.Name = p.colID()
		if p.tok.kind == tkLeftParen {
			a.Cols = p.names()
		}
	}
	return a
}

// tablePrimary reads an element of FROM that is no join, or one in parentheses.
func (p *parser) tablePrimary() TableExpr {
	loc := p.loc()
	lateral := p.accept(kwLateral)
	switch {
	case lateral && p.tok.kind == tkLeftParen:
		return p.subqueryTable(p.queryInParens(), true, loc)
	case p.tok.kind == tkLeftParen:
		query, table := p.tableParens()
		if query != nil {
			return p.subqueryTable(query, false, loc)
		}
		return p.parenthesizedJoin(table)
	case p.is(kwRows) && p.peek().kw == kwFrom:
		return p.rowsFrom(loc, lateral)
	case p.is(kwXmltable) && p.peekKind(tkLeftParen):
		p.unsupported("XML", p.loc())
	case p.is(kwOnly):
		if lateral {
			p.fail()
		}
		return p.aliased(p.relation())
	}
	if f := p.wordFunc(); f != nil {
		return p.funcTable(&FuncTable{Loc: loc, Lateral: lateral, Funcs: []FuncItem{{Func: f}}})
	}
	name, isFunc := p.tableOrFunc()
	if isFunc {
		f := p.plainCall(name)
		return p.funcTable(&FuncTable{Loc: loc, Lateral: lateral, Funcs: []FuncItem{{Func: f}}})
	}
	if lateral {
		p.fail()
	}
	p.acceptKind(tkStar)
	return p.aliased(&Table{Name: name})
}

// tableParens reads a parenthesis in FROM, which holds a query or a join. Like parens, it learns which only inside.
func (p *parser) tableParens() (query *Select, table TableExpr) {
	p.expectKind(tkLeftParen)
	loc := p.loc()
	switch {
	case p.startsQuery():
		query = p.query()
		p.expectKind(tkRightParen)
		return query, nil
	case p.tok.kind == tkLeftParen:
		outer := p.enter()
		query, table = p.tableParens()
		switch {
		case query != nil && p.continuesQuery():
			query = p.queryFrom(query)
		case query != nil && p.tok.kind != tkRightParen:
			table = p.joins(p.subqueryTable(query, false, loc), false)
			query = nil
		case query == nil:
			inner := p.parenthesizedJoin(table)
			if table = p.joins(inner, false); table == TableExpr(inner) && inner.Alias.Name != "" {
				p.fail() // an alias makes it no join
			}
		}
		p.leave(outer)
	default:
		table = p.tableRef()
	}
	if query == nil {
		if _, ok := table.(*Join); !ok {
			p.fail()
		}
	}
	p.expectKind(tkRightParen)
	return query, table
}

// parenthesizedJoin reads the alias of a join in parentheses, if it has one.
func (p *parser) parenthesizedJoin(t TableExpr) *Join {
	j := t.(*Join)
	j.Alias = p.alias()
	return j
}

// subqueryTable reads the alias of a query in FROM, which it must have.
func (p *parser) subqueryTable(query *Select, lateral bool, loc Loc) TableExpr {
	t := &SubqueryTable{Loc: loc, Lateral: lateral, Select: query, Alias: p.alias()}
	if t.Alias.Name != "" {
		return t
	}
	e := &Error{Code: CodeSyntax, Message: "subquery in FROM must have an alias",
		Hint: "For example, FROM (SELECT ...) [AS] foo.", Pos: int(loc)}
	if query.Values != nil {
		e.Message, e.Hint = "VALUES in FROM must have an alias", "For example, FROM (VALUES ...) [AS] foo."
	}
	panic(e)
}

// relation reads a table name: name, name *, ONLY name or ONLY (name).
func (p *parser) relation() *Table {
	t := &Table{}
	if t.Only = p.accept(kwOnly); !t.Only {
		t.Name = p.qualifiedName()
		p.acceptKind(tkStar)
		return t
	}
	if p.acceptKind(tkLeftParen) {
		t.Name = p.qualifiedName()
		p.expectKind(tkRightParen)
	} else {
		t.Name = p.qualifiedName()
	}
	return t
}

// aliased reads what follows the name of a table: its alias and TABLESAMPLE.
func (p *parser) aliased(t *Table) TableExpr {
	t.Alias = p.alias()
	if !p.accept(kwTablesample) {
		return t
	}
	method, isFunc := p.tableOrFunc()
	if !isFunc {
		p.fail()
	}
	p.expectKind(tkLeftParen)
	t.Sample = &Sample{Method: method, Args: p.exprList()}
	p.expectKind(tkRightParen)
	if p.accept(kwRepeatable) {
		p.expectKind(tkLeftParen)
		t.Sample.Seed = p.expr()
		p.expectKind(tkRightParen)
	}
	return t
}

// tableOrFunc reads the name of a table or function; a parenthesis tells a function.
func (p *parser) tableOrFunc() (n Name, isFunc bool) {
	cls := p.tok.class
	if cls == reserved {
		p.fail()
	}
	n = Name{Loc: p.loc(), Name: p.label()}
	if cls == typeOrFunc {
		if p.tok.kind != tkLeftParen {
			p.fail()
		}
		return n, true
	}
	qualified := p.tok.kind == tkDot
	p.restOfName(&n)
	isFunc = p.tok.kind == tkLeftParen
	if isFunc && cls == columnName && !qualified {
		p.fail()
	}
	return n, isFunc
}

// wordFunc reads a function whose call starts with a keyword, such as CURRENT_DATE, CAST (…) or COALESCE (…); nil if
// there is none. It may stand in FROM like any function.
func (p *parser) wordFunc() Expr {
	if p.tok.kw == 0 {
		return nil
	}
	switch p.tok.kw {
	case kwCurrentDate, kwCurrentTime, kwCurrentTimestamp, kwLocaltime, kwLocaltimestamp, kwCurrentRole,
		kwCurrentUser, kwSessionUser, kwUser, kwCurrentCatalog:
		return p.wordExpr()
	case kwCurrentSchema:
		if !p.peekKind(tkLeftParen) {
			return p.valueFunc()
		}
	case kwCollation:
		if p.peek().kw == kwFor {
			return p.wordExpr()
		}
	case kwCast:
		return p.castExpr()
	case kwCoalesce, kwGreatest, kwLeast, kwNullif, kwExtract, kwNormalize, kwOverlay, kwPosition, kwSubstring,
		kwTreat, kwTrim:
		return p.specialCall()
	}
	return nil
}

// rowsFrom reads ROWS FROM (f() AS (columns), g() …).
func (p *parser) rowsFrom(loc Loc, lateral bool) TableExpr {
	p.expect(kwRows, kwFrom)
	p.expectKind(tkLeftParen)
	t := &FuncTable{Loc: loc, Lateral: lateral, RowsFrom: true}
	for {
		item := FuncItem{Func: p.wordFunc()}
		if item.Func == nil {
			name, isFunc := p.tableOrFunc()
			if !isFunc {
				p.fail()
			}
			item.Func = p.plainCall(name)
		}
		if p.accept(kwAs) {
			p.expectKind(tkLeftParen)
			loc, name := p.loc(), p.colID()
			item.Cols = p.columnDefs(p.columnDef(loc, name))
		}
		t.Funcs = append(t.Funcs, item)
		if !p.acceptKind(tkComma) {
			break
		}
	}
	p.expectKind(tkRightParen)
	return p.funcTable(t)
}

// funcTable reads what follows a function in FROM: WITH ORDINALITY, alias, columns.
func (p *parser) funcTable(t *FuncTable) TableExpr {
	if p.is(kwWith) && p.peek().kw == kwOrdinality {
		p.expect(kwWith, kwOrdinality)
		t.Ordinality = true
	}
	as := p.accept(kwAs)
	if as && p.acceptKind(tkLeftParen) {
		loc, name := p.loc(), p.colID()
		t.Funcs[0].Cols = p.columnDefs(p.columnDef(loc, name))
		p.checkColumnDefs(t)
		return t
	}
	if !as && !p.isColID() {
		return t
	}
	t.Alias.Name = p.colID()
	if p.acceptKind(tkLeftParen) {
		p.funcAliasColumns(t)
	}
	return t
}

// funcAliasColumns reads the names, or names and types, of the columns of a function, after the parenthesis.
func (p *parser) funcAliasColumns(t *FuncTable) {
	loc, name := p.loc(), p.colID()
	if p.tok.kind != tkComma && p.tok.kind != tkRightParen {
		t.Funcs[0].Cols = p.columnDefs(p.columnDef(loc, name))
		p.checkColumnDefs(t)
		return
	}
	t.Alias.Cols = append(t.Alias.Cols, name)
	for p.acceptKind(tkComma) {
		t.Alias.Cols = append(t.Alias.Cols, p.colID())
	}
	p.expectKind(tkRightParen)
}

// checkColumnDefs refuses a column definition list where a list of names would do.
func (p *parser) checkColumnDefs(t *FuncTable) {
	loc := t.Funcs[0].Cols[0].Loc
	switch {
	case t.RowsFrom && len(t.Funcs) > 1:
		p.refuse(CodeSyntax, "ROWS FROM() with multiple functions cannot have a column definition list", loc)
	case t.RowsFrom && t.Funcs[0].Cols != nil:
	case t.Ordinality:
		p.refuse(CodeSyntax, "WITH ORDINALITY cannot be used with a column definition list", loc)
	}
}

// columnDefs reads the rest of a column definition list after its first column.
func (p *parser) columnDefs(first ColumnDef) []ColumnDef {
	list := []ColumnDef{first}
	for p.acceptKind(tkComma) {
		loc, name := p.loc(), p.colID()
		list = append(list, p.columnDef(loc, name))
	}
	p.expectKind(tkRightParen)
	return list
}

// columnDef reads the type and collation of a column after its name.
func (p *parser) columnDef(loc Loc, name string) ColumnDef {
	d := ColumnDef{Loc: loc, Name: name, Type: p.typeName()}
	if p.accept(kwCollate) {
		n := p.qualifiedName()
		d.Collation = &n
	}
	return d
}
