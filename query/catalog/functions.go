package catalog

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// Functions returns the functions that ask the catalog. Their sessions must be Sessions.
var Functions = sync.OnceValue(func() []*fn.Function {
	list := declarations()
	for _, f := range list {
		f.OID = bySignature()[signature(unqualified(f.Name), f.Args)]
	}
	return list
})

// declarations are the functions without their OIDs.
func declarations() []*fn.Function {
	Relations() // whose row types some have
	return slices.Concat(visibility(), definitions(), descriptions(), objects(), privileges(), sizes(), counts(), server(), names(), sets(),
		informationFunctions())
}

type call = func(s Session, args []value.Datum) value.Datum

// each declares a function for each list of arguments in sigs: each("f", "bool stable", f, "oid", "text").
func each(name, words string, f call, sigs ...string) []*fn.Function {
	return eachOr(name, words, func(s Session, args []value.Datum) (value.Datum, error) { return f(s, args), nil }, sigs...)
}

// eachOr is each for functions that may fail.
func eachOr(name, words string, f func(s Session, args []value.Datum) (value.Datum, error), sigs ...string) (list []*fn.Function) {
	for _, args := range sigs {
		list = append(list, fn.Define(name+"("+args+") "+words, func(env *fn.Env, args []value.Datum) (value.Datum, error) {
			return f(env.Session.(Session), args)
		}))
	}
	return list
}

var null = value.Datum{Null: true}

// textOr returns a text, null unless there is one.
func textOr(v any) value.Datum {
	if v == nil {
		return null
	}
	return value.NewText(v.(string))
}

func argOID(d value.Datum) value.OID { return value.OID(d.I) }

// visibility are the functions that tell whether an object is found without its schema.
func visibility() (list []*fn.Function) {
	visible := func(what string, schema func(k *Catalog, oid value.OID) (string, bool)) {
		list = append(list, each("pg_"+what+"_is_visible", "bool stable", func(s Session, args []value.Datum) value.Datum {
			name, ok := schema(s.Catalog(), argOID(args[0]))
			if !ok {
				return null
			}
			return value.NewBool(slices.Contains(s.SearchPath(true), name))
		}, "oid")...)
	}
	none := func(*Catalog, value.OID) (string, bool) { return "", false }
	visible("type", func(_ *Catalog, oid value.OID) (string, bool) {
		if t := value.ByOID(oid); t != nil {
			return typeSchema(t), true
		}
		return "", false
	})
	visible("function", func(k *Catalog, oid value.OID) (string, bool) {
		if p := k.proc(oid); p != nil {
			return p.schema, true
		}
		return "", false
	})
	visible("operator", has("pg_operator"))
	visible("opclass", has("pg_opclass"))
	visible("opfamily", has("pg_opfamily"))
	visible("collation", has("pg_collation"))
	for _, what := range []string{"conversion", "statistics_obj", "ts_config", "ts_dict", "ts_parser", "ts_template"} {
		visible(what, none)
	}
	return append(list, each("pg_table_is_visible", "bool stable", func(s Session, args []value.Datum) value.Datum {
		k := s.Catalog()
		schema, name := k.relationName(argOID(args[0]))
		if name == "" {
			return null
		}
		for _, first := range s.SearchPath(true) {
			if first == schema {
				return value.NewBool(true)
			}
			if k.Relation(first, name) != nil {
				break
			}
		}
		return value.NewBool(false)
	}, "oid")...)
}

// has looks an object of pg_catalog up in one of its relations.
func has(relation string) func(*Catalog, value.OID) (string, bool) {
	return func(k *Catalog, oid value.OID) (string, bool) {
		rows := k.made["pg_catalog."+relation]()
		return "pg_catalog", slices.Contains(rows.Cols[rows.at["oid"]].Ints, int64(oid))
	}
}

// relationName returns the schema and name of a table, view or index, "" if there is none.
func (k *Catalog) relationName(oid value.OID) (schema, name string) {
	if r := k.byOID[oid]; r != nil {
		return r.Schema, r.Name
	}
	if x := k.index(oid); x != nil {
		return "public", x.Name
	}
	return "", ""
}

