package query

import (
	"bytes"
	"context"
	"math"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// An Export is a bundle that is being made.
type Export interface {
	// Next returns the next bytes of the bundle, valid until the call after; io.EOF ends.
	Next(ctx context.Context) ([]byte, error)
	// Close ends the export, whole or not.
	Close() error
}

// mayExport returns an error unless a session may have the filings of an agency.
func mayExport(s *Session, agency string) error {
	denied := errf(codeNoPrivilege, "permission denied for the filings of %q", agency).on(agency)
	switch own := s.visibleAgency(); {
	case !s.role.Kind.readsFilings():
		return denied.hint("Operators see no filings.")
	case own != "" && own != agency:
		return denied.hint("An agency sees its own filings alone.")
	}
	return nil
}

// exportFunctions are those by which jurat export reads a ledger.
func (c *ledgerCalls) exportFunctions() []*fn.Function {
	moment := value.TimestamptzOID
	args := []value.OID{value.TextOID, moment, moment, value.BoolOID, value.TextOID}
	columns := []fn.Column{{Name: "at", Type: value.Int8OID}, {Name: "data", Type: value.ByteaOID}}
	return []*fn.Function{
		{OID: 16527, Name: "export_bundle", Args: args[:4], Ret: value.RecordOID, Volatility: fn.Volatile, Columns: columns, Series: c.exportBundle},
		{OID: 16528, Name: "export_bundle", Args: args, Ret: value.RecordOID, Volatility: fn.Volatile, Columns: columns, Series: c.exportBundle},
	}
}

// exportBundle gives, part by part, the bundle of what an agency filed in a span of time, null standing for no bound, with
// proofs that rest on the newest publication where the fourth argument is true; of one lane alone if a fifth names it.
func (c *ledgerCalls) exportBundle(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	if args[0].Null {
		return nil, errf(value.CodeNullNotAllowed, "the agency must not be null")
	}
	agency := string(args[0].B)
	if err := mayExport(env.Session.(*Session), agency); err != nil {
		return nil, err
	}
	from, to := calendar.Second(0), calendar.Second(math.MaxInt64)
	for i, op := range []ConstraintOp{GreaterEqual, LessEqual} {
		if !args[1+i].Null {
			narrowRounds(&from, &to, Constraint{Op: op, Values: []value.Datum{args[1+i]}}, value.Timestamptz)
		}
	}
	lane := ""
	if len(args) > 4 && !args[4].Null && len(args[4].B) > 0 {
		lane = string(args[4].B)
		if err := checkLane(lane); err != nil {
			return nil, err
		}
	}
	e, err := c.ledger.Export(env.Ctx, agency, lane, from, to, args[3].Bool())
	if err != nil {
		return nil, err
	}
	at := int64(0)
	return &closedSeries{Closer: e, batchSeries: batchSeries{more: func(ctx context.Context) ([][]value.Datum, error) {
		data, err := e.Next(ctx)
		if err != nil {
			return nil, err
		}
		at += int64(len(data))
		return [][]value.Datum{{value.NewInt(value.Int8, at-int64(len(data))), value.NewBytes(value.Bytea, bytes.Clone(data))}}, nil
	}}}, nil
}
