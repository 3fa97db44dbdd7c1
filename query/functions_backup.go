package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// A Backup is a backup of the ledger that is being read.
type Backup interface {
	// Next returns the next part of a file; io.EOF ends.
	Next(ctx context.Context) (BackupChunk, error)
	// Close ends the backup, whole or not.
	Close() error
}

// A BackupChunk is a part of a file of a backup, in order, the file's first part at 0.
type BackupChunk struct {
	File     string
	Size, At int64  // of the file, and where the part begins, in bytes
	Data     []byte // valid until the next call of Next
	Total    int64  // bytes of all files, about
}

// mayBackUp returns an error unless a session may have the whole ledger: operators, who look after its disk, without the private
// keys. Who has those signs in the ledger's name.
func mayBackUp(s *Session, keys bool) error {
	switch {
	case !s.role.Kind.administers():
		return errf(codeNoPrivilege, "permission denied for function backup").on("backup").hint("Only superusers and operators may call it.")
	case keys && s.role.Kind != Superuser:
		return errf(codeNoPrivilege, "permission denied for a backup with private keys").on("backup").
			hint("An operator makes one without them: jurat backup --without-keys, in SQL backup(false, …). Keep keys/ apart, or have a superuser make the backup.")
	}
	return nil
}

// backupFunctions are those by which jurat backup reads a ledger.
func (c *ledgerCalls) backupFunctions() []*fn.Function {
	return []*fn.Function{{
		OID: 16526, Name: "backup", Args: []value.OID{value.BoolOID, value.TextOID}, Ret: value.RecordOID, Volatility: fn.Volatile,
		Columns: []fn.Column{{Name: "file", Type: value.TextOID}, {Name: "size", Type: value.Int8OID}, {Name: "at", Type: value.Int8OID},
			{Name: "data", Type: value.ByteaOID}, {Name: "total", Type: value.Int8OID}},
		Series: c.backup,
	}}
}

// backup gives the files of a backup part by part: with private keys, unless the first argument is false, and without what
// the manifest of an earlier backup names, unless that is null.
func (c *ledgerCalls) backup(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	keys, detail := args[0].Null || args[0].I != 0, "without private keys"
	if keys {
		detail = "with private keys"
	}
	if err := mayBackUp(env.Session.(*Session), keys); err != nil {
		return nil, err
	}
	var previous []byte
	if !args[1].Null {
		previous = args[1].B
	}
	b, err := c.ledger.Backup(env.Ctx, keys, previous)
	if err != nil {
		return nil, err
	}
	j := &journaledBackup{Backup: b, session: env.Session.(*Session)}
	j.session.event(EventBackup, "", "begun, "+detail)
	b = j
	return &closedSeries{Closer: b, batchSeries: batchSeries{more: func(ctx context.Context) ([][]value.Datum, error) {
		chunk, err := b.Next(ctx)
		if err != nil {
			return nil, err
		}
		number := func(n int64) value.Datum { return value.NewInt(value.Int8, n) }
		return [][]value.Datum{{value.NewText(chunk.File), number(chunk.Size), number(chunk.At), value.NewBytes(value.Bytea, bytes.Clone(chunk.Data)),
			number(chunk.Total)}}, nil
	}}}, nil
}

// A journaledBackup has the journal say how a backup ends.
type journaledBackup struct {
	Backup
	session *Session
	files   int
	bytes   int64
	whole   bool  // read to its end
	err     error // of Next
}

// Next counts what the backup's files are.
func (j *journaledBackup) Next(ctx context.Context) (BackupChunk, error) {
	c, err := j.Backup.Next(ctx)
	switch {
	case err == nil && c.At == 0:
		j.files++
	case errors.Is(err, io.EOF):
		j.whole = true
	case err != nil:
		j.err = err
	}
	j.bytes += int64(len(c.Data))
	return c, err
}

// Close ends the backup.
func (j *journaledBackup) Close() error {
	how := "ended, whole"
	switch {
	case j.err != nil:
		how = "failed: " + j.err.Error()
	case !j.whole:
		how = "broken off"
	}
	j.session.event(EventBackup, "", fmt.Sprintf("%s: %d files, %d bytes", how, j.files, j.bytes))
	return j.Backup.Close()
}

// A closedSeries is a series that holds something while it is read.
type closedSeries struct {
	batchSeries
	io.Closer
}
