package ksi_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A packRun is what the rows of one pack share.
type packRun struct {
	roots string                           // folder with root certificates
	file  *ksi.PublicationsFile            // the one of the pack, authenticated
	files map[string]*ksi.PublicationsFile // others by path
	// genuine are chains of the calendar that the pack was made with; shown are all that its signatures have, sound or not.
	genuine, shown []*ksi.CalendarChain
	notes          []string
}

func newPackRun(t *testing.T, pack string, rows []packRow) *packRun {
	p := &packRun{roots: filepath.Join(filepath.Dir(pack), "roots"), files: map[string]*ksi.PublicationsFile{}}
	p.file = p.publicationsFile(t, filepath.Join(pack, "policy-verification-signatures", "resources", "publications-file.bin"), "")
	believed := map[string]bool{} // files that a row calls sound and published by somebody outside the pack
	for _, row := range rows {
		believed[row.file] = believed[row.file] || row.policy == "userPublication" && row.code == ""
	}
	files := packFiles(t, pack)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		s, err := ksi.Parse(files[path])
		if err != nil || s.CalendarChain() == nil {
			continue
		}
		c := s.CalendarChain()
		p.shown = append(p.shown, c)
		key := ksi.Verify(t.Context(), s, ksi.Options{Policy: ksi.KeyBased, PublicationsFile: p.file})
		if key.Verdict == ksi.OK || believed[path] {
			p.genuine = append(p.genuine, c)
		}
	}
	return p
}

// publicationsFile reads a publications file and authenticates it as of the time it was made, by the root certificates in
// a PEM file or by those of all packs. One that is signed with SHA-1 cannot be authenticated; libksi takes it from a user
// unchecked, and so does this test.
func (p *packRun) publicationsFile(t *testing.T, path, trusted string) *ksi.PublicationsFile {
	t.Helper()
	if f := p.files[path]; f != nil {
		return f
	}
	f := parseFile(t, readFile(t, path))
	p.files[path] = f
	if trusted == "" {
		trusted = filepath.Join(p.roots, "all-roots.pem")
	}
	made := time.Unix(int64(f.Created()), 0)
	if f.Created() > 1e11 { // old files give milliseconds
		made = time.UnixMilli(int64(f.Created()))
	}
	constraint, err := ksi.ParseConstraint("E=publications@guardtime.com")
	if err != nil {
		t.Fatal(err)
	}
	trust := ksi.Trust{Roots: x509.NewCertPool(), Constraints: []ksi.Constraint{constraint}, At: made}
	if !trust.Roots.AppendCertsFromPEM(readFile(t, trusted)) {
		t.Fatalf("%s: no certificate", trusted)
	}
	const sha1 = "hash algorithm 1.3.14.3.2.26"
	err = f.Authenticate(trust)
	switch {
	case err == nil:
		p.note("%s: authenticated as of %s", filepath.Base(path), made.UTC().Format(time.DateOnly))
	case strings.Contains(err.Error(), sha1):
		p.note("%s: signed with SHA-1, used as handed in by the user, unchecked", filepath.Base(path))
	default:
		t.Errorf("%s: %v", path, err)
	}
	return f
}

func (p *packRun) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// options returns what the signature of a row is verified against.
func (p *packRun) options(t *testing.T, row *packRow, s *ksi.Signature, count *packCount) ksi.Options {
	policy, ok := packPolicies[row.policy]
	if !ok {
		t.Fatalf("%s: policy %q", row.file, row.policy)
	}
	o := ksi.Options{Policy: policy, Document: row.document, InputLevel: row.level, PublicationsFile: p.file}
	if row.publicationsFile != "" {
		o.PublicationsFile = p.publicationsFile(t, row.publicationsFile, row.trusted)
	}
	if policy == ksi.UserPublication {
		publication, err := ksi.ParsePublication(row.publicationString)
		if err != nil {
			t.Errorf("%s: %v", row.file, err)
		}
		o.Publication = &publication
	}
	switch {
	case row.response != "":
		o.Extender = answer{responseChain(t, row.response)}
	case policy == ksi.CalendarBased || row.extending:
		count.simulated++
		e := &simulatedExtender{run: p, signature: s}
		o.Extender = e
		if row.code == string(ksi.PUB03) {
			e.publish(t, &o)
		}
		e.explain(t, row, &o)
	}
	return o
}

