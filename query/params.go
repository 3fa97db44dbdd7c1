package query

import (
	"encoding/hex"

	"github.com/jurat-ledger/jurat/query/value"
)

// Params are the values of a Bind on their way to a portal, and the memory behind them. A session has one for its unnamed
// portal, which each Bind of it takes over: a pipeline of statements takes no memory for them.
type Params struct {
	// Values are to be set, each with the type that Bindable says, and then given to Bind.
	Values []value.Datum

	bytes []byte // of values
}

// What a session keeps of Params when its transaction ends.
const (
	keepValues = 64
	keepBytes  = 4 << 10
)

// Params returns n values for a Bind of a portal, none of them set. If it is the unnamed portal, the one that is there is
// closed.
func (s *Session) Params(portal string, n int) *Params {
	if portal != "" {
		return &Params{Values: make([]value.Datum, n)}
	}
	s.ClosePortal("")
	p := &s.params
	if n > cap(p.Values) {
		p.Values = make([]value.Datum, n)
	}
	p.Values, p.bytes = p.Values[:n], p.bytes[:0]
	clear(p.Values)
	return p
}

// trim gives up much memory, and what the values point to.
func (p *Params) trim() {
	if cap(p.Values) > keepValues || cap(p.bytes) > keepBytes {
		*p = Params{}
	}
}

// SetBytea sets value i to a copy of data, of type bytea.
func (p *Params) SetBytea(i int, data []byte) {
	at := len(p.bytes)
	p.bytes = append(p.bytes, data...)
	p.Values[i] = value.Datum{Type: value.Bytea, B: p.bytes[at:len(p.bytes):len(p.bytes)]}
}

// SetHex sets value i to a bytea that is written as \x and hex digits, the usual text form. It returns false if text is anything
// else.
func (p *Params) SetHex(i int, text []byte) bool {
	if len(text) < 2 || len(text)%2 != 0 || text[0] != '\\' || text[1] != 'x' {
		return false
	}
	at := len(p.bytes)
	var err error
	if p.bytes, err = hex.AppendDecode(p.bytes, text[2:]); err != nil {
		p.bytes = p.bytes[:at]
		return false
	}
	p.Values[i] = value.Datum{Type: value.Bytea, B: p.bytes[at:len(p.bytes):len(p.bytes)]}
	return true
}
