package server

import (
	"github.com/jurat-ledger/jurat/internal/receiptpage"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

func (s source) ReceiptPage(r *receipt.Record, sealed *seal.Seal) ([]byte, error) {
	page, err := receiptpage.New(r, sealed)
	if err != nil {
		return nil, err
	}
	return page.PDF()
}
