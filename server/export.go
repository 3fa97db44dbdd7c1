package server

import (
	"context"
	"errors"
	"io"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
)

func (s source) Export(_ context.Context, agency, lane string, from, to calendar.Second, published bool) (query.Export, error) {
	e, err := s.ledger.ExportLane(agency, lane, from, to, published)
	if err != nil {
		return nil, clientError(err)
	}
	return export{e}, nil
}

// An export is one of the ledger as the query engine sees it.
type export struct{ *ledger.Export }

func (e export) Next(ctx context.Context) ([]byte, error) {
	data, err := e.Export.Next(ctx)
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	return data, clientError(err)
}
