package interop

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	stdhash "hash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guardtime/goksi/hash"
	"github.com/guardtime/goksi/signature"
	"github.com/guardtime/goksi/treebuilder"
)

// documents writes n different files and returns their paths and contents.
func documents(t *testing.T, stream string, n int) (paths []string, contents [][]byte) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("%s-%d.txt", stream, i))
		text := fmt.Appendf(nil, "%s document %d\n", stream, i)
		writeFile(t, path, text)
		paths, contents = append(paths, path), append(contents, text)
	}
	return paths, contents
}

// algorithms are the hash algorithms of leaves that the tests use, with goksi's names of them. Those that neither the
// standard library nor goksi computes have no function.
var algorithms = map[string]struct {
	id   hash.Algorithm
	hash func() stdhash.Hash
}{
	"sha256":    {hash.SHA2_256, sha256.New},
	"ripemd160": {hash.RIPEMD160, nil},
	"sha384":    {hash.SHA2_384, sha512.New384},
	"sha512":    {hash.SHA2_512, sha512.New},
	"sha3-224":  {hash.SHA3_224, func() stdhash.Hash { return sha3.New224() }},
	"sha3-256":  {hash.SHA3_256, func() stdhash.Hash { return sha3.New256() }},
	"sha3-384":  {hash.SHA3_384, func() stdhash.Hash { return sha3.New384() }},
	"sha3-512":  {hash.SHA3_512, func() stdhash.Hash { return sha3.New512() }},
	"sm3":       {hash.SM3, nil},
}

// imprintOf hashes a document. An algorithm without function gives a digest that is made up.
func imprintOf(algorithm string, document []byte) hash.Imprint {
	a := algorithms[algorithm]
	if a.hash == nil {
		return append(hash.Imprint{byte(a.id)}, bytes.Repeat([]byte{7}, a.id.Size())...)
	}
	h := a.hash()
	h.Write(document)
	return h.Sum([]byte{byte(a.id)})
}

// A batch is documents whose hashes were filed with one statement, so that they share a round.
type batch struct {
	agency, lane string
	imprints     []hash.Imprint
	receipts     []string
	paths        []string
}

// fileDocuments files n new documents.
func (s *server) fileDocuments(t *testing.T, agency, lane, algorithm string, n int) *batch {
	t.Helper()
	paths, contents := documents(t, lane+"-"+algorithm, n)
	b := &batch{agency: agency, lane: lane, paths: paths}
	digests := make([][]byte, n)
	for i := range digests {
		imprint := imprintOf(algorithm, contents[i])
		digests[i], b.imprints = imprint.Digest(), append(b.imprints, imprint)
	}
	b.receipts = s.file(t, agency, lane, algorithm, digests)
	return b
}

// prove fetches the proof of a batch's i-th document and puts it beside the document.
func (s *server) prove(t *testing.T, b *batch, i int) *filed {
	t.Helper()
	f := s.fetch(t, b.agency, b.lane, b.receipts[i])
	f.path, f.imprint = b.paths[i], b.imprints[i]
	writeFile(t, f.path+".ksig", f.signature)
	return f
}

// sample returns some of n indices: the ends, what is next to powers of two, and a few at random.
func sample(n int) []int {
	var at []int
	for i := 1; i <= n; i *= 2 {
		at = append(at, i-1, i, i+1)
	}
	at = append(at, n-2, n-1)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for range 8 {
		at = append(at, r.IntN(n))
	}
	at = slices.DeleteFunc(at, func(i int) bool { return i < 0 || i >= n })
	slices.Sort(at)
	return slices.Compact(at)
}

func TestOneSlot(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	w := s.trust(t)
	for _, c := range []struct {
		algorithm string
		n         int
	}{{"sha256", 1}, {"sha256", 2}, {"sha256", 3}, {"sha256", 16}, {"sha256", 33}, {"sha256", 1000}, {"sha384", 1}, {"sha512", 1}, {"sha512", 300}} {
		t.Run(fmt.Sprintf("%s/%d", c.algorithm, c.n), func(t *testing.T) {
			b := s.fileDocuments(t, "jurat", "main", c.algorithm, c.n)
			for _, i := range sample(c.n) {
				mustVerify(t, w, s.prove(t, b, i))
			}
		})
	}
}

// TestManySlots files in 15 slots, in the rounds as they fall; the log tells how many slots share one.
func TestManySlots(t *testing.T) {
	s := startServer(t, t.TempDir(), "ledger.example")
	agencies := []string{"canton", "city-1", "x", "a_b", strings.Repeat("office.", 9)} // the last has 63 bytes, the longest name
	lanes := []string{"main", "seal", "ksi"}
	for _, a := range agencies {
		s.exec(t, fmt.Sprintf(`CREATE ROLE %q LOGIN`, a))
	}
	w := s.trust(t)
	for pass, take := range []func(slot int) int{
		func(slot int) int { return 1 },          // opens the lanes
		func(slot int) int { return slot%5 + 1 }, // all slots
		func(slot int) int { return slot % 3 },   // two of three slots
	} {
		t.Run(strconv.Itoa(pass), func(t *testing.T) {
			var batches []*batch
			for i, a := range agencies {
				for j, l := range lanes {
					if n := take(i*len(lanes) + j); n > 0 {
						batches = append(batches, s.fileDocuments(t, a, l, []string{"sha256", "sha512"}[i%2], n))
					}
				}
			}
			sharing := map[string]int{}
			for _, b := range batches {
				for i := range b.receipts {
					mustVerify(t, w, s.prove(t, b, i))
				}
				round, _, _ := strings.Cut(b.receipts[0], "/")
				sharing[round]++
			}
			t.Logf("slots in a round: %v", sharing)
		})
	}
}

