package catalog

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// fixed makes the rows of the relations that are the same for all sessions.
var fixed = map[string]func(*Catalog, *Rows){
	"pg_catalog.pg_class":            (*Catalog).pgClass,
	"pg_catalog.pg_attribute":        (*Catalog).pgAttribute,
	"pg_catalog.pg_attrdef":          (*Catalog).pgAttrdef,
	"pg_catalog.pg_depend":           (*Catalog).pgDepend,
	"pg_catalog.pg_index":            (*Catalog).pgIndex,
	"pg_catalog.pg_constraint":       (*Catalog).pgConstraint,
	"pg_catalog.pg_namespace":        (*Catalog).pgNamespace,
	"pg_catalog.pg_database":         (*Catalog).pgDatabase,
	"pg_catalog.pg_tablespace":       (*Catalog).pgTablespace,
	"pg_catalog.pg_am":               (*Catalog).pgAm,
	"pg_catalog.pg_opclass":          (*Catalog).pgOpclass,
	"pg_catalog.pg_opfamily":         (*Catalog).pgOpfamily,
	"pg_catalog.pg_description":      (*Catalog).pgDescription,
	"pg_catalog.pg_tables":           (*Catalog).pgTables,
	"pg_catalog.pg_views":            (*Catalog).pgViews,
	"pg_catalog.pg_indexes":          (*Catalog).pgIndexes,
	"pg_catalog.pg_type":             (*Catalog).pgType,
	"pg_catalog.pg_proc":             (*Catalog).pgProc,
	"pg_catalog.pg_aggregate":        (*Catalog).pgAggregate,
	"pg_catalog.pg_operator":         (*Catalog).pgOperator,
	"pg_catalog.pg_cast":             (*Catalog).pgCast,
	"pg_catalog.pg_language":         (*Catalog).pgLanguage,
	"pg_catalog.pg_collation":        (*Catalog).pgCollation,
	"pg_catalog.pg_timezone_abbrevs": (*Catalog).pgTimezoneAbbrevs,

	"information_schema.information_schema_catalog_name": (*Catalog).infoCatalogName,
	"information_schema.schemata":                        (*Catalog).infoSchemata,
	"information_schema.tables":                          (*Catalog).infoTables,
	"information_schema.views":                           (*Catalog).infoViews,
	"information_schema.columns":                         (*Catalog).infoColumns,
	"information_schema.element_types":                   (*Catalog).infoElementTypes,
	"information_schema.table_constraints":               (*Catalog).infoConstraints,
	"information_schema.key_column_usage":                (*Catalog).infoKeyColumns,
	"information_schema.constraint_column_usage":         (*Catalog).infoConstraintColumns,
	"information_schema.constraint_table_usage":          (*Catalog).infoConstraintTables,
	"information_schema.routines":                        (*Catalog).infoRoutines,
	"information_schema.parameters":                      (*Catalog).infoParameters,
	"information_schema.character_sets":                  (*Catalog).infoCharacterSets,
	"information_schema.collations":                      (*Catalog).infoCollations,
	"information_schema.table_privileges":                func(k *Catalog, r *Rows) { k.infoTablePrivileges(r, true) },
	"information_schema.role_table_grants":               func(k *Catalog, r *Rows) { k.infoTablePrivileges(r, false) },
	"information_schema.column_privileges":               func(k *Catalog, r *Rows) { k.infoColumnPrivileges(r) },
	"information_schema.role_column_grants":              func(k *Catalog, r *Rows) { k.infoColumnPrivileges(r) },
}

// tableACL is what pg_class.relacl says: everybody may read what is not private, and insert where the table takes rows. The
// rows that a statement then sees are those of the session's agency.
func tableACL(t *Table) any {
	rights := ""
	if !t.Private {
		rights = "r"
	}
	if t.Insert {
		rights = "a" + rights
	}
	if rights == "" {
		return nil
	}
	return []string{Owner + "=arwdDxt/" + Owner, "=" + rights + "/" + Owner}
}

