package query

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/internal/largepage"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// Login says who opens a session.
type Login struct {
	User     string
	Database string
	Settings map[string]string // of the start-up packet
	PID      int32             // number of the connection, as pg_backend_pid() shows it
	Wake     func()            // called, from any goroutine, when Notifications has something for an idle session; may be nil
	// Cancel ends the statement that runs, if one does, and Terminate the connection as well; neither waits. Sessions call those of
	// others, from any goroutine. They may be nil.
	Cancel, Terminate func()
	From              string // where the client comes from, as the journal has it: its address, or that it is on a Unix socket
	Remote            string // address of the client, "" if it has none
	Port              int
	Local             string // address at which the client reached the server, "" if it has none
	LocalPort         int
	TLS               *TLS // nil without encryption
}

// A Session is the state of one connection: settings, transaction, prepared statements and portals. Its methods must not
// be called at the same time. Their errors are *Error.
type Session struct {
	engine     *Engine
	role       Role
	login      Login
	closed     chan struct{} // closed when the session is
	settings   settings
	values     *value.Settings // made of settings; nil after a change
	sent       map[string]string
	told       uint64 // version of the settings that sent shows
	derived    derived
	path       searchPath // of the setting it was last made of
	notices    []*Error
	tx         transaction
	counted    counted
	statements map[string]*prepared
	portals    map[string]*Portal // but for the unnamed one
	unnamed    *Portal            // nil if there is none
	spare      *Portal            // memory for the unnamed one
	params     Params             // of the unnamed one
	cursors    int                // declared so far
	inbox      inbox
	channels   []string // that it listens on, in order of LISTEN
	random     fn.Random

	since     time.Time // when it was opened
	until     time.Time // when the role's time runs out, as last seen
	rolesSeen uint64    // version of the roles at which the session's was looked at last
	maxMemory int64     // bytes of one statement
	running   string    // what the client sent that runs or ran last, until Sync
	reading   reading   // constants of the statement that is analyzed
	grants    []*grant  // of the engine's memory for queries
	kept      grant     // of it, for statements that are not running

	share  leafShare         // of the engine's memory for digests
	chunks []largepage.Block // behind its parts, like smallChunks

	smallChunks []*smallChunk
}

// MaintenanceDatabase is the one that tools open first, to ask which there are.
const MaintenanceDatabase = "postgres"

// LoginDatabase returns the database that a client is let into which asks for one by name: that of the ledger also for postgres.
func (e *Engine) LoginDatabase(name string) string {
	if name == MaintenanceDatabase {
		return e.Database
	}
	return name
}

// Open opens a session.
func (e *Engine) Open(l Login) (*Session, error) {
	if e.LoginDatabase(l.Database) != e.Database {
		return nil, errf(codeUndefinedDatabase, "database %q does not exist", l.Database).hint("The database of this server is %q.", e.Database)
	}
	version := e.roles.Load()
	role, ok := e.Ledger.Role(l.User)
	if !ok {
		return nil, errf(codeInvalidAuthorization, "role %q does not exist", l.User).
			hint("A superuser makes it with CREATE ROLE %s LOGIN.", fn.QuoteIdent(l.User))
	}
	s := &Session{
		engine: e, role: role, login: l, statements: map[string]*prepared{}, portals: map[string]*Portal{}, since: e.Clock(),
		rolesSeen: version, until: role.ValidUntil, closed: make(chan struct{}),
	}
	s.reading.session = s
	s.kept.enough.Store(ungranted)
	s.inbox.role, s.inbox.room, s.inbox.wake = role.Name, s.engine.boards.room(role.Name), l.Wake
	s.settings.base = map[string]string{
		"server_version": e.serverVersion(), "session_authorization": role.Name, "is_superuser": onOff(role.Kind == Superuser),
		"jurat.server_name": e.ServerName, "ssl": onOff(e.SSL),
	}
	s.roleSettings()
	for name, v := range l.Settings {
		if err := s.startup(name, v); err != nil {
			return nil, err
		}
	}
	if err := e.admit(s); err != nil {
		return nil, err
	}
	return s, nil
}

// serverVersion is what the setting server_version says.
func (e *Engine) serverVersion() string {
	if e.Config.Version == "" {
		return serverVersion + " (Jurat)"
	}
	return serverVersion + " (Jurat " + e.Config.Version + ")"
}

