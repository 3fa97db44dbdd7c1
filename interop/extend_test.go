package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardtime/goksi/errors"
	"github.com/guardtime/goksi/pdu"
	"github.com/guardtime/goksi/publications"
	"github.com/guardtime/goksi/service"
	"github.com/guardtime/goksi/signature"
)

// Policies that accept an extended proof, without an extender and with one.
var (
	extendedPolicies  = []string{"general", "internal", "publications-file", "user-publication"}
	extendingPolicies = []string{"general", "publications-file", "user-publication", "calendar-based"}
)

// A published is a server with proofs from SQL and from the gateway and two publications after them.
type published struct {
	*server
	key    string    // of the agency canton
	before time.Time // a second before the proofs
	proofs []*filed
	times  [2]time.Time
	texts  [2]string
}

// references are where the publications were printed. The second is known to nobody yet.
var references = [2]string{"Feuille officielle 2026-11-22", ""}

func startPublished(t *testing.T) *published {
	t.Helper()
	p := &published{server: startServer(t, t.TempDir(), "jurat")}
	p.key, p.before = p.agency(t, "canton"), p.closeRound(t)
	p.proofs = append(p.proofs, p.prove(t, p.fileDocuments(t, "canton", "main", "sha512", 5), 3))
	paths, contents := documents(t, "single", 1)
	imprint := imprintOf("sha256", contents[0])
	sig, err := p.signer(t, "ksi+http", "canton", p.key).Sign(imprint)
	if err != nil {
		t.Fatal(err)
	}
	p.proofs = append(p.proofs, p.keep(t, "canton", paths[0], imprint, sig))
	_, leaves := p.signBlock(t, p.signer(t, "ksi+tcp", "canton", p.key), "canton", block{name: "block", n: 3, meta: true})
	p.proofs = append(p.proofs, leaves[1])
	last := p.proofs[2].round
	for i := range p.times {
		last = last.Add(2 * time.Second)
		p.times[i] = last
		p.waitClosed(t, last)
		p.texts[i] = p.publish(t, last, references[i])
	}
	return p
}

// calendarFile writes the part of the calendar from a proof's second on, as the help of jurat extend says.
func (p *published) calendarFile(t *testing.T, from time.Time) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "calendar.csv")
	var out bytes.Buffer
	sql := fmt.Sprintf(`COPY (SELECT second, leaf FROM calendar WHERE NOT idle AND round >= '%s') TO STDOUT CSV`, from.UTC().Format(time.RFC3339))
	if _, err := p.connect(t, "canton").PgConn().CopyTo(context.Background(), &out, sql); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, out.Bytes())
	return path
}

// juratExtend extends a proof with jurat extend and returns the extended proof; the proof itself must stay as it is.
func (p *published) juratExtend(t *testing.T, f *filed, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "extended.ksig")
	out, code := jurat(t, t.TempDir(), append([]string{"extend", f.path + ".ksig", "--out", path}, args...)...)
	if code != 0 {
		t.Fatalf("%s: jurat extend %q ends with %d: %s", f, args, code, out)
	}
	extended, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustKeep(t, f)
	return extended
}

// mustKeep demands that a proof's file holds what it held.
func mustKeep(t *testing.T, f *filed) {
	t.Helper()
	if now, err := os.ReadFile(f.path + ".ksig"); err != nil || !bytes.Equal(now, f.signature) {
		t.Errorf("%s: the proof was changed, %v", f, err)
	}
}

// sqlExtend extends a proof with the function of the server, to the nearest publication if at is zero.
func (s *server) sqlExtend(t *testing.T, f *filed, at time.Time) []byte {
	t.Helper()
	sql, args := `SELECT extend($1)`, []any{f.signature}
	if !at.IsZero() {
		sql, args = `SELECT extend($1, $2)`, append(args, at)
	}
	var extended []byte
	if err := s.connect(t, f.agency).QueryRow(context.Background(), sql, args...).Scan(&extended); err != nil {
		t.Fatal(err)
	}
	return extended
}

