package storage

import (
	"os"
	"syscall"
)

// directDisk is the disk of the machine.
var directDisk directFS = linuxDisk{}

type linuxDisk struct{}

// CreateDirect fails, too, where the file system has no files for direct writing.
func (linuxDisk) CreateDirect(name string) (directWriter, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_DIRECT, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}
