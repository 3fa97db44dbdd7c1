package query

import (
	"context"
	"strings"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// explainOptions are the options of EXPLAIN that change something.
type explainOptions struct {
	analyze, costs, timing, summary bool
	format                          planFormat
}

// explainOptions judges the options of EXPLAIN.
func (a *analyzer) explainOptions(stmt *parse.Explain) (o explainOptions, err error) {
	o.costs = true
	set := map[string]bool{}
	for _, opt := range stmt.Options {
		on := true
		if l, ok := opt.Value.(*parse.Literal); ok && opt.Name != "format" {
			if on, ok = parseBool(l.Text); !ok {
				return o, a.fail(errf(codeSyntax, "%s requires a Boolean value", opt.Name), opt)
			}
		}
		set[opt.Name] = on
		switch opt.Name {
		case "analyze":
			o.analyze = on
		case "costs":
			o.costs = on
		case "verbose", "buffers", "timing", "summary", "settings", "wal":
		case "format":
			err = a.explainFormat(&o, opt)
		default:
			err = a.fail(errf(codeSyntax, "unrecognized EXPLAIN option %q", opt.Name), opt)
		}
		if err != nil {
			return o, err
		}
	}
	for _, name := range []string{"wal", "timing"} {
		if set[name] && !o.analyze {
			return o, errf(codeInvalidParameter, "EXPLAIN option %s requires ANALYZE", strings.ToUpper(name))
		}
	}
	timing, given := set["timing"]
	o.timing = o.analyze && (timing || !given)
	summary, given := set["summary"]
	o.summary = o.analyze && (summary || !given)
	return o, nil
}

func (a *analyzer) explainFormat(o *explainOptions, opt parse.Option) error {
	text := ""
	if l, ok := opt.Value.(*parse.Literal); ok {
		text = strings.ToLower(l.Text)
	}
	f, ok := planFormats[text]
	if !ok {
		return a.fail(errf(codeInvalidParameter, "unrecognized value for EXPLAIN option \"format\": %q", text), opt)
	}
	o.format = f
	return nil
}

// explain analyzes EXPLAIN.
func (a *analyzer) explain(stmt *parse.Explain) (*compiled, error) {
	o, err := a.explainOptions(stmt)
	if err != nil {
		return nil, err
	}
	switch inner := stmt.Stmt.(type) {
	case *parse.Select:
		plan, err := a.query(inner, nil)
		return a.explained(plan, nil, "", o), err
	case *parse.DeclareCursor:
		plan, err := a.query(inner.Query, nil)
		return a.explained(plan, nil, "", o), err
	case *parse.Execute:
		args, p, err := a.executeArgs(inner)
		if err != nil {
			return nil, err
		}
		if p.c.plan != nil {
			return a.explained(p.c.plan, args, "", o), nil
		}
	case *parse.Insert:
		if o.analyze {
			return nil, a.fail(errf(codeUnsupported, "EXPLAIN ANALYZE of INSERT is not supported").
				hint("It would file the digests, and what is filed cannot be taken back. EXPLAIN without ANALYZE files nothing."), stmt)
		}
		p, err := a.insertPlan(inner)
		if err != nil {
			return nil, err
		}
		return a.explained(p.source, nil, "Insert on hashes", o), nil
	case *parse.Update:
		return nil, a.appendOnly(&inner.Table.Name, "UPDATE")
	case *parse.Delete:
		return nil, a.appendOnly(&inner.Table.Name, "DELETE")
	}
	return nil, a.unsupported(stmt, "EXPLAIN of this statement is")
}

// explained is EXPLAIN of a plan. args are the values of its parameters if they are not those of the statement itself.
func (a *analyzer) explained(plan node, args []expr, title string, o explainOptions) *compiled {
	cols := textColumns("QUERY PLAN")
	cols[0].Type = o.format.columnType()
	return &compiled{cols: cols, run: func(ctx context.Context, r *run) (*Result, error) {
		params := r.params
		if args != nil {
			var err error
			if params, err = r.arguments(ctx, args); err != nil {
				return nil, err
			}
		}
		x := r.execution(ctx, params)
		limit, cancel := r.limit(ctx, x)
		defer cancel()
		x.env.Ctx, x.explaining = limit, &explaining{analyze: o.analyze, timing: o.timing, counts: map[any]*counts{}, numbers: map[node]int{}}
		op, err := x.start(plan, everything)
		if err != nil {
			return nil, err
		}
		defer op.close()
		start := r.engine.Clock()
		for o.analyze {
			b, err := op.next()
			if err != nil {
				return nil, stopped(limit, err)
			}
			if b == nil {
				break
			}
		}
		ms := float64(r.engine.Clock().Sub(start).Microseconds()) / 1000
		e := op.explain()
		if title != "" {
			e = explained{title: title, total: e.total, children: []explained{e}}
		}
		rows, err := e.rowsOf(o, ms)
		return r.listed(ctx, "EXPLAIN", cols, rows), err
	}}
}

// rowsOf returns the rows of EXPLAIN.
func (e *explained) rowsOf(o explainOptions, ms float64) (rows [][]value.Datum, err error) {
	if o.format != planText {
		more := map[string]any{}
		if o.summary {
			more["Execution Time"] = ms
		}
		text, err := o.format.write(e.properties(o.costs), more)
		return [][]value.Datum{{value.NewBytes(o.format.columnType(), []byte(text))}}, err
	}
	lines := e.append(nil, 0, o.costs)
	if o.summary {
		lines = append(lines, "Execution Time: "+formatMillis(ms)+" ms")
	}
	for _, l := range lines {
		rows = append(rows, []value.Datum{value.NewText(l)})
	}
	return rows, nil
}
