package catalog

import "github.com/jurat-ledger/jurat/query/value"

// allRoles are the roles that a session may know, the group roles, and the owner of the tables.
func allRoles(s Session) []Role {
	list := s.SessionRoles()
	for _, g := range groups {
		g.Connections, g.ValidUntil = -1, value.Null(value.Timestamptz)
		list = append(list, g)
	}
	return append(list, Role{OID: ownerOID, Name: Owner, Connections: -1, ValidUntil: value.Null(value.Timestamptz)})
}

// rolesOf fills pg_roles and pg_authid. What is secret is never shown.
func (k *Catalog) rolesOf(s Session, r *Rows, prefix string, masked bool) {
	for _, u := range allRoles(s) {
		v := row{"oid": u.OID, prefix + "name": u.Name, prefix + "super": u.Superuser, prefix + "inherit": true, prefix + "createrole": u.CreateRole,
			prefix + "createdb": false, prefix + "canlogin": u.Login, prefix + "replication": false, prefix + "connlimit": u.Connections,
			prefix + "bypassrls": u.Superuser, prefix + "validuntil": u.ValidUntil}
		if masked || u.Password {
			v[prefix+"password"] = "********"
		}
		if masked && u.Settings != nil {
			v[prefix+"config"] = u.Settings
		}
		r.add(v)
	}
}

func (k *Catalog) pgUser(s Session, r *Rows) {
	for _, u := range s.SessionRoles() {
		if !u.Login {
			continue
		}
		v := row{"usename": u.Name, "usesysid": u.OID, "usecreatedb": false, "usesuper": u.Superuser, "userepl": false, "usebypassrls": u.Superuser,
			"valuntil": u.ValidUntil}
		if r.rel.Name == "pg_user" || u.Password {
			v["passwd"] = "********"
		}
		if u.Settings != nil {
			v["useconfig"] = u.Settings
		}
		r.add(v)
	}
}

// members returns the roles of a group that a session may know.
func members(s Session, group string) (list []value.OID) {
	list = []value.OID{}
	for _, u := range s.SessionRoles() {
		if u.Group == group {
			list = append(list, u.OID)
		}
	}
	return list
}

func (k *Catalog) pgGroup(s Session, r *Rows) {
	for _, g := range groups {
		r.add(row{"groname": g.Name, "grosysid": g.OID, "grolist": members(s, g.Name)})
	}
	r.add(row{"groname": Owner, "grosysid": ownerOID, "grolist": []value.OID{}})
}

func (k *Catalog) pgAuthMembers(s Session, r *Rows) {
	for _, g := range groups {
		for _, m := range members(s, g.Name) {
			r.add(row{"roleid": g.OID, "member": m, "grantor": ownerOID, "admin_option": false})
		}
	}
}

func (k *Catalog) pgDbRoleSetting(s Session, r *Rows) {
	for _, u := range s.SessionRoles() {
		if u.Settings != nil {
			r.add(row{"setdatabase": 0, "setrole": u.OID, "setconfig": u.Settings})
		}
	}
}

func (k *Catalog) pgHBAFileRules(s Session, r *Rows) {
	for _, l := range s.LoginRules() {
		v := row{"type": l.Type, "database": l.Databases, "user_name": l.Users, "auth_method": l.Method}
		if l.Line > 0 {
			v["line_number"] = l.Line
		}
		if l.Address != "" {
			v["address"] = l.Address
		}
		if l.Mask != "" {
			v["netmask"] = l.Mask
		}
		if l.Options != nil {
			v["options"] = l.Options
		}
		r.add(v)
	}
}

func (k *Catalog) pgStatSSL(s Session, r *Rows) {
	for _, a := range s.Sessions() {
		v := row{"pid": a.PID, "ssl": a.TLS != nil}
		if t := a.TLS; t != nil {
			v["version"], v["cipher"], v["bits"] = t.Version, t.Cipher, t.Bits
			if t.Subject != "" {
				v["client_dn"], v["issuer_dn"] = t.Subject, t.Issuer
				if d, err := value.ParseText(value.DefaultSettings(), value.MustType(value.NumericOID), -1, []byte(t.Serial)); err == nil {
					v["client_serial"] = d
				}
			}
		}
		r.add(v)
	}
}