// startup applies a setting of the start-up packet. "options" holds further ones as a command line.
func (s *Session) startup(name, v string) error {
	if name == "options" {
		for _, o := range startupOptions(v) {
			key, val, ok := strings.Cut(o, "=")
			if !ok {
				return errf(codeSyntax, "invalid command-line argument for server process: %s", o)
			}
			if err := s.startup(strings.ReplaceAll(key, "-", "_"), val); err != nil {
				return err
			}
		}
		return nil
	}
	key := strings.ToLower(name)
	if key == "client_encoding" {
		v = s.startupEncoding(v)
	}
	canonical, _, err := checkSetting(name, v)
	if err != nil {
		return err
	}
	s.settings.base[key] = s.capped(key, canonical)
	return nil
}

// startupOptions splits "-c a=b --c=d" into settings. A backslash takes the meaning from a space.
func startupOptions(text string) (list []string) {
	var words []string
	var word strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
		case text[i] == ' ':
			words = append(words, word.String())
			word.Reset()
		default:
			word.WriteByte(text[i])
		}
	}
	for _, w := range append(words, word.String()) {
		w = strings.TrimPrefix(strings.TrimPrefix(w, "-c"), "--")
		if w != "" {
			list = append(list, w)
		}
	}
	return list
}

// Changed returns the reported settings that changed since the last call, all of them on the first.
func (s *Session) Changed() []Setting {
	var list []Setting
	first := s.sent == nil
	if first {
		s.sent = map[string]string{}
	} else if s.told == s.settings.version {
		return nil
	}
	s.told = s.settings.version
	for i := range settingsTable {
		d := &settingsTable[i]
		if !d.report {
			continue
		}
		v, _ := s.settings.get(strings.ToLower(d.name))
		if first || s.sent[d.name] != v {
			s.sent[d.name] = v
			list = append(list, Setting{Name: d.name, Value: v})
		}
	}
	return list
}

// Notices returns and forgets what is to be told to the client.
func (s *Session) Notices() []*Error {
	list := s.notices
	s.notices = nil
	return list
}

// notice tells the client something, unless client_min_messages says that it does not want to hear.
func (s *Session) notice(severity, code, format string, args ...any) {
	level, _ := s.settings.get("client_min_messages")
	if level == "error" || severity == "NOTICE" && level == "warning" {
		return
	}
	e := errf(code, format, args...)
	e.Severity = severity
	s.notices = append(s.notices, e)
}

// visibleAgency is the agency whose filings, or numbers of filings, the session may see, "" for those of all.
func (s *Session) visibleAgency() string {
	if s.role.Kind != Agency {
		return ""
	}
	return s.role.Name
}

// Values returns what text input and output depend on. The caller must not change it, and use it no longer than its transaction.
func (s *Session) Values() *value.Settings { return s.valueSettings() }

func (s *Session) valueSettings() *value.Settings {
	if s.values != nil {
		if s.tx.state != txIdle {
			s.values.Now = value.FromTime(s.tx.start)
		}
		return s.values
	}
	get := func(key string) string {
		v, _ := s.settings.get(key)
		return v
	}
	v := value.DefaultSettings()
	if zone := loadZone(get("timezone")); zone != nil {
		v.Zone = zone
	}
	v.ByteaEscape = get("bytea_output") == "escape"
	v.MonthFirst = !strings.HasSuffix(get("datestyle"), "DMY")
	v.IntervalStyle = value.IntervalStyle(slices.Index(value.IntervalStyles, get("intervalstyle")))
	fmt.Sscanf(get("extra_float_digits"), "%d", &v.ExtraFloatDigits)
	v.Now = value.FromTime(s.tx.start)
	v.Names, v.Budget = s, &s.reading
	s.values = v
	return v
}

// put changes a setting whose value is checked.
func (s *Session) put(key, v string, local bool) {
	s.settings.put(key, v, local)
	s.values = nil
}

// Close ends the session. What was not committed is not filed.
func (s *Session) Close() {
	s.engine.open.remove(s)
	close(s.closed)
	s.counted.tell(&s.engine.meters)
	s.end()
	s.closeCursors(func(*cursor) bool { return true })
	s.engine.queries.lower(&s.kept, 0)
	s.deafen()
	s.inbox.take()
}

// guard runs f, turns a panic into an error and, after an error, fails the transaction.
func (s *Session) guard(sql string, f func() error) (err error) {
	defer func() {
		s.reading.end()
		if r := recover(); r != nil {
			s.engine.Logger.Error("statement panicked", "panic", r, "stack", string(debug.Stack()), "statement", loggable(sql))
			err = errf(codeInternal, "internal error: %v", r)
		}
		if err != nil {
			e := asError(err)
			if e.Code == codeNoPrivilege {
				s.event(EventDenied, e.object, e.Message)
			}
			err = s.afterFiling(e)
			s.failed()
		}
	}()
	return f()
}

