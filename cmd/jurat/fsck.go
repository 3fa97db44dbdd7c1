package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

func newFsck() *cobra.Command {
	var data string
	var quick bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check a data directory by computing every root from the leaves again",
		Long: `Read the whole ledger of a stopped server and compute every root again from the leaves: slot subtrees, slot trees, round
roots, calendar nodes; check the calendar key's signature of every round, the numbering of leaves, and the digest index.
Nothing is changed. Prints what was checked, or the first difference.

Exit code: 0 in order, 1 a difference, 3 the check could not be carried out.`,
		Example: "  jurat fsck --data /var/lib/jurat",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				return check(ctx, cmd.OutOrStdout(), data, !quick)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "data directory")
	cmd.Flags().BoolVar(&quick, "no-index", false, "leave the digest index out")
	return cmd
}

func check(ctx context.Context, w io.Writer, data string, withIndex bool) error {
	store, err := storage.Open(filepath.Join(data, server.StoreDir), storage.Options{
		ReadOnly: true,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err == nil {
		defer store.Close()
		err = checkStore(ctx, w, data, store, withIndex)
	}
	var difference *fsck.Difference
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrVersion), errors.Is(err, index.ErrVersion):
		return fmt.Errorf("%w: check it with the program that wrote it", err)
	case errors.As(err, &difference), errors.Is(err, storage.ErrCorrupt), errors.Is(err, index.ErrCorrupt):
		fmt.Fprintf(w, "DIFFERENCE: %s\n", err)
		return exitStatus(exitFail)
	case errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("%s holds no ledger: give the data directory of the server with --data", data)
	}
	return err
}

func checkStore(ctx context.Context, w io.Writer, data string, store *storage.Store, withIndex bool) error {
	options := fsck.Options{}
	if withIndex {
		x, err := index.Open(store.DB(), index.Options{Dir: filepath.Join(data, server.IndexDir), ReadOnly: true})
		if err != nil {
			return err
		}
		defer x.Close()
		check := x.NewCheck()
		defer check.Close()
		options.Index = check
	}
	progress := newProgress("leaves checked", int64(store.TotalLeaves()))
	options.Progress = func(r fsck.Report) { progress.set(int64(r.Leaves)) }
	r, err := fsck.Check(ctx, store, options)
	progress.done()
	fmt.Fprintf(w, "server %s, seconds %s to %s\n", store.Genesis().Server, store.Genesis().First, r.Through)
	fmt.Fprintf(w, "%d rounds in order: %d leaves in %d runs, %d tiles, %d signatures, %d calendar nodes, %d publications, %d sealed blocks\n",
		r.Rounds, r.Leaves, r.Runs, r.Tiles, r.Signatures, r.CalendarNodes, r.Publications, r.Blocks)
	fmt.Fprintf(w, "%d lines of the journal\n", r.JournalLines)
	fmt.Fprintf(w, "%d leaves of the open round; %d leaves in the digest index\n", r.OpenLeaves, r.Indexed)
	if err == nil {
		fmt.Fprintln(w, "OK")
	}
	return err
}
