package fn

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

func jsonFunctions() []*Function {
	out := []*Function{
		def("to_json(anyelement) json stable", toJSONKernel),
		def("to_jsonb(anyelement) jsonb stable", toJSONKernel),
		def("row_to_json(record) json stable", toJSONKernel),
		def("array_to_json(anyarray) json stable", toJSONKernel),
		def("jsonb_typeof(jsonb) text", jsonFunc(jsonTypeof)),
		def("json_typeof(json) text", jsonFunc(jsonTypeof)),
		def("jsonb_array_length(jsonb) int4", jsonFunc(jsonArrayLength)),
		def("json_array_length(json) int4", jsonFunc(jsonArrayLength)),
		def("jsonb_pretty(jsonb) text", rowwise(jsonPretty)),
		def("jsonb_strip_nulls(jsonb) jsonb", jsonFunc(func(n *value.JSONNode, t *value.Type) (value.Datum, error) {
			return value.NewBytes(t, stripNulls(n).Append(nil)), nil
		})),
	}
	for _, t := range []string{"json", "jsonb"} {
		out = append(out,
			jsonBuild(t+"_build_object() "+t+" stable nullable", buildObject(t)),
			jsonBuild(t+"_build_object(any) "+t+" stable nullable variadic", buildObject(t)),
			jsonBuild(t+"_build_array() "+t+" stable nullable", buildArray),
			jsonBuild(t+"_build_array(any) "+t+" stable nullable variadic", buildArray),
			jsonBuild(t+"_object(_text) "+t, textsObject),
			jsonBuild(t+"_object(_text,_text) "+t, textsObject),
			jsonPick(t+"_extract_path("+t+",_text) "+t+" variadic", follow),
			jsonPick(t+"_extract_path_text("+t+",_text) text variadic", follow),
		)
	}
	return out
}

func jsonOperators() []*Function {
	var out []*Function
	for _, t := range []string{"json", "jsonb"} {
		for _, op := range []string{"->", "->>"} {
			ret := t
			if op == "->>" {
				ret = "text"
			}
			out = append(out,
				jsonGet(op+"("+t+",text) "+ret, func(n *value.JSONNode, key value.Datum) *value.JSONNode { return field(n, string(key.B)) }),
				jsonGet(op+"("+t+",int4) "+ret, func(n *value.JSONNode, key value.Datum) *value.JSONNode {
					if t == "jsonb" && n.Kind < value.JSONArray && (key.I == 0 || key.I == -1) {
						return n // jsonb keeps it as an array of one
					}
					return element(n, key.I)
				}))
		}
		out = append(out,
			jsonGet("#>("+t+",_text) "+t, followArray),
			jsonGet("#>>("+t+",_text) text", followArray))
	}
	test := func(sig string, f func(env *Env, n *value.JSONNode, arg value.Datum) bool) *Function {
		return def(sig, rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			n, err := value.ParseJSON(env.Settings, args[0].B, true)
			if err != nil {
				return value.Datum{}, err
			}
			ok := f(env, n, args[1])
			return value.NewBool(ok), env.Check()
		}))
	}
	pair := func(sig string, f func(env *Env, a, b *value.JSONNode) bool) *Function {
		return def(sig, map2[strs, strs, bools](func(env *Env, a, b []byte) (bool, error) {
			x, err := value.ParseJSON(env.Settings, a, true)
			if err != nil {
				return false, err
			}
			y, err := value.ParseJSON(env.Settings, b, true)
			if err != nil {
				return false, err
			}
			ok := f(env, x, y)
			return ok, env.Check()
		}))
	}
	return append(append(out, jsonDeletions()...),
		pair("@>(jsonb,jsonb) bool", jsonContains),
		pair("<@(jsonb,jsonb) bool", func(env *Env, a, b *value.JSONNode) bool { return jsonContains(env, b, a) }),
		test("?(jsonb,text) bool", func(_ *Env, n *value.JSONNode, key value.Datum) bool { return hasKey(n, string(key.B)) }),
		test("?|(jsonb,_text) bool", func(env *Env, n *value.JSONNode, keys value.Datum) bool { return hasKeys(env, n, keys, false) }),
		test("?&(jsonb,_text) bool", func(env *Env, n *value.JSONNode, keys value.Datum) bool { return hasKeys(env, n, keys, true) }),
		def("||(jsonb,jsonb) jsonb", rowwise(jsonConcat)),
		def("-(jsonb,text) jsonb", rowwise(jsonDelete)),
		def("-(jsonb,int4) jsonb", rowwise(jsonDelete)),
	)
}

