package parse

import "strconv"

// query reads a SELECT, VALUES or TABLE statement with all its clauses, or one in parentheses.
func (p *parser) query() *Select {
	outer := p.enter()
	with := p.with()
	s := p.setOperations(p.queryOperand(), 0)
	s = p.queryOptions(s, with)
	p.leave(outer)
	return s
}

// queryFrom goes on with a query of which the first operand, in parentheses, has been read.
func (p *parser) queryFrom(first *Select) *Select {
	return p.queryOptions(p.setOperations(first, 0), nil)
}

// queryOperand reads an operand of a set operation.
func (p *parser) queryOperand() *Select {
	switch p.tok.kw {
	case kwSelect:
		return p.selectCore()
	case kwValues:
		return p.values()
	case kwTable:
		s := &Select{Loc: p.loc()}
		p.advance()
		s.Targets = []Target{{X: &Star{Loc: s.Loc}}}
		s.From = []TableExpr{p.relation()}
		return s
	}
	return p.queryInParens()
}

// setOpOf is the set operation that tok names, and its precedence.
func (p *parser) setOpOf() (op SetOp, prec int) {
	switch p.tok.kw {
	case kwUnion:
		return Union, 1
	case kwExcept:
		return Except, 1
	case kwIntersect:
		return Intersect, 2
	}
	return 0, 0
}

// setOperations reads the set operations that bind tighter than above, of which left is the first operand.
func (p *parser) setOperations(left *Select, above int) *Select {
	for {
		op, prec := p.setOpOf()
		if prec <= above {
			return left
		}
		s := &Select{Loc: p.loc(), Op: op, Left: left}
		p.advance()
		s.All = p.acceptAny(kwAll, kwDistinct) == kwAll
		s.Right = p.setOperations(p.queryOperand(), prec)
		p.grow()
		left = s
	}
}

// with reads a WITH clause, nil if there is none.
func (p *parser) with() *With {
	if !p.is(kwWith) {
		return nil
	}
	w := &With{Loc: p.loc()}
	p.advance()
	if p.is(kwRecursive) && p.peek().kw != kwAs && !p.peekKind(tkLeftParen) {
		p.advance()
		w.Recursive = true
	}
	for {
		w.CTEs = append(w.CTEs, p.cte())
		if !p.acceptKind(tkComma) {
			return w
		}
	}
}

// cte reads name (columns) AS [NOT MATERIALIZED] (statement).
func (p *parser) cte() *CTE {
	c := &CTE{Loc: p.loc(), Name: p.colID()}
	if p.tok.kind == tkLeftParen {
		c.Cols = p.names()
	}
	p.expect(kwAs)
	if p.accept(kwNot) {
		p.expect(kwMaterialized)
		c.Materialized = MaterializedNever
	} else if p.accept(kwMaterialized) {
		c.Materialized = MaterializedAlways
	}
	p.expectKind(tkLeftParen)
	if p.is(kwMerge) {
		p.refuse(CodeFeature, "MERGE not supported in WITH query", c.Loc)
	}
	c.Query = p.preparable()
	p.expectKind(tkRightParen)
	if p.is(kwSearch) || p.is(kwCycle) {
		p.unsupported("the "+upperASCII(p.tok.text)+" clause of WITH", p.loc())
	}
	return c
}

// preparable reads a statement that may stand in WITH, PREPARE and EXPLAIN.
func (p *parser) preparable() Stmt {
	switch p.tok.kw {
	case kwInsert, kwUpdate, kwDelete:
		return p.modify(nil)
	case kwWith:
		return p.withStatement()
	case kwSelect, kwValues, kwTable:
		return p.query()
	}
	if p.tok.kind != tkLeftParen {
		p.fail()
	}
	return p.query()
}