func (k *Catalog) proc(oid value.OID) *proc {
	m, _ := k.procs()
	return m[oid]
}

// definitions are the functions that write the statement that would make an object, or a part of it.
func definitions() []*fn.Function {
	none := func(Session, []value.Datum) value.Datum { return null }
	indexdef := func(s Session, args []value.Datum) value.Datum {
		x := s.Catalog().index(argOID(args[0]))
		switch {
		case x == nil || len(args) > 1 && args[1].I > 1:
			return null
		case len(args) > 1 && args[1].I == 1:
			return value.NewText(fn.QuoteIdent(x.Column))
		}
		return value.NewText(x.def())
	}
	constraintdef := func(s Session, args []value.Datum) value.Datum {
		if x := s.Catalog().index(argOID(args[0]) - constraintOffset); x != nil && x.Primary {
			return value.NewText("PRIMARY KEY (" + fn.QuoteIdent(x.Column) + ")")
		}
		return null
	}
	ofProc := func(name string, write func(*proc) value.Datum) []*fn.Function {
		return each(name, "text stable", func(s Session, args []value.Datum) value.Datum {
			if p := s.Catalog().proc(argOID(args[0])); p != nil {
				return write(p)
			}
			return null
		}, "oid")
	}
	return slices.Concat(
		each("pg_get_expr", "text stable", func(_ Session, args []value.Datum) value.Datum { return value.NewBytes(value.Text, args[0].B) },
			"pg_node_tree,oid", "pg_node_tree,oid,bool"),
		each("pg_get_indexdef", "text stable", indexdef, "oid", "oid,int4,bool"),
		each("pg_get_constraintdef", "text stable", constraintdef, "oid", "oid,bool"),
		each("pg_get_viewdef", "text stable", viewdef, "oid", "oid,bool", "oid,int4", "text", "text,bool"),
		each("pg_get_ruledef", "text stable", none, "oid", "oid,bool"),
		each("pg_get_triggerdef", "text stable", none, "oid", "oid,bool"),
		each("pg_get_partkeydef", "text stable", none, "oid"),
		each("pg_get_partition_constraintdef", "text stable", none, "oid"),
		each("pg_get_statisticsobjdef", "text stable", none, "oid"),
		each("pg_get_statisticsobjdef_columns", "text stable", none, "oid"),
		each("pg_get_serial_sequence", "text stable", none, "text,text"),
		each("pg_get_function_arg_default", "text stable", func(s Session, args []value.Datum) value.Datum {
			if p := s.Catalog().proc(argOID(args[0])); p != nil {
				return textIf(p.p.defaultOf(int(args[1].I) - 1))
			}
			return null
		}, "oid,int4"),
		ofProc("pg_get_function_sqlbody", func(*proc) value.Datum { return null }),
		ofProc("pg_get_function_arguments", func(p *proc) value.Datum { return value.NewText(p.p.arguments(true)) }),
		ofProc("pg_get_function_identity_arguments", func(p *proc) value.Datum { return value.NewText(p.p.arguments(false)) }),
		ofProc("pg_get_function_result", func(p *proc) value.Datum { return value.NewText(p.p.result()) }),
		ofProc("pg_get_functiondef", (*proc).def),
	)
}

// typeName is how a type is written; those that exist in Postgres alone have no name here.
func typeName(oid value.OID) string {
	if t := value.ByOID(oid); t != nil {
		return t.SQL
	}
	return "???"
}

// defaultOf returns what an argument for input has where a call leaves it out, as SQL, "" if it has to be given.
func (p *procedure) defaultOf(i int) string {
	if first := len(p.args) - len(p.defaults); i >= first && i < len(p.args) {
		return p.defaults[i-first]
	}
	return ""
}

