package catalog

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// An object is what can be said of one in words. One that does not exist has no identity.
type object struct {
	kind         string // "table column"
	schema, name string // quoted; "" for none
	identity     string
	text         string // "column digest of table hashes"
}

// objects are the functions that say in words what an object is.
func objects() []*fn.Function {
	text := value.TextOID
	return []*fn.Function{
		fn.Define("pg_describe_object(oid,oid,int4) text stable", func(env *fn.Env, args []value.Datum) (value.Datum, error) {
			o, err := objectOf(env, args)
			return textIf(o.text), err
		}),
		fn.DefineSet("pg_identify_object(oid,oid,int4) record stable", func(env *fn.Env, args []value.Datum) ([][]value.Datum, error) {
			o, err := objectOf(env, args)
			if err != nil {
				return nil, err
			}
			return [][]value.Datum{{textIf(o.kind), textIf(o.schema), textIf(o.name), textIf(o.identity)}}, nil
		}, fn.Column{Name: "type", Type: text}, fn.Column{Name: "schema", Type: text}, fn.Column{Name: "name", Type: text}, fn.Column{Name: "identity", Type: text}),
	}
}

// textIf returns a text, null for an empty one.
func textIf(s string) value.Datum {
	if s == "" {
		return null
	}
	return value.NewText(s)
}

// classes are the catalogs whose objects have a name alone, by object id, with the column of it and what they hold.
var classes = map[value.OID]struct{ relation, column, kind string }{
	namespaceOID: {"pg_namespace", "nspname", "schema"}, databasesOID: {"pg_database", "datname", "database"}, 1213: {"pg_tablespace", "spcname", "tablespace"},
	2601: {"pg_am", "amname", "access method"}, 2612: {"pg_language", "lanname", "language"},
}

// objectOf finds the object of a catalog with an object id and, of a table, the number of a column, 0 for the table itself.
func objectOf(env *fn.Env, args []value.Datum) (o object, err error) {
	s := env.Session.(Session)
	k, oid := s.Catalog(), argOID(args[1])
	switch class := argOID(args[0]); class {
	case classOID:
		return k.relationObject(s, oid, int(args[2].I)), nil
	case procOID:
		return k.procObject(s, oid), nil
	case 1247: // pg_type
		return k.typeObject(oid), nil
	case 1260: // pg_authid
		o.kind = "role"
		if name, ok := k.RegName(s, value.RegroleOID, oid); ok {
			o = named(o.kind, name, roleName(s, oid))
		}
	case 2617: // pg_operator
		return k.operatorObject(oid), nil
	case 3456: // pg_collation
		o.kind = "collation"
		if name, ok := k.RegName(s, value.RegcollationOID, oid); ok {
			o = object{o.kind, "pg_catalog", name, "pg_catalog." + name, "collation " + name}
		}
	case constraintsOID:
		return k.constraintObject(s, oid), nil
	case attrdefOID:
		return k.defaultObject(s, oid), nil
	default:
		c, ok := classes[class]
		if !ok && k.byOID[class] == nil {
			return o, value.Errorf(value.CodeInternal, "unrecognized object class: %d", class)
		}
		if o.kind = c.kind; ok {
			if name := k.nameIn(c.relation, c.column, oid); name != "" {
				o = named(o.kind, fn.QuoteIdent(name), name)
			}
		}
	}
	return o, nil
}

// named is an object that has a name alone.
func named(kind, quoted, name string) object {
	return object{kind: kind, name: quoted, identity: quoted, text: kind + " " + name}
}

// nameIn looks a name up in a relation of pg_catalog, "" if no row has the object id.
func (k *Catalog) nameIn(relation, column string, oid value.OID) string {
	rows := k.made["pg_catalog."+relation]()
	i := slices.Index(rows.Cols[rows.at["oid"]].Ints, int64(oid))
	if i < 0 {
		return ""
	}
	return string(rows.Cols[rows.at[column]].Bytes[i])
}

