package ksi

import (
	"context"
	"slices"
)

// VerifyOneOf is Verify for one of several signatures, of different times or ledgers, that are verified by the same options: under the policy
// General, a publication that the signature does not rest on leaves it to what else is trusted. All certificates count as Named, those of
// a publications file too, and its publications for the ledgers alone whose certificates it holds: what is trusted for one of the ledgers says nothing
// of what another one filed. A publication string bears no name: once it has confirmed a signature of a ledger, which o notes, it counts for that
// ledger alone, since each has a calendar of its own.
func VerifyOneOf(ctx context.Context, s *Signature, o *Options) Result {
	one := *o
	one.allNamed = true
	result := Verify(ctx, s, one)
	if result.Verdict == OK && result.Policy == UserPublication {
		o.publicationOf = s.Ledger()
	}
	if result.Verdict == NA && o.Policy == General && o.Publication != nil {
		one.Publication = nil
		if other := Verify(ctx, s, one); other.Verdict != NA {
			return other
		}
	}
	return result
}

// AppendCertificate appends to the certificates of the keys that confirmed other proofs the one that r rests on, unless it is there or r rests
// on none.
func (r *Result) AppendCertificate(all []Certificate) []Certificate {
	if r.Certificate == nil || slices.ContainsFunc(all, func(c Certificate) bool { return c.X509.Equal(r.Certificate.X509) }) {
		return all
	}
	return append(all, *r.Certificate)
}
