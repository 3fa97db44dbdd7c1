package parse

import "strconv"

// query writes a query with its clauses.
func (w *printer) query(s *Select) {
	w.with(s.With)
	switch {
	case s.Op != 0:
		w.setOperation(s)
	case s.Values != nil:
		w.text("VALUES ")
		w.list(len(s.Values), func(i int) { w.parens(s.Values[i]) })
	default:
		w.selectCore(s)
	}
	if s.OrderBy != nil {
		w.text(" ORDER BY ")
		w.sortKeys(s.OrderBy)
	}
	if s.WithTies {
		w.text(" FETCH FIRST (")
		w.expr(s.Limit)
		w.text(") ROWS WITH TIES")
	} else {
		w.clause(" LIMIT ", s.Limit)
	}
	w.clause(" OFFSET ", s.Offset)
	for _, l := range s.Locking {
		w.text(" FOR ", l.Mode)
		for i, n := range l.Of {
			w.text([]string{" OF ", ", "}[min(i, 1)])
			w.name(n)
		}
	}
}

// clause writes an expression that may be absent, after words.
func (w *printer) clause(words string, x Expr) {
	if x != nil {
		w.text(words)
		w.expr(x)
	}
}

// with writes a WITH clause.
func (w *printer) with(c *With) {
	if c == nil {
		return
	}
	w.text("WITH ")
	if c.Recursive {
		w.text("RECURSIVE ")
	}
	w.list(len(c.CTEs), func(i int) {
		e := c.CTEs[i]
		w.ident(e.Name)
		if e.Cols != nil {
			w.text(" ")
			w.idents(e.Cols)
		}
		w.text([...]string{MaterializedDefault: " AS (", MaterializedAlways: " AS MATERIALIZED (",
			MaterializedNever: " AS NOT MATERIALIZED ("}[e.Materialized])
		w.stmt(e.Query)
		w.text(")")
	})
	w.text(" ")
}

// setOpPrec is the precedence of a set operation.
func setOpPrec(op SetOp) int {
	if op == Intersect {
		return 2
	}
	return 1
}

// setOperation writes UNION and the like.
func (w *printer) setOperation(s *Select) {
	w.setOperand(s.Left, setOpPrec(s.Op))
	w.text([...]string{Union: " UNION ", Intersect: " INTERSECT ", Except: " EXCEPT "}[s.Op])
	if s.All {
		w.text("ALL ")
	}
	w.setOperand(s.Right, setOpPrec(s.Op)+1)
}

// setOperand writes an operand of a set operation, in parentheses if it needs them.
func (w *printer) setOperand(s *Select, prec int) {
	bare := s.With == nil && s.OrderBy == nil && s.Limit == nil && s.Offset == nil && s.Locking == nil
	if bare && (s.Op == 0 || setOpPrec(s.Op) >= prec) {
		w.query(s)
		return
	}
	w.text("(")
	w.query(s)
	w.text(")")
}

// selectCore writes SELECT up to WINDOW.
func (w *printer) selectCore(s *Select) {
	w.text("SELECT")
	if s.Distinct {
		w.text(" DISTINCT")
	}
	if s.DistinctOn != nil {
		w.text(" DISTINCT ON ")
		w.parens(s.DistinctOn)
	}
	if s.Targets != nil {
		w.text(" ")
		w.targets(s.Targets)
	}
	if s.Into != nil {
		w.text(" INTO ")
		w.name(*s.Into)
	}
	if s.From != nil {
		w.text(" FROM ")
		w.tables(s.From)
	}
	w.clause(" WHERE ", s.Where)
	if s.GroupBy != nil {
		w.text(" GROUP BY ")
		if s.GroupDistinct {
			w.text("DISTINCT ")
		}
		w.exprs(s.GroupBy)
	}
	w.clause(" HAVING ", s.Having)
	if s.Windows != nil {
		w.text(" WINDOW ")
		w.list(len(s.Windows), func(i int) {
			w.ident(s.Windows[i].Name)
			w.text(" AS ")
			w.window(s.Windows[i])
		})
	}
}

// targets writes a select list.
func (w *printer) targets(list []Target) {
	w.list(len(list), func(i int) {
		w.expr(list[i].X)
		if list[i].Alias != "" {
			w.text(" AS ")
			w.ident(list[i].Alias)
		}
	})
}

// sortKeys writes the list of an ORDER BY.
func (w *printer) sortKeys(list []SortKey) {
	w.list(len(list), func(i int) {
		k := list[i]
		w.expr(k.X)
		if k.Using != nil {
			w.text(" USING ", k.Using.String())
		}
		if k.Desc {
			w.text(" DESC")
		}
		w.text([...]string{NullsDefault: "", NullsFirst: " NULLS FIRST", NullsLast: " NULLS LAST"}[k.Nulls])
	})
}

