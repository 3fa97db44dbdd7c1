package main

import (
	"crypto"
	_ "crypto/sha1" // algorithms that proofs name
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jurat-ledger/jurat/merkle"
)

var hashes = map[merkle.Algorithm]crypto.Hash{
	merkle.SHA1:     crypto.SHA1,
	merkle.SHA256:   crypto.SHA256,
	merkle.SHA384:   crypto.SHA384,
	merkle.SHA512:   crypto.SHA512,
	merkle.SHA3_224: crypto.SHA3_224,
	merkle.SHA3_256: crypto.SHA3_256,
	merkle.SHA3_384: crypto.SHA3_384,
	merkle.SHA3_512: crypto.SHA3_512,
}

// errCannotCompute says that an algorithm is not among hashes.
var errCannotCompute = errors.New("this program cannot compute")

// hashFile returns the imprint of a file. It says on standard error how far it is with a large one.
func hashFile(path string, algorithm merkle.Algorithm) (merkle.Imprint, error) {
	h, ok := hashes[algorithm]
	if !ok {
		return merkle.Imprint{}, fmt.Errorf("%w %s", errCannotCompute, algorithm)
	}
	f, err := os.Open(path)
	if err != nil {
		return merkle.Imprint{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return merkle.Imprint{}, err
	}
	if info.IsDir() {
		return merkle.Imprint{}, fmt.Errorf("%s is a directory: give files", path)
	}
	state := h.New()
	progress := newProgress("hashing "+path, info.Size())
	defer progress.done()
	if _, err := io.Copy(io.MultiWriter(state, progress), f); err != nil {
		return merkle.Imprint{}, err
	}
	return merkle.NewImprint(algorithm, state.Sum(nil))
}
