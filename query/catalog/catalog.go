package catalog

import (
	"maps"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// The OIDs of Postgres that this package names, as in Postgres 15.
const (
	catalogOID     value.OID = 11    // schema pg_catalog
	toastOID       value.OID = 99    // schema pg_toast
	publicOID      value.OID = 2200  // schema public
	informationOID value.OID = 13207 // schema information_schema
	ownerOID       value.OID = 6171  // role pg_database_owner, owner of everything
	databaseOID    value.OID = 5     // the database
	heapOID        value.OID = 2     // access methods
	btreeOID       value.OID = 403
	defaultCollOID value.OID = 100
	cCollOID       value.OID = 950
	pgDefaultOID   value.OID = 1663 // tablespaces
	pgGlobalOID    value.OID = 1664
	internalOID    value.OID = 12 // languages
	sqlOID         value.OID = 14
	classOID       value.OID = 1259 // pg_class
	procOID        value.OID = 1255 // pg_proc
	namespaceOID   value.OID = 2615 // pg_namespace
	databasesOID   value.OID = 1262 // pg_database
	attrdefOID     value.OID = 2604 // pg_attrdef
	constraintsOID value.OID = 2606 // pg_constraint
)

// Where the OIDs of what is ours begin. They are fixed or follow from what never changes, so that they are the same after a
// restart and on a copy of the server.
const (
	// firstIndexOID is followed by 16 OIDs for the indexes of each table, in order of the tables' OIDs from 16384 on.
	firstIndexOID value.OID = 20000
	// firstDefaultOID is followed by 32 OIDs for the defaults of each table's columns, by number.
	firstDefaultOID value.OID = 24000
	// FirstRoleOID is that of the role whose lane main is slot 0; the number of that slot is added for others.
	FirstRoleOID value.OID = 1 << 16
	// FirstNumberedOID is followed by the OIDs of roles that had no slot when they were made, in the order in which they were.
	FirstNumberedOID value.OID = 1 << 30
	// firstGroupOID is that of the first of the group roles.
	firstGroupOID value.OID = 16370
)

// Owner is the name of the role that owns everything in the catalog: a role that Postgres has too, so that nobody's name is
// betrayed.
const Owner = "pg_database_owner"

// groups are the roles that others are in.
var groups = []Role{
	{OID: firstGroupOID, Name: "agency"}, {OID: firstGroupOID + 1, Name: "auditor"}, {OID: firstGroupOID + 2, Name: "operator"},
}

// A Config is what a catalog describes besides Postgres' own objects.
type Config struct {
	Database  string
	Tables    []Table        // of the schema public, in order of OIDs
	Functions []*fn.Function // of the schema public, and those of Postgres that neither fn nor this package has
	Registry  *fn.Registry   // all functions, operators and casts
}

// A Table is one of our tables.
type Table struct {
	Relation
	Comment    string
	Comments   map[string]string // of columns
	Insert     bool              // takes INSERT
	Private    bool              // only those who run the server may read it
	Definition string            // of a view, its query in SQL
	Filings    bool              // only those who may read filings may read it
	Indexes    []Index           // at most 16
}

// An Index is an index of a table of ours over one column.
type Index struct {
	Name    string
	Column  string
	Primary bool // and unique then
}

// A Role is a role as a session may know it.
type Role struct {
	OID       value.OID
	Name      string
	Superuser bool
	Login     bool

	CreateRole   bool // makes roles, and runs the server
	Files        bool
	ReadsFilings bool
	Group        string // the group role that it is in, "" for none
	Password     bool   // has one
	Connections  int    // at most, -1 for any number
	ValidUntil   value.Datum
	Settings     []string // "name=value"
}

// A LoginRule is a line of the rules of logins.
type LoginRule struct {
	Line             int
	Type             string
	Databases, Users []string
	Address, Mask    string
	Method           string
	Options          []string
}

// A TLS says how a session's connection is encrypted.
type TLS struct {
	Version, Cipher         string
	Bits                    int
	Subject, Issuer, Serial string // of the client's certificate, "" without
}

// A Setting is a run-time setting as a session has it.
type Setting struct {
	Name, Value, Boot, Reset string
	Unit, Doc, Type, Source  string
	Fixed                    bool
	Min, Max                 any // text, or nil
	Values                   any // []string, or nil
}

// An Activity is a session that is open.
type Activity struct {
	Role   Role
	PID    int32
	Client string // address, "" if it has none
	Port   int
	App    string
	Start  value.Datum // timestamptz
	Own    bool        // it is the session that asks
	Query  string      // what it runs, of the session that asks
	TLS    *TLS        // nil without encryption
}

// A Prepared is a prepared statement of a session.
type Prepared struct {
	Name, SQL string
	Params    []value.OID
	At        value.Datum // timestamptz
	FromSQL   bool        // made by PREPARE
}

// A Cursor is one that was declared and is open.
type Cursor struct {
	Name, SQL            string
	At                   value.Datum // timestamptz
	Hold, Binary, Scroll bool
}

// A Session is what the catalog asks about who reads it. The functions of this package find it in fn.Env.Session.
type Session interface {
	fn.Session
	Catalog() *Catalog
	// SessionRoles returns the roles that the session may know, its own first.
	SessionRoles() []Role
	SessionSettings() []Setting
	// LoginRules returns the rules of logins, none if the session may not know them.
	LoginRules() []LoginRule
	// Sessions returns the open sessions that the session may know.
	Sessions() []Activity
	// PreparedStatements returns the prepared statements of the session that have names.
	PreparedStatements() []Prepared
	// Cursors returns the cursors of the session that are open.
	Cursors() []Cursor
	// CurrentQuery returns what the client sent that is running.
	CurrentQuery() string
	// Started is when the server started, a timestamptz.
	Started() value.Datum
	// TransactionTime is when the transaction began.
	TransactionTime() time.Time
	// TransactionNumber returns a number of the transaction that is higher than those of transactions that began before it.
	TransactionNumber() int64
}

// A Catalog makes the rows of the relations of pg_catalog and information_schema. It is safe for concurrent use.
type Catalog struct {
	Config
	byName map[string]*Relation // "pg_catalog.pg_class"
	byOID  map[value.OID]*Relation
	tables map[value.OID]*Table
	made   map[string]func() *Rows // rows that are the same for all sessions, by name as in byName
	procs  func() (map[value.OID]*proc, []*proc)
}

// New returns a catalog. It makes rows only when they are asked for.
func New(c Config) *Catalog {
	k := &Catalog{Config: c, byName: map[string]*Relation{}, byOID: map[value.OID]*Relation{}, tables: map[value.OID]*Table{}, made: map[string]func() *Rows{}}
	for _, r := range Relations() {
		k.byName[r.Schema+"."+r.Name], k.byOID[r.OID] = r, r
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		k.byName[t.Schema+"."+t.Name], k.byOID[t.OID], k.tables[t.OID] = &t.Relation, &t.Relation, t
	}
	fills := maps.Clone(fixed)
	maps.Copy(fills, statistics)
	for name, fill := range fills {
		rel := k.byName[name]
		if rel == nil {
			panic("catalog: no relation " + name)
		}
		k.made[name] = sync.OnceValue(func() *Rows {
			r := newRows(rel)
			fill(k, r)
			return r
		})
	}
	k.procs = sync.OnceValues(k.listProcs)
	return k
}

// Rows returns the rows of a relation of the catalog as a session sees them. The caller must not change them. shared says
// that they are the same every time and for everybody.
func (k *Catalog) Rows(rel *Relation, s Session) (rows *Rows, shared bool) {
	name := rel.Schema + "." + rel.Name
	if make := k.made[name]; make != nil {
		return make(), true
	}
	r := newRows(rel)
	if fill := personal[name]; fill != nil {
		fill(k, s, r)
		return r, false
	}
	return r, true
}

// Relation returns a table or view by its schema and name, nil if there is none.
func (k *Catalog) Relation(schema, name string) *Relation { return k.byName[schema+"."+name] }

// relations returns all tables and views, ours first.
func (k *Catalog) relations() (list []*Relation) {
	for i := range k.Tables {
		list = append(list, &k.Tables[i].Relation)
	}
	return append(list, Relations()...)
}

// An index is an index with its table.
type index struct {
	Index
	oid    value.OID
	table  *Table
	column int // attribute number
}

// def is the statement that would make the index.
func (x *index) def() string {
	unique := ""
	if x.Primary {
		unique = "UNIQUE "
	}
	return "CREATE " + unique + "INDEX " + fn.QuoteIdent(x.Name) + " ON public." + fn.QuoteIdent(x.table.Name) + " USING btree (" + fn.QuoteIdent(x.Column) + ")"
}

func (k *Catalog) indexes() (list []index) {
	for i := range k.Tables {
		list = append(list, k.indexesOf(&k.Tables[i])...)
	}
	return list
}

func (k *Catalog) indexesOf(t *Table) (list []index) {
	for n, x := range t.Indexes {
		at := 0
		for j, c := range t.Columns {
			if c.Name == x.Column {
				at = j + 1
			}
		}
		if at == 0 {
			panic("catalog: index " + x.Name + " is over no column")
		}
		list = append(list, index{x, firstIndexOID + (t.OID-16384)*16 + value.OID(n), t, at})
	}
	return list
}

func (k *Catalog) index(oid value.OID) *index {
	for _, x := range k.indexes() {
		if x.oid == oid {
			return &x
		}
	}
	return nil
}

var schemas = map[string]value.OID{"pg_catalog": catalogOID, "information_schema": informationOID, "public": publicOID, "pg_toast": toastOID}

func schemaOID(name string) value.OID { return schemas[name] }

func schemaName(oid value.OID) string {
	return map[value.OID]string{catalogOID: "pg_catalog", informationOID: "information_schema", publicOID: "public", toastOID: "pg_toast"}[oid]
}
