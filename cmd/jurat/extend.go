package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newExtend() *cobra.Command {
	var o extendOptions
	cmd := &cobra.Command{
		Use:   "extend FILE.ksig...",
		Short: "Make proofs rest on a publication instead of a key",
		Long: `Extend each proof to a publication: to the first one after its time, or to that of --to. From then on the proof needs no key
and no certificate, only the publication; that is the form to keep for decades. The proof is replaced by its extended form,
after this has been verified against the publication, or goes to --out.

Where the part of the calendar between comes from:

  --server URL           the Jurat server, over SQL: the default
  --extender URL         a KSI extender; with --publications-file or --publication
  --calendar FILE.csv    no network at all; with --publications-file or --publication. The file holds the leaves of the
                         seconds from the proof's own up to the publication's, as this writes them:
    psql … jurat -c "\copy (SELECT second, leaf FROM calendar WHERE NOT idle AND round >= '2026-11-01') TO calendar.csv CSV"

The part of the calendar between needs no trust: it is right if it leads to the publication. The publication itself is with
--server the one that the server names: look its string up in print, and verify with that.`,
		Example: `  jurat extend letter.pdf.ksig
  jurat extend *.ksig --calendar calendar.csv --publications-file publications.bin --trust root.crt --constraint E=publications@ledger.example`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd.OutOrStdout(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "time of the publication to extend to, such as 2026-11-15T00:00:00Z, or a date")
	f.StringVar(&o.out, "out", "", "file for the extended proof, if there is one proof")
	f.StringVar(&o.server, "server", "", "the server, "+serverForm)
	f.StringVar(&o.calendar, "calendar", "", "CSV file with the part of the calendar")
	f.StringVar(&o.publication, "publication", "", "publication string to extend to")
	o.publications.flags(f)
	o.extender.flags(f)
	return cmd
}

type extendOptions struct {
	to, out, server, calendar, publication string
	publications                           publicationsOptions
	extender                               extenderOptions
}

// An extension returns the extended form of a proof.
type extension func(ctx context.Context, s *ksi.Signature) (*ksi.Signature, error)

func (o *extendOptions) run(ctx context.Context, out io.Writer, paths []string) error {
	if o.out != "" && len(paths) > 1 {
		return errors.New("--out is for one proof: without it each proof is replaced")
	}
	extend, closing, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer closing()
	for _, path := range paths {
		data, err := readSignature(path)
		if err != nil {
			return err
		}
		s, err := ksi.Parse(data)
		if err != nil {
			return fmt.Errorf("%s is no whole, unchanged proof; %s (%w)", path, whatInstead(data), err)
		}
		extended, err := extend(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", path, serverError(err))
		}
		p, err := checkExtended(ctx, extended)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := writeWhole(cmp.Or(o.out, path), extended.Append(nil)); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  extended from %s to the publication of %s\n%s\n", plain.Text(cmp.Or(o.out, path)), s.Time(), p.Time, p)
	}
	return nil
}

// checkExtended verifies an extended proof against the publication it names: the proof that it was made of may be broken.
func checkExtended(ctx context.Context, extended *ksi.Signature) (ksi.Publication, error) {
	r, _ := extended.PublicationRecord()
	result := ksi.Verify(ctx, extended, ksi.Options{Policy: ksi.UserPublication, Publication: &r.Publication})
	switch result.Verdict {
	case ksi.FAIL:
		return r.Publication, fmt.Errorf("the extended proof does not verify: %s", result)
	case ksi.NA:
		return r.Publication, fmt.Errorf("the extended proof cannot be verified here: %s", result)
	}
	return r.Publication, nil
}

// open returns how proofs are extended, by what the flags name.
func (o *extendOptions) open(ctx context.Context) (extend extension, closing func(), err error) {
	none := func() {}
	var to calendar.Second
	if o.to != "" {
		t, err := publicationTime(o.to)
		if err != nil {
			return nil, nil, err
		}
		to = calendar.RoundOf(t)
	}
	if n := len(slices.DeleteFunc([]string{o.server, o.extender.url, o.calendar}, func(s string) bool { return s == "" })); n > 1 {
		return nil, nil, errors.New("--server, --extender and --calendar are three ways to the same: give one")
	}
	choose, err := o.publicationFor(to)
	if err != nil {
		return nil, nil, err
	}
	if o.calendar == "" && o.extender.url == "" {
		conn, err := connect(ctx, o.server)
		if err != nil {
			return nil, nil, err
		}
		return onServer(conn, to, choose), func() { conn.Close(ctx) }, nil
	}
	if choose == nil {
		return nil, nil, errors.New("which publication? Give --publications-file with --trust and --constraint, or --publication")
	}
	if o.calendar != "" {
		part, err := readCalendarPart(o.calendar)
		return func(_ context.Context, s *ksi.Signature) (*ksi.Signature, error) {
			r, err := choose(s)
			if err != nil {
				return nil, err
			}
			extended, err := s.ExtendWithin(part, r)
			if err != nil {
				return nil, fmt.Errorf("%w: does %s hold every second from %s to %s?", err, o.calendar, s.Time(), r.Time)
			}
			return extended, nil
		}, none, err
	}
	extender, err := o.extender.dial()
	return func(ctx context.Context, s *ksi.Signature) (*ksi.Signature, error) {
		r, err := choose(s)
		if err != nil {
			return nil, err
		}
		chain, err := extender.Extend(ctx, s.Time(), r.Time)
		if err != nil {
			return nil, err
		}
		return s.Extend(chain, r)
	}, none, err
}

// onServer extends proofs by the function of the server: to the publication that is chosen, else to one that the server
// knows. Of its answer only the calendar chain and, if none was chosen, the publication are taken: all else stays as it is in
// the proof at hand.
func onServer(conn *pgx.Conn, to calendar.Second, choose chooser) extension {
	return func(ctx context.Context, s *ksi.Signature) (*ksi.Signature, error) {
		var chosen ksi.PublicationRecord
		if choose != nil {
			var err error
			if chosen, err = choose(s); err != nil {
				return nil, err
			}
			to = chosen.Time
		}
		sql, args := `SELECT extend($1)`, []any{s.Append(nil)}
		if to != 0 {
			sql, args = `SELECT extend($1, $2)`, append(args, to.Time())
		}
		var data []byte
		if err := conn.QueryRow(ctx, sql, args...).Scan(&data); err != nil {
			return nil, err
		}
		answer, err := ksi.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("the server sent a damaged proof: %w", err)
		}
		r, ok := answer.PublicationRecord()
		if !ok {
			return nil, errors.New("the server sent a proof that is not extended")
		}
		if choose != nil {
			r = chosen
		}
		return s.Extend(answer.CalendarChain(), r)
	}
}

