package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"
)

// A Handler opens the session behind each accepted connection. The server calls it from many goroutines.
type Handler interface {
	// Open decides whether the client may come in, after the Authenticator, if there is one, has let it. An *Error is sent as it is; any
	// other error is logged and sent as XX000.
	Open(ctx context.Context, s *Startup) (Session, error)
}

// Startup is what a client says of itself.
type Startup struct {
	User       string
	Database   string            // User where the client names none
	Parameters map[string]string // settings, without user and database
	Remote     net.Addr
	Local      net.Addr             // where the client reached the server
	UID        *uint32              // of the client's process, by the kernel; nil unless it came by a Unix socket, or if it is not known
	TLS        *tls.ConnectionState // nil without encryption
	// ServerCertificate is the one that the server showed, nil if it is not known.
	ServerCertificate *x509.Certificate
	ProcessID         uint32 // the id that the client gets for cancelling, unique among live connections
	// Wake has an idle connection ask for notifications at once. It may be called from any goroutine and does not block.
	Wake func()
	// Cancel ends the call that runs, if one does, as the client's own request to cancel would; Terminate ends it with 57P01, and the
	// connection with it. They may be called from any goroutine, even that of the call, and do not block.
	Cancel, Terminate func()
}

// A Session runs the statements of one connection. All calls come from one goroutine, one at a time. The context of a
// call ends when the client asks to cancel, when it goes away or when the server stops; its cause is the *Error to return
// then, and one that wraps context.Canceled is replaced by the cause.
//
// Errors are *Error, sent as they are; any other error is logged and sent as XX000. One of severity FATAL or PANIC ends the
// connection. After an error in the extended protocol the server discards messages until Sync, as Postgres does, and calls
// Sync.
type Session interface {
	// Status is the transaction status for ReadyForQuery: 'I' idle, 'T' in a transaction block, 'E' in a failed one.
	Status() byte

	// Changed returns the reported settings that changed since the last call, all of them on the first: the server
	// sends each as ParameterStatus before ReadyForQuery.
	Changed() []Parameter
	// Notices returns and forgets the notices to send before the next CommandComplete or error.
	Notices() []*Error
	// Notifications returns and forgets what came on channels that the session listens on. The server asks before
	// ReadyForQuery outside of transaction blocks, and when the session woke it up while it was idle.
	Notifications() []Notification
	// IdleTimeout returns how long the client may send nothing in the present state, and the error that ends the
	// connection then; 0 for ever.
	IdleTimeout() (time.Duration, *Error)

	// Query runs a simple-protocol string, which may hold several statements. Results are asked for one after the other;
	// io.EOF ends them. No statement at all gives io.EOF at once: the server answers EmptyQueryResponse. An error ends
	// the string. The last CommandComplete is sent when the Script's Close has succeeded.
	Query(ctx context.Context, sql string) (Script, error)

	Parse(ctx context.Context, name, sql string, parameterTypes []uint32) error
	Bind(ctx context.Context, b *Bind) error
	// DescribeStatement returns the parameter type ids and the columns, nil if the statement returns no rows. The columns are the
	// server's until it asks for others, of any portal, statement or result.
	DescribeStatement(ctx context.Context, name string) ([]uint32, []Column, error)
	DescribePortal(ctx context.Context, name string) ([]Column, error)
	// Execute runs a portal or goes on with one that was suspended: the same Result comes back until it has ended.
	// A nil Result means that the statement was empty. A client that asks for n rows of a result that has no more is told that
	// the portal is suspended: that the rows have ended shows when the next one is asked for.
	Execute(ctx context.Context, portal string) (Result, error)
	// Repeat does with the parameters of b what Bind and Execute of the unnamed portal before it did with those of a Bind that was
	// the same but for the bytes of its parameters. It does so only if no more and nothing else is to be said of it than CommandComplete with the same
	// tag; else it returns false and has done nothing.
	Repeat(ctx context.Context, b *Bind) bool
	CloseStatement(ctx context.Context, name string) error
	ClosePortal(ctx context.Context, name string) error
	// Fail fails the transaction for an error that the server found itself, in a message or a row. For an error that the
	// session returned it changes nothing.
	Fail(err error)
	// Sync ends the implicit transaction: what it filed is durable when it returns nil.
	Sync(ctx context.Context) error

	// Close ends the session. Nothing that was not committed is filed.
	Close()
}

