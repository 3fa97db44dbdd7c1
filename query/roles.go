package query

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// A RoleKind says what a role is for. It has exactly one.
type RoleKind uint8

// The kinds of roles. All but superusers are members of the group role that is called as their kind.
const (
	Agency    RoleKind = iota // files, and reads its own filings and proofs
	Superuser                 // does everything
	Auditor                   // reads everything, the filings of all agencies among it, and files nothing
	Operator                  // runs the server and makes agencies and operators; does not read filings
)

var kindNames = [...]string{Agency: "agency", Superuser: "superuser", Auditor: "auditor", Operator: "operator"}

// reservedNames are no names of roles, as in PostgreSQL, beside those that begin with pg_: statements mean something else by them.
var reservedNames = []string{"public", "none", "current_user", "session_user", "current_role", "user"}

// String returns the name of the group role; superusers have none, but are called so.
func (k RoleKind) String() string { return kindNames[k] }

// groupKind finds the kind of a group role.
func groupKind(name string) (RoleKind, bool) {
	i := slices.Index(kindNames[:], name)
	return RoleKind(i), i >= 0 && RoleKind(i) != Superuser
}

// Files reports whether roles of the kind file digests.
func (k RoleKind) Files() bool { return k == Agency || k == Superuser }

// readsFilings reports whether roles of the kind read hashes and proofs.
func (k RoleKind) readsFilings() bool { return k != Operator }

// administers reports whether roles of the kind run the server.
func (k RoleKind) administers() bool { return k == Superuser || k == Operator }

// makes reports whether roles of the kind make, change and drop roles of another kind. Whoever could make itself what it is
// not would be it.
func (k RoleKind) makes(other RoleKind) bool {
	return k == Superuser || k == Operator && (other == Agency || other == Operator)
}

// A Role is a name that logs in, unless NoLogin or Dropped.
type Role struct {
	Name        string
	Kind        RoleKind
	NoLogin     bool
	Dropped     bool // for good: its name, its filings and its proofs stay
	Number      uint32
	Limited     bool
	Connections uint32    // at most, if Limited
	ValidUntil  time.Time // zero for ever
	Verifier    string    // of the password, "" for none
	Limits      RoleLimits
	KSI         bool // has a key for the KSI gateway
}

// RoleLimits bound what the sessions of a role take; 0 for no bound of its own.
type RoleLimits struct {
	StatementTimeout, IdleInTransaction, IdleSession uint32 // ms
	Memory                                           uint32 // of a statement, kB
}

// changing is a statement that changes roles.
func (a *analyzer) changing(stmt parse.Stmt, command string, f func(ctx context.Context, r *run) error) *compiled {
	shown, _ := parse.WithoutPassword(stmt, stmt.String())
	return do(func(ctx context.Context, r *run) (string, error) {
		if err := r.mayWrite(command); err != nil {
			return "", err
		}
		if r.tx.state == txBlock {
			return "", errf(codeActiveTransaction, "%s cannot run inside a transaction block", command)
		}
		if err := f(r.noting(ctx, EventRole, "", shown), r); err != nil {
			return "", err
		}
		r.engine.roles.Add(1)
		r.engine.endChanged(r.Session)
		r.event(EventRole, "", shown)
		return command, nil
	})
}

// A RoleChange is what becomes of one role.
type RoleChange struct {
	Name  string
	Event Event // of the journal
	// Make returns what the role is from then on, or why it stays. filed is in how many rounds the role has filed. It may call the
	// ledger's methods that only read.
	Make func(was Role, filed uint64) (Role, error)
}

// roleValues are what the options of CREATE ROLE and ALTER ROLE come to.
type roleValues struct {
	login, superuser, password, until, limited bool // given
	Role                                            // the values of what is given
	kinds                                      []RoleKind
}

