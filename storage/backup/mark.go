package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/storage"
)

// MarkName is the name of the mark in a data directory. When the ledger is continued it becomes ContinuedFile: which seconds
// have no rounds, and why, is worth knowing later.
const (
	MarkName      = "restored.json"
	ContinuedFile = "continued.json"
)

// A Mark says that a data directory was restored from a backup, and that nobody has said yet that the original is gone.
type Mark struct {
	Server       string    `json:"server"`
	Ledger       string    `json:"ledger"`
	LastRound    string    `json:"last_round"`    // what was filed later is not in this directory
	CalendarRoot string    `json:"calendar_root"` // as of then, in hex
	Made         time.Time `json:"made"`          // the backup
	Restored     time.Time `json:"restored"`
	Continued    time.Time `json:"continued,omitzero"` // by Continue
}

// ReadMark returns the mark of a data directory, nil if it has none.
func ReadMark(dir string) (*Mark, error) { return readMark(filepath.Join(dir, MarkName)) }

// ReadContinued returns what became of the mark of a data directory when its ledger was continued, nil if it was never restored.
func ReadContinued(dir string) (*Mark, error) { return readMark(filepath.Join(dir, ContinuedFile)) }

func readMark(path string) (*Mark, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	m := new(Mark)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// write puts the mark into a directory under a name, whole or not at all, and durably.
func (m *Mark) write(fs vfs.FS, dir, name string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	path := fs.PathJoin(dir, name)
	f, err := createFile(fs, path+unfinished, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(path+unfinished, path); err != nil {
		return err
	}
	return storage.SyncDir(dir, fs)
}

// Continue takes the mark away: the caller knows that the original does not live any more, and a server may file here.
func Continue(dir string, now time.Time) error {
	m, err := ReadMark(dir)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("%s carries no mark %s: it was not restored, or is continued already", dir, MarkName)
	}
	m.Continued = now.UTC().Truncate(time.Second)
	if err := m.write(vfs.Default, dir, ContinuedFile); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, MarkName)); err != nil {
		return err
	}
	return storage.SyncDir(dir, vfs.Default)
}

// Errors of CheckProof and CheckPublication.
var (
	// ErrOlder says that a ledger ends before something that it is known to have given out.
	ErrOlder = errors.New("the backup is too old")
	// ErrOtherCalendar says that a proof or publication is not of the ledger's calendar.
	ErrOtherCalendar = errors.New("it is of another calendar")
)

// CheckProof returns nil if the store's calendar holds what a proof shows of it: the round, and the calendar root as of the
// proof's publication time. A proof from after its newest closed second is ErrOlder: continued, the ledger would contradict it.
func CheckProof(ctx context.Context, store *storage.Store, s *ksi.Signature) error {
	if r := ksi.Verify(ctx, s, ksi.Options{Policy: ksi.Internal}); r.Verdict != ksi.OK {
		return fmt.Errorf("the proof contradicts itself: %s", r)
	}
	c := s.CalendarChain()
	if c == nil {
		return errors.New("the proof has no calendar chain: it shows nothing of a calendar")
	}
	root, err := c.Root()
	if err != nil {
		return err
	}
	// The chain leads from the round to the root, so that this one root stands for both.
	return CheckPublication(store, ksi.Publication{Time: c.PublicationTime(), Root: root})
}

// CheckPublication returns nil if the store's calendar has that root as of that second, ErrOlder if it does not reach it.
func CheckPublication(store *storage.Store, p ksi.Publication) error {
	switch closed := store.Closed(); {
	case p.Time > closed:
		return fmt.Errorf("the calendar root as of %s was given out, the backup ends at %s: %w; look for a newer backup", p.Time, closed, ErrOlder)
	case p.Time < store.Genesis().First:
		return fmt.Errorf("%s is before the ledger's first second: %w", p.Time, ErrOtherCalendar)
	}
	root, err := calendar.RootAt(storage.CalendarReader{Store: store}, p.Time)
	if err != nil {
		return err
	}
	if root.Imprint() != p.Root {
		return fmt.Errorf("the calendar root as of %s is %s there, and %s in this backup: %w", p.Time, p.Root, root.Imprint(), ErrOtherCalendar)
	}
	return nil
}
