package fn

import (
	"slices"
	"strconv"

	"github.com/jurat-ledger/jurat/query/value"
)

// jsonChanges declares the functions that return a JSON value with a part of it changed.
func jsonChanges() []*Function {
	withDefaults := func(f *Function, defaults ...value.Datum) *Function {
		f.Defaults, f.Default = len(defaults), defaults
		return f
	}
	set := func(env *Env, args []value.Datum) (value.Datum, error) {
		return changeJSON(env, args, func(c *jsonChange) { c.create, c.replace = args[3].Bool(), true })
	}
	return []*Function{
		withDefaults(def("jsonb_set(jsonb,_text,jsonb,bool) jsonb", rowwise(set)), value.NewBool(true)),
		withDefaults(def("jsonb_set_lax(jsonb,_text,jsonb,bool,text) jsonb nullable", rowwise(setLax)), value.NewBool(true), value.NewText("use_json_null")),
		withDefaults(def("jsonb_insert(jsonb,_text,jsonb,bool) jsonb", rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			return changeJSON(env, args, func(c *jsonChange) { c.create, c.after = true, args[3].Bool() })
		})), value.NewBool(false)),
		def("row_to_json(record,bool) json stable", rowwise(linesJSON)),
		def("array_to_json(anyarray,bool) json stable", rowwise(linesJSON)),
		def("json_strip_nulls(json) json", jsonFunc(func(n *value.JSONNode, t *value.Type) (value.Datum, error) {
			return value.NewBytes(t, appendCompact(nil, stripNulls(n))), nil
		})),
	}
}

// jsonDeletions declares the operators that take parts out of a JSON value.
func jsonDeletions() []*Function {
	return []*Function{
		def("#-(jsonb,_text) jsonb", rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
			return changeJSON(env, args, func(c *jsonChange) { c.remove = true })
		})),
		def("-(jsonb,_text) jsonb", rowwise(deleteKeys)),
	}
}

// A jsonChange is what is done to the part of a JSON value that a path leads to.
type jsonChange struct {
	env     *Env
	path    []string
	value   *value.JSONNode
	create  bool // where there is none
	replace bool // the one that is there
	remove  bool
	after   bool // insert behind an element
}

