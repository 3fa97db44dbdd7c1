//go:build !linux

package storage

import "github.com/cockroachdb/pebble/v2/objstorage"

// createDirect has no files that are written past the cache of the operating system.
func createDirect(string, *[]byte) (objstorage.Writable, bool) { return nil, false }
