package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Format is the version of the JSON form of a Record. Read refuses others.
const Format = 1

// A Record is what one run of the program measured, and all that is needed to judge it.
type Record struct {
	Format     int               `json:"format"`
	Started    time.Time         `json:"started"`
	Command    []string          `json:"command"`              // the command line, without the program
	Durability map[string]string `json:"durability,omitempty"` // by contender: what an acknowledgement means
	Machine    Machine           `json:"machine"`
	Commit     string            `json:"commit"`
	Seed       uint64            `json:"seed"`
	Samples    []Sample          `json:"samples"`
}

// A Sample is one timed run of one contender.
type Sample struct {
	// Name says what was measured: a word and then key=value parts, separated by slashes. The contender is the part "by", the last.
	Name string `json:"name"`
	// Run counts the alternating runs from 0.
	Run int `json:"run"`
	// Values are the results by unit. The package comment lists the units.
	Values map[string]float64 `json:"values"`
	// Checksum is of what was computed, empty if the answer depends on when it was given.
	Checksum string `json:"checksum,omitempty"`
}

// Key returns the value of a part of the sample's name, empty if it has no such part.
func (s *Sample) Key(key string) string {
	for part := range strings.SplitSeq(s.Name, "/") {
		if k, v, ok := strings.Cut(part, "="); ok && k == key {
			return v
		}
	}
	return ""
}

// What returns the first word of the sample's name, such as "tree".
func (s *Sample) What() string {
	what, _, _ := strings.Cut(s.Name, "/")
	return what
}

// Rivals returns the name without the contender: samples that have it in common are compared.
func (s *Sample) Rivals() string {
	rivals, _, _ := strings.Cut(s.Name, "/by=")
	return rivals
}

// Write writes r as JSON.
func (r *Record) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// errFormat says that the input is no record.
var errFormat = errors.New("no record of \"jurat bench --json\"")

// Read reads a record that Write wrote. Unknown fields and versions are errors.
func Read(r io.Reader) (*Record, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var record Record
	if err := d.Decode(&record); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	if record.Format != Format {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", errFormat, record.Format, Format)
	}
	for i := range record.Samples {
		if s := &record.Samples[i]; s.Key("by") == "" || len(s.Values) == 0 {
			return nil, fmt.Errorf("%w: sample %d, %q, names no contender or has no values", errFormat, i, s.Name)
		}
	}
	return &record, nil
}
