package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/server/gateway"
	"github.com/jurat-ledger/jurat/server/ledger"
)

// A gatewaySource is the ledger as the KSI gateway sees it.
type gatewaySource struct {
	ledger    *ledger.Ledger
	publisher *publisher
	filed     *gatewayFiled
	now       func() time.Time
}

// gatewayFiled is how much was filed through the gateway.
type gatewayFiled struct{ leaves, bytes atomic.Uint64 }

// gatewayError turns the ledger's errors into what a KSI client is told. What is no error of those is an internal one.
func gatewayError(err error) error {
	if errors.Is(err, ledger.ErrRole) {
		return &gateway.Error{Status: pdu.AuthenticationFailure, Message: ledger.ErrRole.Error()}
	}
	for _, told := range []error{ledger.ErrClockJump, ledger.ErrDiskFull, ledger.ErrCertificateEnds, ledger.ErrStopped, ledger.ErrReadOnly} {
		if errors.Is(err, told) {
			return &gateway.Error{Status: pdu.InternalError, Message: told.Error()}
		}
	}
	return err
}

// Key returns the key of a role that may log in.
func (s gatewaySource) Key(login string) ([]byte, bool) {
	key, ok := s.ledger.KSIKey(login)
	r, _ := s.ledger.Role(login)
	return key, ok && r.MayLogIn(s.now())
}

func (s gatewaySource) Sign(ctx context.Context, agency string, root merkle.Imprint) ([]byte, error) {
	r := &ledger.Request{Agency: agency, Parts: []ledger.Part{{Lane: ledger.LaneKSI}}}
	r.Parts[0].Leaves.Append(root)
	filings, err := s.ledger.Append(ctx, r)
	if err != nil {
		return nil, gatewayError(err)
	}
	s.filed.leaves.Add(1)
	s.filed.bytes.Add(uint64(len(root.Digest())))
	f := filings[0]
	signature, err := s.ledger.Signature(ctx, ledger.Position{Round: f.Round, Slot: f.Slot, Index: f.First})
	return signature, gatewayError(err)
}

func (s gatewaySource) CalendarChain(_ context.Context, from, to calendar.Second) (calendar.Chain, merkle.Digest, error) {
	links, leaf, _, err := s.ledger.CalendarChain(from, to)
	return links, leaf, err
}

func (s gatewaySource) Extent() (first, closed, open calendar.Second) { return s.ledger.Extent() }

func (s gatewaySource) PublicationsFile(context.Context) ([]byte, error) {
	file, err := s.publisher.publicationsFile()
	if err != nil {
		return nil, err
	}
	return file.Append(nil), nil
}
