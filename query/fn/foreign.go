package fn

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed foreign_functions.txt
var foreignFunctionText string

// foreignFunctions holds the names of functions that Postgres 15 has and the server has not, in order.
var foreignFunctions = sync.OnceValue(func() []string { return strings.Fields(foreignFunctionText) })

// foreignTypes holds the names of types that Postgres 15 has and the server has not, in order.
var foreignTypes = []string{
	"box", "cidr", "circle", "datemultirange", "daterange", "int4multirange", "int4range", "int8multirange", "int8range", "jsonpath",
	"line", "lseg", "macaddr", "macaddr8", "money", "nummultirange", "numrange", "path", "pg_lsn", "pg_snapshot", "point", "polygon",
	"refcursor", "timetz", "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "xml",
}

func isForeign(names []string, name string) bool {
	_, found := slices.BinarySearch(names, name)
	return found
}

// IsForeignType reports whether Postgres has a type of this name that the server has not.
func IsForeignType(name string) bool { return isForeign(foreignTypes, name) }

// argumentNames holds the names of arguments, where Postgres gives them in its manual, by signature.
var argumentNames = map[string][]string{
	"jsonb_insert(jsonb,_text,jsonb,bool)":                   {"jsonb_in", "path", "replacement", "insert_after"},
	"jsonb_set(jsonb,_text,jsonb,bool)":                      {"jsonb_in", "path", "replacement", "create_if_missing"},
	"jsonb_set_lax(jsonb,_text,jsonb,bool,text)":             {"jsonb_in", "path", "replacement", "create_if_missing", "null_value_treatment"},
	"make_date(int4,int4,int4)":                              {"year", "month", "day"},
	"make_interval(int4,int4,int4,int4,int4,int4,float8)":    {"years", "months", "weeks", "days", "hours", "mins", "secs"},
	"make_time(int4,int4,float8)":                            {"hour", "min", "sec"},
	"make_timestamp(int4,int4,int4,int4,int4,float8)":        {"year", "month", "mday", "hour", "min", "sec"},
	"make_timestamptz(int4,int4,int4,int4,int4,float8)":      {"year", "month", "mday", "hour", "min", "sec"},
	"make_timestamptz(int4,int4,int4,int4,int4,float8,text)": {"year", "month", "mday", "hour", "min", "sec", "timezone"},
	"parse_ident(text,bool)":                                 {"str", "strict"},
}
