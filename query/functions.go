package query

import (
	"crypto/rand"
	"strings"
	"time"
	"unicode"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// ledgerFunctions are the functions over the ledger. Their object ids are fixed: clients keep them.
func ledgerFunctions(l Ledger) []*fn.Function {
	c := &ledgerCalls{l}
	text, moment, bytea := value.TextOID, value.TimestamptzOID, value.ByteaOID
	functions := []*fn.Function{
		command(16500, "confirm_clock", moment, RoleKind.administers, c.confirmClock),
		command(16501, "publish", text, RoleKind.administers, c.publish),
		command(16502, "publish", text, RoleKind.administers, c.publish, moment),
		command(16503, "publish", text, RoleKind.administers, c.publish, moment, text),
		command(16504, "set_ksi_key", text, RoleKind.administers, c.setKSIKey, text),
		command(16505, "set_ksi_key", text, RoleKind.administers, c.setKSIKey, text, text),
		scalar(16506, "publications_file", bytea, c.publicationsFile),
		scalar(16507, "publication_string", text, publicationString, moment, bytea),
		scalar(16508, "extend", bytea, c.extend, bytea),
		scalar(16509, "extend", bytea, c.extend, bytea, moment),
	}
	functions = append(functions, c.verifyFunctions()...)
	functions = append(functions, c.auditFunctions()...)
	functions = append(functions, c.backupFunctions()...)
	functions = append(functions, c.exportFunctions()...)
	functions = append(functions, c.sealFunctions()...)
	functions = append(functions, c.receiptFunctions()...)
	functions = append(functions, digestFunctions()...)
	return append(functions, notifyFunctions()...)
}

// ledgerCalls are functions over a ledger.
type ledgerCalls struct{ ledger Ledger }

// A rowFunc computes a function for the arguments of one row.
type rowFunc func(env *fn.Env, args []value.Datum) (value.Datum, error)

// scalar declares a function that only reads: null as soon as an argument is.
func scalar(oid value.OID, name string, ret value.OID, f rowFunc, args ...value.OID) *fn.Function {
	return &fn.Function{OID: oid, Name: name, Args: args, Ret: ret, Strict: true, Volatility: fn.Stable, Kernel: f.kernel}
}

// command declares a function that changes something, at once and for good, whatever becomes of the transaction. It is for
// roles of the kinds that may, and not for transactions that only read. It sees null arguments.
func command(oid value.OID, name string, ret value.OID, may func(RoleKind) bool, f rowFunc, args ...value.OID) *fn.Function {
	guarded := func(env *fn.Env, args []value.Datum) (value.Datum, error) {
		s, ok := env.Session.(*Session)
		if !ok || !may(s.role.Kind) {
			e := errf(codeNoPrivilege, "permission denied for function %s", name).on(name)
			if may(Operator) {
				return value.Datum{}, e.hint("Only a superuser or an operator may call it.")
			}
			return value.Datum{}, e.hint("Only roles that file may call it.")
		}
		if err := s.mayWrite(name + "()"); err != nil {
			return value.Datum{}, err
		}
		return f(env, args)
	}
	return &fn.Function{OID: oid, Name: name, Args: args, Ret: ret, Volatility: fn.Volatile, Kernel: rowFunc(guarded).kernel}
}

func (f rowFunc) kernel(env *fn.Env, out *value.Vector, args []*value.Vector, n int, sel []int32) (err error) {
	row := make([]value.Datum, len(args))
	rows(&value.Batch{N: n, Sel: sel}, func(i int) {
		if err != nil {
			return
		}
		for k, v := range args {
			row[k] = v.Datum(i)
		}
		var d value.Datum
		if err = env.Check(); err == nil {
			d, err = f(env, row)
		}
		switch {
		case err != nil:
		case d.Null:
			out.SetNull(i)
		default:
			out.Set(i, d)
		}
	})
	return err
}

// confirmClock lets filing go on after the clock jumped.
func (c *ledgerCalls) confirmClock(env *fn.Env, _ []value.Datum) (value.Datum, error) {
	t, err := c.ledger.ConfirmClock(env.Session.(*Session).noting(env.Ctx, EventClock, "", "confirmed"))
	return value.NewInt(value.Timestamptz, value.FromTime(t)), err
}

// publish publishes a calendar root: of the second given, else of the newest closed one, with a reference, if given.
func (c *ledgerCalls) publish(env *fn.Env, args []value.Datum) (value.Datum, error) {
	var at calendar.Second
	var references []string
	if len(args) > 0 && !args[0].Null {
		var err error
		if at, err = wholeSecond(args[0].I); err != nil {
			return value.Datum{}, err
		}
	}
	if len(args) > 1 && !args[1].Null {
		references = []string{string(args[1].B)}
	}
	ctx := env.Session.(*Session).noting(env.Ctx, EventPublish, shownSecond(at), strings.Join(references, ", "))
	p, err := c.ledger.Publish(ctx, at, references)
	if err != nil {
		return value.Datum{}, err
	}
	return value.NewText(p.string()), nil
}

// shownSecond is how the journal names the second of a publication.
func shownSecond(at calendar.Second) string {
	if at == 0 {
		return "the newest closed second"
	}
	return at.String()
}

// string returns p as a publication string.
func (p *Publication) string() string {
	return ksi.Publication{Time: p.Time, Root: p.Root.Imprint()}.String()
}

// wholeSecond returns the second that a timestamptz names.
func wholeSecond(micros int64) (calendar.Second, error) {
	at := roundOf(micros)
	switch {
	case !value.FiniteTimestamp(micros):
		return 0, errf(codeInvalidParameter, "a publication is of a second, which infinity is not")
	case at <= 0:
		return 0, errf(codeInvalidParameter, "the calendar begins in 1970: a publication is of a later second than 1970-01-01 00:00:00 UTC")
	case micros > value.FromTime(calendar.LastWritable.Time()):
		return 0, errf(codeInvalidParameter, "the calendar ends with the year 9999")
	case value.FromTime(at.Time()) != micros:
		return 0, errf(codeInvalidParameter, "a publication is of a whole second").
			hint("date_trunc('second', …) cuts the fraction off.")
	}
	return at, nil
}

// setKSIKey gives a role a key for the KSI gateway: the one given, or a new one. A null key takes the key away. It returns
// the key.
func (c *ledgerCalls) setKSIKey(env *fn.Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errf(value.CodeNullNotAllowed, "the name of a role must not be null")
	}
	role := string(args[0].B)
	if r, ok := c.ledger.Role(role); !ok || r.Dropped {
		return value.Datum{}, errf(codeUndefinedObject, "role %q does not exist", role)
	} else if !env.Session.(*Session).role.Kind.makes(r.Kind) || !r.Kind.Files() {
		return value.Datum{}, errf(codeNoPrivilege, "permission denied for the KSI key of role %q", role).on(role).hint("Keys are for roles that file, and only a superuser gives them to superusers.")
	}
	ctx := env.Session.(*Session).noting(env.Ctx, EventKSIKey, role, "given")
	key := rand.Text() + rand.Text()
	if len(args) == 2 {
		key = string(args[1].B)
		switch {
		case args[1].Null:
			return value.Null(value.Text), c.ledger.SetKSIKey(env.Session.(*Session).noting(env.Ctx, EventKSIKey, role, "taken away"), role, nil)
		case strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }):
			return value.Datum{}, errf(codeInvalidParameter, "a key has no line breaks or control characters")
		case len(key) < minKSIKey || len(key) > maxKSIKey:
			return value.Datum{}, errf(codeInvalidParameter, "a key has %d to %d bytes, this one has %d", minKSIKey, maxKSIKey, len(key)).
				hint("set_ksi_key(role) makes a good one; NULL as key takes the key away.")
		}
	}
	return value.NewText(key), c.ledger.SetKSIKey(ctx, role, []byte(key))
}

