package main

import (
	"fmt"
	"os"
	"time"
)

// A progress writes one line to standard error, over and over, while long work goes on: only if that is a terminal, and
// only after the first second.
type progress struct {
	what  string
	total int64 // bytes or steps, 0 if not known
	count int64
	next  time.Time
	shown bool
	quiet bool
}

// progressEvery is how often the line is written.
const progressEvery = time.Second

func newProgress(what string, total int64) *progress {
	info, err := os.Stderr.Stat()
	return &progress{
		what:  what,
		total: total,
		next:  time.Now().Add(progressEvery),
		quiet: err != nil || info.Mode()&os.ModeCharDevice == 0,
	}
}

// Write counts bytes.
func (p *progress) Write(b []byte) (int, error) {
	p.set(p.count + int64(len(b)))
	return len(b), nil
}

func (p *progress) set(count int64) {
	p.count = count
	now := time.Now()
	if p.quiet || now.Before(p.next) {
		return
	}
	p.next = now.Add(progressEvery)
	p.shown = true
	if p.total > 0 {
		fmt.Fprintf(os.Stderr, "\r%s: %d %%", p.what, p.count*100/p.total)
	} else {
		fmt.Fprintf(os.Stderr, "\r%s: %d", p.what, p.count)
	}
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprintln(os.Stderr)
	}
}
