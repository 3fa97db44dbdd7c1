package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
)

func newBackup() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup --to PATH",
		Short: "Make a backup of the ledger, while the server goes on filing",
		Long: `Copy a ledger with its keys: everything that is acknowledged when the backup begins, and a little more. The server sends it
over the Postgres connection, so that it can be made on another machine; a superuser may, and without keys an operator. With --data it
is made of a stopped server's data directory instead.

--to names a new directory, or a file that ends with .tar.zst. --since names an earlier backup, a directory, an archive, or a
manifest.json that was kept of it: what that backup holds is then not stored again. To restore takes the whole chain.

The backup holds private keys, unless --without-keys leaves them out: guard it as you guard the data directory. The backup is complete,
and durable, once the command has ended with exit code 0: what was cut off is refused by "jurat restore".`,
		Example: `  jurat backup --to /backup/sunday
  jurat backup --to /backup/monday --since /backup/sunday
  jurat backup --to ledger.tar.zst --server postgres://jurat@127.0.0.1:5433/jurat
  jurat backup --to ledger.tar.zst --data /var/lib/jurat`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, cmd.OutOrStdout(), time.Now())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "new directory, or file ending with .tar.zst")
	f.StringVar(&o.since, "since", "", "earlier backup that this one is based on")
	f.BoolVar(&o.withoutKeys, "without-keys", false, "leave private keys out")
	f.StringVar(&o.server, "server", "", "the server, "+serverForm)
	f.StringVar(&o.data, "data", "", "data directory of a stopped server, instead of a running one")
	cmd.MarkFlagsMutuallyExclusive("server", "data")
	return cmd
}

type backupOptions struct {
	to, since, server, data string
	withoutKeys             bool
}

func (o *backupOptions) run(ctx context.Context, out io.Writer, now time.Time) error {
	if o.to == "" {
		return errors.New("give a new directory, or a file ending with .tar.zst, with --to")
	}
	if ending := filepath.Ext(o.to); !strings.HasSuffix(o.to, backup.ArchiveSuffix) && slices.Contains([]string{".tar", ".gz", ".tgz", ".zst", ".zip", ".xz", ".bz2"}, ending) {
		return fmt.Errorf("--to %s: archives are of one sort, whose names end with %s; a directory needs another name", o.to, backup.ArchiveSuffix)
	}
	var previous []byte
	var base *backup.Manifest
	if o.since != "" {
		var err error
		if previous, err = backup.ReadManifest(ctx, o.since); err == nil {
			base, err = backup.ParseManifest(previous)
		}
		if err != nil {
			return fmt.Errorf("earlier backup: %w", err)
		}
	}
	in, err := o.source(ctx, previous, now)
	if err != nil {
		return err
	}
	w, err := backup.NewWriter(o.to, base)
	if err != nil {
		return errors.Join(err, in.close())
	}
	m, err := copyBackup(ctx, w, in)
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	stored := 0
	for _, f := range m.Files {
		if !f.Earlier {
			stored++
		}
	}
	fmt.Fprintf(out, "Wrote %s: server %s, %d leaves, rounds %s to %s; %d files with %d bytes", plain.Text(o.to), m.Server, m.Leaves, m.FirstRound, m.LastRound,
		stored, w.Bytes())
	if base != nil {
		fmt.Fprintf(out, ", %d files are in earlier backups", len(m.Files)-stored)
	}
	fmt.Fprintln(out, ".")
	for _, name := range m.LeftOut {
		fmt.Fprintf(out, "Left out: keys/%s.\n", name)
	}
	return nil
}

// A backupSource is where the chunks of a backup come from; io.EOF ends.
type backupSource struct {
	next  func(context.Context) (backup.Chunk, error)
	close func() error
}

// copyBackup writes what comes and closes in.
func copyBackup(ctx context.Context, w *backup.Writer, in *backupSource) (*backup.Manifest, error) {
	var p *progress
	for {
		c, err := in.next(ctx)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Write(c)
		}
		if err != nil {
			return nil, errors.Join(err, in.close())
		}
		if p == nil {
			p = newProgress("backup", c.Total)
			defer p.done()
		}
		p.set(w.Bytes())
	}
	if err := in.close(); err != nil {
		return nil, err
	}
	return w.Close()
}

// source begins the backup.
func (o *backupOptions) source(ctx context.Context, previous []byte, now time.Time) (*backupSource, error) {
	if o.data != "" {
		b, err := backup.Begin(backup.Source{Dir: o.data}, backup.Options{WithoutKeys: o.withoutKeys, Previous: previous, Now: now})
		if errors.Is(err, storage.ErrLocked) {
			return nil, fmt.Errorf("%s: %w, or leave --data away: a running server makes its backups itself", o.data, err)
		} else if errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("%s holds no ledger: give the data directory of the server with --data", o.data)
		} else if err != nil {
			return nil, err
		}
		return &backupSource{b.Next, b.Close}, nil
	}
	conn, err := connect(ctx, o.server)
	if err != nil {
		return nil, err
	}
	var manifest *string
	if previous != nil {
		text := string(previous)
		manifest = &text
	}
	reading, cancel := context.WithCancel(ctx)
	rows, err := conn.Query(reading, `SELECT file, size, at, data, total FROM backup($1, $2)`, !o.withoutKeys, manifest)
	if err != nil {
		cancel()
		return nil, errors.Join(serverError(err), conn.Close(ctx))
	}
	return &backupSource{
		next: func(context.Context) (backup.Chunk, error) { return nextChunk(rows) },
		close: func() error {
			cancel() // rows that are left are not waited for
			rows.Close()
			return conn.Close(context.WithoutCancel(ctx))
		},
	}, nil
}

// nextChunk returns what the next row holds.
func nextChunk(rows pgx.Rows) (c backup.Chunk, err error) {
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return c, serverError(err)
		}
		return c, io.EOF
	}
	var data pgtype.DriverBytes
	err = rows.Scan(&c.File, &c.Size, &c.At, &data, &c.Total)
	c.Data = data
	return c, err
}