// arguments writes the arguments of a function, if wanted with what those have that may be left out.
func (p *procedure) arguments(defaults bool) string {
	var list []string
	input := 0
	p.parameters(func(_ int, mode byte, name string, t value.OID) {
		prefix := map[byte]string{'o': "OUT ", 'b': "INOUT ", 'v': "VARIADIC "}[mode]
		if name != "" {
			prefix += fn.QuoteIdent(name) + " "
		}
		text := prefix + typeName(t)
		if strings.IndexByte("ibv", mode) >= 0 {
			if d := p.defaultOf(input); d != "" && defaults {
				text += " DEFAULT " + d
			}
			input++
		}
		if mode != 't' {
			list = append(list, text)
		}
	})
	return strings.Join(list, ", ")
}

// result writes what a function returns.
func (p *procedure) result() string {
	var columns []string
	p.parameters(func(_ int, mode byte, name string, t value.OID) {
		if mode == 't' {
			columns = append(columns, fn.QuoteIdent(name)+" "+typeName(t))
		}
	})
	switch {
	case columns != nil:
		return "TABLE(" + strings.Join(columns, ", ") + ")"
	case p.words.bool(3):
		return "SETOF " + typeName(p.ret)
	}
	return typeName(p.ret)
}

// def writes CREATE FUNCTION.
func (p *proc) def() value.Datum {
	words := map[byte]string{'i': " IMMUTABLE", 's': " STABLE", 'v': ""}[p.p.volatility]
	if p.p.words.bool(2) {
		words += " STRICT"
	}
	if words != "" {
		words = "\n" + words
	}
	return value.NewText("CREATE OR REPLACE FUNCTION " + p.schema + "." + fn.QuoteIdent(p.p.name) + "(" + p.p.arguments(true) + ")\n RETURNS " + p.p.result() +
		"\n LANGUAGE " + p.p.language + words + "\nAS $function$" + p.p.source + "$function$\n")
}

// descriptions are the functions that return comments.
func descriptions() []*fn.Function {
	return slices.Concat(
		each("obj_description", "text stable", func(s Session, args []value.Datum) value.Datum {
			k := s.Catalog()
			if class := k.Relation("pg_catalog", string(args[1].B)); class != nil {
				return textOr(k.comment(class.OID, argOID(args[0]), 0))
			}
			return null
		}, "oid,name"),
		each("obj_description", "text stable", func(s Session, args []value.Datum) value.Datum {
			for _, class := range []value.OID{classOID, procOID, namespaceOID} {
				if d := s.Catalog().comment(class, argOID(args[0]), 0); d != nil {
					return textOr(d)
				}
			}
			return null
		}, "oid"),
		each("col_description", "text stable", func(s Session, args []value.Datum) value.Datum {
			return textOr(s.Catalog().comment(classOID, argOID(args[0]), int(args[1].I)))
		}, "oid,int4"),
		each("shobj_description", "text stable", func(Session, []value.Datum) value.Datum { return null }, "oid,name"),
	)
}

// sizes are the functions that tell how much there is. What all agencies file together is nobody's business, and no table
// has files of its own here: they know nothing.
func sizes() (list []*fn.Function) {
	for name, sigs := range map[string][]string{
		"pg_database_size": {"name", "oid"}, "pg_tablespace_size": {"name", "oid"}, "pg_relation_size": {"regclass", "regclass,text"},
		"pg_table_size": {"regclass"}, "pg_total_relation_size": {"regclass"}, "pg_indexes_size": {"regclass"},
	} {
		list = append(list, each(name, "int8 volatile", unknown, sigs...)...)
	}
	return list
}

// transactionAge is how many transactions began since another: as many as there can be where that is one of the numbers below 3,
// which stand for what has always been there.
func transactionAge(s Session, args []value.Datum) value.Datum {
	if args[0].I < 3 {
		return value.NewInt(value.Int4, math.MaxInt32)
	}
	return value.NewInt(value.Int4, int64(int32(uint32(s.TransactionNumber())-uint32(args[0].I))))
}

