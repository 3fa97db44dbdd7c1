package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/internal/receiptpage"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

func newReceipt() *cobra.Command {
	var o receiptOptions
	cmd := &cobra.Command{
		Use:   "receipt RECEIPT|REFERENCE|FILE.json|FILE.pdf",
		Short: "Make the page and the record of a receipt, or check a record",
		Long: `Get the record of a receipt from the server, or read one from a file, verify the proofs in it and write it: as PDF to print, with
the record attached, as JSON, which holds the proofs, or as text. Without --out it is shown. Nothing is written that does not verify.

A record that is read from a file, or out of a page to which it is attached, needs no server: what vouches for the time is given as for
"jurat verify". REFERENCE is the text of the QR code on a printed page, which begins with JR1:.

--answered takes the counter-receipts out of the record that the receiving agency handed back ("jurat counter-receipt") and adds them.

Exit code: 0 OK, 1 FAIL, 2 NA (something is missing to believe a time), 3 a file cannot be read, or the server has no such receipt.`,
		Example: `  jurat receipt 2026-11-22T01:15:30Z/canton/main/42 --out receipt.pdf
  jurat receipt 2026-11-22T01:15:30Z/canton/main/42 --answered from-tax-office.json --out receipt.json
  jurat receipt receipt.json --document return.pdf --certificate calendar.crt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(o.seal, "-") { // another flag, which --seal without a value takes for its own
				return fmt.Errorf("--seal wants the text of a seal or a file with it, not %q", o.seal)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0])
		},
	}
	f := cmd.Flags()
	o.outFlag(cmd)
	f.StringVar(&o.seal, "seal", "", "seal of the filing, or file with it: the page shows its code")
	f.StringArrayVar(&o.answered, "answered", nil, "record with counter-receipts to add; may be repeated")
	f.StringVar(&o.document, "document", "", "the document that was filed, to be compared")
	f.StringVar(&o.server, "server", "", "the server, "+serverForm)
	o.basis.flags(f)
	return cmd
}

type receiptOptions struct {
	out, seal, document, server string
	answered                    []string
	basis                       verifyOptions
}

func (o *receiptOptions) outFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "file to write: a .pdf, .json or .txt; shown unless given")
}

func (o *receiptOptions) run(ctx context.Context, out, words io.Writer, from string) error {
	if err := o.checkOut(); err != nil {
		return err
	}
	basis, err := o.basis.basis()
	if err != nil {
		return err
	}
	r, err := o.get(ctx, from, &basis.options)
	if err != nil {
		return err
	}
	for _, path := range o.answered {
		other, err := readReceipt(path)
		if err == nil {
			err = r.Add(other.Counters...)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if o.document != "" {
		imprint, err := hashFile(o.document, r.Leaf.Algorithm())
		if err != nil {
			return err
		}
		basis.options.Document = &imprint
	}
	if err := checkRecord(ctx, words, r, &basis, 0); err != nil {
		return err
	}
	return o.write(out, r)
}

// get gets a record: from a file, or from the server, whose certificates count too.
func (o *receiptOptions) get(ctx context.Context, from string, options *ksi.Options) (*receipt.Record, error) {
	var reference *receipt.Reference
	name, err := receipt.ParseName(from)
	if _, missing := os.Stat(from); missing == nil && err != nil {
		return readReceipt(from)
	}
	if strings.HasPrefix(from, receipt.Prefix) {
		if reference, err = receipt.ParseReference(from); err == nil {
			name = reference.Name
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nGive a receipt, the text of its code, or a file with its record", err)
	}
	conn, err := connectTrusting(ctx, o.server, options)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	r, err := fetchRecord(ctx, conn, name.String())
	if err == nil && reference != nil && r.Leaf != reference.Leaf {
		err = fmt.Errorf("the server has another hash for %s than the page: %s, not %s", name, r.Leaf, reference.Leaf)
	}
	return r, err
}

// fetchRecord gets a record from a server.
func fetchRecord(ctx context.Context, conn *pgx.Conn, name string) (*receipt.Record, error) {
	var data string
	if err := conn.QueryRow(ctx, `SELECT receipt_json($1)::text`, name).Scan(&data); err != nil {
		return nil, serverError(err)
	}
	r, err := receipt.Parse([]byte(data))
	if err == nil && r.Name.String() != name {
		err = fmt.Errorf("the server sent the record of %s", r.Name)
	}
	return r, err
}

// readReceipt reads a file with a record, or the page of a receipt to which it is attached.
func readReceipt(path string) (*receipt.Record, error) {
	return readParsed(path, receipt.MaxPDF, func(data []byte) (*receipt.Record, error) {
		if !receipt.IsPDF(data) {
			return receipt.Parse(data)
		}
		record := receipt.Attached(data)
		if record == nil {
			return nil, errors.New("a PDF without the record of a receipt: printing to a file, and some programs that save a PDF, leave it out. Get the file again, or its .json")
		}
		fmt.Fprintf(os.Stderr, "The record was taken out of %s. What that shows was not checked: only what stands here counts.\n", plain.Text(path))
		return receipt.Parse(record)
	})
}

// checkRecord verifies the proofs of a record and says what it found, but for so many at the front that were said before; the error is
// an exit status unless all hold.
func checkRecord(ctx context.Context, words io.Writer, r *receipt.Record, basis *verifyBasis, said int) error {
	verdict, findings := r.Verify(ctx, basis.options)
	for _, f := range findings[said:] {
		fmt.Fprintf(words, "%s: %s\n", plain.Text(f.Receipt), plain.Text(f.Result.String()))
	}
	if verdict == ksi.NA {
		fmt.Fprintln(words, strings.TrimSpace(cmp.Or(basis.leftOut, basis.whatToGive(r.Signature.Extended()))))
	}
	return verdictStatus(verdict)
}

// checkOut returns an error for a file of no known kind.
func (o *receiptOptions) checkOut() error {
	switch strings.ToLower(filepath.Ext(o.out)) {
	case ".pdf", ".json", ".txt":
		return nil
	}
	if o.out == "" {
		return nil
	}
	return fmt.Errorf("%s: a receipt is a .pdf, .json or .txt file", o.out)
}

// write writes a record that was verified.
func (o *receiptOptions) write(out io.Writer, r *receipt.Record) error {
	var s *seal.Seal
	if o.seal != "" {
		text, err := sealText(o.seal)
		if err != nil {
			return err
		}
		if s, err = seal.Parse(text); err != nil {
			return err
		}
	}
	page, err := receiptpage.New(r, s)
	if err != nil {
		return err
	}
	var data []byte
	switch strings.ToLower(filepath.Ext(o.out)) {
	case ".pdf":
		data, err = page.PDF()
	case ".json":
		data, err = r.JSON()
	default:
		data = page.Text()
	}
	if err != nil {
		return err
	}
	if o.out == "" {
		_, err = out.Write(data)
		return err
	}
	return writeWhole(o.out, data)
}

func newCounterReceipt() *cobra.Command {
	var o receiptOptions
	var status string
	cmd := &cobra.Command{
		Use:   "counter-receipt FILE.json --out BOTH.json",
		Short: "Answer a submission: file a counter-receipt and add it to the record",
		Long: `Read the record of a receipt that a submitter handed over, verify its proof, file the counter-receipt as the role of the connection, in
its lane status, and write the record with it: for the submitter, who adds it to his by "jurat receipt --answered". With --status the
answer is filed in a word too, accepted or rejected for example. Run again, it files nothing twice.

Exit code: 0 OK, 1 the submission's proof is false, 2 something is missing to believe it, 3 an error; in these cases nothing is filed.`,
		Example: `  jurat counter-receipt receipt.json --status accepted --certificate submitters-calendar.crt --out answered.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.answer(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], status)
		},
	}
	f := cmd.Flags()
	o.outFlag(cmd)
	f.StringVar(&status, "status", "", "what is answered, such as accepted or rejected; nothing but that it was received unless given")
	f.StringVar(&o.server, "server", "", "where to file, "+serverForm)
	o.basis.flags(f)
	return cmd
}

func (o *receiptOptions) answer(ctx context.Context, out, words io.Writer, path, status string) error {
	if err := o.checkOut(); err != nil {
		return err
	}
	basis, err := o.basis.basis()
	if err != nil {
		return err
	}
	r, err := readReceipt(path)
	if err != nil {
		return err
	}
	conn, err := connectTrusting(ctx, o.server, &basis.options)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := checkRecord(ctx, words, r, &basis, 0); err != nil {
		return err
	}
	said := 1 + len(r.Counters)
	counters, err := fileAnswer(ctx, conn, r, status)
	if err == nil {
		err = r.Add(counters...)
	}
	if err != nil {
		return serverError(err)
	}
	if err := checkRecord(ctx, words, r, &basis, said); err != nil {
		return err
	}
	return o.write(out, r)
}

// fileAnswer files what answers a record, unless it is filed, and gets the proofs.
func fileAnswer(ctx context.Context, conn *pgx.Conn, r *receipt.Record, status string) (counters []*receipt.Counter, err error) {
	a := receipt.Answer{First: r.Name.String(), Digest: r.Leaf.Digest(), Status: status}
	if err := conn.QueryRow(ctx, `SELECT current_user`).Scan(&a.Agency); err != nil {
		return nil, err
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	var leaves [][]byte
	for _, leaf := range a.Leaves() {
		leaves = append(leaves, leaf[:])
	}
	if _, err := conn.Exec(ctx, `INSERT INTO hashes (digest, lane) SELECT unnest($1::bytea[]), 'status' ON CONFLICT DO NOTHING`, leaves); err != nil {
		return nil, err
	}
	for i, leaf := range leaves {
		var data []byte
		if err := conn.QueryRow(ctx, `SELECT signature FROM proofs WHERE digest = $1 AND agency = current_user ORDER BY round LIMIT 1`, leaf).Scan(&data); err != nil {
			return nil, err
		}
		proof, err := ksi.Parse(data)
		if err != nil {
			return nil, errors.Join(errors.New("the server sent a damaged proof"), err)
		}
		c, err := receipt.NewCounter(&r.Filing, []string{"", status}[i], proof)
		if err != nil {
			return nil, err
		}
		counters = append(counters, c)
	}
	return counters, nil
}
