package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectTimeout is how long a server may take to let a client in, with TLS and once more without, unless the URL's connect_timeout says
// otherwise: longer than the wait for a wrong password. What listens there may be something that waits for the client to speak.
const connectTimeout = 10 * time.Second

// silence is how long connecting takes before the user is told what it waits for.
const silence = 2 * time.Second

// connect connects to a server, given by a URL, as HOST:PORT or by the directory of its Unix socket, else to that of the environment variable JURAT_SERVER, else to the default one.
func connect(ctx context.Context, server string) (*pgx.Conn, error) {
	conn, err := dial(ctx, cmp.Or(server, os.Getenv("JURAT_SERVER"), defaultServer))
	if err == nil {
		return conn, nil
	}
	advice := connectAdvice(err)
	var refused *pgconn.PgError
	var attempt *pgconn.ConnectError
	if errors.As(err, &refused) && errors.As(err, &attempt) { // with it stands what was tried before, such as TLS with a server that has none
		err = fmt.Errorf("%s: %w", addressOf(attempt.Config), refused)
	}
	if err = serverError(err); advice != "" {
		err = fmt.Errorf("%w\n%s", err, advice)
	}
	return nil, err
}

// dial connects to a server. Of one that is not given by a URL role and database are those of the default one, and so is the port if only a
// directory is given.
func dial(ctx context.Context, server string) (*pgx.Conn, error) {
	host, port, err := net.SplitHostPort(server)
	switch {
	case strings.HasPrefix(server, "/"):
		if err != nil {
			host, port = server, "5433"
		}
		server = "postgres://jurat@/jurat?host=" + percent(host) + "&port=" + percent(port)
	case err == nil && !strings.ContainsAny(server, "/="):
		server = "postgres://jurat@" + server + "/jurat"
	}
	c, err := pgx.ParseConfig(server)
	if err != nil {
		return nil, err
	}
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connectTimeout)
	told := time.AfterFunc(silence, func() {
		fmt.Fprintf(os.Stderr, "Waiting for %s to answer\n", addressOf(&c.Config))
	})
	defer told.Stop()
	return pgx.ConnectConfig(ctx, c)
}

// percent writes a value of a Postgres URL's query. There a plus sign is one, and not a space as on the web.
func percent(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// addressOf returns the host and port that a client connects to first.
func addressOf(c *pgconn.Config) string { return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) }

// connectAdvice says what to do about a connection that was not made, "" if the error does.
func connectAdvice(err error) string {
	var refused *pgconn.PgError
	var form *pgconn.ParseConfigError
	var network *net.OpError
	var attempt *pgconn.ConnectError
	switch {
	case errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28") && refused.Hint == "":
		return "Is the role in --server right? Give its password by PGPASSWORD or in ~/.pgpass"
	case errors.As(err, &refused):
		return "" // the server speaks for itself
	case errors.As(err, &form):
		return "Give the server as " + serverForm
	case certificateAdvice(err) != "":
		return certificateAdvice(err)
	case errors.As(err, &network) && network.Op == "dial":
	case errors.As(err, &attempt) && demandsTLS(attempt.Config):
		return "The URL demands TLS, and what answers there has none or does not agree on it. Is it the server's Postgres port? " +
			"A server without TLS (serve --tls-cert) takes clients of its own machine alone: those give sslmode=disable"
	}
	return "Is the server running (jurat serve), and does --server name its Postgres port (serve --listen) or the directory of its Unix socket (serve --socket-directory)?"
}

// demandsTLS reports whether a connection is made with TLS or not at all.
func demandsTLS(c *pgconn.Config) bool {
	return c.TLSConfig != nil && !slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
}

// certificateAdvice says what to do about a server's certificate that does not verify, "" if that is not what is wrong.
func certificateAdvice(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(x509.HostnameError)):
		return "Reach the server by a name that its certificate has, or have its operator make one with this name (jurat make-certificate --host)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "The server's operator has to renew its certificate (serve --tls-cert), unless the clock of this machine is wrong"
	case errors.As(err, &invalid), errors.As(err, new(x509.UnknownAuthorityError)):
		return "Add sslrootcert=FILE to the URL: the server's certificate, which its operator hands out, or that of the authority that issued it"
	}
	return ""
}

// serverError adds what the server says besides its message.
func serverError(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	for _, more := range []string{e.Detail, e.Hint} {
		if more != "" {
			err = fmt.Errorf("%w\n%s", err, more)
		}
	}
	return err
}