// server are the functions about the server and what it does.
func server() []*fn.Function {
	no := func(Session, []value.Datum) value.Datum { return value.NewBool(false) }
	never := func(Session, []value.Datum) value.Datum { return null }
	text := func(s string) call { return func(Session, []value.Datum) value.Datum { return value.NewText(s) } }
	return slices.Concat(
		each("pg_is_in_recovery", "bool volatile", no, ""),
		each("pg_last_wal_receive_lsn", "pg_lsn volatile", never, ""), // no standby, as pg_is_in_recovery says
		each("pg_last_wal_replay_lsn", "pg_lsn volatile", never, ""),
		each("pg_last_xact_replay_timestamp", "timestamptz volatile", never, ""),
		each("txid_current_if_assigned", "int8 stable", never, ""), // nothing is ever written under the number
		each("txid_current", "int8 stable", func(s Session, _ []value.Datum) value.Datum { return value.NewInt(value.Int8, s.TransactionNumber()) }, ""),
		each("age", "int4 stable", transactionAge, "xid"),
		each("pg_is_other_temp_schema", "bool stable", no, "oid"),
		each("current_query", "text volatile nullable", func(s Session, _ []value.Datum) value.Datum { return textIf(s.CurrentQuery()) }, ""),
		each("pg_relation_is_publishable", "bool stable", no, "regclass"),
		each("pg_my_temp_schema", "oid stable", func(Session, []value.Datum) value.Datum { return value.NewInt(value.Oid, 0) }, ""),
		each("pg_postmaster_start_time", "timestamptz stable", func(s Session, _ []value.Datum) value.Datum { return s.Started() }, ""),
		each("pg_conf_load_time", "timestamptz stable", func(s Session, _ []value.Datum) value.Datum { return s.Started() }, ""),
		each("pg_tablespace_location", "text stable", text(""), "oid"),
		each("pg_relation_filenode", "oid stable", func(_ Session, args []value.Datum) value.Datum {
			return value.NewInt(value.Oid, args[0].I)
		}, "regclass"),
		each("pg_relation_is_updatable", "int4 stable", func(s Session, args []value.Datum) value.Datum {
			if t := s.Catalog().tables[argOID(args[0])]; t != nil && t.Insert {
				return value.NewInt(value.Int4, 1<<3) // INSERT
			}
			return value.NewInt(value.Int4, 0)
		}, "regclass,bool"),
		each("pg_column_is_updatable", "bool stable", no, "regclass,int2,bool"),
		each("pg_index_column_has_property", "bool stable", indexProperty, "regclass,int4,text"),
		each("pg_indexam_has_property", "bool stable", func(_ Session, args []value.Datum) value.Datum {
			return trueIf(argOID(args[0]) == btreeOID, string(args[1].B), "can_order", "can_unique", "can_multi_col", "can_exclude", "can_include")
		}, "oid,text"),
		each("pg_index_has_property", "bool stable", func(s Session, args []value.Datum) value.Datum {
			return trueIf(s.Catalog().index(argOID(args[0])) != nil, string(args[1].B), "clusterable", "index_scan", "bitmap_scan", "backward_scan")
		}, "regclass,text"),
		each("pg_blocking_pids", "_int4 volatile", func(Session, []value.Datum) value.Datum {
			return value.ArrayOf(value.NewVector(value.Int4, 0))
		}, "int4"),
		each("pg_advisory_unlock_all", "void volatile", func(Session, []value.Datum) value.Datum { return value.NewInt(value.Void, 0) }, ""),
		each("acldefault", "_aclitem", defaultACL, "char,oid"),
		[]*fn.Function{fn.Define("lastval() int8 volatile", func(*fn.Env, []value.Datum) (value.Datum, error) {
			return null, value.Errorf("55000", "lastval is not yet defined in this session") // there are no sequences
		}), fn.Define("pg_is_wal_replay_paused() bool volatile", func(*fn.Env, []value.Datum) (value.Datum, error) {
			return null, value.Errorf("55000", "recovery is not in progress")
		})},
		each("pg_get_replica_identity_index", "regclass stable", func(s Session, args []value.Datum) value.Datum {
			if t := s.Catalog().tables[argOID(args[0])]; t != nil {
				for _, x := range s.Catalog().indexesOf(t) {
					if x.Primary {
						return value.NewInt(value.Regclass, int64(x.oid))
					}
				}
			}
			return null
		}, "regclass"),
	)
}

