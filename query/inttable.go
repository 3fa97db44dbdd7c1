package query

// An intTable numbers integers in the order in which they come.
type intTable struct {
	slots []int32 // number of the key plus one at the place of its hash or behind; 0 for none
	shift uint
	keys  []int64 // by number
}

func newIntTable() *intTable {
	const bits = 6
	return &intTable{slots: make([]int32, 1<<bits), shift: 64 - bits}
}

// number returns the number of a key, and whether the key is new.
func (t *intTable) number(key int64) (n int32, fresh bool) {
	mask := len(t.slots) - 1
	// Fibonacci hashing: neighbouring keys fall far apart, multiples of a power of two too.
	at := int(uint64(key) * 0x9e3779b97f4a7c15 >> t.shift)
	for ; ; at = (at + 1) & mask {
		n := t.slots[at]
		if n == 0 {
			break
		}
		if t.keys[n-1] == key {
			return n - 1, false
		}
	}
	t.keys = append(t.keys, key)
	t.slots[at] = int32(len(t.keys))
	if 2*len(t.keys) > len(t.slots) {
		t.grow()
	}
	return int32(len(t.keys) - 1), true
}

func (t *intTable) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	t.shift--
	mask := len(t.slots) - 1
	for n, key := range t.keys {
		at := int(uint64(key) * 0x9e3779b97f4a7c15 >> t.shift)
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = int32(n + 1)
	}
}
