package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgproto3/v2"
)

// SQLSTATEs that the protocol machine itself gives.
const (
	codeProtocolViolation = "08P01"
	codeConnectionFailure = "08006"
	codeUnsupported       = "0A000"
	codeNoUser            = "28000"
	codeInvalidParameter  = "22023"
	codeTooMany           = "53300"
	codeOutOfMemory       = "53200"
	codeTooLarge          = "54000"
	codeCanceled          = "57014"
	codeShutdown          = "57P01"
	codeInternal          = "XX000"
)

// Severities of errors. Any other is a notice's.
const (
	severityError = "ERROR"
	severityFatal = "FATAL"
	severityPanic = "PANIC"
)

// Causes with which the server ends a call's context.
var (
	errCanceled   = &Error{Severity: severityError, Code: codeCanceled, Message: "canceling statement due to user request"}
	errShutdown   = &Error{Severity: severityFatal, Code: codeShutdown, Message: "terminating connection due to administrator command"}
	errClientGone = &Error{Severity: severityFatal, Code: codeConnectionFailure, Message: "connection to client lost"}
)

// What ends a connection while a message comes in.
var (
	errSlowMessage = &Error{Severity: severityFatal, Code: codeConnectionFailure, Message: "terminating connection because a message did not arrive in time"}
	errTooMuch     = &Error{
		Severity: severityFatal, Code: codeOutOfMemory, Message: "too much memory is taken by messages that come in",
		Hint: "Connect again later, or send large values in several messages: COPY takes any number of rows.",
	}
)

// errInvalidFormat answers a message whose fields do not fill its body exactly.
var errInvalidFormat = &Error{Severity: severityError, Code: codeProtocolViolation, Message: "invalid message format"}

// fatalf returns an error after which the connection ends.
func fatalf(code, format string, args ...any) *Error {
	return &Error{Severity: severityFatal, Code: code, Message: fmt.Sprintf(format, args...)}
}

// errorf returns an error that ends a statement.
func errorf(code, format string, args ...any) *Error {
	return &Error{Severity: severityError, Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError returns the error to send for err. known is false if err is none that was meant for clients.
func asError(ctx context.Context, err error) (e *Error, known bool) {
	if errors.As(err, &e) {
		return e, true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if errors.As(context.Cause(ctx), &e) {
			return e, true
		}
	}
	return &Error{Severity: severityError, Code: codeInternal, Message: err.Error()}, false
}

// fatal reports whether the connection ends after the error.
func (e *Error) fatal() bool { return e.Severity == severityFatal || e.Severity == severityPanic }

// response is the message that carries the error. A notice has the same fields.
func (e *Error) response() *pgproto3.ErrorResponse {
	r := &pgproto3.ErrorResponse{
		Severity: clean(e.Severity), Code: clean(e.Code), Message: clean(e.Message), Detail: clean(e.Detail),
		Hint: clean(e.Hint), Position: int32(e.Position), Where: clean(e.Where), SchemaName: clean(e.Schema),
		TableName: clean(e.Table), ColumnName: clean(e.Column), ConstraintName: clean(e.Constraint),
	}
	if r.Severity == "" {
		r.Severity = severityError
	}
	if r.Code == "" {
		r.Code = codeInternal
	}
	r.SeverityUnlocalized = r.Severity
	return r
}

// clean makes a string fit for a zero-terminated field: a client must not be able to forge fields by what it is told.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}