// A chooser says which publication a proof is extended to.
type chooser func(*ksi.Signature) (ksi.PublicationRecord, error)

// publicationFor returns how the publication for a proof is chosen: the one given, or one of the publications file; nil if
// neither was given.
func (o *extendOptions) publicationFor(to calendar.Second) (chooser, error) {
	if o.publication != "" {
		p, err := parsePublication(o.publication)
		return func(*ksi.Signature) (ksi.PublicationRecord, error) { return ksi.PublicationRecord{Publication: p}, nil }, err
	}
	file, err := o.publications.read()
	if err != nil || file == nil {
		return nil, err
	}
	return func(s *ksi.Signature) (ksi.PublicationRecord, error) {
		if to != 0 {
			if r, ok := file.At(to); ok {
				return r, nil
			}
			return ksi.PublicationRecord{}, fmt.Errorf("the publications file has no publication of %s", to)
		}
		if r, ok := file.NotBefore(s.Time() + 1); ok {
			return r, nil
		}
		return ksi.PublicationRecord{}, fmt.Errorf("the publications file has no publication after %s: get a newer one", s.Time())
	}, nil
}

// readCalendarPart reads the leaves of a calendar from a CSV file: lines of second and leaf, as PostgreSQL writes them.
func readCalendarPart(path string) (*calendar.Part, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	part := &calendar.Part{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if n == 1 && lines.Text() == "second,leaf" {
			continue
		}
		if err := appendLeaf(part, lines.Text()); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return part, nil
}

// appendLeaf adds the leaf of one line, "1795310130,\x…".
func appendLeaf(part *calendar.Part, line string) error {
	second, text, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ",")
	n, err := strconv.ParseInt(second, 10, 64)
	digest, hexErr := hex.DecodeString(strings.TrimPrefix(text, `\x`))
	if !ok || err != nil || hexErr != nil || len(digest) != len(merkle.Digest{}) {
		return fmt.Errorf("%.100q: want a second and a leaf of 32 bytes in hex, such as 1795310130,\\x…", line)
	}
	return part.Append(calendar.Second(n), merkle.Digest(digest))
}

// parsePublication reads a publication string, alone or as "jurat publish" prints it, behind its time.
func parsePublication(text string) (ksi.Publication, error) {
	if fields := strings.Fields(text); len(fields) == 2 {
		if _, err := calendar.ParseSecond(fields[0]); err == nil {
			text = fields[1]
		}
	}
	return ksi.ParsePublication(text)
}

// publicationTime reads a time as people give it: RFC 3339, or a date, which stands for its first second in UTC.
func publicationTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q: want the form 2026-11-22T01:15:30Z, or a date", text)
}
