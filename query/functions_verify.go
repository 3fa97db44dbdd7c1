package query

import (
	"context"
	"math/big"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// verifyColumns are the columns of verify.
var verifyColumns = []fn.Column{
	{Name: "verdict", Type: value.TextOID}, // OK, FAIL or NA
	{Name: "code", Type: value.TextOID},
	{Name: "rule", Type: value.TextOID},
	{Name: "reason", Type: value.TextOID},
	{Name: "agency", Type: value.TextOID},
	{Name: "lane", Type: value.TextOID},
	{Name: "round", Type: value.TimestamptzOID},
	{Name: "publication_time", Type: value.TimestamptzOID},
}

// verifyFunctions declares verify(digest, signature [, policy [, publication string]]).
func (c *ledgerCalls) verifyFunctions() []*fn.Function {
	args := []value.OID{value.ByteaOID, value.ByteaOID, value.TextOID, value.TextOID}
	var all []*fn.Function
	for n := 2; n <= len(args); n++ {
		all = append(all, &fn.Function{OID: 16510 + value.OID(n) - 2, Name: "verify", Args: args[:n], Ret: value.RecordOID,
			Volatility: fn.Stable, Columns: verifyColumns, Series: c.verify})
	}
	return append(all, &fn.Function{OID: 16513, Name: "signature_links", Args: args[:1], Ret: value.RecordOID, Strict: true,
		Volatility: fn.Immutable, Columns: linkColumns, Series: signatureLinks})
}

// verify gives one row: what the verification of a proof of a digest finds, under the policy general unless another is
// given. Certificates, publications and calendar are those of this server. It is not strict: with a null digest or proof
// it says NA, since a proof that is missing must not be missed in a list of those that do not verify.
func (c *ledgerCalls) verify(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	o, err := c.verifyOptions(env.Ctx, args[2:])
	if err != nil {
		return nil, err
	}
	row := verifyRow(ksi.Result{Verdict: ksi.NA, Code: ksi.GEN02, Sentence: "There is no digest or no proof: it is null."})
	if !args[0].Null && !args[1].Null {
		row = verified(env.Ctx, args[0].B, args[1].B, o)
	}
	return &rowSeries{rows: [][]value.Datum{row}}, env.Check() // a look at the calendar that was cut off is no verdict
}

// verifyOptions says what verify checks against, by its policy and publication string, which may be missing or null.
func (c *ledgerCalls) verifyOptions(ctx context.Context, args []value.Datum) (o ksi.Options, err error) {
	o.Policy = ksi.General
	if len(args) > 0 && !args[0].Null {
		if o.Policy, err = ksi.ParsePolicy(string(args[0].B)); err != nil {
			return o, errf(codeInvalidParameter, "%s", err.Error())
		}
	}
	if len(args) > 1 && !args[1].Null {
		p, err := ksi.ParsePublication(string(args[1].B))
		if err != nil {
			return o, errf(codeInvalidParameter, "%s", err.Error())
		}
		o.Publication = &p
	}
	if o.Policy != ksi.Internal {
		o.Extender = calendarOf{c.ledger}
		if o.PublicationsFile, err = c.ledger.PublicationsFile(ctx); o.PublicationsFile != nil {
			err = nil // that others do not accept its signature any more is nothing to the server, whose own file it is
		}
	}
	return o, err
}

// verified returns the row of verify for a proof of a digest.
func verified(ctx context.Context, digest, signature []byte, o ksi.Options) []value.Datum {
	s, err := ksi.Parse(signature)
	if err != nil {
		return verifyRow(ksi.Result{Verdict: ksi.FAIL, Code: ksi.Format,
			Sentence: "This is no whole, unchanged proof: " + err.Error() + "."})
	}
	row := verifyRow(verifyDigest(ctx, s, digest, o))
	if all := s.Issuers(); len(all) > 0 {
		last := all[len(all)-1]
		row[4], row[5] = value.NewText(last.Client), textOrNull(last.Machine[strings.LastIndexByte(last.Machine, '/')+1:])
	}
	row[6] = momentOf(s.Time())
	return row
}

// verifyRow returns a row of verify with what is known without the proof: its agency, lane and round are null.
func verifyRow(r ksi.Result) []value.Datum {
	null, never := value.Null(value.Text), value.Null(value.Timestamptz)
	row := []value.Datum{value.NewText(r.Verdict.String()), textOrNull(string(r.Code)), textOrNull(r.Rule), value.NewText(r.Sentence),
		null, null, never, never}
	if r.Publication != nil {
		row[7] = momentOf(r.Publication.Time)
	}
	return row
}

// verifyDigest verifies s for a digest, which is taken to be of the algorithm that the proof names. What the calendar key alone
// confirms must not be contradicted by the calendar at hand: the key may have signed another one too, as from a copy of the data. A
// round that the calendar does not show yet is no contradiction.
func verifyDigest(ctx context.Context, s *ksi.Signature, digest []byte, o ksi.Options) ksi.Result {
	input := s.InputImprint()
	im, err := merkle.NewImprint(input.Algorithm(), digest)
	if err != nil { // a digest of another length is of another algorithm
		return ksi.Result{Verdict: ksi.FAIL, Code: ksi.GEN04, Rule: "document algorithm", Sentence: ksi.GEN04.Sentence(), Policy: o.Policy}
	}
	o.Document = &im
	result := ksi.Verify(ctx, s, o)
	if o.Policy == ksi.General && result.Verdict == ksi.OK && result.Policy == ksi.KeyBased {
		o.Policy = ksi.CalendarBased
		if looked := ksi.Verify(ctx, s, o); looked.Verdict == ksi.FAIL {
			return looked
		}
	}
	return result
}

func textOrNull(s string) value.Datum {
	if s == "" {
		return value.Null(value.Text)
	}
	return value.NewText(s)
}

// momentOf returns a second as a timestamptz, null for one that a foreign proof names and no calendar reaches.
func momentOf(s calendar.Second) value.Datum {
	if s > calendar.LastWritable {
		return value.Null(value.Timestamptz)
	}
	return timestamp(s.Time())
}

// calendarOf is the calendar of a ledger as verifications ask it.
type calendarOf struct{ ledger Ledger }

// Extend implements ksi.Extender.
func (c calendarOf) Extend(ctx context.Context, from, to calendar.Second) (*ksi.CalendarChain, error) {
	return c.ledger.CalendarChain(ctx, from, to)
}

// linkColumns are the columns of signature_links.
var linkColumns = []fn.Column{
	{Name: "part", Type: value.TextOID}, // aggregation or calendar
	{Name: "chain", Type: value.Int4OID},
	{Name: "step", Type: value.Int4OID},
	{Name: "direction", Type: value.TextOID}, // left: the path is the left operand
	{Name: "level", Type: value.Int4OID},     // null in the calendar
	{Name: "level_correction", Type: value.Int4OID},
	{Name: "kind", Type: value.TextOID},     // of the sibling: hash, metadata or legacy id
	{Name: "sibling", Type: value.ByteaOID}, // as it enters the hash
	{Name: "client_id", Type: value.TextOID},
	{Name: "machine_id", Type: value.TextOID},
	{Name: "sequence_number", Type: value.NumericOID},
	{Name: "request_time", Type: value.TimestamptzOID},
	{Name: "algorithm", Type: value.TextOID}, // that the node is hashed with
	{Name: "hash", Type: value.ByteaOID},     // of the node, without the algorithm; null if it cannot be computed here
}

// signatureLinks explains a proof: one row for each step from the document to the calendar root.
func signatureLinks(_ *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	s, err := ksi.Parse(args[0].B)
	if err != nil {
		return nil, errf(codeInvalidParameter, "this is no whole, unchanged proof: %s", err.Error())
	}
	series := &rowSeries{}
	for _, l := range s.Links() {
		series.rows = append(series.rows, linkRow(&l))
	}
	return series, nil
}

func linkRow(l *ksi.ExplainedLink) []value.Datum {
	direction := "right"
	if l.Left {
		direction = "left"
	}
	number := func(n int) value.Datum { return value.NewInt(value.Int4, int64(n)) }
	row := []value.Datum{
		value.NewText(l.Part.String()), number(l.Chain), number(l.Step), value.NewText(direction),
		number(l.Level), number(int(l.Correction)), value.NewText(l.Kind.String()), value.NewBytes(value.Bytea, l.Sibling),
		value.Null(value.Text), value.Null(value.Text), value.Null(value.NumericT), value.Null(value.Timestamptz),
		value.NewText(l.Algorithm.String()), value.NewBytes(value.Bytea, l.Hash.Digest()),
	}
	if l.Part == ksi.Calendar {
		row[4], row[5] = value.Null(value.Int4), value.Null(value.Int4)
	}
	if l.Hash.IsZero() {
		row[13] = value.Null(value.Bytea)
	}
	if i := l.Issuer; i != nil {
		row[8], row[9] = value.NewText(i.Client), textOrNull(i.Machine)
		if i.HasSequence {
			row[10] = value.NewBox(value.NumericT, value.BigNumeric(new(big.Int).SetUint64(i.Sequence), 0))
		}
		if !i.RequestTime.IsZero() && i.RequestTime.Unix() <= int64(calendar.LastWritable) {
			row[11] = timestamp(i.RequestTime)
		}
	}
	return row
}

// A rowSeries is rows that are all known.
type rowSeries struct{ rows [][]value.Datum }

// Next implements fn.Series.
func (s *rowSeries) Next(_ *fn.Env, out []*value.Vector) (int, error) {
	n := min(len(s.rows), value.BatchSize)
	for k, v := range out {
		if n == 0 {
			break
		}
		v.Reset(s.rows[0][k].Type, n)
		for i := range n {
			v.Set(i, s.rows[i][k])
		}
	}
	s.rows = s.rows[n:]
	return n, nil
}
