package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

func newSeal() *cobra.Command {
	var o sealOptions
	cmd := &cobra.Command{
		Use:   "seal --fields FILE",
		Short: "Seal the fields of a document, to be printed on it as a QR code",
		Long: `Make a seal: a text for a QR code that says who issued a document, when, and what stands in its key fields, and proves it to
whoever scans it, without a network. The fields are a JSON object; numbers are whole, amounts are text: {"total": "1240.50"}.
They never leave this machine: only a hash over them and a random salt is filed, in the lane "seal".

The profile "immediate" is there a second later and rests on the calendar key; "anchored" rests on hashes alone, and waits until
the 256 seconds around the filing are over, up to four minutes. Without --profile it is the best that is there at once. With
the same fields, dates and --salt a seal is made again, in the other profile too; for a round before the last rotate-key
calendar in the anchored one alone.

The text goes to standard output or to --out; check string, receipt and salt, which belong in the agency's records, to
standard error.`,
		Example: `  jurat seal --fields extract.json --not-after 2027-01-31 --profile anchored --out extract.svg
  jurat seal --fields extract.json --pdf extract.pdf --at 150,20 --width 45 --out sealed.pdf`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.fields, "fields", "", "file with the fields, a JSON object; - for standard input")
	f.StringVar(&o.salt, "salt", "", "salt of 32 hex digits; a new random one unless given")
	f.StringVar(&o.notBefore, "not-before", "", "when the document begins to hold, such as 2026-12-01T08:00:00Z, or a date")
	f.StringVar(&o.notAfter, "not-after", "", "until when it holds, likewise; a date counts to its end, UTC")
	f.StringVar(&o.profile, "profile", "", "immediate or anchored")
	f.StringVar(&o.code.out, "out", "", "file for the seal: .txt for its text, .png, .svg or .pdf for the QR code")
	o.code.placeFlags(f)
	f.StringVar(&o.server, "server", "", "where to file, "+serverForm)
	return cmd
}

type sealOptions struct {
	fields, salt, notBefore, notAfter, profile, server string
	code                                               qrOptions
}

func (o *sealOptions) run(ctx context.Context, out, words io.Writer) error {
	content, err := o.content()
	if err != nil {
		return err
	}
	if at := content.NotAfter; at != 0 && at.Time().Before(time.Now()) {
		fmt.Fprintf(words, "Warning: --not-after %s is in the past: whoever checks this seal reads that it does not hold any more.\n", at)
	}
	var profile *string
	if o.profile != "" {
		if _, err := seal.ParseProfile(o.profile); err != nil {
			return err
		}
		profile = &o.profile
	}
	if o.code.out != "" || o.code.pdf != "" {
		if _, err := o.draw(seal.Prefix); err != nil {
			return err // before anything is filed
		}
	}
	conn, err := connect(ctx, o.server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	leaf := content.Leaf()
	if _, err := conn.Exec(ctx, `INSERT INTO hashes (digest, lane) VALUES ($1, 'seal') ON CONFLICT DO NOTHING`, leaf[:]); err != nil {
		return serverError(err)
	}
	s, err := fetchSeal(ctx, conn, content, profile)
	if errors.Is(err, seal.ErrSize) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w\nThe leaf %s is filed. To get its seal, run this again with --salt %x", serverError(err), leaf, content.Salt)
	}
	if o.code.out == "" {
		fmt.Fprintln(out, s.Text())
	} else {
		data, err := o.draw(s.Text())
		if err != nil {
			return fmt.Errorf("%w\nThe leaf %s is filed. To get its seal, run this again with --salt %x", err, leaf, content.Salt)
		}
		if err := writeWhole(o.code.out, data); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(words, "Check string %s, receipt %s, %s, %d bytes, salt %x.\n", s.CheckString(), s.Receipt(), s.Profile, len(s.Append(nil)), s.Salt)
	return err
}

// content reads what is to be sealed.
func (o *sealOptions) content() (*seal.Content, error) {
	if o.fields == "" {
		return nil, errors.New("give the fields with --fields FILE, a JSON object")
	}
	read := func() ([]byte, error) { return readAtMost(o.fields, 1<<20) }
	if o.fields == "-" {
		read = func() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, 1<<20)) }
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	c := &seal.Content{}
	if c.Fields, err = seal.FieldsFromJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", o.fields, err)
	}
	if o.salt == "" {
		rand.Read(c.Salt[:])
	} else if salt, err := hex.DecodeString(o.salt); err != nil || len(salt) != seal.SaltSize {
		return nil, fmt.Errorf("salt %q: want %d hex digits", o.salt, 2*seal.SaltSize)
	} else {
		c.Salt = [seal.SaltSize]byte(salt)
	}
	if c.NotBefore, err = sealDate(o.notBefore, 0); err != nil {
		return nil, err
	}
	if c.NotAfter, err = sealDate(o.notAfter, 86400-1); err != nil {
		return nil, err
	}
	return c, c.Check()
}