// roleOptions analyzes the options of CREATE ROLE and ALTER ROLE.
func (a *analyzer) roleOptions(options []parse.Option) (*roleValues, error) {
	c := &roleValues{}
	given := map[string]bool{}
	for _, o := range options {
		if given[o.Name] {
			return nil, a.fail(errf(codeSyntax, "conflicting or redundant options"), o)
		}
		given[o.Name] = true
		l, _ := o.Value.(*parse.Literal)
		on := l != nil && l.Kind == parse.Bool && l.Text == "true"
		switch o.Name {
		case "login":
			c.login, c.NoLogin = true, !on
		case "superuser":
			if c.superuser = true; on {
				c.Kind = Superuser
			}
		case "password":
			if c.password = true; l.Kind != parse.Null {
				c.Verifier = l.Text
			}
		case "connection_limit":
			n := atoi(o.Value.String())
			if n < -1 || n > math.MaxInt32 {
				return nil, a.fail(errf(codeInvalidParameter, "invalid connection limit: %d", n), o)
			}
			c.limited, c.Limited, c.Connections = true, n >= 0, uint32(max(n, 0))
		case "valid_until":
			d, err := value.ParseText(a.session.valueSettings(), value.Timestamptz, -1, []byte(l.Text))
			if err != nil {
				return nil, a.fail(err, o)
			}
			if c.until = true; d.I != value.Infinity {
				c.ValidUntil = value.ToTime(max(d.I, value.FromTime(time.UnixMicro(1))))
			}
		case "in_role":
			for _, name := range o.List {
				kind, ok := groupKind(name)
				if !ok {
					return nil, a.fail(notGroup(name), o)
				}
				c.kinds = append(c.kinds, kind)
			}
		default:
			if o.Name != "inherit" && (o.Name == "role" || o.Name == "admin" || o.Name == "sysid" || on) {
				return nil, a.unsupported(o, "the role option "+strings.ToUpper(o.Name)+" is")
			}
		}
	}
	if len(c.kinds) > 1 || len(c.kinds) == 1 && c.Kind == Superuser {
		return nil, errf(codeInvalidParameter, "a role has exactly one kind").
			hint("It is a superuser, or in one of the roles agency, auditor and operator.")
	}
	if len(c.kinds) == 1 {
		c.Kind = c.kinds[0]
	}
	return c, nil
}

func notGroup(name string) *Error {
	return errf(codeUnsupported, "role %q has no members", name).
		hint("The roles that others are in say what those are for: agency, auditor and operator.")
}

// apply returns r with what the options give.
func (c *roleValues) apply(r Role) Role {
	if c.login {
		r.NoLogin = c.NoLogin
	}
	if c.password {
		r.Verifier = c.Verifier
	}
	if c.limited {
		r.Limited, r.Connections = c.Limited, c.Connections
	}
	if c.until {
		r.ValidUntil = c.ValidUntil
	}
	switch {
	case c.Kind == Superuser || len(c.kinds) > 0:
		r.Kind = c.Kind
	case c.superuser && r.Kind == Superuser:
		r.Kind = Agency
	}
	return r
}

// onlyPassword reports whether nothing but a password is given: what every role may give itself.
func (c *roleValues) onlyPassword() bool {
	return c.password && !c.login && !c.superuser && !c.until && !c.limited && c.kinds == nil
}

// hashPassword replaces a password by its verifier.
func (r *run) hashPassword(c *roleValues) (err error) {
	if !c.password {
		return nil
	}
	if r.engine.Access == nil {
		return errf(codeUnsupported, "this server keeps no passwords")
	}
	if given := c.Verifier; given != "" {
		c.Verifier, err = r.engine.Access.Verifier(given)
		return err
	}
	return nil
}

