package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/query/value"
)

// An Error is a failure or notice meant for the client, with the fields that Postgres clients read.
type Error struct {
	Severity                          string // "" is ERROR; notices say NOTICE or WARNING
	Code                              string // SQLSTATE, five characters
	Message                           string
	Detail                            string
	Hint                              string
	Position                          int    // in characters of the statement from 1, 0 for none
	Where                             string // context, "COPY hashes, line 3"
	Schema, Table, Column, Constraint string

	object string // that a right is wanted to, for the journal; "" for none
}

// Error returns the message with its SQLSTATE.
func (e *Error) Error() string { return e.Message + " (SQLSTATE " + e.Code + ")" }

// The SQLSTATEs of this package.
const (
	codeSuccess              = "00000"
	codeWarning              = "01000"
	codeUnsupported          = "0A000"
	codeCardinality          = "21000"
	codeOutOfRange           = "22003"
	codeInvalidParameter     = "22023"
	codeSampleSeed           = "2202G"
	codeSampleArgument       = "2202H"
	codeBadCopy              = "22P04"
	codeNotNull              = "23502"
	codeCheck                = "23514"
	codeActiveTransaction    = "25001"
	codeReadOnly             = "25006"
	codeNoTransaction        = "25P01"
	codeFailedTransaction    = "25P02"
	codeUndefinedStatement   = "26000"
	codeInvalidAuthorization = "28000"
	codeUndefinedCursor      = "34000"
	codeUndefinedDatabase    = "3D000"
	codeUndefinedSavepoint   = "3B001"
	codeNoPrivilege          = "42501"
	codeSyntax               = "42601"
	codeInvalidName          = "42602"
	codeUndefinedColumn      = "42703"
	codeUndefinedObject      = "42704"
	codeUndefinedTable       = "42P01"
	codeUndefinedParameter   = "42P02"
	codeDuplicateCursor      = "42P03"
	codeCursorDefinition     = "42P11"
	codeDuplicateStatement   = "42P05"
	codeInvalidColumnRef     = "42P10"
	codeIndeterminateType    = "42P18"
	codeRecursion            = "42P19"
	codeWindow               = "42P20"
	codeDuplicateAlias       = "42712"
	codeDuplicateColumn      = "42701"
	codeAmbiguousColumn      = "42702"
	codeDuplicateObject      = "42710"
	codeGrouping             = "42803"
	codeDatatypeMismatch     = "42804"
	codeWrongObject          = "42809"
	codeUndefinedFunction    = "42883"
	codeGeneratedAlways      = "428C9"
	codeCannotCoerce         = "42846"
	codeOutOfMemory          = "53200"
	codeTooManyConnections   = "53300"
	codeProgramLimit         = "54000"
	codeTooManyColumns       = "54011"
	codeNotInState           = "55000"
	codeObjectInUse          = "55006"
	codeCantChangeParam      = "55P02"
	codeConfigFile           = "F0000"
	codeProtocol             = "08P01"
	codeIdleInTransaction    = "25P03"
	codeIdleSession          = "57P05"
	codeCanceled             = "57014"
	codeAdminShutdown        = "57P01"
	codeInternal             = "XX000"
	codeDataCorrupted        = "XX001"
)

// errf returns an Error without detail, hint and position.
func errf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// on returns e with the object that a right is wanted to, for the journal.
func (e *Error) on(object string) *Error {
	e.object = object
	return e
}

// hint returns e with a hint.
func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// asError turns what the layers below return into an *Error. Errors that were not meant for a client become XX000 and
// keep their text: the server logs it, and the operator of a ledger is served by knowing.
func asError(err error) *Error {
	var e *Error
	var v *value.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.As(err, &v):
		return &Error{Code: v.Code, Message: v.Message, Detail: v.Detail, Hint: v.Hint}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errf(codeCanceled, "canceling statement due to user request")
	}
	return errf(codeInternal, "%s", err)
}

// errTimeout is the cause of a context that statement_timeout ended.
var errTimeout = errors.New("statement timeout")
