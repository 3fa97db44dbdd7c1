//go:build !linux

package main

import "time"

var start = time.Now()

// threadTime returns the time that has passed; there is no better clock here.
func threadTime() time.Duration { return time.Since(start) }

// processTime is threadTime.
func processTime() time.Duration { return threadTime() }
