package value

import (
	"cmp"
	"slices"
)

// builtin holds the types that are not arrays, as in Postgres 15 pg_type; linkTypes adds an array type for each Array OID.
var builtin = [...]Type{
	{OID: 16, Name: "bool", SQL: "boolean", Len: 1, Category: 'B', Preferred: true, Array: 1000},
	{OID: 17, Name: "bytea", SQL: "bytea", Len: -1, Category: 'U', Array: 1001, Kind: Bytes},
	{OID: 18, Name: "char", SQL: `"char"`, Len: 1, Category: 'Z', Array: 1002},
	{OID: 19, Name: "name", SQL: "name", Len: 64, Category: 'S', Array: 1003, Kind: Bytes},
	{OID: 20, Name: "int8", SQL: "bigint", Len: 8, Category: 'N', Array: 1016},
	{OID: 21, Name: "int2", SQL: "smallint", Len: 2, Category: 'N', Array: 1005},
	{OID: 22, Name: "int2vector", SQL: "int2vector", Len: -1, Category: 'A', Elem: 21, Array: 1006, Kind: Boxed},
	{OID: 23, Name: "int4", SQL: "integer", Len: 4, Category: 'N', Array: 1007},
	{OID: 24, Name: "regproc", SQL: "regproc", Len: 4, Category: 'N', Array: 1008},
	{OID: 25, Name: "text", SQL: "text", Len: -1, Category: 'S', Preferred: true, Array: 1009, Kind: Bytes},
	{OID: 26, Name: "oid", SQL: "oid", Len: 4, Category: 'N', Preferred: true, Array: 1028},
	{OID: 27, Name: "tid", SQL: "tid", Len: 6, Category: 'U', Array: 1010, Kind: Bytes, Opaque: true},
	{OID: 28, Name: "xid", SQL: "xid", Len: 4, Category: 'U', Array: 1011},
	{OID: 29, Name: "cid", SQL: "cid", Len: 4, Category: 'U', Array: 1012},
	{OID: 30, Name: "oidvector", SQL: "oidvector", Len: -1, Category: 'A', Elem: 26, Array: 1013, Kind: Boxed},
	{OID: 114, Name: "json", SQL: "json", Len: -1, Category: 'U', Array: 199, Kind: Bytes},
	{OID: 142, Name: "xml", SQL: "xml", Len: -1, Category: 'U', Array: 143, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 194, Name: "pg_node_tree", SQL: "pg_node_tree", Len: -1, Category: 'Z', Kind: Bytes, Opaque: true},
	{OID: 269, Name: "table_am_handler", SQL: "table_am_handler", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 325, Name: "index_am_handler", SQL: "index_am_handler", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 600, Name: "point", SQL: "point", Len: 16, Category: 'G', Array: 1017, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 650, Name: "cidr", SQL: "cidr", Len: -1, Category: 'I', Array: 651, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 700, Name: "float4", SQL: "real", Len: 4, Category: 'N', Array: 1021, Kind: Float64},
	{OID: 701, Name: "float8", SQL: "double precision", Len: 8, Category: 'N', Preferred: true, Array: 1022, Kind: Float64},
	{OID: 705, Name: "unknown", SQL: "unknown", Len: -2, Category: 'X', Pseudo: true, Kind: Bytes},
	{OID: 774, Name: "macaddr8", SQL: "macaddr8", Len: 8, Category: 'U', Array: 775, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 790, Name: "money", SQL: "money", Len: 8, Category: 'N', Array: 791, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 829, Name: "macaddr", SQL: "macaddr", Len: 6, Category: 'U', Array: 1040, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 869, Name: "inet", SQL: "inet", Len: -1, Category: 'I', Preferred: true, Array: 1041, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 1033, Name: "aclitem", SQL: "aclitem", Len: 12, Category: 'U', Array: 1034, Kind: Bytes, Opaque: true},
	{OID: 1042, Name: "bpchar", SQL: "character", Len: -1, Category: 'S', Array: 1014, Kind: Bytes},
	{OID: 1043, Name: "varchar", SQL: "character varying", Len: -1, Category: 'S', Array: 1015, Kind: Bytes},
	{OID: 1082, Name: "date", SQL: "date", Len: 4, Category: 'D', Array: 1182},
	{OID: 1083, Name: "time", SQL: "time without time zone", Len: 8, Category: 'D', Array: 1183},
	{OID: 1114, Name: "timestamp", SQL: "timestamp without time zone", Len: 8, Category: 'D', Array: 1115},
	{OID: 1184, Name: "timestamptz", SQL: "timestamp with time zone", Len: 8, Category: 'D', Preferred: true, Array: 1185},
	{OID: 1186, Name: "interval", SQL: "interval", Len: 16, Category: 'T', Preferred: true, Array: 1187, Kind: Boxed},
	{OID: 1266, Name: "timetz", SQL: "time with time zone", Len: 12, Category: 'D', Array: 1270, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 1560, Name: "bit", SQL: "bit", Len: -1, Category: 'V', Array: 1561, Kind: Bytes},
	{OID: 1562, Name: "varbit", SQL: "bit varying", Len: -1, Category: 'V', Preferred: true, Array: 1563, Kind: Bytes},
	{OID: 1700, Name: "numeric", SQL: "numeric", Len: -1, Category: 'N', Array: 1231, Kind: Boxed},
	{OID: 1790, Name: "refcursor", SQL: "refcursor", Len: -1, Category: 'U', Array: 2201, Kind: Bytes, Opaque: true},
	{OID: 2202, Name: "regprocedure", SQL: "regprocedure", Len: 4, Category: 'N', Array: 2207},
	{OID: 2203, Name: "regoper", SQL: "regoper", Len: 4, Category: 'N', Array: 2208},
	{OID: 2204, Name: "regoperator", SQL: "regoperator", Len: 4, Category: 'N', Array: 2209},
	{OID: 2205, Name: "regclass", SQL: "regclass", Len: 4, Category: 'N', Array: 2210},
	{OID: 2206, Name: "regtype", SQL: "regtype", Len: 4, Category: 'N', Array: 2211},
	{OID: 2249, Name: "record", SQL: "record", Len: -1, Category: 'P', Pseudo: true, Array: 2287, Kind: Boxed},
	{OID: 2275, Name: "cstring", SQL: "cstring", Len: -2, Category: 'P', Pseudo: true, Array: 1263, Kind: Bytes, Opaque: true},
	{OID: 2276, Name: "any", SQL: `"any"`, Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 2277, Name: "anyarray", SQL: "anyarray", Len: -1, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 2278, Name: "void", SQL: "void", Len: 4, Category: 'P', Pseudo: true},
	{OID: 2279, Name: "trigger", SQL: "trigger", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 2280, Name: "language_handler", SQL: "language_handler", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 2281, Name: "internal", SQL: "internal", Len: 8, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 2283, Name: "anyelement", SQL: "anyelement", Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 2776, Name: "anynonarray", SQL: "anynonarray", Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 2950, Name: "uuid", SQL: "uuid", Len: 16, Category: 'U', Array: 2951, Kind: Bytes},
	{OID: 2970, Name: "txid_snapshot", SQL: "txid_snapshot", Len: -1, Category: 'U', Array: 2949, Kind: Bytes, Opaque: true},
	{OID: 3115, Name: "fdw_handler", SQL: "fdw_handler", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 3220, Name: "pg_lsn", SQL: "pg_lsn", Len: 8, Category: 'U', Array: 3221, Kind: Bytes, Opaque: true},
	{OID: 3310, Name: "tsm_handler", SQL: "tsm_handler", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 3361, Name: "pg_ndistinct", SQL: "pg_ndistinct", Len: -1, Category: 'Z', Kind: Bytes, Opaque: true},
	{OID: 3402, Name: "pg_dependencies", SQL: "pg_dependencies", Len: -1, Category: 'Z', Kind: Bytes, Opaque: true},
	{OID: 3500, Name: "anyenum", SQL: "anyenum", Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 3614, Name: "tsvector", SQL: "tsvector", Len: -1, Category: 'U', Array: 3643, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 3615, Name: "tsquery", SQL: "tsquery", Len: -1, Category: 'U', Array: 3645, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 3734, Name: "regconfig", SQL: "regconfig", Len: 4, Category: 'N', Array: 3735},
	{OID: 3769, Name: "regdictionary", SQL: "regdictionary", Len: 4, Category: 'N', Array: 3770},
	{OID: 3802, Name: "jsonb", SQL: "jsonb", Len: -1, Category: 'U', Array: 3807, Kind: Bytes},
	{OID: 3838, Name: "event_trigger", SQL: "event_trigger", Len: 4, Category: 'P', Pseudo: true, Kind: Bytes},
	{OID: 4072, Name: "jsonpath", SQL: "jsonpath", Len: -1, Category: 'U', Array: 4073, Kind: Bytes, Opaque: true, Unread: true},
	{OID: 4089, Name: "regnamespace", SQL: "regnamespace", Len: 4, Category: 'N', Array: 4090},
	{OID: 4096, Name: "regrole", SQL: "regrole", Len: 4, Category: 'N', Array: 4097},
	{OID: 4191, Name: "regcollation", SQL: "regcollation", Len: 4, Category: 'N', Array: 4192},
	{OID: 5017, Name: "pg_mcv_list", SQL: "pg_mcv_list", Len: -1, Category: 'Z', Kind: Bytes, Opaque: true},
	{OID: 5038, Name: "pg_snapshot", SQL: "pg_snapshot", Len: -1, Category: 'U', Array: 5039, Kind: Bytes, Opaque: true},
	{OID: 5069, Name: "xid8", SQL: "xid8", Len: 8, Category: 'U', Array: 271, Kind: Bytes, Opaque: true},
	{OID: 5077, Name: "anycompatible", SQL: "anycompatible", Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 5078, Name: "anycompatiblearray", SQL: "anycompatiblearray", Len: -1, Category: 'P', Pseudo: true, Kind: Boxed},
	{OID: 5079, Name: "anycompatiblenonarray", SQL: "anycompatiblenonarray", Len: 4, Category: 'P', Pseudo: true, Kind: Boxed},
}

