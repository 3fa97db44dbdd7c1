package query

import (
	"bytes"
	"hash/maphash"

	"github.com/jurat-ledger/jurat/query/value"
)

// A keyTable numbers keys, which are byte strings, in the order in which they come. A nil key is one of its own.
type keyTable struct {
	slots []uint64 // of a key, at the place of its hash or behind: the upper half of its hash, and its number plus one; 0 for none
	shift uint
	keys  [][]byte // by number
	arena []byte
	taken int // by arenas
	told  int // what more has returned so far
}

// keySeed makes the hashes of this process unlike those of any other.
var keySeed = maphash.MakeSeed()

// hashKey returns the hash of a key.
func hashKey(key []byte) uint64 { return maphash.Bytes(keySeed, key) }

const (
	keyTableBits = 4 // of the first slots
	keyArena     = 16 << 10
)

func newKeyTable() *keyTable {
	return &keyTable{slots: make([]uint64, 1<<keyTableBits), shift: 64 - keyTableBits}
}

// find returns the number of a key of this hash, or -1 if there is none, and the slot where it stands or would stand.
func (t *keyTable) find(key []byte, hash uint64) (n int32, at int) {
	mask := len(t.slots) - 1
	for at = int(hash >> t.shift); ; at = (at + 1) & mask {
		switch s := t.slots[at]; {
		case s == 0:
			return -1, at
		case uint32(s>>32) == uint32(hash>>32):
			n := int32(uint32(s)) - 1
			if k := t.keys[n]; bytes.Equal(k, key) && (k == nil) == (key == nil) {
				return n, at
			}
		}
	}
}

// number returns the number of a key of this hash, and whether the key is new. The key is copied.
func (t *keyTable) number(key []byte, hash uint64) (n int32, fresh bool) {
	n, at := t.find(key, hash)
	if n >= 0 {
		return n, false
	}
	t.keys = append(t.keys, t.copied(key))
	t.slots[at] = hash>>32<<32 | uint64(len(t.keys))
	if 2*len(t.keys) > len(t.slots) {
		t.grow()
	}
	return int32(len(t.keys) - 1), true
}

func (t *keyTable) copied(key []byte) []byte {
	if len(key) == 0 {
		return key[:0:0]
	}
	if len(key) > len(t.arena) {
		t.arena = make([]byte, max(len(key), min(keyArena, t.taken)))
		t.taken += len(t.arena)
	}
	c := t.arena[:len(key):len(key)]
	t.arena = t.arena[copy(c, key):]
	return c
}

func (t *keyTable) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	t.shift--
	mask := len(t.slots) - 1
	for _, s := range old {
		if s == 0 {
			continue
		}
		at := int(s >> 32 << 32 >> t.shift)
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

// len returns the number of keys.
func (t *keyTable) len() int { return len(t.keys) }

// more returns how many bytes the table takes that it did not when more was called before.
func (t *keyTable) more() int {
	before := t.told
	t.told = 8*len(t.slots) + 24*cap(t.keys) + t.taken
	return t.told - before
}

// mayHold keeps those of the rows in sel whose keys the table may hold. The processor waits for the slots of all of them together, and not
// for one after the other as in find.
func (t *keyTable) mayHold(sel []int32, k *rowKeys) []int32 {
	n := 0
	for _, i := range sel {
		sel[n] = i
		if t.slots[k.hashes[i]>>t.shift] != 0 {
			n++
		}
	}
	return sel[:n]
}

// rowKeys are the keys of rows of a batch: equal where the rows are equal in some columns.
type rowKeys struct {
	keys   [][]byte // by row; nil where a column is null
	hashes []uint64
	buf    []byte
}

// noBytes is the key of an empty value, and of no columns.
var noBytes = []byte{}

// read makes k the keys of the rows of b in columns. With nulls, those equal each other in rows of several columns.
func (k *rowKeys) read(b *value.Batch, cols []*value.Vector, nulls bool) {
	k.size(b.N)
	rows(b, func(i int) {
		if !nulls && anyNull(cols, i) {
			k.keys[i], k.hashes[i] = nil, 0
			return
		}
		k.keys[i], k.hashes[i] = k.add(cols, i)
	})
}

// none makes k the keys of n rows that equal no others.
func (k *rowKeys) none(n int) {
	k.size(n)
	clear(k.keys)
	clear(k.hashes)
}

func (k *rowKeys) size(n int) {
	if cap(k.keys) < n {
		k.keys, k.hashes = make([][]byte, max(n, value.BatchSize)), make([]uint64, max(n, value.BatchSize))
	}
	k.keys, k.hashes, k.buf = k.keys[:n], k.hashes[:n], k.buf[:0]
}

// anyNull reports whether row i has a null in one of the columns.
func anyNull(cols []*value.Vector, i int) bool {
	for _, c := range cols {
		if c.IsNull(i) {
			return true
		}
	}
	return false
}

// one returns the key of a row by which nulls equal each other, until the next call.
func (k *rowKeys) one(cols []*value.Vector, i int) (key []byte, hash uint64) {
	k.buf = k.buf[:0]
	return k.add(cols, i)
}

func (k *rowKeys) add(cols []*value.Vector, i int) (key []byte, hash uint64) {
	switch {
	case len(cols) == 1 && cols[0].IsNull(i):
		return nil, 0
	case len(cols) == 1 && cols[0].Type.EqualAsBytes():
		key = cols[0].Bytes[i]
	default:
		from := len(k.buf)
		k.buf = appendRowKey(k.buf, cols, i)
		key = k.buf[from:]
	}
	if key == nil {
		key = noBytes
	}
	return key, hashKey(key)
}
