package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/jurat-ledger/jurat/internal/host"
)

// CheckOwner returns why this process must not write into a data directory: it belongs to another user, who could not read what is made
// in it, or something of the store or the index in it does, which the user of the directory may not be able to write. A directory that
// does not exist is everybody's.
func CheckOwner(dir string) error {
	owner, err := ownerOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if me := os.Geteuid(); owner != me && owner >= 0 {
		return fmt.Errorf("%s belongs to user %s, and this runs as %s: run it as %[2]s, or as root hand the directory over: chown -R %[3]s %[1]s",
			dir, userName(owner), userName(me))
	}
	for _, part := range []string{StoreDir, IndexDir} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // or removed meanwhile, by a server that still ends
			}
			other, statErr := ownerOf(path)
			if statErr == nil && other != owner {
				return fmt.Errorf("%s belongs to user %s, not to %s as %s does: something was run there as %[2]s; as root, run chown -R %[3]s %[4]s",
					path, userName(other), userName(owner), dir)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ownerOf returns the user to whom a file belongs, negative where the operating system does not tell.
func ownerOf(path string) (uid int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if uid, ok := host.Owner(info); ok {
		return uid, nil
	}
	return -1, nil
}

// userName returns the name of a user, or the id of one who has none.
func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
