package ksi

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // registers the algorithm of old signatures
	"crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"fmt"
	"math"

	//lint:ignore SA1019 for signatures of others: nothing here hashes anything new with it
	_ "golang.org/x/crypto/ripemd160"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// cannotCompute is the error for a hash algorithm that KSI defines and this program has not. A signature that needs it
// is neither right nor wrong.
type cannotCompute merkle.Algorithm

func (a cannotCompute) Error() string {
	return fmt.Sprintf("hash algorithm %s is not available here", merkle.Algorithm(a))
}

// hashes says how to compute an algorithm and since when not to trust it.
var hashes = map[merkle.Algorithm]struct {
	hash       crypto.Hash     // 0: not available
	deprecated calendar.Second // from then on; never if 0
	obsolete   calendar.Second // from then on; never if 0, which is so for all today
}{
	merkle.SHA1:      {hash: crypto.SHA1, deprecated: 1467331200}, // 2016-07-01T00:00:00Z
	merkle.SHA256:    {hash: crypto.SHA256},
	merkle.RIPEMD160: {hash: crypto.RIPEMD160},
	merkle.SHA384:    {hash: crypto.SHA384},
	merkle.SHA512:    {hash: crypto.SHA512},
	merkle.SHA3_224:  {hash: crypto.SHA3_224},
	merkle.SHA3_256:  {hash: crypto.SHA3_256},
	merkle.SHA3_384:  {hash: crypto.SHA3_384},
	merkle.SHA3_512:  {hash: crypto.SHA3_512},
	merkle.SM3:       {},
}

// Hash returns how to compute a. ok is false for SM3, which is not available here, and for what is none of KSI's.
func Hash(a merkle.Algorithm) (h crypto.Hash, ok bool) {
	h = hashes[a].hash
	return h, h.Available()
}

// obsolete reports whether a must not be relied on at all at time t.
func obsolete(a merkle.Algorithm, t calendar.Second) bool {
	since := hashes[a].obsolete
	return since != 0 && t >= since
}

// deprecated reports whether a must not be used for anything new at time t.
func deprecated(a merkle.Algorithm, t calendar.Second) bool {
	since := hashes[a].deprecated
	return since != 0 && t >= since || obsolete(a, t)
}

// hash returns the imprint under a of the parts one after the other. The error is cannotCompute.
func hash(a merkle.Algorithm, parts ...[]byte) (merkle.Imprint, error) {
	var buf [256]byte // on the stack, as long as nothing but Sum256 is given it
	m := buf[:0]
	for _, p := range parts {
		m = append(m, p...)
	}
	if a == merkle.SHA256 { // nearly always
		return merkle.Digest(sha256.Sum256(m)).Imprint(), nil
	}
	h, ok := Hash(a)
	if !ok {
		return merkle.Imprint{}, cannotCompute(a)
	}
	state := h.New()
	state.Write(bytes.Clone(m))
	im, err := merkle.NewImprint(a, state.Sum(nil))
	if err != nil {
		panic("ksi: hash of the wrong size: " + err.Error())
	}
	return im, nil
}

// An imprintBuffer has room for any imprint.
type imprintBuffer [1 + merkle.MaxDigestSize]byte

// step returns the node above h, which stands at level v, and its level. Parse has seen to it that levels do not pass
// 255.
func (l *link) step(a merkle.Algorithm, h merkle.Imprint, v int) (merkle.Imprint, int, error) {
	v += int(l.correction) + 1
	if v > math.MaxUint8 {
		panic("ksi: level beyond 255")
	}
	var own imprintBuffer
	left, right := h.Append(own[:0]), l.sibling
	if !l.left {
		left, right = right, left
	}
	h, err := hash(a, left, right, []byte{byte(v)})
	return h, v, err
}

// root returns the node at the end of the chain and its level, v being the level of the chain's input.
func (c *aggregationChain) root(v int) (merkle.Imprint, int, error) {
	h := c.input
	for i := range c.links {
		var err error
		if h, v, err = c.links[i].step(c.algorithm, h, v); err != nil {
			return merkle.Imprint{}, 0, err
		}
	}
	return h, v, nil
}

// shape returns the chain index that the directions of the links make: a leading one, then from root to leaf a one for
// each left link and a zero for each right one. ok is false if the chain is too long to have an index.
func (c *aggregationChain) shape() (index uint64, ok bool) {
	if len(c.links) > 63 {
		return 0, false
	}
	index = 1
	for i := len(c.links) - 1; i >= 0; i-- {
		index <<= 1
		if c.links[i].left {
			index |= 1
		}
	}
	return index, true
}

// output returns the imprint that the record hands to the first aggregation chain, whose input has algorithm a.
func (r *rfc3161Record) output(a merkle.Algorithm) (merkle.Imprint, error) {
	im, err := r.tstInfo.around(r.input)
	if err != nil {
		return im, err
	}
	if im, err = r.signedAttributes.around(im); err != nil {
		return im, err
	}
	return hash(a, im.Append(nil))
}

// around hashes the digest of im between prefix and suffix.
func (a *attributes) around(im merkle.Imprint) (merkle.Imprint, error) {
	return hash(a.algorithm, a.prefix, im.Digest(), a.suffix)
}
