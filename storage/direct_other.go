//go:build !linux

package storage

// directDisk has no files for direct writing.
var directDisk directFS
