package main

import (
	"context"
	"fmt"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/jurat-ledger/jurat/bench"
	"github.com/jurat-ledger/jurat/merkle"
)

// measureTessera has callers append digests, each its next one when the last is sequenced durably, and waits at the end until
// all are integrated and a checkpoint of them is published.
func measureTessera(ctx context.Context, b *bench.Bench, s setting) error {
	b.Promise("tessera", fmt.Sprintf("Tessera v1.0.4, POSIX driver, in process without HTTP; every file is written O_SYNC and its directory synced before an entry counts as sequenced; batches of %d, 100 ms", s.batch))
	return measure(ctx, b, "tessera", s, 1, func(ctx context.Context, dir string) (l log, err error) {
		a, shutdown, err := newAppender(ctx, s, dir)
		if err != nil {
			return l, err
		}
		return log{
			add: func(ctx context.Context, digests []merkle.Digest) error {
				_, err := a.Add(ctx, tessera.NewEntry(digests[0][:]))()
				return err
			},
			settle: shutdown,
			close:  func() error { return nil },
		}, nil
	})
}

func newAppender(ctx context.Context, s setting, dir string) (*tessera.Appender, func(context.Context) error, error) {
	secret, _, err := note.GenerateKey(nil, "bench.example")
	if err != nil {
		return nil, nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, nil, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, nil, err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(s.batch, 100*time.Millisecond).
		WithCheckpointInterval(time.Second).WithPushback(uint(2 * s.callers))
	a, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	return a, shutdown, err
}