// The length in bytes of a key that somebody else made.
const (
	minKSIKey = 8
	maxKSIKey = 255
)

// publicationsFile returns the signed file of all publications and calendar certificates.
func (c *ledgerCalls) publicationsFile(env *fn.Env, _ []value.Datum) (value.Datum, error) {
	f, err := c.ledger.PublicationsFile(env.Ctx)
	if err != nil {
		return value.Datum{}, err
	}
	return value.NewBytes(value.Bytea, f.Append(nil)), nil
}

// publicationString writes the calendar root as of a second as a publication string, whether it is published or not.
func publicationString(_ *fn.Env, args []value.Datum) (value.Datum, error) {
	at, err := wholeSecond(args[0].I)
	if err != nil {
		return value.Datum{}, err
	}
	if len(args[1].B) != len(merkle.Digest{}) {
		return value.Datum{}, errf(codeInvalidParameter, "a calendar root has %d bytes, this has %d", len(merkle.Digest{}), len(args[1].B))
	}
	p := Publication{Time: at, Root: merkle.Digest(args[1].B)}
	return value.NewText(p.string()), nil
}

// extend extends a signature to a publication.
func (c *ledgerCalls) extend(env *fn.Env, args []value.Datum) (value.Datum, error) {
	var to calendar.Second
	if len(args) > 1 {
		var err error
		if to, err = wholeSecond(args[1].I); err != nil {
			return value.Datum{}, err
		}
	}
	signature, err := c.ledger.Extend(env.Ctx, args[0].B, to)
	return value.NewBytes(value.Bytea, signature), err
}

func newPublicationTable(l Ledger, oid value.OID) Table {
	t := &listTable{def: TableDef{OID: oid, Schema: "public", Name: "publications", Ledger: true, Columns: []ColumnDef{
		{Name: "publication_time", Type: value.Timestamptz, NotNull: true},
		{Name: "second", Type: value.Int8, NotNull: true},
		{Name: "root", Type: value.Bytea, NotNull: true},
		{Name: "publication_string", Type: value.Text, NotNull: true},
		{Name: "reference", Type: value.MustType(value.Text.Array), NotNull: true},
		{Name: "published_at", Type: value.Timestamptz, NotNull: true},
	}}}
	t.rows = func(s *Session, need []bool) (rows [][]value.Datum, err error) {
		for _, p := range s.reads(l).Publications() {
			row := []value.Datum{
				timestamp(p.Time.Time()), value.NewInt(value.Int8, int64(p.Time)), value.NewBytes(value.Bytea, p.Root[:]),
				{}, {}, timestamp(p.Published),
			}
			if need[3] {
				row[3] = value.NewText(p.string())
			}
			if need[4] {
				references := value.NewVector(value.Text, 0)
				for _, r := range p.References {
					references.Append(value.NewText(r))
				}
				row[4] = value.ArrayOf(references)
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	return t
}

func timestamp(t time.Time) value.Datum { return value.NewInt(value.Timestamptz, value.FromTime(t)) }
