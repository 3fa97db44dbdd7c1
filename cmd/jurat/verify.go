package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newVerify() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE [FILE.ksig]",
		Short: "Verify a file against its proof, offline",
		Long: `Verify that FILE is the document that a proof was made for, that the proof is consistent, and that somebody you trust
vouches for its time. Nothing is sent anywhere, unless you name a server with --extender. The proof is FILE.ksig unless named.

What vouches for the time, strongest first:

  --publication STRING       a printed publication string: needs no key and no certificate, for decades
  --publications-file FILE   a publications file, signed by whom --trust and --constraint name
  --certificate FILE         the certificate of a calendar key; without it, those that "jurat sign" remembered, each
                             for the proofs of the ledger alone whose name it bears, and not beside --publication

The policy "general" takes the first of these that was given and fits the proof. A proof that was made a moment ago is
signed by the calendar key alone: "jurat extend" makes it rest on a publication.

The server's operator hands out the certificates and publications: keys/calendar.crt and keys/root.crt in the data directory, and
  psql -h HOST -p 5433 -U ROLE jurat -Atc 'SELECT pem FROM calendar_certificates' > calendar.crt
  psql -h HOST -p 5433 -U ROLE jurat -Atc "SELECT encode(publications_file(), 'base64')" | base64 -d > publications.bin

Exit code: 0 OK, 1 FAIL (disproven, or the proof is damaged), 2 NA (something is missing for an answer), 3 the files cannot
be read.`,
		Example: `  jurat verify letter.pdf
  jurat verify letter.pdf letter.pdf.ksig --certificate calendar.crt
  jurat verify letter.pdf --publication AAAAAA-DLAJBD-YAITHO-ITRZSY-…
  jurat verify letter.pdf --publications-file publications.bin --trust root.crt --constraint E=publications@ledger.example
  jurat verify letter.pdf --policy internal`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			proof := args[0] + signatureSuffix
			if len(args) == 2 {
				proof = args[1]
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), args[0], proof)
		},
	}
	f := cmd.Flags()
	o.flags(f)
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

type verifyOptions struct {
	policy, publication string
	certificates        []string
	publications        publicationsOptions
	extender            extenderOptions
	json                bool
}

// flags are those that say what vouches for the time.
func (o *verifyOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.policy, "policy", ksi.General.String(), "what to check: general, key-based, publications-file, user-publication, calendar-based (asks the extender), or internal, which proves no time")
	f.StringArrayVar(&o.certificates, "certificate", nil, "PEM file of a trusted calendar certificate; may be repeated")
	f.StringVar(&o.publication, "publication", "", "publication string that you trust")
	o.publications.flags(f)
	o.extender.flags(f)
}

