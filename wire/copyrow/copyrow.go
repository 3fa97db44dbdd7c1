// Package copyrow reads and writes the rows of COPY data: Postgres' text, csv and binary formats. It knows fields as bytes,
// not types, tables or statements.
//
// A [Decoder] takes data in pieces that begin and end anywhere, as CopyData messages do, and calls back once a row. The
// rows are what Postgres 15 makes of the same bytes; so are the errors, *[wire.Error] with their CONTEXT. A row that lies
// within one piece is not copied, and no row costs an allocation. What a row may hold is bounded by Options.MaxRow.
//
// Rows of one field of fixed size, hashes say, need not come one by one: [Fixed] has them written where they belong, many at
// a time and each copied once.
//
// An [Encoder] appends rows to a buffer.
//
//	text     fields between delimiters (tab), rows between newlines; backslash escapes; \N is NULL; \. ends the data
//	csv      fields between delimiters (comma), quoted where needed; an unquoted empty field is NULL
//	binary   "PGCOPY\n\xff\r\n\0", flags int32 0, extension length int32 0; per row: number of fields int16, per field its
//	         length int32, -1 for NULL, and its bytes; at the end int16 -1, which a client may leave out
//
// Line ends are \n, \r\n or \r; the first one decides for all.
package copyrow

import (
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/wire"
)

// A Format is one of the formats of COPY.
type Format uint8

// The formats of COPY.
const (
	Text Format = iota
	CSV
	Binary
)

// DefaultMaxRow is the largest row in bytes unless Options say otherwise.
const DefaultMaxRow = 1 << 20

// SQLSTATEs of the errors here.
const (
	codeBadFormat     = "22P04" // bad_copy_file_format
	codeBadEncoding   = "22021" // character_not_in_repertoire
	codeInvalid       = "22023" // invalid_parameter_value
	codeUnsupported   = "0A000" // feature_not_supported
	codeLimitExceeded = "54000" // program_limit_exceeded
)

// Options describe COPY data. Start from Defaults.
type Options struct {
	Format    Format
	Table     string   // as errors name it
	Columns   []string // names of the fields
	Delimiter byte     // text and csv
	Null      string   // text and csv
	Header    bool     // text and csv: the first line holds the names of the columns; when reading it is skipped
	Quote     byte     // csv
	Escape    byte     // csv
	MaxRow    int      // bytes of a row as it is read
	Match     bool     // reading: the header must hold the names of the columns
	Force     []bool   // writing csv: by column, fields that are quoted always; nil for none
}

// Defaults returns the options of a format where a statement names none. Table and Columns are left to the caller.
func Defaults(f Format) Options {
	o := Options{Format: f, MaxRow: DefaultMaxRow}
	switch f {
	case Text:
		o.Delimiter, o.Null = '\t', `\N`
	case CSV:
		o.Delimiter, o.Quote, o.Escape = ',', '"', '"'
	}
	return o
}

// Validate reports options that Postgres refuses, as a *wire.Error in its words. Binary data has none.
func (o *Options) Validate() error {
	if o.Format == Binary {
		if o.Header {
			return failure(codeUnsupported, "cannot specify HEADER in BINARY mode")
		}
		return nil
	}
	switch {
	case o.Delimiter == '\n' || o.Delimiter == '\r':
		return failure(codeInvalid, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.Null, "\r\n"):
		return failure(codeInvalid, "COPY null representation cannot use newline or carriage return")
	case o.Format == Text && strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.Delimiter) >= 0:
		return failure(codeInvalid, fmt.Sprintf("COPY delimiter cannot be \"%c\"", o.Delimiter))
	case strings.IndexByte(o.Null, o.Delimiter) >= 0:
		return failure(codeUnsupported, "COPY delimiter must not appear in the NULL specification")
	}
	if o.Format == CSV {
		switch {
		case o.Delimiter == o.Quote:
			return failure(codeInvalid, "COPY delimiter and quote must be different")
		case strings.IndexByte(o.Null, o.Quote) >= 0:
			return failure(codeUnsupported, "CSV quote character must not appear in the NULL specification")
		}
	}
	return nil
}

func failure(code, message string) *wire.Error {
	return &wire.Error{Severity: "ERROR", Code: code, Message: message}
}
