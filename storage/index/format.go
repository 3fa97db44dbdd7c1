package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

// prefix is the first byte of all keys of the index.
const prefix = 'X'

// Format versions. A version is only ever raised, and says what it guarantees.
const (
	manifestVersion = 2 // runs with consecutive numbers, hashed by SipHash-1-3; those in files are marked
	manifestInline  = 1 // the same, all in the database
	partVersion     = 1 // entries of 55 - b + b + 9 bits in ascending order of number
)

// Kinds of keys, their second byte.
const (
	kindManifest = 0
	kindRun      = 1
)

// numberBits is how many bits of an entry hold its number in a run of one bucket, and log2 of what a bucket holds on
// average at most. The other bits of the 64 are hash; hash bits beyond them are not stored.
const numberBits = 9

// partEntries is how many entries one value holds at most: 8 KiB. A bucket of uniform hashes never reaches it.
const partEntries = 1024

// Sizes of the fixed parts of values, in bytes.
const (
	manifestHead = 1 + 4 + 16 + 8
	manifestRun  = 8 + 8
	partHead     = 1 + 4 + 1
	partKeySize  = 1 + 1 + 8 + 4 + 4
)

// filedBit marks, in the number of entries of a run, one that has a file.
const filedBit = 1 << 63

var manifestKey = []byte{prefix, kindManifest}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A run is an immutable set of entries for the numbers first … first+n-1, each once.
type run struct {
	id    uint64
	first uint64
	n     uint64 // > 0
	filed bool   // has a file; else it is in the database
	file  *runFile

	filters *filters // nil for none
	held    *held    // nil for none
}

// end returns the number after the last one.
func (r *run) end() uint64 { return r.first + r.n }

// bucketBits returns b: the run has 2^b buckets, and numbers relative to its first one take b + numberBits bits.
func (r *run) bucketBits() uint { return bucketBits(r.n) }

func bucketBits(n uint64) uint {
	return uint(max(bits.Len64(n-1), numberBits)) - numberBits
}

// bucketOf returns the bucket of a hash among 2^b.
func bucketOf(hash uint64, b uint) uint32 { return uint32(hash >> (64 - b)) }

// makeEntry returns the entry of a hash and a number relative to the first of its run.
func makeEntry(hash, relative uint64, b uint) uint64 {
	return hash>>numberBits<<(numberBits+b) | relative
}

// splitEntry returns the hash, with zeros for the bits that are not stored, and the relative number of an entry.
func splitEntry(e uint64, bucket uint32, b uint) (hash, relative uint64) {
	w := numberBits + b
	return uint64(bucket)<<(64-b) | e>>w<<numberBits, e & (1<<w - 1)
}

// runStart returns the least key of a run.
func runStart(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte{prefix, kindRun}, id) }

// appendPartKey appends the key of a part of a bucket of a run.
func appendPartKey(dst []byte, id uint64, bucket, part uint32) []byte {
	dst = append(dst, prefix, kindRun)
	dst = binary.BigEndian.AppendUint64(dst, id)
	dst = binary.BigEndian.AppendUint32(dst, bucket)
	return binary.BigEndian.AppendUint32(dst, part)
}

// parsePartKey is the inverse of appendPartKey.
func parsePartKey(key []byte) (id uint64, bucket, part uint32, err error) {
	if len(key) != partKeySize || key[0] != prefix || key[1] != kindRun {
		return 0, 0, 0, fmt.Errorf("digest index: key %x: %w", key, ErrCorrupt)
	}
	return binary.BigEndian.Uint64(key[2:]), binary.BigEndian.Uint32(key[10:]), binary.BigEndian.Uint32(key[14:]), nil
}

// seal fills in the version and the checksum of a value whose other bytes are in place.
func seal(key, value []byte, version byte) {
	value[0] = version
	binary.BigEndian.PutUint32(value[1:], checksum(key, value))
}

// checksum returns the CRC-32C of a key and its value, the checksum itself left out. It stands in bytes 1 to 4 of every
// value of every version, so that a flipped bit is not taken for a new version.
func checksum(key, value []byte) uint32 {
	c := crc32.Update(0, castagnoli, key)
	c = crc32.Update(c, castagnoli, value[:1])
	return crc32.Update(c, castagnoli, value[5:])
}

