package server

import (
	"context"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
)

func (s source) SealPath(ctx context.Context, p query.Position, profile *seal.Profile) (*seal.Path, error) {
	path, err := s.ledger.SealPath(ctx, ledger.Position(p), profile)
	return path, clientError(err)
}

func (s source) Landmarks(_ context.Context, dst []merkle.Digest, first uint64) error {
	return clientError(s.ledger.Landmarks(dst, first))
}

func (s source) LandmarksFile(_ context.Context, from calendar.Second) ([]byte, error) {
	f, err := s.ledger.LandmarksFile(from)
	if err != nil {
		return nil, clientError(err)
	}
	return f.Append(nil), nil
}

func (s source) BlockDetail(_ context.Context, block uint64) ([]byte, error) {
	d, err := s.ledger.BlockDetail(block)
	if err != nil {
		return nil, clientError(err)
	}
	return d.Append(nil), nil
}