// changeJSON applies a change to the value and path that lead the arguments.
func changeJSON(env *Env, args []value.Datum, what func(c *jsonChange)) (value.Datum, error) {
	c := &jsonChange{env: env}
	what(c)
	n, err := value.ParseJSON(env.Settings, args[0].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	if !c.remove {
		if c.value, err = value.ParseJSON(env.Settings, args[2].B, true); err != nil {
			return value.Datum{}, err
		}
	}
	a := args[1].X.(*value.Array)
	if len(a.Dims) > 1 {
		return value.Datum{}, value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
	}
	container := n.Kind == value.JSONArray || n.Kind == value.JSONObject
	switch {
	case !container && c.remove:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot delete path in scalar")
	case !container:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot set path in scalar")
	case a.Elems.Len() == 0, len(n.Items) == 0 && !c.create:
		return args[0], nil
	}
	for i := range a.Elems.Len() {
		if a.Elems.IsNull(i) {
			return value.Datum{}, value.Errorf(value.CodeNullNotAllowed, "path element at position %d is null", i+1)
		}
		c.path = append(c.path, string(a.Elems.Bytes[i]))
	}
	m, err := c.apply(n, 0)
	if err != nil {
		return value.Datum{}, err
	}
	return value.NewBytes(value.JSONB, m.Append(nil)), nil
}

// apply returns n changed, of which path[at:] leads on.
func (c *jsonChange) apply(n *value.JSONNode, at int) (*value.JSONNode, error) {
	switch n.Kind {
	case value.JSONObject:
		return c.inObject(n, at)
	case value.JSONArray:
		return c.inArray(n, at)
	}
	return n, nil
}

func (c *jsonChange) inObject(n *value.JSONNode, at int) (*value.JSONNode, error) {
	m := &value.JSONNode{Kind: n.Kind, Keys: slices.Clone(n.Keys), Items: slices.Clone(n.Items)}
	i := slices.Index(n.Keys, c.path[at])
	last := at == len(c.path)-1
	switch {
	case i < 0 && last && c.create:
		m.Keys, m.Items = append(m.Keys, c.path[at]), append(m.Items, c.value)
		return value.ParseJSON(c.env.Settings, m.Append(nil), true) // in the order of jsonb
	case i < 0:
		return n, nil
	case last && c.remove:
		m.Keys, m.Items = slices.Delete(m.Keys, i, i+1), slices.Delete(m.Items, i, i+1)
	case last && c.replace:
		m.Items[i] = c.value
	case last:
		e := value.Errorf(value.CodeInvalidParameter, "cannot replace existing key")
		e.Hint = "Try using the function jsonb_set to replace key value."
		return nil, e
	default:
		var err error
		if m.Items[i], err = c.apply(n.Items[i], at+1); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (c *jsonChange) inArray(n *value.JSONNode, at int) (*value.JSONNode, error) {
	step, err := strconv.ParseInt(c.path[at], 10, 32)
	if err != nil {
		return nil, value.Errorf(value.CodeBadText, "path element at position %d is not an integer: %q", at+1, c.path[at])
	}
	m := &value.JSONNode{Kind: n.Kind, Items: slices.Clone(n.Items)}
	i, size := int(step), len(n.Items)
	if i < 0 {
		i += size
	}
	last := at == len(c.path)-1
	switch inside := i >= 0 && i < size; {
	case !inside && last && c.create && i < 0:
		m.Items = slices.Insert(m.Items, 0, c.value)
	case !inside && last && c.create:
		m.Items = append(m.Items, c.value)
	case !inside:
		return n, nil
	case last && c.remove:
		m.Items = slices.Delete(m.Items, i, i+1)
	case last && c.replace:
		m.Items[i] = c.value
	case last && c.after:
		m.Items = slices.Insert(m.Items, i+1, c.value)
	case last:
		m.Items = slices.Insert(m.Items, i, c.value)
	default:
		if m.Items[i], err = c.apply(n.Items[i], at+1); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// setLax is jsonb_set with a say in what a new value of NULL does.
func setLax(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null || args[1].Null || args[3].Null {
		return value.Datum{}, errNull
	}
	if args[4].Null {
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
	}
	set := func(c *jsonChange) { c.create, c.replace = args[3].Bool(), true }
	if !args[2].Null {
		return changeJSON(env, args, set)
	}
	switch string(args[4].B) {
	case "raise_exception":
		e := value.Errorf(value.CodeNullNotAllowed, "JSON value must not be null")
		e.Detail = "Exception was raised because null_value_treatment is \"raise_exception\"."
		e.Hint = "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed."
		return value.Datum{}, e
	case "use_json_null":
		with := slices.Clone(args)
		with[2] = value.NewBytes(value.JSONB, []byte("null"))
		return changeJSON(env, with, set)
	case "delete_key":
		return changeJSON(env, args, func(c *jsonChange) { c.remove = true })
	case "return_target":
		return args[0], nil
	}
	return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
}

// deleteKeys takes the keys of an object, or the strings of an array, out.
func deleteKeys(env *Env, args []value.Datum) (value.Datum, error) {
	n, err := value.ParseJSON(env.Settings, args[0].B, true)
	if err != nil {
		return value.Datum{}, err
	}
	a := args[1].X.(*value.Array)
	switch {
	case len(a.Dims) > 1:
		return value.Datum{}, value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
	case n.Kind != value.JSONArray && n.Kind != value.JSONObject:
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot delete from scalar")
	}
	keys := make(map[string]bool, a.Elems.Len())
	for i := range a.Elems.Len() {
		if !a.Elems.IsNull(i) {
			keys[string(a.Elems.Bytes[i])] = true
		}
	}
	m := &value.JSONNode{Kind: n.Kind}
	for i, item := range n.Items {
		if n.Kind == value.JSONObject {
			if keys[n.Keys[i]] {
				continue
			}
			m.Keys = append(m.Keys, n.Keys[i])
		} else if item.Kind == value.JSONString && keys[item.Text] {
			continue
		}
		m.Items = append(m.Items, item)
	}
	return value.NewBytes(value.JSONB, m.Append(nil)), nil
}

// textsObject makes an object of keys and values: those of two arrays, or by turns those of one, or pairs.
func textsObject(_ *Env, args []value.Datum) ([]byte, error) {
	keys, vals, err := objectParts(args)
	if err != nil {
		return nil, err
	}
	dst := []byte{'{'}
	for i, k := range keys {
		if k.Null {
			return nil, value.Errorf(value.CodeNullNotAllowed, "null value not allowed for object key")
		}
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(value.AppendJSONString(dst, string(k.B)), " : "...)
		if vals[i].Null {
			dst = append(dst, "null"...)
		} else {
			dst = value.AppendJSONString(dst, string(vals[i].B))
		}
	}
	return append(dst, '}'), nil
}

func objectParts(args []value.Datum) (keys, vals []value.Datum, err error) {
	a := args[0].X.(*value.Array)
	if len(args) == 2 {
		b := args[1].X.(*value.Array)
		switch {
		case len(a.Dims) > 1 || len(a.Dims) != len(b.Dims):
			return nil, nil, value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
		case a.Elems.Len() != b.Elems.Len():
			return nil, nil, value.Errorf(value.CodeSubscript, "mismatched array dimensions")
		}
		for i := range a.Elems.Len() {
			keys, vals = append(keys, a.Elems.Datum(i)), append(vals, b.Elems.Datum(i))
		}
		return keys, vals, nil
	}
	switch {
	case len(a.Dims) == 1 && a.Dims[0]%2 != 0:
		return nil, nil, value.Errorf(value.CodeSubscript, "array must have even number of elements")
	case len(a.Dims) == 2 && a.Dims[1] != 2:
		return nil, nil, value.Errorf(value.CodeSubscript, "array must have two columns")
	case len(a.Dims) > 2:
		return nil, nil, value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
	}
	for i := 0; i < a.Elems.Len(); i += 2 {
		keys, vals = append(keys, a.Elems.Datum(i)), append(vals, a.Elems.Datum(i+1))
	}
	return keys, vals, nil
}

// appendCompact appends the text of n without spaces.
func appendCompact(dst []byte, n *value.JSONNode) []byte {
	if n.Kind != value.JSONArray && n.Kind != value.JSONObject {
		return n.Append(dst)
	}
	open, end := byte('['), byte(']')
	if n.Kind == value.JSONObject {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i, item := range n.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		if n.Kind == value.JSONObject {
			dst = append(value.AppendJSONString(dst, n.Keys[i]), ':')
		}
		dst = appendCompact(dst, item)
	}
	return append(dst, end)
}

// slicesOf returns the elements of an array along its first dimension.
func slicesOf(t *value.Type, a *value.Array) (items []value.Datum) {
	if len(a.Dims) == 1 {
		for i := range a.Elems.Len() {
			items = append(items, a.Elems.Datum(i))
		}
		return items
	}
	size := a.Elems.Len() / int(a.Dims[0])
	for at := 0; at < a.Elems.Len(); at += size {
		elems := value.NewVector(a.Elems.Type, 0)
		for i := range size {
			elems.AppendFrom(a.Elems, at+i)
		}
		items = append(items, value.NewBox(t, &value.Array{Dims: a.Dims[1:], Lower: a.Lower[1:], Elems: elems}))
	}
	return items
}

// linesJSON is to_json with a line for each element of the outermost array or record, if the second argument says so.
func linesJSON(env *Env, args []value.Datum) (value.Datum, error) {
	open, end := "[", "]"
	var items []value.Datum
	var names []string
	switch x := args[0].X.(type) {
	case *value.Array:
		if !args[1].Bool() || len(x.Dims) == 0 {
			text, err := appendJSON(nil, env, args[0])
			return value.NewBytes(value.JSON, text), err
		}
		items = slicesOf(args[0].Type, x)
	case *value.Record:
		if !args[1].Bool() {
			text, err := appendJSON(nil, env, args[0])
			return value.NewBytes(value.JSON, text), err
		}
		open, end, items, names = "{", "}", x.Fields, x.Names
	}
	dst := []byte(open)
	for i, d := range items {
		if i > 0 {
			dst = append(dst, ",\n "...)
		}
		if open == "{" {
			name := "f" + strconv.Itoa(i+1)
			if names != nil {
				name = names[i]
			}
			dst = append(value.AppendJSONString(dst, name), ':')
		}
		var err error
		if dst, err = appendJSON(dst, env, d); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewBytes(value.JSON, append(dst, end...)), nil
}
