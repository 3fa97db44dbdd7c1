package storage

import (
	"fmt"

	"github.com/jurat-ledger/jurat/storage/fatal"
)

// Checkpoint makes a store in dir, which must not exist, that holds what this one holds at one moment: all that is durable
// when it is called, and entries of proposals meanwhile, each proposal whole or not at all. Tables are hard links where the
// file system has them, so that it takes little time and no space until the tables of this store are gone; nothing is
// promised of it after a power cut. It may be called while others read and propose; a failure leaves the store as it was,
// and may leave a part of dir. Not for a store that is open for reading alone.
//
// Pebble fixes the tables first and copies the log then, with what was written to it meanwhile. What a proposal writes as
// tables would be missing, with later entries of the log there: so as long as it takes, all proposals go through the log.
func (s *Store) Checkpoint(dir string) (err error) {
	defer fatal.Rescue(&err)
	if s.readOnly {
		panic("storage: checkpoint of a read-only store")
	}
	s.tables.Lock()
	defer s.tables.Unlock()
	if err := s.fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("checkpoint in %s: %w", dir, err)
	}
	path := s.fs.PathJoin(dir, database)
	if err = s.db.Checkpoint(path); err == nil {
		err = noEnds(path, s.fs)
	}
	if err != nil {
		return fmt.Errorf("checkpoint in %s: %w", dir, err)
	}
	return nil
}
