package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/jurat-ledger/jurat/server/hba"
	"github.com/jurat-ledger/jurat/wire"
)

// TestRFC7677 checks the verifier of the example in RFC 7677, section 3, against the proofs of both sides that stand there.
func TestRFC7677(t *testing.T) {
	b64 := base64.StdEncoding.DecodeString
	salt, _ := b64("W22ZaJ0SNY7soEsUEjb6gQ==")
	proof, _ := b64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	signature, _ := b64("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
	const message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," +
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	client, err := scram.SHA256.NewClient("", "pencil", "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseVerifier(format(made))
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(message))
		return h.Sum(nil)
	}
	key := mac(c.StoredKey)
	for i := range key {
		key[i] ^= proof[i]
	}
	if sum := sha256.Sum256(key); !slices.Equal(sum[:], c.StoredKey) {
		t.Error("the client's proof does not fit StoredKey")
	}
	if !slices.Equal(mac(c.ServerKey), signature) {
		t.Error("the server's signature does not fit ServerKey")
	}
}

// TestPreparedAsPostgres makes the verifiers that PostgreSQL 15 made of passwords, spaces, what is mapped to nothing or prohibited and text from
// right to left among them: whoever sets one with either logs in by libpq.
func TestPreparedAsPostgres(t *testing.T) {
	for password, want := range map[string]string{
		"a\u200Bb":           "SCRAM-SHA-256$4096:ddHpM2iomK61veArKV4+vA==$qNa5DKz89RHJTsH2AnrdRPf82cBqLgZe1eIo82aa4dA=:edAspw3RjvWmb4IZ92iXXrQV/axAL7QbyY4uwwhK7MI=",
		"a\u0340b":           "SCRAM-SHA-256$4096:3Co7RzDIU9BsRySae1PxBw==$58to88UHirhZUftlygQScJdmajThB7Ai9wqRz56ajuY=:g9v+qw9qNNUZK8upMYnUrc6J4SdpT1aKFFFxLoLkyuU=",
		"Gr\u00FC\u00DFe":    "SCRAM-SHA-256$4096:eB0Zcf3+UyWeN07khqvAXA==$BIzoUHeTMguTpnUrNP4u90fyRFSLQ3tAYj8vXeGKnn8=:rJfSTJQcZsdnk6PeUkPuITXZJ1VkPfj/YH3kSm1whoQ=",
		"Gru\u0308\u00DFe":   "SCRAM-SHA-256$4096:+yP9dyRlOdhc+3G5Cj+fiw==$qJ1sTqMej/a5TVnBOn/Gd+ZEtEmudTN61n3pr6eXxz8=:eGdRaKc02SvrpLaNY+fOgLk7V8ltMW3gVP1naia20dM=",
		"a\u00A0b\u00ADc":    "SCRAM-SHA-256$4096:U/zYvdc3nA25yhWLLTF1jw==$qqgSi4PlO89v6HoCGW4d1EFsDrCGzCkb5swEiI3yHb8=:TaXvXpjMxKCZDdU2KYMmBJVERn2LiufddL37CMpVjVE=",
		"\u00AD":             "SCRAM-SHA-256$4096:p9xAwJ7lS/T2sYoSPfqnOw==$ZCc3QqKMDS/EmoCNdeSh1OA5Spmv9MNRu9IDy5vsevc=:vKa2PHDqftjK+g7oRaasZ01q5B+Y/eo03OfQhUtAMFo=",
		"\u2168\u00AA":       "SCRAM-SHA-256$4096:02bKdKMgdHzD+LNC17xkxQ==$bD16MYX0rbLulg33XxWySIKxVubz1eQNag9NLJjbOXw=:voneAhkACqx/G0+x2n+QSL7Y+s+7/TaZRl/Q3J03YOA=",
		"\u06271":            "SCRAM-SHA-256$4096:wchxswfCw1XzV8GSZeX8Ow==$Cx86UXGofWpqja9VO4Hnp1mLpLs4ZHYH2TGg07rFDQE=:9daJkFFy0L6HFvSuGW1KpvCt6dKAzzPrMLK2asYh+UU=",
		"\U0001F600\u00AA":   "SCRAM-SHA-256$4096:QtuY0cCPgsf7O0KNbN3Hng==$J5BMPR0LyX+XQMxSJfkP/lhhkeW/aCvEO/HM5+v/tdk=:Al/tLukATM6/0wgrBtBgDarD0iHhVj+aTRL78R7hva4=",
		"\uFB1D\u2168\uFB1D": "SCRAM-SHA-256$4096:+UIGjiNAo6/em2nFptgWiw==$eYtXBN4nnw0+bPatlTQn2TjcOwltVYa2XXRB109Yu0s=:N9SAbIr8GpfpCynwjyTfm5/gAIMyqfzS6MypF1rRhJ0=",
	} {
		c, err := ParseVerifier(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := newVerifier(password, c.KeyFactors); err != nil || got != want {
			t.Errorf("%q: %s, %v; PostgreSQL has %s", password, got, err, want)
		}
	}
}

// TestVerifiers: what is no verifier in full is refused, each byte that is missing or changed in form.
func TestVerifiers(t *testing.T) {
	good, err := NewVerifier("Grüße")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Verifier(good); err != nil || again != good {
		t.Errorf("a verifier is taken as %q, %v", again, err)
	}
	for i := len(mechanism) + 1; i < len(good); i++ {
		if _, err := Verifier(good[:i]); !errors.Is(err, ErrVerifier) {
			t.Errorf("%q: %v", good[:i], err)
		}
	}
	for _, bad := range []string{good + "=", good + "\n", strings.Replace(good, "$4096:", "$04096:", 1), strings.Replace(good, "$4096:", "$0:", 1),
		strings.Replace(good, "$4096:", "$99999999:", 1), strings.Replace(good, "$4096:", "$4096::", 1)} {
		if _, err := Verifier(bad); !errors.Is(err, ErrVerifier) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A peer is a client in an exchange; it keeps what the server sent it.
type peer struct {
	mechanism string
	first     func() string
	answer    func(challenge string) string
	offered   []string
	challenge string
	final     string
}

func (p *peer) SASL(mechanisms []string) (string, []byte, error) {
	p.offered = mechanisms
	return p.mechanism, []byte(p.first()), nil
}

func (p *peer) Continue(challenge []byte) ([]byte, error) {
	p.challenge = string(challenge)
	return []byte(p.answer(p.challenge)), nil
}

func (p *peer) Final(data []byte) { p.final = string(data) }

// honest returns a client that knows a password, with a channel binding unless that is nil.
func honest(t *testing.T, password string, binding *scram.ChannelBinding) *peer {
	t.Helper()
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		t.Fatal(err)
	}
	conversation, name := client.NewConversation(), mechanism
	if binding != nil {
		conversation, name = client.NewConversationWithChannelBinding(*binding), mechanismPlus
	}
	step := func(in string) string {
		out, err := conversation.Step(in)
		if err != nil {
			return "e=" + err.Error()
		}
		return out
	}
	return &peer{mechanism: name, first: func() string { return step("") }, answer: step}
}

// tester has the roles right, whose password is "secret", ended and none, and an auditor.
func tester(t *testing.T, rules string) (a *Authenticator, reasons *[]string) {
	t.Helper()
	verifier, err := NewVerifier("secret")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := hba.Parse("hba.conf", rules)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]Role{"right": {verifier, true, "agency"}, "ended": {verifier, false, "agency"}, "none": {"", true, "agency"}, "auditor": {verifier, true, "auditor"}}
	reasons = new([]string)
	a = New(Config{Role: func(name string) Role { return roles[name] }, Database: func(name string) string { return strings.Replace(name, "postgres", "jurat", 1) }, Rules: func() *hba.Rules { return parsed }, Secret: []byte("server's"), Now: time.Now,
		Failed: func(_ *wire.Startup, reason string) { *reasons = append(*reasons, reason) }})
	a.pace.delay = time.Nanosecond
	return a, reasons
}

func startup(user string) *wire.Startup {
	return &wire.Startup{User: user, Database: "jurat", Remote: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}}
}

