package main

import (
	"context"
	"fmt"
	"io"

	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"

	"github.com/jurat-ledger/jurat/bench"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/merkle"
)

// measureImmudb has callers commit transactions of some digests as keys, each its next one when the last is committed durably,
// and waits at the end until all are indexed. Digests are then looked up, and their inclusion in their transactions checked.
func measureImmudb(ctx context.Context, b *bench.Bench, s setting) error {
	o := store.DefaultOptions().WithLogger(logger.NewSimpleLoggerWithLevel("", io.Discard, logger.LogError))
	if int(s.batch) > o.MaxTxEntries {
		o = o.WithMaxTxEntries(int(s.batch))
	}
	o = o.WithMaxConcurrency(max(o.MaxConcurrency, s.callers))
	b.Promise("immudb", fmt.Sprintf("immudb v1.10.0, its embedded store, in process without gRPC or SQL; a commit returns when its transaction log is synced, at most every %v for all that wait; transactions of %d keys without values", o.SyncFrequency, s.batch))
	return measure(ctx, b, "immudb", s, int(s.batch), func(_ context.Context, dir string) (l log, err error) {
		st, err := store.Open(dir, o)
		if err != nil {
			return l, err
		}
		return log{
			add:    func(ctx context.Context, digests []merkle.Digest) error { return commit(ctx, st, digests) },
			settle: func(ctx context.Context) error { return indexed(ctx, st, stream.Stream(b.Seed)) },
			close:  st.Close,
		}, nil
	})
}

// commit commits digests as the keys of one transaction.
func commit(ctx context.Context, st *store.ImmuStore, digests []merkle.Digest) error {
	tx, err := st.NewWriteOnlyTx(ctx)
	if err != nil {
		return err
	}
	for i := range digests {
		if err := tx.Set(digests[i][:], nil, nil); err != nil {
			return err
		}
	}
	_, err = tx.AsyncCommit(ctx) // which waits until it is durable, but not until it is indexed
	return err
}

// indexed waits until all transactions are and checks the first digest of a stream.
func indexed(ctx context.Context, st *store.ImmuStore, s stream.Stream) error {
	if err := st.WaitForIndexingUpto(ctx, st.LastCommittedTxID()); err != nil {
		return err
	}
	digest := s.At(0)
	found, err := st.Get(ctx, digest[:])
	if err != nil {
		return err
	}
	holder, err := st.NewTxHolderPool(1, false)
	if err != nil {
		return err
	}
	tx, err := holder.Alloc()
	if err != nil {
		return err
	}
	if err := st.ReadTx(found.Tx(), false, tx); err != nil {
		return err
	}
	proof, err := tx.Proof(digest[:])
	if err != nil {
		return err
	}
	entry, err := tx.EntryOf(digest[:])
	if err != nil {
		return err
	}
	digestOf, err := tx.Header().TxEntryDigest()
	if err != nil {
		return err
	}
	of, err := digestOf(entry)
	if err != nil {
		return err
	}
	if !store.VerifyInclusion(proof, of, tx.Header().Eh) {
		return fmt.Errorf("immudb does not prove digest %x", digest)
	}
	return nil
}
