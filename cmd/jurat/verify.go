package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newVerify() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE [FILE.ksig]",
		Short: "Verify a file against its proof, offline",
		Long: `Verify that FILE is the document that a proof was made for, that the proof is consistent, and that the calendar key of a
server you trust has signed it. Nothing is sent anywhere. The proof is FILE.ksig unless named.

The trusted calendar certificates are those given with --certificate, else those that "jurat sign" remembered for this
account. The server's operator hands the certificate out: it is keys/calendar.crt in the data directory, and
  psql -h HOST -p 5433 -U ROLE jurat -Atc 'SELECT pem FROM calendar_certificates' > calendar.crt

Exit code: 0 OK, 1 FAIL (disproven, or the proof is damaged), 2 NA (something is missing for an answer), 3 the files cannot
be read.`,
		Example: `  jurat verify letter.pdf
  jurat verify letter.pdf letter.pdf.ksig --certificate calendar.crt
  jurat verify letter.pdf --policy internal`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			proof := args[0] + signatureSuffix
			if len(args) == 2 {
				proof = args[1]
			}
			return o.run(cmd.OutOrStdout(), args[0], proof)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.policy, "policy", "key", `what to check: "key": consistency and the calendar key's signature; "internal": consistency alone, which proves no time`)
	f.StringArrayVar(&o.certificates, "certificate", nil, "PEM file of a trusted calendar certificate; may be repeated")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

type verifyOptions struct {
	policy       string
	certificates []string
	json         bool
}

// A verifyReport is the outcome of a verification as --json prints it.
type verifyReport struct {
	Verdict  string `json:"verdict"`
	Code     string `json:"code,omitempty"`
	Rule     string `json:"rule,omitempty"`
	Sentence string `json:"sentence"`
	Policy   string `json:"policy"`
	File     string `json:"file"`
	Proof    string `json:"proof"`
	// What the proof says; believe it only if Verdict is OK under a policy that checks the time.
	Time   *time.Time `json:"time,omitempty"`
	Agency string     `json:"agency,omitempty"` // named by the server
	Lane   string     `json:"lane,omitempty"`   // server and lane
	// Claims are names that stand below the agency's: the agency or its clients put them there themselves.
	Claims []string `json:"claims,omitempty"`
}

func (o *verifyOptions) run(w io.Writer, file, proof string) error {
	options, err := o.verification()
	if err != nil {
		return err
	}
	data, err := readSignature(proof)
	if err != nil {
		return err
	}
	report := verifyReport{Policy: options.Policy.String(), File: file, Proof: proof}
	signature, err := ksi.Parse(data)
	if err != nil {
		report.Verdict, report.Code = ksi.FAIL.String(), formatCode
		report.Sentence = fmt.Sprintf("%s is no whole, unchanged proof; %s (%s).", proof, whatInstead(data), err)
		return o.print(w, &report, exitFail)
	}
	at := signature.Time().Time()
	report.Time = &at
	report.name(signature.Issuers())
	input := signature.InputImprint()
	imprint, err := hashFile(file, input.Algorithm())
	if errors.Is(err, errCannotCompute) {
		report.Verdict, report.Code, report.Sentence = ksi.NA.String(), string(ksi.GEN02), "Whether it is this document was not checked: "+err.Error()+"."
		return o.print(w, &report, exitInconclusive)
	} else if err != nil {
		return err
	}
	options.Document = &imprint
	result := ksi.Verify(context.Background(), signature, options)
	report.Verdict, report.Code, report.Rule, report.Sentence = result.Verdict.String(), string(result.Code), result.Rule, result.Sentence
	if options.Policy == ksi.KeyBased && len(options.Certificates) == 0 && result.Verdict == ksi.NA {
		report.Sentence += " No calendar certificate is known here: give one with --certificate (see jurat verify --help)."
	}
	return o.print(w, &report, map[ksi.Verdict]exitStatus{ksi.FAIL: exitFail, ksi.NA: exitInconclusive}[result.Verdict])
}

// formatCode is the code of what is no whole proof.
const formatCode = "FORMAT"

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

// verification turns the flags into what to verify against.
func (o *verifyOptions) verification() (ksi.Options, error) {
	switch o.policy {
	case "internal":
		return ksi.Options{Policy: ksi.Internal}, nil
	case "key":
		certificates, err := trustedCertificates(os.Stderr, o.certificates)
		return ksi.Options{Policy: ksi.KeyBased, Certificates: certificates}, err
	}
	return ksi.Options{}, fmt.Errorf("unknown policy %q: use key or internal", o.policy)
}

func (o *verifyOptions) print(w io.Writer, r *verifyReport, status exitStatus) error {
	if o.json {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprint(w, r.Verdict)
		if r.Code != "" {
			fmt.Fprint(w, " ", r.Code)
		}
		fmt.Fprintf(w, ": %s\n", r.Sentence)
		if r.Verdict == ksi.OK.String() && r.Policy != ksi.Internal.String() {
			if r.Agency != "" {
				fmt.Fprintf(w, "Filed by %s (%s).\n", r.Agency, r.Lane)
			}
			for _, c := range r.Claims {
				fmt.Fprintf(w, "Named below that by the agency or its clients, unchecked: %s.\n", c)
			}
		}
	}
	if status != 0 {
		return status
	}
	return nil
}

// whatInstead guesses what a file is that is no proof, and says what to do.
func whatInstead(data []byte) string {
	const firstByte = 0x88 // of every proof
	switch {
	case len(data) == 0:
		return "the file is empty: get it again"
	case bytes.HasPrefix(data, []byte(`\x`)):
		return "it is hex text as psql prints it: fetch encode(signature, 'base64') and pipe it through base64 -d"
	case data[0] != firstByte:
		return "it does not begin like one: the document comes first on the command line, its proof second"
	}
	return "it was cut off or changed: get it again from whoever gave it"
}

// maxSignatureFile bounds what is read of a proof: the largest element of the format with its header.
const maxSignatureFile = 1<<16 + 4

// readSignature reads a proof, which fits into one element of the format.
func readSignature(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSignatureFile+1))
}
