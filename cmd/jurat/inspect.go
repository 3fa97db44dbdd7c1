package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show everything that a proof or a publications file contains",
		Long: `Show every element of a proof: each link with its level, hash and direction, who filed it, the calendar chain and the
signature of the calendar key. Of a publications file, show the publications and the certificates. Nothing is verified: see
jurat verify.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readAtMost(args[0], ksi.MaxPublicationsFile+1)
			if err != nil {
				return err
			}
			if ksi.IsPublicationsFile(data) && !asJSON {
				return inspectPublications(cmd.OutOrStdout(), data)
			}
			signature, err := ksi.Parse(data)
			if err != nil {
				return fmt.Errorf("%s is no whole, unchanged proof; %s (%w)", args[0], whatInstead(data), err)
			}
			if asJSON {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", signature.JSON())
				return err
			}
			return signature.Text(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a proof as JSON")
	return cmd
}

// inspectPublications writes what a publications file holds.
func inspectPublications(w io.Writer, data []byte) error {
	f, err := ksi.ParsePublicationsFile(data)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "publications file, made %s", createdText(f.Created()))
	if f.Repository() != "" {
		fmt.Fprintf(w, ", from %q", f.Repository())
	}
	fmt.Fprintf(w, "\n\n%d certificates of calendar keys\n", len(f.Certificates()))
	for _, c := range f.Certificates() {
		fmt.Fprintf(w, "  %x  %s to %s  %s\n", c.ID, c.X509.NotBefore.UTC().Format(time.DateOnly),
			c.X509.NotAfter.UTC().Format(time.DateOnly), plain.Text(c.X509.Subject.String()))
	}
	fmt.Fprintf(w, "\n%d publications\n", len(f.Publications()))
	for _, r := range f.Publications() {
		fmt.Fprintf(w, "  %s  %s\n", r.Time, r.Publication)
		for _, reference := range r.References {
			fmt.Fprintf(w, "      %q\n", reference)
		}
	}
	return nil
}

// createdText writes when a publications file was made: in seconds since 1970, or in milliseconds, as old ones have it.
func createdText(n uint64) string {
	const latest = 1 << 37 // seconds: the year 6325, far before the milliseconds of 1974
	if n < latest {
		n *= 1000
	}
	return time.UnixMilli(int64(n)).UTC().Format(time.RFC3339)
}
