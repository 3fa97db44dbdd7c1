//go:build !linux

package main

import "time"

// threadTime returns the time that has passed; there is no better clock here.
func threadTime() time.Duration { return wallTime() }

// processTime is threadTime.
func processTime() time.Duration { return threadTime() }
