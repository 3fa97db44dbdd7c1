package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Usage is what a server has cost since it started, its child processes included.
type Usage struct {
	CPU     time.Duration // of all processors
	Written int64         // bytes sent towards the disk
	// Resident and Peak are the memory of the process now and at most, in bytes. Of a server of many processes, which share
	// memory, they tell nothing.
	Resident, Peak int64
}

// tick is the unit of the processor time of processes that have ended, on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Usage returns what the server has cost so far.
func (s *Server) Usage() (Usage, error) {
	root := strconv.Itoa(s.cmd.Process.Pid)
	children, err := os.ReadFile(filepath.Join("/proc", root, "task", root, "children"))
	if err != nil {
		return Usage{}, fmt.Errorf("what the server costs cannot be read; benchmarks of servers need Linux: %w", err)
	}
	u, err := processUsage(root)
	if err != nil {
		return Usage{}, err
	}
	for _, pid := range strings.Fields(string(children)) {
		child, err := processUsage(pid)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended meanwhile
		} else if err != nil {
			return Usage{}, err
		}
		u.CPU += child.CPU
		u.Written += child.Written
	}
	return u, nil
}

func processUsage(pid string) (u Usage, err error) {
	dir := filepath.Join("/proc", pid)
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return u, fmt.Errorf("/proc/%s/stat is %q", pid, stat)
	}
	for _, f := range fields[13:15] { // user and system time of children that have ended
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(n) * tick
	}
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	if err != nil {
		return u, err
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(n)
	}
	if u.Written, err = writtenBy(dir); err != nil {
		return u, err
	}
	status, err := colonValues(filepath.Join(dir, "status"), " kB")
	u.Resident, u.Peak = status["VmRSS"]<<10, status["VmHWM"]<<10
	return u, err
}

func writtenBy(dir string) (int64, error) {
	io, err := colonValues(filepath.Join(dir, "io"), "")
	return io["write_bytes"] - io["cancelled_write_bytes"], err
}

// colonValues reads the numbers of a file with lines "name: number", whatever follows the number being unit.
func colonValues(path, unit string) (map[string]int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := make(map[string]int64)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), unit), 10, 64); err == nil {
			values[name] = n
		}
	}
	return values, nil
}

// How Settle decides that a server is idle: for quietFor, it uses less than a part quietShare of one processor in every
// quietStep. A server that closes a round each second stays below.
const (
	quietStep    = 100 * time.Millisecond
	quietFor     = 5
	quietShare   = 0.10
	settleWithin = 10 * time.Minute
)

// Settle waits until the server has done all work that was left over, for atLeast in any case, and returns since when it is
// idle.
func (s *Server) Settle(ctx context.Context, atLeast time.Duration) (since time.Time, err error) {
	pace := time.NewTicker(quietStep)
	defer pace.Stop()
	before, err := s.Usage()
	if err != nil {
		return since, err
	}
	since = time.Now()
	start := since
	for at, quiet := since, 0; quiet < quietFor || at.Sub(start) < atLeast; {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return since, context.Cause(ctx)
		}
		u, err := s.Usage()
		if err != nil {
			return since, err
		}
		now := time.Now()
		if quiet++; (u.CPU - before.CPU).Seconds() > quietShare*now.Sub(at).Seconds() {
			quiet, since = 0, now
		}
		if now.Sub(start) > settleWithin {
			return since, fmt.Errorf("%s is still busy after %v", s.Target.Name, settleWithin)
		}
		before, at = u, now
	}
	return since, nil
}
