// Package fatal makes errors of what Pebble ends a process for. Where Pebble no longer knows what is on disk it calls Fatalf of its
// logger, which must not return, or panics itself, and only opening the database again tells. A call of ours that was the cause turns
// the panic into its error by Rescue; in the background it ends the process, and so it does where a write changes to a new log, since
// Pebble then unlocks twice on its way out.
package fatal

import (
	"runtime"

	"github.com/cockroachdb/pebble/v2"
)

// An Error is what a logger's Fatalf panics with.
type Error string

func (e Error) Error() string { return string(e) }

// Rescue, deferred, turns a panic of Pebble about an error of the disk into err.
func Rescue(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		panic(r)
	case error:
		*err = r
	default:
		panic(r)
	}
}

// Commit commits a batch and syncs it.
func Commit(b *pebble.Batch) (err error) {
	defer Rescue(&err)
	return b.Commit(pebble.Sync)
}
