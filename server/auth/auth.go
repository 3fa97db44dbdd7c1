// Package auth lets clients of the Postgres port in: it finds the rule that is for one, has it prove who it is by a password
// (SCRAM-SHA-256, RFC 5802 and 7677, with channel binding over TLS), a client certificate or, on a Unix socket, the account that
// it runs as, and slows down who guesses.
//
// # What an attacker learns
//
// Nothing but yes or no. A role that does not exist, has no password or is no longer valid goes through the same exchange as
// one with a wrong password, with a salt that follows from its name and a secret of the server, and gets the same answer. All
// failures are answered FailureDelay after the exchange ended, and those from one address (of IPv6, one /64) one after the
// other at that pace, so that guessing over many connections is no faster. For one role from one address the delay doubles with
// each failure, up to maxDelay, and begins anew forgetAfter after the last. What cannot be answered before the connection's
// start-up time has passed is closed without an answer. Rules for the roles of a kind (+agency) do not tell either whether a
// role is of that kind: where one of them asks for a password, everybody gives one.
//
// Whoever knows the password is not delayed, whatever others do to other roles or from other addresses: nobody is locked out
// by the attempts of others. But while maxGuesses wrong passwords for one role from one address wait for their answer, no other
// password for it from there is looked at, or one would guess as fast as one can open connections.
//
// The package must not know SQL or the ledger.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/xdg-go/scram"

	"github.com/jurat-ledger/jurat/server/hba"
	"github.com/jurat-ledger/jurat/wire"
)

// FailureDelay is how long after a failed exchange its answer is sent.
const FailureDelay = 250 * time.Millisecond

// A Role is what has to be known of one that wants to log in.
type Role struct {
	Verifier string // of its password, "" for none
	Valid    bool   // it is not dropped and its time has not run out
	Group    string // that it is in: agency, auditor or operator; "" for a superuser
}

// Config says what an Authenticator works with. All fields must be set.
type Config struct {
	// Role returns a role; one that does not exist is the zero Role.
	Role func(name string) Role
	// Database returns the database that a client means by a name. Rules are about that one; answers to the client have the name that
	// it gave, so that nobody is told another.
	Database func(name string) string
	// Rules are those in force.
	Rules func() *hba.Rules
	// Secret is known to the server alone, and always the same.
	Secret []byte
	// Now is the clock of delays.
	Now func() time.Time
	// Failed is told of every login that was refused, with the reason for the log: it says more than the client learns.
	Failed func(s *wire.Startup, reason string)
}

// An Authenticator implements wire.Authenticator.
type Authenticator struct {
	config Config
	pace   pace
}

// New returns an Authenticator.
func New(c Config) *Authenticator {
	return &Authenticator{config: c, pace: pace{delay: FailureDelay, guesses: map[guess]*guesses{}}}
}

// Codes of errors.
const (
	codeBadPassword   = "28P01"
	codeNotAuthorized = "28000"
	codeProtocol      = "08P01"
)

func refused(code, format string, args ...any) *wire.Error {
	return &wire.Error{Severity: "FATAL", Code: code, Message: fmt.Sprintf(format, args...)}
}

// Authenticate implements wire.Authenticator.
func (a *Authenticator) Authenticate(ctx context.Context, s *wire.Startup, x wire.Exchange) error {
	role := a.config.Role(s.User)
	rule, ok, asked := a.rule(s, role)
	encryption := "no encryption"
	if s.TLS != nil {
		encryption = "SSL encryption"
	}
	from := wire.From(s.Remote)
	noPassword := refused(codeBadPassword, "password authentication failed for user %q", s.User)
	switch {
	case asked == hba.SCRAM && (!ok || rule.Method == hba.Reject):
		role.Valid = false // another kind would have been asked
		return a.password(ctx, s, role, x, noPassword)
	case asked != "" && (!ok || rule.Method == hba.Reject):
		return a.fail(ctx, s, "no rule lets it in", notProven(asked, s.User))
	case !ok:
		no := refused(codeNotAuthorized, "no pg_hba.conf entry for host %q, user %q, database %q, %s", from, s.User, s.Database, encryption)
		if s.TLS == nil && !wire.IsLocal(s.Remote) && a.triesWithTLS(s) {
			no.Hint = "The rules ask for TLS: connect with sslmode=require or verify-full."
		}
		return a.fail(ctx, s, "no rule", no)
	case rule.Method == hba.Reject:
		return a.fail(ctx, s, "rule of "+where(&rule), refused(codeNotAuthorized, "pg_hba.conf rejects connection for host %q, user %q, database %q, %s",
			from, s.User, s.Database, encryption))
	case proof(&rule) != "":
		err := prove(proof(&rule), s)
		if err != nil && asked == hba.SCRAM {
			role.Valid = false // as above
			return a.password(ctx, s, role, x, noPassword)
		} else if err != nil {
			return a.fail(ctx, s, err.Error(), notProven(proof(&rule), s.User))
		}
	}
	if rule.Method != hba.SCRAM {
		return nil
	}
	return a.password(ctx, s, role, x, noPassword)
}