// relationObject is a table, view or index, or a column of one.
func (k *Catalog) relationObject(s Session, oid value.OID, column int) object {
	schema, name := k.relationName(oid)
	kind, columns := "relation", []string(nil)
	if r := k.byOID[oid]; r != nil {
		kind = map[byte]string{'r': "table", 'v': "view"}[r.Kind]
		for _, c := range r.Columns {
			columns = append(columns, c.Name)
		}
	} else if x := k.index(oid); x != nil {
		kind, columns = "index", []string{x.Column}
	}
	o := object{kind: kind}
	if name == "" {
		return o
	}
	if column != 0 {
		o.kind += " column"
	}
	if column < 0 || column > len(columns) {
		return o
	}
	shown, _ := k.RegName(s, value.RegclassOID, oid)
	o.schema, o.name, o.text = fn.QuoteIdent(schema), fn.QuoteIdent(name), kind+" "+shown
	o.identity = o.schema + "." + o.name
	if column > 0 {
		c := columns[column-1]
		o.identity += "." + fn.QuoteIdent(c)
		o.text = "column " + c + " of " + kind + " " + shown
	}
	return o
}

func (k *Catalog) procObject(s Session, oid value.OID) object {
	p := k.proc(oid)
	if p == nil {
		return object{kind: "routine"}
	}
	o := object{kind: "function", schema: p.schema}
	if p.p.kind == 'a' {
		o.kind = "aggregate"
	}
	args := make([]string, len(p.p.args))
	for i, a := range p.p.args {
		args[i] = qualifiedType(value.ByOID(a))
	}
	shown, _ := k.RegName(s, value.RegprocedureOID, oid)
	o.identity, o.text = p.schema+"."+fn.QuoteIdent(p.p.name)+"("+strings.Join(args, ",")+")", "function "+shown
	return o
}

// standardTypes are those whose names are part of the language, so that they never stand with a schema.
var standardTypes = []string{"bit", "bool", "bpchar", "float4", "float8", "int2", "int4", "int8", "interval", "numeric", "time", "timestamp",
	"timestamptz", "timetz", "varbit", "varchar"}

// qualifiedType writes a type with its schema.
func qualifiedType(t *value.Type) string {
	elem := t
	if t.IsArray() && strings.HasPrefix(t.Name, "_") {
		elem = value.MustType(t.Elem)
	}
	if slices.Contains(standardTypes, elem.Name) || strings.Contains(t.SQL, ".") {
		return t.SQL
	}
	return typeSchema(t) + "." + t.SQL
}

func (k *Catalog) typeObject(oid value.OID) object {
	t := value.ByOID(oid)
	if t == nil {
		return object{kind: "type"}
	}
	return object{"type", typeSchema(t), fn.QuoteIdent(t.Name), qualifiedType(t), "type " + t.SQL}
}

func (k *Catalog) operatorObject(oid value.OID) object {
	o := object{kind: "operator"}
	all := k.Registry.AllOperators()
	i := slices.IndexFunc(all, func(f *fn.Function) bool { return f.OID == oid })
	if i < 0 {
		return o
	}
	short, long := []string{"NONE"}, []string{"NONE"}
	for _, a := range all[i].Args {
		t := value.MustType(a)
		short, long = append(short, t.SQL), append(long, qualifiedType(t))
	}
	n := len(short) - 2
	o.schema = "pg_catalog"
	o.identity = "pg_catalog." + all[i].Name + "(" + strings.Join(long[n:], ",") + ")"
	o.text = "operator " + all[i].Name + "(" + strings.Join(short[n:], ",") + ")"
	return o
}

func (k *Catalog) constraintObject(s Session, oid value.OID) object {
	o := object{kind: "constraint"}
	if x := k.index(oid - constraintOffset); x != nil && x.Primary {
		o.kind = "table constraint"
		table := k.relationObject(s, x.table.OID, 0)
		o.schema = table.schema
		o.identity, o.text = fn.QuoteIdent(x.Name)+" on "+table.identity, "constraint "+x.Name+" on "+table.text
	}
	return o
}

func (k *Catalog) defaultObject(s Session, oid value.OID) object {
	o := object{kind: "default value"}
	for _, d := range k.defaults() {
		if d.oid == oid {
			column := k.relationObject(s, d.table.OID, d.num)
			o.identity, o.text = "for "+column.identity, "default value for "+column.text
		}
	}
	return o
}