// appendJSON appends a value as to_json shows it.
func appendJSON(dst []byte, env *Env, d value.Datum) ([]byte, error) {
	if d.Null {
		return append(dst, "null"...), nil
	}
	if len(dst) > MaxOutput {
		return nil, errTooLong()
	}
	switch d.Type.OID {
	case value.BoolOID:
		return strconv.AppendBool(dst, d.I != 0), nil
	case value.JSONOID, value.JSONBOID:
		return append(dst, d.B...), env.Settings.Take(len(d.B))
	case value.Int2OID, value.Int4OID, value.Int8OID:
		return d.AppendText(dst, env.Settings), nil
	case value.Float4OID, value.Float8OID:
		if !math.IsNaN(d.F) && !math.IsInf(d.F, 0) {
			return d.AppendText(dst, env.Settings), nil
		}
	case value.NumericOID:
		if d.X.(value.Numeric).Finite() {
			return d.AppendText(dst, env.Settings), nil
		}
	case value.DateOID, value.TimestampOID, value.TimestamptzOID:
		return value.AppendJSONString(dst, isoText(env, d)), nil
	}
	switch x := d.X.(type) {
	case *value.Array:
		dst, _, err := appendJSONArray(dst, env, x, 0, 0)
		return dst, err
	case *value.Record:
		return appendJSONRecord(dst, env, x)
	}
	text := d.Text(env.Settings)
	if err := env.Settings.Take(2 * len(text)); err != nil {
		return nil, err
	}
	return value.AppendJSONString(dst, text), nil
}

// isoText shows a date or time with a T, and the whole offset.
func isoText(env *Env, d value.Datum) string {
	text := d.Text(env.Settings)
	if d.Type == value.Date || strings.Contains(text, "infinity") {
		return text
	}
	text = strings.Replace(text, " ", "T", 1)
	if d.Type == value.Timestamptz {
		stem, bc := strings.CutSuffix(text, " BC")
		if c := stem[len(stem)-3]; c == '+' || c == '-' {
			stem += ":00"
		}
		if text = stem; bc {
			text += " BC"
		}
	}
	return text
}

