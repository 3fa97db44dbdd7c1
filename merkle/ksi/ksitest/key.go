// Package ksitest makes calendar keys for tests.
package ksitest

import (
	"crypto/rand"
	"crypto/rsa"
	"time"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// NewKey returns a calendar key of so many bits and its certificate, as ksi.NewCalendarCertificate makes it. A large key takes long.
func NewKey(bits int, commonName string, from, now time.Time) (*rsa.PrivateKey, ksi.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	der, err := ksi.NewCalendarCertificate(rand.Reader, key, commonName, from, now)
	if err != nil {
		panic(err)
	}
	cert, err := ksi.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return key, cert
}
