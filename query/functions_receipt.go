package query

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/merkle/transfer"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// receiptFunctions are those around digital receipts, and those that compute leaves of transfers.
func (c *ledgerCalls) receiptFunctions() []*fn.Function {
	text, bytea, moment := value.TextOID, value.ByteaOID, value.TimestamptzOID
	answer := []value.OID{text, bytea, text, text}
	span := []value.OID{text, value.IntervalOID, text}
	declare := func(oid value.OID, name string, f rowFunc, args ...value.OID) *fn.Function {
		return &fn.Function{OID: oid, Name: name, Args: args, Ret: bytea, Volatility: fn.Stable, Kernel: f.kernel}
	}
	columns := []fn.Column{{Name: "receipt", Type: text}, {Name: "digest", Type: bytea}, {Name: "round", Type: moment}, {Name: "due", Type: moment},
		{Name: "counter_receipt", Type: text}, {Name: "answered", Type: moment}}
	return []*fn.Function{
		declare(16600, "counter_leaf", counterLeaf, answer[:2]...),
		declare(16601, "counter_leaf", counterLeaf, answer[:3]...),
		declare(16602, "counter_leaf", counterLeaf, answer...),
		scalar(16603, "receipt_json", value.JSONBOID, c.receiptJSON, text),
		scalar(16604, "receipt_pdf", bytea, c.receiptPDF, text),
		scalar(16605, "receipt_pdf", bytea, c.receiptPDF, text, text),
		{OID: 16606, Name: "unanswered", Args: span[:2], Ret: value.RecordOID, Strict: true, Volatility: fn.Stable, Columns: columns, Series: c.unanswered},
		{OID: 16607, Name: "unanswered", Args: span, Ret: value.RecordOID, Strict: true, Volatility: fn.Stable, Columns: columns, Series: c.unanswered},
		scalar(16608, "proof_digest", bytea, proofDigest, bytea),
		scalar(16609, "transfer_holder", bytea, transferHolder, text, bytea),
		declare(16610, "transfer_leaf", transferLeaf, bytea, bytea, bytea, bytea, text, text),
	}
}

// counterLeaf gives the digest to file for a counter-receipt of the role itself, or of the agency that a fourth argument names. A
// null status is none.
func counterLeaf(env *fn.Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null || args[1].Null {
		return value.Null(value.Bytea), nil
	}
	a := receipt.Answer{First: string(args[0].B), Digest: args[1].B, Agency: env.Session.CurrentUser()}
	if len(args) > 2 && !args[2].Null {
		a.Status = string(args[2].B)
		if a.Status == "" {
			return value.Datum{}, errf(codeInvalidParameter, "the status is empty").hint("NULL stands for none.")
		}
	}
	if len(args) > 3 && !args[3].Null {
		a.Agency = string(args[3].B)
	}
	if err := a.Check(); err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	leaf := a.Leaf()
	return value.NewBytes(value.Bytea, leaf[:]), nil
}

// record makes the record of a receipt that the session may see: what the proof says, the seal's path if the lane is that of seals, and
// the counter-receipts that it may see too.
func (c *ledgerCalls) record(env *fn.Env, name string) (*receipt.Record, error) {
	s, ok := env.Session.(*Session)
	if !ok || !s.role.Kind.readsFilings() {
		return nil, errf(codeNoPrivilege, "permission denied for receipts").hint("Operators see no filings.")
	}
	n, err := receipt.ParseName(name)
	if err != nil {
		return nil, errf(codeInvalidParameter, "%s", err.Error())
	}
	own := s.visibleAgency()
	slots := c.ledger.Slots()
	i := slices.IndexFunc(slots, func(s Slot) bool { return s.Agency == n.Agency && s.Lane == n.Lane })
	missing := errf("02000", "no filing has the receipt %s", n).hint("An agency sees its own filings alone.")
	if i < 0 || own != "" && own != n.Agency {
		return nil, missing
	}
	p := Position{Round: n.Round, Slot: slots[i].ID, Index: n.Index}
	leaf, ok, err := c.ledger.Leaf(env.Ctx, p)
	if err != nil {
		return nil, err
	} else if !ok {
		return nil, missing
	}
	proof, err := c.proof(env, p)
	if err != nil {
		return nil, err
	}
	var path *seal.Path
	if n.Lane == LaneSeal && leaf.Imprint.Algorithm() == merkle.SHA256 {
		// Beside another algorithm's digest a seal has no path; the receipt has its proof all the same.
		var e *Error
		if path, err = c.ledger.SealPath(env.Ctx, p, nil); errors.As(err, &e) && e.Code == codeInvalidParameter {
			path = nil
		} else if err != nil {
			return nil, err
		}
	}
	r, err := receipt.New(proof, path)
	if err != nil {
		return nil, err
	}
	return r, c.addCounters(env, r, own)
}

// proof returns the proof of a leaf, as the session wants proofs.
func (c *ledgerCalls) proof(env *fn.Env, p Position) (*ksi.Signature, error) {
	made, err := sign(c.ledger)(env)
	if err != nil {
		return nil, err
	}
	var signature [1][]byte
	if err := made(env.Ctx, signature[:], []Position{p}, new(value.Vector)); err != nil {
		return nil, err
	}
	return ksi.Parse(signature[0])
}

