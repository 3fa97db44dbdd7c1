package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime returns the processor time that this thread has had: waiting for a busy neighbour does not count.
func threadTime() time.Duration { return read(unix.CLOCK_THREAD_CPUTIME_ID) }

// processTime returns the processor time of all threads.
func processTime() time.Duration { return read(unix.CLOCK_PROCESS_CPUTIME_ID) }

func read(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
