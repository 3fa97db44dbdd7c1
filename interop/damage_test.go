package interop

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// signatureType is the text in a signature that names how the calendar key signed.
const signatureType = "1.2.840.113549.1.1.11"

// damagedProof returns a proof with aggregation links of all kinds: siblings, metadata and level corrections. The server
// that made it published a later second, which is trusted.
func damagedProof(t *testing.T) (*server, *trust, *filed) {
	t.Helper()
	s := startServer(t, t.TempDir(), "jurat")
	s.exec(t, `CREATE ROLE canton LOGIN`)
	s.fileDocuments(t, "canton", "main", "sha256", 1) // opens the slot
	s.fileDocuments(t, "jurat", "main", "sha256", 3)
	b := s.fileDocuments(t, "canton", "main", "sha256", 5)
	f := s.prove(t, b, 4)
	s.waitClosed(t, f.round.Add(time.Second))
	text := s.publish(t, f.round.Add(time.Second), "")
	w := s.trust(t)
	w.publication = text
	mustVerify(t, w, f)
	return s, w, f
}

// TestWrongBits asks both verifiers about a proof in which one bit is wrong, and about its extended form.
func TestWrongBits(t *testing.T) {
	s, w, f := damagedProof(t)
	x := *f
	x.signature = s.sqlExtend(t, f, time.Time{})
	mustAccept(t, w, &x, extendedPolicies...)
	bits := 1
	if text := os.Getenv("JURAT_INTEROP_BITS"); text != "" {
		var err error
		if bits, err = strconv.Atoi(text); err != nil || bits < 1 || bits > 8 {
			t.Fatalf("JURAT_INTEROP_BITS is %q, want 1 to 8", text)
		}
	}
	mustRefuseBits(t, w, f, "internal", bits)
	mustRefuseBits(t, w, f, "key-based", bits)
	mustRefuseBits(t, w, &x, "user-publication", bits)
}

// mustRefuseBits changes so many bits of each byte of a proof, one at a time. The verifiers must agree, and refuse unless
// the policy vouches for nothing.
func mustRefuseBits(t *testing.T, w *trust, f *filed, policy string, bits int) {
	t.Helper()
	flags, counts := headers(f.signature), map[string]int{}
	for i := range f.signature {
		for b := range bits {
			changed := bytes.Clone(f.signature)
			changed[i] ^= 1 << ((i + b) % 8)
			ours, theirs := ask(t, w, policy, f, changed)
			if !agree(ours, theirs) && !differs(policy, f.signature, i, ours, theirs) {
				t.Errorf("byte %d is %02x instead of %02x, policy %s: jurat says %s, goksi says %s", i, changed[i], f.signature[i], policy, ours, theirs)
			}
			flag := flags[i] && (changed[i]^f.signature[i])&0x60 != 0
			if policy != "internal" && ours.Verdict == "OK" && !flag {
				t.Errorf("byte %d is %02x instead of %02x, policy %s: accepted", i, changed[i], f.signature[i], policy)
			}
			counts[fmt.Sprintf("jurat %s, goksi %s", ours, theirs)]++
		}
	}
	for pair, n := range counts {
		t.Logf("policy %s: %5d %s", policy, n, pair)
	}
}

// differs reports whether the verifiers disagree about a wrong bit in byte i in one of the two ways that are known:
//
//   - The hash algorithm of an aggregation chain is none that goksi computes. It answers NA without a code, which is no
//     verdict. Jurat refuses an id that does not exist when it parses, and computes SHA3.
//   - The name of the signature type is not UTF-8. Goksi does not look at that, Jurat refuses it when it parses. With a
//     policy that looks at the calendar key both refuse.
func differs(policy string, proof []byte, i int, ours, theirs verdict) bool {
	if proof[i] == 1 && proof[i-1] == 1 && proof[i-2] == 6 {
		return ours.Verdict == "FAIL" && theirs == verdict{"NA", "None"}
	}
	at := i - bytes.Index(proof, []byte(signatureType))
	return policy == "internal" && at >= 0 && at < len(signatureType) && ours == verdict{"FAIL", ""} && theirs.Verdict == "OK"
}

// headers returns where the elements start whose header is neither hashed nor signed. Two bits of such a header tell
// readers what to do with elements that they do not know; on elements that they know the bits mean nothing and may change.
func headers(proof []byte) map[int]bool {
	nested := map[string]bool{"/800": true, "/800/801": true, "/800/801/7": true, "/800/801/8": true, "/800/802": true, "/800/805": true, "/800/805/b": true,
		"/800/803": true, "/800/803/10": true}
	at := map[int]bool{}
	var walk func(path string, start, end int)
	walk = func(path string, start, end int) {
		for start < end {
			at[start] = true
			tag, length, value := int(proof[start]&0x1f), int(proof[start+1]), start+2
			if proof[start]&0x80 != 0 {
				tag, length, value = tag<<8|int(proof[start+1]), int(proof[start+2])<<8|int(proof[start+3]), start+4
			}
			p := path + "/" + strconv.FormatInt(int64(tag), 16)
			if p == "/800/805/10" {
				delete(at, start)
			}
			if nested[p] {
				walk(p, value, value+length)
			}
			start = value + length
		}
	}
	walk("", 0, len(proof))
	return at
}

// TestCut asks both verifiers about proofs of which the end is missing.
func TestCut(t *testing.T) {
	_, w, f := damagedProof(t)
	for n := 0; n < len(f.signature); n += 7 {
		for _, policy := range []string{"internal", "key-based"} {
			ours, theirs := ask(t, w, policy, f, f.signature[:n])
			if want := (verdict{"FAIL", ""}); ours != want || theirs != want {
				t.Errorf("%d bytes of %d, %s: jurat says %s, goksi says %s", n, len(f.signature), policy, ours, theirs)
			}
		}
	}
}

// TestMore shows that jurat verify takes a proof and nothing more, while goksi reads the first element of what it is given
// and does not look whether anything follows.
func TestMore(t *testing.T) {
	_, w, f := damagedProof(t)
	for _, more := range [][]byte{{0}, f.signature} {
		ours, theirs := ask(t, w, "key-based", f, append(bytes.Clone(f.signature), more...))
		if ours != (verdict{"FAIL", ""}) || theirs != (verdict{"OK", ""}) {
			t.Errorf("%d bytes more: jurat says %s, goksi says %s", len(more), ours, theirs)
		}
	}
}