// createRole analyzes CREATE ROLE and CREATE USER.
func (a *analyzer) createRole(t *parse.CreateRole) (*compiled, error) {
	c, err := a.roleOptions(t.Options)
	if err != nil {
		return nil, err
	}
	role := c.apply(Role{Name: t.Name, NoLogin: t.Kind != "USER"})
	return a.changing(t, "CREATE ROLE", func(ctx context.Context, r *run) error {
		switch {
		case !r.role.Kind.administers():
			return errf(codeNoPrivilege, "permission denied to create role").hint("Only a superuser or an operator makes roles.")
		case !r.role.Kind.makes(role.Kind):
			return errf(codeNoPrivilege, "permission denied to create role").hint("Only a superuser makes superusers and auditors.")
		case !ValidRoleName(t.Name):
			return errf(codeInvalidName, "role name %q is not valid", t.Name).
				hint("The name stands in every proof of the agency. It has 1 to 63 bytes of a-z, 0-9, _, - and dot.")
		case slices.Contains(kindNames[:], t.Name) || slices.Contains(reservedNames, t.Name) || strings.HasPrefix(t.Name, "pg_"):
			return errf(codeInvalidName, "role name %q is reserved", t.Name)
		}
		if was, ok := r.engine.Ledger.Role(t.Name); ok && was.Dropped {
			return errf(codeDuplicateObject, "role name %q was in use", t.Name).
				hint("The name of a role that was dropped is not given again: proofs name their agency by it. Choose another name.")
		} else if ok {
			return errf(codeDuplicateObject, "role %q already exists", t.Name)
		}
		if err := r.hashPassword(c); err != nil {
			return err
		}
		role.Verifier = c.Verifier
		if err := r.reachable(Role{}, map[string]Role{"": role}); err != nil {
			return err
		}
		return r.engine.Ledger.CreateRole(about(ctx, role.Name), role)
	}), nil
}

// roleName returns the name that a role of a statement has.
func (s *Session) roleName(name string) string {
	switch name {
	case "current_user", "session_user", "current_role":
		return s.role.Name
	}
	return name
}

// mayChange returns an error unless the session may change a role. own says that the role is the session's and changes what every
// role may change of itself.
func (r *run) mayChange(name string, own bool) error {
	if !own && !r.role.Kind.administers() {
		return errf(codeNoPrivilege, "permission denied").hint("Only a superuser or an operator changes roles.")
	}
	if _, ok := groupKind(name); ok {
		return errf(codeNoPrivilege, "role %q cannot be changed", name).on(name).hint("It stands for a kind of roles.")
	}
	was, ok := r.engine.Ledger.Role(name)
	if !ok || was.Dropped {
		return errf(codeUndefinedObject, "role %q does not exist", name)
	}
	return r.mayChangeKind(was, own)
}

func (r *run) mayChangeKind(was Role, own bool) error {
	if !own && !r.role.Kind.makes(was.Kind) {
		return errf(codeNoPrivilege, "permission denied").hint("Only a superuser changes superusers and auditors.")
	}
	return nil
}

// changeRole changes a role that the session may change. self says that every role may do this to itself.
func (r *run) changeRole(ctx context.Context, name string, self bool, change func(was Role, filed uint64) (Role, error)) error {
	e, _ := EventOf(ctx)
	return r.changeRoles(ctx, []string{name}, self, func(string) string { return e.Detail }, change)
}

// changeRoles changes roles that the session may change, all or none. detail is what the line of one in the journal says: it names no
// other.
func (r *run) changeRoles(ctx context.Context, names []string, self bool, detail func(name string) string, change func(was Role, filed uint64) (Role, error)) error {
	var changes []RoleChange
	made := map[string]Role{}
	for _, given := range names {
		name := r.roleName(given)
		if slices.ContainsFunc(changes, func(c RoleChange) bool { return c.Name == name }) {
			continue
		}
		own := name == r.role.Name && self
		if err := r.mayChange(name, own); err != nil {
			return err
		}
		e, _ := EventOf(ctx)
		e.Object, e.Detail = name, detail(given)
		changes = append(changes, RoleChange{Name: name, Event: e, Make: func(was Role, filed uint64) (Role, error) {
			now, err := r.changed(was, filed, own, change)
			if err == nil {
				made[name] = now
				err = r.reachable(was, made)
			}
			return now, err
		}})
	}
	return r.engine.Ledger.ChangeRoles(ctx, changes)
}

// changed is what change makes of a role, if the session may do that.
func (r *run) changed(was Role, filed uint64, own bool, change func(was Role, filed uint64) (Role, error)) (Role, error) {
	if was.Dropped {
		return was, errf(codeUndefinedObject, "role %q does not exist", was.Name)
	}
	if err := r.mayChangeKind(was, own); err != nil {
		return was, err
	}
	now, err := change(was, filed)
	if err == nil && now.Kind != was.Kind {
		err = r.mayBecome(was, now.Kind, filed)
	}
	return now, err
}