// proof is how a client shows who it is before a password, if the rule wants one at all: Cert, Peer, "" for not at all.
func proof(r *hba.Rule) hba.Method {
	if r.Method == hba.Cert || r.VerifyFull {
		return hba.Cert
	}
	if r.Method == hba.Peer {
		return hba.Peer
	}
	return ""
}

// prove checks what a client shows.
func prove(by hba.Method, s *wire.Startup) error {
	if by == hba.Cert {
		return certificate(s)
	}
	return account(s)
}

// notProven is what the client is told if that does not show that it is the role.
func notProven(by hba.Method, role string) *wire.Error {
	if by == hba.Cert {
		return refused(codeNotAuthorized, "certificate authentication failed for user %q", role)
	}
	no := refused(codeNotAuthorized, "Peer authentication failed for user %q", role)
	no.Hint = "Run the client as the account of this machine that is named as the role, or give your own role."
	return no
}

// kinds are the groups of roles, that of superusers among them.
var kinds = []string{"agency", "auditor", "operator", ""}

// client is what rules are about, but for the kind of the role.
func (a *Authenticator) client(s *wire.Startup) hba.Client {
	return hba.Client{Database: a.config.Database(s.Database), User: s.User, Local: wire.IsLocal(s.Remote), Address: clientAddr(s.Remote), TLS: s.TLS != nil}
}

// rule finds the rule for a client; ok is false if there is none. asked is what some kind of role of this name would be asked for
// from there: SCRAM, or Cert or Peer if that comes first, "" if none would be asked for anything.
func (a *Authenticator) rule(s *wire.Startup, role Role) (rule hba.Rule, ok bool, asked hba.Method) {
	rules, client := a.config.Rules(), a.client(s)
	client.Kind = role.Group
	rule, ok = rules.Find(client, localNetworks)
	for _, client.Kind = range kinds {
		switch r, some := rules.Find(client, localNetworks); {
		case !some:
		case r.Method == hba.SCRAM && !r.VerifyFull:
			asked = hba.SCRAM
		case asked == "":
			asked = proof(&r)
		}
	}
	return rule, ok, asked
}

// triesWithTLS reports whether the rules would let a role of this name, of some kind, try to log in from there if it came with TLS.
func (a *Authenticator) triesWithTLS(s *wire.Startup) bool {
	client := a.client(s)
	client.TLS = true
	for _, client.Kind = range kinds {
		if r, ok := a.config.Rules().Find(client, localNetworks); ok && r.Method != hba.Reject {
			return true
		}
	}
	return false
}

func where(r *hba.Rule) string { return fmt.Sprintf("line %d", r.Line) }

// certificate checks that the client's certificate, which TLS has verified, names the role.
func certificate(s *wire.Startup) error {
	switch {
	case s.TLS == nil || len(s.TLS.VerifiedChains) == 0:
		return errors.New("no client certificate that the certificate authority vouches for")
	}
	names := commonNames(s.TLS.PeerCertificates[0])
	if len(names) != 1 || names[0] != s.User {
		return fmt.Errorf("the client certificate is of %q", names)
	}
	return nil
}

// commonNames returns all common names of a certificate's subject: of several, nobody can tell which is meant.
func commonNames(c *x509.Certificate) (names []string) {
	for _, a := range c.Subject.Names {
		if name, ok := a.Value.(string); ok && a.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
			names = append(names, name)
		}
	}
	return names
}

// password has the client prove that it knows the password. wrong is what it is told if it does not.
func (a *Authenticator) password(ctx context.Context, s *wire.Startup, role Role, x wire.Exchange, wrong *wire.Error) error {
	genuine, conversation, answer, err := a.exchange(s, role, x)
	if err != nil {
		return err
	}
	key := guessOf(s)
	g, err := a.pace.enter(ctx, key)
	if err != nil {
		return err
	}
	defer a.pace.leave(key, g)
	final, err := conversation.Step(string(answer))
	switch {
	case !genuine && role.Verifier == "":
		return a.fail(ctx, s, "the role does not exist or has no password", wrong)
	case !genuine:
		return a.fail(ctx, s, "the role is dropped, its time has run out or no rule lets it in", wrong)
	case err != nil || !conversation.Valid():
		return a.fail(ctx, s, "wrong password", wrong)
	}
	x.Final([]byte(final))
	return nil
}

