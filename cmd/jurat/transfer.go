package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

func newTransfer() *cobra.Command {
	var o transferOptions
	cmd := &cobra.Command{
		Use:   "transfer {--proof FILE.ksig | --bundle FILE} --out FILE [--to NAME --vault SERVER/AGENCY]",
		Short: "Pass a document with its proof on to another holder",
		Long: `File the transfer of a document to another holder, whose vault is an agency at this server or another, and write the document's bundle:
its proof and all transfers with theirs. The issuer begins with --proof, later holders go on with --bundle; the role of the connection is the
vault that has the document now. The chain so far is verified first; nothing is filed if it is broken, or not this vault's to go on.

Names are salted: who has not the bundle cannot find out, from the ledger or by guessing, who the holders are. Without --to nothing is
filed: --merge adds the transfers of another bundle of the same document, where a fork shows, and --hide leaves a holder's name out
for those to come. "jurat verify-bundle" checks a bundle, offline.`,
		Example: `  jurat transfer --proof diploma.pdf.ksig --to "Marie Dupont" --vault vault.example/vault --out diploma.bundle
  jurat transfer --bundle diploma.bundle --to "Works Ltd" --vault ledger.example/works --out for-works.bundle --certificate ledgers.crt
  jurat transfer --bundle for-works.bundle --hide "Marie Dupont" --out short.bundle`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.proof, "proof", "", "the issuer's proof of the document")
	f.StringVar(&o.bundle, "bundle", "", "the document's bundle")
	f.StringVar(&o.to, "to", "", "name of the holder who gets the document")
	f.StringVar(&o.vault, "vault", "", "vault that keeps it for him and may pass it on: the server's name and the agency, such as vault.example/vault")
	f.StringVarP(&o.out, "out", "o", "", "file to write")
	f.StringArrayVar(&o.merge, "merge", nil, "another bundle of the document; may be repeated")
	f.StringArrayVar(&o.hide, "hide", nil, "name of a holder to leave out; may be repeated")
	f.StringVar(&o.server, "server", "", "where to file, "+serverForm)
	o.basis.flags(f)
	return cmd
}

type transferOptions struct {
	proof, bundle, to, vault, out, server string
	merge, hide                           []string
	basis                                 verifyOptions
}

