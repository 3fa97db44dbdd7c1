package wire

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgproto3/v2"
)

const (
	flushBytes  = 16 << 10  // waiting output that is sent without being asked for
	writeBytes  = 64 << 10  // written under one deadline
	keepScratch = 64        // the longest scratch list that a connection keeps
	keepOutput  = 8 << 10   // the largest empty buffer that a connection keeps
	maxRow      = 1<<30 - 1 // bytes of a DataRow or CopyData
)

// output collects messages for the client and sends them. After a failed write it takes and drops everything; err says why.
type output struct {
	conn    net.Conn
	now     func() time.Time
	timeout func() time.Duration
	buf     []byte
	opened  int // where the message begins that is being written piece by piece; negative if none is
	err     error

	fields  []pgproto3.FieldDescription // scratch
	command pgproto3.CommandComplete    // scratch
}

// Messages without fields.
var (
	authenticationOK = &pgproto3.AuthenticationOk{}
	parseComplete    = &pgproto3.ParseComplete{}
	bindComplete     = &pgproto3.BindComplete{}
	closeComplete    = &pgproto3.CloseComplete{}
	noData           = &pgproto3.NoData{}
	emptyQuery       = &pgproto3.EmptyQueryResponse{}
	portalSuspended  = &pgproto3.PortalSuspended{}
	copyDone         = &pgproto3.CopyDone{}
)

// message appends a message. It panics if m cannot be encoded: more columns than the protocol can count, say.
func (o *output) message(m pgproto3.BackendMessage) {
	o.begin()
	buf, err := m.Encode(o.buf)
	if err != nil {
		panic("wire: " + err.Error())
	}
	o.buf = buf
}

// error appends an ErrorResponse.
func (o *output) error(e *Error) { o.message(e.response()) }

// notice appends a NoticeResponse.
func (o *output) notice(e *Error) {
	n := pgproto3.NoticeResponse(*e.response())
	o.message(&n)
}

// parameter appends ParameterStatus.
func (o *output) parameter(p Parameter) {
	o.message(&pgproto3.ParameterStatus{Name: clean(p.Name), Value: clean(p.Value)})
}

// ready appends ReadyForQuery.
func (o *output) ready(status byte) { o.buf = append(o.buf, 'Z', 0, 0, 0, 5, status) }

// notification appends NotificationResponse.
func (o *output) notification(n Notification) {
	o.message(&pgproto3.NotificationResponse{PID: n.ProcessID, Channel: clean(n.Channel), Payload: clean(n.Payload)})
}

// complete appends CommandComplete.
func (o *output) complete(tag string) {
	o.command.CommandTag = append(o.command.CommandTag[:0], tag...)
	o.message(&o.command)
}

// columns appends a RowDescription, or NoData if the statement returns no rows.
func (o *output) columns(columns []Column) {
	if columns == nil {
		o.message(noData)
		return
	}
	o.fields = o.fields[:0]
	for i := range columns {
		c := &columns[i]
		o.fields = append(o.fields, pgproto3.FieldDescription{
			Name: []byte(clean(c.Name)), TableOID: c.Table, TableAttributeNumber: uint16(c.Attribute),
			DataTypeOID: c.Type, DataTypeSize: c.Size, TypeModifier: c.TypeModifier, Format: c.Format,
		})
	}
	o.message(&pgproto3.RowDescription{Fields: o.fields})
}

// copyFormat returns the fields that CopyInResponse and CopyOutResponse share.
func copyFormat(f CopyFormat) (overall byte, columns []uint16) {
	columns = make([]uint16, f.Columns)
	if f.Binary {
		overall = 1
		for i := range columns {
			columns[i] = 1
		}
	}
	return overall, columns
}

// openRow starts a DataRow; closeMessage ends it.
func (o *output) openRow(columns int) {
	o.open('D')
	o.buf = append(o.buf, byte(columns>>8), byte(columns))
}

// openData starts a CopyData; closeMessage ends it.
func (o *output) openData() { o.open('d') }

// open starts a message of any type.
func (o *output) open(typ byte) {
	o.begin()
	o.opened = len(o.buf)
	o.buf = append(o.buf, typ, 0, 0, 0, 0)
}

// closeMessage sets the length of the message that was opened.
func (o *output) closeMessage() {
	binary.BigEndian.PutUint32(o.buf[o.opened+1:], uint32(len(o.buf)-o.opened-1))
	o.opened = -1
}

// takeBack removes a message that was opened and not closed.
func (o *output) takeBack() {
	if o.opened >= 0 {
		o.buf = o.buf[:o.opened]
		o.opened = -1
	}
}

// negotiate appends NegotiateProtocolVersion, which pgproto3 lacks: the whole version number that is spoken, and the options
// that are not known.
func (o *output) negotiate(version uint32, options []string) {
	o.open('v')
	o.buf = binary.BigEndian.AppendUint32(o.buf, version)
	o.buf = binary.BigEndian.AppendUint32(o.buf, uint32(len(options)))
	for _, name := range options {
		o.buf = append(append(o.buf, name...), 0)
	}
	o.closeMessage()
}

// keyData appends BackendKeyData, whose key may be longer than pgproto3 knows.
func (o *output) keyData(pid uint32, key []byte) {
	o.open('K')
	o.buf = binary.BigEndian.AppendUint32(o.buf, pid)
	o.buf = append(o.buf, key...)
	o.closeMessage()
}

// flush sends everything. A client that does not read ends the connection after the timeout.
func (o *output) flush() error {
	for b := o.buf; len(b) > 0 && o.err == nil; {
		part := b[:min(len(b), writeBytes)]
		b = b[len(part):]
		if s, ok := o.conn.(*socket); ok { // mostly there is room, and no deadline to set
			var n int
			n, o.err = s.writeNow(part)
			part = part[n:]
		}
		if len(part) > 0 && o.err == nil {
			if o.err = o.conn.SetWriteDeadline(o.now().Add(o.timeout())); o.err == nil {
				_, o.err = o.conn.Write(part)
			}
		}
	}
	o.buf = o.buf[:0]
	if cap(o.buf) > writeBytes {
		o.buf = nil
	}
	return o.err
}

// relieve sends what is waiting if it is much: a client that asks and asks, and never for the end, is not to fill the memory.
func (o *output) relieve() error {
	if len(o.buf) < writeBytes || o.err != nil {
		return o.err
	}
	return o.flush()
}

// outputs holds *[]byte, large empty buffers of connections that wait for their clients: a pipeline of a thousand statements fills
// one again and again.
var outputs sync.Pool

// begin takes a large buffer, if there is one, for a connection that has none.
func (o *output) begin() {
	if o.buf != nil {
		return
	}
	if b, ok := outputs.Get().(*[]byte); ok {
		o.buf = *b
	}
}

// trim gives a large empty buffer back, for a connection that goes idle.
func (o *output) trim() {
	if len(o.buf) == 0 && cap(o.buf) > keepOutput {
		b := o.buf
		outputs.Put(&b)
		o.buf = nil
	}
	if cap(o.fields) > keepScratch {
		o.fields = nil
	}
}
