package query

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
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
		fmt.Fprintf(b, "cast(%d,%d,%t", x.t.OID, x.typmod, x.modify == nil)
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
	case *fieldExpr:
		fmt.Fprintf(b, "field(%d,", x.index)
	case *rowsExpr:
		fmt.Fprintf(b, "rows(%p,%t,", x.cond, x.all)
	case *sliceExpr:
		fmt.Fprintf(b, "slice(")
		for _, bound := range append(slices.Clone(x.lowers), x.upper...) {
			fmt.Fprintf(b, "%t", bound == nil)
		}
	case *windowExpr:
		f := x.frame
		fmt.Fprintf(b, "window(%p,%d,%d,%t,%d,%d,%d,%d,", x.call.Func, len(x.args), len(x.partition), x.filter != nil, f.mode, f.start.kind, f.end.kind, f.exclude)
		for _, k := range x.order {
			fmt.Fprintf(b, "%t%t", k.desc, k.nullsFirst)
		}
	case *subqueryExpr:
		fmt.Fprintf(b, "%T(%p,", x, x.plan)
	case *outerExpr:
		fmt.Fprintf(b, "%T(%p,", x, x.slot)
	default:
		fmt.Fprintf(b, "%T(%d,", x, x.typ().OID)
	}
}

// exprText shows an expression as EXPLAIN does.
func exprText(e expr) string {
	var t texter
	t.expr(e)
	return t.String()
}

// texter writes expressions. slots are what the slots of the letExprs around stand for.
type texter struct {
	strings.Builder
	slots map[*slotExpr]expr
}

// add writes strings as they are and expressions as text.
func (t *texter) add(parts ...any) {
	for _, p := range parts {
		if e, ok := p.(expr); ok {
			t.expr(e)
		} else {
			t.WriteString(p.(string))
		}
	}
}

func (t *texter) list(list []expr, sep string) {
	for i, e := range list {
		if i > 0 {
			t.WriteString(sep)
		}
		t.expr(e)
	}
}

// call writes a name and arguments in parentheses.
func (t *texter) call(name string, args []expr) {
	t.add(name, "(")
	t.list(args, ", ")
	t.WriteString(")")
}

func (t *texter) expr(e expr) {
	switch x := e.(type) {
	case *constExpr:
		t.WriteString(constText(x.d))
	case *columnExpr:
		t.WriteString(x.name)
	case *computedExpr:
		t.WriteString(x.name)
	case *paramExpr:
		t.WriteString("$" + itoa(x.n+1))
	case *callExpr:
		t.callExpr(x)
	case *castExpr:
		if x.cast != nil && x.cast.Context == fn.Implicit {
			t.expr(x.x)
			return
		}
		t.add("(", x.x, ")::", x.t.SQL)
	case *logicExpr:
		if x.op == opNot {
			t.add("(NOT ", x.args[0], ")")
			return
		}
		t.WriteString("(")
		t.list(x.args, [...]string{" AND ", " OR "}[x.op])
		t.WriteString(")")
	case *testExpr:
		t.add("(", x.x, " IS ", map[bool]string{true: "NOT "}[x.not], [...]string{"NULL", "TRUE", "FALSE", "UNKNOWN"}[x.test], ")")
	case *quantifiedExpr:
		t.add("(", x.x, " ", x.op.Func.Name, map[bool]string{true: " ALL (", false: " ANY ("}[x.all], x.array, "))")
	case *aggregateExpr:
		if len(x.args) == 0 {
			t.add(x.call.Func.Name, "(*)")
			return
		}
		t.call(x.call.Func.Name, x.args)
	case *coalesceExpr:
		t.call("COALESCE", x.args)
	case *seriesExpr:
		t.call(x.call.Func.Name, x.args)
	default:
		t.other(e)
	}
}

// other writes the rarer expressions.
func (t *texter) other(e expr) {
	switch x := e.(type) {
	case *arrayExpr:
		t.WriteString("ARRAY[")
		t.list(x.elems, ", ")
		t.WriteString("]")
	case *rowExpr:
		t.call("ROW", x.elems)
	case *letExpr:
		if t.slots == nil {
			t.slots = map[*slotExpr]expr{}
		}
		t.slots[x.slot] = x.x
		t.expr(x.body)
	case *slotExpr:
		if of := t.slots[x]; of != nil && t.Len() < textMax {
			t.expr(of)
		} else {
			t.WriteString("…")
		}
	case *caseExpr:
		t.WriteString("CASE")
		for i, c := range x.conds {
			t.add(" WHEN ", c, " THEN ", x.results[i])
		}
		if x.els != nil {
			t.add(" ELSE ", x.els)
		}
		t.WriteString(" END")
	case *extremeExpr:
		t.call(map[bool]string{true: "LEAST", false: "GREATEST"}[x.least], x.args)
	case *distinctExpr:
		t.add("(", x.l, " IS ", map[bool]string{true: "NOT "}[x.not], "DISTINCT FROM ", x.r, ")")
	case *subscriptExpr:
		t.add(x.x, "[")
		t.list(x.subs, "][")
		t.WriteString("]")
	case *subqueryExpr:
		t.WriteString("(SubPlan)")
	case *outerExpr:
		t.WriteString(x.slot.name)
	case *fieldExpr:
		t.add("(", x.x, ").", fn.QuoteIdent(x.col.Name))
	case *rowsExpr:
		t.call("ROW", x.xs)
		t.WriteString(" ANY (SubPlan)")
	case *sliceExpr:
		t.add(x.x, "[:]")
	case *windowExpr:
		t.call(x.call.Func.Name, x.args)
		t.WriteString(" OVER (…)")
	default:
		panic("query: no text for the expression")
	}
}

// textMax bounds texts in which expressions stand more than once.
const textMax = 1 << 16

func (t *texter) callExpr(x *callExpr) {
	switch {
	case x.operator && len(x.args) == 2:
		t.add("(", x.args[0], " ", x.call.Func.Name, " ", x.args[1], ")")
	case x.operator:
		t.add("(", x.call.Func.Name, " ", x.args[0], ")")
	default:
		t.call(x.call.Func.Name, x.args)
	}
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
