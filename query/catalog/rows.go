package catalog

import (
	"fmt"

	"github.com/jurat-ledger/jurat/query/value"
)

// Rows are the rows of a relation in columns.
type Rows struct {
	N    int
	Cols []*value.Vector
	rel  *Relation
	at   map[string]int // columns by name
}

func newRows(rel *Relation) *Rows {
	r := &Rows{rel: rel, at: make(map[string]int, len(rel.Columns))}
	for i, c := range rel.Columns {
		r.at[c.Name] = i
		r.Cols = append(r.Cols, value.NewVector(c.Type, 0))
	}
	return r
}

// A row holds the values of some columns of a row, by name: a string, an integer, a boolean, nil for null, or a slice for
// an array. What is left out is null, or what zero is in the column's type where that is never null.
type row map[string]any

func (r *Rows) add(values row) {
	for name := range values {
		if _, ok := r.at[name]; !ok {
			panic("catalog: " + r.rel.Name + " has no column " + name)
		}
	}
	for i, c := range r.rel.Columns {
		v, ok := values[c.Name]
		if !ok && c.NotNull {
			v = zero(c.Type)
		}
		r.Cols[i].Append(datum(c.Type, v))
	}
	r.N++
}

// zero is a value for a column that must have one.
func zero(t *value.Type) any {
	switch {
	case t.IsArray():
		return []any{}
	case t.Kind == value.Bytes:
		return ""
	case t.Kind == value.Float64:
		return 0.0
	}
	return 0
}

// datum makes a value of a type out of one of Go.
func datum(t *value.Type, v any) value.Datum {
	switch v := v.(type) {
	case nil:
		return value.Null(t)
	case value.Datum:
		v.Type = t
		return v
	case bool:
		return value.NewInt(t, value.BoolInt(v))
	case int:
		return value.NewInt(t, int64(v))
	case int16:
		return value.NewInt(t, int64(v))
	case int32:
		return value.NewInt(t, int64(v))
	case int64:
		return value.NewInt(t, v)
	case value.OID:
		return value.NewInt(t, int64(v))
	case byte:
		return value.NewInt(t, int64(v))
	case float64:
		return value.NewFloat(t, v)
	case string:
		if t == value.Char {
			return value.NewInt(t, int64(v[0]))
		}
		return value.NewBytes(t, []byte(v))
	case []any:
		return array(t, v)
	case []string:
		return array(t, v)
	case []value.OID:
		return array(t, v)
	case []int:
		return array(t, v)
	}
	panic(fmt.Sprintf("catalog: a %T for %s", v, t.Name))
}

// array makes an array; int2vector and oidvector count from 0.
func array[T any](t *value.Type, list []T) value.Datum {
	elems := value.NewVector(value.MustType(t.Elem), 0)
	for _, x := range list {
		elems.Append(datum(elems.Type, x))
	}
	a := value.NewArray(elems)
	if t.OID == value.Int2VectorOID || t.OID == value.OIDVectorOID {
		a.Dims, a.Lower = []int32{int32(len(list))}, []int32{0}
	}
	return value.NewBox(t, a)
}
