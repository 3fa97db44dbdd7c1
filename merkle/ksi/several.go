package ksi

import "context"

// VerifyOneOf is Verify for one of several signatures, of different times or ledgers, that are verified by the same options: under the policy
// General, a publication that the signature does not rest on leaves it to what else is trusted.
func VerifyOneOf(ctx context.Context, s *Signature, o Options) Result {
	result := Verify(ctx, s, o)
	if result.Verdict == NA && o.Policy == General && o.Publication != nil {
		o.Publication = nil
		result = Verify(ctx, s, o)
	}
	return result
}
