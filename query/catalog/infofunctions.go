package catalog

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// timetzOID is a type that exists in Postgres alone and whose modifier the functions of information_schema know.
const timetzOID value.OID = 1266

// informationFunctions are those that Postgres makes the views of information_schema of: PostgREST and others call them.
func informationFunctions() []*fn.Function {
	ofType := func(name string, f func(t value.OID, typmod int64) (n int64, ok bool)) *fn.Function {
		return fn.Define("information_schema."+name+"(oid,int4) int4", func(_ *fn.Env, args []value.Datum) (value.Datum, error) {
			if n, ok := f(argOID(args[0]), args[1].I); ok {
				return value.NewInt(value.Int4, n), nil
			}
			return null, nil
		})
	}
	return []*fn.Function{
		ofType("_pg_char_max_length", charMaxLength),
		ofType("_pg_char_octet_length", charOctetLength),
		ofType("_pg_numeric_precision", numericPrecision),
		ofType("_pg_numeric_precision_radix", numericRadix),
		ofType("_pg_numeric_scale", numericScale),
		ofType("_pg_datetime_precision", datetimePrecision),
		fn.Define("information_schema._pg_interval_type(oid,int4) text", intervalType),
		fn.Define("information_schema._pg_truetypid(pg_attribute,pg_type) oid", trueType("atttypid", "typbasetype")),
		fn.Define("information_schema._pg_truetypmod(pg_attribute,pg_type) int4", trueType("atttypmod", "typtypmod")),
		fn.Define("information_schema._pg_index_position(oid,int2) int4 stable", indexPosition),
	}
}

func charMaxLength(t value.OID, typmod int64) (int64, bool) {
	switch {
	case typmod == -1:
	case t == value.BpcharOID || t == value.VarcharOID:
		return typmod - 4, true
	case t == value.BitOID || t == value.VarbitOID:
		return typmod, true
	}
	return 0, false
}

// charOctetLength counts four bytes for a character, as UTF8 has at most.
func charOctetLength(t value.OID, typmod int64) (int64, bool) {
	switch t {
	case value.TextOID, value.BpcharOID, value.VarcharOID:
		if typmod == -1 {
			return 1 << 30, true
		}
		n, ok := charMaxLength(t, typmod)
		return 4 * n, ok
	}
	return 0, false
}

func numericPrecision(t value.OID, typmod int64) (int64, bool) {
	switch t {
	case value.NumericOID:
		return (typmod - 4) >> 16 & 0xffff, typmod != -1
	case value.Float4OID:
		return 24, true
	case value.Float8OID:
		return 53, true
	}
	return integerBits(t)
}

// integerBits returns the size of an integer type.
func integerBits(t value.OID) (int64, bool) {
	switch t {
	case value.Int2OID, value.Int4OID, value.Int8OID:
		return 8 * int64(value.MustType(t).Len), true
	}
	return 0, false
}

func numericRadix(t value.OID, _ int64) (int64, bool) {
	if t == value.NumericOID {
		return 10, true
	}
	_, ok := numericPrecision(t, 0)
	return 2, ok
}

func numericScale(t value.OID, typmod int64) (int64, bool) {
	if t == value.NumericOID {
		return (typmod - 4) & 0xffff, typmod != -1
	}
	_, ok := integerBits(t)
	return 0, ok
}

func datetimePrecision(t value.OID, typmod int64) (int64, bool) {
	switch t {
	case value.DateOID:
		return 0, true
	case value.TimeOID, value.TimestampOID, value.TimestamptzOID, timetzOID:
		if typmod < 0 {
			return 6, true
		}
		return typmod, true
	case value.IntervalOID:
		if typmod < 0 || typmod&0xffff == 0xffff {
			return 6, true
		}
		return typmod & 0xffff, true
	}
	return 0, false
}

// intervalType returns the fields that an interval is limited to.
func intervalType(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	if argOID(args[0]) != value.IntervalOID {
		return null, nil
	}
	_, fields, ok := strings.Cut(value.FormatType(value.IntervalT, int32(args[1].I)), " ")
	if !ok {
		return null, nil
	}
	return value.NewText(strings.ToUpper(fields)), nil
}

// trueType returns what a column says of its type, by its rows of pg_attribute and pg_type: of a domain, what the domain says.
func trueType(ofColumn, ofDomain string) func(*fn.Env, []value.Datum) (value.Datum, error) {
	field := func(relation, name string) (i int) {
		return slices.IndexFunc(systemRelation(relation).Columns, func(c Column) bool { return c.Name == name })
	}
	column, domain, kind := field("pg_attribute", ofColumn), field("pg_type", ofDomain), field("pg_type", "typtype")
	return func(_ *fn.Env, args []value.Datum) (value.Datum, error) {
		attribute, t := args[0].X.(*value.Record), args[1].X.(*value.Record)
		if d := t.Fields[kind]; !d.Null && d.I == 'd' {
			return t.Fields[domain], nil
		}
		return attribute.Fields[column], nil
	}
}

// indexPosition returns at which place of an index a column of its table stands.
func indexPosition(env *fn.Env, args []value.Datum) (value.Datum, error) {
	x := env.Session.(Session).Catalog().index(argOID(args[0]))
	if x == nil || int64(x.column) != args[1].I {
		return null, nil
	}
	return value.NewInt(value.Int4, 1), nil
}
