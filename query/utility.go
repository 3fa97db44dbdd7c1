package query

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// do is a compiled statement without rows.
func do(f func(ctx context.Context, r *run) (tag string, err error)) *compiled {
	return &compiled{run: func(ctx context.Context, r *run) (*Result, error) {
		tag, err := f(ctx, r)
		if err != nil {
			return nil, err
		}
		return r.tagged(tag), nil
	}}
}

// set analyzes SET.
func (a *analyzer) set(t *parse.Set) (*compiled, error) {
	if t.FromCurrent {
		return nil, a.unsupported(t, "SET … FROM CURRENT is")
	}
	key := strings.ToLower(t.Name)
	if isRole(key) {
		return a.setRole(t, key)
	}
	if t.Default {
		return a.reset(&parse.Reset{Loc: t.Loc, Name: t.Name})
	}
	text, err := a.setText(t, key)
	if err != nil {
		return nil, err
	}
	canonical, _, err := checkSetting(t.Name, text)
	if err != nil {
		return nil, a.fail(err, nil)
	}
	return do(func(_ context.Context, r *run) (string, error) {
		if t.Local && r.tx.state != txBlock && r.single {
			r.notice("WARNING", codeNoTransaction, "SET LOCAL can only be used in transaction blocks")
			return "SET", nil
		}
		if slices.Contains(transactionModes[:], key) {
			return "SET", r.mode(key, canonical)
		}
		if err := r.settings.room(key, canonical); err != nil {
			return "", err
		}
		r.put(key, r.capped(key, canonical), t.Local)
		return "SET", nil
	}), nil
}

// setText joins the values of a SET. A time zone may be given as an interval.
func (a *analyzer) setText(t *parse.Set, key string) (string, error) {
	var parts []string
	for _, v := range t.Values {
		switch v := v.(type) {
		case *parse.Literal:
			text := v.Text
			if key == "search_path" && len(t.Values) > 1 || key == "search_path" && text == "" {
				text = fn.QuoteIdent(text)
			}
			parts = append(parts, text)
		case *parse.Cast:
			x, err := a.expr(&scope{}, v)
			if err != nil {
				return "", err
			}
			if fit, ok := x.(*castExpr); ok {
				x = fit.x // its fields have been fitted when it was read
			}
			c, ok := x.(*constExpr)
			var iv value.Interval
			if ok {
				iv, ok = c.d.X.(value.Interval)
			}
			if !ok || iv.Months != 0 || iv.Days != 0 {
				return "", a.fail(errf(codeInvalidParameter, "invalid value for parameter %q", t.Name), v)
			}
			parts = append(parts, value.OffsetZone(int(iv.Micros/1_000_000)).String())
		default:
			return "", a.unsupported(v, "this value is")
		}
	}
	return strings.Join(parts, ", "), nil
}

// isRole reports whether a setting is that of the role which the session works as.
func isRole(key string) bool { return key == "role" || key == "session_authorization" }

// mayBe refuses to work as another role than the session's own.
func (s *Session) mayBe(key, role string) error {
	if role == "none" || role == s.role.Name {
		return nil
	}
	// The same for roles that do not exist: agencies do not learn of each other.
	return errf(codeNoPrivilege, "permission denied to set %s %q", strings.ReplaceAll(key, "_", " "), role).on(key).hint("Log in as that role.")
}

// setRole accepts SET ROLE and SET SESSION AUTHORIZATION to the role that the session has.
func (a *analyzer) setRole(t *parse.Set, key string) (*compiled, error) {
	name := ""
	if len(t.Values) == 1 {
		if l, ok := t.Values[0].(*parse.Literal); ok {
			name = l.Text
		}
	}
	if !t.Default {
		if err := a.session.mayBe(key, name); err != nil {
			return nil, err
		}
	}
	return do(func(context.Context, *run) (string, error) { return "SET", nil }), nil
}

// reset analyzes RESET.
func (a *analyzer) reset(t *parse.Reset) (*compiled, error) {
	key := strings.ToLower(t.Name)
	if key != "all" {
		if _, ok := a.session.settings.get(key); !ok && !dottedName(key) {
			return nil, unknownSetting(t.Name)
		}
		if d := settingByName[key]; d != nil && d.fixed && !isRole(key) {
			return nil, errf(codeCantChangeParam, "parameter %q cannot be changed", d.name)
		}
	}
	tag := "RESET"
	if a.sql != "" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.sql[t.Pos():])), "set") {
		tag = "SET"
	}
	return do(func(_ context.Context, r *run) (string, error) {
		if key == "all" {
			r.settings.resetAll()
		} else {
			r.settings.reset(key)
		}
		r.values = nil
		return tag, nil
	}), nil
}