// exchange runs the SCRAM exchange up to the client's proof. genuine says that it is about a password that lets in: for others the
// same is done and sent.
func (a *Authenticator) exchange(s *wire.Startup, role Role, x wire.Exchange) (genuine bool, conversation *scram.ServerConversation, answer []byte, err error) {
	mock := a.mock(s.User)
	credentials, err := ParseVerifier(role.Verifier)
	genuine = err == nil && role.Valid
	if !genuine {
		credentials = mock
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return credentials, nil })
	if err != nil {
		return false, nil, nil, err
	}
	mechanisms := []string{mechanism}
	binding := scram.ChannelBinding{}
	if s.TLS != nil {
		if b, ok := endPoint(s.ServerCertificate); ok {
			binding, mechanisms = b, []string{mechanismPlus, mechanism}
		}
	}
	chosen, first, err := x.SASL(mechanisms)
	if err != nil {
		return false, nil, nil, err
	}
	conversation = server.NewConversationWithChannelBinding(binding)
	switch {
	case chosen == mechanismPlus && binding.IsSupported():
		conversation = server.NewConversationWithChannelBindingRequired(binding)
	case chosen != mechanism:
		return false, nil, nil, refused(codeProtocol, "client selected an invalid SASL authentication mechanism")
	}
	challenge, err := conversation.Step(string(first))
	if err != nil {
		return false, nil, nil, refused(codeProtocol, "malformed SCRAM message: %s", err)
	}
	answer, err = x.Continue([]byte(challenge))
	return genuine, conversation, answer, err
}

// mock returns credentials that nobody can log in with, and that do not show that there are none for a name.
func (a *Authenticator) mock(name string) scram.StoredCredentials {
	derive := func(what string) []byte {
		h := hmac.New(sha256.New, a.config.Secret)
		h.Write([]byte("jurat scram " + what + "\x00" + name))
		return h.Sum(nil)
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(derive("salt")[:saltBytes]), Iters: iterations},
		StoredKey:  derive("stored key"), ServerKey: derive("server key"),
	}
}

// fail notes a failed login and returns its error when it is time to answer.
func (a *Authenticator) fail(ctx context.Context, s *wire.Startup, reason string, err *wire.Error) error {
	a.config.Failed(s, reason)
	until := time.NewTimer(a.pace.turn(guessOf(s), a.config.Now()))
	defer until.Stop()
	select {
	case <-until.C:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // no answer: a quick one would tell
	}
}

// guessOf is who a client that fails to log in is remembered as. No role has a longer name than what is remembered of one.
func guessOf(s *wire.Startup) guess {
	return guess{network(clientAddr(s.Remote)), strings.Clone(s.User[:min(len(s.User), maxName)])}
}

// nobody is the number of the account that stands for those which this process cannot see: see user_namespaces(7).
const nobody = 65534

// account checks that the account which the client runs as is named as the role.
func account(s *wire.Startup) error {
	switch {
	case s.UID == nil:
		return errors.New("the system does not say which account the client runs as")
	case *s.UID == nobody:
		return errors.New("the client runs as an account that this process does not see: with PrivateUsers=yes of systemd it sees root and its own alone")
	}
	a, err := user.LookupId(strconv.FormatUint(uint64(*s.UID), 10))
	if err != nil {
		return fmt.Errorf("the client runs as the account %d: %w", *s.UID, err)
	}
	if a.Username != s.User {
		return fmt.Errorf("the client runs as the account %s", a.Username)
	}
	return nil
}

// clientAddr returns the address of a client, the zero one if it has none.
func clientAddr(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// network returns what counts as one address: of IPv6, everything that one customer is given.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// localNetworks returns the networks of this machine's interfaces.
func localNetworks() (list []netip.Prefix) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// endPoint returns the channel binding tls-server-end-point of the server's certificate; ok is false for signature algorithms
// that have none.
func endPoint(certificate *x509.Certificate) (b scram.ChannelBinding, ok bool) {
	if certificate == nil {
		return b, false
	}
	// The library takes the certificate of the peer: it is made for clients.
	b, err := scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}})
	return b, err == nil
}
