package value

import "fmt"

// An Error is a failure meant for the client, in Postgres' words. The engine adds the position in the statement.
type Error struct {
	Code    string // SQLSTATE, five characters
	Message string
	Detail  string
	Hint    string
}

// Error returns the message with its SQLSTATE.
func (e *Error) Error() string { return e.Message + " (SQLSTATE " + e.Code + ")" }

// Errorf returns an Error without detail and hint.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// The SQLSTATEs of this package and of query/fn.
const (
	CodeProgramLimit      = "54000"
	CodeOutOfMemory       = "53200"
	CodeTruncation        = "22001"
	CodeOutOfRange        = "22003"
	CodeBadDatetime       = "22007"
	CodeDatetimeRange     = "22008"
	CodeZoneDisplacement  = "22009"
	CodeSubstring         = "22011"
	CodeDivisionByZero    = "22012"
	CodeIntervalRange     = "22015"
	CodeUntranslatable    = "22P05"
	CodeNotInRepertoire   = "22021"
	CodeInvalidParameter  = "22023"
	CodeBitLength         = "22026"
	CodeBadEscape         = "22025"
	CodeSubscript         = "2202E"
	CodeBadLog            = "2201E"
	CodeBadPower          = "2201F"
	CodeBadRegexp         = "2201B"
	CodeNullNotAllowed    = "22004"
	CodeBadText           = "22P02"
	CodeBadBinary         = "22P03"
	CodeSyntax            = "42601"
	CodeUndefinedFunction = "42883"
	CodeUndefinedObject   = "42704"
	CodeAmbiguousFunction = "42725"
	CodeDatatypeMismatch  = "42804"
	CodeCannotCoerce      = "42846"
	CodeInternal          = "XX000"
	CodeUnsupported       = "0A000"
	CodeCanceled          = "57014"
)
