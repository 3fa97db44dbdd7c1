package catalog

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// privileges are the functions that tell what a role may do. Nobody, superusers among them, can change what is filed.
func privileges() (list []*fn.Function) {
	tables := func(name, known string) {
		list = append(list, eachOr(name, "bool stable", func(s Session, args []value.Datum) (value.Datum, error) {
			role, rest, err := split(s, args, 1)
			if err != nil {
				return null, err
			}
			return mayTable(s, role, rest[0], nil, known, rest[1].B)
		}, subjects("text", "oid")...)...)
	}
	tables("has_table_privilege", tableRights)
	tables("has_any_column_privilege", columnRights)
	list = append(list, eachOr("has_column_privilege", "bool stable", columnPrivilege, subjects("text,text", "text,int2", "oid,text", "oid,int2")...)...)
	for _, o := range securables {
		list = append(list, eachOr("has_"+strings.NewReplacer("-", "_", " ", "_").Replace(o.what)+"_privilege", "bool stable", o.privilege, subjects("text", "oid")...)...)
	}
	return append(list, eachOr("pg_has_role", "bool stable", hasRole, "name,text", "oid,text", "name,name,text", "name,oid,text", "oid,name,text", "oid,oid,text")...)
}

// subjects are the argument lists of a privilege function over objects: of the current role, and of a role by name or OID.
func subjects(objects ...string) (list []string) {
	for _, o := range objects {
		list = append(list, o+",text", "name,"+o+",text", "oid,"+o+",text")
	}
	return list
}

// split returns the role that a call of a privilege function with n arguments for the object is about, and the rest of the
// arguments. A role that the session does not know is none by its OID and an error by its name.
func split(s Session, args []value.Datum, n int) (*Role, []value.Datum, error) {
	if len(args) == n+1 {
		return &s.SessionRoles()[0], args, nil
	}
	role, err := namedRole(s, args[0])
	return role, args[1:], err
}

func namedRole(s Session, d value.Datum) (*Role, error) {
	role := findRole(s, d)
	if role == nil && d.Type.Kind == value.Bytes {
		return nil, value.Errorf(value.CodeUndefinedObject, "role \"%s\" does not exist", d.B)
	}
	return role, nil
}

// findRole finds a role by name or OID among those that the session knows.
func findRole(s Session, d value.Datum) *Role {
	for _, r := range allRoles(s) {
		if d.Type.Kind == value.Int64 && value.OID(d.I) == r.OID || d.Type.Kind == value.Bytes && string(d.B) == r.Name {
			return &r
		}
	}
	return nil
}

// anyRight calls may for each right of a list, "SELECT, INSERT WITH GRANT OPTION", and returns whether one is given. known are those that
// there are, with commas between.
func anyRight(list []byte, known string, may func(right string) bool) (value.Datum, error) {
	given := false
	for _, written := range strings.Split(string(list), ",") {
		written = strings.TrimSpace(written)
		right, grant := strings.CutSuffix(strings.ToUpper(written), " WITH GRANT OPTION")
		if !slices.Contains(strings.Split(known, ","), right) {
			return null, value.Errorf(value.CodeInvalidParameter, "unrecognized privilege type: \"%s\"", written)
		}
		given = given || !grant && may(right)
	}
	return value.NewBool(given), nil
}

func columnPrivilege(s Session, args []value.Datum) (value.Datum, error) {
	role, rest, err := split(s, args, 2)
	if err != nil {
		return null, err
	}
	return mayTable(s, role, rest[0], &rest[1], columnRights, rest[2].B)
}

// Rights over tables, and those of them that a column can have.
const (
	columnRights = "SELECT,INSERT,UPDATE,REFERENCES"
	tableRights  = columnRights + ",DELETE,TRUNCATE,TRIGGER"
)