func (k *Catalog) pgClass(r *Rows) {
	for _, rel := range k.relations() {
		t, own := k.tables[rel.OID]
		f := row{
			"oid": rel.OID, "relname": rel.Name, "relnamespace": schemaOID(rel.Schema), "relowner": ownerOID, "relkind": rel.Kind,
			"relnatts": len(rel.Columns), "relpersistence": "p", "relreplident": "n", "relispopulated": true, "reltuples": -1.0,
			"relhasrules": rel.Kind == 'v', "reltype": rel.Row.OID,
		}
		if rel.Kind == 'r' {
			f["relam"], f["relfilenode"], f["relhasindex"] = heapOID, rel.OID, own && len(t.Indexes) > 0
			f["relfrozenxid"], f["relminmxid"] = 3, 1
		}
		if own {
			f["relacl"], f["relreplident"] = tableACL(t), "d"
		} else {
			f["relacl"] = []string{Owner + "=arwdDxt/" + Owner, "=r/" + Owner}
		}
		r.add(f)
	}
	for _, x := range k.indexes() {
		r.add(row{
			"oid": x.oid, "relname": x.Name, "relnamespace": publicOID, "relowner": ownerOID, "relkind": "i", "relam": btreeOID,
			"relfilenode": x.oid, "relnatts": 1, "relpersistence": "p", "relreplident": "n", "relispopulated": true, "reltuples": -1.0,
		})
	}
}

// systemColumns are the columns that every table has, with their attribute numbers.
var systemColumns = []struct {
	name string
	num  int
	typ  value.OID
}{{"tableoid", -6, value.OIDOID}, {"cmax", -5, value.CIDOID}, {"xmax", -4, value.XIDOID}, {"cmin", -3, value.CIDOID}, {"xmin", -2, value.XIDOID}, {"ctid", -1, 27}}

func (k *Catalog) pgAttribute(r *Rows) {
	attribute := func(rel value.OID, num int, c Column) {
		s := storageOf(c.Type)
		r.add(row{
			"attrelid": rel, "attname": c.Name, "atttypid": c.Type.OID, "attstattarget": -1, "attlen": c.Type.Len, "attnum": num,
			"attcacheoff": -1, "atttypmod": c.Typmod, "attbyval": s.byVal, "attalign": s.align, "attstorage": s.storage,
			"attcompression": "\x00", "attnotnull": c.NotNull, "atthasdef": c.Default != "", "attidentity": "\x00", "attgenerated": "\x00", "attislocal": true,
			"attcollation": s.collation, "attndims": int(value.BoolInt(c.Type.IsArray() && c.Type.OID > 30)),
		})
	}
	for _, rel := range k.relations() {
		for i, c := range rel.Columns {
			attribute(rel.OID, i+1, c)
		}
		if rel.Kind == 'r' {
			for _, c := range systemColumns {
				attribute(rel.OID, c.num, Column{Name: c.name, Type: value.MustType(c.typ), Typmod: -1, NotNull: true})
			}
		}
	}
	for _, x := range k.indexes() {
		attribute(x.oid, 1, Column{Name: x.Column, Type: x.table.Columns[x.column-1].Type, Typmod: -1})
	}
}

func (k *Catalog) pgIndex(r *Rows) {
	for _, x := range k.indexes() {
		t := x.table.Columns[x.column-1].Type
		r.add(row{
			"indexrelid": x.oid, "indrelid": x.table.OID, "indnatts": 1, "indnkeyatts": 1, "indisunique": x.Primary, "indisprimary": x.Primary,
			"indimmediate": true, "indisvalid": true, "indisready": true, "indislive": true, "indkey": []int{x.column},
			"indcollation": []value.OID{storageOf(t).collation}, "indclass": []value.OID{opclassOf(t).oid}, "indoption": []int{0},
		})
	}
}

// Constraints have the OID of their index and this much.
const constraintOffset value.OID = 2000

func (k *Catalog) pgConstraint(r *Rows) {
	for _, x := range k.indexes() {
		if x.Primary {
			r.add(row{
				"oid": x.oid + constraintOffset, "conname": x.Name, "connamespace": publicOID, "contype": "p", "convalidated": true,
				"conrelid": x.table.OID, "conindid": x.oid, "confupdtype": " ", "confdeltype": " ", "confmatchtype": " ",
				"conislocal": true, "connoinherit": true, "conkey": []int{x.column},
			})
		}
	}
}

func (k *Catalog) pgNamespace(r *Rows) {
	for _, s := range []struct {
		name string
		acl  any
	}{
		{"pg_toast", nil}, {"pg_catalog", []string{Owner + "=UC/" + Owner, "=U/" + Owner}},
		{"public", []string{Owner + "=UC/" + Owner, "=U/" + Owner}}, {"information_schema", []string{Owner + "=UC/" + Owner, "=U/" + Owner}},
	} {
		r.add(row{"oid": schemaOID(s.name), "nspname": s.name, "nspowner": ownerOID, "nspacl": s.acl})
	}
}

func (k *Catalog) pgDatabase(r *Rows) {
	r.add(row{
		"oid": databaseOID, "datname": k.Database, "datdba": ownerOID, "encoding": 6, "datlocprovider": "c", "datallowconn": true,
		"datconnlimit": -1, "datfrozenxid": 3, "datminmxid": 1, "dattablespace": pgDefaultOID, "datcollate": "C", "datctype": "C.UTF-8",
	})
}

