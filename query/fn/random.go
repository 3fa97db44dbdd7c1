package fn

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/value"
)

// Random is where a session's random() takes its numbers from: nobody can foresee them, until setseed makes them the ones that
// Postgres 15 gives after the same seed. The zero value is ready. Several goroutines may use it.
type Random struct {
	mu     sync.Mutex
	seeded bool
	a, b   uint64 // state of xoroshiro128**
}

// randomFunctions declares random and setseed.
func randomFunctions() []*Function {
	return []*Function{
		def("random() float8 volatile", map0[floats](func(env *Env) (float64, error) { return env.Session.Random().next(), nil })),
		def("setseed(float8) void volatile", map1[floats, ints](func(env *Env, seed float64) (int64, error) {
			if !(seed >= -1 && seed <= 1) { // NaN neither
				shown := strings.TrimPrefix(strings.Replace(fmt.Sprintf("%.6g", seed), "Inf", "Infinity", 1), "+")
				return 0, value.Errorf(value.CodeInvalidParameter, "setseed parameter %s is out of allowed range [-1,1]", shown)
			}
			env.Session.Random().seed(seed)
			return 0, nil
		})),
	}
}

// seed begins the numbers that belong to a seed between -1 and 1.
func (r *Random) seed(seed float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := uint64(int64((1<<52 - 1) * seed))
	r.a, r.b, r.seeded = splitmix(&state), splitmix(&state), true
}

// next returns a number of at least 0 and less than 1.
func (r *Random) next() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seeded {
		return rand.Float64()
	}
	a, mixed := r.a, r.a^r.b
	r.a = bits.RotateLeft64(a, 24) ^ mixed ^ mixed<<16
	r.b = bits.RotateLeft64(mixed, 37)
	return float64(bits.RotateLeft64(a*5, 7)*9>>12) / (1 << 52)
}

// splitmix is SplitMix64, which spreads a seed over more bits.
func splitmix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	x := *state
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
