//go:build !unix

package host

import "io/fs"

// Owner returns the id of the user to whom a file belongs; false where the operating system does not tell.
func Owner(fs.FileInfo) (uid int, ok bool) { return 0, false }

// Denied reports whether this process is not allowed to read and write a file; false where the operating system does not tell.
func Denied(string) bool { return false }
