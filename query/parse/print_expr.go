package parse

import "strconv"

// precPrimary is that of what needs no parentheses anywhere.
const precPrimary = precCast + 1

// precedenceOf is that of the outermost operator of x; closed tells that another one of the same precedence may follow
// it even though they do not associate.
func precedenceOf(x Expr) (prec int, closed bool) {
	switch x := x.(type) {
	case *Literal:
		if (x.Kind == Integer || x.Kind == Float) && x.Text[0] == '-' {
			return precUnary, false
		}
	case *Logic:
		return [...]int{And: precAnd, Or: precOr, Not: precNot}[x.Op], false
	case *Unary:
		if x.Op.Schema == "" && (x.Op.Name == "-" || x.Op.Name == "+") {
			return precUnary, false
		}
		return precOther, false
	case *Binary:
		return operatorPrec(x.Op), false
	case *Quantified:
		return operatorPrecOf(x), true
	case *Is:
		return precIs, true
	case *Distinct:
		return precIs, false
	case *In:
		return precRange, true
	case *Between, *Like:
		return precRange, false
	case *Cast:
		return precCast, false
	case *Collate:
		return precCollate, false
	}
	return precPrimary, false
}

// operatorPrec is the precedence of a binary operator.
func operatorPrec(op Operator) int {
	if op.Schema != "" {
		return precOther
	}
	switch op.Name {
	case "<", ">", "=", "<=", ">=", "<>":
		return precCompare
	case "+", "-":
		return precAdd
	case "*", "/", "%":
		return precMultiply
	case "^":
		return precPower
	}
	return precOther
}

// operatorPrecOf is the precedence of the operator of x as it is written.
func operatorPrecOf(x *Quantified) int {
	if likeWords[x.Op] != "" {
		return precRange
	}
	return operatorPrec(x.Op)
}

// likeWords are operators that ANY and ALL may follow as words only or as well.
var likeWords = map[Operator]string{
	{Name: "~~"}: "LIKE", {Name: "~~*"}: "ILIKE", {Name: "!~~"}: "NOT LIKE", {Name: "!~~*"}: "NOT ILIKE",
}

// operand writes x, in parentheses unless it binds at least as tight as prec.
func (w *printer) operand(x Expr, prec int) {
	if p, _ := precedenceOf(x); p >= prec {
		w.expr(x)
		return
	}
	w.text("(")
	w.expr(x)
	w.text(")")
}

// left writes x as the left operand of an operator of precedence prec.
func (w *printer) left(x Expr, prec int) {
	p, closed := precedenceOf(x)
	if prec == precIs || prec == precCompare || prec == precRange {
		if p == prec && !closed {
			prec++
		}
	}
	w.operand(x, prec)
}

// exprs writes a list.
func (w *printer) exprs(list []Expr) {
	w.list(len(list), func(i int) { w.expr(list[i]) })
}

// parens writes a list in parentheses.
func (w *printer) parens(list []Expr) {
	w.text("(")
	w.exprs(list)
	w.text(")")
}

// expr writes x.
func (w *printer) expr(x Expr) {
	switch x := x.(type) {
	case *Literal:
		w.literal(x)
	case *Param:
		w.text("$", strconv.Itoa(x.Number))
	case *ColumnRef:
		w.path(x.Parts)
	case *Star:
		w.star(x)
	case *Default:
		w.text("DEFAULT")
	case *Unary:
		prec, _ := precedenceOf(x)
		w.text(x.Op.String(), " ")
		w.operand(x.X, prec+1)
	case *Binary:
		prec := operatorPrec(x.Op)
		w.left(x.L, prec)
		w.text(" ", x.Op.String(), " ")
		w.operand(x.R, prec+1)
	case *Logic:
		w.logic(x)
	case *Call:
		w.call(x)
	case *NamedArg:
		w.ident(x.Name)
		w.text(" => ")
		w.expr(x.Value)
	case *ValueFunc:
		w.text(upperASCII(x.Name))
		if x.Precision >= 0 {
			w.text("(", strconv.Itoa(x.Precision), ")")
		}
	case *Cast:
		w.operand(x.X, precCast)
		w.text("::")
		w.typeName(x.Type)
	case *Collate:
		w.operand(x.X, precCollate)
		w.text(" COLLATE ")
		w.name(x.Collation)
	case *Subscript, *Field:
		w.indirection(x)
	default:
		w.compound(x)
	}
}

