package wire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/internal/places"
)

// Codes that stand where a start-up message has its protocol version.
const (
	codeCancelRequest = 80877102
	codeSSLRequest    = 80877103
	codeGSSENCRequest = 80877104
)

const (
	startupBytes  = 10000   // longest packet before admission, its length field included
	majorVersion  = 3       // of the protocol
	minorVersion  = 2       // the newest spoken
	longKeyMinor  = 2       // from here on cancel keys are long
	maxCancelKey  = 256     // bytes, by the protocol
	tlsHandshake  = 0x16    // first byte of a TLS connection
	packetHeader  = 8       // length and code
	protocolParam = "_pq_." // prefix of start-up parameters that negotiate the protocol

	// ALPN names the protocol in TLS handshakes.
	ALPN = "postgresql"
)

var (
	errTooMany     = fatalf(codeTooMany, "sorry, too many clients already")
	errPacket      = fatalf(codeProtocolViolation, "invalid length of startup packet")
	errLayout      = fatalf(codeProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
	errPlaintext   = fatalf(codeProtocolViolation, "received unencrypted data after SSL request")
	errNoALPN      = fatalf(codeProtocolViolation, "received direct SSL connection request without ALPN protocol negotiation extension")
	errReplication = &Error{Severity: severityFatal, Code: codeUnsupported, Message: "replication connections are not supported",
		Hint: "Make a copy of the server's data with its own backup."}
	errNameless = fatalf(codeNoUser, "no PostgreSQL user name specified in startup packet")
)

// errDone ends a connection that has been served before admission: a cancel request, or noise that got its answer.
var errDone = errors.New("served")

// errNoTLS ends a connection whose client left or was sent away for want of TLS. A client that prefers TLS may come again without, so
// that this is no warning.
var errNoTLS = errors.New("the client asked for TLS, which this server does not have: give the server a certificate, or the client sslmode=disable")

// httpAnswer is what a browser shows.
const httpAnswer = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This port speaks the PostgreSQL protocol. Connect with a PostgreSQL client, for example psql.\n"

// tlsRefusal is a fatal handshake_failure alert.
const tlsRefusal = "\x15\x03\x01\x00\x02\x02\x28"

// startPacket is a decoded start-up message.
type startPacket struct {
	minor   int
	startup Startup
	unknown []string // options of the protocol that the server does not know
}

// readStartup serves the requests that precede the start-up message and returns it. An *Error is for the client.
func (c *conn) readStartup() (*startPacket, error) {
	askedTLS, askedGSS := false, false
	for {
		code, body, err := c.readPacket()
		if errors.Is(err, io.EOF) && askedTLS && !c.encrypted {
			err = errNoTLS
		}
		if err != nil {
			return nil, err
		}
		switch {
		case code == codeCancelRequest:
			if n := len(body) - 4; n > 0 && n <= maxCancelKey {
				c.srv.cancel(binary.BigEndian.Uint32(body), body[4:])
			}
			return nil, errDone
		case code == codeSSLRequest && len(body) == 0 && !askedTLS && !c.encrypted:
			askedTLS = true
			if err := c.answerTLS(); err != nil {
				return nil, err
			}
		case code == codeGSSENCRequest && len(body) == 0 && !askedGSS && !c.encrypted:
			askedGSS = true
			if err := c.answerByte('N'); err != nil {
				return nil, err
			}
		case code>>16 == majorVersion:
			return decodeStartup(code, body)
		default:
			e := fatalf(codeUnsupported, "unsupported frontend protocol %d.%d: server supports %d.0 to %d.%d",
				code>>16, code&0xffff, majorVersion, majorVersion, minorVersion)
			if code>>16 < majorVersion { // these clients read no fields
				return nil, c.answerLast("EFATAL:  "+e.Message+"\n\x00", errDone)
			}
			return nil, e
		}
	}
}

// readPacket reads one packet without type byte: its code and what follows it. It gives up on noise as soon as that shows.
func (c *conn) readPacket() (code uint32, body []byte, err error) {
	in := &c.in
	if err := in.fill(1); err != nil {
		return 0, nil, err
	}
	if first := in.buf[in.r]; first == tlsHandshake && !c.encrypted {
		if err := c.directTLS(); err != nil {
			return 0, nil, err
		}
		if err := in.fill(1); err != nil {
			return 0, nil, err
		}
	}
	if first := in.buf[in.r]; first != 0 {
		return 0, nil, c.noise(first)
	}
	if err := in.fill(packetHeader); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(in.buf[in.r:])
	code = binary.BigEndian.Uint32(in.buf[in.r+4:])
	if length < packetHeader || length > startupBytes {
		return 0, nil, errPacket
	}
	if code>>16 != majorVersion && (code < codeCancelRequest || code > codeGSSENCRequest) {
		return code, nil, nil // refused by the caller; the rest may never come
	}
	in.r += packetHeader
	in.rest = int(length) - packetHeader
	body, err = in.body()
	return code, body, err
}

// noise answers a connection that does not speak the protocol.
func (c *conn) noise(first byte) error {
	switch {
	case first == tlsHandshake:
		return c.answerLast(tlsRefusal, errNoTLS)
	case first >= 'A' && first <= 'Z':
		return c.answerLast(httpAnswer, errDone)
	}
	return errPacket
}

// answerLast sends what ends a connection before admission, and returns served.
func (c *conn) answerLast(answer string, served error) error {
	c.out.buf = append(c.out.buf, answer...)
	if err := c.out.flush(); err != nil {
		return err
	}
	places.Linger(c.nc, c.srv.cfg.Now())
	return served
}

// answerByte sends the one byte that answers SSLRequest and GSSENCRequest.
func (c *conn) answerByte(b byte) error {
	c.out.buf = append(c.out.buf, b)
	return c.out.flush()
}

// takesTLS reports whether the client may have TLS: not on a Unix socket, as with PostgreSQL.
func (c *conn) takesTLS() bool { return c.srv.cfg.TLS != nil && !IsLocal(c.nc.RemoteAddr()) }

// answerTLS answers an SSLRequest. Bytes that came before the handshake could be an attacker's: they end the connection.
func (c *conn) answerTLS() error {
	if !c.takesTLS() {
		return c.answerByte('N')
	}
	if c.in.w > c.in.r {
		return errPlaintext
	}
	if err := c.answerByte('S'); err != nil {
		return err
	}
	return c.handshake(c.nc)
}

// directTLS upgrades a connection that begins with TLS. The client must have named the protocol.
func (c *conn) directTLS() error {
	if !c.takesTLS() {
		return c.noise(tlsHandshake)
	}
	seen := append([]byte(nil), c.in.buf[c.in.r:c.in.w]...)
	c.in.r, c.in.w = 0, 0
	if err := c.handshake(&replayConn{Conn: c.nc, seen: seen}); err != nil {
		return err
	}
	if c.nc.(*tls.Conn).ConnectionState().NegotiatedProtocol != ALPN {
		return errNoALPN
	}
	return nil
}

// handshake puts TLS over nc. The start-up's deadline bounds it.
func (c *conn) handshake(nc net.Conn) error {
	config := c.srv.cfg.TLS()
	t := tls.Server(nc, config)
	if err := t.HandshakeContext(c.base); err != nil {
		if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) && c.srv.cfg.CertificateRefused != nil {
			c.srv.cfg.CertificateRefused(nc.RemoteAddr(), bad.Err)
		}
		return err
	}
	c.setConn(t)
	state := t.ConnectionState()
	c.encrypted, c.tls = true, &state
	if len(config.Certificates) == 1 { // else it is not known which one was shown
		c.certificate = config.Certificates[0].Leaf
	}
	return nil
}

