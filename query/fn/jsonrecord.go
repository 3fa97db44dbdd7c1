package fn

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// JSONRecords returns the function of this name (json_to_record, json_to_recordset and those of jsonb) for a column
// definition list, nil if there is none of the name.
func JSONRecords(name string, columns []Column) *Function {
	var t *value.Type
	set := false
	switch name {
	case "json_to_record", "jsonb_to_record":
	case "json_to_recordset", "jsonb_to_recordset":
		set = true
	default:
		return nil
	}
	if t = value.JSON; name[4] == 'b' {
		t = value.JSONB
	}
	f := declare(name + "(" + t.Name + ") record stable")
	f.Columns = columns
	f.Series = func(env *Env, _ *value.Type, args []value.Datum) (Series, error) {
		nodes, err := recordNodes(env, name, set, args[0])
		if err != nil {
			return nil, err
		}
		out, members := newList(columns), membersOf(columns)
		for _, n := range nodes {
			for i, m := range members(n) {
				d, err := nodeValue(env.Settings, m, out.cols[i].Type)
				if err != nil {
					return nil, err
				}
				out.cols[i].Append(d)
			}
		}
		return out, nil
	}
	return f
}

// membersOf returns a function that finds the members of an object that are named as columns are, nil for those that it lacks. Of
// several of a name the last one counts.
func membersOf(columns []Column) func(*value.JSONNode) []*value.JSONNode {
	at := map[string][]int{}
	for i, c := range columns {
		at[c.Name] = append(at[c.Name], i)
	}
	found := make([]*value.JSONNode, len(columns))
	return func(n *value.JSONNode) []*value.JSONNode {
		clear(found)
		for k, key := range n.Keys {
			for _, i := range at[key] {
				found[i] = n.Items[k]
			}
		}
		return found
	}
}

// recordNodes returns the objects of an argument.
func recordNodes(env *Env, name string, set bool, arg value.Datum) ([]*value.JSONNode, error) {
	n, err := value.ParseJSON(env.Settings, arg.B, arg.Type == value.JSONB)
	if err != nil {
		return nil, err
	}
	if !set {
		if n.Kind != value.JSONObject {
			return nil, value.Errorf(value.CodeInvalidParameter, "cannot call %s on a non-object", name)
		}
		return []*value.JSONNode{n}, nil
	}
	if n.Kind != value.JSONArray {
		return nil, value.Errorf(value.CodeInvalidParameter, "cannot call %s on a non-array", name)
	}
	for _, item := range n.Items {
		if item.Kind != value.JSONObject {
			return nil, value.Errorf(value.CodeInvalidParameter, "argument of %s must be an array of objects", name)
		}
	}
	return n.Items, nil
}

// nodeValue returns a JSON value as a value of a type.
func nodeValue(s *value.Settings, n *value.JSONNode, t *value.Type) (value.Datum, error) {
	switch {
	case n == nil, n.Kind == value.JSONNull && t != value.JSON && t != value.JSONB:
		return value.Null(t), nil
	case t == value.JSON || t == value.JSONB:
		return value.ParseText(s, t, -1, n.Append(nil))
	case n.Kind == value.JSONString:
		return value.ParseText(s, t, -1, []byte(n.Text))
	case n.Kind == value.JSONArray && t.IsArray():
		elems := value.NewVector(value.MustType(t.Elem), 0)
		for _, item := range n.Items {
			if item.Kind == value.JSONArray && !elems.Type.IsArray() {
				return value.Datum{}, value.Errorf(value.CodeUnsupported, "a JSON array of arrays as an array is not supported")
			}
			d, err := nodeValue(s, item, elems.Type)
			if err != nil {
				return d, err
			}
			elems.Append(d)
		}
		return value.NewBox(t, value.NewArray(elems)), nil
	}
	return value.ParseText(s, t, -1, n.Append(nil))
}
