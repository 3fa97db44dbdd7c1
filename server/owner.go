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

// CheckOwner returns why this process must not write into a data directory: something of the store or the index belongs to another user, or this
// is root and the directory is not its own, so that root would leave files that its user cannot read. A volume that was made for the user
// of the process by somebody else, as containers have them, is as good as its own. So is a directory that does not exist.
func CheckOwner(dir string) error {
	me := os.Geteuid()
	owner, err := ownerOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if me == 0 && owner > 0 {
		return anothers(dir, dir, owner, me)
	}
	for _, part := range []string{StoreDir, IndexDir} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // or removed meanwhile, by a server that still ends
			}
			switch other, statErr := ownerOf(path); {
			case statErr != nil || other < 0 || other == me:
				return err
			case other == owner:
				return anothers(path, dir, other, me)
			default:
				return fmt.Errorf("%s belongs to user %s: something was run there as %[2]s, and this runs as %[3]s; as root, run chown -R %[3]s %[4]s",
					path, userName(other), userName(me), dir)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// anothers is the error for a data directory of another user, which path shows.
func anothers(path, dir string, owner, me int) error {
	return fmt.Errorf("%s belongs to user %s, and this runs as %s: run it as %[2]s, or as root hand the directory over: chown -R %[3]s %[4]s",
		path, userName(owner), userName(me), dir)
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