// window writes a window definition in parentheses.
func (w *printer) window(d *Window) {
	space := ""
	w.text("(")
	if d.Base != "" {
		w.ident(d.Base)
		space = " "
	}
	if d.PartitionBy != nil {
		w.text(space, "PARTITION BY ")
		w.exprs(d.PartitionBy)
		space = " "
	}
	if d.OrderBy != nil {
		w.text(space, "ORDER BY ")
		w.sortKeys(d.OrderBy)
		space = " "
	}
	if d.Frame != nil {
		w.text(space)
		w.frame(d.Frame)
	}
	w.text(")")
}

// frame writes a frame clause.
func (w *printer) frame(f *Frame) {
	w.text([...]string{FrameRange: "RANGE", FrameRows: "ROWS", FrameGroups: "GROUPS"}[f.Mode], " BETWEEN ")
	w.bound(f.Start)
	w.text(" AND ")
	w.bound(f.End)
	w.text([...]string{ExcludeNoOthers: "", ExcludeCurrentRow: " EXCLUDE CURRENT ROW", ExcludeGroup: " EXCLUDE GROUP",
		ExcludeTies: " EXCLUDE TIES"}[f.Exclude])
}

// bound writes one end of a frame.
func (w *printer) bound(b Bound) {
	if b.Offset != nil {
		w.operand(b.Offset, precUnary)
		w.text(" ")
	}
	w.text([...]string{UnboundedPreceding: "UNBOUNDED PRECEDING", OffsetPreceding: "PRECEDING",
		CurrentRow: "CURRENT ROW", OffsetFollowing: "FOLLOWING", UnboundedFollowing: "UNBOUNDED FOLLOWING"}[b.Kind])
}

// tables writes the list of a FROM clause.
func (w *printer) tables(list []TableExpr) {
	w.list(len(list), func(i int) { w.table(list[i]) })
}

// table writes an element of FROM.
func (w *printer) table(t TableExpr) {
	switch t := t.(type) {
	case *Table:
		w.relation(t)
	case *SubqueryTable:
		w.lateral(t.Lateral)
		w.text("(")
		w.query(t.Select)
		w.text(")")
		w.alias(t.Alias)
	case *FuncTable:
		w.funcTable(t)
	case *Join:
		if t.Alias.Name == "" {
			w.join(t)
			return
		}
		w.text("(")
		w.join(t)
		w.text(")")
		w.alias(t.Alias)
	default:
		panic("parse: unknown table expression")
	}
}

// relation writes a table with its alias.
func (w *printer) relation(t *Table) {
	if t.Only {
		w.text("ONLY ")
	}
	w.name(t.Name)
	w.alias(t.Alias)
	if t.Sample == nil {
		return
	}
	w.text(" TABLESAMPLE ")
	w.name(t.Sample.Method)
	w.text("(")
	w.list(len(t.Sample.Args), func(i int) { w.expr(t.Sample.Args[i]) })
	w.text(")")
	if t.Sample.Seed != nil {
		w.text(" REPEATABLE (")
		w.expr(t.Sample.Seed)
		w.text(")")
	}
}

// lateral writes LATERAL if it is set.
func (w *printer) lateral(set bool) {
	if set {
		w.text("LATERAL ")
	}
}

// alias writes an alias if there is one.
func (w *printer) alias(a Alias) {
	if a.Name == "" {
		return
	}
	w.text(" AS ")
	w.ident(a.Name)
	if a.Cols != nil {
		w.idents(a.Cols)
	}
}

// funcTable writes functions in FROM.
func (w *printer) funcTable(t *FuncTable) {
	w.lateral(t.Lateral)
	cols := t.Funcs[0].Cols
	if t.RowsFrom {
		cols = nil
		w.text("ROWS FROM (")
		w.list(len(t.Funcs), func(i int) {
			w.tableFunc(t.Funcs[i].Func)
			if t.Funcs[i].Cols != nil {
				w.text(" AS ")
				w.columnDefs(t.Funcs[i].Cols)
			}
		})
		w.text(")")
	} else {
		w.tableFunc(t.Funcs[0].Func)
	}
	if t.Ordinality {
		w.text(" WITH ORDINALITY")
	}
	w.alias(t.Alias)
	if cols != nil {
		if t.Alias.Name == "" {
			w.text(" AS ")
		}
		w.columnDefs(cols)
	}
}

