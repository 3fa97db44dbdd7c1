package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/wire"
)

// Config is what an operator sets. The zero value of a field is not a default: see DefaultConfig.
type Config struct {
	// DataDir is the data directory; a first start makes it if it does not exist.
	DataDir string
	// MustExist refuses a data directory without a ledger, in place of a first start: a disk that is not mounted or a wrong path makes
	// no second ledger.
	MustExist bool
	// Listen is the TCP address of the Postgres port, "127.0.0.1:5433". One that is not on loopback needs a TLS certificate and
	// a superuser with a password, or rules with client certificates.
	Listen string
	// TLSCert and TLSKey are the files of the certificate and its key, in PEM; empty for a server without TLS. TLSClientCA is
	// the file of the authorities whose client certificates are accepted, empty for none. They are read again when they change.
	TLSCert, TLSKey, TLSClientCA string
	// SocketDirectory is the directory of the Unix socket, empty for none. The file is named by the port of Listen, as clients expect it.
	SocketDirectory string
	// HBA is the file of login rules, in the form that package server/hba describes; empty for HBAFile in the data directory,
	// which need not exist.
	HBA string
	// PasswordFile is a file with the password of the first superuser, for a first start; later starts do not read it.
	PasswordFile string
	// GatewayListen is the TCP address of the KSI gateway over HTTP, empty for none; with TLS if it is not on loopback.
	// GatewayTCPListen is that over TCP, on loopback alone: what it says is authentic but not secret.
	GatewayListen, GatewayTCPListen string
	// GatewayRequests is how many requests a second the gateway takes from one login.
	GatewayRequests int
	// HTTPListen is the TCP address of the operations listener, empty for none: /metrics for Prometheus, /healthz, /readyz. It
	// asks nobody for a password, so only loopback addresses are accepted.
	HTTPListen string
	// PageListen is the TCP address of the verification page, empty for none: static files, and what vouches for time, for
	// everybody. With TLS if it is not on loopback.
	PageListen string
	// Pprof adds /debug/pprof to it: profiles of the process, which may show what it has in memory.
	Pprof bool
	// Listeners are listeners that somebody else has opened, such as systemd, in place of those that the server would open at
	// its addresses: by their names, Listener….
	Listeners map[string]net.Listener
	// Database is the name that clients connect to.
	Database string
	// ServerName stands inside every proof, before the lane. It is fixed by the first start; later starts must give the
	// same name or none.
	ServerName string
	// Role is the first login role, a superuser, made by the first start. Later starts must give the same role or none.
	Role string
	// Email is the address of who publishes, in the subject of the certificate that publications files are signed with.
	// It is fixed by the first start; later starts must give the same address or none.
	Email string
	// ReadOnly serves what is there and changes nothing: nothing is filed, closed or published, and no keys are needed. So a
	// directory that was restored from a backup can be looked at.
	ReadOnly bool
	// MonthlyPublications has the calendar published on the 15th of every month at 00:00:00 UTC.
	MonthlyPublications bool
	// MaxConnections bounds the client connections.
	MaxConnections int
	// MaxClockJump is how far the clock may run ahead of the time that has passed before filing stops.
	MaxClockJump time.Duration
	// Memory is how many bytes the machine has, or the container in which the server runs; 0 if that is not known. With less than
	// PlentyMemory what the server keeps is smaller in proportion, and so are the next three where they are not given.
	Memory int64
	// StatementMemory bounds the memory of one statement in bytes; 0 is 256 MiB where there is plenty, and QueryMemory at most.
	StatementMemory int64
	// QueryMemory bounds the memory of all statements together in bytes; 0 is four times StatementMemory.
	QueryMemory int64
	// Kernel names the code that hashes tree nodes, for the whole process: see merkle.UseKernel. Empty keeps what is in use.
	Kernel string
	// IngestMemory bounds the memory in bytes of the digests that transactions hold back until they end, all together. Clients
	// that file faster than the disk can take wait. It does not cover what the ledger keeps of digests that are filed and not
	// indexed yet, 8 to 24 bytes each: see package ledger for the bound on their number. 0 is 1 GiB where there is plenty.
	IngestMemory int64
	// DiskReserve is how many bytes filing leaves free on the disk.
	DiskReserve uint64
	// StopTime is what statements get to end when the server is told to stop, and writes that wait for room on a full disk.
	StopTime time.Duration
	// Version is that of the program, as clients see it, Revision the commit that it was built from, as monitoring does.
	Version, Revision string
	// Clock is the source of time, nil for the system's.
	Clock ledger.Clock
	// Store is how the store is opened, on which file system for one; in place of its Logger the server's is taken.
	Store storage.Options
	// Logger takes the server's log.
	Logger *slog.Logger
}

// Names of the listeners: those of the flags that give their addresses.
const (
	ListenerPostgres   = "listen"
	ListenerSocket     = "socket-directory"
	ListenerGateway    = "gateway-listen"
	ListenerGatewayTCP = "gateway-tcp-listen"
	ListenerHTTP       = "http-listen"
	ListenerPage       = "page-listen"
)

