package bench

import (
	"math/bits"
	"time"
)

// fine is how many bits of a duration below its highest one a Latency tells apart: steps of 1/64, under 1.6 %.
const fine = 6

// A Latency counts durations by size. It takes the same memory for any number of them. The zero Latency is empty.
type Latency struct {
	counts [(64 - fine + 1) << fine]uint64
	n      uint64
	max    time.Duration
}

// Add counts one duration; a negative one counts as 0.
func (l *Latency) Add(d time.Duration) {
	l.counts[slot(uint64(max(d, 0)))]++
	l.n++
	l.max = max(l.max, d)
}

// Merge adds all that o counted.
func (l *Latency) Merge(o *Latency) {
	for i, n := range o.counts {
		l.counts[i] += n
	}
	l.n += o.n
	l.max = max(l.max, o.max)
}

// Count returns how many durations were added.
func (l *Latency) Count() uint64 { return l.n }

// Quantile returns the smallest duration that at least a share q of all stay within, rounded up by less than 1.6 %; 0 if there
// are none.
func (l *Latency) Quantile(q float64) time.Duration {
	rank, seen := uint64(q*float64(l.n)+0.999999), uint64(0)
	for i, n := range l.counts {
		if seen += n; seen >= rank && n > 0 {
			return min(largest(i), l.max)
		}
	}
	return l.max
}

// Report adds the usual quantiles to values, in microseconds.
func (l *Latency) Report(values map[string]float64) {
	if l.n == 0 {
		return
	}
	for unit, q := range map[string]float64{"p50-us": 0.5, "p99-us": 0.99, "p999-us": 0.999} {
		values[unit] = float64(l.Quantile(q)) / 1e3
	}
}

// slot returns which count v belongs to: below 1<<fine each value has its own, above the highest bit and the next fine ones
// decide.
func slot(v uint64) int {
	if v < 1<<fine {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - fine
	return (shift+1)<<fine | int(v>>shift)&(1<<fine-1)
}

// largest returns the greatest duration of a slot.
func largest(slot int) time.Duration {
	if slot < 1<<fine {
		return time.Duration(slot)
	}
	shift := slot>>fine - 1
	return time.Duration((uint64(slot&(1<<fine-1)|1<<fine)+1)<<shift - 1)
}