// mayBecome decides whether a role may be for something else from now on.
func (r *run) mayBecome(was Role, kind RoleKind, filed uint64) error {
	switch {
	case !r.role.Kind.makes(kind):
		return errf(codeNoPrivilege, "permission denied").hint("Only a superuser makes superusers and auditors.")
	case was.Name == r.role.Name && r.role.Kind != Superuser:
		return errf(codeNoPrivilege, "permission denied").hint("A role does not change what it is for itself.")
	case filed > 0 && (was.Kind == Agency || !kind.Files()):
		return errf(codeNotInState, "role %q has filed in %d rounds, so it stays an agency", was.Name, filed).
			hint("Its name stands in proofs as that of an agency. Make another role: CREATE ROLE … LOGIN IN ROLE %s.", kind)
	}
	return nil
}

// reachable refuses what would be made of a role, and of others with it, if nobody could log in as a superuser any more because of it,
// now or when times run out.
func (r *run) reachable(was Role, made map[string]Role) error {
	now := made[was.Name]
	if was.Kind != Superuser && (now.Verifier == "" || now.Verifier == was.Verifier) {
		return nil
	}
	roles := r.engine.Ledger.Roles()
	for i := range roles {
		if m, ok := made[roles[i].Name]; ok {
			roles[i] = m
		}
	}
	if was.Name == "" {
		roles = append(roles, now)
	}
	superuser, lasting, password, both := false, false, false, false
	for _, o := range roles {
		may := o.Kind == Superuser && o.mayLogIn(r.engine.Clock())
		superuser, lasting = superuser || may, lasting || may && o.ValidUntil.IsZero()
		password, both = password || o.Verifier != "" && !o.Dropped, both || may && o.Verifier != ""
	}
	switch {
	case was.Kind != Superuser:
	case !superuser:
		return errf(codeNotInState, "role %q is the last superuser that may log in", now.Name).hint("Make another superuser first.")
	case !lasting && was.ValidUntil.IsZero() && was.mayLogIn(r.engine.Clock()):
		return errf(codeNotInState, "role %q is the last superuser that may log in for ever", now.Name).
			hint("When its time has run out, nobody could give it more. Make another superuser first.")
	}
	if password && !both && r.engine.Access != nil && r.engine.Access.Defaults() {
		return errf(codeNotInState, "no superuser would have a password, so none could log in any more").
			hint("As soon as one role has a password, all need one. Give a superuser one first (ALTER ROLE … PASSWORD, or psql's \\password), or write rules for logins into hba.conf.")
	}
	return nil
}

// alterRole analyzes ALTER ROLE with options.
func (a *analyzer) alterRole(t *parse.AlterRole) (*compiled, error) {
	c, err := a.roleOptions(t.Options)
	if err != nil {
		return nil, err
	}
	if c.kinds != nil {
		return nil, a.fail(errf(codeSyntax, "ALTER ROLE takes no IN ROLE").hint("GRANT agency, auditor or operator TO the role."), t)
	}
	return a.changing(t, "ALTER ROLE", func(ctx context.Context, r *run) error {
		if err := r.hashPassword(c); err != nil {
			return err
		}
		err := r.changeRole(ctx, t.Name, c.onlyPassword(), func(was Role, _ uint64) (Role, error) { return c.apply(was), nil })
		if err == nil && c.password && c.Verifier == "" {
			r.notice("NOTICE", codeSuccess, "role %q has no password now", r.roleName(t.Name))
		}
		return err
	}), nil
}

