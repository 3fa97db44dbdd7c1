package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/query/catalog"
	"github.com/jurat-ledger/jurat/query/value"
)

// openSessions are the sessions of an engine that are open.
type openSessions struct {
	mu  sync.Mutex
	all map[*Session]bool // guarded by mu
}

func (o *openSessions) remove(s *Session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, s)
}

// list returns the open sessions in the order of their numbers.
func (o *openSessions) list() (list []*Session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s := range o.all {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Session) int { return cmp.Compare(a.login.PID, b.login.PID) })
	return list
}

// The methods by which the system catalog asks about the session.

// Catalog implements catalog.Session.
func (s *Session) Catalog() *catalog.Catalog { return s.engine.catalog }

// CurrentQuery implements catalog.Session.
func (s *Session) CurrentQuery() string { return s.running }

// Started implements catalog.Session.
func (s *Session) Started() value.Datum { return timestamp(s.engine.started) }

// TransactionTime implements catalog.Session.
func (s *Session) TransactionTime() time.Time { return s.tx.start }

// TransactionNumber implements catalog.Session: it is the microsecond in which the transaction began, and the end of the session's
// number to tell those of one microsecond apart. So it tells nothing about what others do.
func (s *Session) TransactionNumber() int64 {
	return s.tx.start.UnixMicro()<<10 | int64(s.login.PID&1023)
}

// Sessions implements catalog.Session: an agency knows its own sessions, others know all.
func (s *Session) Sessions() (list []catalog.Activity) {
	roles := map[string]catalog.Role{}
	for _, r := range s.SessionRoles() {
		roles[r.Name] = r
	}
	for _, o := range s.engine.open.list() {
		r, ok := roles[o.role.Name]
		if !ok {
			continue
		}
		a := catalog.Activity{Role: r, PID: o.login.PID, Client: o.login.Remote, Port: o.login.Port, Start: timestamp(o.since), Own: o == s,
			App: o.settings.base["application_name"]}
		if t := o.login.TLS; t != nil {
			a.TLS = &catalog.TLS{Version: t.Version, Cipher: t.Cipher, Bits: t.Bits, Subject: t.Subject, Issuer: t.Issuer, Serial: t.Serial}
		}
		if o == s {
			a.App, _ = s.settings.get("application_name")
		}
		list = append(list, a)
	}
	return list
}

// PreparedStatements implements catalog.Session.
func (s *Session) PreparedStatements() (list []catalog.Prepared) {
	for name, p := range s.statements {
		if name == "" {
			continue
		}
		d := catalog.Prepared{Name: name, SQL: p.sql, At: p.at, FromSQL: p.fromSQL, Params: []value.OID{}}
		if p.c != nil {
			for _, t := range p.c.params {
				d.Params = append(d.Params, t.OID)
			}
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b catalog.Prepared) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Cursors implements catalog.Session.
func (s *Session) Cursors() (list []catalog.Cursor) {
	for name, p := range s.portals {
		if c := p.cursor; c != nil {
			list = append(list, catalog.Cursor{Name: name, SQL: p.stmt.sql, At: c.at, Hold: c.hold, Binary: c.binary, Scroll: !c.noScroll})
		}
	}
	slices.SortFunc(list, func(a, b catalog.Cursor) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

var settingTypes = [...]string{settingText: "string", settingBool: "bool", settingInt: "integer", settingMillis: "integer", settingSeconds: "integer", settingKB: "integer", settingBlocks: "integer", settingReal: "real",
	settingEnum: "enum", settingEncoding: "string", settingDateStyle: "string", settingZone: "string"}

// SessionSettings implements catalog.Session.
func (s *Session) SessionSettings() (list []catalog.Setting) {
	for i := range settingsTable {
		d := &settingsTable[i]
		key := strings.ToLower(d.name)
		v, _ := s.settings.get(key)
		reset, source := d.boot, "default"
		if b, ok := s.settings.base[key]; ok {
			reset, source = b, "client"
		}
		if v != reset {
			source = "session"
		}
		g := catalog.Setting{Name: d.name, Value: v, Boot: d.boot, Reset: reset, Doc: d.doc, Type: settingTypes[d.kind], Source: source, Fixed: d.fixed, Unit: settingUnit[d.kind]}
		if d.kind == settingEnum {
			g.Values = d.values
		}
		if d.kind == settingReal {
			g.Min, g.Max = realText(d.bounds[0]), realText(d.bounds[1])
		}
		if g.Type == "integer" {
			g.Min, g.Max = strconv.FormatInt(d.min, 10), strconv.FormatInt(d.max, 10)
		}
		list = append(list, g)
	}
	return list
}
