package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
)

// helperNodes is about how many nodes a helper makes at a time: enough that being woken costs little beside.
const helperNodes = 1 << 21

// treesOfHelper returns how many trees over 2^lg leaves a helper builds at a time.
func treesOfHelper(lg int) int { return max(1, helperNodes>>lg) }

// help builds trees over 2^lg leaves with one goroutine for every byte of standard input, and answers with the root and the
// nanoseconds that it took, 8 bytes, big-endian.
func help(lg int) error {
	leaves := makeLeaves(lg)
	var word [1]byte
	for {
		if _, err := io.ReadFull(os.Stdin, word[:]); err != nil {
			return nil // nobody needs it any more
		}
		var root merkle.Digest
		began := wallTime()
		for range treesOfHelper(lg) {
			root = jurat(leaves, 1)
		}
		if _, err := os.Stdout.Write(binary.BigEndian.AppendUint64(root[:], uint64(wallTime()-began))); err != nil {
			return err
		}
	}
}

// A helper is a process that runs help.
type helper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// helped returns a contestant of so many processes that build trees over 2^lg leaves at once, and what ends them. Its time
// is that of their rates added up: nobody waits for the slower one, or for being woken.
func helped(lg, processes int) (*contestant, func() error, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	all := make([]helper, processes)
	for i := range all {
		h := helper{cmd: exec.Command(self, "-helper", fmt.Sprint(lg))}
		h.cmd.Stderr = os.Stderr
		var in, out, started error
		h.in, in = h.cmd.StdinPipe()
		h.out, out = h.cmd.StdoutPipe()
		if in == nil && out == nil {
			started = h.cmd.Start()
		}
		if err := errors.Join(in, out, started); err != nil {
			return nil, nil, err
		}
		all[i] = h
	}
	var took float64 // nanoseconds
	build := func() (root merkle.Digest) {
		for _, h := range all {
			if _, err := h.in.Write([]byte{1}); err != nil {
				panic(err)
			}
		}
		var rates float64
		for _, h := range all {
			var answer [len(root) + 8]byte
			if _, err := io.ReadFull(h.out, answer[:]); err != nil {
				panic(err)
			}
			root = merkle.Digest(answer[:len(root)])
			rates += 1 / float64(binary.BigEndian.Uint64(answer[len(root):]))
		}
		took += float64(processes) / rates
		return root
	}
	end := func() error {
		var errs []error
		for _, h := range all {
			errs = append(errs, h.in.Close(), h.cmd.Wait())
		}
		return errors.Join(errs...)
	}
	return &contestant{
		name: fmt.Sprintf("jurat/processes=%d", processes), build: build, trees: processes * treesOfHelper(lg),
		clock: func() time.Duration { return time.Duration(took) },
	}, end, nil
}

var start = time.Now()

func wallTime() time.Duration { return time.Since(start) }
