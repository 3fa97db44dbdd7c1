package index

import (
	"context"
	"fmt"
	"math/bits"
)

// fanOut is how many runs of one tier are merged into one of the next.
const fanOut = 8

// maxSources is how many runs one merge takes at most.
const maxSources = 64

// ctxEntries is about how many entries a merge or a check handles between two looks at its context.
const ctxEntries = 1 << 16

// Merge does one merge if one is due and reports whether it did; call it until it reports false. Due are runs until
// fewer than 8 have the same tier (each tier is 8 times the size of the one before) and older ones have no lower tier
// than newer ones. A merge reads and writes about as much as its runs hold, 8 bytes a leaf, in bounded memory; cancelling ctx
// stops it without a trace. After any other error than that of ctx the index may refuse to be written until it is
// opened anew.
func (x *Index) Merge(ctx context.Context) (merged bool, err error) {
	x.merging.Lock()
	defer x.merging.Unlock()
	if err := x.writable(); err != nil {
		return false, err
	}
	v := x.acquire()
	defer func() {
		x.release(v)
		if err == nil {
			err = x.sweep()
		}
	}()
	runs := due(v.runs)
	if len(runs) == 0 {
		return false, nil
	}
	r := run{id: x.newID(), first: runs[0].first, n: runs[len(runs)-1].end() - runs[0].first}
	err = x.writeRun(r, func(w *runWriter) error { return x.mergeRuns(ctx, w, runs) })
	if err != nil {
		return false, fmt.Errorf("digest index: merge leaves %d to %d: %w", r.first, r.end()-1, err)
	}
	return true, nil
}

// MergeBytes returns about how many bytes the merge writes that is due, 0 if none is.
func (x *Index) MergeBytes() uint64 {
	v := x.acquire()
	defer x.release(v)
	runs := due(v.runs)
	if len(runs) == 0 {
		return 0
	}
	return 9 * (runs[len(runs)-1].end() - runs[0].first)
}

// tier returns the size class of a run of n entries: 0 while it is one bucket, then one more for each factor of fanOut.
func tier(n uint64) int {
	return (max(bits.Len64(n), numberBits) - numberBits + 2) / 3
}

// due returns the neighbouring runs to merge next, none when all is well. The lowest tier goes first.
func due(runs []run) []run {
	var best []run
	for i, j := 0, 0; i < len(runs); i = j {
		t := tier(runs[i].n)
		for j = i + 1; j < len(runs) && tier(runs[j].n) == t; j++ {
		}
		if j-i >= fanOut && (best == nil || t < tier(best[0].n)) {
			best = runs[i:min(j, i+maxSources)]
		}
	}
	for j := 1; best == nil && j < len(runs); j++ {
		t, i := tier(runs[j].n), j
		for i > 0 && j-i < maxSources-1 && tier(runs[i-1].n) < t {
			i--
		}
		if i < j {
			best = runs[i : j+1]
		}
	}
	return best
}

// mergeRuns writes the entries of neighbouring runs to w: for each bucket of the new run, what each old run has for it, in
// the order of the runs and so of the numbers.
func (x *Index) mergeRuns(ctx context.Context, w *runWriter, runs []run) error {
	sources := make([]*source, 0, len(runs))
	for i := range runs {
		s, err := x.newSource(&runs[i], w)
		if err != nil {
			return err
		}
		defer s.close()
		sources = append(sources, s)
	}
	for bucket := uint32(0); bucket < 1<<w.b; bucket++ {
		if bucket%(ctxEntries>>numberBits) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, s := range sources {
			if err := s.moveTo(ctx, w, bucket); err != nil {
				return err
			}
		}
		if err := w.endBucket(); err != nil {
			return err
		}
	}
	for _, s := range sources {
		if err := s.end(); err != nil {
			return err
		}
	}
	return nil
}