// defaultACL is who may do what with an object of a kind that nobody gave rights for.
func defaultACL(s Session, args []value.Datum) value.Datum {
	own, all := "", ""
	switch args[0].I {
	case 'r':
		own = "arwdDxt"
	case 's':
		own = "rwU"
	case 'd':
		own, all = "CTc", "Tc"
	case 'f':
		own, all = "X", "X"
	case 'l', 'T':
		own, all = "U", "U"
	case 'n':
		own = "UC"
	case 't':
		own = "C"
	case 'F', 'S':
		own = "U"
	case 'L':
		own = "rw"
	case 'p':
		own = "sA"
	}
	name := roleName(s, argOID(args[1]))
	list := []string{name + "=" + own + "/" + name}
	if all != "" {
		list = append([]string{"=" + all + "/" + name}, list...)
	}
	return datum(value.MustType(1034), list)
}

// trueIf is true if name is one of the properties of a B-tree and there is one, null otherwise.
func trueIf(exists bool, name string, properties ...string) value.Datum {
	if !exists || !slices.Contains(properties, strings.ToLower(name)) {
		return null
	}
	return value.NewBool(true)
}

// indexProperty tells what a B-tree can do.
func indexProperty(s Session, args []value.Datum) value.Datum {
	if s.Catalog().index(argOID(args[0])) == nil || args[1].I != 1 {
		return null
	}
	switch strings.ToLower(string(args[2].B)) {
	case "asc", "nulls_last", "orderable", "returnable", "search_array", "search_nulls":
		return value.NewBool(true)
	case "desc", "nulls_first", "distance_orderable":
		return value.NewBool(false)
	}
	return null
}

// names are the functions that find or write names.
func names() (list []*fn.Function) {
	for _, t := range []string{"regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole", "regoper", "regoperator", "regcollation"} {
		typ := value.ByName(t)
		list = append(list, fn.Define("to_"+t+"(text) "+t+" stable", func(env *fn.Env, args []value.Datum) (value.Datum, error) {
			if _, err := strconv.ParseUint(string(args[0].B), 10, 32); err == nil {
				return null, nil
			}
			d, err := value.ParseText(env.Settings, typ, -1, args[0].B)
			if err != nil {
				return null, nil
			}
			return d, nil
		}))
	}
	return append(list, each("pg_get_userbyid", "name stable", func(s Session, args []value.Datum) value.Datum {
		return value.NewBytes(value.Name, []byte(roleName(s, argOID(args[0]))))
	}, "oid")...)
}

// roleName returns the name of a role, "unknown (OID=1)" if the session knows none.
func roleName(s Session, oid value.OID) string {
	for _, r := range allRoles(s) {
		if r.OID == oid {
			return r.Name
		}
	}
	return "unknown (OID=" + strconv.FormatUint(uint64(oid), 10) + ")"
}

// sets are the functions that return rows.
func sets() []*fn.Function {
	text := value.TextOID
	return append(relationFunctions(), []*fn.Function{
		fn.DefineSet("pg_get_keywords() record stable", keywords, fn.Column{Name: "word", Type: text}, fn.Column{Name: "catcode", Type: value.CharOID},
			fn.Column{Name: "barelabel", Type: value.BoolOID}, fn.Column{Name: "catdesc", Type: text}, fn.Column{Name: "baredesc", Type: text}),
		fn.DefineSet("pg_options_to_table(_text) record stable", options, fn.Column{Name: "option_name", Type: text}, fn.Column{Name: "option_value", Type: text}),
		fn.DefineSet("aclexplode(_aclitem) record stable", explodeACL, fn.Column{Name: "grantor", Type: value.OIDOID}, fn.Column{Name: "grantee", Type: value.OIDOID},
			fn.Column{Name: "privilege_type", Type: text}, fn.Column{Name: "is_grantable", Type: value.BoolOID}),
		fn.DefineSet("pg_ls_tmpdir(oid) record volatile", func(*fn.Env, []value.Datum) ([][]value.Datum, error) { return nil, nil },
			fn.Column{Name: "name", Type: text}, fn.Column{Name: "size", Type: value.Int8OID}, fn.Column{Name: "modification", Type: value.TimestamptzOID}),
		expandArray("information_schema._pg_expandarray(anyarray) record"),
	}...)
}

