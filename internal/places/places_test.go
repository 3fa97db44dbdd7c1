package places

import (
	"net"
	"testing"
)

// TestPlaces has one address take all it gets: it leaves places for others, and gives its own back.
func TestPlaces(t *testing.T) {
	p := New(10)
	take := func(from string) (n int) {
		for range 20 {
			if p.Take(from) {
				n++
			}
		}
		return n
	}
	for _, want := range []struct {
		from string
		n    int
	}{{"hog", 6}, {"second", 3}, {"third", 1}, {"fourth", 0}} {
		if n := take(want.from); n != want.n {
			t.Errorf("%s has %d of 10, want %d", want.from, n, want.n)
		}
	}
	for range 4 {
		p.Leave("hog")
	}
	if n := take("fourth"); n != 3 || p.Taken() != 9 {
		t.Errorf("a fourth one has %d, %d are taken", n, p.Taken())
	}
}

// TestOrigin: an IPv6 customer is one address, and IPv4 in IPv6 is IPv4.
func TestOrigin(t *testing.T) {
	for a, want := range map[string]string{"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := Origin(&net.TCPAddr{IP: net.ParseIP(a)}); got != want {
			t.Errorf("%s is %s", a, got)
		}
	}
}
