package catalog

import (
	"slices"
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A typeFacts is what pg_type has of a type besides what value.Type knows.
type typeFacts struct {
	byVal               bool
	kind, delim         string
	subscript           value.OID
	in, out, recv, send value.OID
	modIn, modOut       value.OID
	align, storage      string
	collation           value.OID
}

var typesByOID = sync.OnceValue(func() map[value.OID]*typeFacts {
	m := map[value.OID]*typeFacts{}
	for f := range lines("types.tsv") {
		m[f.oid(0)] = &typeFacts{
			byVal: f.bool(1), kind: f[2], delim: f[3], subscript: f.oid(4), in: f.oid(5), out: f.oid(6), recv: f.oid(7), send: f.oid(8),
			modIn: f.oid(9), modOut: f.oid(10), align: f[11], storage: f[12], collation: f.oid(13),
		}
	}
	return m
})

func storageOf(t *value.Type) *typeFacts { return typesByOID()[t.OID] }

func (k *Catalog) pgType(r *Rows) {
	for _, t := range value.All() {
		f := storageOf(t)
		elem := t.Elem
		if t == value.Name {
			elem = value.CharOID
		}
		r.add(row{
			"oid": t.OID, "typname": t.Name, "typnamespace": catalogOID, "typowner": ownerOID, "typlen": t.Len, "typbyval": f.byVal,
			"typtype": f.kind, "typcategory": t.Category, "typispreferred": t.Preferred, "typisdefined": true, "typdelim": f.delim,
			"typsubscript": f.subscript, "typelem": elem, "typarray": t.Array, "typinput": f.in, "typoutput": f.out,
			"typreceive": f.recv, "typsend": f.send, "typmodin": f.modIn, "typmodout": f.modOut, "typalign": f.align,
			"typstorage": f.storage, "typtypmod": -1, "typcollation": f.collation,
		})
	}
	for _, rel := range k.relations() {
		rowType(r, rel)
	}
}

// rowSchemas are the schemas of the row types of the catalog, and of the types of arrays of them.
var rowSchemas = sync.OnceValue(func() map[value.OID]string {
	m := map[value.OID]string{}
	for _, r := range Relations() {
		m[r.Row.OID], m[r.Row.Array] = r.Schema, r.Schema
	}
	return m
})

// typeSchema is the schema that a type is in.
func typeSchema(t *value.Type) string {
	if t.OID >= firstOwnOID {
		return "public"
	}
	if schema := rowSchemas()[t.OID]; schema != "" {
		return schema
	}
	return "pg_catalog"
}

// rowType adds the row type of a table, and the type of arrays of it. Their functions are those of all records and arrays.
func rowType(r *Rows, t *Relation) {
	for _, u := range []*value.Type{t.Row, value.MustType(t.Row.Array)} {
		like, relation, kind := value.RecordT, t.OID, "c"
		if u.IsArray() {
			like, relation, kind = value.MustType(value.RecordArrayOID), 0, "b"
		}
		f := storageOf(like)
		r.add(row{
			"oid": u.OID, "typname": u.Name, "typnamespace": schemaOID(t.Schema), "typowner": ownerOID, "typlen": u.Len, "typbyval": false,
			"typtype": kind, "typcategory": u.Category, "typispreferred": false, "typisdefined": true, "typdelim": ",",
			"typrelid": relation, "typsubscript": f.subscript, "typelem": u.Elem, "typarray": u.Array, "typinput": f.in, "typoutput": f.out,
			"typreceive": f.recv, "typsend": f.send, "typalign": "d", "typstorage": "x", "typtypmod": -1,
		})
	}
}

// A proc is a function with its row of pg_proc.
type proc struct {
	oid    value.OID
	schema string
	p      *procedure
}

// firstOwnOID is where the OIDs of what Postgres has not itself begin.
const firstOwnOID value.OID = 16384

// listProcs lists the functions: those of Postgres that exist here or that its types, operators and so on are made of, and
// ours.
func (k *Catalog) listProcs() (map[value.OID]*proc, []*proc) {
	var list []*proc
	for _, p := range procedures() {
		if !p.known() {
			continue
		}
		schema := "pg_catalog"
		if strings.HasPrefix(p.name, "_pg_") {
			schema = "information_schema"
		}
		list = append(list, &proc{oid: p.oid, schema: schema, p: p})
	}
	for _, f := range k.Functions {
		schema := "public"
		if f.OID < firstOwnOID {
			schema = "pg_catalog"
		}
		list = append(list, &proc{oid: f.OID, schema: schema, p: ownProcedure(f)})
	}
	m := map[value.OID]*proc{}
	for _, p := range list {
		m[p.oid] = p
	}
	return m, list
}

// known reports whether the types of a function exist here, so that it can be written down.
func (p *procedure) known() bool {
	foreign := func(oid value.OID) bool { return value.ByOID(oid) == nil }
	return !foreign(p.ret) && !slices.ContainsFunc(p.args, foreign) && !slices.ContainsFunc(p.allArgs, foreign)
}

// ownProcedure is how pg_proc shows a function of ours.
func ownProcedure(f *fn.Function) *procedure {
	p := &procedure{
		oid: f.OID, name: f.Name, language: "internal", kind: 'f', volatility: byte(f.Volatility), parallel: 'u', ret: f.Ret, args: f.Args,
		source: f.Name, words: fields{"f", "f", yesNo(f.Strict), yesNo(f.IsSet())}, names: f.Names,
	}
	for _, d := range f.Default {
		p.defaults = append(p.defaults, constant(d))
	}
	if len(f.Columns) > 0 {
		p.allArgs = slices.Clone(f.Args)
		p.modes = strings.Repeat("i", len(f.Args))
		if p.names = slices.Clone(f.Names); p.names == nil {
			p.names = make([]string, len(f.Args))
		}
		for _, c := range f.Columns {
			p.allArgs, p.modes, p.names = append(p.allArgs, c.Type), p.modes+"t", append(p.names, c.Name)
		}
	}
	return p
}

// constant writes a value as SQL.
func constant(d value.Datum) string {
	text := string(d.AppendText(nil, value.DefaultSettings()))
	switch {
	case d.Null:
		return "NULL::" + d.Type.SQL
	case d.Type == value.Bool || d.Type.Category == 'N':
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'::" + d.Type.SQL
}

func yesNo(b bool) string {
	if b {
		return "t"
	}
	return "f"
}

func (k *Catalog) pgProc(r *Rows) {
	_, list := k.procs()
	for _, f := range list {
		p := f.p
		v := row{
			"oid": p.oid, "proname": p.name, "pronamespace": schemaOID(f.schema), "proowner": ownerOID, "prolang": languages[p.language].oid,
			"procost": 1.0, "prorows": 0.0, "provariadic": p.variadic, "prokind": p.kind, "prosecdef": p.words.bool(0),
			"proleakproof": p.words.bool(1), "proisstrict": p.words.bool(2), "proretset": p.words.bool(3), "provolatile": p.volatility,
			"proparallel": p.parallel, "pronargs": len(p.args), "pronargdefaults": len(p.defaults), "prorettype": p.ret, "proargtypes": p.args,
			"prosrc": p.source,
		}
		if p.words.bool(3) {
			v["prorows"] = 1000.0
		}
		if p.allArgs != nil {
			v["proallargtypes"], v["proargmodes"] = p.allArgs, strings.Split(p.modes, "")
		}
		if p.defaults != nil {
			v["proargdefaults"] = strings.Join(p.defaults, ", ")
		}
		if p.names != nil {
			v["proargnames"] = p.names
		}
		r.add(v)
	}
}

// procOID returns the OID of a function of Postgres that has no overloads.
func (k *Catalog) procOID(name string) value.OID {
	for _, p := range procedures() {
		if p.name == name {
			return p.oid
		}
	}
	panic("catalog: no function " + name)
}

func (k *Catalog) pgAggregate(r *Rows) {
	for f := range lines("aggregates.tsv") {
		r.add(row{"aggfnoid": f.oid(0), "aggkind": f[1], "aggnumdirectargs": f.oid(2), "aggtransfn": f.oid(3), "aggfinalfn": f.oid(4),
			"aggtranstype": f.oid(5), "aggfinalmodify": "r", "aggmfinalmodify": "r"})
	}
}

func (k *Catalog) pgOperator(r *Rows) {
	own := map[value.OID]*fn.Function{}
	for _, f := range k.Registry.AllOperators() {
		own[f.OID] = f
	}
	for f := range lines("operators.tsv") {
		o := own[f.oid(0)]
		if o == nil {
			continue
		}
		left, kind := value.OID(0), "l"
		if len(o.Args) == 2 {
			left, kind = o.Args[0], "b"
		}
		r.add(row{"oid": o.OID, "oprname": o.Name, "oprnamespace": catalogOID, "oprowner": ownerOID, "oprkind": kind,
			"oprcanmerge": f.bool(1), "oprcanhash": f.bool(2), "oprleft": left, "oprright": o.Args[len(o.Args)-1], "oprresult": o.Ret,
			"oprcom": f.oid(3), "oprnegate": f.oid(4), "oprcode": f.oid(5), "oprrest": f.oid(6), "oprjoin": f.oid(7)})
	}
}

func (k *Catalog) pgCast(r *Rows) {
	// The OIDs of casts are not fixed in Postgres: nothing refers to them.
	for i, c := range k.Registry.AllCasts() {
		method := "f"
		if c.Binary {
			method = "b"
		}
		r.add(row{"oid": 10200 + i, "castsource": c.From.OID, "casttarget": c.To.OID, "castcontext": byte(c.Context), "castmethod": method})
	}
}

var languages = map[string]struct {
	oid       value.OID
	trusted   bool
	validator string
}{"internal": {internalOID, false, "fmgr_internal_validator"}, "c": {13, false, "fmgr_c_validator"}, "sql": {sqlOID, true, "fmgr_sql_validator"}}

func (k *Catalog) pgLanguage(r *Rows) {
	for _, name := range []string{"internal", "c", "sql"} {
		l := languages[name]
		r.add(row{"oid": l.oid, "lanname": name, "lanowner": ownerOID, "lanpltrusted": l.trusted, "lanvalidator": k.procOID(l.validator)})
	}
}

// collations are those that exist here; all order by bytes.
var collations = []struct {
	oid      value.OID
	name     string
	provider string
	encoding int
	locale   any
}{
	{defaultCollOID, "default", "d", -1, nil}, {cCollOID, "C", "c", -1, "C"}, {951, "POSIX", "c", -1, "POSIX"},
	{12340, "ucs_basic", "c", 6, "C"},
}

func (k *Catalog) pgCollation(r *Rows) {
	for _, c := range collations {
		r.add(row{"oid": c.oid, "collname": c.name, "collnamespace": catalogOID, "collowner": ownerOID, "collprovider": c.provider,
			"collisdeterministic": true, "collencoding": c.encoding, "collcollate": c.locale, "collctype": c.locale})
	}
}
