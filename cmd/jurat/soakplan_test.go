package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A plan is what is done in one life of the server, and to its files afterwards. It follows from the seed and the number of the life
// alone, whatever lives before have come to.
type plan struct {
	number int
	fault  fault
	load   time.Duration // how long clients file before the fault, and after it
	bulk   bool          // somebody files a great many
	backup bool          // one is made under load
	stop   bool          // the life ends by SIGTERM, not by SIGKILL
	tear   bool          // what was not durable of the log is damaged after SIGKILL
	lost   bool          // the data directory is lost to damage, and restored from the last backup
	fails  diskFailure   // of ioError
	steps  []clockStep   // of badClock
	rest   uint64        // seed of what does not shape the plan
}

// A fault is what happens to the server in a life.
type fault string

// Faults of a life.
const (
	noFault  fault = "none"
	ioError  fault = "EIO"
	fullDisk fault = "full disk"
	badClock fault = "clock"
)

// A clockStep is one thing that a clock does.
type clockStep struct {
	kind clockFault
	by   time.Duration
}

// A clockFault is a kind of what a clock does.
type clockFault string

// Faults of a clock.
const (
	clockBack   clockFault = "set back"
	clockFrozen clockFault = "stood still"
	clockAhead  clockFault = "jumped ahead, confirmed"
	clockWrong  clockFault = "jumped ahead, set right again"
)

// ioErrors are the operations that may fail, After at most so many. Beside bulk loads the log is written once a second and hardly more.
var ioErrors = []diskFailure{
	{Ops: []errorfs.OpKind{errorfs.OpFileWrite}, Of: ".log", After: 40},
	{Ops: []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, Of: ".log", After: 20},
	{Ops: []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileWriteAt}, Of: ".sst", After: 4},
	{Ops: []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, Of: ".sst", After: 3},
	{Ops: []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData}, Of: "MANIFEST", After: 3},
	{Ops: []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpCreate}, Of: ".index-run", After: 2},
	{Ops: []errorfs.OpKind{errorfs.OpCreate, errorfs.OpRename, errorfs.OpLink, errorfs.OpRemove}, Of: "", After: 5},
	{Ops: []errorfs.OpKind{errorfs.OpFileReadAt, errorfs.OpFileRead}, Of: "", After: 10},
}

// planLife makes the plan of a life.
func planLife(seed uint64, number int) *plan {
	r := rand.New(rand.NewPCG(seed, uint64(number)))
	ms := func(from, to int) time.Duration { return time.Duration(from+r.IntN(to-from)) * time.Millisecond }
	p := &plan{
		number: number,
		fault:  []fault{noFault, noFault, noFault, ioError, ioError, fullDisk, badClock}[r.IntN(7)],
		load:   ms(300, 1500),
		bulk:   r.IntN(4) == 0,
		backup: r.IntN(2) == 0,
		stop:   r.IntN(3) == 0,
		tear:   r.IntN(2) == 0,
		lost:   r.IntN(6) == 0,
		fails:  ioErrors[r.IntN(len(ioErrors))],
		rest:   r.Uint64(),
	}
	p.fails.After, p.fails.Lasting = r.IntN(p.fails.After), r.IntN(2) == 0
	p.bulk = p.bulk || p.fault == ioError && p.fails.Of != ".log" // so that tables and runs of the index are written
	for range 1 + r.IntN(2) {
		step := clockStep{kind: []clockFault{clockBack, clockFrozen, clockAhead, clockWrong}[r.IntN(4)]}
		switch step.kind {
		case clockBack:
			step.by = ms(1000, 3000)
		case clockFrozen:
			step.by = ms(300, 2000)
		default:
			step.by = soakClockJump + ms(1000, 2500)
		}
		p.steps = append(p.steps, step)
	}
	return p
}

// String returns what a log tells of a plan.
func (p *plan) String() string {
	s := fmt.Sprintf("life %d: fault %s", p.number, p.fault)
	switch p.fault {
	case ioError:
		s += fmt.Sprintf(" %+v", p.fails)
	case badClock:
		s += fmt.Sprintf(" %v", p.steps)
	}
	for what, done := range map[string]bool{"bulk": p.bulk, "backup": p.backup, "SIGTERM": p.stop, "torn": p.tear, "lost": p.lost} {
		if done {
			s += ", " + what
		}
	}
	return s
}
