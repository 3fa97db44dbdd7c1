package query

import (
	"time"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// signalFunctions end the statement of a session, or a session. Object ids are Postgres'.
func signalFunctions() []*fn.Function {
	cancel := rowFunc(func(env *fn.Env, args []value.Datum) (value.Datum, error) {
		s := env.Session.(*Session)
		o, err := s.target(int32(args[0].I), "must be a superuser to cancel superuser query",
			"must be a member of the role whose query is being canceled or member of pg_signal_backend")
		if err != nil || o == nil {
			return value.NewBool(false), err
		}
		if o.login.Cancel != nil {
			o.login.Cancel()
		}
		return value.NewBool(true), env.Check() // it may be the statement that asks
	})
	terminate := rowFunc(func(env *fn.Env, args []value.Datum) (value.Datum, error) {
		s, pid, timeout := env.Session.(*Session), int32(args[0].I), args[1].I
		if timeout < 0 {
			return value.Datum{}, errf(codeOutOfRange, `"timeout" must not be negative`)
		}
		o, err := s.target(pid, "must be a superuser to terminate superuser process",
			"must be a member of the role whose process is being terminated or member of pg_signal_backend")
		if err != nil || o == nil {
			return value.NewBool(false), err
		}
		if o.login.Terminate != nil {
			o.login.Terminate()
		}
		if err := env.Check(); err != nil || timeout == 0 {
			return value.NewBool(true), err
		}
		gone, err := o.awaitClose(env, timeout)
		if !gone && err == nil {
			s.notice("WARNING", codeWarning, "backend with PID %d did not terminate within %d milliseconds", pid, timeout)
		}
		return value.NewBool(gone), err
	})
	return []*fn.Function{
		{OID: 2171, Name: "pg_cancel_backend", Args: []value.OID{value.Int4OID}, Ret: value.BoolOID, Strict: true, Volatility: fn.Volatile, Kernel: cancel.kernel},
		{OID: 2096, Name: "pg_terminate_backend", Args: []value.OID{value.Int4OID, value.Int8OID}, Names: []string{"pid", "timeout"}, Defaults: 1,
			Default: []value.Datum{value.NewInt(value.Int8, 0)}, Ret: value.BoolOID, Strict: true, Volatility: fn.Volatile, Kernel: terminate.kernel},
	}
}

// target finds a session that the session wants to do something to by its number, among those that pg_stat_activity shows it. Any
// other number is one that nobody has: a warning tells so, and target returns nil. Whoever runs the server may signal all sessions
// but those of superusers, as a member of pg_signal_backend may in Postgres; anybody else those of its own role.
func (s *Session) target(pid int32, notSuperuser, notMember string) (*Session, error) {
	known := map[string]bool{}
	for _, r := range s.knownRoles() {
		known[r.Name] = true
	}
	for _, o := range s.engine.open.list() {
		switch {
		case o.login.PID != pid || !known[o.role.Name]:
		case o.role.Kind == Superuser && s.role.Kind != Superuser:
			return nil, errf(codeNoPrivilege, "%s", notSuperuser)
		case o.role.Name != s.role.Name && !s.role.Kind.administers():
			return nil, errf(codeNoPrivilege, "%s", notMember)
		default:
			return o, nil
		}
	}
	s.notice("WARNING", codeWarning, "PID %d is not a PostgreSQL backend process", pid)
	return nil, nil
}

// awaitClose waits so many milliseconds for the session to be closed by its own goroutine and reports whether it is.
func (s *Session) awaitClose(env *fn.Env, timeout int64) (bool, error) {
	timer := time.NewTimer(time.Duration(min(timeout, maxTerminateWait)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.closed:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-env.Ctx.Done():
		return false, env.Check()
	}
}

// maxTerminateWait is the longest that pg_terminate_backend waits, in milliseconds: a day.
const maxTerminateWait = 24 * 60 * 60 * 1000
