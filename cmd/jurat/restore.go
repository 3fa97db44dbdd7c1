package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

func newRestore() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore --from BACKUP [--from BACKUP…] --data DIR",
		Short: "Make a data directory of a backup, and check all of it",
		Long: `Make a data directory of a backup, or of a full one and those based on it, in their order. Every file is compared with the
backup's manifest, every root is computed from the leaves again, and the calendar root is compared: only then is there a
directory that a server starts on. Otherwise nothing is left.

What was filed after the backup is not in it. If the server that the backup was made of still lives somewhere, and both
file, two calendars come of one ledger, and proofs contradict each other. So "jurat serve" refuses a restored directory,
but for --read-only, until it is told that the original is gone for good:

  jurat restore --data DIR --original-is-gone

or the same flag with --from. The calendar then goes on: the seconds since the backup's last round stay empty. Give the
newest proof or publication string of the lost server that you know of with --newest-proof and --newest-publication: a
backup that is older than these is refused, since its calendar would contradict them.

Exit code: 0 done, 1 the backup is damaged, incomplete or too old, 3 it could not be carried out.`,
		Example: `  jurat restore --from ledger.tar.zst --data /var/lib/jurat
  jurat restore --from /backup/sunday --from /backup/monday --data /var/lib/jurat
  jurat restore --data /var/lib/jurat --original-is-gone --newest-proof letter.pdf.ksig`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return o.run(ctx, cmd.OutOrStdout(), time.Now())
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.from, "from", nil, "a backup; repeated for those based on it, oldest first")
	f.StringVar(&o.data, "data", "", "data directory to make, or one restored before")
	f.BoolVar(&o.gone, "original-is-gone", false, "the server that the backup was made of will never file again: let this one go on")
	f.StringArrayVar(&o.proofs, "newest-proof", nil, "proof of the lost server, a .ksig file: the backup must not be older; may be repeated")
	f.StringArrayVar(&o.publications, "newest-publication", nil, "publication string of the lost server, likewise; may be repeated")
	return cmd
}

type restoreOptions struct {
	from                 []string
	data                 string
	gone                 bool
	proofs, publications []string
}

func (o *restoreOptions) run(ctx context.Context, out io.Writer, now time.Time) error {
	if o.data == "" {
		return errors.New("give the data directory with --data")
	}
	if len(o.from) == 0 && !o.gone {
		return errors.New("give a backup with --from, or --original-is-gone for a directory that was restored before")
	}
	known, err := o.known()
	if err != nil {
		return err
	}
	accept := func(store *storage.Store) error { return known.check(ctx, store) }
	if len(o.from) > 0 {
		err = o.restore(ctx, out, now, accept)
	} else {
		err = o.accept(accept)
	}
	if err == nil && o.gone {
		if len(o.proofs)+len(o.publications) == 0 {
			fmt.Fprintln(out, "Nothing was compared with what the lost server gave out last: give --newest-proof and --newest-publication if you know of any.")
		}
		if err = backup.Continue(o.data, now); err == nil {
			fmt.Fprintf(out, "The ledger goes on from here: jurat serve --data %s\n", o.data)
		}
	}
	return restoreError(out, err)
}

// restore makes the data directory.
func (o *restoreOptions) restore(ctx context.Context, out io.Writer, now time.Time, accept func(*storage.Store) error) error {
	copied, checked := newProgress("bytes copied", 0), newProgress("leaves checked", 0)
	m, report, err := backup.Restore(ctx, o.from, o.data, backup.RestoreOptions{
		Now:    now,
		Copied: copied.set,
		Checked: func(leaves, of uint64) {
			checked.total = int64(of)
			checked.set(int64(leaves))
		},
		Accept: accept,
	})
	copied.done()
	checked.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Restored %s: server %s, rounds %s to %s; %d rounds with %d leaves in order, %d signatures, %d leaves of an open round.\n",
		o.data, m.Server, m.FirstRound, m.LastRound, report.Rounds, report.Leaves, report.Signatures, report.OpenLeaves)
	fmt.Fprintf(out, "The calendar root as of %s is that of the backup, %s.\n", m.LastRound, m.CalendarRoot)
	for _, name := range m.LeftOut {
		fmt.Fprintf(out, "Missing: keys/%s, which the backup left out: put it back, mode 0600.\n", name)
	}
	fmt.Fprintf(out, "Login rules are in no backup: if the original had hba.conf, put it into %s before a server starts, which else lets in whoever has a password.\n", o.data)
	if !o.gone {
		fmt.Fprintf(out, "What was filed after %s is not here. Look at it with jurat serve --read-only; to file on, see jurat restore --help.\n", m.LastRound)
	}
	return nil
}

// accept looks at a store that was restored before.
func (o *restoreOptions) accept(look func(*storage.Store) error) error {
	if m, err := backup.ReadMark(o.data); err != nil {
		return err
	} else if m == nil {
		return fmt.Errorf("%s does not wait for --original-is-gone: it was not restored, or is continued already", o.data)
	}
	store, err := storage.Open(filepath.Join(o.data, server.StoreDir), storage.Options{ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(look(store), store.Close())
}

// What is known of a lost server.
type knownOfLost struct {
	proofs       map[string]*ksi.Signature // by file
	publications []ksi.Publication
}

func (o *restoreOptions) known() (*knownOfLost, error) {
	k := &knownOfLost{proofs: make(map[string]*ksi.Signature)}
	for _, path := range o.proofs {
		data, err := readSignature(path)
		if err != nil {
			return nil, err
		}
		if k.proofs[path], err = ksi.Parse(data); err != nil {
			return nil, fmt.Errorf("%s is no whole, unchanged proof: %w", path, err)
		}
	}
	for _, text := range o.publications {
		p, err := parsePublication(text)
		if err != nil {
			return nil, err
		}
		k.publications = append(k.publications, p)
	}
	return k, nil
}

func (k *knownOfLost) check(ctx context.Context, store *storage.Store) error {
	for path, s := range k.proofs {
		if err := backup.CheckProof(ctx, store, s); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, p := range k.publications {
		if err := backup.CheckPublication(store, p); err != nil {
			return fmt.Errorf("publication %s: %w", p, err)
		}
	}
	return nil
}

// restoreError prints what a check of the backup found, and leaves other errors as they are.
func restoreError(out io.Writer, err error) error {
	var difference *fsck.Difference
	if errors.As(err, &difference) {
		fmt.Fprintf(out, "REFUSED: %s\n", err)
		return exitStatus(exitFail)
	}
	for _, found := range []error{backup.ErrDamaged, backup.ErrIncomplete, backup.ErrChain, backup.ErrOlder, backup.ErrOtherCalendar,
		storage.ErrCorrupt, index.ErrCorrupt} {
		if errors.Is(err, found) {
			fmt.Fprintf(out, "REFUSED: %s\n", err)
			return exitStatus(exitFail)
		}
	}
	return err
}
