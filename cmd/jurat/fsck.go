package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/fsck"
	"github.com/jurat-ledger/jurat/storage/index"
)

func newFsck() *cobra.Command {
	var data string
	var quick, rebuild bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check a data directory by computing every root from the leaves again",
		Long: `Read the whole ledger of a stopped server and compute every root again from the leaves: slot subtrees, slot trees, round
roots, calendar nodes; check the calendar key's signature of every round, the numbering of leaves, and the digest index.
Nothing is changed. Prints what was checked, or the first difference.

With --rebuild-index the digest index is not checked but, if all else is in order, made anew from the leaves: no backup is needed when it
alone is lost or damaged. If it is cut off, by a full disk for one, run it again, or leave the rest to the server: a start makes an
index that lacks many leaves whole before anybody is served. One that lacks more than 33.5 million is a difference too.

Exit code: 0 in order, 1 a difference, 3 the check could not be carried out.`,
		Example: "  jurat fsck --data /var/lib/jurat\n  jurat fsck --data /var/lib/jurat --rebuild-index",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return untilInterrupted(cmd.Context(), func(ctx context.Context) error {
				if rebuild {
					return rebuildIndex(ctx, cmd.OutOrStdout(), data)
				}
				return check(ctx, cmd.OutOrStdout(), data, !quick)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "data directory")
	cmd.Flags().BoolVar(&quick, "no-index", false, "leave the digest index out")
	cmd.Flags().BoolVar(&rebuild, "rebuild-index", false, "make the digest index anew")
	cmd.MarkFlagsMutuallyExclusive("no-index", "rebuild-index")
	return cmd
}

func check(ctx context.Context, w io.Writer, data string, withIndex bool) error {
	store, err := openStopped(data, storage.Options{ReadOnly: true})
	if err == nil {
		defer store.Close()
		err = checkWithIndex(ctx, w, data, store, withIndex)
	}
	return checkError(w, data, err)
}

// errNotWhole says what to do when a digest index was not made to its end.
var errNotWhole = errors.New("the digest index may not be whole: run jurat fsck --rebuild-index again, or start the server, which does the rest")

// rebuildIndex makes the digest index anew. A full disk ends that: the store's writes, which wait for room, are left behind.
func rebuildIndex(ctx context.Context, w io.Writer, data string) error {
	if err := server.CheckOwner(data, os.Geteuid()); err != nil {
		return err
	}
	full, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		store, err := openStopped(data, storage.Options{DiskFull: func(bool) {
			select {
			case full <- struct{}{}:
			default:
			}
		}})
		if err == nil {
			r := &indexRebuild{store: store, dir: filepath.Join(data, server.IndexDir)}
			err = errors.Join(checkStore(ctx, w, store, r), r.close(), store.Close())
		}
		done <- err
	}()
	select {
	case err := <-done:
		return checkError(w, data, err)
	case <-full:
		return errors.Join(fmt.Errorf("the disk that %s is on is full: make room", data), errNotWhole)
	}
}

// openStopped opens the store of a stopped server.
func openStopped(data string, o storage.Options) (*storage.Store, error) {
	o.Logger = slog.New(slog.DiscardHandler)
	return storage.Open(filepath.Join(data, server.StoreDir), o)
}

// checkError prints a difference, and says what to do about other errors.
func checkError(w io.Writer, data string, err error) error {
	var difference *fsck.Difference
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ledger.ErrBehind):
		fmt.Fprintf(w, "DIFFERENCE: %s\n%s\n", err, damageAdvice(err))
		return exitStatus(exitFail)
	case errors.As(err, &difference), errors.Is(err, storage.ErrCorrupt), errors.Is(err, index.ErrCorrupt):
		fmt.Fprintf(w, "DIFFERENCE: %s\n", err)
		return exitStatus(exitFail)
	case errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("%s holds no ledger: give the data directory of the server with --data", data)
	}
	return err
}

