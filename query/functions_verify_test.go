package query

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
)

// An extenderFunc is a calendar that is asked for chains.
type extenderFunc func(from, to calendar.Second) (*ksi.CalendarChain, error)

func (f extenderFunc) Extend(_ context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	return f(from, to)
}

// TestVerifyFork: a proof that the calendar key signed over another calendar than the ledger's is disproven; one of a round that the
// calendar does not show yet is not.
func TestVerifyFork(t *testing.T) {
	const at calendar.Second = 1795310130
	document := merkle.Digest{1}
	private, certificate := ksitest.NewKey(2048, "ledger.example", at.Time(), at.Time())
	m := merkle.IssuerMetadata("ledger.example", "canton", "main", 1, int64(at))
	root := merkle.SlotNode(document.Imprint(), m.Append(nil))
	prove := func(past merkle.Digest) *ksi.Signature {
		part := &calendar.Part{}
		if err := errors.Join(part.Append(at-1, past), part.Append(at, root)); err != nil {
			t.Fatal(err)
		}
		chain, err := calendar.Prove(part, at, at)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ksi.SignAuthentication(rand.Reader, private, certificate, ksi.Publication{Time: at, Root: chain.Root(root).Imprint()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := ksi.Build(ksi.Parts{Round: at, Leaf: document.Imprint(), Chains: []merkle.Chain{{merkle.IssuerLink(m.Append(nil), 0, 1)}},
			CalendarTime: at, Calendar: chain, Authentication: signed})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	own := prove(merkle.Digest{2})
	fork := prove(merkle.Digest{3})
	ledger := extenderFunc(func(_, _ calendar.Second) (*ksi.CalendarChain, error) { return own.CalendarChain(), nil })
	behind := extenderFunc(func(_, _ calendar.Second) (*ksi.CalendarChain, error) {
		return nil, errors.New("the round is not closed")
	})
	for _, c := range []struct {
		name     string
		proof    *ksi.Signature
		calendar ksi.Extender
		want     ksi.Verdict
	}{
		{"the ledger's own", own, ledger, ksi.OK}, {"a fork", fork, ledger, ksi.FAIL}, {"a round that is not closed", own, behind, ksi.OK},
	} {
		o := ksi.Options{Policy: ksi.General, Certificates: []ksi.Certificate{certificate}, Extender: c.calendar}
		if r := verifyDigest(t.Context(), c.proof, document[:], o); r.Verdict != c.want {
			t.Errorf("%s: %s, want %s", c.name, r, c.want)
		}
	}
}
