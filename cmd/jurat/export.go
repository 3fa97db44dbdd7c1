package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/internal/plain"
)

// packedSuffix is what the name of a packed bundle ends with.
const packedSuffix = ".zst"

func newExport() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --agency NAME --to FILE",
		Short: "Write all that an agency filed, with all proofs, to one file",
		Long: `Write a bundle: every hash that an agency filed, in order, and what it takes to make the proof of each again, byte for byte,
offline. An agency may export its own filings, a superuser those of all. What is filed while the export runs is not in it.

A bundle is checked by "jurat verify-bundle", single proofs come out of it by "jurat extract"; docs/bundle.md describes it
byte by byte. If FILE ends with .zst it is packed, which pays where few hashes share a second.

--lane status writes the list of seals that the agency revoked or superseded, for "jurat verify-seal", and nothing else of it.

With --published the proofs up to the newest publication rest on that instead of a key: such a bundle can be kept for good.`,
		Example: `  jurat export --agency canton --to canton.bundle --server postgres://canton@127.0.0.1:5433/jurat
  jurat export --agency canton --to canton-2026.bundle.zst --from 2026-01-01 --until 2026-12-31T23:59:59Z --published`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, cmd.OutOrStdout())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.agency, "agency", "", "whose filings")
	f.StringVar(&o.to, "to", "", "new file")
	f.StringVar(&o.from, "from", "", "first second, such as 2026-01-01T00:00:00Z, or a date; the ledger's first unless given")
	f.StringVar(&o.until, "until", "", "last second, likewise; the newest closed one unless given")
	f.StringVar(&o.lane, "lane", "", "one lane alone, such as status; all unless given")
	f.BoolVar(&o.published, "published", false, "extend proofs to the newest publication, where that is later")
	f.StringVar(&o.server, "server", "", "the server, "+serverForm)
	return cmd
}

type exportOptions struct {
	agency, lane, to, from, until, server string
	published                             bool
}

func (o *exportOptions) run(ctx context.Context, out io.Writer) error {
	if o.agency == "" || o.to == "" {
		return errors.New("give the agency with --agency and a new file with --to")
	}
	var span [2]*time.Time
	for i, text := range []string{o.from, o.until} {
		if text == "" {
			continue
		}
		t, err := publicationTime(text)
		if err != nil {
			return err
		}
		span[i] = &t
	}
	w, err := newBundleFile(o.to)
	if err != nil {
		return err
	}
	n, err := o.copy(ctx, w, span)
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return errors.Join(err, w.abort())
	}
	_, err = fmt.Fprintf(out, "Wrote %s: a bundle of %d bytes. Check it with jurat verify-bundle %s\n", plain.Text(o.to), n, plain.Text(o.to))
	return err
}

// copy writes what the server sends.
func (o *exportOptions) copy(ctx context.Context, w io.Writer, span [2]*time.Time) (n int64, err error) {
	conn, err := connect(ctx, o.server)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	reading, cancel := context.WithCancel(ctx)
	rows, err := conn.Query(reading, `SELECT at, data FROM export_bundle($1, $2, $3, $4, $5)`, o.agency, span[0], span[1], o.published, o.lane)
	if err != nil {
		cancel()
		return 0, serverError(err)
	}
	p := newProgress("bytes exported", 0)
	n, err = copyRows(w, rows, p)
	cancel() // rows that are left are not waited for
	rows.Close()
	p.done()
	return n, err
}

func copyRows(w io.Writer, rows pgx.Rows, p *progress) (n int64, err error) {
	var at int64
	var data pgtype.DriverBytes
	for rows.Next() {
		if err := rows.Scan(&at, &data); err != nil {
			return n, err
		}
		if at != n {
			return n, fmt.Errorf("the server sent byte %d where %d is next", at, n)
		}
		if _, err := w.Write(data); err != nil {
			return n, err
		}
		n += int64(len(data))
		p.set(n)
	}
	if rows.Err() != nil {
		return n, serverError(rows.Err())
	}
	return n, nil
}

// A bundleFile is a file that is written whole or not at all, packed if its name says so.
type bundleFile struct {
	path string
	file *os.File
	buf  *bufio.Writer
	pack *zstd.Encoder // nil if it is not packed
}

func newBundleFile(path string) (*bundleFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s exists: give a new name", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	w := &bundleFile{path: path, file: f, buf: bufio.NewWriterSize(f, 1<<18)}
	if strings.HasSuffix(path, packedSuffix) {
		if w.pack, err = zstd.NewWriter(w.buf); err != nil {
			return nil, errors.Join(err, w.abort())
		}
	}
	return w, nil
}

// Write writes bytes of the bundle.
func (w *bundleFile) Write(b []byte) (int, error) {
	if w.pack != nil {
		return w.pack.Write(b)
	}
	return w.buf.Write(b)
}

// finish makes the file durable under its name.
func (w *bundleFile) finish() error {
	if w.pack != nil {
		if err := w.pack.Close(); err != nil {
			return err
		}
	}
	if err := errors.Join(w.buf.Flush(), w.file.Chmod(0o644), w.file.Sync()); err != nil {
		return err
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return err
	}
	return errors.Join(host.SyncDir(filepath.Dir(w.path)), w.file.Close())
}

// abort removes what was written.
func (w *bundleFile) abort() error {
	if w.pack != nil {
		_ = w.pack.Close() // ends its goroutines; what it still writes is removed
	}
	_ = w.file.Close() // of no use any more
	return os.Remove(w.file.Name())
}
