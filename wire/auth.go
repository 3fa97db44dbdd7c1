package wire

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/jackc/pgproto3/v2"
)

// An Authenticator decides whether a client is who it says it is, before its session is opened. The server calls it from many
// goroutines.
type Authenticator interface {
	// Authenticate returns nil if the client may come in. It talks to the client by x. An *Error is sent as it is; after any
	// other error the connection is closed without a word. It must return soon after ctx has ended.
	Authenticate(ctx context.Context, s *Startup, x Exchange) error
}

// An Exchange is the messages of a SASL authentication. An error of its methods means that the connection is lost, or that the
// client broke the protocol: it is to be returned as it is.
type Exchange interface {
	// SASL tells the client which mechanisms there are, best first, and returns the one that it chose and its first message.
	SASL(mechanisms []string) (mechanism string, first []byte, err error)
	// Continue sends a challenge and returns the answer. It is valid until the next call.
	Continue(challenge []byte) (answer []byte, err error)
	// Final sends what the server has to say at the end, together with its consent.
	Final(data []byte)
}

// msgSASL is the type of a client's messages of authentication.
const msgSASL = 'p'

// exchange implements Exchange.
type exchange struct{ c *conn }

// receive returns the body of a message of authentication.
func (x exchange) receive() ([]byte, error) {
	if err := x.c.out.flush(); err != nil {
		return nil, err
	}
	if _, err := x.c.in.header(func(typ byte) int {
		if typ == msgSASL {
			return smallMessage
		}
		return -1
	}); err != nil {
		return nil, err
	}
	return x.c.in.body()
}

func (x exchange) SASL(mechanisms []string) (string, []byte, error) {
	x.c.out.message(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms})
	body, err := x.receive()
	if err != nil {
		return "", nil, err
	}
	name, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 4 || int64(binary.BigEndian.Uint32(rest)) != int64(len(rest)-4) {
		return "", nil, fatalf(codeProtocolViolation, "malformed SASL message")
	}
	return string(name), rest[4:], nil
}

func (x exchange) Continue(challenge []byte) ([]byte, error) {
	x.c.out.message(&pgproto3.AuthenticationSASLContinue{Data: challenge})
	return x.receive()
}

func (x exchange) Final(data []byte) {
	x.c.out.message(&pgproto3.AuthenticationSASLFinal{Data: data})
}

// authenticate has the client prove who it is.
func (c *conn) authenticate(ctx context.Context, s *Startup) error {
	if c.srv.cfg.Authenticator == nil {
		return nil
	}
	return c.srv.cfg.Authenticator.Authenticate(ctx, s, exchange{c})
}