// alterRoleSet analyzes ALTER ROLE … SET and RESET of the settings that limit a role.
func (a *analyzer) alterRoleSet(t *parse.AlterRoleSet) (*compiled, error) {
	if t.Name == "" || t.Database != "" {
		return nil, a.fail(errf(codeUnsupported, "settings of all roles, or of a role in one database, are not supported").
			hint("Name one role. There is one database."), t)
	}
	keys, limit := []string{}, uint32(0)
	switch {
	case t.Reset != nil && t.Reset.Name == "all":
		keys = limitedSettings
	case t.Reset != nil:
		keys = append(keys, strings.ToLower(t.Reset.Name))
	default:
		keys = append(keys, strings.ToLower(t.Set.Name))
	}
	for _, key := range keys {
		if new(RoleLimits).of(key) == nil {
			return nil, a.fail(errf(codeUnsupported, "parameter %q is not one of those that limit a role", key).
				hint("These are %s.", strings.Join(limitedSettings, ", ")), t)
		}
	}
	if t.Set != nil && !t.Set.Default {
		text, err := a.setText(t.Set, keys[0])
		if err == nil {
			text, err = settingByName[keys[0]].check(text)
		}
		if err != nil {
			return nil, a.fail(err, t)
		}
		limit = uint32(atoi(text))
	}
	return a.changing(t, "ALTER ROLE", func(ctx context.Context, r *run) error {
		return r.changeRole(ctx, t.Name, false, func(was Role, _ uint64) (Role, error) {
			for _, key := range keys {
				*was.Limits.of(key) = limit
			}
			return was, nil
		})
	}), nil
}

// dropRole analyzes DROP ROLE.
func (a *analyzer) dropRole(t *parse.DropRole) (*compiled, error) {
	return a.changing(t, "DROP ROLE", func(ctx context.Context, r *run) error {
		if !r.role.Kind.administers() {
			return errf(codeNoPrivilege, "permission denied to drop role").hint("Only a superuser or an operator drops roles.")
		}
		var names []string
		for _, name := range t.Names {
			name = r.roleName(name)
			if was, ok := r.engine.Ledger.Role(name); t.IfExists && (!ok || was.Dropped) {
				r.notice("NOTICE", codeSuccess, "role %q does not exist, skipping", name)
				continue
			}
			if name == r.role.Name {
				return errf(codeObjectInUse, "current user cannot be dropped")
			}
			names = append(names, name)
		}
		var kept []string
		err := r.changeRoles(ctx, names, false, func(name string) string {
			one := *t
			one.Names = []string{name}
			return one.String()
		}, func(was Role, filed uint64) (Role, error) {
			if filed > 0 {
				kept = append(kept, was.Name)
			}
			was.Dropped, was.NoLogin, was.Verifier = true, true, ""
			return was, nil
		})
		if err != nil {
			return err
		}
		for _, name := range kept {
			r.notice("NOTICE", codeSuccess, "role %q does not log in again; its filings and its proofs stay, and its name is not given again", name)
		}
		return nil
	}), nil
}

// grantRole analyzes GRANT and REVOKE of a kind.
func (a *analyzer) grantRole(t *parse.GrantRole) (*compiled, error) {
	if len(t.Roles) > 1 {
		return nil, a.fail(errf(codeInvalidParameter, "a role has exactly one kind").hint("Grant one of agency, auditor and operator."), t)
	}
	kind, ok := groupKind(t.Roles[0])
	if !ok {
		return nil, a.fail(notGroup(t.Roles[0]), t)
	}
	command := "GRANT ROLE"
	if t.Revoke {
		command = "REVOKE ROLE"
	}
	return a.changing(t, command, func(ctx context.Context, r *run) error {
		return r.changeRoles(ctx, t.To, false, func(name string) string {
			one := *t
			one.To = []string{name}
			return one.String()
		}, func(was Role, _ uint64) (Role, error) {
			switch {
			case t.Revoke && was.Kind != kind:
				r.notice("WARNING", codeSuccess, "role %q is not a member of role %q", was.Name, kind)
				return was, nil
			case t.Revoke && kind == Agency:
				return was, errf(codeInvalidParameter, "a role has exactly one kind").
					hint("GRANT auditor or operator TO %s in its place, or ALTER ROLE %s NOLOGIN.", fn.QuoteIdent(was.Name), fn.QuoteIdent(was.Name))
			case t.Revoke:
				was.Kind = Agency
			default:
				was.Kind = kind
			}
			return was, nil
		})
	}), nil
}

// ValidRoleName reports whether name may be that of a role: 1 to 63 lower-case letters, digits and _ - .
func ValidRoleName(name string) bool {
	return len(name) > 0 && len(name) <= 63 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	})
}
