package fn

import (
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// Populates reports whether name is that of a function that makes records like its first argument out of JSON, its second.
func Populates(name string) bool {
	switch name {
	case "json_populate_record", "jsonb_populate_record", "json_populate_recordset", "jsonb_populate_recordset":
		return true
	}
	return false
}

// Populate returns the call of a function that Populates, with n arguments, whose first one is of the row type row and has these
// columns. A column that an object lacks has the value of the first argument; n is 3 with the argument use_json_as_text of
// json_populate_record and json_populate_recordset, which changes nothing.
func Populate(name string, row *value.Type, columns []Column, n int) *Call {
	source := value.JSON
	if strings.HasPrefix(name, "jsonb") {
		source = value.JSONB
	}
	p := populating{name: name, row: row, columns: columns}
	for _, c := range columns {
		p.names = append(p.names, c.Name)
	}
	c := &Call{Args: []*value.Type{row, source, value.Bool}[:n], Ret: row}
	c.Func = &Function{Name: name, Args: []value.OID{row.OID, source.OID, value.BoolOID}[:n], Ret: row.OID, Volatility: Stable}
	if strings.HasSuffix(name, "set") {
		c.Func.Columns, c.Func.Series = columns, p.series
	} else {
		c.Func.Kernel = rowwise(p.record)
		c.kernel = c.Func.Kernel
	}
	return c
}

// A populating makes records of row type row.
type populating struct {
	name    string
	row     *value.Type
	columns []Column
	names   []string // of columns
}

// record is json_populate_record and jsonb_populate_record.
func (p *populating) record(env *Env, args []value.Datum) (value.Datum, error) {
	if args[1].Null {
		return args[0], nil
	}
	n, err := value.ParseJSON(env.Settings, args[1].B, args[1].Type == value.JSONB)
	if err != nil {
		return value.Datum{}, err
	}
	if n.Kind != value.JSONObject {
		return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot call populate_composite on %s", jsonKindName(n))
	}
	return p.from(env, args[0], n)
}

func jsonKindName(n *value.JSONNode) string {
	switch n.Kind {
	case value.JSONObject:
		return "an object"
	case value.JSONArray:
		return "an array"
	}
	return "a scalar"
}

// from makes a record of an object.
func (p *populating) from(env *Env, base value.Datum, n *value.JSONNode) (value.Datum, error) {
	r := &value.Record{Names: p.names, Fields: make([]value.Datum, len(p.columns))}
	for i, member := range membersOf(p.columns)(n) {
		t := value.MustType(p.columns[i].Type)
		if member == nil && !base.Null {
			r.Fields[i] = base.X.(*value.Record).Fields[i]
			continue
		}
		d, err := nodeValue(env.Settings, member, t)
		if err != nil {
			return d, err
		}
		r.Fields[i] = d
	}
	return value.NewBox(p.row, r), nil
}

// series is json_populate_recordset and jsonb_populate_recordset.
func (p *populating) series(env *Env, _ *value.Type, args []value.Datum) (Series, error) {
	if args[1].Null {
		return nil, nil
	}
	n, err := value.ParseJSON(env.Settings, args[1].B, args[1].Type == value.JSONB)
	if err != nil {
		return nil, err
	}
	if n.Kind != value.JSONArray {
		what := jsonKindName(n)
		if args[1].Type == value.JSONB {
			what = "a non-array"
		}
		return nil, value.Errorf(value.CodeInvalidParameter, "cannot call %s on %s", p.name, what)
	}
	out := newList(p.columns)
	for _, item := range n.Items {
		if item.Kind != value.JSONObject {
			return nil, value.Errorf(value.CodeInvalidParameter, "argument of %s must be an array of objects", p.name)
		}
		d, err := p.from(env, args[0], item)
		if err != nil {
			return nil, err
		}
		for i, f := range d.X.(*value.Record).Fields {
			out.cols[i].Append(f)
		}
	}
	return out, nil
}