// unseal checks length, checksum and version of a value.
func unseal(key, value []byte, head int, version byte) error {
	if len(value) < 5 {
		return fmt.Errorf("%d bytes: %w", len(value), ErrCorrupt)
	}
	if binary.BigEndian.Uint32(value[1:]) != checksum(key, value) {
		return fmt.Errorf("offset 1: checksum differs: %w", ErrCorrupt)
	}
	if value[0] != version {
		return fmt.Errorf("offset 0: version %d: %w", value[0], ErrVersion)
	}
	if len(value) < head {
		return fmt.Errorf("%d bytes: %w", len(value), ErrCorrupt)
	}
	return nil
}

// A part is the decoded value of one key of a run.
type part struct {
	entries []byte // 8 bytes each, big-endian; bytes of the value it was decoded from
	last    bool   // no further part of the bucket
}

func (p *part) len() int { return len(p.entries) / 8 }

func (p *part) at(i int) uint64 { return binary.BigEndian.Uint64(p.entries[8*i:]) }

// Flags of a part.
const flagLast = 1

// decodePart decodes the value of the key of part number in a bucket.
func decodePart(key, value []byte, number uint32) (part, error) {
	if err := unseal(key, value, partHead, partVersion); err != nil {
		return part{}, fmt.Errorf("digest index: key %x: %w", key, err)
	}
	p := part{entries: value[partHead:], last: value[5] == flagLast}
	n := p.len()
	switch {
	case value[5] > flagLast:
		return part{}, fmt.Errorf("digest index: key %x: offset 5: flags %#x: %w", key, value[5], ErrCorrupt)
	case len(p.entries)%8 != 0 || n > partEntries || n < partEntries && !p.last || n == 0 && number > 0:
		return part{}, fmt.Errorf("digest index: key %x: %d bytes: %w", key, len(value), ErrCorrupt)
	}
	return p, nil
}

// A manifest names the runs that make up the index.
type manifest struct {
	key  storedKey
	runs []run
}

func (m *manifest) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, 5)...)
	dst = append(dst, m.key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, (&view{runs: m.runs}).cursor())
	for _, r := range m.runs {
		dst = binary.BigEndian.AppendUint64(dst, r.id)
		n := r.n
		if r.filed {
			n |= filedBit
		}
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	seal(manifestKey, dst[start:], manifestVersion)
	return dst
}

// readManifest returns the stored manifest, nil if there is none.
func readManifest(db *pebble.DB) (*manifest, error) {
	value, closer, err := db.Get(manifestKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("digest index: manifest: %w", corrupt(err))
	}
	m, err := parseManifest(value)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("digest index: manifest: %w", err), closer.Close())
	}
	return m, closer.Close()
}

// parseManifest is the inverse of append.
func parseManifest(value []byte) (*manifest, error) {
	version := byte(manifestVersion)
	if len(value) > 0 && value[0] == manifestInline {
		version = manifestInline
	}
	if err := unseal(manifestKey, value, manifestHead, version); err != nil {
		return nil, err
	}
	list := value[manifestHead:]
	if len(list)%manifestRun != 0 || len(list) > maxRuns*manifestRun {
		return nil, fmt.Errorf("%d bytes: %w", len(value), ErrCorrupt)
	}
	m := &manifest{key: storedKey(value[5:21])}
	ids := make(map[uint64]bool)
	var next uint64
	for ; len(list) > 0; list = list[manifestRun:] {
		r := run{id: binary.BigEndian.Uint64(list), first: next, n: binary.BigEndian.Uint64(list[8:])}
		if version > manifestInline {
			r.filed, r.n = r.n&filedBit != 0, r.n&^filedBit
		}
		if r.n == 0 || r.n > MaxNumber-next || ids[r.id] {
			return nil, fmt.Errorf("run %d of %d leaves: %w", r.id, r.n, ErrCorrupt)
		}
		ids[r.id] = true
		next = r.end()
		m.runs = append(m.runs, r)
	}
	if c := binary.BigEndian.Uint64(value[21:]); c != next {
		return nil, fmt.Errorf("offset 21: cursor %d, runs to %d: %w", c, next, ErrCorrupt)
	}
	return m, nil
}
