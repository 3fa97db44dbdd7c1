package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/blob"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage/index"
)

// valueSuffix is that of value files: those that large values are in, apart from their keys.
const valueSuffix = ".blob"

// Damaged translates an error of the database while reading k; nil stays nil. Of damage it says in which file it is, as its path from
// the store's directory on, and wraps ErrCorrupt.
func Damaged(k Key, err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%s: %s: %w", k, damagedFile(err), ErrCorrupt)
	case errors.Is(err, ErrCorrupt): // of Open below
		return fmt.Errorf("%s: %w", k, err)
	}
	return fmt.Errorf("%s: %v", k, err)
}

// numbered matches what Pebble says of a file of which it knows the number alone.
var numbered = regexp.MustCompile(`^pebble: file (\d{6,}): (?s)(.*)$`)

// damagedFile returns what an error of Pebble about damaged data says, with the file in which it is. Of tables Pebble gives the path, of
// value files a number.
func damagedFile(err error) string {
	if m := numbered.FindStringSubmatch(err.Error()); m != nil && pebble.ExtractDataCorruptionInfo(err) == nil {
		return filepath.Join(database, m[1]+valueSuffix) + ": " + m[2]
	}
	return index.DamagedFile(err)
}

// Open opens a file as vfs.FS says. A value file whose end is damaged is refused here by ErrCorrupt: Pebble, which finds it too, panics.
func (e *endsFS) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	f, err := e.FS.Open(name, options...)
	if err != nil || filepath.Ext(name) != valueSuffix {
		return f, err
	}
	if err := checkValues(f); err != nil {
		return nil, firstError(fmt.Errorf("%s: %w", filepath.Join(database, e.PathBase(name)), err), f.Close())
	}
	return f, nil
}

// checkValues reads the end of a value file, from which all else in it is found.
func checkValues(f vfs.File) error {
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return err
	}
	_, err = blob.NewFileReader(context.Background(), readable, blob.FileReaderOptions{}) // not closed: it is f that is
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%v: %w", err, ErrCorrupt)
	}
	return err
}
