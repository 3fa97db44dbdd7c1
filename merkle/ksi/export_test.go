package ksi

import (
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// SetObsolete makes a obsolete from t on, until restore is called. No algorithm is obsolete today.
func SetObsolete(a merkle.Algorithm, t calendar.Second) (restore func()) {
	old := hashes[a]
	changed := old
	changed.obsolete = t
	hashes[a] = changed
	return func() { hashes[a] = old }
}