// A verifyReport is the outcome of a verification as --json prints it.
type verifyReport struct {
	Verdict  string `json:"verdict"`
	Code     string `json:"code,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Sentence string `json:"sentence"`
	Policy   string `json:"policy"` // of general, the one that decided
	File     string `json:"file"`
	Proof    string `json:"proof"`
	// What the proof says; believe it only if Verdict is OK under a policy that checks the time.
	Time            *time.Time `json:"time,omitempty"`
	Agency          string     `json:"agency,omitempty"` // named by the server
	Lane            string     `json:"lane,omitempty"`   // server and lane
	PublicationTime *time.Time `json:"publication_time,omitempty"`
	References      []string   `json:"references,omitempty"`         // by the publications file
	Claimed         []string   `json:"claimed_references,omitempty"` // by the proof, in which no hash covers them
	// TrustedBy is the file with the certificate of the calendar key, if the verdict rests on that.
	TrustedBy string `json:"trusted_by,omitempty"`
	// Claims are names that stand below the agency's: the agency or its clients put them there themselves.
	Claims []string `json:"claims,omitempty"`
}

func (o *verifyOptions) run(ctx context.Context, w io.Writer, file, proof string) error {
	basis, err := o.basis()
	if err != nil {
		return err
	}
	options := basis.options
	data, err := readSignature(proof)
	if err != nil {
		return err
	}
	report := verifyReport{Policy: options.Policy.String(), File: file, Proof: proof}
	signature, err := ksi.Parse(data)
	if err != nil {
		report.Verdict, report.Code = ksi.FAIL.String(), string(ksi.Format)
		report.Sentence = fmt.Sprintf("%s is no whole, unchanged proof; %s (%s).", plain.Text(proof), whatInstead(data), err)
		return o.print(w, &report, exitStatus(exitFail))
	}
	report.Time = moment(signature.Time())
	report.name(signature.Issuers())
	input := signature.InputImprint()
	imprint, err := hashFile(file, input.Algorithm())
	if errors.Is(err, errCannotCompute) {
		report.Verdict, report.Code, report.Sentence = ksi.NA.String(), string(ksi.GEN02), "Whether it is this document was not checked: "+err.Error()+"."
		return o.print(w, &report, exitStatus(exitInconclusive))
	} else if err != nil {
		return err
	}
	options.Document = &imprint
	result := ksi.Verify(ctx, signature, options)
	report.Verdict, report.Code, report.Rule, report.Sentence = result.Verdict.String(), string(result.Code), result.Rule, result.Sentence
	report.Policy = result.Policy.String()
	if p := result.Publication; p != nil {
		report.PublicationTime = moment(p.Time)
		report.References, report.Claimed = references(signature, &options, p)
	}
	switch result.Verdict {
	case ksi.OK:
		report.Sentence += basis.leftOut
		if result.Policy == ksi.KeyBased {
			report.TrustedBy = basis.pathOf(result.Certificate)
			report.Sentence += otherName(signature.Ledger(), *result.Certificate)
		}
	case ksi.NA:
		report.Sentence += cmp.Or(basis.leftOut, basis.whatToGive(signature.Extended()))
	}
	return o.print(w, &report, verdictStatus(result.Verdict))
}

// otherName says so where proofs name another ledger than a certificate of the keys that confirm them.
func otherName(ledger string, on ...ksi.Certificate) string {
	if ledger == "" || !slices.ContainsFunc(on, func(c ksi.Certificate) bool { return !c.Of(ledger) }) {
		return ""
	}
	return fmt.Sprintf(" The proof says that it is of the ledger %q, and the certificate is not one of that name.", ledger)
}

// whatToGive says what would help where a proof is inconclusive, whether it is extended to a publication or not.
func (b *verifyBasis) whatToGive(extended bool) string {
	o := &b.options
	switch {
	case o.Policy == ksi.Internal || o.Publication != nil || o.PublicationsFile != nil:
		return ""
	case extended:
		return " It rests on a publication: give that with --publication, or --publications-file."
	case len(o.Certificates)+len(o.Named) == 0:
		return " No calendar certificate is known here: give one with --certificate (see jurat verify --help)."
	}
	var known []string
	for _, c := range b.trusted {
		known = append(known, fmt.Sprintf("%x, that of %q in %s", c.ID, c.X509.Subject.CommonName, plain.Text(c.path)))
	}
	return " Known here: " + strings.Join(known, "; ") + ". Give the right one with --certificate."
}

// moment returns a second as a time, nil for one beyond the year 9999, which a hostile proof may name and JSON cannot.
func moment(s calendar.Second) *time.Time {
	if s > calendar.LastWritable {
		return nil
	}
	t := s.Time()
	return &t
}

// references returns where a publication can be looked up, as the publications file says; claimed is what the proof itself says where the file
// is silent: whoever passes a proof on can write anything there.
func references(s *ksi.Signature, o *ksi.Options, p *ksi.Publication) (known, claimed []string) {
	if o.PublicationsFile != nil {
		if r, ok := o.PublicationsFile.At(p.Time); ok && r.Publication == *p {
			return r.References, nil
		}
	}
	if r, ok := s.PublicationRecord(); ok && r.Publication == *p {
		return nil, r.References
	}
	return nil, nil
}

// name fills in who filed the document: the outermost issuer, which the server put there.
func (r *verifyReport) name(issuers []ksi.Issuer) {
	if len(issuers) == 0 {
		return
	}
	last := issuers[len(issuers)-1]
	r.Agency, r.Lane = last.Client, last.Machine
	for _, i := range issuers[:len(issuers)-1] {
		r.Claims = append(r.Claims, i.Client)
	}
}

// A verifyBasis is what proofs are verified against.
type verifyBasis struct {
	options ksi.Options
	trusted []trustedCertificate // those of options, given or remembered, with where they come from
	leftOut string               // what of the flags could not be used, as a sentence
}

// pathOf returns the file with a certificate, the empty string if it is of the publications file.
func (b *verifyBasis) pathOf(certificate *ksi.Certificate) string {
	for _, c := range b.trusted {
		if c.X509.Equal(certificate.X509) {
			return c.path
		}
	}
	return ""
}

// basis turns the flags into what to verify against.
func (o *verifyOptions) basis() (b verifyBasis, err error) {
	if b.options.Policy, err = ksi.ParsePolicy(o.policy); err != nil || b.options.Policy == ksi.Internal {
		return b, err
	}
	if o.publication != "" {
		p, err := parsePublication(o.publication)
		if err != nil {
			return b, err
		}
		b.options.Publication = &p
	}
	file, err := o.publications.read()
	switch {
	case errors.Is(err, ksi.ErrUntrusted):
		b.leftOut = fmt.Sprintf(" %s was left out: %s.", plain.Text(o.publications.file), err)
	case err != nil:
		return b, err
	default:
		b.options.PublicationsFile = file
	}
	if b.options.Publication == nil || b.options.Policy != ksi.General || len(o.certificates) > 0 { // who names a publication wants no answer by what this account remembers
		if b.trusted, err = trustedCertificates(os.Stderr, o.certificates); err != nil {
			return b, err
		}
	}
	if known := certificatesOf(b.trusted); len(o.certificates) > 0 {
		b.options.Certificates = known
	} else {
		b.options.Named = known // that this account filed with one server does not make its key that of another
	}
	b.options.Extender, err = o.extender.dial()
	return b, err
}

// verdictStatus returns the exit status of a verdict, nil for OK.
func verdictStatus(v ksi.Verdict) error {
	switch v {
	case ksi.FAIL:
		return exitStatus(exitFail)
	case ksi.NA:
		return exitStatus(exitInconclusive)
	}
	return nil
}

// printJSON prints what a command found as --json has it.
func printJSON(w io.Writer, found any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(found)
}

func (o *verifyOptions) print(w io.Writer, r *verifyReport, status error) error {
	if o.json {
		if err := printJSON(w, r); err != nil {
			return err
		}
	} else {
		fmt.Fprint(w, r.Verdict)
		if r.Code != "" {
			fmt.Fprint(w, " ", r.Code)
		}
		fmt.Fprintf(w, ": %s\n", plain.Text(r.Sentence))
		if r.Verdict == ksi.OK.String() && r.Policy != ksi.Internal.String() {
			if r.Agency != "" {
				fmt.Fprintf(w, "Filed by %s (%s).\n", plain.Text(r.Agency), plain.Text(r.Lane))
			}
			printTrusted(w, r.TrustedBy)
			for _, c := range r.Claims {
				fmt.Fprintf(w, "Named below that by the agency or its clients, unchecked: %q.\n", c)
			}
			for _, reference := range r.References {
				fmt.Fprintf(w, "The publication can be looked up in: %q.\n", reference)
			}
			for _, reference := range r.Claimed {
				fmt.Fprintf(w, "The proof says, unchecked, that the publication can be looked up in: %q.\n", reference)
			}
		}
	}
	return status
}

// printTrusted names the files with the certificates of calendar keys that a verdict rests on; the empty string is none.
func printTrusted(w io.Writer, paths ...string) {
	for _, path := range paths {
		if path != "" {
			fmt.Fprintf(w, "The key is trusted because of %s.\n", plain.Text(path))
		}
	}
}

// whatInstead guesses what a file is that is no proof, and says what to do.
func whatInstead(data []byte) string {
	const firstByte = 0x88 // of every proof
	switch {
	case len(data) == 0:
		return "the file is empty: get it again"
	case bytes.HasPrefix(data, []byte(`\x`)):
		return "it is hex text as psql prints it: fetch encode(signature, 'base64') and pipe it through base64 -d"
	case bytes.HasPrefix(data, []byte("8800")):
		return "it is hex text: xxd -r -p makes a proof of it"
	case bytes.HasPrefix(data, []byte("iA")):
		return "it seems to be base64 text: base64 -d makes a proof of it"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("\x1f\x8b")):
		return "it is packed: unpack it first"
	case ksi.IsPublicationsFile(data):
		return "it is a publications file"
	case data[0] != firstByte:
		return "it does not begin like one: the document comes first on the command line, its proof second"
	}
	return "it was cut off or changed: get it again from whoever gave it"
}

// maxSignatureFile bounds what is read of a proof: the largest element of the format with its header.
const maxSignatureFile = 1<<16 + 4

// readSignature reads a proof, which fits into one element of the format.
func readSignature(path string) ([]byte, error) { return readAtMost(path, maxSignatureFile+1) }

// readAtMost reads the first so many bytes of a file.
func readAtMost(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, size))
}

// readParsed reads a file of at most so many bytes, and one more for parse to refuse what is longer. Errors of parse name the file.
func readParsed[T any](path string, most int64, parse func(data []byte) (T, error)) (T, error) {
	var none T
	data, err := readAtMost(path, most+1)
	if err != nil {
		return none, err
	}
	v, err := parse(data)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
