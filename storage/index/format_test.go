package index

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestEntry(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for b := uint(0); b <= 31; b++ {
		limit := uint64(1) << (b + numberBits)
		for range 1000 {
			hash, number := rnd.Uint64(), rnd.Uint64N(limit)
			gotHash, gotNumber := splitEntry(makeEntry(hash, number, b), bucketOf(hash, b), b)
			if gotHash != storedBits(hash) || gotNumber != number {
				t.Fatalf("b=%d: hash %#x, number %d come back as %#x, %d", b, hash, number, gotHash, gotNumber)
			}
		}
	}
}

func TestBucketBits(t *testing.T) {
	for n := uint64(1); n <= MaxNumber; n = n*2 + n%3 {
		b := bucketBits(n)
		if perBucket := float64(n) / float64(uint64(1)<<b); perBucket > 512 || b > 0 && perBucket <= 256 {
			t.Errorf("%d entries: %v a bucket", n, perBucket)
		}
		if n > 1<<(b+numberBits) {
			t.Errorf("%d entries: numbers do not fit %d bits", n, b+numberBits)
		}
	}
	if b := bucketBits(MaxNumber); b != 31 {
		t.Errorf("2^40 entries have 2^%d buckets", b)
	}
}

func testManifest() *manifest {
	m := &manifest{key: storedKey{1, 2, 3}}
	m.runs = []run{{id: 7, first: 0, n: 1000}, {id: 2, first: 1000, n: 1}, {id: 9, first: 1001, n: 1 << 30}}
	return m
}

func sealedPart(key []byte, entries int, flags byte) []byte {
	v := make([]byte, partHead+8*entries)
	v[5] = flags
	for i := range v[partHead:] {
		v[partHead+i] = byte(i * 7)
	}
	seal(key, v, partVersion)
	return v
}

// TestBitFlips flips every bit of a value: no flip is read as anything but damage, a flip of the version included.
func TestBitFlips(t *testing.T) {
	key := appendPartKey(nil, 3, 4, 0)
	for name, c := range map[string]struct {
		value  []byte
		decode func([]byte) error
	}{
		"manifest": {testManifest().append(nil), func(v []byte) error { _, err := parseManifest(v); return err }},
		"part":     {sealedPart(key, 9, flagLast), func(v []byte) error { _, err := decodePart(key, v, 0); return err }},
	} {
		if err := c.decode(c.value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for bit := range 8 * len(c.value) {
			v := bytes.Clone(c.value)
			v[bit/8] ^= 1 << (bit % 8)
			if err := c.decode(v); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: bit %d flipped: %v", name, bit, err)
			}
		}
		for n := range c.value {
			if err := c.decode(c.value[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: cut to %d bytes: %v", name, n, err)
			}
		}
	}
	if _, err := decodePart(appendPartKey(nil, 3, 5, 0), sealedPart(key, 9, flagLast), 0); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a part under the key of another one: %v", err)
	}
}

func TestVersions(t *testing.T) {
	v := testManifest().append(nil)
	seal(manifestKey, v, manifestVersion+1)
	if _, err := parseManifest(v); !errors.Is(err, ErrVersion) {
		t.Errorf("manifest of the next version: %v", err)
	}
	key := appendPartKey(nil, 3, 4, 0)
	p := sealedPart(key, 1, flagLast)
	seal(key, p, partVersion+1)
	if _, err := decodePart(key, p, 0); !errors.Is(err, ErrVersion) {
		t.Errorf("part of the next version: %v", err)
	}
}

// TestRefused has values with right checksums that no writer makes.
func TestRefused(t *testing.T) {
	key := appendPartKey(nil, 3, 4, 0)
	for name, p := range map[string]struct {
		value  []byte
		number uint32
	}{
		"more follows, not full":    {sealedPart(key, partEntries-1, 0), 0},
		"more than a part holds":    {sealedPart(key, partEntries+1, flagLast), 0},
		"a later part, empty":       {sealedPart(key, 0, flagLast), 1},
		"unknown flag":              {sealedPart(key, 1, 2), 0},
		"more follows, none at all": {sealedPart(key, 0, 0), 0},
	} {
		if _, err := decodePart(key, p.value, p.number); !errors.Is(err, ErrCorrupt) {
			t.Errorf("part: %s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*manifest){
		"id twice":   func(m *manifest) { m.runs[1].id = 7 },
		"empty run":  func(m *manifest) { m.runs[1].n = 0 },
		"past 2^40":  func(m *manifest) { m.runs[2].n = MaxNumber },
		"n overflow": func(m *manifest) { m.runs[2].n = 1<<64 - 1 },
	} {
		m := testManifest()
		change(m)
		if _, err := parseManifest(m.append(nil)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("manifest: %s: %v", name, err)
		}
	}
	v := testManifest().append(nil)
	v[28]++ // cursor
	seal(manifestKey, v, manifestVersion)
	if _, err := parseManifest(v); !errors.Is(err, ErrCorrupt) {
		t.Errorf("manifest: wrong cursor: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(testManifest().append(nil))
	f.Add((&manifest{}).append(nil))
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) >= 5 {
			seal(manifestKey, v, v[0]) // random bytes never have the right checksum
		}
		m, err := parseManifest(v)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%v", err)
			}
			return
		}
		if again := m.append(nil); !bytes.Equal(again, v) {
			t.Fatalf("%x comes back as %x", v, again)
		}
	})
}

func FuzzPart(f *testing.F) {
	key := appendPartKey(nil, 3, 4, 0)
	f.Add(sealedPart(key, 5, flagLast), uint32(0))
	f.Add(sealedPart(key, partEntries, 0), uint32(3))
	f.Fuzz(func(t *testing.T, v []byte, number uint32) {
		if len(v) >= 5 {
			seal(key, v, v[0])
		}
		p, err := decodePart(key, v, number)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%v", err)
			}
			return
		}
		var got keep
		w := newRunWriter(&got, run{id: 3, n: 1})
		w.bucket = 4
		for i := range p.len() {
			if err := w.add(p.at(i)); err != nil {
				t.Fatal(err)
			}
		}
		flags := byte(0)
		if p.last {
			flags = flagLast
		}
		if err := w.flush(flags); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.value, v) {
			t.Fatalf("%x comes back as %x", v, got.value)
		}
	})
}

// keep is a sink that keeps the last value.
type keep struct{ value []byte }

func (k *keep) set(_, value []byte) error {
	k.value = bytes.Clone(value)
	return nil
}

func FuzzPartKey(f *testing.F) {
	f.Add(appendPartKey(nil, 1, 2, 3))
	f.Fuzz(func(t *testing.T, key []byte) {
		id, bucket, n, err := parsePartKey(key)
		if err == nil && !bytes.Equal(appendPartKey(nil, id, bucket, n), key) {
			t.Fatalf("%x comes back as another key", key)
		}
	})
}