// show analyzes SHOW.
func (a *analyzer) show(t *parse.Show) (*compiled, error) {
	key := strings.ToLower(t.Name)
	if key == "all" {
		cols := textColumns("name", "setting", "description")
		return &compiled{cols: cols, run: func(ctx context.Context, r *run) (*Result, error) {
			return r.listed(ctx, "SHOW", cols, r.allSettings()), nil
		}}, nil
	}
	name := t.Name
	if d := settingByName[key]; d != nil {
		name = d.name
	} else if _, ok := a.session.settings.get(key); !ok {
		return nil, unknownSetting(t.Name)
	}
	cols := textColumns(name)
	return &compiled{cols: cols, run: func(ctx context.Context, r *run) (*Result, error) {
		v, err := r.Setting(key)
		if err != nil {
			return nil, err
		}
		return r.listed(ctx, "SHOW", cols, [][]value.Datum{{value.NewText(v)}}), nil
	}}, nil
}

func (s *Session) allSettings() (list [][]value.Datum) {
	for i := range settingsTable {
		d := &settingsTable[i]
		v, _ := s.Setting(d.name)
		list = append(list, []value.Datum{value.NewText(d.name), value.NewText(v), value.NewText(d.doc)})
	}
	sort.SliceStable(list, func(i, j int) bool {
		return strings.ToLower(string(list[i][0].B)) < strings.ToLower(string(list[j][0].B))
	})
	return list
}

func (a *analyzer) discard(t *parse.Discard) (*compiled, error) {
	tag := "DISCARD " + strings.ToUpper(t.What)
	return do(func(_ context.Context, r *run) (string, error) {
		if t.What != "all" {
			return tag, nil
		}
		if r.inBlock() {
			return "", errf(codeActiveTransaction, "DISCARD ALL cannot run inside a transaction block")
		}
		r.settings.set, r.settings.local, r.values = nil, nil, nil
		r.settings.changed()
		r.tx.begun = r.settings
		r.closeStatements()
		r.closeCursors(func(*cursor) bool { return true })
		r.tx.tunings = append(r.tx.tunings, tuning{})
		return tag, nil
	}), nil
}

// prepare analyzes PREPARE.
func (a *analyzer) prepare(t *parse.Prepare) (*compiled, error) {
	var types []*value.Type
	for _, n := range t.Types {
		typ, _, err := a.typeName(n)
		if err != nil {
			return nil, err
		}
		types = append(types, typ)
	}
	inner := &analyzer{session: a.session, fns: a.fns, sql: a.sql, prints: prints{}, params: make([]*value.Type, max(len(a.params), len(types)))}
	copy(inner.params, types)
	c, err := inner.statement(t.Stmt)
	if err == nil {
		err = inner.paramTypes()
	}
	if err != nil {
		return nil, err
	}
	c.params, c.text = inner.params, t.Stmt.String()
	a.params = nil // they are those of the inner statement
	kept := a.textBytes() + inner.planBytes()
	return do(func(_ context.Context, r *run) (string, error) {
		if r.statements[t.Name] != nil {
			return "", errf(codeDuplicateStatement, "prepared statement %q already exists", t.Name)
		}
		if err := r.keep(kept); err != nil {
			return "", err
		}
		p := &prepared{c: c, sql: c.text, at: timestamp(r.engine.Clock()), fromSQL: true, kept: kept}
		p.hold()
		defer p.leave(r.Session)
		return "PREPARE", r.setStatement(t.Name, p)
	}), nil
}

// executeArgs analyzes the values of EXECUTE for the parameters of the prepared statement.
func (a *analyzer) executeArgs(t *parse.Execute) ([]expr, *prepared, error) {
	p, err := a.session.statement(t.Name)
	if err != nil {
		return nil, nil, err
	}
	if p.c == nil {
		return nil, nil, errf(codeUndefinedStatement, "prepared statement %q is empty", t.Name)
	}
	if len(t.Args) != len(p.c.params) {
		e := errf(codeSyntax, "wrong number of parameters for prepared statement %q", t.Name)
		e.Detail = "Expected " + itoa(len(p.c.params)) + " parameters but got " + itoa(len(t.Args)) + "."
		return nil, nil, e
	}
	args := make([]expr, len(t.Args))
	for i, e := range t.Args {
		x, err := a.exprIn(&scope{}, e, clauseValues)
		if err != nil {
			return nil, nil, err
		}
		if args[i], err = a.coerce(x, p.c.params[i], fn.Assignment); err != nil {
			return nil, nil, a.fail(err, e)
		}
	}
	return args, p, nil
}

// arguments computes the values of EXECUTE.
func (r *run) arguments(ctx context.Context, args []expr) ([]value.Datum, error) {
	x := r.execution(ctx, r.params)
	params := make([]value.Datum, len(args))
	for i, e := range args {
		d, err := x.evalOne(e)
		if err != nil {
			return nil, err
		}
		params[i] = d
	}
	return params, nil
}

