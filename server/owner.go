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

// CheckOwner returns why a server that runs as a user must not work in a data directory: something of the store or the index belongs to
// another user, and the server is root's, so that it would leave files which the other cannot read, or may not write that. Of a user
// that is not this process's own, as the doctor asks when root runs it, it may not write what belongs to another.
func CheckOwner(dir string, as int) error {
	owner := ownerOf(dir)
	for _, part := range []string{StoreDir, IndexDir} {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, part))
		if err != nil {
			continue // there is nothing yet, or who opens it says what is wrong
		}
		err = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			other := ownerOf(path)
			switch {
			case errors.Is(err, fs.ErrNotExist): // removed meanwhile, by a server that still ends
				return nil
			case d != nil && d.Name() == "lost+found":
				return fs.SkipDir
			case other < 0 || other == as || as == os.Geteuid() && as != 0 && !host.Denied(path):
				return err
			case other == owner:
				return fmt.Errorf("%s belongs to user %s, and this runs as %s: run it as %[2]s, or as root hand the directory over: chown -R %[3]s %[4]s",
					path, userName(other), userName(as), dir)
			}
			return fmt.Errorf("%s belongs to user %s, not to %s: something was run there as %[2]s; as root, run chown -R %[3]s %[4]s",
				path, userName(other), userName(as), dir)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ownerOf returns the user to whom a file belongs, negative where that cannot be told.
func ownerOf(path string) int {
	if info, err := os.Lstat(path); err == nil {
		if uid, ok := host.Owner(info); ok {
			return uid
		}
	}
	return -1
}

// userName returns the name of a user, or the id of one who has none.
func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
