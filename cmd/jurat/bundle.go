package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/bundle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newVerifyBundle() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify-bundle FILE",
		Short: "Check all hashes and proofs of a bundle, offline",
		Long: `Check a bundle that "jurat export" wrote: that the hashes give the root of every second, that every proof holds, that the
sequence numbers in the proofs follow on, so that no second is missing between the first and the last, and that the file is
whole. What vouches for the time is given as for "jurat verify".

That nothing was cut off before the first second or behind the last cannot be seen in a bundle alone: compare the numbers that
are printed with a proof from before or after.

Exit code: 0 OK, 1 FAIL (the first fault is named with its place), 2 NA (in order, but something is missing to believe the
time of every proof), 3 the file cannot be read.`,
		Example: `  jurat verify-bundle canton.bundle --certificate calendar.crt
  jurat verify-bundle canton.bundle.zst --publication AAAAAA-DLAJBD-YAITHO-ITRZSY-…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return o.verifyBundle(ctx, cmd.OutOrStdout(), args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.policy, "policy", ksi.General.String(), "what to check: general, key-based, publications-file, user-publication, calendar-based (asks the extender), or internal, which proves no time")
	f.StringArrayVar(&o.certificates, "certificate", nil, "PEM file of a trusted calendar certificate; may be repeated")
	f.StringVar(&o.publication, "publication", "", "publication string that you trust")
	o.publications.flags(f)
	o.extender.flags(f)
	return cmd
}

func (o *verifyOptions) verifyBundle(ctx context.Context, out io.Writer, path string) error {
	basis, err := o.basis()
	if err != nil {
		return err
	}
	f, in, err := openBundle(path)
	if err != nil {
		return err
	}
	defer f.Close()
	defer in.Close()
	p := newProgress("leaves checked", 0)
	report, err := bundle.Verify(ctx, in, basis.options, func(leaves uint64) { p.set(int64(leaves)) })
	p.done()
	h := &report.Header
	if h.Agency != "" {
		fmt.Fprintf(out, "Bundle of agency %s at server %s, seconds %s to %s.\n", plain(h.Agency), plain(h.Server), h.From, h.To)
	}
	for _, l := range report.Lanes {
		if l.Groups > 0 {
			fmt.Fprintf(out, "Lane %s: %d hashes in %d seconds from %s to %s, sequence numbers %d to %d without a gap.\n", plain(l.Name), l.Leaves,
				l.Groups, l.FirstRound, l.LastRound, l.FirstSequence, l.LastSequence)
		}
	}
	var fault *bundle.Fault
	switch {
	case errors.As(err, &fault), errors.Is(err, errPacked):
		fmt.Fprintf(out, "FAIL: %s\n", err)
		return exitStatus(exitFail)
	case err != nil:
		return err
	case report.Verdict == ksi.NA:
		fmt.Fprintf(out, "NA: %d hashes are in order, but the proofs of %d seconds lack something, the first at %s%s\n", report.Leaves, report.Unproven,
			report.Missing, basis.leftOut)
		return exitStatus(exitInconclusive)
	}
	fmt.Fprintf(out, "OK: %d hashes in %d seconds, all proofs hold (%s).%s\n", report.Leaves, report.Rounds, basis.options.Policy, basis.leftOut)
	return nil
}

func newExtract() *cobra.Command {
	var receipt string
	cmd := &cobra.Command{
		Use:   "extract --receipt RECEIPT FILE",
		Short: "Take one proof out of a bundle",
		Long: `Write the proof of one hash to standard output: the bytes that the server gives for it. It is checked against the hashes of
its second; what vouches for its time is the business of "jurat verify".`,
		Example: `  jurat extract --receipt 2026-11-22T01:15:30Z/canton/main/42 canton.bundle > letter.pdf.ksig`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return extract(cmd.OutOrStdout(), receipt, args[0])
		},
	}
	cmd.Flags().StringVar(&receipt, "receipt", "", "the receipt of the hash")
	return cmd
}

func extract(out io.Writer, receipt, path string) error {
	r, err := parseReceipt(receipt)
	if err != nil {
		return err
	}
	f, in, err := openBundle(path)
	if err != nil {
		return err
	}
	defer f.Close()
	defer in.Close()
	g, h, err := findGroup(f, in, r)
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
func findGroup(f *os.File, in io.Reader, r receiptName) (*bundle.Group, bundle.Header, error) {
	if _, plain := in.(plainBundle); plain {
		info, err := f.Stat()
		if err != nil {
			return nil, bundle.Header{}, err
		}
		return bundle.Find(f, info.Size(), r.Round, r.Lane)
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

// A plainBundle is a bundle that is not packed.
type plainBundle struct{ io.Reader }

// Close does nothing: the file is its owner's.
func (plainBundle) Close() error { return nil }

// A packedBundle is a bundle that is unpacked.
type packedBundle struct{ unpack *zstd.Decoder }

// errPacked says that a packed bundle cannot be unpacked.
var errPacked = errors.New("the packed file is damaged")

// Read unpacks bytes.
func (p packedBundle) Read(b []byte) (int, error) {
	n, err := p.unpack.Read(b)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errPacked, err)
	}
	return n, err
}

// Close ends unpacking.
func (p packedBundle) Close() error {
	p.unpack.Close()
	return nil
}

// openBundle opens a bundle, packed or not. Both results must be closed.
func openBundle(path string) (*os.File, io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	start := bufio.NewReaderSize(f, 1<<18)
	head, err := start.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, errors.Join(err, f.Close())
	}
	if !bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // zstd
		return f, plainBundle{start}, nil
	}
	unpack, err := zstd.NewReader(start, zstd.WithDecoderMaxMemory(1<<30), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, packedBundle{unpack}, nil
}

// A receiptName is a receipt in parts.
type receiptName struct {
	Round        calendar.Second
	Agency, Lane string
	Index        uint64
}

func parseReceipt(text string) (r receiptName, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return r, fmt.Errorf("receipt %q: give one such as 2026-11-22T01:15:30Z/canton/main/42 with --receipt", text)
	}
	r.Agency, r.Lane = parts[1], parts[2]
	if r.Round, err = calendar.ParseSecond(parts[0]); err == nil {
		r.Index, err = strconv.ParseUint(parts[3], 10, 64)
	}
	if err != nil {
		err = fmt.Errorf("receipt %q: %w", text, err)
	}
	return r, err
}