// execute analyzes EXECUTE.
func (a *analyzer) execute(t *parse.Execute) (*compiled, error) {
	args, p, err := a.executeArgs(t)
	if err != nil {
		return nil, err
	}
	return &compiled{cols: p.c.cols, control: p.c.control, run: func(ctx context.Context, r *run) (*Result, error) {
		params, err := r.arguments(ctx, args)
		if err != nil {
			return nil, err
		}
		return p.c.run(ctx, &run{Session: r.Session, params: params, single: r.single, returning: r.returning})
	}}, nil
}

func (a *analyzer) deallocate(t *parse.Deallocate) (*compiled, error) {
	return do(func(_ context.Context, r *run) (string, error) {
		if t.Name == "" {
			r.closeStatements()
			return "DEALLOCATE ALL", nil
		}
		if _, err := r.statement(t.Name); err != nil {
			return "", err
		}
		r.CloseStatement(t.Name)
		return "DEALLOCATE", nil
	}), nil
}

// appendOnly is the error for a statement that would change a table.
func (a *analyzer) appendOnly(n *parse.Name, command string) error {
	table, err := a.session.engine.table(*n, a.session)
	if err != nil {
		return a.fail(err, n)
	}
	name := table.Def().Name
	if !table.Def().Ledger {
		return a.fail(errf(codeNoPrivilege, "permission denied: %q is a system catalog", name), n)
	}
	e := errf(codeNotInState, "table %q is append-only", name)
	e.Schema, e.Table = "public", name
	e.Detail = command + " would change what is filed, and every proof given so far rests on it."
	if command == "UPDATE" || command == "DELETE" || strings.HasPrefix(command, "TRUNCATE") {
		e.hint("To correct a filing, file the right digest as well: both stay, each with its time.")
	} else {
		e.hint("The tables of the ledger are the same on every server.")
	}
	return a.fail(e, n)
}

// update refuses UPDATE, but first names that do not exist.
func (a *analyzer) update(stmt *parse.Update) error {
	table, err := a.session.engine.table(stmt.Table.Name, a.session)
	if err != nil {
		return a.fail(err, &stmt.Table.Name)
	}
	for _, s := range stmt.Set {
		for _, c := range s.Cols {
			if table.Def().Column(c.Name) < 0 {
				return a.fail(errf(codeUndefinedColumn, "column %q of relation %q does not exist", c.Name, table.Def().Name), c)
			}
		}
	}
	return a.appendOnly(&stmt.Table.Name, "UPDATE")
}

// harmless commands do nothing here and are accepted, since clients send them as a matter of course.
var harmless = map[string]bool{"LOCK TABLE": true, "VACUUM": true, "ANALYZE": true, "CHECKPOINT": true, "SET CONSTRAINTS": true}

// other answers the statements that are only recognised.
func (a *analyzer) other(t *parse.Other) (*compiled, error) {
	if harmless[t.Command] {
		for _, n := range t.Objects {
			if _, err := a.session.engine.table(n, a.session); err != nil && t.Command != "SET CONSTRAINTS" {
				return nil, a.fail(err, n)
			}
		}
		return do(func(_ context.Context, r *run) (string, error) { return t.Command, r.harmless(t) }), nil
	}
	if c, err := a.absent(t); c != nil || err != nil {
		return c, err
	}
	if c := a.present(t); c != nil {
		return c, nil
	}
	if strings.HasSuffix(t.Command, " TABLE") && !strings.HasPrefix(t.Command, "CREATE") || t.Command == "MERGE" {
		for _, n := range t.Objects {
			if err := a.appendOnly(&n, t.Command); err != nil {
				return nil, err
			}
		}
	}
	e := errf(codeUnsupported, "%s is not supported", t.Command)
	if hint := refusalHint(t.Command); hint != "" {
		e.hint("%s", hint)
	}
	return nil, a.fail(e, t)
}

// weakLocks are the modes of LOCK TABLE that keep nobody from reading and filing.
var weakLocks = []string{"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE"}

// harmless says where a statement that does nothing is not allowed.
func (r *run) harmless(t *parse.Other) error {
	switch {
	case t.Command == "LOCK TABLE" && !r.inBlock():
		return errf(codeNoTransaction, "LOCK TABLE can only be used in transaction blocks")
	case t.Command == "LOCK TABLE" && !slices.Contains(weakLocks, t.Mode):
		return errf(codeUnsupported, "a lock that keeps others from filing is not supported").
			hint("Nothing that is filed changes: BEGIN ISOLATION LEVEL REPEATABLE READ shows the ledger as it stood at the first statement. IN ACCESS SHARE MODE is accepted.")
	case t.Command == "VACUUM" && r.inBlock():
		return errf(codeActiveTransaction, "VACUUM cannot run inside a transaction block")
	case t.Command == "SET CONSTRAINTS" && !r.inBlock():
		r.notice("WARNING", codeNoTransaction, "SET CONSTRAINTS can only be used in transaction blocks")
	}
	return nil
}
