package catalog

import (
	"embed"
	"iter"
	"strconv"
	"strings"
	"sync"

	"github.com/jurat-ledger/jurat/query/value"
)

// data holds facts of the catalog of Postgres 15, in lines of fields with tabs between. TestLiveFacts writes it.
//
//go:embed data/*.tsv
var data embed.FS

// A fields is one line of data.
type fields []string

func (f fields) bool(i int) bool { return f[i] == "t" }

func (f fields) oid(i int) value.OID { return oidOf(f[i]) }

func (f fields) oids(i int) []value.OID {
	list := []value.OID{}
	for _, s := range strings.Fields(f[i]) {
		list = append(list, oidOf(s))
	}
	return list
}

func oidOf(s string) value.OID {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic("catalog: data: " + err.Error())
	}
	return value.OID(n)
}

// lines yields the lines of a file of data.
func lines(file string) iter.Seq[fields] {
	text, err := data.ReadFile("data/" + file)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return func(yield func(fields) bool) {
		for line := range strings.Lines(string(text)) {
			if !yield(strings.Split(strings.TrimSuffix(line, "\n"), "\t")) {
				return
			}
		}
	}
}

// A Relation is a table or view, with its columns in order.
type Relation struct {
	OID     value.OID
	Schema  string
	Name    string
	Kind    byte // pg_class.relkind: 'r' or 'v'
	Columns []Column
	Row     *value.Type // of its rows
}

// A Column is a column of a relation.
type Column struct {
	Name    string
	Type    *value.Type
	Typmod  int32
	NotNull bool
	Default string // an expression, "" for none
}

// Relations returns the relations of pg_catalog and information_schema, as Postgres 15 has them, in order of OIDs.
var Relations = sync.OnceValue(func() (list []*Relation) {
	for f := range lines("relations.tsv") {
		r := &Relation{OID: f.oid(0), Schema: f[1], Name: f[2], Kind: f[3][0]}
		var fields []value.Field
		for _, c := range strings.Fields(f[6]) {
			column := parseColumn(c)
			r.Columns, fields = append(r.Columns, column), append(fields, value.Field{Name: column.Name, Type: column.Type})
		}
		sql := r.Name
		if r.Schema != "pg_catalog" {
			sql = r.Schema + "." + r.Name
		}
		r.Row = value.CatalogRowType(f.oid(4), f.oid(5), r.Name, sql, fields)
		list = append(list, r)
	}
	return list
})

// parseColumn reads "name:type#modifier*".
func parseColumn(text string) Column {
	text, notNull := strings.CutSuffix(text, "*")
	name, typ, _ := strings.Cut(text, ":")
	c := Column{Name: name, Typmod: -1, NotNull: notNull}
	typ, mod, ok := strings.Cut(typ, "#")
	if ok {
		n, err := strconv.ParseInt(mod, 10, 32)
		if err != nil {
			panic("catalog: data: " + err.Error())
		}
		c.Typmod = int32(n)
	}
	if c.Type = value.ByName(typ); c.Type == nil {
		panic("catalog: data: no type " + typ)
	}
	return c
}

// A procedure is what pg_proc has of a function of Postgres.
type procedure struct {
	oid        value.OID
	name       string
	language   string
	kind       byte
	words      fields // prosecdef, proleakproof, proisstrict, proretset
	volatility byte
	parallel   byte
	variadic   value.OID
	defaults   []string // of the last arguments, as SQL
	ret        value.OID
	args       []value.OID
	allArgs    []value.OID // nil if all are for input
	modes      string
	names      []string
	source     string
}

// procedures holds the functions of Postgres by OID; bySignature finds them by "name(type,type)".
var procedures, bySignature = func() (func() []*procedure, func() map[string]value.OID) {
	all := sync.OnceValue(func() (list []*procedure) {
		for f := range lines("functions.tsv") {
			p := &procedure{oid: f.oid(0), name: f[1], language: f[2], kind: f[3][0], words: f[4:8], volatility: f[8][0], parallel: f[9][0],
				variadic: f.oid(10), ret: f.oid(12), args: f.oids(13), modes: f[15], source: f[17]}
			if f[14] != "" {
				p.allArgs = f.oids(14)
			}
			if f[18] != "" {
				p.defaults = strings.Split(f[18], "; ")
			}
			if f[16] != "" {
				p.names = strings.Split(f[16], " ")
			}
			list = append(list, p)
		}
		return list
	})
	return all, sync.OnceValue(func() map[string]value.OID {
		m := map[string]value.OID{}
		for _, p := range all() {
			m[signature(p.name, p.args)] = p.oid
		}
		return m
	})
}()

// signature is "lower(text)". A type that is not known here stands as its OID.
func signature(name string, args []value.OID) string {
	names := make([]string, len(args))
	for i, oid := range args {
		if t := value.ByOID(oid); t != nil {
			names[i] = t.Name
		} else {
			names[i] = strconv.FormatUint(uint64(oid), 10)
		}
	}
	return name + "(" + strings.Join(names, ",") + ")"
}

// unqualified is the name of a function without its schema.
func unqualified(name string) string { return name[strings.IndexByte(name, '.')+1:] }
