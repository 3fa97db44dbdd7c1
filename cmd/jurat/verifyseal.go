package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

func newVerifySeal() *cobra.Command {
	var o verifySealOptions
	cmd := &cobra.Command{
		Use:   "verify-seal TEXT|FILE",
		Short: "Verify a printed seal, offline",
		Long: `Verify a seal as scanned: the text that begins with JS1:, or a file with it. Nothing is sent anywhere.

A seal that is anchored takes --landmarks, and what vouches for them: a publication, or a calendar certificate. One that is
immediate takes the calendar certificate, or --landmarks and --detail of its time. --status is the agency's list of seals that it
revoked or superseded: jurat export --lane status. As for jurat verify, certificates that this account remembers count too,
unless a publication, a publications file or certificates are given.

Exit code: 0 valid; 1 altered, unreadable, revoked, superseded, expired, not yet valid, or of another ledger; 2 something is missing
for an answer; 3 a file cannot be read.`,
		Example: `  jurat verify-seal extract.txt --landmarks landmarks.bin --publication AAAAAA-DLAJBD-YAITHO-…
  jurat verify-seal extract.txt --certificate calendar.crt --status canton-status.bundle`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.landmarks, "landmarks", "", "file of landmarks")
	f.StringArrayVar(&o.details, "detail", nil, "file with the round roots of a block; may be repeated")
	f.StringVar(&o.status, "status", "", "bundle of the agency's lane status")
	f.StringVar(&o.successor, "successor", "", "seal, or file with it, that may supersede this one")
	f.StringVar(&o.at, "at", "", "time for which to judge the document's dates, such as 2026-12-01, now unless given")
	f.StringArrayVar(&o.basis.certificates, "certificate", nil, "PEM file of a trusted calendar certificate; may be repeated")
	f.StringVar(&o.basis.publication, "publication", "", "publication string that you trust")
	o.basis.publications.flags(f)
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	o.basis.policy = ksi.General.String()
	return cmd
}

type verifySealOptions struct {
	landmarks, status, successor, at string
	details                          []string
	basis                            verifyOptions
	json                             bool
}

func (o *verifySealOptions) run(ctx context.Context, w io.Writer, from string) error {
	text, err := sealText(from)
	if err != nil {
		return err
	}
	options, basis, err := o.options(ctx)
	if err != nil {
		return err
	}
	r := seal.Check(text, options)
	r.Sentence += basis.leftOut
	if o.json {
		fmt.Fprintf(w, "%s\n", r.JSON())
	} else {
		printSeal(w, r)
		if path := basis.pathOfKey(r); path != "" {
			fmt.Fprintln(w)
			printTrusted(w, path)
		}
	}
	switch r.Verdict {
	case seal.Valid:
		return nil
	case seal.CannotTell, seal.UnknownKey:
		return exitStatus(exitInconclusive)
	}
	return exitStatus(exitFail)
}

// pathOfKey returns the file with the certificate of the calendar key that a seal rests on; the empty string if it rests on none, or on
// one of the publications file.
func (b *verifyBasis) pathOfKey(r *seal.Report) string {
	for _, c := range b.trusted {
		if r.Basis.Kind == landmark.ByKey && bytes.Equal(c.ID, r.Basis.Certificate) && c.Of(r.Seal.Server) {
			return c.path
		}
	}
	return ""
}

// sealText returns a seal that is given as text or as the name of a file.
func sealText(from string) (string, error) {
	if strings.HasPrefix(from, "JS") && strings.Index(from, ":") == len(seal.Prefix)-1 { // of any version
		return from, nil
	}
	data, err := readAtMost(from, 1<<16)
	if err == nil && (receipt.IsPDF(data) || bytes.HasPrefix(data, []byte("<")) || !utf8.Valid(data)) {
		err = fmt.Errorf("%s is a picture or a document: give the text of its code, which begins with %s, as a scanner of QR codes reads it. The verification page reads pictures", from, seal.Prefix)
	}
	return string(data), err
}