// withStatement reads a statement that starts with WITH.
func (p *parser) withStatement() Stmt {
	outer := p.enter()
	with := p.with()
	var s Stmt
	switch p.tok.kw {
	case kwInsert, kwUpdate, kwDelete:
		s = p.modify(with)
	case kwMerge:
		s = p.merge()
	default:
		s = p.queryOptions(p.setOperations(p.queryOperand(), 0), with)
	}
	p.leave(outer)
	return s
}

// values reads VALUES (…), (…).
func (p *parser) values() *Select {
	s := &Select{Loc: p.loc()}
	p.expect(kwValues)
	for {
		loc := p.loc()
		p.expectKind(tkLeftParen)
		row := p.valueList()
		p.expectKind(tkRightParen)
		if len(s.Values) > 0 && len(row) != len(s.Values[0]) {
			p.refuse(CodeSyntax, "VALUES lists must all be the same length", loc+1)
		}
		s.Values = append(s.Values, row)
		if !p.acceptKind(tkComma) {
			return s
		}
	}
}

// valueList reads expressions and DEFAULTs.
func (p *parser) valueList() []Expr {
	base := len(p.scratch)
	for {
		x := p.value()
		p.scratch = append(p.scratch, x)
		if !p.acceptKind(tkComma) {
			return p.popList(base)
		}
	}
}

// isLoneString tells whether tok is a string that the text closes or parts a list right behind.
func (p *parser) isLoneString() bool {
	if p.tok.kind != tkString || p.hasAhead || p.at >= len(p.src) {
		return false
	}
	return p.src[p.at] == ')' || p.src[p.at] == ','
}

// value reads an expression or DEFAULT.
func (p *parser) value() Expr {
	if p.isLoneString() { // as in most rows of an INSERT
		p.height = max(p.height, 1)
		return p.constant()
	}
	if p.is(kwDefault) {
		d := &Default{p.loc()}
		p.advance()
		return d
	}
	return p.expr()
}

// selectCore reads SELECT up to its WINDOW clause.
func (p *parser) selectCore() *Select {
	s := &Select{Loc: p.loc()}
	p.expect(kwSelect)
	if p.accept(kwDistinct) {
		s.Distinct = true
		if p.accept(kwOn) {
			s.Distinct = false
			p.expectKind(tkLeftParen)
			s.DistinctOn = p.exprList()
			p.expectKind(tkRightParen)
		}
		s.Targets = p.targets()
	} else {
		p.accept(kwAll)
		if p.startsTarget() {
			s.Targets = p.targets()
		}
	}
	if p.accept(kwInto) {
		s.Into = p.into()
	}
	if p.accept(kwFrom) {
		s.From = p.fromList()
	}
	if p.accept(kwWhere) {
		s.Where = p.expr()
	}
	if p.accept(kwGroup) {
		p.expect(kwBy)
		s.GroupDistinct = p.acceptAny(kwAll, kwDistinct) == kwDistinct
		s.GroupBy = p.groupList()
	}
	if p.accept(kwHaving) {
		s.Having = p.expr()
	}
	if p.accept(kwWindow) {
		s.Windows = p.windows()
	}
	return s
}

// startsTarget tells whether a select list follows: it may be empty.
func (p *parser) startsTarget() bool {
	switch p.tok.kind {
	case tkEOF, tkSemicolon, tkRightParen:
		return false
	case tkIdent:
		switch p.tok.kw {
		case kwInto, kwFrom, kwWhere, kwGroup, kwHaving, kwWindow, kwUnion, kwIntersect, kwExcept, kwOrder, kwLimit,
			kwOffset, kwFetch, kwFor, kwOn, kwReturning:
			return false
		}
	}
	return true
}

// into reads the target of SELECT INTO.
func (p *parser) into() *Name {
	if p.acceptAny(kwLocal, kwGlobal) != 0 && !p.is(kwTemporary) && !p.is(kwTemp) {
		p.fail()
	}
	p.acceptAny(kwTemporary, kwTemp, kwUnlogged)
	p.accept(kwTable)
	n := p.qualifiedName()
	return &n
}