const passwords = "host all all all scram-sha-256\n"

// TestStrangers: a role that does not exist, has no password or has ended is sent what one with a wrong password is sent, and always
// the same salt.
func TestStrangers(t *testing.T) {
	a, reasons := tester(t, passwords)
	var shapes []string
	for _, user := range []string{"right", "ended", "none", "nobody"} {
		salts := map[string]bool{}
		for range 2 {
			p := honest(t, "wrong", nil)
			err := a.Authenticate(t.Context(), startup(user), p)
			fields := strings.Split(p.challenge, ",")
			salts[fields[1]] = true
			shapes = append(shapes, fmt.Sprint(strings.ReplaceAll(err.Error(), user, "?"), p.offered, len(fields[0]), len(fields[1]), fields[2], p.final))
		}
		if len(salts) != 1 {
			t.Errorf("%s has two salts", user)
		}
	}
	if shapes = slices.Compact(shapes); len(shapes) != 1 {
		t.Errorf("roles can be told apart: %q", shapes)
	}
	if len(*reasons) != 8 || len(slices.Compact(*reasons)) != 3 {
		t.Errorf("the log is told %q", *reasons)
	}
	for _, user := range []string{"ended", "none", "nobody"} {
		if err := a.Authenticate(t.Context(), startup(user), honest(t, "secret", nil)); err == nil {
			t.Errorf("%s is let in", user)
		}
	}
	p := honest(t, "secret", nil)
	if err := a.Authenticate(t.Context(), startup("right"), p); err != nil || !strings.HasPrefix(p.final, "v=") {
		t.Errorf("the right password: %v, %q", err, p.final)
	}
}