// execution starts the execution of a statement.
func (s *Session) execution(ctx context.Context, params []value.Datum) *execution {
	x := &execution{statementRun: &statementRun{session: s, params: params, limit: s.maxMemory, grant: newGrant(), asOf: s.snapshot()}}
	x.env = s.env(ctx)
	x.values = *x.env.Settings
	x.values.Budget, x.env.Settings = x.statementRun, &x.values
	return x
}

// env is what functions of a statement that starts now find around them.
func (s *Session) env(ctx context.Context) fn.Env {
	return fn.Env{Ctx: ctx, Settings: s.valueSettings(), Statement: value.FromTime(s.engine.Clock()), Clock: s.engine.Clock, Session: s}
}

// The methods by which functions ask about the session.

// CurrentUser implements fn.Session.
func (s *Session) CurrentUser() string { return s.role.Name }

// SessionUser implements fn.Session.
func (s *Session) SessionUser() string { return s.role.Name }

// Database implements fn.Session.
func (s *Session) Database() string { return s.engine.Database }

// SearchPath implements fn.Session.
func (s *Session) SearchPath(implicit bool) []string { return slices.Clone(s.searchPath(implicit)) }

// A searchPath is the schemas that a setting of search_path has searched, pg_catalog in front.
type searchPath struct {
	setting string
	path    []string
}

// searchPath is SearchPath, but the list is to be read alone.
func (s *Session) searchPath(implicit bool) []string {
	text, _ := s.settings.get("search_path")
	if implicit && s.path.path != nil && s.path.setting == text {
		return s.path.path
	}
	var path []string
	for _, name := range strings.Split(text, ",") {
		name = strings.Trim(strings.TrimSpace(name), `"`)
		if name == "public" || name == "pg_catalog" || name == "information_schema" {
			path = append(path, name)
		}
	}
	if implicit && !slices.Contains(path, "pg_catalog") {
		path = append([]string{"pg_catalog"}, path...)
	}
	if implicit {
		s.path = searchPath{text, path}
	}
	return path
}

// BackendPID implements fn.Session.
func (s *Session) BackendPID() int32 { return s.login.PID }

// Random implements fn.Session.
func (s *Session) Random() *fn.Random { return &s.random }

// Version implements fn.Session.
func (s *Session) Version() string { return "PostgreSQL " + s.engine.serverVersion() }

// ClientAddr implements fn.Session.
func (s *Session) ClientAddr() (string, int) { return s.login.Remote, s.login.Port }

// ServerAddr implements fn.Session.
func (s *Session) ServerAddr() (string, int) { return s.login.Local, s.login.LocalPort }

// Setting implements fn.Session.
func (s *Session) Setting(name string) (string, error) {
	key := strings.ToLower(name)
	v, ok := s.settings.get(key)
	if !ok {
		return "", &value.Error{Code: codeUndefinedObject, Message: unknownSetting(name).Message}
	}
	if d := settingByName[key]; d != nil {
		v = d.show(v)
	}
	return v, nil
}

// DefaultSetting implements fn.Session.
func (s *Session) DefaultSetting(name string) string {
	key := strings.ToLower(name)
	if isRole(key) {
		return "none"
	}
	if v, ok := s.settings.base[key]; ok || settingByName[key] == nil {
		return v
	}
	return settingByName[key].boot
}

// SetSetting implements fn.Session.
func (s *Session) SetSetting(name, text string, local bool) (string, error) {
	key := strings.ToLower(name)
	if isRole(key) {
		return text, s.mayBe(key, text)
	}
	canonical, d, err := checkSetting(name, text)
	if err == nil {
		err = s.settings.room(key, canonical)
	}
	if err != nil {
		e := asError(err)
		return "", &value.Error{Code: e.Code, Message: e.Message, Hint: e.Hint}
	}
	if local && s.tx.state != txBlock && !s.tx.implicit() {
		return canonical, nil
	}
	canonical = s.capped(key, canonical)
	s.put(key, canonical, local)
	if d != nil {
		canonical = d.show(canonical)
	}
	return canonical, nil
}

// RegName implements value.Names.
func (s *Session) RegName(t, oid value.OID) (string, bool) { return s.Catalog().RegName(s, t, oid) }

// RegOID implements value.Names.
func (s *Session) RegOID(t value.OID, name string) (value.OID, error) {
	return s.Catalog().RegOID(s, t, name)
}

// Fail fails the transaction for an error that the caller found by itself, and returns the error for the client.
func (s *Session) Fail(err error) *Error {
	e := s.afterFiling(asError(err))
	s.failed()
	return e
}