// expandArray numbers the elements of an array.
func expandArray(sig string) *fn.Function {
	return fn.DefineSet(sig, func(_ *fn.Env, args []value.Datum) (rows [][]value.Datum, err error) {
		a := args[0].X.(*value.Array)
		for i := range a.Elems.Len() {
			rows = append(rows, []value.Datum{a.Elems.Datum(i), value.NewInt(value.Int4, int64(i+1))})
		}
		return rows, nil
	}, fn.Column{Name: "x", Type: value.AnyElementOID}, fn.Column{Name: "n", Type: value.Int4OID})
}

func keywords(*fn.Env, []value.Datum) (rows [][]value.Datum, err error) {
	classes := map[byte]string{'U': "unreserved", 'C': "unreserved (cannot be function or type name)", 'T': "reserved (can be function or type name)", 'R': "reserved"}
	for _, k := range parse.Keywords() {
		bare := "requires AS"
		if k.BareLabel {
			bare = "can be bare label"
		}
		rows = append(rows, []value.Datum{value.NewText(k.Word), value.NewInt(value.Char, int64(k.Class)), value.NewBool(k.BareLabel),
			value.NewText(classes[byte(k.Class)]), value.NewText(bare)})
	}
	return rows, nil
}

// options splits "name=value".
func options(_ *fn.Env, args []value.Datum) (rows [][]value.Datum, err error) {
	a := args[0].X.(*value.Array)
	for i := range a.Elems.Len() {
		name, v, ok := strings.Cut(string(a.Elems.Bytes[i]), "=")
		d := value.NewText(v)
		d.Null = !ok
		rows = append(rows, []value.Datum{value.NewText(name), d})
	}
	return rows, nil
}

// rights are the letters of access lists.
var rights = map[byte]string{'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER",
	'X': "EXECUTE", 'U': "USAGE", 'C': "CREATE", 'T': "TEMPORARY", 'c': "CONNECT"}

func explodeACL(_ *fn.Env, args []value.Datum) (rows [][]value.Datum, err error) {
	a := args[0].X.(*value.Array)
	for i := range a.Elems.Len() {
		grantee, rest, _ := strings.Cut(string(a.Elems.Bytes[i]), "=")
		letters, grantor, _ := strings.Cut(rest, "/")
		for _, l := range []byte(letters) {
			rows = append(rows, []value.Datum{value.NewInt(value.Oid, int64(aclRole(grantor))), value.NewInt(value.Oid, int64(aclRole(grantee))),
				value.NewText(rights[l]), value.NewBool(grantee == Owner)})
		}
	}
	return rows, nil
}

// aclRole finds the roles that access lists of the catalog name.
func aclRole(name string) value.OID {
	if name == Owner {
		return ownerOID
	}
	return 0 // everybody
}

// viewdef is the query of a view of ours, by object id or by name; those of the catalog have none.
func viewdef(s Session, args []value.Datum) value.Datum {
	for _, t := range s.Catalog().tables {
		named := args[0].Type == value.Text && strings.TrimPrefix(string(args[0].B), "public.") == t.Name
		if t.Definition != "" && (named || args[0].Type != value.Text && argOID(args[0]) == t.OID) {
			return value.NewText(t.Definition)
		}
	}
	return null
}
