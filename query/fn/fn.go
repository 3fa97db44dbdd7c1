package fn

import (
	"context"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

// MaxOutput is the longest string, in bytes, that a function makes; more is an error 54000. It keeps repeat and
// string_agg from taking the server's memory.
const MaxOutput = 64 << 20

// An Env is what a running statement gives to the functions it calls. It is used by one goroutine at a time.
type Env struct {
	Ctx       context.Context // canceled: long kernels stop with the error 57014
	Settings  *value.Settings // Settings.Now is the start of the transaction
	Statement int64           // start of the statement, as the value of a timestamptz
	Clock     func() time.Time
	Session   Session

	scratch []int32 // rows left by dropNulls
}

// Fork returns an Env for another goroutine that works at the same statement.
func (e *Env) Fork(ctx context.Context) Env {
	f := *e
	f.Ctx, f.scratch = ctx, nil
	return f
}

// A Session answers the functions that ask about the session. Setting and SetSetting return *value.Error.
type Session interface {
	CurrentUser() string
	SessionUser() string
	Database() string
	// SearchPath returns the schemas searched, those that exist; pg_catalog among them only if implicit is true.
	SearchPath(implicit bool) []string
	BackendPID() int32
	Random() *Random // of this session alone
	Version() string // what version() shows
	// ClientAddr returns the address and port of the client, "" and 0 on a Unix socket; ServerAddr those of our side.
	ClientAddr() (host string, port int)
	ServerAddr() (host string, port int)
	// Setting returns the text SHOW would show. The error is 42704.
	Setting(name string) (string, error)
	// DefaultSetting is what RESET has a setting be, "" for one that there is not.
	DefaultSetting(name string) string
	// SetSetting does SET, or SET LOCAL, and returns the new text.
	SetSetting(name, text string, local bool) (string, error)
}

// Check returns the error 57014 if the statement has been canceled.
func (e *Env) Check() error {
	if e.Ctx != nil && e.Ctx.Err() != nil {
		return value.Errorf(value.CodeCanceled, "canceling statement due to user request")
	}
	return nil
}

// A Kernel computes a function for rows of its arguments.
//
// The rows are those of sel, or 0 to n-1 if sel is nil. The kernel sets these values of out and touches no others; out
// has the right type, n values and no nulls when it is called. Of a strict function the kernel sees no row with a null
// argument; the framework makes the result null there. A kernel may make results null with out.SetNull. It must not
// write to its arguments, and what it stores in out must be fresh memory or memory of an argument.
type Kernel func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error

// A Volatility is what pg_proc.provolatile says.
type Volatility byte

// The volatilities.
const (
	Immutable Volatility = 'i' // same arguments, same result: foldable when planning
	Stable    Volatility = 's' // so within one statement
	Volatile  Volatility = 'v'
)

// A Function is a function, an aggregate or an operator. It is never changed once registered.
type Function struct {
	OID        value.OID // Postgres' for functions that Postgres has; else the registrant's
	Name       string
	Args       []value.OID // declared types; polymorphic ones included. Operators: two, or one for a prefix operator
	Variadic   bool        // the last of Args is an array, or "any", and stands for any number of arguments
	Names      []string    // of the arguments, for calls that give them by name; nil if they have none
	Defaults   int         // so many of the last arguments may be left out; the engine passes what Default holds
	Default    []value.Datum
	Ret        value.OID
	Strict     bool // null as soon as an argument is
	Volatility Volatility

	// Exactly one of these is set, none for functions that the engine itself implements (window functions).
	Kernel Kernel
	Bind   func(args []*value.Type, ret *value.Type) Kernel // makes the kernel for the types of one call
	Series SeriesFunc                                       // set-returning
	States func(args []*value.Type, ret *value.Type) States // aggregate

	OrderedSet bool     // aggregate with WITHIN GROUP, whose last argument is what is ordered by
	Window     bool     // callable only with OVER; the engine implements it by name
	Columns    []Column // of a function in FROM that returns records with fixed columns
	Column     string   // name of the one column of a function in FROM that is not its own name or alias; "" for those
}

// A Column names a column of a record.
type Column struct {
	Name string
	Type value.OID
}

// IsSet reports whether f returns a set of rows.
func (f *Function) IsSet() bool { return f.Series != nil }

// IsAggregate reports whether f is an aggregate.
func (f *Function) IsAggregate() bool { return f.States != nil }

// A SeriesFunc starts one call of a set-returning function. Of a strict function it is not called for null arguments.
type SeriesFunc func(env *Env, ret *value.Type, args []value.Datum) (Series, error)

// A Series is the rows of one call of a set-returning function.
type Series interface {
	// Next resets the columns of out and fills them with up to value.BatchSize rows, and returns how many; 0 ends.
	// There is one column for each of Function.Columns, or a single one of the call's type Ret.
	Next(env *Env, out []*value.Vector) (int, error)
}

// States holds the states of one aggregate for any number of groups, numbered from 0.
type States interface {
	// Grow makes sure that the states of groups 0 to n-1 exist.
	Grow(n int)
	// Step adds rows; groups[i] is the group of row i. Of a strict aggregate it sees no null arguments.
	Step(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) error
	// Final sets the n values of out to the results of the groups from first on. More rows may follow, as in a window;
	// the results already given must not change then.
	Final(env *Env, out *value.Vector, first, n int) error
}

// groupStates are States with a short way for rows of one group.
type groupStates interface {
	States
	// StepGroup is Step for rows that all belong to one group.
	StepGroup(group int32, args []*value.Vector, n int, sel []int32)
}

// mergeStates are States that can be computed in parts: nothing depends on the order of the rows.
type mergeStates interface {
	States
	// Merge adds the rows that from, of the same aggregate, has seen: those of its group i to group groups[i].
	Merge(from States, groups []int32)
}

// A Call is a function or operator chosen for arguments of given types.
type Call struct {
	Func *Function
	// Args holds, for each argument given, the type it must be coerced to, by an implicit cast or, if it is an unknown
	// literal, by value.ParseText. A "any" argument that is unknown becomes text.
	Args []*value.Type
	Ret  *value.Type
	// Missing is the number of arguments left out; the engine adds the last so many of Func.Default.
	Missing int
	// Spread marks a call with VARIADIC array: the last argument is the array itself.
	Spread bool

	kernel Kernel
}

// Eval computes a plain function or an operator: it resets out to n values of type Ret and fills the rows of sel (nil:
// all n). The arguments have the types of Args, in vectors of at least n values.
func (c *Call) Eval(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	out.Reset(c.Ret, n)
	if c.Spread {
		return c.evalSpread(env, out, args, n, sel)
	}
	return c.eval(env, out, args, n, sel)
}

func (c *Call) eval(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	if c.Func.Strict {
		var empty bool
		if sel, empty = env.dropNulls(out, args, n, sel); empty {
			return nil
		}
	}
	saved := env.scratch // a kernel may evaluate other calls
	env.scratch = nil
	err := c.kernel(env, out, args, n, sel)
	env.scratch = saved
	return err
}

// dropNulls marks the rows of out null that are null in an argument and returns the others, in memory of env. empty
// reports that there are none.
func (e *Env) dropNulls(out *value.Vector, args []*value.Vector, n int, sel []int32) (rest []int32, empty bool) {
	found := false
	for _, a := range args {
		if a.Nulls == nil {
			continue
		}
		if !found {
			out.ZeroNulls()
			found = true
		}
		for i, null := range a.Nulls[:n] {
			out.Nulls[i] = out.Nulls[i] || null
		}
	}
	if !found {
		return sel, n == 0 || sel != nil && len(sel) == 0
	}
	kept := e.scratch[:0]
	for _, i := range all(n, sel) {
		if !out.Nulls[i] {
			kept = append(kept, i)
		}
	}
	e.scratch = kept
	return kept, len(kept) == 0
}

// Start starts a set-returning function; the arguments have the types of Args. It returns nil if there are no rows
// because the function is strict and an argument null.
func (c *Call) Start(env *Env, args []value.Datum) (Series, error) {
	if c.Func.Strict {
		for _, a := range args {
			if a.Null {
				return nil, nil
			}
		}
	}
	return c.Func.Series(env, c.Ret, args)
}

// An Aggregation runs an aggregate over groups.
type Aggregation struct {
	call   *Call
	states States
	nulls  value.Vector // scratch for dropNulls
}

// Aggregate returns a fresh Aggregation of an aggregate.
func (c *Call) Aggregate() *Aggregation {
	return &Aggregation{call: c, states: c.Func.States(c.Args, c.Ret)}
}

// Grow makes sure that the states of groups 0 to n-1 exist.
func (a *Aggregation) Grow(n int) { a.states.Grow(n) }

// Mergeable reports whether Merge may be called.
func (a *Aggregation) Mergeable() bool {
	_, ok := a.states.(mergeStates)
	return ok
}

// Commutes reports whether Merge may be called for parts in any order: of values that are equal, none differs.
func (a *Aggregation) Commutes() bool {
	if _, ok := a.states.(*extremes); ok {
		t := a.call.Args[0]
		return t.Kind == value.Int64 || t.EqualAsBytes()
	}
	return a.Mergeable()
}

// Merge adds what from, another Aggregation of the same call, has seen: its group i to group groups[i], which exists.
func (a *Aggregation) Merge(from *Aggregation, groups []int32) {
	a.states.(mergeStates).Merge(from.states, groups)
}

// Step adds the rows of sel (nil: 0 to n-1); groups[i] is the group of row i. args have the types of Call.Args; none for
// count(*).
func (a *Aggregation) Step(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	return a.step(env, groups, false, args, n, sel)
}

// StepGroup is Step for rows that all belong to one group.
func (a *Aggregation) StepGroup(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	return a.step(env, groups, true, args, n, sel)
}

func (a *Aggregation) step(env *Env, groups []int32, single bool, args []*value.Vector, n int, sel []int32) error {
	if a.call.Func.Strict {
		a.nulls.Reset(value.Bool, n)
		var empty bool
		if sel, empty = env.dropNulls(&a.nulls, args, n, sel); empty {
			return nil
		}
	}
	if s, ok := a.states.(groupStates); ok && single {
		if rows := all(n, sel); len(rows) > 0 {
			s.StepGroup(groups[rows[0]], args, n, sel)
		}
		return nil
	}
	return a.states.Step(env, groups, args, n, sel)
}

// Final resets out to the results, of type Call.Ret, of the n groups from first on. More rows may follow.
func (a *Aggregation) Final(env *Env, out *value.Vector, first, n int) error {
	out.Reset(a.call.Ret, n)
	return a.states.Final(env, out, first, n)
}

var identity = func() []int32 {
	s := make([]int32, value.BatchSize)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}()

// all returns sel, or the rows 0 to n-1 if it is nil.
func all(n int, sel []int32) []int32 {
	if sel != nil {
		return sel
	}
	if n <= len(identity) {
		return identity[:n]
	}
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}
