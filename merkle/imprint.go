package merkle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// A Digest is a SHA-256 value: what every node above the leaves holds. Clients choose leaves, so the zero Digest is a
// value like any other and never means "absent".
type Digest [sha256.Size]byte

// String returns d in lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// An Algorithm is a KSI hash algorithm id: the first byte of an imprint.
type Algorithm uint8

// The KSI hash algorithms. 0x03, 0x06 and 0x7e are never valid.
const (
	SHA1      Algorithm = 0x00 // deprecated since 2016-07-01: read in old signatures, never filed
	SHA256    Algorithm = 0x01
	RIPEMD160 Algorithm = 0x02
	SHA384    Algorithm = 0x04
	SHA512    Algorithm = 0x05
	SHA3_224  Algorithm = 0x07
	SHA3_256  Algorithm = 0x08
	SHA3_384  Algorithm = 0x09
	SHA3_512  Algorithm = 0x0a
	SM3       Algorithm = 0x0b
)

// MaxDigestSize is the size in bytes of the longest digest of any Algorithm; an imprint is at most one byte longer.
const MaxDigestSize = 64

var algorithms = [...]struct {
	name string
	size uint8
}{
	SHA1:      {"sha1", 20},
	SHA256:    {"sha256", 32},
	RIPEMD160: {"ripemd160", 20},
	SHA384:    {"sha384", 48},
	SHA512:    {"sha512", 64},
	SHA3_224:  {"sha3-224", 28},
	SHA3_256:  {"sha3-256", 32},
	SHA3_384:  {"sha3-384", 48},
	SHA3_512:  {"sha3-512", 64},
	SM3:       {"sm3", 32},
}

// Size returns the digest size of a in bytes, 0 if a is not a KSI algorithm.
func (a Algorithm) Size() int {
	if int(a) >= len(algorithms) {
		return 0
	}
	return int(algorithms[a].size)
}

// String returns the lower-case name of a, as SQL and the command line spell it: "sha256", "sha3-512".
func (a Algorithm) String() string {
	if a.Size() == 0 {
		return fmt.Sprintf("algorithm 0x%02x", uint8(a))
	}
	return algorithms[a].name
}

// ParseAlgorithm returns the algorithm that String calls name.
func ParseAlgorithm(name string) (Algorithm, error) {
	for a, x := range algorithms {
		if x.size != 0 && x.name == name {
			return Algorithm(a), nil
		}
	}
	return 0, fmt.Errorf("unknown hash algorithm %q", name)
}

// An Imprint is a digest with its algorithm. Imprints are comparable. The zero Imprint is none: IsZero reports it, and
// no function of this package returns it without an error.
type Imprint struct {
	size uint8 // of the digest in bytes; 0 only in the zero Imprint
	alg  Algorithm
	d    [MaxDigestSize]byte
}

// ErrImprint is wrapped by the errors of NewImprint and ParseImprint.
var ErrImprint = errors.New("malformed imprint")

// NewImprint returns the imprint of a digest. The digest must have exactly the size of alg.
func NewImprint(alg Algorithm, digest []byte) (Imprint, error) {
	if alg.Size() == 0 {
		return Imprint{}, fmt.Errorf("%w: no hash algorithm has id 0x%02x", ErrImprint, uint8(alg))
	}
	if len(digest) != alg.Size() {
		return Imprint{}, fmt.Errorf("%w: %s digest of %d bytes, want %d", ErrImprint, alg, len(digest), alg.Size())
	}
	im := Imprint{size: uint8(len(digest)), alg: alg}
	copy(im.d[:], digest)
	return im, nil
}

// ParseImprint reads b, the algorithm id and then exactly its digest, as KSI writes an imprint.
func ParseImprint(b []byte) (Imprint, error) {
	if len(b) == 0 {
		return Imprint{}, fmt.Errorf("%w: empty", ErrImprint)
	}
	return NewImprint(Algorithm(b[0]), b[1:])
}

// Imprint returns d as a SHA-256 imprint.
func (d Digest) Imprint() Imprint {
	im := Imprint{size: sha256.Size, alg: SHA256}
	copy(im.d[:], d[:])
	return im
}

// IsZero reports whether im is the zero Imprint, which is none.
func (im *Imprint) IsZero() bool { return im.size == 0 }

// Algorithm returns the algorithm of im.
func (im *Imprint) Algorithm() Algorithm { return im.alg }

// Digest returns the digest of im without the algorithm. The caller must not change it.
func (im *Imprint) Digest() []byte { return im.d[:im.size] }

// Len returns the length of im in bytes, the algorithm id included.
func (im *Imprint) Len() int { return 1 + int(im.size) }

// Append appends im to dst, algorithm id first.
func (im *Imprint) Append(dst []byte) []byte {
	return append(append(dst, byte(im.alg)), im.d[:im.size]...)
}

// String returns im in lower-case hex, algorithm id first.
func (im Imprint) String() string { return hex.EncodeToString(im.Append(nil)) }
