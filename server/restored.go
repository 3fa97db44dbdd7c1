package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
)

// openMarked opens the store and the keys, but for filing only in a directory that is not marked as restored.
func (s *Server) openMarked(ctx context.Context) (*serverKeys, error) {
	if err := backup.CheckFinished(nil, s.config.DataDir); err != nil {
		return nil, err
	}
	if s.config.ReadOnly {
		return s.openReadOnly(ctx)
	}
	mark, err := backup.ReadMark(s.config.DataDir)
	if err != nil {
		return nil, err
	}
	if mark != nil {
		return nil, fmt.Errorf(`%s was restored from a backup that ends at %s: if the server that it was made of still files, two calendars come of one ledger.
Look at it with jurat serve --read-only. If the original is gone for good: jurat restore --data %s --original-is-gone`,
			s.config.DataDir, mark.LastRound, s.config.DataDir)
	}
	return s.openStore(ctx)
}

// openReadOnly opens the store for reading, and the key that signs publications files if it is there.
func (s *Server) openReadOnly(ctx context.Context) (*serverKeys, error) {
	store, err := s.openLocked(ctx, filepath.Join(s.config.DataDir, StoreDir), s.storeOptions())
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%s holds no ledger to be served read-only: give its data directory with --data", s.config.DataDir)
	} else if err != nil {
		return nil, err
	}
	s.store = store
	key, err := publicationsFiles.load(s.config.DataDir)
	if errors.Is(err, errNoKey) {
		key, err = new(keyPair), nil
	}
	return &serverKeys{calendar: new(keyPair), publications: key}, err
}