// A replayConn reads first what has been read already.
type replayConn struct {
	net.Conn
	seen []byte
}

// Read reads the bytes seen before, then the connection.
func (r *replayConn) Read(b []byte) (int, error) {
	if len(r.seen) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.seen)
	r.seen = r.seen[n:]
	return n, nil
}

// decodeStartup reads the parameters of a start-up message.
func decodeStartup(version uint32, body []byte) (*startPacket, error) {
	p := &startPacket{minor: int(version & 0xffff)}
	p.startup.Parameters = make(map[string]string)
	c := cursor{body, true}
	for {
		name := string(c.text())
		if name == "" {
			break
		}
		value := string(c.text())
		switch {
		case name == "user":
			p.startup.User = value
		case name == "database":
			p.startup.Database = value
		case strings.HasPrefix(name, protocolParam):
			p.unknown = append(p.unknown, name)
		case name == "replication":
			if !isFalse(value) {
				return nil, errReplication
			}
		default:
			p.startup.Parameters[name] = value
		}
	}
	if !c.end() {
		return nil, errLayout
	}
	if p.startup.User == "" {
		return nil, errNameless
	}
	if p.startup.Database == "" {
		p.startup.Database = p.startup.User
	}
	return p, nil
}

// isFalse reports whether a start-up parameter says no.
func isFalse(v string) bool {
	switch strings.ToLower(v) {
	case "false", "off", "no", "0", "f", "n":
		return true
	}
	return false
}

// admit opens the session and sends what a client waits for until it may talk.
func (c *conn) admit() error {
	p, err := c.readStartup()
	if err != nil {
		return err
	}
	keyBytes := cancelKey
	if p.minor >= longKeyMinor {
		keyBytes = longCancelKey
	}
	if p.minor > minorVersion || len(p.unknown) > 0 {
		c.out.negotiate(majorVersion<<16|uint32(min(p.minor, minorVersion)), p.unknown)
	}
	p.startup.Remote, p.startup.Local, p.startup.UID = c.nc.RemoteAddr(), c.nc.LocalAddr(), c.uid
	p.startup.TLS, p.startup.ServerCertificate = c.tls, c.certificate
	ctx, cancel := context.WithTimeout(c.base, c.srv.cfg.StartupTimeout)
	defer cancel()
	if err := c.authenticate(ctx, &p.startup); err != nil {
		return err
	}
	if !c.srv.admit(c, keyBytes) {
		return errTooMany
	}
	p.startup.ProcessID, p.startup.Wake = c.pid, c.wake
	p.startup.Cancel = func() { c.cancelCall(errCanceled) }
	p.startup.Terminate = c.terminate
	c.out.message(authenticationOK) // before what Open refuses, as from PostgreSQL: health checks look no further
	c.session, err = c.srv.cfg.Handler.Open(ctx, &p.startup)
	if err != nil {
		c.srv.leave(c)
		e := *c.reportable(ctx, err)
		e.Severity = severityFatal
		return &e
	}
	c.log = c.log.With("pid", c.pid, "user", p.startup.User)
	c.reportChanges()
	c.out.keyData(c.pid, c.key)
	c.reportNotices()
	c.endStartup()
	c.idle.status = c.session.Status()
	c.out.ready(c.idle.status)
	return c.out.flush()
}

// past is a deadline that has passed: it wakes a reader up.
var past = time.Unix(1, 0)