// TestKindsHidden: rules for the roles of a kind do not tell who is of that kind.
func TestKindsHidden(t *testing.T) {
	for _, c := range []struct{ rules, want string }{
		{"host all +agency all scram-sha-256\n", "28P01"},
		{"host all +auditor all reject\nhost all +operator all scram-sha-256\n", "28P01"},
		{"host all +auditor all reject\n" + passwords, "28P01"},
		{"hostssl all +agency all cert\nhost all +auditor all scram-sha-256\n", "28P01"},
		{"hostssl all +agency all cert\n", "28000"},
		{"hostssl all +agency all cert\nhost all all all reject\n", "28000"},
		{"host all +auditor all reject\nhostssl all all all cert\n", "28000"},
		{"hostssl all +agency all scram-sha-256 clientcert=verify-full\n", "28000"},
		{"hostssl all +agency all scram-sha-256 clientcert=verify-full\nhost all all all reject\n", "28000"},
		{"host all none all reject\n", "28000"},
	} {
		a, _ := tester(t, c.rules)
		var answers []string
		for _, user := range []string{"right", "auditor", "nobody"} {
			s := startup(user)
			s.TLS = &tls.ConnectionState{}
			var e *wire.Error
			if err := a.Authenticate(t.Context(), s, honest(t, "wrong", nil)); !errors.As(err, &e) || e.Code != c.want {
				t.Errorf("%q: %s: %v", c.rules, user, err)
				continue
			}
			answers = append(answers, strings.ReplaceAll(e.Message, user, "?"))
		}
		if answers = slices.Compact(answers); len(answers) > 1 {
			t.Errorf("%q: kinds can be told apart: %q", c.rules, answers)
		}
	}
	a, _ := tester(t, "host all +agency all scram-sha-256\n")
	for user, want := range map[string]bool{"right": true, "auditor": false} {
		if err := a.Authenticate(t.Context(), startup(user), honest(t, "secret", nil)); (err == nil) != want {
			t.Errorf("%s with the right password: %v", user, err)
		}
	}
}

