package query

import "github.com/jurat-ledger/jurat/merkle/receipt"

// A Receipt is the text name of a leaf, "2026-11-22T01:15:30Z/jura/main/42".
type Receipt = receipt.Name