// appendJSONArray appends one dimension from element next on and returns the element after it.
func appendJSONArray(dst []byte, env *Env, a *value.Array, dim, next int) ([]byte, int, error) {
	var err error
	dst = append(dst, '[')
	for i := 0; len(a.Dims) > 0 && i < int(a.Dims[dim]); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dim+1 < len(a.Dims) {
			dst, next, err = appendJSONArray(dst, env, a, dim+1, next)
		} else {
			dst, err = appendJSON(dst, env, a.Elems.Datum(next))
			next++
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return append(dst, ']'), next, nil
}

func appendJSONRecord(dst []byte, env *Env, r *value.Record) ([]byte, error) {
	dst = append(dst, '{')
	for i, f := range r.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		name := "f" + strconv.Itoa(i+1)
		if r.Names != nil {
			name = r.Names[i]
		}
		dst = append(value.AppendJSONString(dst, name), ':')
		var err error
		if dst, err = appendJSON(dst, env, f); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func toJSONKernel(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		text, err := appendJSON(nil, env, args[0].Datum(int(i)))
		if err != nil {
			return err
		}
		d, err := value.ParseText(env.Settings, out.Type, -1, text)
		if err != nil {
			return err
		}
		out.Set(int(i), d)
	}
	return nil
}

// buildObject returns json_build_object or jsonb_build_object, whose words about keys differ.
func buildObject(t string) func(env *Env, args []value.Datum) ([]byte, error) {
	return func(env *Env, args []value.Datum) ([]byte, error) {
		if len(args)%2 != 0 {
			return nil, &value.Error{
				Code: value.CodeInvalidParameter, Message: "argument list must have even number of elements",
				Hint: "The arguments of " + t + "_build_object() must consist of alternating keys and values.",
			}
		}
		dst := []byte{'{'}
		for i := 0; i < len(args); i += 2 {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if args[i].Null {
				return nil, nullKey(t, i+1)
			}
			dst = append(value.AppendJSONString(dst, args[i].Text(env.Settings)), " : "...)
			var err error
			if dst, err = appendJSON(dst, env, args[i+1]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
}

func nullKey(t string, n int) error {
	if t == "jsonb" {
		return value.Errorf(value.CodeInvalidParameter, "argument %d: key must not be null", n)
	}
	return &value.Error{
		Code: value.CodeInvalidParameter, Message: "argument " + strconv.Itoa(n) + " cannot be null", Hint: "Object keys should be text.",
	}
}

func buildArray(env *Env, args []value.Datum) ([]byte, error) {
	dst := []byte{'['}
	for i, a := range args {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendJSON(dst, env, a); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// jsonFunc makes a kernel of a function of one JSON value.
func jsonFunc(f func(n *value.JSONNode, t *value.Type) (value.Datum, error)) Kernel {
	return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
		n, err := value.ParseJSON(env.Settings, args[0].B, args[0].Type == value.JSONB)
		if err != nil {
			return value.Datum{}, err
		}
		return f(n, args[0].Type)
	})
}

func jsonTypeof(n *value.JSONNode, _ *value.Type) (value.Datum, error) {
	if n.Kind == value.JSONNumber {
		return value.NewText("number"), nil
	}
	return value.NewText(jsonWord(n.Kind)), nil
}

func jsonArrayLength(n *value.JSONNode, _ *value.Type) (value.Datum, error) {
	switch n.Kind {
	case value.JSONArray:
		return value.NewInt(value.Int4, int64(len(n.Items))), nil
	case value.JSONObject:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot get array length of a non-array")
	}
	return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot get array length of a scalar")
}

func jsonPretty(env *Env, args []value.Datum) (value.Datum, error) {
	n, err := value.ParseJSON(env.Settings, args[0].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	p := prettyPrinter{env: env}
	text, err := p.append(nil, n, 0)
	return value.NewBytes(value.Text, text), err
}

// A prettyPrinter makes one text of jsonb_pretty.
type prettyPrinter struct {
	env  *Env
	room room
}

func (p *prettyPrinter) append(dst []byte, n *value.JSONNode, depth int) ([]byte, error) {
	if n.Kind != value.JSONArray && n.Kind != value.JSONObject {
		return n.Append(dst), nil
	}
	if err := p.room.reach(p.env, len(dst)); err != nil {
		return nil, err
	}
	open, end := byte('['), byte(']')
	if n.Kind == value.JSONObject {
		open, end = '{', '}'
	}
	newLine := func(depth int) { dst = append(append(dst, '\n'), bytes.Repeat([]byte("    "), depth)...) }
	dst = append(dst, open)
	for i, item := range n.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		newLine(depth + 1)
		if n.Kind == value.JSONObject {
			dst = append(value.AppendJSONString(dst, n.Keys[i]), ": "...)
		}
		var err error
		if dst, err = p.append(dst, item, depth+1); err != nil {
			return nil, err
		}
		if err := p.room.reach(p.env, len(dst)); err != nil {
			return nil, err
		}
	}
	newLine(depth)
	return append(dst, end), nil
}

func stripNulls(n *value.JSONNode) *value.JSONNode {
	if n.Kind != value.JSONArray && n.Kind != value.JSONObject {
		return n
	}
	m := &value.JSONNode{Kind: n.Kind}
	for i, item := range n.Items {
		if n.Kind == value.JSONObject {
			if item.Kind == value.JSONNull {
				continue
			}
			m.Keys = append(m.Keys, n.Keys[i])
		}
		m.Items = append(m.Items, stripNulls(item))
	}
	return m
}

func field(n *value.JSONNode, key string) *value.JSONNode {
	if n.Kind != value.JSONObject {
		return nil
	}
	for i := len(n.Keys) - 1; i >= 0; i-- { // the last of equal keys, in json
		if n.Keys[i] == key {
			return n.Items[i]
		}
	}
	return nil
}

func element(n *value.JSONNode, i int64) *value.JSONNode {
	if n.Kind != value.JSONArray {
		return nil
	}
	if i < 0 {
		i += int64(len(n.Items))
	}
	if i < 0 || i >= int64(len(n.Items)) {
		return nil
	}
	return n.Items[i]
}

func follow(n *value.JSONNode, path []value.Datum) *value.JSONNode {
	for _, step := range path {
		if n == nil || step.Null {
			return nil
		}
		if n.Kind != value.JSONArray {
			n = field(n, string(step.B))
			continue
		}
		i, err := strconv.ParseInt(string(step.B), 10, 32)
		if err != nil {
			return nil
		}
		n = element(n, i)
	}
	return n
}

func followArray(n *value.JSONNode, path value.Datum) *value.JSONNode {
	elems := path.X.(*value.Array).Elems
	steps := make([]value.Datum, elems.Len())
	for i := range steps {
		steps[i] = elems.Datum(i)
	}
	return follow(n, steps)
}

// jsonBuild declares a function that makes the text of a JSON value.
func jsonBuild(sig string, f func(*Env, []value.Datum) ([]byte, error)) *Function {
	return bound(sig, func(_ []*value.Type, ret *value.Type) Kernel {
		return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			text, err := f(env, args)
			if err != nil {
				return value.Datum{}, err
			}
			return value.ParseText(env.Settings, ret, -1, text)
		})
	})
}

// jsonGet declares an operator that picks a part of a JSON value, as JSON or as text.
func jsonGet(sig string, pick func(n *value.JSONNode, arg value.Datum) *value.JSONNode) *Function {
	return jsonPick(sig, func(n *value.JSONNode, args []value.Datum) *value.JSONNode { return pick(n, args[0]) })
}

// jsonPick declares a function that picks a part of a JSON value by the other arguments, as JSON or as text.
func jsonPick(sig string, pick func(n *value.JSONNode, args []value.Datum) *value.JSONNode) *Function {
	return bound(sig, func(_ []*value.Type, ret *value.Type) Kernel {
		return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			n, err := value.ParseJSON(env.Settings, args[0].B, args[0].Type == value.JSONB)
			if err != nil {
				return value.Datum{}, err
			}
			return showNode(pick(n, args[1:]), args[0].Type, ret)
		})
	})
}