func (o *transferOptions) run(ctx context.Context, out io.Writer) error {
	if (o.proof == "") == (o.bundle == "") || o.out == "" || (o.to == "") != (o.vault == "") {
		return errors.New("give --proof or --bundle, --out, and to file a transfer both --to and --vault")
	}
	b, err := o.read()
	if err != nil {
		return err
	}
	for _, path := range o.merge {
		other, err := readDocumentBundle(path)
		if err == nil {
			err = b.Merge(other)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if o.to != "" {
		if err := o.pass(ctx, out, b); err != nil {
			return err
		}
	}
	for i := range b.Transfers {
		for _, name := range o.hide {
			for _, h := range []*transfer.Holder{&b.Transfers[i].From, &b.Transfers[i].To} {
				if h.Name == name && (i > 0 || h == &b.Transfers[i].To) { // the issuer stays
					*h = h.Hide()
				}
			}
		}
	}
	if err := writeWhole(o.out, b.Append(nil)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Wrote %s: the document's proof and %s. Check it with jurat verify-bundle %s\n", plain.Text(o.out), transfers(len(b.Transfers)), plain.Text(o.out))
	return err
}

// read reads the bundle, or begins one.
func (o *transferOptions) read() (*transfer.Bundle, error) {
	if o.bundle != "" {
		return readDocumentBundle(o.bundle)
	}
	data, err := readSignature(o.proof)
	if err != nil {
		return nil, err
	}
	proof, err := ksi.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no whole, unchanged proof; %s (%w)", o.proof, whatInstead(data), err)
	}
	return transfer.New(proof)
}

func readDocumentBundle(path string) (*transfer.Bundle, error) {
	return readParsed(path, transfer.MaxBundle, transfer.Parse)
}

// pass files a transfer and adds it, after a look at what was before.
func (o *transferOptions) pass(ctx context.Context, out io.Writer, b *transfer.Bundle) error {
	vault, err := transfer.ParseVault(o.vault)
	if err != nil {
		return err
	}
	basis, err := o.basis.basis()
	if err != nil {
		return err
	}
	conn, err := connectTrusting(ctx, o.server, &basis.options)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	before := b.Verify(ctx, basis.options)
	if before.Verdict != ksi.OK {
		return printChain(out, before, &basis)
	}
	var here transfer.Vault
	if err := conn.QueryRow(ctx, `SELECT current_setting('jurat.server_name'), current_user`).Scan(&here.Server, &here.Agency); err != nil {
		return serverError(err)
	}
	if here != before.Vault {
		return fmt.Errorf("the document is with %s, who alone may pass it on; this is %s", before.Vault, here)
	}
	t := transfer.Transfer{}
	if t.Content, err = nextContent(b, before, o.to, vault); err != nil {
		return err
	}
	if t.Signature, err = fileTransfer(ctx, conn, &t.Content); err != nil {
		return serverError(err)
	}
	if err := b.Add(t); err != nil {
		return err
	}
	if after := b.Verify(ctx, basis.options); after.Verdict != ksi.OK {
		return printChain(out, after, &basis)
	}
	return nil
}

// nextContent returns what to file to go on behind a chain that is unbroken.
func nextContent(b *transfer.Bundle, before *transfer.Report, to string, vault transfer.Vault) (c transfer.Content, err error) {
	c.Proof, c.Vault = b.Digest(), vault
	var salts [2][transfer.SaltSize]byte
	rand.Read(salts[0][:])
	rand.Read(salts[1][:])
	if before.Holder == nil {
		c.From, err = transfer.NewHolder(before.Vault.Agency, salts[0])
	} else {
		c.From = *before.Holder
		previous := before.Steps[len(before.Steps)-1].Transfer.Leaf()
		c.Previous = &previous
	}
	if err != nil {
		return c, err
	}
	if c.To, err = transfer.NewHolder(to, salts[1]); err != nil {
		return c, err
	}
	return c, c.Check()
}

// fileTransfer files the leaf of a transfer and gets its proof.
func fileTransfer(ctx context.Context, conn *pgx.Conn, c *transfer.Content) (*ksi.Signature, error) {
	leaf := c.Leaf()
	var data []byte
	if err := conn.QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, leaf[:]).Scan(&data); err != nil {
		return nil, err
	}
	return ksi.Parse(data)
}

// printChain says what a check of a document's bundle found.
func printChain(out io.Writer, r *transfer.Report, basis *verifyBasis) error {
	for _, s := range r.Steps {
		if s.Transfer == nil {
			fmt.Fprintf(out, "%s  filed by %s at %s, receipt %s: %s\n", s.Filing.Round, plain.Text(s.Filing.Agency), plain.Text(s.Filing.Server), plain.Text(s.Filing.Name.String()), plain.Text(s.Result.String()))
			continue
		}
		t := s.Transfer
		fmt.Fprintf(out, "%s  from %s to %s, kept by %s; filed by %s at %s, receipt %s: %s\n", s.Filing.Round, &t.From, &t.To, t.Vault, plain.Text(s.Filing.Agency),
			plain.Text(s.Filing.Server), plain.Text(s.Filing.Name.String()), plain.Text(s.Result.String()))
	}
	for _, f := range r.Faults {
		fmt.Fprintf(out, "%s: %s\n", f.Kind, plain.Text(f.Sentence))
	}
	switch r.Verdict {
	case ksi.FAIL:
		fmt.Fprintf(out, "FAIL: the chain from the issuer to the holder is broken.\n")
		return exitStatus(exitFail)
	case ksi.NA:
		fmt.Fprintf(out, "NA: the chain is unbroken, but something is missing to believe its times: give the certificates or publications of all servers above.%s\n", basis.leftOut)
		return exitStatus(exitInconclusive)
	}
	var keys []ksi.Certificate
	for _, s := range r.Steps {
		if s.Result.Certificate != nil {
			keys = append(keys, *s.Result.Certificate)
		}
	}
	holder := "nobody but the issuer has held the document"
	if r.Holder != nil {
		holder = fmt.Sprintf("%s holds the document", r.Holder)
	}
	fmt.Fprintf(out, "OK: the chain is unbroken over %s; %s, kept by %s.\n", transfers(len(r.Steps)-1), holder, r.Vault)
	if basis.options.Document == nil {
		fmt.Fprintln(out, "Which document that is was not checked: give it with --document.")
	}
	printTrusted(out, basis.pathsOf(keys)...)
	return nil
}

// verifyDocumentBundle verifies a document's bundle, and that it is that of a document, if one is given.
func (o *verifyOptions) verifyDocumentBundle(ctx context.Context, out io.Writer, path, document string, basis *verifyBasis) error {
	b, err := readDocumentBundle(path)
	switch {
	case errors.Is(err, transfer.ErrFormat) && o.json:
		return chainJSON(out, &chainReport{Sentence: err.Error(), File: path}, ksi.FAIL)
	case errors.Is(err, transfer.ErrFormat):
		fmt.Fprintf(out, "FAIL: %s\n", printable(err.Error(), []string{path}))
		return exitStatus(exitFail)
	case err != nil:
		return err
	}
	if document != "" {
		f := b.Filing()
		imprint, err := hashFile(document, f.Leaf.Algorithm())
		if err != nil {
			return err
		}
		basis.options.Document = &imprint
	}
	found := b.Verify(ctx, basis.options)
	if o.json {
		return chainJSON(out, newChainReport(path, found, basis), found.Verdict)
	}
	return printChain(out, found, basis)
}

// isDocumentBundle reports whether a file begins like the bundle of a document.
func isDocumentBundle(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(transfer.Magic))
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return bytes.Equal(head[:n], []byte(transfer.Magic)), err
}

// proofIn returns the proof of a receipt out of a document's bundle.
func proofIn(path string, name receipt.Name) ([]byte, error) {
	b, err := readDocumentBundle(path)
	if err != nil {
		return nil, err
	}
	if f := b.Filing(); f.Name == name {
		return b.Proof.Append(nil), nil
	}
	for _, s := range b.Verify(context.Background(), ksi.Options{Policy: ksi.Internal}).Steps[1:] {
		if s.Filing.Name == name {
			return s.Transfer.Signature.Append(nil), nil
		}
	}
	return nil, fmt.Errorf("%s holds no proof of %s", path, name)
}

// transfers counts transfers.
func transfers(n int) string {
	if n == 1 {
		return "1 transfer"
	}
	return fmt.Sprintf("%d transfers", n)
}
