package fn

import (
	"github.com/jurat-ledger/jurat/query/value"
)

func isPolymorphic(oid value.OID) bool {
	switch oid {
	case value.AnyElementOID, value.AnyArrayOID, value.AnyNonArrayOID,
		value.AnyCompatibleOID, value.AnyCompatibleArrayOID, value.AnyCompatibleNonOID:
		return true
	}
	return false
}

func isArrayOID(oid value.OID) bool {
	return oid == value.AnyArrayOID || oid == value.AnyCompatibleArrayOID
}

// A family is what the polymorphic arguments of one call have in common: the element type, once for the any* types that
// must agree exactly and once for the anycompatible* types that share a common type.
type family struct {
	exact  *value.Type
	compat []*value.Type
	ok     bool
}

// familyOf collects the element types of polymorphic arguments; ok is false if they contradict each other.
func familyOf(declared []value.OID, args []*value.Type) family {
	f := family{ok: true}
	for i, oid := range declared[:len(args)] {
		t := args[i]
		if !isPolymorphic(oid) || t == value.Unknown {
			continue
		}
		if isArrayOID(oid) {
			if !t.IsArray() && t.OID != value.AnyArrayOID {
				return family{}
			}
			if t.OID != value.AnyArrayOID {
				t = value.MustType(t.Elem)
			}
		}
		if (oid == value.AnyNonArrayOID || oid == value.AnyCompatibleNonOID) && t.IsArray() {
			return family{}
		}
		switch oid {
		case value.AnyElementOID, value.AnyArrayOID, value.AnyNonArrayOID:
			if f.exact != nil && f.exact != t {
				return family{}
			}
			f.exact = t
		default:
			f.compat = append(f.compat, t)
		}
	}
	return f
}

// consistent reports whether the polymorphic arguments can agree on types.
func (r *Registry) consistent(declared []value.OID, args []*value.Type) bool {
	f := familyOf(declared, args)
	if !f.ok || len(f.compat) == 0 {
		return f.ok
	}
	_, err := r.CommonType("", f.compat)
	return err == nil
}

// solve replaces polymorphic types by actual ones, and "any" by the type of the argument.
func (r *Registry) solve(declared []value.OID, ret value.OID, args []*value.Type) ([]*value.Type, *value.Type, error) {
	f := familyOf(declared, args)
	compat := value.Text
	if len(f.compat) > 0 {
		t, err := r.CommonType("arguments", f.compat)
		if err != nil {
			return nil, nil, err
		}
		compat = t
	}
	types := make([]*value.Type, len(args))
	for i := range args {
		t, err := f.actual(declared[i], args[i], compat)
		if err != nil {
			return nil, nil, err
		}
		types[i] = t
	}
	result, err := f.actual(ret, nil, compat)
	return types, result, err
}

// actual returns the type that stands for a declared one; t is the type of the argument, nil for the result.
func (f family) actual(oid value.OID, t, compat *value.Type) (*value.Type, error) {
	switch oid {
	case value.AnyOID:
		if t == value.Unknown {
			return value.Text, nil
		}
		return t, nil
	case value.AnyCompatibleOID, value.AnyCompatibleNonOID:
		return compat, nil
	case value.AnyCompatibleArrayOID:
		return arrayType(compat, t)
	case value.AnyElementOID, value.AnyNonArrayOID, value.AnyArrayOID:
		if f.exact == nil {
			return nil, value.Errorf(value.CodeDatatypeMismatch,
				"could not determine polymorphic type because input has type unknown")
		}
		if oid != value.AnyArrayOID {
			return f.exact, nil
		}
		return arrayType(f.exact, t)
	}
	return value.MustType(oid), nil
}

// arrayType returns the array type of elem; an argument that is an array of it already, int2vector too, stays.
func arrayType(elem, arg *value.Type) (*value.Type, error) {
	if arg != nil && arg.Elem == elem.OID {
		return arg, nil
	}
	if elem.OID == value.AnyArrayOID {
		return elem, nil
	}
	if elem.Array == 0 {
		return nil, value.Errorf(value.CodeUndefinedObject, "could not find array type for data type %s", elem.SQL)
	}
	return value.MustType(elem.Array), nil
}
