package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// signatureSuffix is added to the name of a file for that of its proof.
const signatureSuffix = ".ksig"

// defaultServer is where jurat serve listens.
const defaultServer = "postgres://jurat@127.0.0.1:5433/jurat"

// serverForm says in the help of flags how a server is given.
const serverForm = "HOST:PORT, the directory of its Unix socket, or a Postgres URL such as " + defaultServer

func newSign() *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign FILE...",
		Short: "File the hashes of files and write their proofs beside them",
		Long: `Hash each file here, file the hashes with the server, wait about a second for the round to close, verify the proof and
write it to FILE.ksig. The files themselves never leave this machine.

The first filing with a server remembers its calendar certificate for this account, so that "jurat verify" trusts its
proofs. A server that later shows another certificate is refused: see --trust.

The server is that of --server, else of the environment variable JURAT_SERVER, else 127.0.0.1:5433.`,
		Example: `  jurat sign letter.pdf
  jurat sign --server postgres://canton@127.0.0.1:5433/jurat *.pdf`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "where to file, "+serverForm)
	f.StringVar(&o.algorithm, "algorithm", merkle.SHA256.String(), "hash algorithm: sha256, sha384, sha512, sha3-256 …")
	f.StringVar(&o.lane, "lane", "main", "lane to file in")
	f.BoolVar(&o.force, "force", false, "replace proofs that exist")
	f.BoolVar(&o.trust, "trust", false, "trust the server's calendar certificate although this account knows another one of it")
	return cmd
}

type signOptions struct {
	server, algorithm, lane string
	force, trust            bool
}

// A filing is one file on its way to its proof.
type filing struct {
	path    string
	imprint merkle.Imprint
	receipt string
	round   time.Time
}

// lateRound is how long a round may take to close before that is worth a word.
const lateRound = 5 * time.Second

func (o *signOptions) run(ctx context.Context, out, words io.Writer, paths []string) error {
	filings, err := o.hash(paths)
	if err != nil {
		return err
	}
	conn, err := connect(ctx, o.server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	certificates, err := calendarCertificates(ctx, conn)
	if err != nil {
		return serverError(err)
	}
	address := addressOf(&conn.Config().Config)
	word, err := remember(address, certificates, o.trust)
	if err != nil {
		return err
	} else if word != "" {
		fmt.Fprintln(words, word)
	}
	if err := o.file(ctx, conn, filings); err != nil {
		return serverError(err)
	}
	late := time.AfterFunc(lateRound, func() {
		fmt.Fprintf(words, "Filed, but round %s does not close yet: the server's clock may be behind, which its /readyz says. Ctrl-C ends the waiting.\n",
			filings[0].round.UTC().Format(time.RFC3339))
	})
	for i, f := range filings {
		err := f.prove(ctx, conn, out, certificates)
		late.Stop()
		if err != nil {
			for _, rest := range filings[i:] {
				fmt.Fprintf(words, "%s is filed with receipt %s; its proof is still to be had:\n  SELECT signature FROM proofs WHERE receipt = '%s'\n",
					plain.Text(rest.path), rest.receipt, rest.receipt)
			}
			return serverError(err)
		}
	}
	return nil
}

// hash hashes the files, after a look at whether their proofs may be written.
func (o *signOptions) hash(paths []string) ([]*filing, error) {
	algorithm, err := merkle.ParseAlgorithm(o.algorithm)
	if err != nil {
		return nil, err
	}
	filings := make([]*filing, len(paths))
	for i, path := range paths {
		if _, err := os.Lstat(path + signatureSuffix); err == nil && !o.force {
			return nil, fmt.Errorf("%s exists already: move it away or give --force", path+signatureSuffix)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		imprint, err := hashFile(path, algorithm)
		if err != nil {
			return nil, err
		}
		filings[i] = &filing{path: path, imprint: imprint}
	}
	return filings, nil
}

// file files all hashes with one statement, so that they share a round.
func (o *signOptions) file(ctx context.Context, conn *pgx.Conn, filings []*filing) error {
	digests := make([][]byte, len(filings))
	for i, f := range filings {
		digests[i] = f.imprint.Digest()
	}
	rows, err := conn.Query(ctx, `INSERT INTO hashes (digest, algorithm, lane) SELECT unnest($1::bytea[]), $2::text, $3::text
		RETURNING receipt, round`, digests, o.algorithm, o.lane)
	if err != nil {
		return err
	}
	n := 0
	for rows.Next() && n < len(filings) {
		if err := rows.Scan(&filings[n].receipt, &filings[n].round); err != nil {
			return err
		}
		n++
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	if n != len(filings) {
		return fmt.Errorf("the server gave %d receipts for %d files", n, len(filings))
	}
	return nil
}

// prove gets the proof of a file, which the server sends when the round is closed, and writes it.
func (f *filing) prove(ctx context.Context, conn *pgx.Conn, out io.Writer, certificates []ksi.Certificate) error {
	var signature []byte
	if err := conn.QueryRow(ctx, `SELECT signature FROM proofs WHERE receipt = $1`, f.receipt).Scan(&signature); err != nil {
		return err
	}
	if err := f.check(signature, certificates); err != nil {
		return err
	}
	proof := f.path + signatureSuffix
	if err := writeWhole(proof, signature); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s  receipt %s  round %s  %d bytes\n", plain.Text(proof), f.receipt, f.round.UTC().Format(time.RFC3339), len(signature))
	return err
}

// connectTrusting connects to a server, the certificates of whose calendar keys it adds to those of options, each for the ledger it is named
// after.
func connectTrusting(ctx context.Context, server string, options *ksi.Options) (*pgx.Conn, error) {
	conn, err := connect(ctx, server)
	if err != nil {
		return nil, err
	}
	certificates, err := calendarCertificates(ctx, conn)
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, serverError(err)
	}
	options.Named = append(options.Named, certificates...)
	return conn, nil
}

// calendarCertificates gets the certificates of the server's calendar keys.
func calendarCertificates(ctx context.Context, conn *pgx.Conn) ([]ksi.Certificate, error) {
	rows, err := conn.Query(ctx, `SELECT pem FROM calendar_certificates`)
	if err != nil {
		return nil, err
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	return ksi.ParseCertificates([]byte(strings.Join(texts, "\n")))
}

// check verifies a proof before it is written: against the file's hash and the server's certificates.
func (f *filing) check(data []byte, certificates []ksi.Certificate) error {
	signature, err := ksi.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: the server sent a damaged proof: %w", f.path, err)
	}
	r := ksi.Verify(context.Background(), signature, ksi.Options{Policy: ksi.KeyBased, Document: &f.imprint, Certificates: certificates})
	if r.Verdict != ksi.OK {
		return fmt.Errorf("%s: the server sent a proof that does not verify: %s", f.path, r)
	}
	return nil
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