func (k *Catalog) pgTablespace(r *Rows) {
	r.add(row{"oid": pgDefaultOID, "spcname": "pg_default", "spcowner": ownerOID})
	r.add(row{"oid": pgGlobalOID, "spcname": "pg_global", "spcowner": ownerOID})
}

func (k *Catalog) pgAm(r *Rows) {
	for _, m := range []struct {
		oid     value.OID
		name    string
		handler string
		kind    string
	}{{heapOID, "heap", "heap_tableam_handler", "t"}, {btreeOID, "btree", "bthandler", "i"}} {
		r.add(row{"oid": m.oid, "amname": m.name, "amhandler": k.procOID(m.handler), "amtype": m.kind})
	}
}

// An opclass is the default way in which a B-tree orders a type.
type opclass struct {
	oid, family value.OID
	name        string
	typ         value.OID
}

// opclasses are those of the types of indexed columns; their OIDs are those of PostgreSQL 15.
var opclasses = []opclass{
	{10006, 428, "bytea_ops", value.ByteaOID}, {3124, 1976, "int8_ops", value.Int8OID}, {1978, 1976, "int4_ops", value.Int4OID},
	{3126, 1994, "text_ops", value.TextOID}, {3127, 434, "timestamptz_ops", value.TimestamptzOID},
}

func opclassOf(t *value.Type) opclass {
	i := slices.IndexFunc(opclasses, func(c opclass) bool { return c.typ == t.OID })
	if i < 0 {
		panic("catalog: no operator class for " + t.Name)
	}
	return opclasses[i]
}

func (k *Catalog) pgOpclass(r *Rows) {
	for _, c := range opclasses {
		r.add(row{"oid": c.oid, "opcmethod": btreeOID, "opcname": c.name, "opcnamespace": catalogOID, "opcowner": ownerOID,
			"opcfamily": c.family, "opcintype": c.typ, "opcdefault": true})
	}
}

func (k *Catalog) pgOpfamily(r *Rows) {
	for _, f := range []struct {
		oid  value.OID
		name string
	}{{428, "bytea_ops"}, {1976, "integer_ops"}, {1994, "text_ops"}, {434, "datetime_ops"}} {
		r.add(row{"oid": f.oid, "opfmethod": btreeOID, "opfname": f.name, "opfnamespace": catalogOID, "opfowner": ownerOID})
	}
}

// comment returns the comment on an object, or on a column of a relation, nil if there is none.
func (k *Catalog) comment(class, oid value.OID, column int) any {
	d := k.made["pg_catalog.pg_description"]()
	for i := range d.N {
		if value.OID(d.Cols[0].Ints[i]) == oid && value.OID(d.Cols[1].Ints[i]) == class && int(d.Cols[2].Ints[i]) == column {
			return string(d.Cols[3].Bytes[i])
		}
	}
	return nil
}

func (k *Catalog) pgDescription(r *Rows) {
	describe := func(class, oid value.OID, column int, text string) {
		if text != "" {
			r.add(row{"objoid": oid, "classoid": class, "objsubid": column, "description": text})
		}
	}
	describe(namespaceOID, publicOID, 0, "standard public schema")
	describe(namespaceOID, catalogOID, 0, "system catalog schema")
	for i := range k.Tables {
		t := &k.Tables[i]
		describe(classOID, t.OID, 0, t.Comment)
		for j, c := range t.Columns {
			describe(classOID, t.OID, j+1, t.Comments[c.Name])
		}
	}
}

func (k *Catalog) pgTables(r *Rows) {
	for _, rel := range k.relations() {
		if rel.Kind == 'r' {
			t := k.tables[rel.OID]
			r.add(row{"schemaname": rel.Schema, "tablename": rel.Name, "tableowner": Owner, "hasindexes": t != nil && len(t.Indexes) > 0,
				"hasrules": false, "hastriggers": false, "rowsecurity": false})
		}
	}
}

func (k *Catalog) pgViews(r *Rows) {
	for _, rel := range k.relations() {
		if rel.Kind == 'v' {
			v := row{"schemaname": rel.Schema, "viewname": rel.Name, "viewowner": Owner}
			if t := k.tables[rel.OID]; t != nil {
				v["definition"] = t.Definition
			}
			r.add(v)
		}
	}
}

func (k *Catalog) pgIndexes(r *Rows) {
	for _, x := range k.indexes() {
		r.add(row{"schemaname": "public", "tablename": x.table.Name, "indexname": x.Name, "indexdef": x.def()})
	}
}