// compound writes the rest of the expressions.
func (w *printer) compound(x Expr) {
	switch x := x.(type) {
	case *Case:
		w.caseExpr(x)
	case *Subquery:
		w.text([...]string{ScalarSubquery: "(", ExistsSubquery: "EXISTS (", ArraySubquery: "ARRAY("}[x.Kind])
		w.query(x.Select)
		w.text(")")
	case *In:
		w.left(x.X, precRange)
		w.text(not(x.Not, " IN ("))
		if x.Select != nil {
			w.query(x.Select)
		} else {
			w.exprs(x.List)
		}
		w.text(")")
	case *Quantified:
		w.quantified(x)
	case *Array:
		w.text("ARRAY[")
		w.exprs(x.Elems)
		w.text("]")
	case *Row:
		if x.Explicit {
			w.text("ROW")
		}
		w.parens(x.Elems)
	case *Between:
		w.left(x.X, precRange)
		w.text(not(x.Not, " BETWEEN "))
		if x.Symmetric {
			w.text("SYMMETRIC ")
		}
		w.operand(x.Lower, precUnary)
		w.text(" AND ")
		w.operand(x.Upper, precRange+1)
	case *Like:
		w.like(x)
	case *Is:
		w.left(x.X, precIs)
		w.text(" IS ", notWord(x.Not))
		w.text([...]string{IsNull: "NULL", IsTrue: "TRUE", IsFalse: "FALSE", IsUnknown: "UNKNOWN",
			IsDocument: "DOCUMENT"}[x.Test])
	case *Distinct:
		w.left(x.L, precIs)
		w.text(" IS ", notWord(x.Not), "DISTINCT FROM ")
		w.operand(x.R, precIs+1)
	case *GroupingSet:
		w.text([...]string{GroupingEmpty: "", GroupingRollup: "ROLLUP ", GroupingCube: "CUBE ",
			GroupingSets: "GROUPING SETS "}[x.Kind])
		w.parens(x.Items)
	default:
		panic("parse: unknown expression")
	}
}

// not returns words with NOT in front if no is set. They start with a space.
func not(no bool, words string) string {
	if no {
		return " NOT" + words
	}
	return words
}

// notWord returns NOT and a space if no is set.
func notWord(no bool) string {
	if no {
		return "NOT "
	}
	return ""
}

// literal writes a constant.
func (w *printer) literal(c *Literal) {
	switch c.Kind {
	case Null:
		w.text("NULL")
	case Bool:
		w.text(upperASCII(c.Text))
	case String:
		w.text(quoteLiteral(c.Text))
	case Bit:
		w.text("B", quoteLiteral(c.Text))
	case Hex:
		w.text("X", quoteLiteral(c.Text))
	default:
		w.text(c.Text)
	}
}

// path writes names with points between them.
func (w *printer) path(parts []string) {
	for i, s := range parts {
		if i > 0 {
			w.text(".")
		}
		w.ident(s)
	}
}

// star writes *, t.* or (x).*.
func (w *printer) star(x *Star) {
	switch {
	case x.X != nil:
		w.base(x.X, false)
		w.text(".")
	case len(x.Parts) > 0:
		w.path(x.Parts)
		w.text(".")
	}
	w.text("*")
}

// base writes what a subscript or field is taken of. A column may stand without parentheses before a subscript only.
func (w *printer) base(x Expr, subscript bool) {
	bare := false
	switch x := x.(type) {
	case *Param, *Field:
		bare = true
	case *Subscript:
		bare = !x.Closed
	case *ColumnRef:
		bare = subscript
	case *Subquery:
		bare = x.Kind == ScalarSubquery
	}
	if bare {
		w.expr(x)
		return
	}
	w.text("(")
	w.expr(x)
	w.text(")")
}

