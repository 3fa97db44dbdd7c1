package wire

import (
	"testing"
	"time"
)

// TestOrigins has one address open connections and not log in: it leaves places for others, and gives its own back.
func TestOrigins(t *testing.T) {
	s := New(Config{Handler: struct{ Handler }{}, Now: time.Now, MaxConnections: 10})
	opened := func(from string, n int) (list []*conn) {
		for range n {
			if c := (&conn{srv: s, origin: from}); s.add(c) {
				list = append(list, c)
			}
		}
		return list
	}
	hog := opened("hog", 20)
	if len(hog) != 6 {
		t.Fatalf("one address has %d of 10 places", len(hog))
	}
	if n := len(opened("second", 20)); n != 3 {
		t.Errorf("another has %d", n)
	}
	if n := len(opened("third", 20)); n != 1 {
		t.Errorf("a third one has %d", n)
	}
	for _, c := range hog[:3] {
		s.remove(c)
	}
	if !s.admit(hog[3], cancelKey) {
		t.Error("not admitted")
	}
	if n := len(opened("fourth", 20)); n != 3 {
		t.Errorf("a fourth one has %d", n)
	}
	if n := s.starting.Taken(); n != 9 {
		t.Errorf("%d are starting up", n)
	}
}