// An answer is an extender that answers every question with the same chain.
type answer struct{ chain *ksi.CalendarChain }

func (a answer) Extend(context.Context, calendar.Second, calendar.Second) (*ksi.CalendarChain, error) {
	return a.chain, nil
}

// responseChain returns the calendar chain in the response of an extender.
func responseChain(t *testing.T, path string) *ksi.CalendarChain {
	t.Helper()
	e, err := tlv.ParseOne(readFile(t, path))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, tag := range []tlv.Tag{0x02, 0x802} { // the response in the PDU, the chain in the response
		r := e.Children()
		for e = (tlv.Element{}); e.Tag != tag; {
			if e, err = r.Next(); err != nil {
				t.Fatalf("%s: no element 0x%x: %v", path, tag, err)
			}
		}
	}
	c, err := ksi.ParseCalendarChain(e.Raw())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return c
}

// A simulatedExtender stands for the extender of the pack's calendar. It answers with genuine chains that signatures of
// the pack have. The pack has none for the second of some signatures, which were made for another round root than the
// calendar's: then it answers with a chain of the pack for the same times, and with a round root that is made up.
type simulatedExtender struct {
	run       *packRun
	signature *ksi.Signature
}

func (e *simulatedExtender) Extend(_ context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	if c := newest(e.run.genuine, from, to); c != nil {
		return c, nil
	}
	if c := newest(e.run.shown, from, to); c != nil {
		return otherInput(c)
	}
	return nil, fmt.Errorf("the pack has no calendar chain from %s to %s", from, to)
}

// newest returns the chain between two seconds, or the one that leads to the latest second if to is 0.
func newest(chains []*ksi.CalendarChain, from, to calendar.Second) (best *ksi.CalendarChain) {
	for _, c := range chains {
		if t, err := c.Time(); err != nil || t != from || to != 0 && c.PublicationTime() != to {
			continue
		}
		if best == nil || c.PublicationTime() > best.PublicationTime() {
			best = c
		}
	}
	return best
}

// otherInput returns the chain with another input.
func otherInput(c *ksi.CalendarChain) (*ksi.CalendarChain, error) {
	data := c.Append(nil)
	input := c.Input()
	at := strings.Index(string(data), string(input.Append([]byte{0x05, byte(input.Len())})))
	data[at+3] ^= 1
	return ksi.ParseCalendarChain(data)
}

// publish makes the publication that the signature is checked against that of the simulated calendar, where it is not so
// by itself: the true one has no chain in the pack that leads to it.
func (e *simulatedExtender) publish(t *testing.T, o *ksi.Options) {
	t.Helper()
	to := calendar.Second(0)
	if o.Publication != nil {
		to = o.Publication.Time
	} else if r, ok := o.PublicationsFile.NotBefore(e.signature.Time()); ok {
		to = r.Time
	}
	c, err := e.Extend(t.Context(), e.signature.Time(), to)
	if err != nil {
		t.Fatal(err)
	}
	root, err := c.Root()
	if err != nil {
		t.Fatal(err)
	}
	if o.Publication != nil {
		o.Publication = &ksi.Publication{Time: to, Root: root}
		return
	}
	contents := ksi.Contents{Created: to, Certificates: o.PublicationsFile.Certificates()}
	for _, r := range o.PublicationsFile.Publications() {
		if r.Time == to {
			r.Root = root
		}
		contents.Publications = append(contents.Publications, r)
	}
	o.PublicationsFile = parseFile(t, newPublisher(t, email, time.Now()).file(t, contents))
}

// explain notes what is simulated for a row.
func (e *simulatedExtender) explain(t *testing.T, row *packRow, o *ksi.Options) {
	kind := "a genuine chain of the pack"
	if newest(e.run.genuine, e.signature.Time(), 0) == nil {
		kind = "a chain of the pack with a made-up round root"
		if row.code == string(ksi.PUB03) {
			kind += ", which the publication was changed to"
		}
	}
	e.run.note("extender simulated by %s: %s %s, %s", kind, o.Policy, row.code, filepath.Base(row.file))
}
