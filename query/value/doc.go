// Package value holds SQL values as Postgres understands them: types, vectors of values, their text and binary forms,
// their order.
//
// It knows no statements, no tables and no functions; query/fn adds those that compute.
//
// # Types
//
// A Type is one of Postgres' own, with Postgres' OID, name, category and array type; ByName and ByOID find it. Types that
// only catalog columns have (aclitem, pg_lsn …) are opaque: text in, text out.
//
// # Vectors
//
// Whatever an executor moves is a Vector of up to BatchSize values. The kind of a type says how it lies in memory:
//
//	Int64    bool 0 or 1; "char" 0 to 255; int2, int4, int8; oid, reg*, xid, cid unsigned
//	         date: days since 2000-01-01, ±infinity as DateInf and DateNegInf
//	         time: microseconds since midnight
//	         timestamp, timestamptz: microseconds since 2000-01-01 00:00 (UTC), ±infinity as Infinity and NegInfinity
//	Float64  float4 (always a value that 32 bits hold), float8
//	Bytes    text, varchar, bpchar, name: UTF-8 without zero bytes; unknown
//	         bytea; uuid: 16 bytes; json: as it came; jsonb: in normal form, as text; opaque types
//	         bit, varbit: a digit of ASCII for each bit, which compare as the bits do
//	Boxed    Numeric, Interval, *Array, *Record (by value or pointer as written here)
//
// A Datum is a single value of the same form, for constants, parameters and settings. Constants enter expressions as
// vectors filled with NewConst, so that no kernel needs a second form.
//
// # Text and binary
//
// ParseText and ParseBinary are the input functions of all types, AppendText and AppendBinary the output functions;
// they follow Postgres byte by byte, error texts and SQLSTATEs included. What depends on the session stands in Settings.
//
// Dates and intervals are read in all the forms of Postgres' manual. In what lies beyond, such as parts without space
// between them, this package takes some texts that Postgres refuses, and refuses some it takes.
//
// # Order
//
// Compare, Hash and AppendSortKey follow the default B-tree order of each type. Strings compare by bytes (collation C).
// Two values are equal exactly if their sort keys are.
package value
