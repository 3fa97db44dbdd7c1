//go:build !linux

package largepage

// advise does nothing.
func advise([]byte) (skip int) { return 0 }
