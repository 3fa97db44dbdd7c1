package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
)

// decodeAny decodes a body and returns the message that it holds, for encoding it again.
func decodeAny(typ byte, body []byte) (pgproto3.FrontendMessage, error) {
	switch typ {
	case msgQuery:
		sql, err := decodeQuery(body)
		return &pgproto3.Query{String: sql}, err
	case msgCopyFail:
		reason, err := decodeQuery(body)
		return &pgproto3.CopyFail{Message: reason}, err
	case msgParse:
		var p parseMessage
		err := decodeParse(body, &p)
		return &pgproto3.Parse{Name: p.name, Query: p.sql, ParameterOIDs: p.types}, err
	case msgBind:
		var b Bind
		err := decodeBind(body, &b)
		return &pgproto3.Bind{DestinationPortal: b.Portal, PreparedStatement: b.Statement, ParameterFormatCodes: b.ParameterFormats,
			Parameters: b.Parameters, ResultFormatCodes: b.ResultFormats}, err
	case msgDescribe:
		kind, name, err := decodeTarget(body, "DESCRIBE")
		return &pgproto3.Describe{ObjectType: kind, Name: name}, err
	case msgClose:
		kind, name, err := decodeTarget(body, "CLOSE")
		return &pgproto3.Close{ObjectType: kind, Name: name}, err
	}
	portal, rows, err := decodeExecute(body)
	return &pgproto3.Execute{Portal: portal, MaxRows: uint32(rows)}, err
}

// bodies are one of each message that has fields.
func bodies(t testing.TB) map[byte][]byte {
	all := make(map[byte][]byte)
	for _, m := range []pgproto3.FrontendMessage{
		&pgproto3.Query{String: "select 1"}, &pgproto3.CopyFail{Message: "why"},
		&pgproto3.Parse{Name: "s", Query: "select $1, $2", ParameterOIDs: []uint32{25, 1 << 31}},
		&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s", ParameterFormatCodes: []int16{0, 1, 0},
			Parameters: [][]byte{[]byte("one"), nil, {}}, ResultFormatCodes: []int16{1}},
		&pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Close{ObjectType: 'P', Name: "p"},
		&pgproto3.Execute{Portal: "p", MaxRows: 7},
	} {
		b, err := m.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		all[b[0]] = b[headerBytes:]
	}
	return all
}

// roundTrip decodes a body; if it is accepted, encoding gives the same bytes.
func roundTrip(t *testing.T, typ byte, body []byte) error {
	m, err := decodeAny(typ, body)
	if err != nil {
		if e := (*Error)(nil); !errors.As(err, &e) || e.Severity != severityError {
			t.Errorf("type %q: error for the client is %v", typ, err)
		}
		return err
	}
	b, err := m.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := m.(*pgproto3.Execute); ok && e.MaxRows == 0 && len(body) >= 4 { // a negative limit is none, too
		body = append(slices.Clone(body[:len(body)-4]), 0, 0, 0, 0)
	}
	if !bytes.Equal(b[headerBytes:], body) {
		t.Errorf("type %q: %q is encoded as %q", typ, body, b[headerBytes:])
	}
	return nil
}

// TestDecode cuts every message short at every byte, adds one, and changes each.
func TestDecode(t *testing.T) {
	for typ, body := range bodies(t) {
		if err := roundTrip(t, typ, body); err != nil {
			t.Errorf("type %q: %v", typ, err)
		}
		for n := range body {
			if roundTrip(t, typ, body[:n]) == nil {
				t.Errorf("type %q: %d bytes of %d are accepted", typ, n, len(body))
			}
			changed := slices.Clone(body)
			for v := range 256 {
				changed[n] = byte(v)
				roundTrip(t, typ, changed)
			}
		}
		if roundTrip(t, typ, append(slices.Clone(body), 0)) == nil {
			t.Errorf("type %q: a byte too many is accepted", typ)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for typ, body := range bodies(f) {
		f.Add(typ, body)
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) { roundTrip(t, typ, body) })
}

func FuzzDecodeStartup(f *testing.F) {
	f.Add(uint32(3<<16|2), []byte("user\x00jo\x00_pq_.x\x00y\x00\x00"))
	f.Fuzz(func(t *testing.T, version uint32, body []byte) {
		p, err := decodeStartup(version, body)
		if err != nil {
			return
		}
		if p.startup.User == "" || p.startup.Database == "" || p.minor > 0xffff {
			t.Errorf("%q: %+v", body, p)
		}
		if n := bytes.Count(body, []byte{0}); len(p.startup.Parameters)+len(p.unknown) > n/2 {
			t.Errorf("%q: %d parameters", body, len(p.startup.Parameters))
		}
	})
}

// readerConn is a connection that only reads.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error) { return c.r.Read(b) }

// frames reads all messages in data: those of even length whole, others in chunks, every fifth not at all.
func frames(t *testing.T, r io.Reader) (got []byte, err error) {
	in := &input{conn: readerConn{r: r}}
	defer in.drop()
	limit := (&Config{MaxMessage: 1 << 20}).limit
	for i := 0; ; i++ {
		typ, err := in.header(limit)
		if err != nil {
			return got, err
		}
		got = append(got, typ)
		var body []byte
		switch {
		case i%5 == 4:
		case in.rest%2 == 0:
			if body, err = in.body(); err != nil {
				return got, err
			}
			got = append(got, body...)
		default:
			for in.rest > 0 {
				if body, err = in.chunk(); err != nil {
					return got, err
				}
				got = append(got, body...)
			}
		}
		if in.r > in.w || in.w > len(in.buf) {
			t.Fatalf("buffer of %d bytes from %d to %d", len(in.buf), in.r, in.w)
		}
	}
}

// TestInput frames messages around the sizes of the buffers, in one read each, byte by byte, and in halves.
func TestInput(t *testing.T) {
	var data, want []byte
	i := 0
	for _, around := range []int{0, smallBuffer, largeBuffer, 2 * largeBuffer, 5 * largeBuffer} {
		for n := max(around-8, 0); n < around+8; n++ {
			body := bytes.Repeat([]byte{byte(n)}, n)
			data = append(binary.BigEndian.AppendUint32(append(data, msgQuery), uint32(n+4)), body...)
			want = append(want, msgQuery)
			if i%5 != 4 {
				want = append(want, body...)
			}
			i++
		}
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(data), "bytes": iotest.OneByteReader(bytes.NewReader(data)),
		"halves": iotest.HalfReader(bytes.NewReader(data)), "error with data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		if got, err := frames(t, r); !bytes.Equal(got, want) || err != io.EOF {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(want), err)
		}
	}
	if _, err := frames(t, bytes.NewReader(data[:len(data)-1])); err != io.ErrUnexpectedEOF {
		t.Errorf("cut short: %v", err)
	}
}

// FuzzInput frames the same bytes from a reader that gives all and one that gives single bytes.
func FuzzInput(f *testing.F) {
	f.Add([]byte("Q\x00\x00\x00\x08abcdS\x00\x00\x00\x04d\x00\x00\x00\x07abc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, errA := frames(t, bytes.NewReader(data))
		b, errB := frames(t, iotest.OneByteReader(bytes.NewReader(data)))
		if (errA == io.EOF) != (errB == io.EOF) || errA == io.EOF && !bytes.Equal(a, b) {
			t.Errorf("%q, %v; %q, %v", a, errA, b, errB)
		}
	})
}
