package merkle_test

import (
	"reflect"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
)

// digestTiles has tiles of a tree over n equal leaves.
type digestTiles struct{ n int }

func (s digestTiles) ReadLeaves(dst *merkle.Leaves, first uint64, n int) error {
	for i := range n {
		dst.Append(merkle.Digest{byte(first) + byte(i)}.Imprint())
	}
	return nil
}

func (digestTiles) ReadNodes([]merkle.Digest, uint8, uint64) error { return nil }

func (s digestTiles) Tile(height uint8, index uint64) (*merkle.Tile, error) {
	return merkle.ReadTile(s, 0, uint64(s.n), height, index)
}

// The two parts of a chain that is cut at any perfect node are the chain.
func TestProofInParts(t *testing.T) {
	for n := 1; n <= 70; n++ {
		for i := range uint64(n) {
			whole, err := merkle.AppendProof(nil, digestTiles{n}, 0, uint64(n), i)
			if err != nil {
				t.Fatal(err)
			}
			for height := uint8(1); merkle.HasNode(uint64(n), i, height); height++ {
				parts, err := merkle.AppendProofUpTo(nil, digestTiles{n}, 0, uint64(n), i, height)
				if err != nil || len(parts) != int(height) {
					t.Fatalf("leaf %d of %d to height %d: %d links, %v", i, n, height, len(parts), err)
				}
				parts, err = merkle.AppendProofFrom(parts, digestTiles{n}, 0, uint64(n), i, height)
				if err != nil || !reflect.DeepEqual(parts, whole) {
					t.Fatalf("leaf %d of %d in parts at height %d: %v, want %v, %v", i, n, height, parts, whole, err)
				}
			}
		}
	}
}
