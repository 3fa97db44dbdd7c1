package value

import (
	"strconv"
	"strings"
)

// An OID is a Postgres object id; those of the built-in types are Postgres' own.
type OID = uint32

// A Kind says which slice of a Vector holds the values of a type.
type Kind uint8

// The physical kinds.
const (
	Int64   Kind = iota // Vector.Ints: bool, "char", integers, oid and reg*, xid, date, time, timestamp(tz)
	Float64             // Vector.Floats: float4 (rounded to 32 bits), float8
	Bytes               // Vector.Bytes: strings, bytea, uuid (16 bytes), json, jsonb (normalised text), bit strings (as digits), opaque types
	Boxed               // Vector.Boxes: Numeric, Interval, *Array, *Record
)

// A Type is a data type. Types are compared by pointer: there is one *Type for each OID.
type Type struct {
	OID       OID
	Name      string // pg_type.typname: "int4", "_int4"
	SQL       string // as error messages and format_type spell it: "integer", "integer[]"
	Len       int16  // pg_type.typlen: bytes, -1 variable, -2 C string
	Category  byte   // pg_type.typcategory: 'N', 'S', 'A' …
	Preferred bool   // the preferred type of its category
	Pseudo    bool   // a pseudo-type: "any", record, void, unknown …
	Elem      OID    // element type of an array (of int2vector and oidvector too), else 0
	Array     OID    // array type of this type, 0 if none
	Kind      Kind
	Opaque    bool    // stored and shown as text, without operators: catalog columns of types nothing computes with
	Fields    []Field // of the row type of a table, else nil
	Unread    bool    // opaque, and refused as input: people write values of it, which would look understood
}

// IsArray reports whether t is an array type, int2vector and oidvector included.
func (t *Type) IsArray() bool { return t.Category == 'A' && t.Elem != 0 }

// IsString reports whether t is text, varchar, bpchar or name.
func (t *Type) IsString() bool { return t.Category == 'S' }

// EqualAsBytes reports whether values of the type are byte strings that are equal exactly if their bytes are.
func (t *Type) EqualAsBytes() bool {
	return t.Kind == Bytes && t.OID != BpcharOID && t.OID != JSONBOID
}

// String returns the SQL name of t.
func (t *Type) String() string { return t.SQL }

var byOID, byName = linkTypes()

// linkTypes adds the array types and finds every type by OID and by names.
func linkTypes() (map[OID]*Type, map[string]*Type) {
	oids, names := map[OID]*Type{}, map[string]*Type{}
	for i := range builtin {
		t := &builtin[i]
		oids[t.OID], names[t.Name] = t, t
		if t.Array == 0 {
			continue
		}
		a := &Type{OID: t.Array, Name: "_" + t.Name, SQL: t.SQL + "[]", Len: -1, Category: 'A', Elem: t.OID, Kind: Boxed}
		a.Pseudo = t.Pseudo
		oids[a.OID], names[a.Name] = a, a
	}
	for alias, name := range aliases {
		names[alias] = names[name]
	}
	return oids, names
}

// ByOID returns the type with this OID, nil if there is none.
func ByOID(oid OID) *Type {
	if t := byOID[oid]; t != nil {
		return t
	}
	return rowTypeAt(oid)
}

// MustType returns the type with this OID and panics if there is none.
func MustType(oid OID) *Type {
	t := ByOID(oid)
	if t == nil {
		panic("value: no type with OID " + strconv.Itoa(int(oid)))
	}
	return t
}

// ByName returns the type of this name, nil if there is none: pg_type.typname ("int4", "_text") or an SQL spelling in
// lower case with single spaces ("integer", "timestamp with time zone", "double precision", "text[]"), without modifiers.
func ByName(name string) *Type {
	if t := byName[name]; t != nil {
		return t
	}
	elem, isArray := strings.CutSuffix(name, "[]")
	for strings.HasSuffix(elem, "[]") {
		elem = strings.TrimSuffix(elem, "[]") // any number of dimensions is one type
	}
	if t := byName[elem]; isArray && t != nil && t.Array != 0 {
		return byOID[t.Array]
	}
	return nil
}

// All returns every built-in type in ascending order of OID, for the catalog.
func All() []*Type {
	all := make([]*Type, 0, len(byOID))
	for _, t := range byOID {
		all = append(all, t)
	}
	sortTypes(all)
	return all
}
