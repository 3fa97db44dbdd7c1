package fn

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// The tests evaluate expressions with this small analyzer and interpreter: constants, casts, calls, operators, arrays.

type fakeSession struct{}

func (fakeSession) CurrentUser() string { return "jura" }
func (fakeSession) SessionUser() string { return "jura" }
func (fakeSession) Database() string    { return "jurat" }
func (fakeSession) SearchPath(implicit bool) []string {
	if implicit {
		return []string{"pg_catalog", "public"}
	}
	return []string{"public"}
}
func (fakeSession) BackendPID() int32         { return 42 }
func (fakeSession) Random() *Random           { return new(Random) }
func (fakeSession) Version() string           { return "PostgreSQL 15.0 (test)" }
func (fakeSession) ClientAddr() (string, int) { return "", 0 }
func (fakeSession) ServerAddr() (string, int) { return "127.0.0.1", 5433 }
func (fakeSession) Setting(name string) (string, error) {
	if name == "server_version" {
		return "15.0", nil
	}
	return "", value.Errorf(value.CodeUndefinedObject, "unrecognized configuration parameter \"%s\"", name)
}
func (fakeSession) DefaultSetting(string) string                      { return "" }
func (fakeSession) SetSetting(_, text string, _ bool) (string, error) { return text, nil }

// testNow is the start of every transaction of the tests.
var testNow = time.Date(2026, 11, 22, 1, 15, 30, 500_000_000, time.UTC)

func testEnv() *Env {
	s := value.DefaultSettings()
	s.Now = value.FromTime(testNow)
	return &Env{
		Ctx: context.Background(), Settings: s, Statement: s.Now, Session: fakeSession{},
		Clock: func() time.Time { return testNow.Add(time.Second) },
	}
}

// evalLine evaluates a golden line.
func evalLine(env *Env, text string) (value.Datum, int32, error) {
	if rest, ok := strings.CutPrefix(text, "@agg "); ok {
		d, err := evalAggregate(env, strings.Split(rest, " | "))
		return d, -1, err
	}
	if rest, ok := strings.CutPrefix(text, "@set "); ok {
		d, err := evalSeries(env, rest)
		return d, -1, err
	}
	x, err := parse.ParseExpr(text)
	if err != nil {
		return value.Datum{}, -1, fmt.Errorf("%s: %w", text, err)
	}
	d, err := evalNode(env, x)
	return d, -1, err
}

func evalNode(env *Env, x parse.Expr) (value.Datum, error) {
	switch x := x.(type) {
	case *parse.Literal:
		return literal(x)
	case *parse.Cast:
		return evalCast(env, x)
	case *parse.Unary:
		return evalOperator(env, x.Op.Name, nil, x.X)
	case *parse.Binary:
		return evalOperator(env, x.Op.Name, x.L, x.R)
	case *parse.Like:
		op := map[parse.LikeKind]string{parse.LikePattern: "~~", parse.ILikePattern: "~~*"}[x.Kind]
		if x.Not {
			op = "!" + op
		}
		return evalOperator(env, op, x.X, x.Pattern)
	case *parse.Array:
		return evalArray(env, x)
	case *parse.Row:
		r := &value.Record{}
		for _, e := range x.Elems {
			d, err := evalNode(env, e)
			if err != nil {
				return d, err
			}
			if d.Type == value.Unknown {
				d.Type = value.Text
			}
			r.Fields = append(r.Fields, d)
		}
		return value.NewBox(value.RecordT, r), nil
	case *parse.Call:
		args, err := evalAll(env, x.Args)
		if err != nil {
			return value.Datum{}, err
		}
		call, err := Builtins().ResolveFunction(x.Name.Name, typesOf(args), x.Variadic)
		if err != nil {
			return value.Datum{}, err
		}
		return invoke(env, call, args)
	}
	return value.Datum{}, fmt.Errorf("no evaluation of %T", x)
}

func literal(x *parse.Literal) (value.Datum, error) {
	switch x.Kind {
	case parse.Null:
		return value.Null(value.Unknown), nil
	case parse.Bool:
		return value.NewBool(x.Text == "true"), nil
	case parse.Integer:
		if i, err := strconv.ParseInt(x.Text, 10, 64); err == nil {
			if i >= math.MinInt32 && i <= math.MaxInt32 {
				return value.NewInt(value.Int4, i), nil
			}
			return value.NewInt(value.Int8, i), nil
		}
		fallthrough
	case parse.Float:
		n, err := value.ParseNumeric(x.Text)
		return value.NewBox(value.NumericT, n), err
	case parse.Bit, parse.Hex:
		return value.ParseText(nil, value.Bit, -1, []byte(map[parse.LiteralKind]string{parse.Bit: "b", parse.Hex: "x"}[x.Kind]+x.Text))
	}
	return value.NewBytes(value.Unknown, []byte(x.Text)), nil
}

