package fn

import "github.com/jurat-ledger/jurat/query/value"

var functionOIDs = map[string]value.OID{}

var operatorOIDs = map[string]value.OID{}