// TestAlgorithms files a hash of every algorithm that the server takes. With two of them goksi cannot hash a document, so
// the hash itself is put to it.
func TestAlgorithms(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	w := s.trust(t)
	for name, a := range algorithms {
		f := s.prove(t, s.fileDocuments(t, "jurat", "main", name, 1), 0)
		if a.hash != nil {
			mustVerify(t, w, f)
			continue
		}
		for _, p := range keyPolicies {
			_, options := w.question(t, p)
			options = append(options, signature.VerCtxOptDocumentHash(f.imprint))
			if v := goksiVerdict(t, goksiPolicies[p], f.signature, options...); v.Verdict != "OK" {
				t.Errorf("%s, %s: goksi says %s", name, p, v)
			}
		}
	}
}

// TestSign verifies what jurat sign writes.
func TestSign(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	s.exec(t, `CREATE ROLE canton LOGIN`)
	w := s.trust(t)
	t.Setenv("JURAT_SERVER", s.url("canton"))
	paths, contents := documents(t, "signed", 5)
	if out, code := jurat(t, t.TempDir(), append([]string{"sign", "--lane", "seal", "--algorithm", "sha512"}, paths...)...); code != 0 {
		t.Fatalf("jurat sign ends with %d: %s", code, out)
	}
	for i, path := range paths {
		proof, err := os.ReadFile(path + ".ksig")
		if err != nil {
			t.Fatal(err)
		}
		read, err := signature.New(signature.BuildFromFile(path + ".ksig"))
		if err != nil {
			t.Fatal(err)
		}
		at, err := read.SigningTime()
		if err != nil {
			t.Fatal(err)
		}
		mustVerify(t, w, &filed{
			agency: "canton", lane: "seal", server: "jurat", round: at, imprint: imprintOf("sha512", contents[i]), path: path, signature: proof,
		})
	}
}

// TestOwnTree builds a hash tree with goksi, files its root in the lane for roots, and verifies proofs of the tree's
// leaves that goksi puts together from its own chains and our signature.
func TestOwnTree(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	w := s.trust(t)
	for _, n := range []int{1, 2, 5, 64} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			tree, err := treebuilder.New(treebuilder.TreeOptAlgorithm(hash.SHA2_256))
			if err != nil {
				t.Fatal(err)
			}
			paths, contents := documents(t, "own", n)
			for _, c := range contents {
				if err := tree.AddNode(imprintOf("sha256", c)); err != nil {
					t.Fatal(err)
				}
			}
			root, level, err := tree.Aggregate()
			if err != nil {
				t.Fatal(err)
			}
			other := sha256.Sum256([]byte("another tree"))
			receipts := s.file(t, "jurat", "ksi", "sha256", [][]byte{root.Digest(), other[:]})
			f := s.fetch(t, "jurat", "ksi", receipts[0])
			mustBearLevels(t, f)
			if level == 0 {
				return
			}
			upper, err := signature.New(signature.BuildFromStream(bytes.NewReader(f.signature)))
			if err != nil {
				t.Fatal(err)
			}
			leaves, err := tree.Leafs()
			if err != nil {
				t.Fatal(err)
			}
			for i, leaf := range leaves {
				mustJoin(t, w, upper, leaf, &filed{
					agency: "jurat", lane: "ksi", server: s.name, round: f.round, imprint: imprintOf("sha256", contents[i]), path: paths[i],
				})
			}
		})
	}
}

// mustBearLevels demands that the signature of a root allows 32 levels below it and no more.
func mustBearLevels(t *testing.T, f *filed) {
	t.Helper()
	for level, want := range map[byte]verdict{0: {"OK", ""}, 31: {"OK", ""}, 32: {"OK", ""}, 33: {"FAIL", "GEN-03"}} {
		v := goksiVerdict(t, signature.InternalVerificationPolicy, f.signature, signature.VerCtxOptInputHashLevel(level))
		if v != want {
			t.Errorf("%s: input level %d: goksi says %s, want %s", f, level, v, want)
		}
	}
}

// mustJoin puts the chain of a leaf of goksi's tree below the signature of the tree's root and verifies the whole.
func mustJoin(t *testing.T, w *trust, upper *signature.Signature, leaf *treebuilder.TreeNode, f *filed) {
	t.Helper()
	chain, err := leaf.AggregationChain()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := signature.New(signature.BuildWithAggrChain(upper, chain))
	if err != nil {
		t.Fatal(err)
	}
	if f.signature, err = whole.Serialize(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, f.path+".ksig", f.signature)
	mustVerify(t, w, f)
}

// TestOtherDocument verifies a proof against a document that it was not made for.
func TestOtherDocument(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	w := s.trust(t)
	b := s.fileDocuments(t, "jurat", "main", "sha512", 2)
	f, other := s.prove(t, b, 0), s.prove(t, b, 1)
	for _, policy := range keyPolicies {
		ours, theirs := ask(t, w, policy, other, f.signature)
		if want := (verdict{"FAIL", "GEN-01"}); ours != want || theirs != want {
			t.Errorf("another document, %s: jurat says %s, goksi says %s, want %s", policy, ours, theirs, want)
		}
	}
}
