package storage

import (
	"strings"
	"time"
)

// A RoleKind says what a role is for. It has exactly one.
type RoleKind uint8

// The kinds of roles. Their numbers are stored.
const (
	Agency    RoleKind = iota // files, and reads its own
	Superuser                 // may do everything
	Auditor                   // reads everything and files nothing
	Operator                  // runs the server, and reads no leaves
	roleKinds                 // how many there are
)

// MaxVerifier is the longest SCRAM verifier in bytes.
const MaxVerifier = 255

// A Role is a name that may log in, unless NoLogin or Dropped. Roles are compared by ==.
type Role struct {
	Name    string
	Kind    RoleKind
	NoLogin bool
	// Dropped roles are gone for good: they do not log in, and their names and slots are not given again.
	Dropped bool
	// Number tells apart roles that had no slot when they were made: 1, 2, 3 …; 0 for those that had one.
	Number uint32
	// Connections is the most at a time, if Limited.
	Limited     bool
	Connections uint32
	// ValidUntil is when the role stops to log in, in UTC and whole microseconds; zero for never.
	ValidUntil time.Time
	// Verifier is what a password is checked with, in PostgreSQL's form SCRAM-SHA-256$…; "" for no password.
	Verifier string
	Limits   RoleLimits
}

// MayLogIn reports whether the role logs in at a time.
func (r *Role) MayLogIn(now time.Time) bool {
	return !r.Dropped && !r.NoLogin && (r.ValidUntil.IsZero() || now.Before(r.ValidUntil))
}

// RoleLimits bound what the sessions of a role take. Zero means that the role has no limit of its own.
type RoleLimits struct {
	StatementTimeout, IdleInTransaction, IdleSession uint32 // milliseconds
	Memory                                           uint32 // of a statement, KiB
}

// roleVersion is the format version of roles that version 1 cannot express.
const roleVersion = 2

// Flags of a role.
const (
	flagNoLogin = 1 << iota
	flagDropped
	flagLimited
	flagsEnd
)

// plain reports whether version 1 can express the role.
func (r *Role) plain() bool {
	return r.Kind <= Superuser && *r == Role{Name: r.Name, Kind: r.Kind}
}

func (r *Role) append(dst []byte) []byte {
	if r.plain() {
		return append(dst, version, byte(r.Kind))
	}
	flags := byte(0)
	if r.NoLogin {
		flags |= flagNoLogin
	}
	if r.Dropped {
		flags |= flagDropped
	}
	if r.Limited {
		flags |= flagLimited
	}
	dst = le.AppendUint32(append(dst, roleVersion, byte(r.Kind), flags), r.Number)
	dst = le.AppendUint32(dst, r.Connections)
	until := int64(0)
	if !r.ValidUntil.IsZero() {
		until = r.ValidUntil.UnixMicro()
	}
	dst = le.AppendUint64(dst, uint64(until))
	for _, n := range []uint32{r.Limits.StatementTimeout, r.Limits.IdleInTransaction, r.Limits.IdleSession, r.Limits.Memory} {
		dst = le.AppendUint32(dst, n)
	}
	return append(append(dst, byte(len(r.Verifier))), r.Verifier...)
}

func (r *Role) decode(c *cursor) error {
	if c.versions(roleVersion) != roleVersion {
		flags := c.u8("flags")
		if flags > 1 {
			c.fail("unknown flags %#x", flags)
		}
		r.Kind = RoleKind(flags)
		return c.end()
	}
	r.Kind = RoleKind(c.u8("kind"))
	flags := c.u8("flags")
	if r.Kind >= roleKinds || flags >= flagsEnd {
		c.fail("unknown kind %d or flags %#x", r.Kind, flags)
	}
	r.NoLogin, r.Dropped, r.Limited = flags&flagNoLogin != 0, flags&flagDropped != 0, flags&flagLimited != 0
	r.Number = c.u32("number")
	r.Connections = c.u32("connections")
	if until := int64(c.u64("valid until, µs")); until != 0 {
		r.ValidUntil = time.UnixMicro(until).UTC()
	}
	r.Limits.StatementTimeout = c.u32("statement timeout, ms")
	r.Limits.IdleInTransaction = c.u32("idle in transaction, ms")
	r.Limits.IdleSession = c.u32("idle session, ms")
	r.Limits.Memory = c.u32("memory, KiB")
	r.Verifier = c.secretText("verifier")
	if r.Connections > 0 && !r.Limited || r.plain() || strings.IndexByte(r.Verifier, 0) >= 0 {
		c.fail("role that would not be written so")
	}
	return c.end()
}

// secretText is text that is not told.
func (c *cursor) secretText(name string) string {
	field := c.field
	c.field = nil
	s := c.text(name)
	c.field = field
	if field != nil {
		c.tell(1+len(s), name, "(secret)")
	}
	return s
}

// fits reports whether the role can be stored as it is.
func (r *Role) fits() bool {
	again := Role{Name: r.Name}
	c := newCursor(r.append(nil))
	return name(r.Name) && len(r.Verifier) <= MaxVerifier && again.decode(&c) == nil && again == *r
}

func (e CreateRole) check(st *state) {
	_, ok := st.roles[e.Name]
	must(!ok && e.Role.fits(), "create role %q", e.Name)
}

func (e ChangeRole) check(st *state) {
	was, ok := st.roles[e.Name]
	must(ok && e.Role.fits(), "change role %q", e.Name)
	must(was.Number == e.Number && (e.Dropped || !was.Dropped), "change role %q: number %d, dropped %t", e.Name, e.Number, e.Dropped)
}

// advance is how CreateRole and ChangeRole, which embed the role, take effect.
func (r Role) advance(st *state) { st.roles[r.Name] = r }

// write writes the role as CreateRole and ChangeRole do.
func (r Role) write(w *writer) error {
	w.set(Key{Kind: KindRole, Name: r.Name}, &r)
	return nil
}
