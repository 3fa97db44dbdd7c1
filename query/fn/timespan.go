package fn

import (
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

// A timespan is the times from from up to, not including, to, all finite. The times of a ledger mostly follow each other, so what
// is the same for a whole hour or day of clock time is computed once for it. The zero timespan is empty.
type timespan struct{ from, to int64 }

func (s timespan) holds(t int64) bool { return t >= s.from && t < s.to }

// unitSpan returns the span around a finite time in which the clocks of a zone do not change, and which does not reach beyond
// the minute, the hour or the day of the clocks: whichever is the largest that a unit of date_trunc or extract is constant in. It
// is empty for units below. Of a timestamp the zone is UTC.
func unitSpan(zone *time.Location, unit string, t int64) timespan {
	length := value.Day
	switch unit {
	case "minute":
		length = value.Minute
	case "hour":
		length = value.Hour
	case "second", "milliseconds", "microseconds", "epoch", "julian":
		return timespan{}
	}
	off, from, to := value.ZoneSpan(zone, t)
	start := value.FloorDiv(t+off, length)*length - off
	return timespan{max(from, start), min(to, start+length)}
}
