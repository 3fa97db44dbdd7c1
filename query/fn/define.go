package fn

import "github.com/jurat-ledger/jurat/query/value"

// Define makes a function for a registry's With of a signature, "has_table_privilege(text,text) bool stable": the names are
// those of pg_type, the words behind the result are stable, volatile, nullable (called for null arguments) and variadic. f
// computes one row; a result that is null makes the function's null.
func Define(sig string, f func(env *Env, args []value.Datum) (value.Datum, error)) *Function {
	return def(sig, rowwise(f))
}

// DefineSet makes a set-returning function as Define makes plain ones. Its rows have the columns given, or are single values
// of the type that the signature returns; rows yields all of them at once. A column of type anyelement has the type of the
// elements of the first argument.
func DefineSet(sig string, rows func(env *Env, args []value.Datum) ([][]value.Datum, error), columns ...Column) *Function {
	return series(sig, func(env *Env, ret *value.Type, args []value.Datum) (Series, error) {
		all, err := rows(env, args)
		if err != nil {
			return nil, err
		}
		l := &list{}
		if len(columns) == 0 {
			l.cols = []*value.Vector{value.NewVector(ret, 0)}
		}
		for _, c := range columns {
			oid := c.Type
			if oid == value.AnyElementOID {
				oid = args[0].Type.Elem
			}
			l.cols = append(l.cols, value.NewVector(value.MustType(oid), 0))
		}
		for _, row := range all {
			for k, d := range row {
				l.cols[k].Append(d)
			}
		}
		return l, nil
	}, columns...)
}