// mayTable tells whether a role has one of a list of rights over a table, or over a column of it unless that is nil. What does not exist is
// null by its number and an error by its name.
func mayTable(s Session, role *Role, table value.Datum, column *value.Datum, known string, list []byte) (value.Datum, error) {
	k := s.Catalog()
	var rel *Relation
	if table.Type.Kind == value.Int64 {
		rel = k.byOID[value.OID(table.I)]
	} else {
		if rel = k.Find(s, string(table.B)); rel == nil {
			return null, value.Errorf("42P01", "relation \"%s\" does not exist", table.B)
		}
	}
	if rel == nil || role == nil {
		return null, nil
	}
	if column != nil {
		if ok, err := rel.has(column); !ok {
			return null, err
		}
	}
	t := k.tables[rel.OID]
	return anyRight(list, known, func(right string) bool {
		switch right {
		case "SELECT":
			return t == nil || (!t.Private || role.CreateRole) && (!t.Filings || role.ReadsFilings)
		case "INSERT":
			return t != nil && t.Insert && role.Files
		}
		return false
	})
}

// has reports whether there is a column of a name or number. One of another name is an error.
func (r *Relation) has(column *value.Datum) (bool, error) {
	if column.Type.Kind == value.Int64 {
		return column.I >= 1 && column.I <= int64(len(r.Columns)), nil
	}
	if !slices.ContainsFunc(r.Columns, func(c Column) bool { return c.Name == string(column.B) }) {
		return false, value.Errorf("42703", "column \"%s\" of relation \"%s\" does not exist", column.B, r.Name)
	}
	return true, nil
}

// Find returns the relation that a text such as "schema.name" means to a session, nil if there is none.
func (k *Catalog) Find(s Session, text string) *Relation {
	schema, name, ok := k.splitName(text)
	if !ok {
		return nil
	}
	if schema != "" {
		return k.Relation(schema, name)
	}
	for _, schema := range s.SearchPath(true) {
		if r := k.Relation(schema, name); r != nil {
			return r
		}
	}
	return nil
}

// A securable is a kind of object besides tables that has privileges.
type securable struct {
	what   string
	rights string // that there are, with commas between
	find   func(k *Catalog, s Session, name string) (value.OID, error)
	known  func(k *Catalog, oid value.OID) bool
}

var securables = []securable{
	among("database", "3D000", "CREATE,TEMPORARY,TEMP,CONNECT", func(k *Catalog) map[string]value.OID { return map[string]value.OID{k.Database: databaseOID} }),
	among("schema", "3F000", "CREATE,USAGE", func(*Catalog) map[string]value.OID { return schemas }),
	among("language", value.CodeUndefinedObject, "USAGE", func(*Catalog) map[string]value.OID {
		oids := make(map[string]value.OID)
		for name, l := range languages {
			oids[name] = l.oid
		}
		return oids
	}),
	among("tablespace", value.CodeUndefinedObject, "CREATE", func(*Catalog) map[string]value.OID {
		return map[string]value.OID{"pg_default": pgDefaultOID, "pg_global": pgGlobalOID}
	}),
	among("foreign-data wrapper", value.CodeUndefinedObject, "USAGE", func(*Catalog) map[string]value.OID { return nil }),
	among("server", value.CodeUndefinedObject, "USAGE", func(*Catalog) map[string]value.OID { return nil }),
	{"function", "EXECUTE", func(k *Catalog, s Session, name string) (value.OID, error) { return k.regprocedure(name) },
		func(k *Catalog, oid value.OID) bool { return k.proc(oid) != nil }},
	{"type", "USAGE", func(_ *Catalog, _ Session, name string) (value.OID, error) {
		t, err := value.ParseTypeName(name)
		if err != nil {
			return 0, err
		}
		return t.OID, nil
	}, func(_ *Catalog, oid value.OID) bool { return value.ByOID(oid) != nil }},
	{"sequence", "USAGE,SELECT,UPDATE", func(k *Catalog, s Session, name string) (value.OID, error) {
		oid, err := k.RegOID(s, value.RegclassOID, name)
		if err == nil {
			err = value.Errorf("42809", "\"%s\" is not a sequence", name)
		}
		return oid, err
	}, func(*Catalog, value.OID) bool { return false }},
}