// TestPeer: on a Unix socket the rule peer lets in the account that is named as the role, and tells others nothing more than a
// certificate that is not right.
func TestPeer(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(me.Uid, 10, 32)
	if err != nil {
		t.Skip("accounts have no numbers here")
	}
	uid := func(n uint64) *uint32 { u := uint32(n); return &u }
	for _, c := range []struct {
		rules, user string
		uid         *uint32
		want        string // of the answer, "" for let in
		reason      string
	}{
		{"local all all peer\n", me.Username, uid(number), "", ""},
		{"local all all peer\n", "right", uid(number), "Peer authentication failed", "account " + me.Username},
		{"local all all peer\n", "nobody", uid(nobody), "Peer authentication failed", "does not see"},
		{"local all all peer\n", "right", uid(4e9), "Peer authentication failed", "account 4000000000"},
		{"local all all peer\n", "right", nil, "Peer authentication failed", "does not say"},
		{"local all +agency peer\nlocal all all reject\n", "right", uid(4e9), "Peer authentication failed", "account"},
		{"local all +agency peer\nlocal all all reject\n", "auditor", uid(4e9), "Peer authentication failed", "no rule"},
		{"local all +agency peer\nlocal all +auditor scram-sha-256\n", "right", uid(4e9), "password authentication failed", "no rule lets it in"},
		{"local all +agency peer\nlocal all +auditor scram-sha-256\n", "auditor", uid(4e9), "password authentication failed", "wrong password"},
		{"host all all 127.0.0.0/8 trust\nhostssl all all all scram-sha-256\n", "right", uid(number), `entry for host "[local]"`, "no rule"},
		{"local all all trust\n", "right", nil, "", ""},
	} {
		a, reasons := tester(t, c.rules)
		s := &wire.Startup{User: c.user, Database: "jurat", Remote: &net.UnixAddr{Net: "unix"}, UID: c.uid}
		var e *wire.Error
		switch err := a.Authenticate(t.Context(), s, honest(t, "wrong", nil)); {
		case c.want == "" && err != nil, c.want != "" && !errors.As(err, &e):
			t.Errorf("%q: %s: %v", c.rules, c.user, err)
		case c.want != "" && (!strings.Contains(e.Message, c.want) || (e.Hint != "") != strings.HasPrefix(c.want, "Peer") || len(*reasons) != 1 || !strings.Contains((*reasons)[0], c.reason)):
			t.Errorf("%q: %s: %+v, the log is told %q", c.rules, c.user, e, *reasons)
		}
	}
}

// TestDatabase: rules are about the database that a name stands for, and answers have the name that the client gave.
func TestDatabase(t *testing.T) {
	for _, c := range []struct{ rules, database, want string }{
		{"host jurat all all scram-sha-256\n", "jurat", ""},
		{"host jurat all all scram-sha-256\n", "postgres", ""},
		{"host postgres all all reject\nhost jurat all all scram-sha-256\n", "postgres", ""},
		{"host jurat all all scram-sha-256\n", "other", `database "other"`},
		{"host jurat all all reject\nhost all all all scram-sha-256\n", "postgres", `database "postgres"`},
		{"hostssl jurat all all scram-sha-256\n", "postgres", `database "postgres"`},
	} {
		a, _ := tester(t, c.rules)
		s := startup("right")
		s.Database = c.database
		err := a.Authenticate(t.Context(), s, honest(t, "secret", nil))
		var e *wire.Error
		if errors.As(err, &e); (err == nil) != (c.want == "") || err != nil && !strings.Contains(e.Message, c.want) {
			t.Errorf("%q: %s: %v", c.rules, c.database, err)
		}
	}
}

