package main

import (
	"testing"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// Who filed is the outermost issuer: the inner ones are the client's own words.
func TestClaims(t *testing.T) {
	var r verifyReport
	r.name([]ksi.Issuer{{Client: "ministry", Machine: "jurat/main"}, {Client: "canton", Machine: "jurat/ksi"}})
	if r.Agency != "canton" || r.Lane != "jurat/ksi" || len(r.Claims) != 1 || r.Claims[0] != "ministry" {
		t.Errorf("%+v", r)
	}
	r = verifyReport{}
	r.name(nil)
	if r.Agency != "" || r.Claims != nil {
		t.Errorf("%+v", r)
	}
}