// A Notification is a message on a channel.
type Notification struct {
	ProcessID        uint32 // of the sender
	Channel, Payload string
}

// A Parameter is a reported setting.
type Parameter struct{ Name, Value string }

// A Script is a simple-protocol string in execution.
type Script interface {
	// Next runs the next statement and returns its result; io.EOF after the last. The result before is closed first.
	Next(ctx context.Context) (Result, error)
	// Close ends the script and its implicit transaction: with err nil it is committed, else rolled back. It returns the
	// error of the commit.
	Close(ctx context.Context, err error) error
}

// Bind is the Bind message.
type Bind struct {
	Portal, Statement string
	ParameterFormats  []int16  // none: all text; one: for all; else one each
	Parameters        [][]byte // nil is NULL; valid during the call only
	ResultFormats     []int16  // as ParameterFormats
}

// A Column describes a result column, as in RowDescription.
type Column struct {
	Name         string
	Table        uint32 // object id of the table, 0 if the column is none of a table
	Attribute    int16
	Type         uint32
	Size         int16 // of the type; negative if variable
	TypeModifier int32
	Format       int16 // 0 text, 1 binary
}

// A Result is one statement in execution. The server pulls rows: what it cannot send it does not ask for.
type Result interface {
	// Columns describes the rows as Session.DescribeStatement does; nil if the statement returns none.
	Columns() []Column
	// AppendRow appends the fields of the next row to dst in DataRow form: for each column its length as a big-endian
	// int32, -1 for NULL, and its bytes. io.EOF ends the rows.
	AppendRow(ctx context.Context, dst []byte) ([]byte, error)
	// CopyIn returns where the data of a COPY FROM STDIN goes, nil for any other statement.
	CopyIn() CopyIn
	// CopyOut reports the format of a COPY TO STDOUT, nil for any other statement. AppendRow then appends one CopyData
	// payload a call instead of a row.
	CopyOut() *CopyFormat
	// Tag is the command tag, "INSERT 0 1"; valid once AppendRow returned io.EOF or CopyIn is done, until Close. Of a portal
	// that was suspended it counts the rows since the last Execute.
	Tag() string
	// Close ends the statement early or after its end. It may be called twice. The server calls it when the statement has ended
	// or failed; a suspended portal is the session's to close.
	Close()
}

// CopyFormat describes the data of a COPY.
type CopyFormat struct {
	Binary  bool
	Columns int
}

// CopyIn takes the data of a COPY FROM STDIN. Exactly one of Finish and Abort ends it; Abort follows an error of Write, too.
type CopyIn interface {
	Format() CopyFormat
	// Write takes the next bytes of the data, which may begin and end anywhere in a row. b is valid during the call only.
	Write(ctx context.Context, b []byte) error
	// Silent is asked about once a second while more is waited for. For so long the client has sent little. Its error ends the copy.
	Silent(ctx context.Context, silence time.Duration) error
	// Finish ends the data; the statement's Tag is valid after it.
	Finish(ctx context.Context) error
	// Abort ends the copy without filing anything that Finish would have filed.
	Abort()
}

// An Error is an error or notice with the fields that Postgres clients read.
type Error struct {
	Severity                          string // ERROR, FATAL, NOTICE, WARNING …
	Code                              string // SQLSTATE, five characters
	Message                           string
	Detail                            string
	Hint                              string
	Position                          int    // in characters from 1, 0 for none
	Where                             string // context, "COPY hashes, line 3"
	Schema, Table, Column, Constraint string
}

// Error returns the message with its SQLSTATE.
func (e *Error) Error() string { return e.Message + " (SQLSTATE " + e.Code + ")" }
