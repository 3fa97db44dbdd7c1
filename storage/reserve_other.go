//go:build !linux

package storage

import "github.com/cockroachdb/pebble/v2/vfs"

// reserve does nothing here.
func reserve(vfs.File, int64) {}
