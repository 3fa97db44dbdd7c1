package value

import "time"

// Settings are what text input and output, and functions, need of a session.
type Settings struct {
	Zone             *time.Location // TimeZone
	ByteaEscape      bool           // bytea_output = escape; otherwise hex
	ExtraFloatDigits int            // extra_float_digits; above 0 floats print shortest-exact
	MonthFirst       bool           // DateStyle order MDY (Postgres' default) rather than DMY, for input such as 1/2/2026
	IntervalStyle    IntervalStyle  // how intervals are written
	Now              int64          // transaction start, for 'now', 'today' …: microseconds as in a timestamptz vector
	Names            Names          // nil: reg* values are numbers, except regtype
	Budget           Budget         // asked before much memory is taken; nil for no bound
}

// A Budget bounds the memory of a statement.
type Budget interface {
	// Take notes that a value of so many bytes is about to be made, or, if bytes is negative, is not used any more. The error has the
	// SQLSTATE 53200.
	Take(bytes int) error
}

// unasked is what may be made without asking the budget, in bytes.
const unasked = 64 << 10

// Take asks the budget for the memory of a value that is about to be made, if it is not small.
func (s *Settings) Take(bytes int) error {
	if s == nil || s.Budget == nil || bytes <= unasked {
		return nil
	}
	return s.Budget.Take(bytes)
}

// DefaultSettings returns those of a new session: UTC, ISO, MDY, hex.
func DefaultSettings() *Settings {
	return &Settings{Zone: time.UTC, ExtraFloatDigits: 1, MonthFirst: true}
}

// Names resolves the values of regclass, regproc, regprocedure, regnamespace, regrole and the other reg* types but
// regtype, which this package knows by itself.
type Names interface {
	// RegName returns the text form of an object, quoted and schema-qualified where needed; ok is false if there is none.
	RegName(t OID, oid OID) (name string, ok bool)
	// RegOID finds an object by its text form. The error is an *Error: `relation "x" does not exist`, 42P01.
	RegOID(t OID, name string) (OID, error)
}

// UnixToMicros is what a Unix time in microseconds is ahead of a timestamp of this package, which counts from
// 2000-01-01 00:00 UTC as Postgres does.
const UnixToMicros = 946684800 * 1_000_000

// Special timestamps and dates.
const (
	Infinity    = 1<<63 - 1 // timestamp 'infinity'
	NegInfinity = -1 << 63
	DateInf     = 1<<31 - 1 // date 'infinity'
	DateNegInf  = -1 << 31
)

// FromTime returns t as the value of a timestamptz, cut to microseconds.
func FromTime(t time.Time) int64 { return t.UnixMicro() - UnixToMicros }

// FromUnix returns a count of seconds since 1970 as the value of a timestamptz.
func FromUnix(sec int64) int64 { return sec*1_000_000 - UnixToMicros }

// ToTime returns the value of a finite timestamptz as a time in UTC.
func ToTime(micros int64) time.Time { return time.UnixMicro(micros + UnixToMicros).UTC() }