// targets reads a select list.
func (p *parser) targets() []Target {
	list := make([]Target, 0, 2)
	for {
		if len(list) == MaxTargets {
			panic(&Error{Code: CodeTooManyColumns, Pos: int(p.tok.pos),
				Message: "target lists can have at most " + strconv.Itoa(MaxTargets) + " entries"})
		}
		list = append(list, p.target())
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

// target reads an element of a select list.
func (p *parser) target() Target {
	if loc := p.loc(); p.acceptKind(tkStar) {
		return Target{X: &Star{Loc: loc}}
	}
	t := Target{X: p.expr()}
	switch {
	case p.accept(kwAs):
		t.Alias = p.label()
	case p.tok.kind == tkIdent && (p.tok.kw == 0 || keywords[p.tok.kw].BareLabel):
		t.Alias = p.take()
	}
	return t
}

// sortKeys reads the list of an ORDER BY.
func (p *parser) sortKeys() []SortKey {
	var list []SortKey
	for {
		list = append(list, p.sortKey())
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

func (p *parser) sortKey() SortKey {
	k := SortKey{X: p.expr()}
	switch p.acceptAny(kwAsc, kwDesc, kwUsing) {
	case kwDesc:
		k.Desc = true
	case kwUsing:
		op := p.anyOperator()
		k.Using = &op
	}
	if p.is(kwNulls) {
		switch p.peek().kw {
		case kwFirst:
			k.Nulls = NullsFirst
		case kwLast:
			k.Nulls = NullsLast
		default:
			p.fail()
		}
		p.advance()
		p.advance()
	}
	return k
}

// anyOperator reads an operator alone, or OPERATOR(…).
func (p *parser) anyOperator() Operator {
	if p.is(kwOperator) {
		return p.qualifiedOperator()
	}
	if p.tok.kind < tkOp || p.tok.kind > tkNotEqual {
		p.fail()
	}
	return Operator{Name: p.take()}
}

// groupList reads the list of a GROUP BY or GROUPING SETS.
func (p *parser) groupList() []Expr {
	var list []Expr
	for {
		list = append(list, p.groupItem())
		if !p.acceptKind(tkComma) {
			return list
		}
	}
}

func (p *parser) groupItem() Expr {
	g := &GroupingSet{Loc: p.loc()}
	switch {
	case p.tok.kind == tkLeftParen && p.peekKind(tkRightParen):
		p.advance()
		p.advance()
		return g
	case p.is(kwGrouping) && p.peek().kw == kwSets:
		outer := p.enter()
		p.expect(kwGrouping, kwSets)
		p.expectKind(tkLeftParen)
		g.Kind, g.Items = GroupingSets, p.groupList()
		p.expectKind(tkRightParen)
		p.leave(outer)
		return g
	case p.is(kwRollup) && p.peekKind(tkLeftParen):
		g.Kind = GroupingRollup
	case p.is(kwCube) && p.peekKind(tkLeftParen):
		g.Kind = GroupingCube
	default:
		return p.expr()
	}
	p.advance()
	p.expectKind(tkLeftParen)
	g.Items = p.exprList()
	p.expectKind(tkRightParen)
	return g
}

// queryOptions reads ORDER BY, LIMIT and the like, and gives them and with to s. If s stood in parentheses it may have
// some already.
func (p *parser) queryOptions(s *Select, with *With) *Select {
	if with != nil {
		if s.With != nil {
			p.refuse(CodeSyntax, "multiple WITH clauses not allowed", with.Loc)
		}
		s.With = with
	}
	if p.accept(kwOrder) {
		p.expect(kwBy)
		loc := p.loc()
		keys := p.sortKeys()
		if s.OrderBy != nil {
			p.refuse(CodeSyntax, "multiple ORDER BY clauses not allowed", loc)
		}
		s.OrderBy = keys
	}
	var limit, offset bool
	p.lockings(s)
	for locked := s.Locking != nil; ; {
		loc := p.loc()
		switch p.tok.kw {
		case kwLimit, kwFetch:
			if limit {
				p.fail()
			}
			limit = true
			p.limit(s, loc)
		case kwOffset:
			if offset {
				p.fail()
			}
			offset = true
			p.offset(s)
		default:
			if !locked {
				p.lockings(s)
			}
			return s
		}
	}
}

// lockings reads FOR UPDATE and the like, as often as they follow, before or after LIMIT and OFFSET.
func (p *parser) lockings(s *Select) {
	for p.is(kwFor) {
		p.locking(s)
	}
}

// limit reads LIMIT n or FETCH FIRST n ROWS, which stands at loc.
func (p *parser) limit(s *Select, loc Loc) {
	var n Expr
	first := loc
	if p.accept(kwLimit) {
		if p.accept(kwAll) {
			return
		}
		first = p.loc()
		n = p.expr()
		if p.tok.kind == tkComma {
			panic(&Error{Code: CodeSyntax, Message: "LIMIT #,# syntax is not supported",
				Hint: "Use separate LIMIT and OFFSET clauses.", Pos: int(loc)})
		}
	} else {
		p.expect(kwFetch)
		if p.acceptAny(kwFirst, kwNext) == 0 {
			p.fail()
		}
		n = &Literal{loc, Integer, "1"}
		if !p.is(kwRow) && !p.is(kwRows) {
			n = p.fetchCount()
		}
		p.rowWord()
		if p.accept(kwWith) {
			p.expect(kwTies)
			if s.OrderBy == nil {
				p.refuse(CodeSyntax, "WITH TIES cannot be specified without ORDER BY clause", -1)
			}
			s.WithTies = true
		} else {
			p.expect(kwOnly)
		}
	}
	if s.Limit != nil {
		p.refuse(CodeSyntax, "multiple LIMIT clauses not allowed", first)
	}
	s.Limit = n
}

// fetchCount reads the number of rows of FETCH FIRST: an operand, or a constant with a sign.
func (p *parser) fetchCount() Expr {
	loc := p.loc()
	if sign := p.tok.kind; sign == tkMinus || sign == tkPlus {
		p.advance()
		if p.tok.kind != tkInteger && p.tok.kind != tkFloat {
			p.fail()
		}
		if sign == tkPlus {
			return &Unary{loc, Operator{Name: "+"}, p.constant()}
		}
		return p.negate(p.constant(), loc)
	}
	outer := p.enter()
	x := p.primary()
	p.leave(outer)
	return x
}

// rowWord reads ROW or ROWS.
func (p *parser) rowWord() {
	if p.acceptAny(kwRow, kwRows) == 0 {
		p.fail()
	}
}

// offset reads OFFSET n [ROWS].
func (p *parser) offset(s *Select) {
	p.expect(kwOffset)
	loc := p.loc()
	n := p.expr()
	p.acceptAny(kwRow, kwRows)
	if s.Offset != nil {
		p.refuse(CodeSyntax, "multiple OFFSET clauses not allowed", loc)
	}
	s.Offset = n
}

// locking reads FOR UPDATE and the like, or FOR READ ONLY.
func (p *parser) locking(s *Select) {
	p.expect(kwFor)
	if p.accept(kwRead) {
		p.expect(kwOnly)
		return
	}
	l := Locking{Mode: "UPDATE"}
	switch p.acceptAny(kwUpdate, kwNo, kwShare, kwKey) {
	case kwShare:
		l.Mode = "SHARE"
	case kwNo:
		p.expect(kwKey, kwUpdate)
		l.Mode = "NO KEY UPDATE"
	case kwKey:
		p.expect(kwShare)
		l.Mode = "KEY SHARE"
	case 0:
		p.fail()
	}
	if p.accept(kwOf) {
		l.Of = p.qualifiedNames()
	}
	s.Locking = append(s.Locking, l)
	if p.accept(kwSkip) {
		p.expect(kwLocked)
	} else {
		p.accept(kwNowait)
	}
}
