package seal_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// otherServer makes the first key one of another server, for the time of a test: its certificate bears that name.
func otherServer(t *testing.T) ksi.Certificate {
	t.Helper()
	own := keys()[0]
	private, cert := ksitest.NewKey(2048, "evil.example", (round - 3600).Time(), round.Time())
	signer = calendarKey{private, cert}
	t.Cleanup(func() { signer = own })
	return cert
}

// TestOtherServersKey: a calendar key that is trusted, but is that of another server, vouches for neither a seal nor landmarks nor a
// status list of this ledger.
func TestOtherServersKey(t *testing.T) {
	cert := otherServer(t)
	c := extract(t)
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	trusted := []ksi.Certificate{cert}

	r := seal.Verify(w.immediate(path, c, signer), seal.Options{Certificates: trusted})
	if r.Verdict != seal.UnknownKey || !strings.Contains(r.Sentence, "is that of evil.example") {
		t.Errorf("a seal: %s: %s", r.Verdict, r.Sentence)
	}
	set, err := w.landmarks(server).Verify(landmark.Options{Certificates: trusted})
	if err != nil {
		t.Fatal(err)
	}
	if r := seal.Verify(w.anchored(path, c), seal.Options{Landmarks: set}); r.Verdict != seal.CannotTell || r.Basis.Kind != landmark.Unvouched {
		t.Errorf("landmarks: %s by %s", r.Verdict, r.Basis)
	}
	list := statusBundle(t, bundle.Header{Agency: agency, From: round, To: newest}, round+10, 1,
		[]merkle.Digest{seal.StatusLeaf(c.Leaf(), seal.StatusRevoked, nil)})
	for name, o := range map[string]ksi.Options{"given": {Certificates: trusted}, "remembered": {Named: trusted}} {
		o.Policy = ksi.General
		l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(list), o)
		if err != nil || !strings.Contains(l.Missing, `"evil.example"`) {
			t.Errorf("a status list, the key %s: %v, missing is %q", name, err, l.Missing)
		}
	}
}

// TestUnvouchedLandmarks: landmarks that anybody could have made up do not make a genuine seal an altered one.
func TestUnvouchedLandmarks(t *testing.T) {
	c := extract(t)
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root})
	anchored, immediate := w.anchored(path, c), w.immediate(path, c, keys()[0])
	otherServer(t) // signs the landmarks
	idle, _ := file(t, c.Leaf(), round+landmark.BlockSeconds, place{0, 1, 0, 1})
	trusted := []ksi.Certificate{keys()[0].cert}
	for _, x := range []struct {
		name    string
		seal    *seal.Seal
		forged  *world
		verdict seal.Verdict
		basis   landmark.BasisKind
	}{
		{"anchored", anchored, newWorld(t, nil), seal.CannotTell, landmark.Unvouched},
		{"immediate", immediate, newWorld(t, nil), seal.Valid, landmark.ByKey},
		{"immediate, an idle block", w.immediate(idle, c, keys()[0]), w, seal.Valid, landmark.ByKey},
	} {
		set, err := x.forged.landmarks(server).Verify(landmark.Options{Certificates: trusted})
		if err != nil {
			t.Fatal(err)
		}
		r := seal.Verify(x.seal, seal.Options{Landmarks: set, Certificates: trusted, Details: []*landmark.Detail{x.forged.detail(landmark.BlockOf(round))}})
		if r.Verdict != x.verdict || r.Basis.Kind != x.basis || (r.Missing != "") != (x.verdict == seal.CannotTell) {
			t.Errorf("%s: %s by %s: %s", x.name, r.Verdict, r.Basis, r.Sentence)
		}
	}
}