// showNode returns a part of a value of type t as a value of that type or as text.
func showNode(n *value.JSONNode, t, ret *value.Type) (value.Datum, error) {
	switch {
	case n == nil || ret == value.Text && n.Kind == value.JSONNull:
		return value.Datum{}, errNull
	case ret == value.Text && n.Kind == value.JSONString:
		return value.NewText(n.Text), nil
	case t == value.JSON:
		return value.NewBytes(ret, n.Raw), nil
	}
	return value.NewBytes(ret, n.Append(nil)), nil
}

// jsonContains, like hasKeys, ends early when the statement does.
func jsonContains(env *Env, a, b *value.JSONNode) bool {
	if a.Kind == value.JSONArray && b.Kind != value.JSONArray && b.Kind != value.JSONObject {
		return holds(env, a, b) // a scalar counts as an array of itself, at the top only
	}
	return jsonHolds(env, a, b)
}

func jsonHolds(env *Env, a, b *value.JSONNode) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case value.JSONObject:
		for i, key := range b.Keys {
			if x := a.Get(key); x == nil || !jsonHolds(env, x, b.Items[i]) {
				return false
			}
		}
		return true
	case value.JSONArray:
		for _, y := range b.Items {
			if env.Check() != nil || !holds(env, a, y) {
				return false
			}
		}
		return true
	}
	return value.CompareJSON(a, b) == 0
}

func holds(env *Env, a, y *value.JSONNode) bool {
	for _, x := range a.Items {
		if jsonHolds(env, x, y) {
			return true
		}
	}
	return false
}

func hasKey(n *value.JSONNode, key string) bool {
	switch n.Kind {
	case value.JSONObject:
		return n.Get(key) != nil
	case value.JSONArray:
		for _, x := range n.Items {
			if x.Kind == value.JSONString && x.Text == key {
				return true
			}
		}
		return false
	}
	return n.Kind == value.JSONString && n.Text == key
}

func hasKeys(env *Env, n *value.JSONNode, keys value.Datum, every bool) bool {
	elems := keys.X.(*value.Array).Elems
	for i := range elems.Len() {
		if env.Check() != nil || !elems.IsNull(i) && hasKey(n, string(elems.Bytes[i])) != every {
			return !every
		}
	}
	return every
}

func jsonConcat(env *Env, args []value.Datum) (value.Datum, error) {
	a, err := value.ParseJSON(env.Settings, args[0].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	b, err := value.ParseJSON(env.Settings, args[1].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	m := &value.JSONNode{Kind: value.JSONArray}
	if a.Kind == value.JSONObject && b.Kind == value.JSONObject {
		text := append(bytes.TrimSuffix(a.Append(nil), []byte("}")), ", "...)
		if len(a.Keys) == 0 {
			return args[1], nil
		}
		if len(b.Keys) == 0 {
			return args[0], nil
		}
		n, err := value.ParseJSON(env.Settings, append(text, b.Append(nil)[1:]...), true)
		if err != nil {
			return value.Datum{}, err
		}
		return value.NewBytes(value.JSONB, n.Append(nil)), nil
	}
	for _, n := range []*value.JSONNode{a, b} {
		if n.Kind == value.JSONArray {
			m.Items = append(m.Items, n.Items...)
		} else {
			m.Items = append(m.Items, n)
		}
	}
	return value.NewBytes(value.JSONB, m.Append(nil)), nil
}

func jsonDelete(env *Env, args []value.Datum) (value.Datum, error) {
	n, err := value.ParseJSON(env.Settings, args[0].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	byIndex := args[1].Type == value.Int4
	switch {
	case n.Kind != value.JSONArray && n.Kind != value.JSONObject:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot delete from scalar")
	case byIndex && n.Kind == value.JSONObject:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot delete from object using integer index")
	}
	at := args[1].I
	if at < 0 {
		at += int64(len(n.Items))
	}
	m := &value.JSONNode{Kind: n.Kind}
	for i, item := range n.Items {
		switch {
		case byIndex && int64(i) == at, n.Kind == value.JSONObject && n.Keys[i] == string(args[1].B),
			!byIndex && n.Kind == value.JSONArray && item.Kind == value.JSONString && item.Text == string(args[1].B):
			continue
		}
		if n.Kind == value.JSONObject {
			m.Keys = append(m.Keys, n.Keys[i])
		}
		m.Items = append(m.Items, item)
	}
	return value.NewBytes(value.JSONB, m.Append(nil)), nil
}