// TestHintOfTLS: who comes without TLS where the rules want it is told so, whoever it is; nobody else is.
func TestHintOfTLS(t *testing.T) {
	for _, c := range []struct {
		rules string
		tls   bool
		want  bool
	}{
		{"hostssl all all all scram-sha-256\n", false, true},
		{"hostssl all all all scram-sha-256\nhost all other all reject\n", false, true},
		{"hostssl all +agency all cert\n", false, true},
		{"hostssl all all 10.0.0.0/8 scram-sha-256\n", false, false},
		{"hostssl all all all reject\n", false, false},
		{"hostssl all other all scram-sha-256\n", false, false},
		{"hostnossl all other all trust\n", true, false},
	} {
		a, _ := tester(t, strings.ReplaceAll(c.rules, "all trust", "127.0.0.0/8 trust"))
		for _, user := range []string{"right", "auditor", "nobody"} {
			s := startup(user)
			if c.tls {
				s.TLS = &tls.ConnectionState{}
			}
			var e *wire.Error
			if err := a.Authenticate(t.Context(), s, honest(t, "wrong", nil)); !errors.As(err, &e) || e.Code != codeNotAuthorized ||
				strings.Contains(e.Hint, "sslmode=require") != c.want {
				t.Errorf("%q: %s: %+v, want the hint: %v", c.rules, user, e, c.want)
			}
		}
	}
}

// TestMalformed: messages that are cut, out of order or from another conversation let nobody in.
func TestMalformed(t *testing.T) {
	a, _ := tester(t, passwords)
	other := honest(t, "secret", nil)
	for name, change := range map[string]func(p *peer){
		"no mechanism":         func(p *peer) { p.mechanism = "" },
		"another mechanism":    func(p *peer) { p.mechanism = "PLAIN" },
		"binding without TLS":  func(p *peer) { p.mechanism = mechanismPlus },
		"nothing":              func(p *peer) { p.first = func() string { return "" } },
		"the last one first":   func(p *peer) { p.first = func() string { return "c=biws,r=x,p=eA==" } },
		"binding demanded":     func(p *peer) { p.first = func() string { return "p=tls-server-end-point,,n=,r=abc" } },
		"another extension":    func(p *peer) { p.first = func() string { return "n,,m=x,n=,r=abc" } },
		"the first one again":  func(p *peer) { p.answer = func(string) string { return "n,,n=,r=abc" } },
		"an empty answer":      func(p *peer) { p.answer = func(string) string { return "" } },
		"another conversation": func(p *peer) { p.answer = func(c string) string { other.first(); return other.answer(c) } },
		"a proof cut off": func(p *peer) {
			whole := p.answer
			p.answer = func(c string) string { s := whole(c); return s[:len(s)-4] }
		},
		"no proof": func(p *peer) {
			whole := p.answer
			p.answer = func(c string) string { s, _, _ := strings.Cut(whole(c), ",p="); return s }
		},
	} {
		p := honest(t, "secret", nil)
		change(p)
		var e *wire.Error
		if err := a.Authenticate(t.Context(), startup("right"), p); !errors.As(err, &e) || e.Code != codeBadPassword && e.Code != codeProtocol || p.final != "" {
			t.Errorf("%s: %v, final %q", name, err, p.final)
		}
	}
}

// TestChannelBinding: over TLS the certificate that the client saw must be the one that the server showed.
func TestChannelBinding(t *testing.T) {
	certificates := [2]*x509.Certificate{}
	bindings := [2]scram.ChannelBinding{}
	for i := range certificates {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i) + 1)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if certificates[i], err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		ok := false
		if bindings[i], ok = endPoint(certificates[i]); !ok {
			t.Fatal("no binding")
		}
	}
	a, _ := tester(t, passwords)
	s := startup("right")
	s.TLS, s.ServerCertificate = &tls.ConnectionState{}, certificates[0]
	for _, c := range []struct {
		name    string
		binding *scram.ChannelBinding
		ok      bool
	}{{"right", &bindings[0], true}, {"of a man in the middle", &bindings[1], false}, {"none", nil, true}} {
		p := honest(t, "secret", c.binding)
		if err := a.Authenticate(t.Context(), s, p); (err == nil) != c.ok || !slices.Equal(p.offered, []string{mechanismPlus, mechanism}) {
			t.Errorf("binding %s: %v, offered %q", c.name, err, p.offered)
		}
	}
	// A client that could bind, and was told by somebody in the middle that the server cannot, says so.
	p := honest(t, "secret", nil)
	p.first = func() string { return "y,,n=,r=abcdefgh" }
	if err := a.Authenticate(t.Context(), s, p); err == nil || p.challenge != "" {
		t.Errorf("a downgrade goes unnoticed: %v, %q", err, p.challenge)
	}
}