// tableFunc writes a function in FROM, where a cast has to look like one.
func (w *printer) tableFunc(x Expr) {
	c, ok := x.(*Cast)
	if !ok {
		w.expr(x)
		return
	}
	w.text("CAST(")
	w.expr(c.X)
	w.text(" AS ")
	w.typeName(c.Type)
	w.text(")")
}

// columnDefs writes a column definition list.
func (w *printer) columnDefs(list []ColumnDef) {
	w.text("(")
	w.list(len(list), func(i int) {
		w.ident(list[i].Name)
		w.text(" ")
		w.typeName(list[i].Type)
		if list[i].Collation != nil {
			w.text(" COLLATE ")
			w.name(*list[i].Collation)
		}
	})
	w.text(")")
}

// join writes a join without its alias.
func (w *printer) join(j *Join) {
	w.table(j.Left)
	if j.Natural {
		w.text(" NATURAL")
	}
	w.text([...]string{InnerJoin: " JOIN ", LeftJoin: " LEFT JOIN ", RightJoin: " RIGHT JOIN ", FullJoin: " FULL JOIN ",
		CrossJoin: " CROSS JOIN "}[j.Kind])
	if right, ok := j.Right.(*Join); ok && right.Alias.Name == "" {
		w.text("(")
		w.join(right)
		w.text(")")
	} else {
		w.table(j.Right)
	}
	w.clause(" ON ", j.On)
	if j.Using != nil {
		w.text(" USING ")
		w.columns(j.Using)
		if j.UsingAlias != "" {
			w.text(" AS ")
			w.ident(j.UsingAlias)
		}
	}
}

// insert writes an INSERT statement.
func (w *printer) insert(s *Insert) {
	w.with(s.With)
	w.text("INSERT INTO ")
	w.relation(&s.Table)
	if s.Cols != nil {
		w.text(" ")
		w.columns(s.Cols)
	}
	if s.Overriding != "" {
		w.text(" OVERRIDING ", upperASCII(s.Overriding), " VALUE")
	}
	if s.Source == nil {
		w.text(" DEFAULT VALUES")
	} else {
		w.text(" ")
		w.query(s.Source)
	}
	if c := s.OnConflict; c != nil {
		w.onConflict(c)
	}
	w.returning(s.Returning)
}

// onConflict writes an ON CONFLICT clause.
func (w *printer) onConflict(c *OnConflict) {
	w.text(" ON CONFLICT")
	if c.Target != nil {
		w.text(" (")
		w.list(len(c.Target), func(i int) { w.indexElement(c.Target[i]) })
		w.text(")")
		w.clause(" WHERE ", c.TargetWhere)
	}
	if c.Constraint != "" {
		w.text(" ON CONSTRAINT ")
		w.ident(c.Constraint)
	}
	if !c.Update {
		w.text(" DO NOTHING")
		return
	}
	w.text(" DO UPDATE SET ")
	w.assignments(c.Set)
	w.clause(" WHERE ", c.Where)
}

// indexElement writes a column or an expression in parentheses.
func (w *printer) indexElement(x Expr) {
	if c, ok := x.(*Collate); ok {
		w.indexElement(c.X)
		w.text(" COLLATE ")
		w.name(c.Collation)
		return
	}
	if _, ok := x.(*ColumnRef); ok {
		w.expr(x)
		return
	}
	w.text("(")
	w.expr(x)
	w.text(")")
}

// assignments writes the list of a SET clause.
func (w *printer) assignments(list []Assignment) {
	w.list(len(list), func(i int) {
		if list[i].Multi {
			w.columns(list[i].Cols)
		} else {
			w.ident(list[i].Cols[0].Name)
		}
		w.text(" = ")
		w.expr(list[i].Value)
	})
}

// returning writes a RETURNING clause.
func (w *printer) returning(list []Target) {
	if list != nil {
		w.text(" RETURNING ")
		w.targets(list)
	}
}

// where writes a WHERE clause of UPDATE or DELETE.
func (w *printer) where(x Expr, cursor string) {
	w.clause(" WHERE ", x)
	if cursor != "" {
		w.text(" WHERE CURRENT OF ")
		w.ident(cursor)
	}
}

// fetch writes FETCH or MOVE.
func (w *printer) fetch(f *Fetch) {
	if f.Move {
		w.text("MOVE ")
	} else {
		w.text("FETCH ")
	}
	w.text([...]string{FetchForward: "FORWARD ", FetchBackward: "BACKWARD ", FetchAbsolute: "ABSOLUTE ",
		FetchRelative: "RELATIVE "}[f.Direction])
	if f.All {
		w.text("ALL")
	} else {
		w.text(strconv.FormatInt(f.Count, 10))
	}
	w.text(" FROM ")
	w.ident(f.Cursor)
}
