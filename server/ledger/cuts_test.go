package ledger

import (
	"math/rand/v2"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// TestCutCache puts and gets random cuts, compared with all that were ever put: what is there is what was put last under its name, the last
// one always is, and names that hardly differ do not push each other out.
func TestCutCache(t *testing.T) {
	c := make(cutCache, 1000)
	rnd := rand.New(rand.NewPCG(1, 2))
	last := make(map[cutName]*leafTile)
	for range 20000 {
		name := cutName{slotName{calendar.Second(rnd.IntN(3)), uint32(rnd.IntN(2))}, rnd.Uint64N(2000)}
		if got := c.get(name); got != nil && got != last[name] {
			t.Fatalf("%v is another cut", name)
		}
		last[name] = new(leafTile)
		c.put(name, last[name])
		if c.get(name) != last[name] {
			t.Fatalf("%v is not there", name)
		}
	}
	clear(c)
	const neighbours = 500
	for i := range uint64(neighbours) {
		c.put(cutName{slotName{7, 1}, i}, new(leafTile))
	}
	kept := 0
	for i := range uint64(neighbours) {
		if c.get(cutName{slotName{7, 1}, i}) != nil {
			kept++
		}
	}
	if kept < neighbours*9/10 {
		t.Errorf("%d of %d neighbours are kept", kept, neighbours)
	}
}