var aliases = map[string]string{
	"boolean": "bool", "smallint": "int2", "integer": "int4", "int": "int4", "bigint": "int8", "real": "float4",
	"float": "float8", "double precision": "float8", "decimal": "numeric", "dec": "numeric",
	"character varying": "varchar", "char varying": "varchar", "national character varying": "varchar",
	"character": "bpchar", "nchar": "bpchar", "national character": "bpchar", `"char"`: "char",
	"timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
	"time without time zone": "time", "time with time zone": "timetz", "bit varying": "varbit", `"any"`: "any",
}

// The OIDs of the types that code names.
const (
	BoolOID               OID = 16
	ByteaOID              OID = 17
	CharOID               OID = 18 // "char", one byte
	NameOID               OID = 19
	Int8OID               OID = 20
	Int2OID               OID = 21
	Int2VectorOID         OID = 22
	Int4OID               OID = 23
	RegprocOID            OID = 24
	TextOID               OID = 25
	OIDOID                OID = 26
	XIDOID                OID = 28
	CIDOID                OID = 29
	OIDVectorOID          OID = 30
	JSONOID               OID = 114
	Float4OID             OID = 700
	Float8OID             OID = 701
	UnknownOID            OID = 705
	BpcharOID             OID = 1042
	VarcharOID            OID = 1043
	DateOID               OID = 1082
	TimeOID               OID = 1083
	TimestampOID          OID = 1114
	TimestamptzOID        OID = 1184
	IntervalOID           OID = 1186
	BitOID                OID = 1560
	VarbitOID             OID = 1562
	NumericOID            OID = 1700
	RegprocedureOID       OID = 2202
	RegoperOID            OID = 2203
	RegoperatorOID        OID = 2204
	RegclassOID           OID = 2205
	RegtypeOID            OID = 2206
	RecordOID             OID = 2249
	AnyOID                OID = 2276
	AnyArrayOID           OID = 2277
	VoidOID               OID = 2278
	AnyElementOID         OID = 2283
	RecordArrayOID        OID = 2287
	AnyNonArrayOID        OID = 2776
	UUIDOID               OID = 2950
	JSONBOID              OID = 3802
	RegnamespaceOID       OID = 4089
	RegroleOID            OID = 4096
	RegcollationOID       OID = 4191
	AnyCompatibleOID      OID = 5077
	AnyCompatibleArrayOID OID = 5078
	AnyCompatibleNonOID   OID = 5079 // anycompatiblenonarray
)