// goksiExtend extends a proof with goksi. To the nearest publication, for a zero time, it has a function; with a record for
// another one its user builds the signature.
func (p *published) goksiExtend(t *testing.T, scheme string, w *trust, f *filed, record *pdu.PublicationRec) []byte {
	t.Helper()
	e := p.extender(t, scheme, "canton", p.key, w.handler)
	if record == nil {
		extended, err := e.Extend(mustRead(t, f.signature))
		if err != nil {
			t.Fatal(err)
		}
		return serialized(t, extended)
	}
	return serialized(t, buildExtended(t, e, f, record))
}

// buildExtended asks an extender for the chain to a publication and builds the extended signature.
func buildExtended(t *testing.T, e *service.Extender, f *filed, record *pdu.PublicationRec) *signature.Signature {
	t.Helper()
	q, err := pdu.NewExtendingReq(f.round, pdu.ExtReqSetPubTime(publicationTime(t, record)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Send(q)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signature.New(signature.BuildFromExtendingResp(r, mustRead(t, f.signature), record))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustRead(t *testing.T, proof []byte) *signature.Signature {
	t.Helper()
	s, err := signature.New(signature.BuildFromStream(bytes.NewReader(proof)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serialized(t *testing.T, s *signature.Signature) []byte {
	t.Helper()
	data, err := s.Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// recordAt returns the record of a publication in the file of w, as goksi finds it.
func recordAt(t *testing.T, w *trust, at time.Time) *pdu.PublicationRec {
	t.Helper()
	file, err := w.handler.ReceiveFile()
	if err != nil {
		t.Fatal(err)
	}
	record, err := file.PublicationRec(publications.PubRecSearchByTime(at))
	if err != nil || record == nil {
		t.Fatalf("publication of %s: %v, %v", at, record, err)
	}
	return record
}

// bareRecord returns a record of a publication string alone.
func bareRecord(t *testing.T, text string) *pdu.PublicationRec {
	t.Helper()
	data, err := pdu.NewPublicationData(pdu.PubDataFromString(text))
	if err != nil {
		t.Fatal(err)
	}
	record, err := pdu.NewPublicationRec(data)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// TestExtend extends proofs in every way there is. All ways must give the same bytes, which both verifiers accept under
// every policy.
func TestExtend(t *testing.T) {
	p := startPublished(t)
	w := p.trust(t)
	for _, f := range p.proofs {
		for i, at := range p.times {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(f.path), i), func(t *testing.T) {
				x := *f
				x.signature = p.extendAlike(t, w, f, i)
				p.mustExtend(t, w, f, &x, i)
				x.signature = p.extendAlikeByString(t, w, f, i)
				p.mustExtend(t, w, f, &x, i)
				if r := juratReport(t, "general", f.path, f.path+".asked", w.fileArguments()...); r.PublicationTime == nil ||
					!r.PublicationTime.Equal(at) || strings.Join(r.References, "") != references[i] {
					t.Errorf("jurat verify names the publication %v, %q", r.PublicationTime, r.References)
				}
			})
		}
	}
}

// extendAlike extends a proof to a publication in all ways that know its references, and returns what they all give.
func (p *published) extendAlike(t *testing.T, w *trust, f *filed, i int) []byte {
	t.Helper()
	at, to, record := p.times[i], []string{"--to", p.times[i].UTC().Format(time.RFC3339)}, recordAt(t, w, p.times[i])
	if i == 0 { // the nearest needs no name
		at, to, record = time.Time{}, nil, nil
	}
	file := append(to, w.fileArguments()...)
	t.Setenv("JURAT_KSI_USER", "canton")
	t.Setenv("JURAT_KSI_KEY", p.key)
	ways := map[string][]byte{
		"jurat extend, SQL":      p.juratExtend(t, f, append([]string{"--server", p.url("canton")}, to...)...),
		"jurat extend, HTTP":     p.juratExtend(t, f, append([]string{"--extender", "http://canton:" + p.key + "@" + p.http}, file...)...),
		"jurat extend, TCP":      p.juratExtend(t, f, append([]string{"--extender", "ksi+tcp://" + p.tcp}, file...)...),
		"jurat extend, calendar": p.juratExtend(t, f, append([]string{"--calendar", p.calendarFile(t, f.round)}, file...)...),
	}
	for _, scheme := range transports {
		ways["goksi, "+scheme] = p.goksiExtend(t, scheme, w, f, record)
	}
	want := p.sqlExtend(t, f, at)
	for name, got := range ways {
		if !bytes.Equal(got, want) {
			t.Errorf("%s gives other bytes than SQL:\n%x\n%x", name, got, want)
		}
	}
	return want
}

// extendAlikeByString is extendAlike by the publication string alone, which knows no references.
func (p *published) extendAlikeByString(t *testing.T, w *trust, f *filed, i int) []byte {
	t.Helper()
	want := p.goksiExtend(t, "ksi+tcp", w, f, bareRecord(t, p.texts[i]))
	for name, got := range map[string][]byte{
		"HTTP":     p.juratExtend(t, f, "--extender", "http://canton:"+p.key+"@"+p.http, "--publication", p.texts[i]),
		"TCP":      p.juratExtend(t, f, "--extender", "ksi+tcp://canton:"+p.key+"@"+p.tcp, "--publication", p.texts[i]),
		"calendar": p.juratExtend(t, f, "--calendar", p.calendarFile(t, f.round), "--publication", p.texts[i]),
	} {
		if !bytes.Equal(got, want) {
			t.Errorf("jurat extend by the publication string, %s, gives other bytes than goksi", name)
		}
	}
	return want
}

// mustExtend demands that x is f extended to publication i: accepted by both verifiers, with the same identity and time,
// and with the right links that f has.
func (p *published) mustExtend(t *testing.T, w *trust, f, x *filed, i int) {
	t.Helper()
	own := *w
	own.publication = p.texts[i]
	mustAccept(t, &own, x, extendedPolicies...)
	mustAccept(t, own.extending(t, p.server, "canton", p.key), x, extendingPolicies...)
	mustTell(t, x)
	ours, theirs := ask(t, w, "key-based", x, x.signature)
	if want := (verdict{"NA", "GEN-02"}); ours != want || theirs != want {
		t.Errorf("extended, key-based: jurat says %s, goksi says %s, want %s", ours, theirs, want)
	}
	before, after := calendarOf(t, f), calendarOf(t, x)
	if err := after.VerifyCompatibility(before); err != nil {
		t.Errorf("the extended chain is not that of the proof: %v", err)
	}
	if at, err := after.PublicationTime(); err != nil || !at.Equal(p.times[i]) {
		t.Errorf("extended to %s, want %s, %v", at, p.times[i], err)
	}
	for _, other := range p.proofs {
		if !other.round.Equal(f.round) && after.VerifyCompatibility(calendarOf(t, other)) == nil {
			t.Errorf("goksi takes the chain of %s for one of %s", f, other)
		}
	}
}

func calendarOf(t *testing.T, f *filed) *pdu.CalendarChain {
	t.Helper()
	c, err := mustRead(t, f.signature).CalendarChain()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestExtendAgain extends proofs that are extended already, and such as are not with an extender while they are verified,
// and extends to the newest second, which no publication is of.
func TestExtendAgain(t *testing.T) {
	p := startPublished(t)
	w := p.trust(t)
	for _, f := range p.proofs {
		x := *f
		x.path = filepath.Join(t.TempDir(), "again")
		x.signature = p.sqlExtend(t, f, p.times[0])
		writeFile(t, x.path+".ksig", x.signature)
		want := p.sqlExtend(t, f, p.times[1])
		to := p.times[1].UTC().Format(time.RFC3339)
		for name, got := range map[string][]byte{
			"SQL":          p.sqlExtend(t, &x, p.times[1]),
			"jurat extend": p.juratExtend(t, &x, append(w.fileArguments(), "--to", to, "--calendar", p.calendarFile(t, f.round))...),
			"goksi":        p.goksiExtend(t, "ksi+http", w, &x, recordAt(t, w, p.times[1])),
		} {
			if !bytes.Equal(got, want) {
				t.Errorf("%s, extended twice with %s: other bytes than extended once", f, name)
			}
		}
		for i := range p.texts {
			wide := w.extending(t, p.server, "canton", p.key)
			wide.publication = p.texts[i]
			mustAccept(t, wide, f, extendingPolicies...)
		}
		head, err := p.extender(t, "ksi+tcp", "canton", p.key, nil).Extend(mustRead(t, f.signature), service.ExtendOptionToTime(time.Time{}))
		if err != nil {
			t.Fatal(err)
		}
		h := *f
		h.signature = serialized(t, head)
		mustAccept(t, w.extending(t, p.server, "canton", p.key), &h, "internal", "calendar-based", "publications-file")
	}
}

// TestWrongPublication verifies proofs with publications that are not those that the ledger's calendar leads to.
func TestWrongPublication(t *testing.T) {
	other := startServer(t, t.TempDir(), "jurat") // first, so that it has the second that it publishes
	other.closeRound(t)
	p := startPublished(t)
	f := p.proofs[1]
	x := *f
	x.signature = p.sqlExtend(t, f, p.times[0])
	alone := p.trust(t)
	asking := alone.extending(t, p.server, "canton", p.key)
	forged := forge(t, p.texts[0])
	na, ok := verdict{"NA", "GEN-02"}, verdict{"OK", ""}
	for _, c := range []struct {
		name        string
		w           *trust
		publication string
		f           *filed
		want        verdict
	}{
		{"its own", alone, p.texts[0], &x, ok},
		{"forged", alone, forged, &x, verdict{"FAIL", "PUB-04"}},
		{"forged, with an extender", asking, forged, &x, verdict{"FAIL", "PUB-04"}},
		{"a later one", alone, p.texts[1], &x, na},
		{"a later one, with an extender", asking, p.texts[1], &x, ok},
		{"a later one, forged, with an extender", asking, forge(t, p.texts[1]), &x, verdict{"FAIL", "PUB-01"}},
		{"not extended", alone, p.texts[0], f, na},
		{"not extended, with an extender", asking, p.texts[0], f, ok},
		{"not extended, forged, with an extender", asking, forged, f, verdict{"FAIL", "PUB-01"}},
		{"before the proof", asking, p.publish(t, p.before, ""), f, na},
	} {
		w := *c.w
		w.publication = c.publication
		if ours, theirs := ask(t, &w, "user-publication", c.f, c.f.signature); ours != c.want || theirs != c.want {
			t.Errorf("%s: jurat says %s, goksi says %s, want %s", c.name, ours, theirs, c.want)
		}
	}
	if ours, theirs := ask(t, alone, "publications-file", f, f.signature); ours != na || theirs != na {
		t.Errorf("not extended, publications file: jurat says %s, goksi says %s", ours, theirs)
	}
	// Another server's calendar has another root at the same second.
	other.waitClosed(t, p.times[0])
	other.publish(t, p.times[0], "")
	if ours, theirs := ask(t, other.trust(t), "publications-file", &x, x.signature); ours != theirs || ours != (verdict{"FAIL", "PUB-05"}) {
		t.Errorf("another server's publications file: jurat says %s, goksi says %s", ours, theirs)
	}
}

// forge returns the publication string of a root with one wrong bit.
func forge(t *testing.T, text string) string {
	t.Helper()
	data, err := pdu.NewPublicationData(pdu.PubDataFromString(text))
	if err != nil {
		t.Fatal(err)
	}
	at, err := data.PublicationTime()
	if err != nil {
		t.Fatal(err)
	}
	root, err := data.PublishedHash()
	if err != nil {
		t.Fatal(err)
	}
	root = slices.Clone(root)
	root[len(root)-1] ^= 1
	if data, err = pdu.NewPublicationData(pdu.PubDataFromImprint(at, root)); err != nil {
		t.Fatal(err)
	}
	wrong, err := data.Base32()
	if err != nil {
		t.Fatal(err)
	}
	return wrong
}

// TestWrongCalendar shows that both verifiers find out an extender of another calendar.
func TestWrongCalendar(t *testing.T) {
	other := startServer(t, t.TempDir(), "jurat") // first, so that it has the seconds that it is asked for
	key := other.agency(t, "canton")
	other.closeRound(t)
	p := startPublished(t)
	own := p.trust(t)
	own.publication = p.texts[0]
	w := own.extending(t, other, "canton", key)
	f := p.proofs[0]
	for _, c := range []struct {
		policy string
		want   verdict
	}{
		{"calendar-based", verdict{"FAIL", "CAL-04"}},
		{"user-publication", verdict{"FAIL", "PUB-01"}},
		{"publications-file", verdict{"FAIL", "PUB-01"}},
	} {
		if ours, theirs := ask(t, w, c.policy, f, f.signature); ours != c.want || theirs != c.want {
			t.Errorf("%s: jurat says %s, goksi says %s, want %s", c.policy, ours, theirs, c.want)
		}
	}
	e := other.extender(t, "ksi+http", "canton", key, own.handler)
	if _, err := e.Extend(mustRead(t, f.signature)); goksiCode(err) != errors.KsiIncompatibleHashChain {
		t.Errorf("goksi extends with the calendar of another: %v", err)
	}
	p.mustRefuse(t, f, "of another calendar", append(own.fileArguments(), "--extender", "http://canton:"+key+"@"+other.http)...)
}

// mustRefuse demands that jurat extend refuses, says why, and leaves the proof as it is.
func (p *published) mustRefuse(t *testing.T, f *filed, why string, args ...string) {
	t.Helper()
	out, code := jurat(t, t.TempDir(), append([]string{"extend", f.path + ".ksig"}, args...)...)
	if code == 0 || !strings.Contains(out, why) {
		t.Errorf("jurat extend %q ends with %d and does not say %q: %s", args, code, why, out)
	}
	mustKeep(t, f)
}

// TestExtendRefused shows what jurat extend and goksi do with what does not fit.
func TestExtendRefused(t *testing.T) {
	p := startPublished(t)
	w, f := p.trust(t), p.proofs[2]
	file, path := w.fileArguments(), p.calendarFile(t, f.round)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	change := func(edit func(lines []string) []string) string {
		path := filepath.Join(t.TempDir(), "wrong.csv")
		writeFile(t, path, []byte(strings.Join(edit(slices.Clone(lines)), "")))
		return path
	}
	other := change(func(l []string) []string { // the leaf of a later second
		at, _, _ := strings.Cut(l[1], ",")
		l[1] = fmt.Sprintf("%s,\\x%x\n", at, sha256.Sum256([]byte("another leaf")))
		return l
	})
	p.mustRefuse(t, f, "another root", append(file, "--calendar", other)...)
	less := change(func([]string) []string { return lines[:1] })
	p.mustRefuse(t, p.proofs[0], "another root", append(file, "--calendar", less)...)
	p.mustRefuse(t, f, "want a second and a leaf", append(file, "--calendar", change(func(l []string) []string { return append([]string{"nonsense\n"}, l...) }))...)
	p.mustRefuse(t, f, "another root", "--calendar", path, "--publication", forge(t, p.texts[0]))
	p.mustRefuse(t, f, "which publication?", "--calendar", path)
	p.mustRefuse(t, f, "no publication of", append(file, "--calendar", path, "--to", f.round.UTC().Format(time.RFC3339))...)
	p.mustRefuse(t, f, "status 0x102", append(file, "--extender", "http://canton:wrong@"+p.http)...)
	p.mustRefuse(t, f, "status 0x102", append(file, "--extender", "ksi+tcp://canton:wrong@"+p.tcp)...)
	p.mustRefuse(t, f, "constraint", "--calendar", path, "--publications-file", w.file, "--trust", w.root, "--constraint", "E=other@example.org")

	for _, scheme := range transports {
		p.mustRefuseExtender(t, scheme, w, f)
	}
	strict := fileHandler(t, p.publicationsURL(), w.root, "other@example.org")
	if _, err := p.extender(t, "ksi+tcp", "canton", p.key, strict).Extend(mustRead(t, f.signature)); goksiCode(err) != errors.KsiPkiCertificateNotTrusted {
		t.Errorf("goksi extends to a publication of another: %v", err)
	}
	young := p.prove(t, p.fileDocuments(t, "canton", "seal", "sha256", 1), 0)
	if _, err := p.extender(t, "ksi+http", "canton", p.key, w.handler).Extend(mustRead(t, young.signature)); goksiCode(err) != errors.KsiExtendNoSuitablePublication {
		t.Errorf("goksi extends a proof younger than all publications: %v", err)
	}
	p.mustRefuse(t, young, "no publication after", append(file, "--calendar", p.calendarFile(t, young.round))...)
	p.mustRefuse(t, young, "no publication", "--server", p.url("canton"))
}

// mustRefuseExtender asks an extender for what it does not give.
func (p *published) mustRefuseExtender(t *testing.T, scheme string, w *trust, f *filed) {
	t.Helper()
	e := p.extender(t, scheme, "canton", p.key, nil)
	for _, c := range []struct {
		name     string
		from, to time.Time
		code     errors.ErrorCode
	}{
		{"before the ledger", time.Unix(1_000_000_000, 0), p.times[0], errors.KsiServiceExtenderRequestTimeTooOld},
		{"in the future", f.round, time.Now().Add(time.Hour), errors.KsiServiceExtenderRequestTimeInFuture},
		{"backwards", p.times[0], f.round, errors.KsiServiceExtenderInvalidTimeRange},
		{"as it should be", f.round, p.times[0], errors.KsiNoError},
	} {
		if _, err := e.ReceiveCalendar(c.from, c.to); goksiCode(err) != c.code {
			t.Errorf("%s, %s: %v", scheme, c.name, err)
		}
	}
	tooNew := false
	for range 20 { // the second that was open may close before it is asked for
		_, err := e.ReceiveCalendar(f.round, p.closed(t).Add(time.Second))
		if code := goksiCode(err); code == errors.KsiServiceExtenderRequestTimeTooNew {
			tooNew = true
			break
		} else if code != errors.KsiNoError {
			t.Errorf("%s, the open second: %v", scheme, err)
		}
	}
	if !tooNew {
		t.Errorf("%s: a second that is not closed is never too new", scheme)
	}
	_, err := p.extender(t, scheme, "canton", "wrong key", w.handler).Extend(mustRead(t, f.signature))
	if goksiCode(err) != errors.KsiServiceAuthenticationFailure {
		t.Errorf("%s, wrong key: %v", scheme, err)
	}
}

// TestPublish publishes with jurat publish and verifies with the file and the string that it gives.
func TestPublish(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	f := s.prove(t, s.fileDocuments(t, "jurat", "main", "sha256", 2), 1)
	s.waitClosed(t, f.round.Add(time.Second))
	path := filepath.Join(t.TempDir(), "publications.bin")
	out, code := jurat(t, t.TempDir(), "publish", "--server", s.url("jurat"), "--reference", "Amtsblatt 47/2026", "--publications-file", path)
	line, _, _ := strings.Cut(out, "\n")
	fields := strings.Fields(line)
	if code != 0 || len(fields) != 2 {
		t.Fatalf("jurat publish ends with %d: %s", code, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, download(t, s.publicationsURL())) {
		t.Error("the gateway hands another publications file out than jurat publish writes")
	}
	w := s.trustFile(t, file)
	w.publication = fields[1]
	proof := f.path + ".ksig"
	if out, code := jurat(t, t.TempDir(), "extend", proof, "--server", s.url("jurat")); code != 0 {
		t.Fatalf("jurat extend ends with %d: %s", code, out)
	}
	if f.signature, err = os.ReadFile(proof); err != nil {
		t.Fatal(err)
	}
	mustAccept(t, w, f, extendedPolicies...)
	record, err := mustRead(t, f.signature).Publication()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := record.PublicationRef(); err != nil || !slices.Equal(found, []string{"Amtsblatt 47/2026"}) {
		t.Errorf("goksi reads the references %q, %v", found, err)
	}
	recordAt(t, w, publicationTime(t, record))
}

func publicationTime(t *testing.T, r *pdu.PublicationRec) time.Time {
	t.Helper()
	data, err := r.PublicationData()
	if err != nil {
		t.Fatal(err)
	}
	at, err := data.PublicationTime()
	if err != nil {
		t.Fatal(err)
	}
	return at
}
