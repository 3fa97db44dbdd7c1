package places

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A fullListener fails to accept as often as there are steps of a clock, and is closed then.
type fullListener struct {
	net.Listener
	now   time.Time
	steps []time.Duration
}

func (l *fullListener) Accept() (net.Conn, error) {
	if len(l.steps) == 0 {
		return nil, net.ErrClosed
	}
	l.now, l.steps = l.now.Add(l.steps[0]), l.steps[1:]
	return nil, syscall.EMFILE
}

// TestAcceptFails: the first failure is logged, and then one a minute, which tells of those before it.
func TestAcceptFails(t *testing.T) {
	ln := &fullListener{now: time.Unix(1_700_000_000, 0), steps: []time.Duration{0, time.Second, 58 * time.Second, time.Second, 0, 59 * time.Second, time.Hour}}
	var log strings.Builder
	a := NewAcceptor("connection", func() time.Time { return ln.now }, slog.New(slog.NewTextHandler(&log, nil)))
	a.retry = 0
	if err := a.Accept(t.Context(), ln, nil); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	var times []string
	for line := range strings.Lines(log.String()) {
		_, n, _ := strings.Cut(strings.TrimSpace(line), "times=")
		times = append(times, n)
	}
	if want := []string{"1", "3", "3"}; !slices.Equal(times, want) || a.Failed() != 7 {
		t.Errorf("%d failures, told %q, want %q", a.Failed(), times, want)
	}
	ln.steps = make([]time.Duration, 2)
	if _, err := a.Listener(ln).Accept(); !errors.Is(err, net.ErrClosed) || a.Failed() != 9 {
		t.Errorf("%d failures with those of a listener: %v", a.Failed(), err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Accept(over, ln, nil); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}
