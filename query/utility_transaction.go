package query

import (
	"context"

	"github.com/jurat-ledger/jurat/query/parse"
)

// inBlock reports whether a transaction goes on after the statement: it stands in a block, or in a string of several.
func (r *run) inBlock() bool {
	return r.tx.state == txBlock || r.tx.implicit() && !r.single && !r.returning
}

// transaction analyzes transaction control.
func (a *analyzer) transaction(t *parse.Transaction) (*compiled, error) {
	switch t.Kind {
	case parse.Begin, parse.Start:
		return do(func(_ context.Context, r *run) (string, error) { return r.begin(a, t) }), nil
	case parse.Savepoint, parse.Release, parse.RollbackTo:
		c := do(func(_ context.Context, r *run) (string, error) { return r.savepoints(t) })
		c.control = t.Kind == parse.RollbackTo
		return c, nil
	case parse.PrepareTransaction, parse.CommitPrepared, parse.RollbackPrepared:
		return do(func(_ context.Context, r *run) (string, error) { return r.twoPhase(t) }), nil
	}
	c := do(func(ctx context.Context, r *run) (string, error) { return r.endTransaction(ctx, t) })
	c.control = true
	return c, nil
}

// begin turns the implicit transaction into a block; what it filed so far belongs to the block, as in Postgres.
func (r *run) begin(a *analyzer, t *parse.Transaction) (string, error) {
	tag := "BEGIN"
	if t.Kind == parse.Start {
		tag = "START TRANSACTION"
	}
	if r.tx.state == txBlock {
		r.notice("WARNING", codeActiveTransaction, "there is already a transaction in progress")
	} else {
		r.tx.state = txBlock
	}
	return tag, r.modes(a, t.Modes, false)
}

// endTransaction runs COMMIT and ROLLBACK.
func (r *run) endTransaction(ctx context.Context, t *parse.Transaction) (string, error) {
	tag, verb := "COMMIT", "COMMIT"
	if t.Kind == parse.Rollback {
		verb = "ROLLBACK"
	}
	if t.Kind == parse.Rollback || r.tx.aborted {
		tag = "ROLLBACK"
	}
	if r.tx.state != txBlock {
		if t.Chain {
			return "", errf(codeNoTransaction, "%s AND CHAIN can only be used in transaction blocks", verb)
		}
		r.notice("WARNING", codeNoTransaction, "there is no transaction in progress")
	}
	var modes [len(transactionModes)]string
	for i, name := range transactionModes {
		modes[i], _ = r.settings.get(name)
	}
	if tag == "ROLLBACK" {
		r.rollback()
	} else if err := r.commit(ctx); err != nil {
		return "", err
	}
	if t.Chain {
		r.startTransaction(txBlock)
		for i, name := range transactionModes {
			r.put(name, modes[i], true)
		}
		r.tx.readOnly = modes[modeReadOnly] == "on"
	}
	return tag, nil
}

// transactionModes are the settings that a transaction has for itself.
var transactionModes = [...]string{"transaction_isolation", "transaction_read_only", "transaction_deferrable"}

const modeReadOnly = 1

// twoPhase answers what belongs to two-phase commit as a Postgres does that has it switched off.
func (r *run) twoPhase(t *parse.Transaction) (string, error) {
	if t.Kind != parse.PrepareTransaction {
		return "", errf(codeUndefinedObject, "prepared transaction with identifier %q does not exist", t.Name)
	}
	if r.tx.state != txBlock {
		r.notice("WARNING", codeNoTransaction, "there is no transaction in progress")
		return "ROLLBACK", nil
	}
	r.rollback()
	return "", errf(codeNotInState, "prepared transactions are disabled").hint("The server takes part in no two-phase commit: COMMIT files at once.")
}

// modes applies transaction modes: to the transaction, or to those that will come.
func (r *run) modes(a *analyzer, modes []parse.Option, defaults bool) error {
	for _, m := range modes {
		v := ""
		if l, ok := m.Value.(*parse.Literal); ok {
			v = l.Text
		}
		canonical, _, err := checkSetting(m.Name, v)
		if err != nil {
			return a.fail(err, m)
		}
		if defaults {
			r.put("default_"+m.Name, canonical, false)
		} else if err := r.mode(m.Name, canonical); err != nil {
			return err
		}
	}
	return nil
}

// mode sets a mode of the transaction, if it may still change.
func (s *Session) mode(name, v string) error {
	old, _ := s.settings.get(name)
	inside := len(s.tx.savepoints) > 0
	switch {
	case s.tx.state != txBlock:
	case name == "transaction_isolation" && v != old && s.tx.queried:
		return errf(codeActiveTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
	case name == "transaction_isolation" && v != old && inside:
		return errf(codeActiveTransaction, "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction")
	case name == "transaction_read_only" && v == "off" && s.tx.readOnly && inside && s.tx.savepoints[len(s.tx.savepoints)-1].readOnly:
		return errf(codeActiveTransaction, "cannot set transaction read-write mode inside a read-only transaction")
	case name == "transaction_read_only" && v == "off" && s.tx.readOnly && s.tx.queried:
		return errf(codeActiveTransaction, "transaction read-write mode must be set before any query")
	case name == "transaction_deferrable" && inside:
		return errf(codeActiveTransaction, "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction")
	case name == "transaction_deferrable" && s.tx.queried:
		return errf(codeActiveTransaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
	}
	if name == "transaction_read_only" {
		s.tx.readOnly = v == "on"
	}
	s.put(name, v, true)
	return nil
}

func (r *run) savepoints(t *parse.Transaction) (string, error) {
	tag := map[parse.TransactionKind]string{parse.Savepoint: "SAVEPOINT", parse.Release: "RELEASE", parse.RollbackTo: "ROLLBACK"}[t.Kind]
	if r.tx.state != txBlock {
		what := map[parse.TransactionKind]string{parse.Savepoint: "SAVEPOINT", parse.Release: "RELEASE SAVEPOINT", parse.RollbackTo: "ROLLBACK TO SAVEPOINT"}[t.Kind]
		return "", errf(codeNoTransaction, "%s can only be used in transaction blocks", what)
	}
	if t.Kind == parse.Savepoint {
		return tag, r.savepoint(t.Name)
	}
	i, err := r.findSavepoint(t.Name)
	if err != nil {
		return "", err
	}
	if t.Kind == parse.Release {
		r.dropSavepoints(i)
	} else {
		r.rollbackTo(i)
	}
	return tag, nil
}

func (a *analyzer) setTransaction(t *parse.SetTransaction) (*compiled, error) {
	if t.Snapshot != "" {
		return nil, a.fail(errf(codeUnsupported, "SET TRANSACTION SNAPSHOT is not supported").
			hint("A ledger only grows: WHERE round <= a closed round shows every session the same rows."), t)
	}
	return do(func(_ context.Context, r *run) (string, error) {
		if !t.Session && r.tx.state != txBlock {
			r.notice("WARNING", codeNoTransaction, "SET TRANSACTION can only be used in transaction blocks")
		}
		return "SET", r.modes(a, t.Modes, t.Session)
	}), nil
}