// sealDate reads a second, or a date, to which it adds seconds; the empty text is none.
func sealDate(text string, more calendar.Second) (calendar.Second, error) {
	if text == "" {
		return 0, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return calendar.Second(day.Unix()) + more, nil
	}
	t, err := publicationTime(text)
	return calendar.Second(t.Unix()), err
}

// fetchSeal gets the path of a content that is filed and checks it: by the server's certificates or landmarks.
func fetchSeal(ctx context.Context, conn *pgx.Conn, c *seal.Content, profile *string) (*seal.Seal, error) {
	leaf := c.Leaf()
	var data []byte
	if err := conn.QueryRow(ctx, `SELECT seal_path($1, $2)`, leaf[:], profile).Scan(&data); err != nil {
		return nil, err
	}
	path, err := seal.ParsePath(data)
	if err != nil {
		return nil, fmt.Errorf("the server sent no path: %w", err)
	}
	s, err := seal.New(path, c)
	if err != nil {
		return nil, err
	}
	if err := checkSeal(ctx, conn, s); err != nil {
		return nil, err
	}
	return s, s.CheckSize()
}

// checkSeal returns an error unless a seal is what the server's calendar says.
func checkSeal(ctx context.Context, conn *pgx.Conn, s *seal.Seal) error {
	if s.Profile == seal.Immediate {
		certificates, err := calendarCertificates(ctx, conn)
		if err != nil {
			return err
		}
		if r := seal.Verify(s, seal.Options{Certificates: certificates}); r.Verdict != seal.Valid {
			return fmt.Errorf("the server sent a path that does not verify: %s", r.Sentence)
		}
		return nil
	}
	var root []byte
	if err := conn.QueryRow(ctx, `SELECT root FROM landmarks WHERE block = $1`, int64(landmark.BlockOf(s.Round))).Scan(&root); err != nil {
		return err
	}
	if led := s.Landmark(s.Leaf()); hex.EncodeToString(root) != led.String() {
		return fmt.Errorf("the server sent a path to %s, its landmark is %x", led, root)
	}
	return nil
}

// draw returns a seal in the form that the extension of --out names: its text, or a QR code of it.
func (o *sealOptions) draw(text string) ([]byte, error) {
	if o.code.pdf == "" && strings.EqualFold(filepath.Ext(o.code.out), ".txt") {
		return []byte(text + "\n"), nil
	}
	return o.code.draw(text)
}

func newLandmarks() *cobra.Command {
	var out, from, detail, server string
	cmd := &cobra.Command{
		Use:   "landmarks --out FILE",
		Short: "Write the file of landmarks that verifiers of printed seals keep",
		Long: `Write the roots of the calendar over every 256 seconds that are over, 32 bytes each and 4 MB a year at most: with this file printed
seals are verified without a network. Nobody has to be trusted for it: "jurat verify-seal" computes from it what was published.

--detail writes the round roots of the 256 seconds around a time, with which an immediate seal of them rests on hashes alone.`,
		Example: `  jurat landmarks --out landmarks.bin
  jurat landmarks --out 2027.bin --from 2027-01-01
  jurat landmarks --out block.bin --detail 2026-11-22T01:15:30Z`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeLandmarks(cmd.Context(), cmd.OutOrStdout(), out, from, detail, server)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "file to write")
	f.StringVar(&from, "from", "", "first second to cover, such as 2027-01-01T00:00:00Z, or a date; the ledger's first unless given")
	f.StringVar(&detail, "detail", "", "second whose block to write instead")
	f.StringVar(&server, "server", "", "the server, "+serverForm)
	return cmd
}

func writeLandmarks(ctx context.Context, words io.Writer, out, from, detail, server string) error {
	if out == "" || from != "" && detail != "" {
		return errors.New("give a file with --out, and one of --from and --detail at most")
	}
	query, at := `SELECT landmarks_file($1)`, time.Unix(0, 0)
	if text := from + detail; text != "" {
		t, err := publicationTime(text)
		if err != nil {
			return err
		}
		at = t
	}
	if detail != "" {
		query = `SELECT landmark_detail($1)`
	}
	conn, err := connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var data []byte
	if err := conn.QueryRow(ctx, query, at).Scan(&data); err != nil {
		return serverError(err)
	}
	said := ""
	if detail != "" {
		d, err := landmark.ParseDetail(data)
		if err != nil {
			return err
		}
		said = fmt.Sprintf("round roots of block %d from %s, landmark %s", d.Block, landmark.First(d.Block), d.Landmark())
	} else {
		f, err := landmark.Parse(data)
		if err != nil {
			return err
		}
		said = f.Summary()
	}
	if err := writeWhole(out, data); err != nil {
		return err
	}
	_, err = fmt.Fprintf(words, "Wrote %s, %d bytes: %s.\n", out, len(data), said)
	return err
}
