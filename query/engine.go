package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// Defaults of Config.
const (
	DefaultStatementMemory   = 256 << 20
	DefaultTransactionLeaves = 16 << 20
)

// serverVersion is the version of Postgres whose language and catalog clients may expect.
const serverVersion = "15.18"

// Config is what an Engine needs.
type Config struct {
	Ledger   Ledger
	Clock    func() time.Time
	Database string // the one database that sessions may name
	Version  string // of this product, "0.1.0"; "" for a build without one
	// ServerName stands in every proof.
	ServerName string
	// StatementMemory bounds the memory of one statement in bytes; more is the error 53200. 0 is the default.
	StatementMemory int64
	// QueryMemory bounds the memory of all statements together in bytes, and of what sessions keep: prepared statements, parameters, portals and
	// cursors. The first 256 kB of the statement that runs and the first 256 kB that a session keeps do not count. More is the error 53200. 0 is
	// four times StatementMemory.
	QueryMemory int64
	// TransactionLeaves bounds what a transaction or COPY holds back until its end; more is the error 54000. 0 is the default.
	TransactionLeaves int
	// IngestMemory bounds the memory in bytes of the digests that all transactions together hold back. Whoever wants more waits, until the
	// error 53200 when none of the others goes on for half a minute; one that wants more than half of it gets the error 54000. 0 is the
	// default. The default of TransactionLeaves is lower where that many would take more than half.
	IngestMemory int64
	// MaxConnections is how many sessions there are at most, ReservedConnections of them for superusers; 0 for any number.
	MaxConnections int
	// SSL tells whether clients can connect with TLS, for the setting ssl.
	SSL bool
	// Access decides on logins; nil for an engine that keeps no passwords.
	Access Access
	// Event is told what happens to roles and rights, by any goroutine; nil for nobody.
	Event  func(Event)
	Logger *slog.Logger // of what must not happen; nil discards
}

// An Engine runs SQL over a ledger. It is shared by all sessions; nothing of it changes but which are open, who listens to
// notifications, what memory is in use and what is counted.
type Engine struct {
	Config
	tables  map[string]Table            // of the schema public, by name
	system  map[string]map[string]Table // of the schemas of the system catalog, by schema and name
	catalog *catalog.Catalog
	memory  *leafMemory
	queries *queryMemory
	meters  meters
	boards  boards
	fns     *fn.Registry
	shapes  sync.Map // of *TableDef: *tableShape, of the tables that were asked for
	open    openSessions
	started time.Time
	roles   atomic.Uint64 // grows with every change of a role
	// These are the constants of their names, or what a test sets.
	maxEach, maxLookups, fewLookups, memoPart int
}

// NewEngine returns an engine.
func NewEngine(c Config) *Engine {
	if c.StatementMemory == 0 {
		c.StatementMemory = DefaultStatementMemory
	}
	if c.QueryMemory == 0 {
		c.QueryMemory = DefaultQueryMemory(c.StatementMemory)
	}
	if c.IngestMemory == 0 {
		c.IngestMemory = DefaultIngestMemory
	}
	if c.TransactionLeaves == 0 {
		c.TransactionLeaves = int(min(DefaultTransactionLeaves, c.IngestMemory/2/32))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{Config: c, tables: map[string]Table{}, memory: newLeafMemory(c.IngestMemory), queries: &queryMemory{limit: c.QueryMemory},
		started: c.Clock(), maxEach: maxEach, maxLookups: maxLookups, fewLookups: fewLookups, memoPart: memoPart}
	// Object ids are fixed: clients keep them.
	for _, t := range []Table{
		newLeafTable(c.Ledger, "hashes", 16384, false), newLeafTable(c.Ledger, "proofs", 16385, true),
		newRoundTable(c.Ledger, 16386), newCalendarTable(c.Ledger, 16387), newAgencyTable(c.Ledger, 16388),
		newCertificateTable(c.Ledger, 16389), newPublicationTable(c.Ledger, 16390), newRoleTable(16391),
		newIndexStatusTable(c.Ledger, 16392), newJournalTable(c.Ledger, 16393), newLandmarkTable(c.Ledger, 16395),
		newDuplicatesView(16396), newLateFilingsView(16397),
	} {
		t.Def().Row = rowTypeOf(t.Def())
		if !isView(t) {
			t.Def().addTableOID()
		}
		e.tables[t.Def().Name] = t
	}
	own := append(ledgerFunctions(c.Ledger), e.roleFunctions()...)
	e.fns = fn.Builtins().With(catalog.Functions()...).With(own...)
	e.addCatalog(own)
	return e
}

// table finds a table by its name. Names without a schema are looked for along the search path.
func (e *Engine) table(n parse.Name, s *Session) (Table, error) {
	if n.Catalog != "" && n.Catalog != e.Database {
		return nil, errf(codeUnsupported, "cross-database references are not implemented: \"%s.%s.%s\"", n.Catalog, n.Schema, n.Name)
	}
	path, shown := []string{n.Schema}, n.Schema+"."+n.Name
	if n.Schema == "" {
		path, shown = s.searchPath(true), n.Name
	}
	for _, schema := range path {
		tables := e.system[schema]
		if schema == "public" {
			tables = e.tables
		}
		if t := tables[n.Name]; t != nil {
			return t, nil
		}
	}
	return nil, errf(codeUndefinedTable, "relation %s does not exist", `"`+shown+`"`).
		hint("The tables are %s.", strings.Join(slices.Sorted(maps.Keys(e.tables)), ", "))
}

// canceled is the error of a statement whose context ended.
func canceled(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errf(codeCanceled, "canceling statement due to statement timeout")
	}
	return errf(codeCanceled, "canceling statement due to user request")
}

// stopped returns the error of a statement that ended with err: canceled, if that came of the end of its context.
func stopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	var v *value.Error
	if errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)) || errors.As(err, &v) && v.Code == codeCanceled {
		return canceled(ctx)
	}
	return err
}

// DefaultQueryMemory is the default of Config.QueryMemory.
func DefaultQueryMemory(statementMemory int64) int64 { return 4 * statementMemory }

// formatBytes writes a size as "256 MB".
func formatBytes(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
