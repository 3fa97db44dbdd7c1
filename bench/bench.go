package bench

import (
	"context"
	"fmt"
	"time"
)

// A Bench carries out benchmarks and gathers what they measure.
type Bench struct {
	// Seed chooses the digests.
	Seed uint64
	// Runs is how often each contender runs, alternately.
	Runs int
	// Seconds is about how long one timed run takes, where its length can be chosen.
	Seconds float64
	// Progress is told what is being done and how far it is; total is 0 where it is not known.
	Progress func(what string, done, total int64)
	// Record takes the samples.
	Record *Record
}

// A Contender is one of several ways to do the same work.
type Contender struct {
	// Name is the part "by" of its samples' names: no slash in it.
	Name string
	// Run does the work once and returns what it measured, and a checksum of what it computed.
	Run func(ctx context.Context, run int) (values map[string]float64, checksum string, err error)
}

// Alternate runs all contenders in turn, Runs times, and records their samples under name. Those that give a checksum
// must agree on it.
func (b *Bench) Alternate(ctx context.Context, name string, contenders ...Contender) error {
	agreed := ""
	for run := range b.Runs {
		for i, c := range contenders {
			s, err := b.measure(ctx, name, c, run, run*len(contenders)+i, b.Runs*len(contenders))
			if err != nil {
				return err
			}
			if agreed == "" {
				agreed = s.Checksum
			}
			if s.Checksum != "" && s.Checksum != agreed {
				return fmt.Errorf("%s: computed %s, another contender %s", s.Name, s.Checksum, agreed)
			}
			b.Record.Samples = append(b.Record.Samples, s)
		}
	}
	return nil
}

// measure runs a contender once: done of all such runs were before.
func (b *Bench) measure(ctx context.Context, name string, c Contender, run, done, all int) (Sample, error) {
	if ctx.Err() != nil {
		return Sample{}, context.Cause(ctx)
	}
	full := name + "/by=" + c.Name
	b.Progress(full, int64(done), int64(all))
	values, checksum, err := c.Run(ctx, run)
	if err != nil {
		return Sample{}, fmt.Errorf("%s: %w", full, err)
	}
	return Sample{Name: full, Run: run, Values: values, Checksum: checksum}, nil
}

// Promise records what an acknowledgement of a contender means.
func (b *Bench) Promise(contender, durability string) {
	if b.Record.Durability == nil {
		b.Record.Durability = make(map[string]string)
	}
	b.Record.Durability[contender] = durability
}

// repeat calls work until seconds have passed, at least once, and returns how often and how long it took.
func repeat(seconds float64, work func()) (times int, took time.Duration) {
	start := time.Now()
	for {
		work()
		times++
		if took = time.Since(start); took.Seconds() >= seconds {
			return times, took
		}
	}
}