func checkWithIndex(ctx context.Context, w io.Writer, data string, store *storage.Store, withIndex bool) error {
	if !withIndex {
		return checkStore(ctx, w, store, nil)
	}
	x, err := index.Open(store.DB(), index.Options{Dir: filepath.Join(data, server.IndexDir), ReadOnly: true})
	if err != nil {
		return err
	}
	defer x.Close()
	check := x.NewCheck()
	defer check.Close()
	return checkStore(ctx, w, store, check)
}

func checkStore(ctx context.Context, w io.Writer, store *storage.Store, x fsck.Index) error {
	options := fsck.Options{Index: x}
	progress := newProgress("leaves checked", int64(store.TotalLeaves()))
	options.Progress = func(r fsck.Report) { progress.set(int64(r.Leaves)) }
	r, err := fsck.Check(ctx, store, options)
	progress.done()
	if r.Through == 0 { // an error of the store before anything was checked
		return err
	}
	fmt.Fprintf(w, "server %s, seconds %s to %s\n", store.Genesis().Server, store.Genesis().First, r.Through)
	fmt.Fprintf(w, "%d rounds in order: %d leaves in %d runs, %d tiles, %d signatures, %d calendar nodes, %d publications, %d sealed blocks\n",
		r.Rounds, r.Leaves, r.Runs, r.Tiles, r.Signatures, r.CalendarNodes, r.Publications, r.Blocks)
	fmt.Fprintf(w, "%d lines of the journal\n", r.JournalLines)
	fmt.Fprintf(w, "%d leaves of the open round; %d leaves in the digest index\n", r.OpenLeaves, r.Indexed)
	if err == nil && x != nil {
		err = ledger.CheckIndexed(r.Leaves, r.Indexed)
	}
	if err == nil {
		fmt.Fprintln(w, "OK")
	}
	return err
}

// rebuildStep is how many leaves are added to an index that is made anew at once.
const rebuildStep = 1 << 22

// An indexRebuild is a digest index that is made anew when fsck has found the leaves in order and comes to compare it with them.
type indexRebuild struct {
	store *storage.Store
	dir   string
	index *index.Index // nil until then
	torn  bool         // what there was is dropped, and the index not whole
}

func (r *indexRebuild) Cursor() uint64                    { return r.store.TotalLeaves() }
func (r *indexRebuild) HashAll([]uint64, []byte, int)     {}
func (r *indexRebuild) Add(first uint64, hashes []uint64) {}

func (r *indexRebuild) Hash(digest []byte) uint64 {
	if r.index == nil {
		return 0
	}
	return r.index.Hash(digest)
}

// Compare makes the index.
func (r *indexRebuild) Compare(ctx context.Context, leaves func(first uint64, hashes []uint64) error) (err error) {
	r.torn = true
	if err := index.Drop(r.store.DB()); err != nil {
		return err
	}
	if r.index, err = index.Open(r.store.DB(), index.Options{Dir: r.dir}); err != nil {
		return err
	}
	progress := newProgress("leaves indexed", int64(r.Cursor()))
	defer progress.done()
	room := make([]uint64, min(rebuildStep, r.Cursor()))
	for next := uint64(0); next < r.Cursor(); next = r.index.Cursor() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		hashes := room[:min(rebuildStep, r.Cursor()-next)]
		if err := leaves(next, hashes); err != nil {
			return err
		}
		if err := r.index.Add(next, hashes); err != nil {
			return err
		}
		for merged := true; merged; {
			if merged, err = r.index.Merge(ctx); err != nil {
				return err
			}
		}
		progress.set(int64(r.index.Cursor()))
	}
	r.torn = false
	return nil
}

func (r *indexRebuild) close() (err error) {
	if r.index != nil {
		err = r.index.Close()
	}
	if r.torn {
		err = errors.Join(err, errNotWhole)
	}
	return err
}