// TestPace: failures of one role from one address are answered ever later, those of others are not, and all that is remembered is
// bounded.
func TestPace(t *testing.T) {
	p := pace{delay: FailureDelay, guesses: map[guess]*guesses{}}
	now := time.Unix(1e9, 0)
	address := func(i int) netip.Prefix {
		return network(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	key := guess{address(1), "a"}
	for i, want := range []time.Duration{250, 500, 1000, 2000, 4000, 4000} {
		wait := p.turn(key, now)
		if wait != want*time.Millisecond {
			t.Errorf("failure %d waits %s", i, wait)
		}
		now = now.Add(wait)
	}
	if wait := p.turn(guess{address(1), "b"}, now); wait != FailureDelay {
		t.Errorf("another role waits %s", wait)
	}
	if wait := p.turn(guess{address(2), "a"}, now); wait != FailureDelay {
		t.Errorf("another address waits %s", wait)
	}
	now = now.Add(2 * forgetAfter)
	if wait := p.turn(key, now); wait != FailureDelay {
		t.Errorf("after a while it waits %s", wait)
	}
	for range 3 {
		now = now.Add(2 * forgetAfter)
		p.turn(guess{address(4), "a"}, now)
	}
	if len(p.guesses) > 4 {
		t.Errorf("%d are remembered long after", len(p.guesses))
	}
	if g := guessOf(&wire.Startup{User: strings.Repeat("x", 10000)}); len(g.role) != maxName {
		t.Errorf("%d bytes of a name are remembered", len(g.role))
	}
	for i := range 2 * maxKnown {
		p.turn(guess{address(i), "a"}, now)
		g, err := p.enter(t.Context(), guess{address(i), "x"})
		if err != nil {
			t.Fatal(err)
		}
		p.leave(guess{address(i), "x"}, g)
	}
	if len(p.guesses) > maxKnown {
		t.Errorf("%d are remembered", len(p.guesses))
	}
	// While maxGuesses are not answered no further one is looked at; those of another role are.
	var in []*guesses
	for range maxGuesses {
		g, err := p.enter(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, g)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.enter(ended, key); err == nil {
		t.Error("one more is looked at")
	}
	if _, err := p.enter(t.Context(), guess{key.from, "b"}); err != nil {
		t.Error(err)
	}
	p.leave(key, in[0])
	if _, err := p.enter(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// TestFlood: while more fail than can be answered, those that can are, and when no more come the next one is again.
func TestFlood(t *testing.T) {
	p := pace{delay: FailureDelay, guesses: map[guess]*guesses{}}
	now, answered := time.Unix(1e9, 0), 0
	from := network(netip.AddrFrom4([4]byte{10, 0, 0, 3}))
	for i := range 3000 { // 100 a second
		if p.turn(guess{from, strconv.Itoa(i)}, now) <= maxBacklog {
			answered++
		}
		now = now.Add(10 * time.Millisecond)
	}
	if answered < 150 || answered > 170 {
		t.Errorf("%d of 3000 are answered", answered)
	}
	if wait := p.turn(guess{from, "x"}, now.Add(time.Second)); wait > maxBacklog {
		t.Errorf("after a flood the next one waits %s", wait)
	}
}
