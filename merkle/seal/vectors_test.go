package seal_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

var rewrite = flag.Bool("rewrite", false, "write the vectors anew")

// vectors is testdata/vectors.json: seals, and what a verifier says of them who has the files named.
type vectors struct {
	Publication string   `json:"publication"` // as of 2026-11-22T01:25:30Z
	Vectors     []vector `json:"vectors"`
}

type vector struct {
	Name        string       `json:"name"`
	Text        string       `json:"text"`
	Landmarks   string       `json:"landmarks,omitempty"` // file
	Publication bool         `json:"publication,omitempty"`
	Certificate string       `json:"certificate,omitempty"` // file
	Detail      string       `json:"detail,omitempty"`      // file
	Status      string       `json:"status,omitempty"`      // file; its proofs are checked by calendar.crt
	Successor   string       `json:"successor,omitempty"`   // leaf
	At          string       `json:"at,omitempty"`
	Verdict     seal.Verdict `json:"verdict"`
	Basis       string       `json:"basis"` // none, key or publication
	Check       string       `json:"check,omitempty"`
}

const testdata = "testdata"

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, "vectors.json"), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(testdata, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readCertificate(t testing.TB, name string) ksi.Certificate {
	t.Helper()
	block, _ := pem.Decode(readFile(t, name))
	c, err := ksi.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// options reads what a vector is verified against.
func (v *vector) options(t testing.TB, publication string) (o seal.Options) {
	t.Helper()
	known := landmark.Options{}
	if v.Publication {
		p, err := ksi.ParsePublication(publication)
		if err != nil {
			t.Fatal(err)
		}
		known.Publications = []ksi.Publication{p}
	}
	if v.Certificate != "" {
		o.Certificates = []ksi.Certificate{readCertificate(t, v.Certificate)}
		known.Certificates = o.Certificates
	}
	if v.Landmarks != "" {
		f, err := landmark.Parse(readFile(t, v.Landmarks))
		if err != nil {
			t.Fatal(err)
		}
		if o.Landmarks, err = f.Verify(known); err != nil {
			t.Fatal(err)
		}
	}
	if v.Detail != "" {
		d, err := landmark.ParseDetail(readFile(t, v.Detail))
		if err != nil {
			t.Fatal(err)
		}
		o.Details = []*landmark.Detail{d}
	}
	if v.Status != "" {
		var err error
		trust := ksi.Options{Policy: ksi.General}
		if v.Publication { // the lists do not rest on it
			trust.Publication = &known.Publications[0]
		}
		if v.Certificate != "" {
			trust.Certificates = []ksi.Certificate{readCertificate(t, "calendar.crt")}
		}
		if o.Status, err = seal.ReadStatusList(context.Background(), bytes.NewReader(readFile(t, v.Status)), trust); err != nil {
			t.Fatal(err)
		}
	}
	if v.Successor != "" {
		o.Successors = []merkle.Digest{unhex(t, v.Successor)}
	}
	if v.At != "" {
		at, err := calendar.ParseSecond(v.At)
		if err != nil {
			t.Fatal(err)
		}
		o.At = at
	}
	return o
}

// TestVectors verifies every vector.
func TestVectors(t *testing.T) {
	if *rewrite {
		writeVectors(t)
	}
	all := readVectors(t)
	seen := map[seal.Verdict]bool{}
	for _, v := range all.Vectors {
		r := seal.Check(v.Text, v.options(t, all.Publication))
		seen[r.Verdict] = true
		if r.Verdict != v.Verdict || r.Basis.Kind.String() != v.Basis || r.Sentence == "" {
			t.Errorf("%s: %s by %s (%s %s), want %s by %s", v.Name, r.Verdict, r.Basis.Kind, r.Sentence, r.Missing, v.Verdict, v.Basis)
		}
		if (r.Verdict == seal.UnknownKey || r.Verdict == seal.CannotTell) != (r.Missing != "") {
			t.Errorf("%s: missing is %q", v.Name, r.Missing)
		}
		if r.Seal != nil && r.Seal.CheckString() != v.Check {
			t.Errorf("%s: check string %s, want %s", v.Name, r.Seal.CheckString(), v.Check)
		}
		if r.Basis.Kind == landmark.ByPublication {
			checkSteps(t, v.Name, r)
		}
		if !json.Valid(r.JSON()) {
			t.Errorf("%s: %s", v.Name, r.JSON())
		}
	}
	for _, v := range []seal.Verdict{seal.Unreadable, seal.Altered, seal.WrongLandmark, seal.UnknownKey, seal.CannotTell, seal.Revoked,
		seal.Superseded, seal.NotYetValid, seal.Expired, seal.Valid} {
		if !seen[v] {
			t.Errorf("no vector is %s", v)
		}
	}
}

// checkSteps sees to it that the steps of a report lead to the root that was published.
func checkSteps(t *testing.T, name string, r *seal.Report) {
	t.Helper()
	last := r.Steps[len(r.Steps)-1]
	if last.Part != seal.PartCalendar || last.Hash.Imprint() != r.Basis.Root {
		t.Errorf("%s: the last step leads to %s, published was %s", name, last.Hash, r.Basis.Root)
	}
}

// writeVectors makes them, with new keys.
func writeVectors(t *testing.T) {
	c := extract(t)
	dated := extract(t)
	dated.NotBefore, dated.NotAfter = round+3600, round+7200
	path, root := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	datedPath, datedRoot := file(t, dated.Leaf(), round+1, place{0, 1, 0, 1})
	far, farRoot := file(t, c.Leaf(), round+4*landmark.BlockSeconds, place{3, 4, 2, 4})
	late, lateRoot := file(t, c.Leaf(), newest+60, place{3, 4, 2, 4})
	w := newWorld(t, map[calendar.Second]merkle.Digest{round: root, round + 1: datedRoot, far.Round: farRoot, late.Round: lateRoot})
	idle, _ := file(t, c.Leaf(), round+landmark.BlockSeconds, place{0, 1, 0, 1})

	anchored, immediate, datedSeal := w.anchored(path, c), w.immediate(path, c, keys()[0]), w.anchored(datedPath, dated)
	other := *c
	other.Fields = fields(t, `{"name": "Marie Dupont", "born": "1987-04-09", "debts": 0, "total": "0.00", "enforced": false}`)
	forged, forgedKey := newSeal(t, &anchored.Path, &other), newSeal(t, &immediate.Path, &other)

	next := dated.Leaf()
	w.writeFiles(c.Leaf(), next)

	const crt, marks = "calendar.crt", "landmarks.bin"
	revoked := (round + 10).String()
	all := vectors{Publication: w.publication().String(), Vectors: []vector{
		{Name: "anchored at a publication", Text: anchored.Text(), Landmarks: marks, Publication: true, Verdict: seal.Valid, Basis: "publication"},
		{Name: "anchored by the key alone", Text: anchored.Text(), Landmarks: marks, Certificate: crt, Verdict: seal.Valid, Basis: "key"},
		{Name: "anchored behind the publication", Text: w.anchored(far, c).Text(), Landmarks: marks, Publication: true, Certificate: crt, Verdict: seal.Valid, Basis: "key"},
		{Name: "immediate by the key", Text: immediate.Text(), Certificate: crt, Verdict: seal.Valid, Basis: "key"},
		{Name: "immediate by the detail of its block", Text: immediate.Text(), Landmarks: marks, Publication: true, Detail: "detail.bin", Verdict: seal.Valid, Basis: "publication"},
		{Name: "immediate, landmarks that nobody vouches for", Text: immediate.Text(), Landmarks: marks, Detail: "detail.bin", Verdict: seal.UnknownKey, Basis: "none"},
		{Name: "anchored, no landmarks", Text: anchored.Text(), Certificate: crt, Verdict: seal.CannotTell, Basis: "none"},
		{Name: "anchored, landmarks that nobody vouches for", Text: anchored.Text(), Landmarks: marks, Verdict: seal.CannotTell, Basis: "none"},
		{Name: "anchored, landmarks end before", Text: w.anchored(late, c).Text(), Landmarks: marks, Publication: true, Verdict: seal.CannotTell, Basis: "none"},
		{Name: "anchored behind the publication, no key", Text: w.anchored(far, c).Text(), Landmarks: marks, Publication: true, Verdict: seal.CannotTell, Basis: "none"},
		{Name: "landmarks of another ledger", Text: anchored.Text(), Landmarks: "foreign.bin", Publication: true, Verdict: seal.WrongLandmark, Basis: "none"},
		{Name: "immediate by the key, landmarks of another ledger", Text: immediate.Text(), Landmarks: "foreign.bin", Certificate: crt, Verdict: seal.Valid, Basis: "key"},
		{Name: "anchored, fields altered", Text: forged.Text(), Landmarks: marks, Publication: true, Verdict: seal.Altered, Basis: "none"},
		{Name: "immediate, fields altered", Text: forgedKey.Text(), Certificate: crt, Verdict: seal.Altered, Basis: "none"},
		{Name: "immediate, fields altered, detail", Text: forgedKey.Text(), Landmarks: marks, Publication: true, Detail: "detail.bin", Verdict: seal.Altered, Basis: "none"},
		{Name: "immediate in an idle block", Text: w.immediate(idle, c, keys()[0]).Text(), Landmarks: marks, Publication: true, Certificate: crt, Verdict: seal.Altered, Basis: "none"},
		{Name: "immediate, another key", Text: immediate.Text(), Certificate: "other.crt", Verdict: seal.UnknownKey, Basis: "none"},
		{Name: "immediate, nothing given", Text: immediate.Text(), Verdict: seal.UnknownKey, Basis: "none"},
		{Name: "not yet valid", Text: datedSeal.Text(), Landmarks: marks, Publication: true, At: (dated.NotBefore - 1).String(), Verdict: seal.NotYetValid, Basis: "publication"},
		{Name: "valid from now on", Text: datedSeal.Text(), Landmarks: marks, Publication: true, At: dated.NotBefore.String(), Verdict: seal.Valid, Basis: "publication"},
		{Name: "valid for a last second", Text: datedSeal.Text(), Landmarks: marks, Publication: true, At: dated.NotAfter.String(), Verdict: seal.Valid, Basis: "publication"},
		{Name: "expired", Text: datedSeal.Text(), Landmarks: marks, Publication: true, At: (dated.NotAfter + 1).String(), Verdict: seal.Expired, Basis: "publication"},
		{Name: "dates not asked for", Text: datedSeal.Text(), Landmarks: marks, Publication: true, Verdict: seal.Valid, Basis: "publication"},
		{Name: "empty status list", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-empty.bundle", Verdict: seal.Valid, Basis: "publication"},
		{Name: "another seal revoked", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-other.bundle", Verdict: seal.Valid, Basis: "publication"},
		{Name: "revoked", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-revoked.bundle", Verdict: seal.Revoked, Basis: "publication"},
		{Name: "revoked, immediate", Text: immediate.Text(), Certificate: crt, Status: "status-revoked.bundle", At: revoked, Verdict: seal.Revoked, Basis: "key"},
		{Name: "revoked later", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-revoked.bundle", At: (round + 9).String(), Verdict: seal.Valid, Basis: "publication"},
		{Name: "revoked by a list that nobody vouches for", Text: anchored.Text(), Landmarks: marks, Publication: true, Status: "status-revoked.bundle", Verdict: seal.CannotTell, Basis: "publication"},
		{Name: "superseded", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-superseded.bundle", Successor: next.String(), Verdict: seal.Superseded, Basis: "publication"},
		{Name: "status list of another agency", Text: anchored.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-agency.bundle", Verdict: seal.Valid, Basis: "publication"},
		{Name: "altered and revoked", Text: forged.Text(), Landmarks: marks, Publication: true, Certificate: crt, Status: "status-revoked.bundle", Verdict: seal.Altered, Basis: "none"},
		{Name: "a character is missing", Text: anchored.Text()[:200], Landmarks: marks, Publication: true, Verdict: seal.Unreadable, Basis: "none"},
		{Name: "a newer version", Text: strings.Replace(anchored.Text(), "JS1", "JS2", 1), Verdict: seal.Unreadable, Basis: "none"},
		{Name: "something else", Text: "https://ledger.example/", Verdict: seal.Unreadable, Basis: "none"},
	}}
	for i := range all.Vectors {
		if s, err := seal.Parse(all.Vectors[i].Text); err == nil {
			all.Vectors[i].Check = s.CheckString()
		}
	}
	out, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "vectors.json", append(out, '\n'))
}

// writeFiles writes the files that vectors name.
func (w *world) writeFiles(leaf, next merkle.Digest) {
	h := bundle.Header{Agency: agency, From: round, To: newest}
	both, err := seal.StatusLeaves(leaf, seal.StatusSuperseded, &next)
	if err != nil {
		w.Fatal(err)
	}
	lists := map[string][]byte{
		"status-empty.bundle": statusBundle(w, h, round+10, 1),
		"status-other.bundle": statusBundle(w, h, round+10, 1, []merkle.Digest{digest("x", 1)}, []merkle.Digest{
			seal.StatusLeaf(digest("y", 1), seal.StatusRevoked, nil)}),
		"status-revoked.bundle":    statusBundle(w, h, round+10, 1, []merkle.Digest{digest("x", 1), seal.StatusLeaf(leaf, seal.StatusRevoked, nil)}),
		"status-superseded.bundle": statusBundle(w, h, round+10, 1, both),
		"status-agency.bundle":     statusBundle(w, bundle.Header{Agency: "commune", From: round, To: newest}, round+10, 1, both),
	}
	for name, data := range lists {
		writeFile(w, name, data)
	}
	for i, name := range []string{"calendar.crt", "other.crt"} {
		writeFile(w, name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys()[i].cert.X509.Raw}))
	}
	writeFile(w, "landmarks.bin", w.landmarks(server).Append(nil))
	writeFile(w, "foreign.bin", w.landmarks("other.example").Append(nil))
	writeFile(w, "detail.bin", w.detail(landmark.BlockOf(round)).Append(nil))
}

func unhex(t testing.TB, text string) merkle.Digest {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return merkle.Digest(b)
}

// TestStatusList has lists that must not be believed.
func TestStatusList(t *testing.T) {
	k := keys()[0]
	trust := ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{k.cert}}
	h := bundle.Header{Agency: agency, From: round, To: newest}
	leaf := extract(t).Leaf()
	data := statusBundle(t, h, round+10, 3, []merkle.Digest{seal.StatusLeaf(leaf, seal.StatusRevoked, nil)})
	l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(data), trust)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := l.Find(leaf, seal.StatusRevoked, nil); !ok || at != round+10 || l.FromStart || l.Newest != round+10 || l.Missing != "" {
		t.Errorf("%+v: %d %v", l, at, ok)
	}
	for i := range data {
		b := bytes.Clone(data)
		b[i] ^= 1
		if l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(b), trust); err == nil {
			t.Fatalf("byte %d changed: %+v", i, l)
		}
	}
	if _, err := seal.StatusLeaves(leaf, seal.StatusRevoked, &leaf); err == nil {
		t.Error("what is revoked has a successor")
	}
	if _, err := seal.ParseStatusKind("lost"); err == nil {
		t.Error("a status lost")
	}
}

// TestStatusListForged: lists that leave out what was filed, without a key, are not taken for ones that say nothing of a seal.
func TestStatusListForged(t *testing.T) {
	k := keys()[0]
	trust := ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{k.cert}}
	s, err := seal.Parse(readVectors(t).Vectors[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	at := s.Round + 10
	filed := []merkle.Digest{digest("x", 1), digest("y", 1), seal.StatusLeaf(s.Leaf(), seal.StatusRevoked, nil), seal.StatusEnd()}
	write := func(to calendar.Second, shown []merkle.Digest) []byte {
		h := bundle.Header{Server: server, Agency: s.Agency, From: 1, To: to, Lanes: []bundle.Lane{{Name: seal.StatusLane}}}
		var out writer
		b, err := bundle.NewWriter(&out, h)
		if err != nil {
			t.Fatal(err)
		}
		if len(shown) > 0 {
			addGroup(t, b, at, statusSignature(t, leavesOf(filed), s.Agency, at, 1), shown)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	rootOf := func(t *merkle.Tree) merkle.Digest { root := t.Root(); return merkle.Digest(root.Digest()) }
	last := merkle.NewTree(0) // over the last two leaves, whose root stands there as a leaf does
	last.Append(leavesOf(filed[2:]))
	for _, c := range []struct {
		name   string
		list   []byte
		status string
	}{
		{"honest", write(at, filed), "says that it was revoked"},
		{"a node as the last leaf", write(at, []merkle.Digest{filed[0], filed[1], rootOf(last)}), "does not show that it holds all"},
		{"empty", write(calendar.LastWritable, nil), "is empty"},
	} {
		l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(c.list), trust)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r := seal.Verify(s, seal.Options{Status: l})
		if !strings.Contains(r.Status, c.status) || r.StatusAsOf != 0 {
			t.Errorf("%s: %s, as of %s", c.name, r.Status, r.StatusAsOf)
		}
	}
	two := merkle.NewTree(0)
	two.Append(leavesOf(filed[:2]))
	if _, err := seal.ReadStatusList(context.Background(), bytes.NewReader(write(at, []merkle.Digest{rootOf(two), rootOf(last)})), trust); err == nil {
		t.Error("two nodes pass as leaves")
	}
	honest := write(at, filed)
	base := bytes.Index(honest, []byte{1, 0, 6, 's', 't', 'a', 't', 'u', 's'}) + 1 // one lane of base level 0
	honest[base] = 1
	if _, err := bundle.NewReader(bytes.NewReader(honest)); err == nil {
		t.Error("a lane of another base level")
	}
}

// TestStatusOverTime: a seal that is superseded and revoked a second later is at no time between the two one that holds.
func TestStatusOverTime(t *testing.T) {
	c := extract(t)
	path, _ := file(t, c.Leaf(), round, place{2, 5, 1, 3})
	trusted := []ksi.Certificate{keys()[0].cert}
	s := newWorld(t, nil).immediate(path, c, keys()[0])
	leaf, next := c.Leaf(), digest("next", 1)
	superseded, err := seal.StatusLeaves(leaf, seal.StatusSuperseded, &next)
	if err != nil {
		t.Fatal(err)
	}
	revoked := []merkle.Digest{seal.StatusLeaf(leaf, seal.StatusRevoked, nil)}
	h := bundle.Header{Agency: agency, From: round, To: newest}
	for _, x := range []struct {
		lists [][]merkle.Digest // as of round+10, round+11
		want  [3]seal.Verdict   // at round+9, round+10, round+11
	}{
		{[][]merkle.Digest{superseded, revoked}, [3]seal.Verdict{seal.Valid, seal.Superseded, seal.Revoked}},
		{[][]merkle.Digest{revoked, superseded}, [3]seal.Verdict{seal.Valid, seal.Revoked, seal.Revoked}},
	} {
		l, err := seal.ReadStatusList(context.Background(), bytes.NewReader(statusBundle(t, h, round+10, 1, x.lists...)), ksi.Options{Policy: ksi.General, Certificates: trusted})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range x.want {
			at := round + 9 + calendar.Second(i)
			r := seal.Verify(s, seal.Options{Certificates: trusted, Status: l, At: at})
			if r.Verdict != want || !strings.Contains(r.Status, "says that it was") {
				t.Errorf("at %s: %s, want %s: %s", at, r.Verdict, want, r.Status)
			}
		}
	}
}