// among is a kind of which there are few; code is that of the error for the name of another.
func among(what, code, rights string, oids func(k *Catalog) map[string]value.OID) securable {
	return securable{what, rights, func(k *Catalog, _ Session, name string) (value.OID, error) {
		oid, ok := oids(k)[name]
		if !ok {
			return 0, value.Errorf(code, "%s \"%s\" does not exist", what, name)
		}
		return oid, nil
	}, func(k *Catalog, oid value.OID) bool {
		for _, o := range oids(k) {
			if o == oid {
				return true
			}
		}
		return false
	}}
}

// privilege tells what a role may do with an object that is no table: use it and connect, but not make anything. What does not exist is null
// by its OID and an error by its name.
func (o *securable) privilege(s Session, args []value.Datum) (value.Datum, error) {
	role, rest, err := split(s, args, 1)
	if err != nil {
		return null, err
	}
	k, object := s.Catalog(), rest[0]
	if object.Type.Kind == value.Int64 {
		if !o.known(k, value.OID(object.I)) {
			return null, nil
		}
	} else if _, err := o.find(k, s, string(object.B)); err != nil {
		return null, err
	}
	if role == nil {
		return null, nil
	}
	return anyRight(rest[1].B, o.rights, func(right string) bool { return right == "USAGE" || right == "CONNECT" || right == "EXECUTE" })
}

// hasRole tells whether a role is another one or in it.
func hasRole(s Session, args []value.Datum) (value.Datum, error) {
	role, rest, err := split(s, args, 1)
	if role == nil {
		return null, err
	}
	other, err := namedRole(s, rest[0])
	if other == nil {
		return null, err
	}
	return anyRight(rest[1].B, "USAGE,MEMBER,USAGE WITH ADMIN OPTION,MEMBER WITH ADMIN OPTION", func(right string) bool {
		return role.Superuser || !strings.HasSuffix(right, "OPTION") && (role.OID == other.OID || role.Group == other.Name)
	})
}

// splitName reads a name as SQL writes it, perhaps with a schema, and with the name of the database before that.
func (k *Catalog) splitName(text string) (schema, name string, ok bool) {
	var parts []string
	rest := strings.TrimSpace(text)
	for rest != "" {
		var part string
		if rest[0] == '"' {
			end := 1
			for end < len(rest) && (rest[end] != '"' || end+1 < len(rest) && rest[end+1] == '"') {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return "", "", false
			}
			part, rest = strings.ReplaceAll(rest[1:end], `""`, `"`), rest[end+1:]
		} else {
			end := strings.IndexByte(rest, '.')
			if end < 0 {
				end = len(rest)
			}
			part, rest = strings.ToLower(strings.TrimSpace(rest[:end])), rest[end:]
			if part == "" || strings.ContainsAny(part, " \t\n\"") {
				return "", "", false
			}
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return "", "", false
		}
		rest = rest[1:]
	}
	switch len(parts) {
	case 1:
		return "", parts[0], true
	case 2:
		return parts[0], parts[1], true
	case 3:
		return parts[1], parts[2], parts[0] == k.Database
	}
	return "", "", false
}

// RegName writes an object of one of the reg* types but regtype.
func (k *Catalog) RegName(s Session, t, oid value.OID) (string, bool) {
	within := func(schema, name string) string {
		for _, first := range s.SearchPath(true) {
			if first == schema {
				return fn.QuoteIdent(name)
			}
		}
		return fn.QuoteIdent(schema) + "." + fn.QuoteIdent(name)
	}
	switch t {
	case value.RegclassOID:
		if schema, name := k.relationName(oid); name != "" {
			return within(schema, name), true
		}
	case value.RegnamespaceOID:
		return fn.QuoteIdent(schemaName(oid)), schemaName(oid) != ""
	case value.RegroleOID:
		name := roleName(s, oid)
		return fn.QuoteIdent(name), !strings.HasPrefix(name, "unknown (")
	case value.RegprocOID, value.RegprocedureOID:
		if p := k.proc(oid); p != nil {
			name := within(p.schema, p.p.name)
			if t == value.RegprocedureOID {
				list := make([]string, len(p.p.args))
				for i, a := range p.p.args {
					list[i] = typeName(a)
				}
				name += "(" + strings.Join(list, ",") + ")"
			}
			return name, true
		}
	case value.RegoperOID, value.RegoperatorOID:
		for _, o := range k.Registry.AllOperators() {
			if o.OID == oid {
				return o.Name, true
			}
		}
	case value.RegcollationOID:
		for _, c := range collations {
			if c.oid == oid {
				return fn.QuoteIdent(c.name), true
			}
		}
	}
	return "", false
}

