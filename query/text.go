package query

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A fingerprint is equal for two expressions exactly if they compute the same.
type fingerprint [sha256.Size]byte

// prints remembers fingerprints, so that looking at an expression and at all of its parts takes no longer than looking
// at it once.
type prints map[expr]fingerprint

// of returns the fingerprint of e.
func (p prints) of(e expr) fingerprint {
	if f, ok := p[e]; ok {
		return f
	}
	if l, ok := e.(*letExpr); ok {
		p[l.slot] = p.of(l.x)
	}
	var b bytes.Buffer
	appendHead(&b, e)
	for _, c := range children(e) {
		f := p.of(c)
		b.Write(f[:])
	}
	f := fingerprint(sha256.Sum256(b.Bytes()))
	p[e] = f
	return f
}

// appendHead appends what e is, its parts aside.
func appendHead(b *bytes.Buffer, e expr) {
	switch x := e.(type) {
	case *constExpr:
		fmt.Fprintf(b, "const(%d,%v,%q)", x.d.Type.OID, x.d.Null, x.d.Text(value.DefaultSettings()))
	case *columnExpr:
		fmt.Fprintf(b, "column(%d)", x.index)
	case *paramExpr:
		fmt.Fprintf(b, "param(%d)", x.n)
	case *computedExpr:
		fmt.Fprintf(b, "computed(%s,", x.name)
	case *callExpr:
		fmt.Fprintf(b, "call(%p,", x.call.Func)
	case *castExpr:
		fmt.Fprintf(b, "cast(%d,%t", x.t.OID, x.modify == nil)
		if x.modify != nil {
			fmt.Fprintf(b, "%p", x) // modifiers do not show what they are: such casts equal themselves alone
		}
	case *logicExpr:
		fmt.Fprintf(b, "logic(%d,", x.op)
	case *caseExpr:
		fmt.Fprintf(b, "case(%d,%t,", len(x.conds), x.els != nil)
	case *testExpr:
		fmt.Fprintf(b, "test(%d,%t,", x.test, x.not)
	case *distinctExpr:
		fmt.Fprintf(b, "distinct(%t,", x.not)
	case *quantifiedExpr:
		fmt.Fprintf(b, "any(%p,%t,", x.op.Func, x.all)
	case *aggregateExpr:
		fmt.Fprintf(b, "aggregate(%p,%t,%t,%d,", x.call.Func, x.distinct, x.filter != nil, len(x.args))
		for _, k := range x.order {
			fmt.Fprintf(b, "%t%t", k.desc, k.nullsFirst)
		}
	case *extremeExpr:
		fmt.Fprintf(b, "extreme(%t,", x.least)
	case *subqueryExpr:
		fmt.Fprintf(b, "%T(%p,", x, x)
	default:
		fmt.Fprintf(b, "%T(%d,", x, x.typ().OID)
	}
}

// exprText shows an expression as EXPLAIN does.
func exprText(e expr) string {
	switch x := e.(type) {
	case *constExpr:
		return constText(x.d)
	case *columnExpr:
		return x.name
	case *computedExpr:
		return x.name
	case *paramExpr:
		return "$" + itoa(x.n+1)
	case *callExpr:
		return callText(x)
	case *castExpr:
		if x.cast != nil && x.cast.Context == 'i' {
			return exprText(x.x)
		}
		return "(" + exprText(x.x) + ")::" + x.t.SQL
	case *logicExpr:
		if x.op == opNot {
			return "(NOT " + exprText(x.args[0]) + ")"
		}
		return "(" + joinText(x.args, [...]string{" AND ", " OR "}[x.op]) + ")"
	case *testExpr:
		not := ""
		if x.not {
			not = "NOT "
		}
		return "(" + exprText(x.x) + " IS " + not + [...]string{"NULL", "TRUE", "FALSE", "UNKNOWN"}[x.test] + ")"
	case *quantifiedExpr:
		word := "ANY"
		if x.all {
			word = "ALL"
		}
		return "(" + exprText(x.x) + " " + x.op.Func.Name + " " + word + " (" + exprText(x.array) + "))"
	case *aggregateExpr:
		if len(x.args) == 0 {
			return x.call.Func.Name + "(*)"
		}
		return x.call.Func.Name + "(" + joinText(x.args, ", ") + ")"
	case *arrayExpr:
		return "ARRAY[" + joinText(x.elems, ", ") + "]"
	case *coalesceExpr:
		return "COALESCE(" + joinText(x.args, ", ") + ")"
	case *seriesExpr:
		return x.call.Func.Name + "(" + joinText(x.args, ", ") + ")"
	case *rowExpr:
		return "ROW(" + joinText(x.elems, ", ") + ")"
	case *letExpr:
		return exprText(rebuild(x.body, func(e expr) expr {
			if e == x.slot {
				return x.x
			}
			return e
		}))
	}
	return otherText(e)
}

// otherText shows the rarer expressions.
func otherText(e expr) string {
	switch x := e.(type) {
	case *caseExpr:
		var b strings.Builder
		b.WriteString("CASE")
		for i, c := range x.conds {
			b.WriteString(" WHEN " + exprText(c) + " THEN " + exprText(x.results[i]))
		}
		if x.els != nil {
			b.WriteString(" ELSE " + exprText(x.els))
		}
		return b.String() + " END"
	case *extremeExpr:
		if x.least {
			return "LEAST(" + joinText(x.args, ", ") + ")"
		}
		return "GREATEST(" + joinText(x.args, ", ") + ")"
	case *distinctExpr:
		return "(" + exprText(x.l) + " IS DISTINCT FROM " + exprText(x.r) + ")"
	case *subscriptExpr:
		return exprText(x.x) + "[" + joinText(x.subs, "][") + "]"
	case *subqueryExpr:
		return "(SubPlan)"
	}
	return "?"
}

func callText(x *callExpr) string {
	switch {
	case x.operator && len(x.args) == 2:
		return "(" + exprText(x.args[0]) + " " + x.call.Func.Name + " " + exprText(x.args[1]) + ")"
	case x.operator:
		return "(" + x.call.Func.Name + " " + exprText(x.args[0]) + ")"
	}
	return x.call.Func.Name + "(" + joinText(x.args, ", ") + ")"
}

func joinText(list []expr, sep string) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = exprText(e)
	}
	return strings.Join(parts, sep)
}

func constText(d value.Datum) string {
	if d.Null {
		return "NULL"
	}
	text := d.Text(value.DefaultSettings())
	if isInteger(d.Type) || d.Type == value.Bool {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'::" + d.Type.SQL
}
