package calendar

import (
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/lanes"
)

// rootsBatch is how many roots are computed together.
const rootsBatch = 1 << 10

// AppendRoots adds the leaves of the next seconds, as Append would one by one, and sets roots[i] to what Root would return after
// leaf i. It hashes many nodes at once: for each height, one call makes what all these roots need there. roots must be as long
// as leaves.
func (f *Frontier) AppendRoots(roots, leaves []merkle.Digest) {
	if len(roots) != len(leaves) {
		panic("calendar: not as many roots as leaves")
	}
	for len(leaves) > 0 {
		n := min(len(leaves), rootsBatch)
		f.setRoots(roots[:n], leaves[:n])
		f.AppendAll(leaves[:n])
		roots, leaves = roots[n:], leaves[n:]
	}
}

// setRoots sets roots to the calendar roots as of each of the leaves, which would come next.
//
// The root as of the second before count is made of the peaks of count, from the lowest one up: of the nodes (count>>h)-1 for
// every bit h of count. Those from before the leaves are the frontier's own peaks; the others are computed level by level.
func (f *Frontier) setRoots(roots, leaves []merkle.Digest) {
	var pairs [2 * rootsBatch]merkle.Digest
	var hashed [rootsBatch]merkle.Digest
	var rows [rootsBatch]int
	row := make([]merkle.Digest, 0, len(leaves)+1) // nodes of height h from number first on
	row = append(row, leaves...)
	for h := 0; ; h++ {
		first := f.count >> h
		n := 0
		for i := range roots {
			count := f.count + uint64(i) + 1
			if count>>h&1 == 0 {
				continue
			}
			peak := &f.peaks[h]
			if number := count>>h - 1; number >= first {
				peak = &row[number-first]
			}
			if count&(1<<h-1) == 0 { // the lowest peak
				roots[i] = *peak
				continue
			}
			pairs[2*n], pairs[2*n+1] = *peak, roots[i]
			rows[n] = i
			n++
		}
		lanes.HashPairs(lanes.Flat(hashed[:n]), lanes.Flat(pairs[:2*n]), level)
		for k, i := range rows[:n] {
			roots[i] = hashed[k]
		}
		if (f.count+uint64(len(roots)))>>h <= 1 {
			return
		}
		row = f.nextRow(row, h)
	}
}

// nextRow returns the nodes above row, which are those of height h that come next: a peak of the frontier is the left child of the
// first where row begins with a right one.
func (f *Frontier) nextRow(row []merkle.Digest, h int) []merkle.Digest {
	if f.count>>h&1 == 1 {
		row = append(row, merkle.Digest{})
		copy(row[1:], row)
		row[0] = f.peaks[h]
	}
	half := len(row) / 2
	lanes.HashPairs(lanes.Flat(row[:half]), lanes.Flat(row[:2*half]), level)
	return row[:half]
}
