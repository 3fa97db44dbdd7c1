package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

func newVerifyBundle() *cobra.Command {
	var o verifyOptions
	var document string
	cmd := &cobra.Command{
		Use:   "verify-bundle FILE",
		Short: "Check all hashes and proofs of a bundle, offline",
		Long: `Check a bundle that "jurat export" wrote: that the hashes give the root of every second, that every proof holds, that the
sequence numbers in the proofs follow on, so that no second is missing between the first and the last, and that the file is
whole. What vouches for the time is given as for "jurat verify".

Of a document's bundle, by "jurat transfer": that each transfer follows on the one before, from the issuer's filing to the last holder, and
was filed by the vault that had the document. What is wrong is named: gap, fork, wrong order, wrong holder, false proof.

That nothing was cut off before the first second or behind the last cannot be seen in a bundle alone: compare the numbers that
are printed with a proof from before or after.

Exit code: 0 OK, 1 FAIL (the first fault is named with its place), 2 NA (in order, but something is missing to believe the
time of every proof), 3 the file cannot be read.`,
		Example: `  jurat verify-bundle canton.bundle --certificate calendar.crt
  jurat verify-bundle canton.bundle.zst --publication AAAAAA-DLAJBD-YAITHO-ITRZSY-…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return o.verifyBundle(ctx, cmd.OutOrStdout(), args[0], document)
			})
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&document, "document", "", "the document that the bundle of a document is of, to be compared")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func (o *verifyOptions) verifyBundle(ctx context.Context, out io.Writer, path, document string) error {
	basis, err := o.basis()
	if err != nil {
		return err
	}
	if of, err := isDocumentBundle(path); err != nil {
		return err
	} else if of {
		return o.verifyDocumentBundle(ctx, out, path, document, &basis)
	} else if document != "" {
		return fmt.Errorf("%s is the bundle of an agency: --document is for that of a document", path)
	}
	in, err := openBundle(path)
	if err != nil {
		return err
	}
	defer in.Close()
	p := newProgress("leaves checked", 0)
	report, err := bundle.Verify(ctx, in, basis.options, func(leaves uint64) { p.set(int64(leaves)) })
	p.done()
	r := newBundleReport(path, &basis, &report)
	switch {
	case errors.Is(err, bundle.ErrVersion): // says nothing of the bundle
		return fmt.Errorf("%s: %w", path, err)
	case errors.As(err, new(*bundle.Fault)), errors.Is(err, errPacked):
		r.Sentence = err.Error()
	case err != nil:
		return err
	}
	if !o.json {
		r.print(out, &report)
	} else if err := printJSON(out, r); err != nil {
		return err
	}
	return verdictStatus(report.Verdict)
}

// print prints the outcome for people.
func (r *bundleReport) print(out io.Writer, report *bundle.Report) {
	h := &report.Header
	if h.Agency != "" {
		fmt.Fprintf(out, "Bundle of agency %s at server %s, seconds %s to %s.\n", plain.Text(h.Agency), plain.Text(h.Server), h.From, h.To)
	}
	for _, l := range report.Lanes {
		if l.Groups > 0 {
			fmt.Fprintf(out, "Lane %s: %d hashes in %d seconds from %s to %s, sequence numbers %d to %d without a gap.\n", plain.Text(l.Name), l.Leaves,
				l.Groups, l.FirstRound, l.LastRound, l.FirstSequence, l.LastSequence)
		}
	}
	fmt.Fprintf(out, "%s: %s\n", r.Verdict, r.Sentence)
	if report.Verdict == ksi.OK {
		printTrusted(out, r.TrustedBy...)
	}
}

// pathsOf returns the files with certificates, each once; those of the publications file are left out.
func (b *verifyBasis) pathsOf(certificates []ksi.Certificate) (paths []string) {
	for i := range certificates {
		if path := b.pathOf(&certificates[i]); path != "" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// A bundleReport is the outcome of verify-bundle as --json prints it.
type bundleReport struct {
	Verdict  string `json:"verdict"`
	Sentence string `json:"sentence"`
	Policy   string `json:"policy"`
	File     string `json:"file"`
	// What the bundle says; believe it only if Verdict is OK. After a fault it is what was in order before.
	Server string       `json:"server,omitempty"`
	Agency string       `json:"agency,omitempty"`
	From   *time.Time   `json:"from,omitempty"`
	To     *time.Time   `json:"to,omitempty"`
	Hashes uint64       `json:"hashes"`
	Rounds uint64       `json:"seconds"` // with hashes
	Lanes  []bundleLane `json:"lanes"`
	// Unproven counts the seconds whose proof is NA.
	Unproven uint64 `json:"unproven"`
	// TrustedBy are the files with the certificates of the calendar keys that proofs rest on.
	TrustedBy []string `json:"trusted_by,omitempty"`
}

// A bundleLane is a lane of it that holds hashes. Its sequence numbers follow on without a gap.
type bundleLane struct {
	Lane          string    `json:"lane"`
	Hashes        uint64    `json:"hashes"`
	Rounds        uint64    `json:"seconds"`
	First         time.Time `json:"first_second"`
	Last          time.Time `json:"last_second"`
	FirstSequence uint64    `json:"first_sequence"`
	LastSequence  uint64    `json:"last_sequence"`
}

// newBundleReport says what was found; the sentence about a fault is that of its error.
func newBundleReport(path string, basis *verifyBasis, report *bundle.Report) *bundleReport {
	h := &report.Header
	r := &bundleReport{Verdict: report.Verdict.String(), Policy: basis.options.Policy.String(), File: path, Server: h.Server, Agency: h.Agency,
		Hashes: report.Leaves, Rounds: report.Rounds, Lanes: []bundleLane{}, Unproven: report.Unproven, TrustedBy: basis.pathsOf(report.Certificates)}
	if h.Agency != "" {
		from, to := h.From.Time(), h.To.Time()
		r.From, r.To = &from, &to
	}
	for _, l := range report.Lanes {
		if l.Groups > 0 {
			r.Lanes = append(r.Lanes, bundleLane{l.Name, l.Leaves, l.Groups, l.FirstRound.Time(), l.LastRound.Time(), l.FirstSequence, l.LastSequence})
		}
	}
	switch report.Verdict {
	case ksi.OK:
		r.Sentence = fmt.Sprintf("%d hashes in %d seconds, all proofs hold (%s).%s%s", r.Hashes, r.Rounds, r.Policy, basis.leftOut,
			otherName(h.Server, report.Certificates...))
	case ksi.NA:
		r.Sentence = fmt.Sprintf("%d hashes are in order, but the proofs of %d seconds lack something, the first at %s%s", r.Hashes, r.Unproven,
			report.Missing, cmp.Or(basis.leftOut, basis.whatToGive(report.Extended)))
	}
	return r
}

func newExtract() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "extract --receipt RECEIPT FILE",
		Short: "Take one proof out of a bundle",
		Long: `Write the proof of one hash to standard output: the bytes that the server gives for it. It is checked against the hashes of
its second; what vouches for its time is the business of "jurat verify".`,
		Example: `  jurat extract --receipt 2026-11-22T01:15:30Z/canton/main/42 canton.bundle > letter.pdf.ksig`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return extract(cmd.OutOrStdout(), name, args[0])
		},
	}
	cmd.Flags().StringVar(&name, "receipt", "", "the receipt of the hash")
	return cmd
}

func extract(out io.Writer, name, path string) error {
	r, err := receipt.ParseName(name)
	if err != nil {
		return fmt.Errorf("%w: give one such as 2026-11-22T01:15:30Z/canton/main/42 with --receipt", err)
	}
	if of, err := isDocumentBundle(path); err != nil {
		return err
	} else if of {
		proof, err := proofIn(path, r)
		if err != nil {
			return err
		}
		_, err = out.Write(proof)
		return err
	}
	in, err := openBundle(path)
	if err != nil {
		return err
	}
	defer in.Close()
	g, h, err := findGroup(in, r)
	if err == nil && h.Agency != r.Agency {
		err = fmt.Errorf("%s is the bundle of agency %q", path, h.Agency)
	}
	if err != nil {
		return err
	}
	signature, err := g.Signature(r.Index)
	if err != nil {
		return err
	}
	_, err = out.Write(signature)
	return err
}

// findGroup finds the group of a receipt: by the index, or, where the bundle is packed, by reading up to it.
func findGroup(in *bundleInput, r receipt.Name) (*bundle.Group, bundle.Header, error) {
	if in.unpack == nil {
		info, err := in.file.Stat()
		if err != nil {
			return nil, bundle.Header{}, err
		}
		return bundle.Find(in.file, info.Size(), r.Round, r.Lane)
	}
	b, err := bundle.NewReader(in)
	if err != nil {
		return nil, bundle.Header{}, err
	}
	for {
		g, err := b.Next()
		if err == io.EOF {
			err = fmt.Errorf("round %s, lane %q: %w", r.Round, r.Lane, bundle.ErrNotFound)
		}
		if err != nil || g.Round == r.Round && g.Lane.Name == r.Lane {
			return g, b.Header(), err
		}
	}
}

// A bundleInput is an open bundle.
type bundleInput struct {
	file   *os.File
	start  *bufio.Reader // of the file
	unpack *zstd.Decoder // of start; nil if the bundle is not packed
	left   int64         // bytes that may still come out of it
}

// errPacked says that a packed bundle cannot be unpacked.
var errPacked = errors.New("the packed file is damaged")

// A packed bundle unpacks to at most so many times its size, and so many bytes besides: hashes do not shrink, and a small file must not
// take all memory.
const (
	mostUnpacked = 100
	freeUnpacked = 64 << 20
)

// openBundle opens a bundle, packed or not.
func openBundle(path string) (*bundleInput, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &bundleInput{file: f, start: bufio.NewReaderSize(f, 1<<18)}
	head, err := in.start.Peek(4)
	if err != nil && err != io.EOF {
		return nil, errors.Join(err, f.Close())
	}
	if !bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // zstd
		return in, nil
	}
	if in.unpack, err = zstd.NewReader(in.start, zstd.WithDecoderMaxMemory(1<<30), zstd.WithDecoderMaxWindow(64<<20)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if in.left = math.MaxInt64; info.Mode().IsRegular() {
		in.left = freeUnpacked + mostUnpacked*info.Size()
	}
	return in, nil
}

// Read reads bytes of the bundle.
func (in *bundleInput) Read(b []byte) (int, error) {
	if in.unpack == nil {
		return in.start.Read(b)
	}
	n, err := in.unpack.Read(b)
	if in.left -= int64(n); in.left < 0 {
		return 0, fmt.Errorf("the packed file unpacks to more than %d times its size: if you trust it, unpack it with zstd first", mostUnpacked)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errPacked, err)
	}
	return n, err
}

// Close closes the file.
func (in *bundleInput) Close() error {
	if in.unpack != nil {
		in.unpack.Close()
	}
	return in.file.Close()
}
