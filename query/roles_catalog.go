package query

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// knownRoles are the roles that the session may know, its own first: an agency knows itself alone.
func (s *Session) knownRoles() []Role {
	roles := []Role{s.role}
	if own, ok := s.engine.Ledger.Role(s.role.Name); ok {
		roles[0] = own
	}
	if s.role.Kind == Agency {
		return roles
	}
	return append(roles, slices.DeleteFunc(s.engine.Ledger.Roles(), func(r Role) bool { return r.Dropped || r.Name == s.role.Name })...)
}

func newRoleTable(oid value.OID) Table {
	t := &listTable{def: TableDef{OID: oid, Schema: "public", Name: "roles", Ledger: true, Columns: []ColumnDef{
		{Name: "role", Type: value.Text, NotNull: true},
		{Name: "superuser", Type: value.Bool, NotNull: true},
		{Name: "ksi", Type: value.Bool, NotNull: true},
		{Name: "kind", Type: value.Text, NotNull: true},
		{Name: "login", Type: value.Bool, NotNull: true},
		{Name: "password", Type: value.Bool, NotNull: true},
		{Name: "valid_until", Type: value.Timestamptz},
	}}}
	t.rows = func(s *Session, _ []bool) (rows [][]value.Datum, err error) {
		roles := s.knownRoles()
		slices.SortFunc(roles, func(a, b Role) int { return strings.Compare(a.Name, b.Name) })
		for _, r := range roles {
			until := value.Null(value.Timestamptz)
			if !r.ValidUntil.IsZero() {
				until = timestamp(r.ValidUntil)
			}
			rows = append(rows, []value.Datum{value.NewText(r.Name), value.NewBool(r.Kind == Superuser), value.NewBool(r.KSI),
				value.NewText(r.Kind.String()), value.NewBool(!r.NoLogin), value.NewBool(r.Verifier != ""), until})
		}
		return rows, nil
	}
	return t
}

// SessionRoles implements catalog.Session.
func (s *Session) SessionRoles() []catalog.Role {
	slots := map[string]uint32{}
	for _, slot := range s.engine.Ledger.Slots() {
		if slot.Lane == LaneMain {
			slots[slot.Agency] = slot.ID
		}
	}
	roles := s.knownRoles()
	list := make([]catalog.Role, len(roles))
	for i, r := range roles {
		c := catalog.Role{OID: catalog.FirstRoleOID + slots[r.Name], Name: r.Name, Superuser: r.Kind == Superuser, Login: !r.NoLogin,
			CreateRole: r.Kind.administers(), Files: r.Kind.Files(), ReadsFilings: r.Kind.readsFilings(), Password: r.Verifier != "",
			Connections: -1, ValidUntil: value.Null(value.Timestamptz)}
		if r.Number > 0 {
			c.OID = catalog.FirstNumberedOID + r.Number
		}
		if r.Kind != Superuser {
			c.Group = r.Kind.String()
		}
		if r.Limited {
			c.Connections = int(r.Connections)
		}
		if !r.ValidUntil.IsZero() {
			c.ValidUntil = timestamp(r.ValidUntil)
		}
		for _, key := range limitedSettings {
			if n := *r.Limits.of(key); n > 0 {
				c.Settings = append(c.Settings, key+"="+settingByName[key].show(itoa(int(n))))
			}
		}
		list[i] = c
	}
	return list
}

// LoginRules implements catalog.Session: the rules of logins are for those who run the server.
func (s *Session) LoginRules() (list []catalog.LoginRule) {
	if s.engine.Access == nil || !s.role.Kind.administers() {
		return nil
	}
	for _, r := range s.engine.Access.Rules() {
		list = append(list, catalog.LoginRule(r))
	}
	return list
}

// roleFunctions are functions around roles and logins. Their object ids are fixed: clients keep them.
func (e *Engine) roleFunctions() []*fn.Function {
	lane := rowFunc(func(env *fn.Env, args []value.Datum) (value.Datum, error) {
		if args[0].Null {
			return value.Datum{}, errf(value.CodeNullNotAllowed, "the name of a lane must not be null")
		}
		s, name := env.Session.(*Session), string(args[0].B)
		if err := checkLane(name); err != nil {
			return value.Datum{}, err
		}
		slot, err := e.Ledger.CreateLane(s.noting(env.Ctx, EventLane, name, ""), s.role.Name, name)
		return value.NewInt(value.Int4, int64(slot)), err
	})
	reload := rowFunc(func(env *fn.Env, _ []value.Datum) (value.Datum, error) {
		if e.Access == nil {
			return value.NewBool(false), nil
		}
		err, detail := e.Access.Reload(), ""
		if err != nil {
			detail = err.Error()
		}
		env.Session.(*Session).event(EventReload, "", detail)
		if err != nil {
			return value.Datum{}, &Error{Code: codeConfigFile, Message: "the configuration has errors: what was in force before stays so", Detail: detail}
		}
		return value.NewBool(true), nil
	})
	return append(signalFunctions(),
		command(16540, "create_lane", value.Int4OID, RoleKind.Files, lane, value.TextOID),
		command(2621, "pg_reload_conf", value.BoolOID, RoleKind.administers, reload),
	)
}
