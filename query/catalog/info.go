package catalog

import (
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// A merge returns a with the values of more.
func (a row) merge(more row) row {
	for name, v := range more {
		a[name] = v
	}
	return a
}

// place names an object in three columns, "table_catalog", "table_schema", "table_name".
func (k *Catalog) place(what, schema, name string) row {
	return row{what + "_catalog": k.Database, what + "_schema": schema, what + "_name": name}
}

func (k *Catalog) infoCatalogName(r *Rows) { r.add(row{"catalog_name": k.Database}) }

func (k *Catalog) infoSchemata(r *Rows) {
	for _, name := range []string{"pg_toast", "pg_catalog", "public", "information_schema"} {
		r.add(row{"catalog_name": k.Database, "schema_name": name, "schema_owner": Owner})
	}
}

func (k *Catalog) infoTables(r *Rows) {
	for _, rel := range k.relations() {
		kind := "BASE TABLE"
		if rel.Kind == 'v' {
			kind = "VIEW"
		}
		t := k.tables[rel.OID]
		r.add(k.place("table", rel.Schema, rel.Name).merge(row{"table_type": kind, "is_insertable_into": yes(t != nil && t.Insert), "is_typed": "NO"}))
	}
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func (k *Catalog) infoViews(r *Rows) {
	for _, rel := range k.relations() {
		if rel.Kind == 'v' {
			v := k.place("table", rel.Schema, rel.Name).merge(row{"check_option": "NONE", "is_updatable": "NO", "is_insertable_into": "NO",
				"is_trigger_updatable": "NO", "is_trigger_deletable": "NO", "is_trigger_insertable_into": "NO"})
			if t := k.tables[rel.OID]; t != nil {
				v["view_definition"] = t.Definition
			}
			r.add(v)
		}
	}
}

func (k *Catalog) infoColumns(r *Rows) {
	for _, rel := range k.relations() {
		t := k.tables[rel.OID]
		for i, c := range rel.Columns {
			v := k.place("table", rel.Schema, rel.Name).merge(k.place("udt", "pg_catalog", c.Type.Name)).merge(limits(c.Type, c.Typmod))
			if c.Default != "" {
				v = v.merge(row{"column_default": c.Default})
			}
			r.add(v.merge(row{
				"column_name": c.Name, "ordinal_position": i + 1, "is_nullable": yes(!c.NotNull), "data_type": dataType(c.Type),
				"dtd_identifier": strconv.Itoa(i + 1), "is_self_referencing": "NO", "is_identity": "NO", "identity_cycle": "NO",
				"is_generated": "NEVER", "is_updatable": yes(t != nil && t.Insert),
			}))
		}
	}
}

// infoElementTypes tells the types of the elements of columns that are arrays.
func (k *Catalog) infoElementTypes(r *Rows) {
	for _, rel := range k.relations() {
		for i, c := range rel.Columns {
			if c.Type.IsArray() {
				id, elem := strconv.Itoa(i+1), value.MustType(c.Type.Elem)
				r.add(k.place("object", rel.Schema, rel.Name).merge(k.place("udt", "pg_catalog", elem.Name)).merge(row{
					"object_type": "TABLE", "collection_type_identifier": id, "data_type": dataType(elem), "dtd_identifier": "a" + id,
				}))
			}
		}
	}
}

// dataType is what information_schema calls a type.
func dataType(t *value.Type) string {
	if t.IsArray() {
		return "ARRAY"
	}
	return t.SQL
}

// limits are the sizes of a type as information_schema shows them.
func limits(t *value.Type, typmod int32) row {
	switch t {
	case value.Varchar, value.Bpchar:
		if typmod < 0 {
			return row{"character_octet_length": 1 << 30}
		}
		return row{"character_maximum_length": typmod - 4, "character_octet_length": 4 * (typmod - 4)}
	case value.Text:
		return row{"character_octet_length": 1 << 30}
	case value.Int2, value.Int4, value.Int8:
		return row{"numeric_precision": 8 * int(t.Len), "numeric_precision_radix": 2, "numeric_scale": 0}
	case value.Float4:
		return row{"numeric_precision": 24, "numeric_precision_radix": 2}
	case value.Float8:
		return row{"numeric_precision": 53, "numeric_precision_radix": 2}
	case value.NumericT:
		return row{"numeric_precision_radix": 10}
	case value.Date:
		return row{"datetime_precision": 0}
	case value.Time, value.Timestamp, value.Timestamptz, value.IntervalT:
		if typmod >= 0 {
			return row{"datetime_precision": typmod}
		}
		return row{"datetime_precision": 6}
	}
	return row{}
}

// keys calls f for each primary key.
func (k *Catalog) keys(f func(x index, key, table row)) {
	for _, x := range k.indexes() {
		if x.Primary {
			f(x, k.place("constraint", "public", x.Name), k.place("table", "public", x.table.Name))
		}
	}
}

func (k *Catalog) infoConstraints(r *Rows) {
	k.keys(func(_ index, key, table row) {
		r.add(key.merge(table).merge(row{"constraint_type": "PRIMARY KEY", "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES"}))
	})
	for i := range k.Tables {
		t := &k.Tables[i]
		for n, c := range t.Columns {
			if c.NotNull {
				name := strconv.Itoa(int(publicOID)) + "_" + strconv.Itoa(int(t.OID)) + "_" + strconv.Itoa(n+1) + "_not_null"
				r.add(k.place("constraint", "public", name).merge(k.place("table", "public", t.Name)).
					merge(row{"constraint_type": "CHECK", "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES"}))
			}
		}
	}
}

func (k *Catalog) infoKeyColumns(r *Rows) {
	k.keys(func(x index, key, table row) {
		r.add(key.merge(table).merge(row{"column_name": x.Column, "ordinal_position": 1}))
	})
}

func (k *Catalog) infoConstraintColumns(r *Rows) {
	k.keys(func(x index, key, table row) { r.add(key.merge(table).merge(row{"column_name": x.Column})) })
}

func (k *Catalog) infoConstraintTables(r *Rows) {
	k.keys(func(_ index, key, table row) { r.add(key.merge(table)) })
}

// specific names a function for certain.
func specific(p *proc) string { return p.p.name + "_" + strconv.Itoa(int(p.oid)) }

func (k *Catalog) infoRoutines(r *Rows) {
	_, list := k.procs()
	for _, f := range list {
		var kind any = "FUNCTION"
		if f.p.kind != 'f' {
			kind = nil
		}
		ret := value.ByOID(f.p.ret)
		if ret == nil {
			continue // a type that no column or expression here has
		}
		v := k.place("specific", f.schema, specific(f)).merge(k.place("routine", f.schema, f.p.name))
		r.add(v.merge(row{
			"routine_type": kind, "data_type": dataType(ret), "type_udt_catalog": k.Database, "type_udt_schema": "pg_catalog",
			"type_udt_name": ret.Name, "dtd_identifier": "0", "routine_body": "EXTERNAL", "external_language": strings.ToUpper(f.p.language),
			"parameter_style": "GENERAL", "is_deterministic": yes(f.p.volatility == 'i'), "sql_data_access": "MODIFIES",
			"is_null_call": yes(f.p.words.bool(2)), "schema_level_routine": "YES", "max_dynamic_result_sets": 0,
			"security_type": "INVOKER", "as_locator": "NO", "is_udt_dependent": "NO",
		}))
	}
}

// parameters calls f for each argument and result column of a function.
func (p *procedure) parameters(f func(i int, mode byte, name string, t value.OID)) {
	types := p.allArgs
	if types == nil {
		types = p.args
	}
	for i, t := range types {
		mode, name := byte('i'), ""
		if i < len(p.modes) {
			mode = p.modes[i]
		}
		if i < len(p.names) {
			name = p.names[i]
		}
		f(i, mode, name, t)
	}
}

func (k *Catalog) infoParameters(r *Rows) {
	_, list := k.procs()
	for _, p := range list {
		p.p.parameters(func(i int, mode byte, name string, oid value.OID) {
			t := value.ByOID(oid)
			if t == nil || mode == 't' {
				return
			}
			v := k.place("specific", p.schema, specific(p)).merge(k.place("udt", "pg_catalog", t.Name))
			v.merge(row{"ordinal_position": i + 1, "parameter_mode": map[byte]string{'i': "IN", 'v': "IN", 'o': "OUT", 'b': "INOUT"}[mode],
				"is_result": "NO", "as_locator": "NO", "data_type": dataType(t), "dtd_identifier": strconv.Itoa(i + 1)})
			if name != "" {
				v["parameter_name"] = name
			}
			r.add(v)
		})
	}
}

func (k *Catalog) infoCharacterSets(r *Rows) {
	r.add(k.place("default_collate", "pg_catalog", "C").merge(row{"character_set_name": "UTF8", "character_repertoire": "UCS", "form_of_use": "UTF8"}))
}

func (k *Catalog) infoCollations(r *Rows) {
	for _, c := range collations {
		r.add(k.place("collation", "pg_catalog", c.name).merge(row{"pad_attribute": "NO PAD"}))
	}
}

// grants calls f for each right on a table of ours: those of its owner, and those of everybody.
func (k *Catalog) grants(f func(t *Table, grantee, right string)) {
	for i := range k.Tables {
		t := &k.Tables[i]
		f(t, Owner, "SELECT")
		if t.Insert {
			f(t, Owner, "INSERT")
			f(t, "PUBLIC", "INSERT")
		}
		if !t.Private {
			f(t, "PUBLIC", "SELECT")
		}
	}
}

// infoTablePrivileges leaves out, unless everybody is true, what is granted to everybody.
func (k *Catalog) infoTablePrivileges(r *Rows, everybody bool) {
	k.grants(func(t *Table, grantee, right string) {
		if everybody || grantee != "PUBLIC" {
			r.add(k.place("table", "public", t.Name).merge(row{"grantor": Owner, "grantee": grantee, "privilege_type": right,
				"is_grantable": yes(grantee == Owner), "with_hierarchy": yes(right == "SELECT")}))
		}
	})
}

func (k *Catalog) infoColumnPrivileges(r *Rows) {
	k.grants(func(t *Table, grantee, right string) {
		for _, c := range t.Columns {
			if grantee != "PUBLIC" || r.rel.Name == "column_privileges" {
				r.add(k.place("table", "public", t.Name).merge(row{"grantor": Owner, "grantee": grantee, "column_name": c.Name,
					"privilege_type": right, "is_grantable": yes(grantee == Owner)}))
			}
		}
	})
}
