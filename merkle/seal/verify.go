package seal

import (
	"bytes"
	"crypto/rsa"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// A Verdict is the outcome of a verification. Everything but Valid means: do not rely on the document as it is.
type Verdict string

// The verdicts. Where several apply, the first of this list is given.
const (
	Unreadable    Verdict = "unreadable"     // it is no whole seal: cut off, misread, or of a newer version
	Altered       Verdict = "altered"        // what it says is not what was filed
	WrongLandmark Verdict = "wrong landmark" // it is of another ledger than the landmarks
	UnknownKey    Verdict = "unknown key"    // it rests on a calendar key that is not among those given
	CannotTell    Verdict = "cannot tell"    // something is missing: Report.Missing says what
	Revoked       Verdict = "revoked"        // by the agency
	Superseded    Verdict = "superseded"     // by a newer document of the agency
	NotYetValid   Verdict = "not yet valid"  // by the document's own date, or by that of its seal
	Expired       Verdict = "expired"        // by the document's own date
	Valid         Verdict = "valid"
)

// Options say what a seal is verified against. All of it but the details is trusted.
type Options struct {
	// Landmarks are those of the ledger, checked by landmark.File.Verify; nil for none.
	Landmarks *landmark.Set
	// Contradiction is the landmark.ErrOther of a file of landmarks that was given and cannot be used, nil for none.
	Contradiction error
	// Details turn immediate seals of their blocks into ones that rest on hashes.
	Details []*landmark.Detail
	// Certificates are those of calendar keys, for immediate seals. Each counts for the ledger alone whose name it bears.
	Certificates []ksi.Certificate
	// Status is the agency's status list; nil for none.
	Status *StatusList
	// Successors are leaves of seals that may supersede this one.
	Successors []merkle.Digest
	// At is the time that the document's own dates, that of its seal and its status are judged for; 0 leaves the dates alone.
	At calendar.Second
}

// A Report is what Verify finds.
type Report struct {
	Verdict  Verdict
	Sentence string // the verdict in plain English
	Missing  string // for UnknownKey and CannotTell: what is missing, and where to get it

	// Seal is what the seal says. Only with a Basis is it more than a claim.
	Seal *Seal
	// Basis says why it is believed; its Kind is landmark.Unvouched if it is not.
	Basis landmark.Basis
	// Landmark is the root of the seal's block, if it is of any use here: known or led to.
	Landmark merkle.Digest
	// Status says in words what is known of a revocation.
	Status string
	// StatusAt is when the seal was revoked or superseded, 0 if it was not.
	StatusAt calendar.Second
	// StatusAsOf is the newest round of the status list, up to which it speaks; 0 without one, and for one that shows nothing.
	StatusAsOf calendar.Second
	// Proven and NotProven say, a sentence each, what a reader may rely on.
	Proven, NotProven []string
	// Steps lead from the leaf to the landmark, and on to the calendar root of Basis; of a seal that rests on a key alone, to the
	// round root, which is signed.
	Steps []Step
}

// Check is Verify for the text of a seal: what cannot be read is Unreadable.
func Check(text string, o Options) *Report {
	s, err := Parse(text)
	if err != nil {
		return &Report{Verdict: Unreadable, Sentence: "This is no whole, unchanged seal: " + err.Error() + "."}
	}
	return Verify(s, o)
}

// Verify says whether a seal is what was filed, and whether its document still holds. It never asks anybody.
func Verify(s *Seal, o Options) *Report {
	r := &Report{Seal: s, Verdict: Valid}
	root, steps := s.climb(s.Leaf())
	r.Steps = steps
	v := verification{Options: o, r: r, s: s, round: root, block: landmark.BlockOf(s.Round)}
	if s.Profile == Anchored {
		v.anchored()
	} else {
		v.immediate()
	}
	if r.Verdict == Valid {
		r.Sentence = fmt.Sprintf("This document is genuine: %s had it sealed by %s at %s, and it is unchanged since.", s.Agency, s.Server, s.Round)
	}
	v.status()
	v.dates()
	v.explain()
	return r
}

type verification struct {
	Options
	r     *Report
	s     *Seal
	round merkle.Digest // round root that the seal leads to
	block uint64
}

// fail sets the verdict, if there is none yet.
func (v *verification) fail(verdict Verdict, format string, args ...any) {
	if v.r.Verdict == Valid {
		v.r.Verdict, v.r.Sentence = verdict, fmt.Sprintf(format, args...)
	}
}

// lack is fail for what is missing.
func (v *verification) lack(verdict Verdict, missing, format string, args ...any) {
	v.fail(verdict, format, args...)
	v.r.Missing = missing
}

const alteredSentence = "This document was altered, or never sealed: what it says is not what %s filed at %s."

// known returns the landmark of the seal's block from the file of landmarks. If there is none, why says so.
func (v *verification) known() (root merkle.Digest, why string) {
	get := fmt.Sprintf("a file of landmarks of %s that covers %s: its operator gives it out, also by: jurat landmarks --out FILE", v.s.Server, v.s.Round)
	if v.Landmarks == nil {
		return root, get
	}
	root, ok := v.Landmarks.Landmark(v.block)
	if !ok {
		first, n := v.Landmarks.Blocks()
		return root, fmt.Sprintf("%s (the one given reaches from %s to %s)", get, landmark.First(first), landmark.Last(first+uint64(n)-1))
	}
	return root, ""
}

// foreign reports landmarks of another ledger.
func (v *verification) foreign() bool {
	if v.Landmarks == nil || v.Landmarks.Server() == v.s.Server {
		return false
	}
	v.fail(WrongLandmark, "This seal says that it is of the ledger %s; the landmarks given are those of %s.", v.s.Server, v.Landmarks.Server())
	return true
}

// anchored verifies a seal that ends at a landmark.
func (v *verification) anchored() {
	v.blockSteps(&v.s.Block)
	if v.Contradiction != nil {
		v.lack(CannotTell, "landmarks and a publication that are of one ledger", "The landmarks given cannot be used, since they are not of the ledger of a publication given here: %s.", v.Contradiction)
		return
	}
	if v.foreign() {
		return
	}
	root, why := v.known()
	if why != "" {
		v.lack(CannotTell, why, "Without the landmark of its time nobody can say whether this document is genuine.")
		return
	}
	if v.Landmarks.Basis(v.block).Kind == landmark.Unvouched {
		sentence := "This document is as the landmarks say, but nothing given here vouches for the landmarks."
		if v.r.Landmark != root {
			sentence = "This document is not as the landmarks say, but nothing given here vouches for the landmarks: nobody can say which of the two is genuine."
		}
		v.lack(CannotTell, "what vouches for the landmarks: a publications file, a publication string from after "+landmark.Last(v.block).String()+
			", or the calendar certificate", "%s", sentence)
		return
	}
	if v.r.Landmark != root {
		v.r.Landmark = root
		v.fail(Altered, alteredSentence, v.s.Agency, v.s.Round)
		return
	}
	v.rest()
}

// rest lets the seal rest on what its landmark, which it leads to, rests on.
func (v *verification) rest() {
	v.r.Basis = v.Landmarks.Basis(v.block)
	node := v.r.Landmark
	for _, l := range v.Landmarks.Chain(v.block, v.r.Basis) {
		if l.Left {
			node = calendar.HashNode(node, l.Sibling)
		} else {
			node = calendar.HashNode(l.Sibling, node)
		}
		im := l.Sibling.Imprint()
		v.r.Steps = append(v.r.Steps, Step{PartCalendar, l.Left, im.Append(nil), 0xff, node})
	}
}

// blockSteps adds the steps from the round root to the landmark.
func (v *verification) blockSteps(s *landmark.Siblings) {
	node := v.round
	for h := range s {
		node = s.Step(v.s.Round, node, h)
		im := s[h].Imprint()
		v.r.Steps = append(v.r.Steps, Step{PartBlock, v.s.Round>>h&1 == 0, im.Append(nil), 0xff, node})
	}
	v.r.Landmark = node
}

// immediate verifies a seal that the calendar key signed: by the detail of its block, if that is there, else by the key. Landmarks that
// nobody vouches for say nothing.
func (v *verification) immediate() {
	foreign := v.Landmarks != nil && v.Landmarks.Server() != v.s.Server
	root, why := v.known()
	if why == "" && !foreign && v.Landmarks.Basis(v.block).Kind != landmark.Unvouched {
		if root == calendar.ZeroNode(landmark.Height) {
			v.r.Landmark = root
			v.fail(Altered, alteredSentence, v.s.Agency, v.s.Round)
			return
		}
		for _, d := range v.Details {
			if d.Block == v.block && d.Landmark() == root {
				v.detailed(d, root)
				return
			}
		}
	}
	v.byKey()
}

// detailed verifies an immediate seal by the round roots under its landmark.
func (v *verification) detailed(d *landmark.Detail, root merkle.Digest) {
	v.r.Landmark = root
	if d.Roots[v.s.Round%landmark.BlockSeconds] != v.round {
		v.fail(Altered, alteredSentence, v.s.Agency, v.s.Round)
		return
	}
	siblings := d.Siblings(v.s.Round)
	v.blockSteps(&siblings)
	v.rest()
}

// byKey verifies an immediate seal by the calendar key.
func (v *verification) byKey() {
	id := v.s.Key.Certificate
	where := fmt.Sprintf("the certificate %x of the calendar key of %s: its operator gives it out, also by: SELECT pem FROM calendar_certificates",
		id, v.s.Server)
	known, other := false, ""
	for _, c := range v.Certificates {
		key, ok := c.X509.PublicKey.(*rsa.PublicKey)
		if !ok || !bytes.Equal(c.ID, id[:]) {
			continue
		}
		if !c.Of(v.s.Server) {
			other = c.X509.Subject.CommonName
			continue
		}
		if at := v.s.Round.Time(); at.Before(c.X509.NotBefore) || at.After(c.X509.NotAfter) {
			v.lack(UnknownKey, where, "The certificate %x of the calendar key does not hold for %s.", id, v.s.Round)
			return
		}
		if v.s.Key.Verify(key, v.s.Round, v.round) != nil {
			known = true // ids are short: another certificate may have the same
			continue
		}
		v.r.Basis = landmark.Basis{Kind: landmark.ByKey, Time: v.s.Round, Root: v.round.Imprint(), Certificate: id[:]}
		return
	}
	switch {
	case known:
		v.fail(Altered, alteredSentence, v.s.Agency, v.s.Round)
		return
	case other != "":
		v.lack(UnknownKey, where, "This seal says that it is of the ledger %s, but the calendar key %x that it rests on is that of %s.", v.s.Server, id, other)
		return
	}
	v.lack(UnknownKey, where, "This seal rests on the calendar key %x, which is not among those given.", id)
}

// status looks the seal up in the status list.
func (v *verification) status() {
	l, leaf := v.Status, v.s.Leaf()
	switch {
	case l == nil:
		v.r.Status = "It is not known whether the agency revoked it: no status list was given."
		return
	case l.Server != v.s.Server || l.Agency != v.s.Agency:
		v.r.Status = fmt.Sprintf("It is not known whether the agency revoked it: the status list is that of %s at %s.", l.Agency, l.Server)
		return
	}
	if kind, at := v.said(leaf); at != 0 {
		v.r.StatusAt = at
		v.r.Status = fmt.Sprintf("%s says that it was %s at %s.", l.Agency, kind, at)
		if kind == StatusSuperseded {
			v.r.Status += v.successor(leaf)
		}
		switch {
		case l.Missing != "":
			v.lack(CannotTell, "what vouches for the status list: "+l.Missing, "A status list says that this document was %s, but nothing given here vouches for the list.", kind)
		case v.At != 0 && at > v.At: // not yet, at the time asked for
		default:
			v.fail(Verdict(kind), "This document is genuine, but %s says that it was %s at %s: do not rely on it.", l.Agency, kind, at)
		}
		return
	}
	const unknown = "It is not known whether the agency revoked it: "
	switch {
	case l.Newest == 0:
		v.r.Status = unknown + "the status list is empty, so that nothing shows as of when it speaks."
	case l.Missing != "":
		v.r.Status = unknown + "nothing given here vouches for the status list."
	case !l.FromStart:
		v.r.Status = unknown + "the beginning of the status list is missing."
	case l.Open != 0:
		v.r.Status = unknown + fmt.Sprintf("the status list does not show that it holds all that was filed at %s.", l.Open)
	default:
		v.r.StatusAsOf = l.Newest
		v.r.Status = fmt.Sprintf("The status list, whose newest entry is of %s, does not say that it was revoked or superseded.", l.Newest)
	}
}

// said returns the status that the list gives a seal, and when; at is 0 if there is none. One that it has at the time asked for goes before
// one that it gets only later.
func (v *verification) said(leaf merkle.Digest) (kind StatusKind, at calendar.Second) {
	for _, k := range []StatusKind{StatusRevoked, StatusSuperseded} {
		t, ok := v.Status.Find(leaf, k, nil)
		switch later := v.At != 0 && t > v.At; {
		case ok && !later:
			return k, t
		case ok && at == 0:
			kind, at = k, t
		}
	}
	return kind, at
}

// successor says whether one of the seals given supersedes this one.
func (v *verification) successor(leaf merkle.Digest) string {
	for i := range v.Successors {
		if _, ok := v.Status.Find(leaf, StatusSuperseded, &v.Successors[i]); ok {
			return fmt.Sprintf(" Its successor is the seal with leaf %s.", v.Successors[i])
		}
	}
	return ""
}

// clockBehind is by how many seconds the clock of who verifies a seal may be behind that of the ledger.
const clockBehind = 300

// dates judges the document's own dates, the first of which is that of its seal.
func (v *verification) dates() {
	switch {
	case v.At == 0:
	case v.At+clockBehind < v.s.Round:
		v.fail(NotYetValid, "This document is genuine, but it was sealed only at %s.", v.s.Round)
	case v.At < v.s.NotBefore:
		v.fail(NotYetValid, "This document is genuine, but it holds from %s on only.", v.s.NotBefore)
	case v.s.NotAfter != 0 && v.At > v.s.NotAfter:
		v.fail(Expired, "This document is genuine, but by its own word it holds until %s only.", v.s.NotAfter)
	}
}

// explain says what is proven and what is not.
func (v *verification) explain() {
	r, s := v.r, v.s
	r.NotProven = append(r.NotProven, "That what the fields say is true: the agency says so.",
		"That whoever shows the document is the person in it.")
	if v.Contradiction != nil {
		r.NotProven = append(r.NotProven, fmt.Sprintf("Anything by the landmarks given, which were left out: %s.", v.Contradiction))
	}
	if r.StatusAsOf == 0 {
		r.NotProven = append(r.NotProven, r.Status)
	} else {
		r.NotProven = append(r.NotProven, fmt.Sprintf("That nothing was revoked after %s, the newest entry of the status list.", r.StatusAsOf))
	}
	if r.Basis.Kind == landmark.Unvouched {
		r.NotProven = append(r.NotProven, "Anything that the seal says: it is a claim.")
		return
	}
	r.Proven = append(r.Proven,
		fmt.Sprintf("The agency %s of the ledger %s filed exactly these fields and dates.", s.Agency, s.Server),
		fmt.Sprintf("It did so at %s, within one second.", s.Round))
	switch {
	case r.Basis.Kind == landmark.ByPublication:
		r.Proven = append(r.Proven, fmt.Sprintf("No key is needed to believe it: it leads by hashes alone to %s.", r.Basis))
	case s.Profile == Immediate && r.Basis.Time == s.Round:
		r.NotProven = append(r.NotProven, fmt.Sprintf("That the owner of the calendar key did not make it up later: it rests on %x alone.", r.Basis.Certificate))
	default:
		r.NotProven = append(r.NotProven, fmt.Sprintf("That the owner of the calendar key did not make it up later: it rests on %s.", r.Basis))
	}
}
