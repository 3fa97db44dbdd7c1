package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/index"
)

// backups makes the backups of a running server, one at a time.
type backups struct {
	from     backup.Source
	now      func() time.Time
	log      *slog.Logger
	readOnly bool       // none can be made
	busy     sync.Mutex // held while one is made
}

func (s *Server) backups() *backups {
	return &backups{from: backup.Source{Dir: s.config.DataDir, Store: s.store, Index: s.index}, now: s.now, log: s.log, readOnly: s.config.ReadOnly}
}

// backupRoom is the room on the disk without which no backup is begun, in bytes: what its checkpoint writes finds no more room when it is full.
const backupRoom = 32 << 20

func (s source) Backup(_ context.Context, keys bool, previous []byte) (query.Backup, error) {
	if s.backups.readOnly {
		return nil, &query.Error{Code: "25006", Message: "a read-only server makes no backups", Hint: "Stop it and run jurat backup --data."}
	}
	store := s.backups.from.Store
	full := store.Free() < backupRoom // nobody may have found out yet
	select {
	case <-store.Full():
		full = true
	default:
	}
	if full {
		return nil, &query.Error{Code: "53100", Message: "no backup can be begun: the server's disk is full",
			Hint: "A backup takes some room beside the ledger while it is made. Make room and try again; or stop the server and run jurat backup --data, which takes none there."}
	}
	if !s.backups.busy.TryLock() {
		return nil, &query.Error{Code: "55006", Message: "a backup is being made already", Hint: "One is made at a time: wait for its end, or end its session."}
	}
	b, err := backup.Begin(s.backups.from, backup.Options{WithoutKeys: !keys, Previous: previous, Now: s.backups.now()})
	if err != nil {
		s.backups.busy.Unlock()
		return nil, backupError(err)
	}
	m := b.Manifest()
	s.backups.log.Info("backup begun", "last_round", m.LastRound, "leaves", m.Leaves, "keys", keys, "incremental", previous != nil)
	return &runningBackup{b: b, of: s.backups}, nil
}

// backupError turns an error of a backup into what the client is told. The ledger is not concerned by it.
func backupError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backup.ErrChain), errors.Is(err, backup.ErrDamaged):
		return &query.Error{Code: "22023", Message: err.Error(), Hint: "Give the manifest of a backup of this ledger, or make a full one."}
	case errors.Is(err, storage.ErrCorrupt), errors.Is(err, index.ErrCorrupt):
		return &query.Error{Code: "XX001", Message: "backup: " + err.Error(), Hint: "Run jurat fsck on the stopped server's directory."}
	}
	return &query.Error{Code: "58030", Message: "backup: " + err.Error(), Hint: "The server goes on; see to its disk, and make the backup again."}
}

// A runningBackup is a backup as the query engine sees it.
type runningBackup struct {
	b    *backup.Backup
	of   *backups
	done bool // read to its end
}

// Next implements query.Backup.
func (r *runningBackup) Next(ctx context.Context) (query.BackupChunk, error) {
	c, err := r.b.Next(ctx)
	if err == nil {
		return query.BackupChunk(c), nil
	}
	r.done = errors.Is(err, io.EOF)
	if r.done || ctx.Err() != nil {
		return query.BackupChunk{}, err
	}
	return query.BackupChunk{}, backupError(err)
}

// Close implements query.Backup.
func (r *runningBackup) Close() error {
	err := r.b.Close()
	r.of.busy.Unlock()
	r.of.log.Info("backup ended", "whole", r.done)
	if err != nil {
		r.of.log.Error("backup: cleaning up", "error", err.Error())
	}
	return err
}
