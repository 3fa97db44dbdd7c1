package interop

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/guardtime/goksi/signature"
	"github.com/guardtime/goksi/signature/verify/result"
)

// goksiPolicies are goksi's names of the policies of jurat verify.
var goksiPolicies = map[string]signature.Policy{
	"general":           signature.DefaultVerificationPolicy,
	"internal":          signature.InternalVerificationPolicy,
	"key-based":         signature.KeyBasedVerificationPolicy,
	"publications-file": signature.PublicationsFileBasedVerificationPolicy,
	"user-publication":  signature.UserProvidedPublicationBasedVerificationPolicy,
	"calendar-based":    signature.CalendarBasedVerificationPolicy,
}

// keyPolicies are the policies that accept a proof which is not extended, without an extender.
var keyPolicies = []string{"general", "internal", "key-based"}

// goksiVerdict asks goksi. Bytes that it cannot parse are a FAIL, as jurat verify calls them.
func goksiVerdict(t *testing.T, policy signature.Policy, proof []byte, options ...signature.VerCtxOption) verdict {
	t.Helper()
	s, err := signature.New(signature.BuildNoVerify(signature.BuildFromStream(bytes.NewReader(proof))))
	if err != nil {
		return verdict{Verdict: result.FAIL.String()}
	}
	return goksiVerify(t, policy, s, options...)
}

func goksiVerify(t *testing.T, policy signature.Policy, s *signature.Signature, options ...signature.VerCtxOption) verdict {
	t.Helper()
	context, err := signature.NewVerificationContext(s, options...)
	if err != nil {
		t.Fatal(err)
	}
	// An error comes with the verdict NA: goksi could not finish.
	code, verifyErr := policy.Verify(context)
	v := verdict{Verdict: code.String()}
	if code == result.OK {
		return v
	}
	results, err := context.Result()
	if err != nil {
		t.Fatalf("%v, %v", err, verifyErr)
	}
	last := results.FinalResult()
	rule, err := last.ErrorCode()
	if err != nil {
		t.Fatalf("%v, %v", err, verifyErr)
	}
	v.Code = rule.String()
	return v
}

// mustVerify demands that both verifiers accept a proof which is not extended under every policy that can, and that goksi
// reads out of it who filed it, and when.
func mustVerify(t *testing.T, w *trust, f *filed) {
	t.Helper()
	mustAccept(t, w, f, keyPolicies...)
	if v := juratVerdict(t, "general", f.path, f.path+".ksig", "--certificate", w.certificates); v.Verdict != "OK" {
		t.Errorf("%s, general with a certificate: jurat says %s", f, v)
	}
	mustTell(t, f)
}

// mustAccept demands that both verifiers accept a proof under policies.
func mustAccept(t *testing.T, w *trust, f *filed, policies ...string) {
	t.Helper()
	for _, p := range policies {
		if ours, theirs := ask(t, w, p, f, f.signature); ours.Verdict != "OK" || theirs.Verdict != "OK" {
			t.Errorf("%s, %s: jurat says %s, goksi says %s", f, p, ours, theirs)
		}
	}
}

// mustTell demands that goksi reads the right time and identity out of a signature.
func mustTell(t *testing.T, f *filed) {
	t.Helper()
	s, err := signature.New(signature.BuildFromStream(bytes.NewReader(f.signature)))
	if err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	at, err := s.SigningTime()
	if err != nil || !at.Equal(f.round) {
		t.Errorf("%s: goksi reads the time %s, %v", f, at.UTC().Format(time.RFC3339), err)
	}
	identities, err := s.AggregationHashChainIdentity()
	if err != nil || len(identities) != 1+len(f.claims) {
		t.Fatalf("%s: goksi reads the identities %v, %v", f, identities, err)
	}
	for i, claim := range f.claims {
		if client, err := identities[i].ClientID(); err != nil || client != claim {
			t.Errorf("%s: goksi reads client %q, want %q, %v", f, client, claim, err)
		}
	}
	last := identities[len(f.claims)] // goksi lists them from the document up
	client, err1 := last.ClientID()
	machine, err2 := last.MachineID()
	if err1 != nil || err2 != nil || client != f.agency || machine != f.server+"/"+f.lane {
		t.Errorf("%s: goksi reads client %q, machine %q, %v, %v", f, client, machine, err1, err2)
	}
	micros, err := last.RequestTime()
	if want := uint64(f.round.UnixMicro()); err != nil || micros != want {
		t.Errorf("%s: goksi reads request time %d, want %d, %v", f, micros, want, err)
	}
	again, err := s.Serialize()
	if err != nil || !bytes.Equal(again, f.signature) {
		t.Errorf("%s: goksi writes other bytes than it read (%v)", f, err)
	}
}

// ask puts one question to both verifiers.
func ask(t *testing.T, w *trust, policy string, document *filed, proof []byte) (ours, theirs verdict) {
	t.Helper()
	path := document.path + ".asked"
	writeFile(t, path, proof)
	args, options := w.question(t, policy)
	ours = juratVerdict(t, policy, document.path, path, args...)
	options = append(options, signature.VerCtxOptDocumentHash(document.imprint))
	theirs = goksiVerdict(t, goksiPolicies[policy], proof, options...)
	return ours, theirs
}

// agree reports whether two verdicts are the same. One verifier may refuse to parse what the other one parses and finds
// wrong: then the code of one is empty.
func agree(a, b verdict) bool {
	return a.Verdict == b.Verdict && (a.Code == b.Code || a.Code == "" || b.Code == "")
}

func (v verdict) String() string { return fmt.Sprintf("%s %s", v.Verdict, v.Code) }