func evalAll(env *Env, list []parse.Expr) ([]value.Datum, error) {
	out := make([]value.Datum, len(list))
	for i, x := range list {
		var err error
		if out[i], err = evalNode(env, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func typesOf(args []value.Datum) []*value.Type {
	out := make([]*value.Type, len(args))
	for i, d := range args {
		out[i] = d.Type
	}
	return out
}

func invoke(env *Env, call *Call, args []value.Datum) (value.Datum, error) {
	args, err := coerceAll(env, call, args)
	if err != nil {
		return value.Datum{}, err
	}
	return call.EvalDatums(env, args...)
}

func coerceAll(env *Env, call *Call, args []value.Datum) ([]value.Datum, error) {
	out := make([]value.Datum, len(args))
	for i, d := range args {
		var err error
		if out[i], err = coerce(env, d, call.Args[i], Implicit); err != nil {
			return nil, err
		}
	}
	if call.Missing > 0 {
		list := call.Func.Default
		for _, d := range list[len(list)-call.Missing:] {
			out = append(out, d)
			call.Args = append(call.Args, d.Type)
		}
	}
	return out, nil
}

func coerce(env *Env, d value.Datum, to *value.Type, context Context) (value.Datum, error) {
	switch {
	case d.Type == to:
		return d, nil
	case d.Null && d.Type == value.Unknown:
		return value.Null(to), nil
	case d.Type == value.Unknown:
		return value.ParseText(env.Settings, to, -1, d.B)
	}
	c, ok := Builtins().FindCast(d.Type, to, context)
	if !ok {
		return d, value.Errorf(value.CodeCannotCoerce, "cannot cast type %s to %s", d.Type.SQL, to.SQL)
	}
	return c.EvalDatum(env, d)
}

func evalOperator(env *Env, name string, l, r parse.Expr) (value.Datum, error) {
	args := []parse.Expr{r}
	if l != nil {
		args = []parse.Expr{l, r}
	}
	data, err := evalAll(env, args)
	if err != nil {
		return value.Datum{}, err
	}
	var left *value.Type
	if l != nil {
		left = data[0].Type
	}
	call, err := Builtins().ResolveOperator(name, left, data[len(data)-1].Type)
	if err != nil {
		return value.Datum{}, err
	}
	return invoke(env, call, data)
}

func typeNamed(n *parse.TypeName) (*value.Type, int32, error) {
	t := value.ByName(n.Name.Name)
	if t == nil {
		return nil, 0, value.Errorf(value.CodeUndefinedObject, "type \"%s\" does not exist", n.Name.Name)
	}
	typmod := int32(-1)
	if len(n.Mods) > 0 {
		args := make([]int64, len(n.Mods))
		for i, m := range n.Mods {
			args[i], _ = strconv.ParseInt(m.(*parse.Literal).Text, 10, 64)
		}
		var err error
		if typmod, err = value.Typmod(t, args); err != nil {
			return nil, 0, err
		}
	}
	if n.Dims > 0 {
		t = value.MustType(t.Array)
	}
	return t, typmod, nil
}

func evalCast(env *Env, x *parse.Cast) (value.Datum, error) {
	t, typmod, err := typeNamed(x.Type)
	if err != nil {
		return value.Datum{}, err
	}
	d, err := evalNode(env, x.X)
	if err != nil {
		return d, err
	}
	if c, ok := Builtins().FindCast(d.Type, t, Explicit); ok && c.Fit(typmod) != c && !d.Null {
		d, err = c.Fit(typmod).EvalDatum(env, d)
	} else {
		d, err = coerce(env, d, t, Explicit)
	}
	if err != nil {
		return d, err
	}
	if k := Modify(t, typmod, true); k != nil {
		in, out := value.NewConst(d, 1), value.NewVector(t, 1)
		err = k(env, out, []*value.Vector{in}, 1, nil)
		return out.Datum(0), err
	}
	return d, nil
}

func evalArray(env *Env, x *parse.Array) (value.Datum, error) {
	args, err := evalAll(env, x.Elems)
	if err != nil {
		return value.Datum{}, err
	}
	t, err := Builtins().CommonType("ARRAY", typesOf(args))
	if err != nil {
		return value.Datum{}, err
	}
	elems := value.NewVector(t, 0)
	for _, d := range args {
		if d, err = coerce(env, d, t, Implicit); err != nil {
			return d, err
		}
		elems.Append(d)
	}
	return value.ArrayOf(elems), nil
}

// evalAggregate runs an aggregate over an array in two groups, of which the other stays empty.
func evalAggregate(env *Env, p []string) (value.Datum, error) {
	t := value.ByName(p[1])
	list, err := value.ParseText(env.Settings, value.MustType(t.Array), -1, []byte(strings.ReplaceAll(p[2], "''", "'")))
	if err != nil {
		return value.Datum{}, err
	}
	rows := list.X.(*value.Array).Elems
	args, types := []*value.Vector{rows}, []*value.Type{t}
	name, more, two := strings.Cut(p[0], ", ")
	if two {
		x, err := parse.ParseExpr(more)
		if err != nil {
			return value.Datum{}, err
		}
		d, err := evalNode(env, x)
		if err != nil {
			return d, err
		}
		if d, err = coerce(env, d, t, Explicit); err != nil {
			return d, err
		}
		args, types = append(args, value.NewConst(d, rows.Len())), append(types, t)
	}
	call, err := Builtins().ResolveFunction(name, types, false)
	if err != nil {
		return value.Datum{}, err
	}
	for i := range args {
		c, _ := Builtins().FindCast(args[i].Type, call.Args[i], Implicit)
		var out value.Vector
		if err := c.Eval(env, &out, args[i], rows.Len(), nil); err != nil {
			return value.Datum{}, err
		}
		args[i] = &out
	}
	a := call.Aggregate()
	a.Grow(2)
	groups := make([]int32, rows.Len())
	for i := range groups {
		groups[i] = 1
	}
	if err := a.Step(env, groups, args, rows.Len(), nil); err != nil {
		return value.Datum{}, err
	}
	var out value.Vector
	if err := a.Final(env, &out, 0, 2); err != nil {
		return value.Datum{}, err
	}
	if empty := out.Datum(0); !empty.Null && empty.I != 0 {
		return value.Datum{}, fmt.Errorf("a group without rows is %v", empty)
	}
	return out.Datum(1), nil
}

func evalSeries(env *Env, text string) (value.Datum, error) {
	x, err := parse.ParseExpr(text)
	if err != nil {
		return value.Datum{}, err
	}
	c := x.(*parse.Call)
	args, err := evalAll(env, c.Args)
	if err != nil {
		return value.Datum{}, err
	}
	call, err := Builtins().ResolveFunction(c.Name.Name, typesOf(args), false)
	if err != nil {
		return value.Datum{}, err
	}
	if args, err = coerceAll(env, call, args); err != nil {
		return value.Datum{}, err
	}
	rows := value.NewVector(value.Text, 0)
	s, err := call.Start(env, args)
	if err != nil {
		return value.Datum{}, err
	}
	cols := []*value.Vector{{}}
	if n := len(call.Func.Columns); n > 1 {
		cols = []*value.Vector{{}, {}}
	}
	for s != nil {
		n, err := s.Next(env, cols)
		if err != nil {
			return value.Datum{}, err
		}
		if n == 0 {
			break
		}
		for i := range n {
			d := cols[0].Datum(i)
			if len(cols) == 2 {
				d = value.NewBox(value.RecordT, &value.Record{Fields: []value.Datum{d, cols[1].Datum(i)}})
			}
			if d.Null {
				rows.Append(value.Null(value.Text))
			} else {
				rows.Append(value.NewText(d.Text(env.Settings)))
			}
		}
	}
	if rows.Len() == 0 {
		return value.Null(value.MustType(value.Text.Array)), nil
	}
	return value.ArrayOf(rows), nil
}

// EvalDatums computes a plain function or an operator for one row.
func (c *Call) EvalDatums(env *Env, args ...value.Datum) (value.Datum, error) {
	vectors := make([]*value.Vector, len(args))
	for i, d := range args {
		vectors[i] = value.NewVector(c.Args[i], 1)
		vectors[i].Set(0, d)
	}
	var out value.Vector
	if err := c.Eval(env, &out, vectors, 1, nil); err != nil {
		return value.Datum{}, err
	}
	return out.Datum(0), nil
}

// EvalDatum converts one value.
func (c *Cast) EvalDatum(env *Env, d value.Datum) (value.Datum, error) {
	in := value.NewVector(c.From, 1)
	in.Set(0, d)
	var out value.Vector
	if err := c.Eval(env, &out, in, 1, nil); err != nil {
		return value.Datum{}, err
	}
	return out.Datum(0), nil
}
