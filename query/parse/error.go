package parse

import (
	"fmt"
	"unicode/utf8"
)

// SQLSTATEs of this package's errors and notices.
const (
	CodeSyntax             = "42601" // syntax_error
	CodeFeature            = "0A000" // feature_not_supported: Postgres' grammar has it, this parser has not
	CodeProgramLimit       = "54000" // program_limit_exceeded: statement too long
	CodeTooComplex         = "54001" // statement_too_complex: nested too deep, or a chain of operators too long
	CodeTooManyColumns     = "54011" // too_many_columns: select lists
	CodeTooManyArguments   = "54023" // too_many_arguments: parameters
	CodeUndefinedParameter = "42P02" // undefined_parameter: $0
	CodeInvalidEscape      = "22025" // invalid_escape_sequence
	CodeBadEncoding        = "22021" // character_not_in_repertoire
	CodeInvalidParameter   = "22023" // invalid_parameter_value
	CodeNameTooLong        = "42622" // name_too_long: the notice about a cut identifier
	codeReservedName       = "42939" // reserved_name
	codeWindow             = "42P20" // windowing_error
)

// An Error is why a text is no statement, in Postgres' words, or a notice.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Detail  string // may be empty
	Hint    string // may be empty
	Pos     int    // byte offset into the parsed string, -1 if it has no place there
}

// Error returns the message and the SQLSTATE.
func (e *Error) Error() string { return fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code) }

// CharPos turns a byte offset into sql into the position that the error field P wants: characters, counted from 1. It
// returns 0, which means none, for a negative offset. A byte that is no UTF-8 counts as one character.
func CharPos(sql string, offset int) int {
	if offset < 0 {
		return 0
	}
	return utf8.RuneCountInString(sql[:min(offset, len(sql))]) + 1
}

// An OverError ends ParseWithin when its caller has no more memory for the statement, and says why.
type OverError struct{ Err error }

func (e *OverError) Error() string { return e.Err.Error() }

// Unwrap returns what the caller said.
func (e *OverError) Unwrap() error { return e.Err }