// options turns the flags into what to verify against, which basis says too.
func (o *verifySealOptions) options(ctx context.Context) (s seal.Options, basis verifyBasis, err error) {
	if basis, err = o.basis.basis(); err != nil {
		return s, basis, err
	}
	trust := &basis.options
	if len(o.basis.certificates) == 0 && (o.basis.publication != "" || o.basis.publications.file != "") {
		// Who gives a publication does not mean whatever server this account remembers, even where what was given is of no use.
		trust.Named, basis.trusted = nil, nil
	}
	s.Certificates, s.At = certificatesOf(basis.trusted), calendar.RoundOf(time.Now())
	known := landmark.Options{PublicationsFile: trust.PublicationsFile, Certificates: s.Certificates}
	if trust.PublicationsFile != nil {
		s.Certificates = append(trust.PublicationsFile.Certificates(), s.Certificates...)
	}
	if trust.Publication != nil {
		known.Publications = []ksi.Publication{*trust.Publication}
	}
	if o.at != "" {
		t, err := publicationTime(o.at)
		if err != nil {
			return s, basis, err
		}
		s.At = calendar.RoundOf(t)
	}
	if o.successor != "" {
		text, err := sealText(o.successor)
		if err != nil {
			return s, basis, err
		}
		next, err := seal.Parse(text)
		if err != nil {
			return s, basis, err
		}
		s.Successors = []merkle.Digest{next.Leaf()}
	}
	return s, basis, o.read(ctx, &s, known, *trust)
}

// read reads the files that are named.
func (o *verifySealOptions) read(ctx context.Context, s *seal.Options, known landmark.Options, trust ksi.Options) error {
	if o.landmarks != "" {
		data, err := readAtMost(o.landmarks, 1<<30)
		if err != nil {
			return err
		}
		f, err := landmark.Parse(data)
		if err == nil {
			s.Landmarks, err = f.Verify(known)
		}
		if errors.Is(err, landmark.ErrOther) {
			s.Contradiction = fmt.Errorf("%s: %w", o.landmarks, err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", o.landmarks, err)
		}
	}
	for _, path := range o.details {
		data, err := readAtMost(path, 1<<16)
		if err != nil {
			return err
		}
		d, err := landmark.ParseDetail(data)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.Details = append(s.Details, d)
	}
	if o.status == "" {
		return nil
	}
	in, err := openBundle(o.status)
	if err != nil {
		return err
	}
	defer in.Close()
	if s.Status, err = seal.ReadStatusList(ctx, in, trust); err != nil {
		err = fmt.Errorf("%s: %w", o.status, err)
	}
	return err
}

// printSeal prints a report for people.
func printSeal(w io.Writer, r *seal.Report) {
	fmt.Fprintf(w, "%s: %s\n", strings.ToUpper(string(r.Verdict)), plain.Text(r.Sentence))
	if r.Missing != "" {
		fmt.Fprintf(w, "Missing: %s.\n", plain.Text(r.Missing))
	}
	if r.Seal == nil {
		return
	}
	s := r.Seal
	fmt.Fprintf(w, "\n%-14s%s, ledger %s\n%-14s%s\n%-14s%s\n%-14s%s\n", "Issued by", plain.Text(s.Agency), plain.Text(s.Server), "Time", s.Round,
		"Receipt", plain.Text(s.Receipt()), "Check string", s.CheckString())
	for _, date := range []struct {
		name string
		at   calendar.Second
	}{{"Holds from", s.NotBefore}, {"Holds until", s.NotAfter}} {
		if date.at != 0 {
			fmt.Fprintf(w, "%-14s%s\n", date.name, date.at)
		}
	}
	fmt.Fprintln(w)
	for i := range s.Fields {
		f := &s.Fields[i]
		fmt.Fprintf(w, "  %s: %s\n", plain.Text(f.Key), plain.Text(seal.Plain(&f.Value)))
	}
	for _, list := range []struct {
		name      string
		sentences []string
	}{{"Proven", r.Proven}, {"Not proven", r.NotProven}} {
		if len(list.sentences) > 0 {
			fmt.Fprintf(w, "\n%s:\n", list.name)
		}
		for _, text := range list.sentences {
			fmt.Fprintf(w, "  %s\n", plain.Text(text))
		}
	}
}