// The types that code names.
var (
	Bool        = &builtin[index(BoolOID)]
	Bytea       = &builtin[index(ByteaOID)]
	Char        = &builtin[index(CharOID)]
	Name        = &builtin[index(NameOID)]
	Int8        = &builtin[index(Int8OID)]
	Int2        = &builtin[index(Int2OID)]
	Int4        = &builtin[index(Int4OID)]
	Text        = &builtin[index(TextOID)]
	Oid         = &builtin[index(OIDOID)]
	JSON        = &builtin[index(JSONOID)]
	JSONB       = &builtin[index(JSONBOID)]
	Float4      = &builtin[index(Float4OID)]
	Float8      = &builtin[index(Float8OID)]
	Unknown     = &builtin[index(UnknownOID)]
	Bpchar      = &builtin[index(BpcharOID)]
	Varchar     = &builtin[index(VarcharOID)]
	Date        = &builtin[index(DateOID)]
	Time        = &builtin[index(TimeOID)]
	Timestamp   = &builtin[index(TimestampOID)]
	Timestamptz = &builtin[index(TimestamptzOID)]
	IntervalT   = &builtin[index(IntervalOID)]
	Bit         = &builtin[index(BitOID)]
	Varbit      = &builtin[index(VarbitOID)]
	NumericT    = &builtin[index(NumericOID)]
	Regclass    = &builtin[index(RegclassOID)]
	Regtype     = &builtin[index(RegtypeOID)]
	UUID        = &builtin[index(UUIDOID)]
	RecordT     = &builtin[index(RecordOID)]
	Void        = &builtin[index(VoidOID)]
)

func index(oid OID) int {
	for i := range builtin {
		if builtin[i].OID == oid {
			return i
		}
	}
	panic("value: no such built-in type")
}

func sortTypes(all []*Type) {
	slices.SortFunc(all, func(a, b *Type) int { return cmp.Compare(a.OID, b.OID) })
}
