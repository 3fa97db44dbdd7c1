package calendar

import (
	"fmt"
	"time"
)

// A Second counts seconds since 1970-01-01T00:00:00Z and is the index of that second's leaf in the calendar. Seconds
// only grow. Second 0 can be neither a round nor a publication: its calendar chain would have no link.
type Second int64

// layout is RFC 3339 in UTC without a fraction.
const layout = "2006-01-02T15:04:05Z"

// LastWritable is the last second that RFC 3339 can write, 9999-12-31T23:59:59Z. Foreign and hostile proofs may name later
// ones.
const LastWritable Second = 253402300799

// String returns s as RFC 3339 in UTC, "2026-11-22T01:15:30Z".
func (s Second) String() string { return s.Time().Format(layout) }

// Time returns s as a time in UTC.
func (s Second) Time() time.Time { return time.Unix(int64(s), 0).UTC() }

// RoundOf returns the round that a digest accepted at t belongs to: the round of second T holds what is accepted in
// (T-1, T], so that no proof claims a time earlier than the filing.
func RoundOf(t time.Time) Second {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return Second(s)
}

// ParseSecond reads the text that String writes, and nothing else.
func ParseSecond(text string) (Second, error) {
	t, err := time.Parse(layout, text)
	if err != nil || t.Format(layout) != text {
		return 0, fmt.Errorf("second %q: want the form 2026-11-22T01:15:30Z", text)
	}
	return Second(t.Unix()), nil
}