// DefaultConfig returns the configuration of a server on this machine alone.
func DefaultConfig() Config {
	return Config{
		DataDir:             "data",
		Listen:              "127.0.0.1:5433",
		GatewayRequests:     1000,
		Database:            "jurat",
		MonthlyPublications: true,
		MaxConnections:      2000,
		MaxClockJump:        10 * time.Second,
		DiskReserve:         256 << 20,
		StopTime:            10 * time.Second,
		Logger:              slog.Default(),
	}
}

// defaultName is the name of the server and of the role of a first start that gives none.
const defaultName = "jurat"

// maxServerName leaves room for the lane in the machine id of a proof.
const maxServerName = 200

// Validate reports all faults of c at once.
func (c *Config) Validate() error {
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, errors.New("no data directory: give one with --data"))
	}
	errs = append(errs, c.validateNetwork()...)
	if c.Pprof && c.HTTPListen == "" && c.Listeners[ListenerHTTP] == nil {
		errs = append(errs, errors.New("--pprof needs --http-listen"))
	}
	if c.Database == "" {
		errs = append(errs, errors.New("no database name: give one with --database"))
	}
	if strings.Contains(c.ServerName, "/") || len(c.ServerName) > maxServerName || !utf8.ValidString(c.ServerName) {
		errs = append(errs, fmt.Errorf("server name %q: at most %d bytes of UTF-8, without '/'", c.ServerName, maxServerName))
	}
	if c.Role != "" && !query.ValidRoleName(c.Role) {
		errs = append(errs, fmt.Errorf("role %q: 1 to 63 of a-z, 0-9, dot, _ and - are allowed", c.Role))
	}
	if c.Email != "" && !validEmail(c.Email) {
		errs = append(errs, badEmail(c.Email))
	}
	if c.GatewayRequests < 1 {
		errs = append(errs, fmt.Errorf("gateway requests %d: at least 1", c.GatewayRequests))
	}
	if c.MaxConnections < 1 {
		errs = append(errs, fmt.Errorf("max connections %d: at least 1", c.MaxConnections))
	}
	if c.MaxClockJump < time.Second {
		errs = append(errs, fmt.Errorf("max clock jump %s: at least 1s", c.MaxClockJump))
	}
	if c.StopTime <= 0 {
		errs = append(errs, fmt.Errorf("stop time %s: more than 0 is needed", c.StopTime))
	}
	errs = append(errs, c.validateMemory()...)
	return errors.Join(errs...)
}

// validEmail reports whether an address can stand in a certificate: ASCII, with an @ inside.
func validEmail(address string) bool {
	at := strings.IndexByte(address, '@')
	return at > 0 && at < len(address)-1 && len(address) < 128 &&
		!strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func badEmail(address string) error {
	return fmt.Errorf("e-mail address %q: want one such as publications@ledger.example, in ASCII", address)
}

// validateNetwork reports the faults of addresses and of what protects them.
func (c *Config) validateNetwork() (errs []error) {
	addresses := map[string]string{"--listen": c.Listen, "--gateway-listen": c.GatewayListen,
		"--gateway-tcp-listen": c.GatewayTCPListen, "--http-listen": c.HTTPListen,
		"--page-listen": c.PageListen}
	for name, ln := range c.Listeners {
		flag := "--" + name
		if wire.IsLocal(ln.Addr()) != (name == ListenerSocket) {
			errs = append(errs, fmt.Errorf("socket %q is at %s: of all names %s alone is for a Unix socket", name, ln.Addr(), ListenerSocket))
			continue
		}
		if name == ListenerSocket {
			continue
		}
		if _, ok := addresses[flag]; !ok {
			errs = append(errs, fmt.Errorf("socket %q: the names are %s, %s, %s, %s, %s and %s; in a systemd unit FileDescriptorName= gives it",
				name, ListenerPostgres, ListenerSocket, ListenerGateway, ListenerGatewayTCP, ListenerHTTP, ListenerPage))
		}
		addresses[flag] = ln.Addr().String()
	}
	for flag, address := range addresses {
		_, _, err := net.SplitHostPort(address)
		switch {
		case address == "" && flag != "--listen", loopback(address):
		case err != nil:
			errs = append(errs, fmt.Errorf("%s %q: want host:port, such as 127.0.0.1:5433", flag, address))
		case flag == "--gateway-tcp-listen", flag == "--http-listen":
			errs = append(errs, fmt.Errorf("%s %q: there is no TLS, so only loopback addresses (127.0.0.1, ::1, localhost) are accepted", flag, address))
		case c.TLSCert == "":
			errs = append(errs, fmt.Errorf("%s %q can be reached from other machines, so it needs a TLS certificate: give --tls-cert and --tls-key (jurat make-certificate makes a pair), or listen on 127.0.0.1", flag, address))
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key go together"))
	}
	if c.TLSClientCA != "" && c.TLSCert == "" {
		errs = append(errs, errors.New("--tls-client-ca needs --tls-cert and --tls-key"))
	}
	return errs
}