// addCounters finds what was answered to a filing: by any agency, or by the only one that may be seen.
func (c *ledgerCalls) addCounters(env *fn.Env, r *receipt.Record, own string) error {
	slots := c.ledger.Slots()
	type asked struct{ agency, status string }
	wanted := map[merkle.Digest]asked{}
	var digests [][]byte
	for _, s := range slots {
		if own != "" && s.Agency != own {
			continue
		}
		for _, status := range []string{"", receipt.Accepted, receipt.Rejected} {
			a := receipt.Answer{First: r.Name.String(), Digest: r.Leaf.Digest(), Agency: s.Agency, Status: status}
			leaf := a.Leaf()
			if _, ok := wanted[leaf]; !ok {
				wanted[leaf] = asked{s.Agency, status}
				digests = append(digests, leaf[:])
			}
		}
	}
	var found []Leaf
	err := findParts(env.Ctx, c.ledger, own, digests, func(leaves []Leaf) { found = append(found, leaves...) })
	if err != nil {
		return err
	}
	slots = c.ledger.Slots()
	for _, leaf := range found {
		if leaf.Imprint.Algorithm() != merkle.SHA256 {
			continue
		}
		a, seen := wanted[merkle.Digest(leaf.Imprint.Digest())], false
		for _, known := range r.Counters {
			seen = seen || known.Agency == a.agency && known.Status == a.status
		}
		// The hash filed by another agency than it names answers nothing, and filed again it says nothing new.
		if seen || slots[leaf.Slot].Agency != a.agency || leaf.Round < r.Round {
			continue
		}
		proof, err := c.proof(env, leaf.Position)
		if err != nil {
			return err
		}
		counter, err := receipt.NewCounter(&r.Filing, a.status, proof)
		if err == nil {
			err = r.Add(counter)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receiptJSON gives the record of a receipt. It waits while the round is open.
func (c *ledgerCalls) receiptJSON(env *fn.Env, args []value.Datum) (value.Datum, error) {
	r, err := c.record(env, string(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	data, err := r.JSON()
	if err != nil {
		return value.Datum{}, err
	}
	return value.ParseText(env.Settings, value.JSONB, -1, data)
}

// receiptPDF gives the page of a receipt, with the code of a seal if a second argument is its text.
func (c *ledgerCalls) receiptPDF(env *fn.Env, args []value.Datum) (value.Datum, error) {
	r, err := c.record(env, string(args[0].B))
	if err != nil {
		return value.Datum{}, err
	}
	var s *seal.Seal
	if len(args) > 1 {
		if s, err = seal.Parse(string(args[1].B)); err != nil {
			return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
		}
		if err := r.CheckSeal(s); err != nil {
			return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
		}
	}
	page, err := c.ledger.ReceiptPage(r, s)
	return value.NewBytes(value.Bytea, page), err
}

// unanswered gives the filings in a lane that got no counter-receipt within a span of time, which is over: by the agency that a third
// argument names, else by the one that filed. Those that got one later stand there with it.
func (c *ledgerCalls) unanswered(env *fn.Env, _ *value.Type, args []value.Datum) (fn.Series, error) {
	s, ok := env.Session.(*Session)
	if !ok || !s.role.Kind.readsFilings() {
		return nil, errf(codeNoPrivilege, "permission denied for filings").hint("Operators see no filings.")
	}
	lane := string(args[0].B)
	if err := checkLane(lane); err != nil {
		return nil, err
	}
	within := args[1].X.(value.Interval)
	days, seconds := int64(within.Days), within.Micros/value.Second
	if within.Months != 0 || days < 0 || seconds < 0 || days > 1<<20 || seconds > 1<<40 {
		return nil, errf(codeInvalidParameter, "unanswered() takes a number of days, hours, minutes or seconds").hint("Write 30 days for a month.")
	}
	u := &unanswered{ledger: c.ledger, own: s.visibleAgency(), slots: c.ledger.Slots(), within: calendar.Second(86400*days + seconds)}
	if len(args) > 2 {
		u.by = string(args[2].B)
	}
	ids := []uint32{}
	for _, slot := range u.slots {
		if slot.Lane == lane && (u.own == "" || u.own == slot.Agency) {
			ids = append(ids, slot.ID)
		}
	}
	now := calendar.Second(math.MaxInt64)
	narrowRounds(new(calendar.Second), &now, Constraint{Op: LessEqual, Values: []value.Datum{value.NewInt(value.Timestamptz, env.Statement)}}, value.Timestamptz)
	if last := now - u.within; last > 0 && len(ids) > 0 {
		var err error
		if u.cursor, err = c.ledger.Leaves(env.Ctx, LeafScan{To: last, Slots: ids}); err != nil {
			return nil, err
		}
	}
	return &closedSeries{Closer: u, batchSeries: batchSeries{more: u.more}}, nil
}

// findParts looks distinct digests up, only the leaves of one agency unless agency is empty, in as large parts as the ledger can answer for.
func findParts(ctx context.Context, l Ledger, agency string, digests [][]byte, use func([]Leaf)) error {
	for together := maxTogether; len(digests) > 0; {
		n := min(len(digests), together)
		var found []Leaf
		var err error
		if n == 1 {
			found, err = l.Find(ctx, nil, agency, digests[0])
		} else if found, err = l.FindAll(ctx, agency, digests[:n]); tooManyTogether(err) {
			together = n / 2
			continue
		}
		if err != nil {
			return err
		}
		use(found)
		digests = digests[n:]
	}
	return nil
}

// An unanswered is a search for counter-receipts under way.
type unanswered struct {
	ledger Ledger
	own    string // the agency that may be seen, "" for all
	by     string // who is to answer, "" for whoever filed
	slots  []Slot
	within calendar.Second
	cursor LeafCursor // nil if there is nothing to read
	batch  LeafBatch
}

// Close ends the search.
func (u *unanswered) Close() error {
	if u.cursor == nil {
		return nil
	}
	return u.cursor.Close()
}

// more looks for the answers to the next leaves.
func (u *unanswered) more(ctx context.Context) (rows [][]value.Datum, err error) {
	if u.cursor == nil {
		return nil, io.EOF
	}
	b := &u.batch
	if err := u.cursor.Next(ctx, b); err != nil {
		return nil, err
	}
	slot := u.slots[b.Slot]
	digests := make([][]byte, b.Leaves.Len())
	names := make([]receipt.Name, len(digests))
	by := cmp.Or(u.by, slot.Agency)
	for i := range digests {
		names[i] = receipt.Name{Round: b.Round, Agency: slot.Agency, Lane: slot.Lane, Index: b.First + uint64(i)}
		im := b.Leaves.At(i)
		a := receipt.Answer{First: names[i].String(), Digest: im.Digest(), Agency: by}
		leaf := a.Leaf()
		digests[i] = leaf[:]
	}
	first := map[string]Leaf{} // of each digest, in or after the round
	// Who sees all sees what the answering agency filed itself, and believes nobody else.
	err = findParts(ctx, u.ledger, cmp.Or(u.own, by), digests, func(found []Leaf) {
		for _, leaf := range found {
			if d := string(leaf.Imprint.Digest()); leaf.Round >= b.Round {
				if _, ok := first[d]; !ok {
					first[d] = leaf
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i, n := range names {
		answer, ok := first[string(digests[i])]
		if ok && answer.Round <= b.Round+u.within {
			continue
		}
		im := b.Leaves.At(i)
		row := []value.Datum{value.NewText(n.String()), value.NewBytes(value.Bytea, slices.Clone(im.Digest())), momentOf(b.Round),
			momentOf(b.Round + u.within), value.Null(value.Text), value.Null(value.Timestamptz)}
		if ok {
			at := u.ledger.Slots()[answer.Slot]
			row[4] = value.NewText(receipt.Name{Round: answer.Round, Agency: at.Agency, Lane: at.Lane, Index: answer.Index}.String())
			row[5] = momentOf(answer.Round)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// proofDigest gives the digest by which transfers name a proof, the same before and after it was extended.
func proofDigest(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	s, err := ksi.Parse(args[0].B)
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	d, err := transfer.ProofDigest(s)
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	return value.NewBytes(value.Bytea, d[:]), nil
}

// transferHolder gives what stands for a holder in the leaf of a transfer.
func transferHolder(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	if len(args[1].B) != transfer.SaltSize {
		return value.Datum{}, errf(codeInvalidParameter, "a salt has %d bytes, this one has %d", transfer.SaltSize, len(args[1].B)).
			hint("Take a random one for each holder of each document, and keep it.")
	}
	h, err := transfer.NewHolder(string(args[0].B), [transfer.SaltSize]byte(args[1].B))
	if err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	d := h.Digest()
	return value.NewBytes(value.Bytea, d[:]), nil
}

// transferLeaf gives the digest to file for a transfer: of the proof with a digest, after the transfer with the leaf of the second
// argument, null for the first one, from holder to holder, the next transfer being the business of an agency at a server.
func transferLeaf(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	for i, d := range args {
		if d.Null && i != 1 {
			return value.Null(value.Bytea), nil
		}
	}
	var digests [4]merkle.Digest
	for i := range digests {
		if args[i].Null {
			continue
		}
		if len(args[i].B) != len(digests[i]) {
			return value.Datum{}, errf(codeInvalidParameter, "argument %d of transfer_leaf() has %d bytes, not %d", i+1, len(digests[i]), len(args[i].B))
		}
		digests[i] = merkle.Digest(args[i].B)
	}
	c := transfer.Content{Proof: digests[0], From: transfer.Hidden(digests[2]), To: transfer.Hidden(digests[3]),
		Vault: transfer.Vault{Server: string(args[4].B), Agency: string(args[5].B)}}
	if !args[1].Null {
		c.Previous = &digests[1]
	}
	if err := c.Check(); err != nil {
		return value.Datum{}, errf(codeInvalidParameter, "%s", err.Error())
	}
	leaf := c.Leaf()
	return value.NewBytes(value.Bytea, leaf[:]), nil
}
