package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A journal is the record that a long run writes while it goes on, a JSON object a line: a journalHead, then an event for each
// COPY that was acknowledged. A last line that was cut short counts as not written.
type journal struct {
	file *os.File
	head journalHead
}

// A journalHead says what the run is: another run cannot go on with it.
type journalHead struct {
	Format   int    `json:"format"`
	Seed     uint64 `json:"seed"`
	Leaves   uint64 `json:"leaves"`
	CopyRows int    `json:"copyRows"`
}

// An event is an acknowledged COPY, and what the server had cost by then over all runs.
type event struct {
	Copy     uint64  `json:"copy"`
	Seconds  float64 `json:"seconds"` // while loading
	CPU      float64 `json:"cpu"`     // seconds of all processors
	Written  float64 `json:"written"` // bytes
	Resident float64 `json:"resident"`
	Peak     float64 `json:"peak"` // with resident: memory in 10^6 bytes
}

// openJournal opens or makes a journal and returns the events in it.
func openJournal(path string, head journalHead) (*journal, []event, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{file: f, head: head}
	events, err := j.events()
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, events, nil
}

// events reads the journal, cuts off an unfinished line, writes the head into an empty one, and leaves the file at its end.
func (j *journal) events() ([]event, error) {
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(j.file)
	if err != nil {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if err := j.file.Truncate(int64(len(whole))); err != nil {
		return nil, err
	}
	if _, err := j.file.Seek(int64(len(whole)), io.SeekStart); err != nil {
		return nil, err
	}
	if len(whole) == 0 {
		return nil, j.append(j.head)
	}
	d := json.NewDecoder(bytes.NewReader(whole))
	var head journalHead
	if err := d.Decode(&head); err != nil {
		return nil, err
	}
	if head != j.head {
		return nil, fmt.Errorf("it is of another run (%+v, this one is %+v): give another directory", head, j.head)
	}
	var events []event
	for {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}

func (j *journal) append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func (j *journal) close() error { return j.file.Close() }
