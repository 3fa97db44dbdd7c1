package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// errCannotCompute says that a hash algorithm is not available.
var errCannotCompute = errors.New("this program cannot compute")

// hashFile returns the imprint of a file. It says on standard error how far it is with a large one.
func hashFile(path string, algorithm merkle.Algorithm) (merkle.Imprint, error) {
	h, ok := ksi.Hash(algorithm)
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