// RegOID finds an object of one of the reg* types but regtype. The error is a *value.Error.
func (k *Catalog) RegOID(s Session, t value.OID, text string) (value.OID, error) {
	schema, name, ok := k.splitName(text)
	if !ok {
		return 0, value.Errorf("42602", "invalid name syntax")
	}
	missing := func(code, what string) error {
		return value.Errorf(code, "%s \"%s\" does not exist", what, strings.TrimPrefix(schema+"."+name, "."))
	}
	switch t {
	case value.RegclassOID:
		if r := k.Find(s, text); r != nil {
			return r.OID, nil
		}
		for _, x := range k.indexes() {
			if x.Name == name && (schema == "public" || schema == "") {
				return x.oid, nil
			}
		}
		return 0, missing("42P01", "relation")
	case value.RegnamespaceOID:
		if oid := schemaOID(name); oid != 0 {
			return oid, nil
		}
		return 0, missing("3F000", "schema")
	case value.RegroleOID:
		if r := findRole(s, value.NewText(name)); r != nil {
			return r.OID, nil
		}
		return 0, missing(value.CodeUndefinedObject, "role")
	case value.RegprocOID:
		return k.regproc(schema, name, text)
	case value.RegprocedureOID:
		return k.regprocedure(text)
	case value.RegcollationOID:
		for _, c := range collations {
			if c.name == name {
				return c.oid, nil
			}
		}
		return 0, missing(value.CodeUndefinedObject, "collation")
	}
	return 0, value.Errorf(value.CodeUnsupported, "%s names are not supported", typeName(t))
}

// regproc finds a function that has no overloads.
func (k *Catalog) regproc(schema, name, text string) (value.OID, error) {
	var found []value.OID
	_, list := k.procs()
	for _, p := range list {
		if p.p.name == name && (schema == "" || schema == p.schema) {
			found = append(found, p.oid)
		}
	}
	switch len(found) {
	case 0:
		return 0, value.Errorf(value.CodeUndefinedFunction, "function \"%s\" does not exist", text)
	case 1:
		return found[0], nil
	}
	return 0, value.Errorf(value.CodeAmbiguousFunction, "more than one function named \"%s\"", text)
}

// regprocedure finds a function by its name and the types of its arguments.
func (k *Catalog) regprocedure(text string) (value.OID, error) {
	head, tail, ok := strings.Cut(text, "(")
	list, end := strings.CutSuffix(strings.TrimSpace(tail), ")")
	schema, name, valid := k.splitName(head)
	if !ok || !end || !valid {
		return 0, value.Errorf("22P02", "expected a left parenthesis")
	}
	want := name
	if strings.TrimSpace(list) == "" {
		want += "()"
	} else {
		var oids []value.OID
		for _, a := range strings.Split(list, ",") {
			t, err := value.ParseTypeName(a)
			if err != nil {
				return 0, err
			}
			oids = append(oids, t.OID)
		}
		want = signature(name, oids)
	}
	_, procs := k.procs()
	for _, p := range procs {
		if signature(p.p.name, p.p.args) == want && (schema == "" || schema == p.schema) {
			return p.oid, nil
		}
	}
	return 0, value.Errorf(value.CodeUndefinedFunction, "function \"%s\" does not exist", text)
}
