package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	maxDelay    = 4 * time.Second  // between two answers to wrong passwords for one role from one address
	forgetAfter = time.Minute      // without a failure the delay is the first one again
	sweepEvery  = time.Second      // is looked for what can be forgotten, when much is remembered
	maxBacklog  = 10 * time.Second // what would be answered later, when the connection's time to start up is over, takes no turn
	maxGuesses  = 8                // wrong passwords for one role from one address that wait for their answer
	maxName     = 64               // bytes of a role's name that are remembered
	maxKnown    = 1 << 16          // what is remembered of; who comes when that many wait has the longest delay
)

// A guess is who fails to log in as whom; role is "" for what all roles from an address share.
type guess struct {
	from netip.Prefix
	role string
}

// guesses are what failed lately, or is looked at.
type guesses struct {
	slots    chan struct{} // holds one for each password that is looked at or wrong and not answered
	users    int           // of slots
	failures int
	next     time.Time // when the next failure may be answered
}

// A pace slows down who guesses.
type pace struct {
	delay time.Duration // the first

	mu      sync.Mutex
	guesses map[guess]*guesses // guarded by mu, with what the values hold
	swept   time.Time          // likewise
}

// enter waits until a password may be looked at. leave must follow when the client has its answer.
func (p *pace) enter(ctx context.Context, key guess) (*guesses, error) {
	p.mu.Lock()
	g := p.guesses[key]
	if g == nil {
		g = &guesses{slots: make(chan struct{}, maxGuesses)}
		p.guesses[key] = g // as many as connections that log in: those are bounded
	}
	g.users++
	p.mu.Unlock()
	select {
	case g.slots <- struct{}{}:
		return g, nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		g.users--
		return nil, context.Cause(ctx)
	}
}

// leave ends what enter began. One that has not failed is forgotten at once.
func (p *pace) leave(key guess, g *guesses) {
	<-g.slots
	p.mu.Lock()
	defer p.mu.Unlock()
	g.users--
	if g.users == 0 && (g.failures == 0 || len(p.guesses) > maxKnown) {
		delete(p.guesses, key)
	}
}

// turn returns how long a failed login waits for its answer.
func (p *pace) turn(key guess, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepLocked(now)
	at := p.takeLocked(guess{from: key.from}, now, p.delay)
	if own := p.takeLocked(key, now, maxDelay); own.After(at) {
		at = own
	}
	return at.Sub(now)
}

// takeLocked takes the next answer of a key. It comes a delay after the one before, which doubles with each failure up to most. One that
// would come too late is not taken.
func (p *pace) takeLocked(key guess, now time.Time, most time.Duration) time.Time {
	g := p.guesses[key]
	if g == nil {
		if len(p.guesses) >= maxKnown {
			return now.Add(most)
		}
		g = &guesses{slots: make(chan struct{}, maxGuesses)}
		p.guesses[key] = g
	}
	if now.Sub(g.next) > forgetAfter {
		g.failures = 0
	}
	if g.next.Before(now) {
		g.next = now
	}
	next := g.next.Add(min(p.delay<<min(g.failures, 10), most))
	g.failures++
	if next.Sub(now) <= maxBacklog {
		g.next = next
	}
	return next
}

// sweepLocked forgets what is over, more often when there is much.
func (p *pace) sweepLocked(now time.Time) {
	every := sweepEvery
	if len(p.guesses) < maxKnown/2 {
		every = forgetAfter
	}
	if now.Sub(p.swept) < every {
		return
	}
	p.swept = now
	for key, g := range p.guesses {
		if g.users == 0 && now.Sub(g.next) > forgetAfter {
			delete(p.guesses, key)
		}
	}
}
