package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newPublish() *cobra.Command {
	var o publishOptions
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Publish the calendar root, with a sheet to print",
		Long: `Record the root of the calendar as of a second as a publication, and print its publication string: what stands in a
newspaper or an official gazette so that nobody, not even the ledger's operator, can change what was filed before it.

Without --at it is the newest second that is closed. A second may be published again with another --reference, when it is
known where the string was printed: the publication keeps both. The server publishes by itself on the 15th of every month;
after an outage over several of them it publishes the latest alone.

--sheet writes one page with the string and a QR code, --publications-file the signed file of all publications, which
verifiers take. Superusers and operators may publish.`,
		Example: `  jurat publish --sheet publication.pdf
  jurat publish --at 2026-11-15 --reference "Feuille officielle 2026-11-22"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.at, "at", "", "second to publish, such as 2026-11-15T00:00:00Z, or a date")
	f.StringVar(&o.reference, "reference", "", "where the string is printed, in words")
	f.StringVar(&o.sheet, "sheet", "", "file for a printable sheet, .pdf or .txt")
	f.StringVar(&o.file, "publications-file", "", "file for the signed file of all publications")
	f.StringVar(&o.server, "server", "", "the server, "+serverForm)
	return cmd
}

type publishOptions struct{ at, reference, sheet, file, server string }

func (o *publishOptions) run(ctx context.Context, out, words io.Writer) error {
	var at *time.Time
	if o.at != "" {
		t, err := publicationTime(o.at)
		if err != nil {
			return err
		}
		at = &t
	}
	if err := checkSheet(o.sheet); err != nil {
		return err // before anything is published
	}
	conn, err := connect(ctx, o.server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var reference *string
	if o.reference != "" {
		reference = &o.reference
	}
	var text string
	if err := conn.QueryRow(ctx, `SELECT publish($1, $2)`, at, reference).Scan(&text); err != nil {
		return serverError(err)
	}
	publication, err := ksi.ParsePublication(text)
	if err != nil {
		return fmt.Errorf("the server sent no publication string: %w", err)
	}
	if _, err := fmt.Fprintf(out, "%s  %s\n", publication.Time, publication); err != nil { // first: it is published for good
		return err
	}
	if err := o.writeFiles(ctx, conn, words, publication); err != nil {
		return fmt.Errorf("it is published, but not all is written; run this again with --at %s: %w", publication.Time, serverError(err))
	}
	return nil
}

// writeFiles writes the sheet and the publications file, if they are wanted.
func (o *publishOptions) writeFiles(ctx context.Context, conn *pgx.Conn, words io.Writer, p ksi.Publication) error {
	if o.sheet != "" {
		s := &sheet{publication: p}
		err := conn.QueryRow(ctx, `SELECT current_setting('jurat.server_name'), reference FROM publications WHERE second = $1`,
			int64(p.Time)).Scan(&s.server, &s.references)
		if err != nil {
			return err
		}
		data, err := s.encode(o.sheet)
		if err != nil {
			return err
		}
		if err := writeWhole(o.sheet, data); err != nil {
			return err
		}
		fmt.Fprintf(words, "Wrote the sheet %s.\n", o.sheet)
	}
	if o.file != "" {
		var data []byte
		if err := conn.QueryRow(ctx, `SELECT publications_file()`).Scan(&data); err != nil {
			return err
		}
		if err := writeWhole(o.file, data); err != nil {
			return err
		}
		fmt.Fprintf(words, "Wrote the publications file %s.\n", o.file)
	}
	return nil
}