// indirection writes a subscript or field.
func (w *printer) indirection(x Expr) {
	f, ok := x.(*Field)
	if ok {
		w.base(f.X, false)
		w.text(".")
		w.ident(f.Name)
		return
	}
	s := x.(*Subscript)
	w.base(s.X, true)
	w.text("[")
	if s.Lower != nil {
		w.expr(s.Lower)
	}
	if s.Slice {
		w.text(" : ")
		if s.Upper != nil {
			w.expr(s.Upper)
		}
	}
	w.text("]")
}

// logic writes AND, OR and NOT.
func (w *printer) logic(x *Logic) {
	if x.Op == Not {
		w.text("NOT ")
		w.operand(x.Args[0], precNot+1)
		return
	}
	prec, word := precAnd, " AND "
	if x.Op == Or {
		prec, word = precOr, " OR "
	}
	for i, arg := range x.Args {
		if i > 0 {
			w.text(word)
		}
		w.operand(arg, prec+1)
	}
}

// keywordFuncs are functions that are called by a keyword in the ordinary form.
var keywordFuncs = map[string]bool{"overlay": true, "substring": true}

// call writes a function call.
func (w *printer) call(c *Call) {
	if c.Keyword || c.Name.Schema == "" && keywordFuncs[c.Name.Name] && c.Filter == nil && c.Over == nil &&
		c.OrderBy == nil && !c.Star && !c.Distinct && !c.Variadic {
		w.text(upperASCII(c.Name.Name))
	} else {
		w.name(c.Name)
	}
	w.text("(")
	if c.Star {
		w.text("*")
	}
	if c.Distinct {
		w.text("DISTINCT ")
	}
	w.list(len(c.Args), func(i int) {
		if c.Variadic && i == len(c.Args)-1 {
			w.text("VARIADIC ")
		}
		w.expr(c.Args[i])
	})
	if c.WithinGroup {
		w.text(") WITHIN GROUP (ORDER BY ")
		w.sortKeys(c.OrderBy)
	} else if c.OrderBy != nil {
		w.text(" ORDER BY ")
		w.sortKeys(c.OrderBy)
	}
	w.text(")")
	if c.Filter != nil {
		w.text(" FILTER (WHERE ")
		w.expr(c.Filter)
		w.text(")")
	}
	if c.Over != nil {
		w.text(" OVER ")
		if c.Over.Name != "" {
			w.ident(c.Over.Name)
		} else {
			w.window(c.Over)
		}
	}
}

// caseExpr writes CASE … END.
func (w *printer) caseExpr(c *Case) {
	w.text("CASE")
	if c.Operand != nil {
		w.text(" ")
		w.expr(c.Operand)
	}
	for _, when := range c.Whens {
		w.text(" WHEN ")
		w.expr(when.Cond)
		w.text(" THEN ")
		w.expr(when.Result)
	}
	if c.Else != nil {
		w.text(" ELSE ")
		w.expr(c.Else)
	}
	w.text(" END")
}

// quantified writes x op ANY (…).
func (w *printer) quantified(x *Quantified) {
	w.left(x.X, operatorPrecOf(x))
	if word := likeWords[x.Op]; word != "" {
		w.text(" ", word)
	} else {
		w.text(" ", x.Op.String())
	}
	if x.All {
		w.text(" ALL (")
	} else {
		w.text(" ANY (")
	}
	if x.Select != nil {
		w.query(x.Select)
	} else {
		w.expr(x.Array)
	}
	w.text(")")
}

// like writes LIKE, ILIKE and SIMILAR TO.
func (w *printer) like(x *Like) {
	w.left(x.X, precRange)
	w.text(not(x.Not, [...]string{LikePattern: " LIKE ", ILikePattern: " ILIKE ", SimilarPattern: " SIMILAR TO "}[x.Kind]))
	w.operand(x.Pattern, precRange+1)
	if x.Escape != nil {
		w.text(" ESCAPE ")
		w.operand(x.Escape, precRange+1)
	}
}
