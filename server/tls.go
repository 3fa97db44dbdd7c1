package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/wire"
)

// lookAgain is how often at most the files of the certificate are looked at for changes.
const lookAgain = 5 * time.Second

// WarnTLSBefore is how long before its end the certificate is warned of. Many are renewed by programs, some 30 days before.
const WarnTLSBefore = 14 * 24 * time.Hour

// warnTLSEvery is how often.
const warnTLSEvery = 24 * time.Hour

// A certificate is what the server shows clients, read from files, and read again when they change.
type certificate struct {
	files [3]string // certificate, key, authority of clients' certificates; the last may be ""
	log   *slog.Logger
	now   func() time.Time

	mu     sync.Mutex // covers what follows; not held over a handshake
	used   pair
	seen   [3]fileStamp // of the files looked at last, which may be others than those in use
	looked time.Time
	warned time.Time // of its end
}

// A pair is a certificate with its key, as files had them.
type pair struct {
	config     *tls.Config
	begin, end time.Time // of the certificate
	stamps     [3]fileStamp
}

// A fileStamp tells whether a file is another one than before.
type fileStamp struct {
	time time.Time
	size int64
}

// loadCertificate reads the certificate that c names; nil if it names none.
func loadCertificate(c *Config, log *slog.Logger) (*certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	x := &certificate{files: [3]string{c.TLSCert, c.TLSKey, c.TLSClientCA}, log: log, now: time.Now}
	return x, x.reload()
}

// reload reads the files. After an error those read before stay in use.
func (x *certificate) reload() error {
	p, err := x.read()
	if err == nil {
		x.use(p)
	}
	return err
}

// read reads the files, and changes nothing.
func (x *certificate) read() (p pair, err error) {
	p.stamps = x.stamp()
	config, shown, err := readTLS(x.files)
	if err == nil {
		p.config, p.begin, p.end = config, shown.NotBefore, shown.NotAfter
	}
	return p, err
}

// use has handshakes work with what was read.
func (x *certificate) use(p pair) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.looked = x.now()
	x.useLocked(p)
}

func (x *certificate) useLocked(p pair) {
	x.used, x.seen, x.warned = p, p.stamps, time.Time{}
	x.warnLocked()
}

// TLSCertificate reads the files that c names for TLS, as a start does, and returns the certificate that clients are shown. c must name
// one.
func TLSCertificate(c *Config) (*x509.Certificate, error) {
	_, shown, err := readTLS([3]string{c.TLSCert, c.TLSKey, c.TLSClientCA})
	return shown, err
}

// readTLS reads the files of a certificate.
func readTLS(files [3]string) (config *tls.Config, shown *x509.Certificate, err error) {
	pair, err := tls.LoadX509KeyPair(files[0], files[1])
	if errors.As(err, new(*fs.PathError)) {
		return nil, nil, fmt.Errorf("TLS certificate %s with key %s: %w", files[0], files[1], err)
	} else if err != nil {
		return nil, nil, fmt.Errorf("TLS certificate %s with key %s: %w; want the certificate in PEM, behind it those up to its authority, and its own key, without a passphrase",
			files[0], files[1], err)
	}
	config = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{wire.ALPN}}
	if ca := files[2]; ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, nil, fmt.Errorf("authority of client certificates: %w", err)
		}
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("authority of client certificates: %s holds no certificate in PEM", ca)
		}
	}
	return config, pair.Leaf, nil
}

// warnLocked warns of the end of the certificate when it is near, and of one that has not begun.
func (x *certificate) warnLocked() {
	now := x.now()
	if now.Sub(x.warned) < warnTLSEvery {
		return
	}
	if now.Before(x.used.begin) {
		x.warned = now
		x.log.Error("the TLS certificate is not valid yet, so clients that verify it stay away: put another one in its place, or set the clock of this machine", "file", x.files[0], "not_before", x.used.begin)
	} else if x.used.end.Sub(now) < WarnTLSBefore {
		x.warned = now
		x.log.Error("the TLS certificate is at its end, from which on clients that verify it stay away: put a new one in its place", "file", x.files[0], "not_after", x.used.end)
	}
}

// ends returns when the certificate in use ends, after the look that current takes.
func (x *certificate) ends() time.Time {
	x.current()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.used.end
}

// stamp looks at the files. One that is missing has no stamp, and is an error only when it is read.
func (x *certificate) stamp() (stamps [3]fileStamp) {
	for i, name := range x.files {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = fileStamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

// current returns what handshakes work with, after a look at the files every lookAgain. It is not changed any more.
func (x *certificate) current() *tls.Config {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now := x.now(); now.Sub(x.looked) >= lookAgain {
		x.looked = now
		x.warnLocked()
		if stamps := x.stamp(); stamps != x.seen {
			x.seen = stamps
			if p, err := x.read(); err != nil {
				x.log.Error("the TLS certificate was changed and cannot be read: the one before stays in use", "error", err)
			} else {
				x.useLocked(p)
				x.log.Info("TLS certificate read again", "file", x.files[0])
			}
		}
	}
	return x.used.config
}

// certificateFault says what is wrong with a client's certificate, the same each time: the journal counts what is equal.
func certificateFault(err error) string {
	if bad := (x509.CertificateInvalidError{}); errors.As(err, &bad) && bad.Reason == x509.Expired {
		return "it has ended or has not begun"
	}
	return err.Error()
}

// listener puts TLS over a listener, for HTTP.
func (x *certificate) listener(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := x.current().Clone()
			c.NextProtos, c.ClientAuth = []string{"http/1.1"}, tls.NoClientCert
			return c, nil
		},
	})
}

// loopback reports whether all that an address of --listen names is on loopback.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost"
}
