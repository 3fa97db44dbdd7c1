package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/internal/largepage"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/server"
)

func newServe() *cobra.Command {
	c := server.DefaultConfig()
	var logs logFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is told to stop (Ctrl-C or SIGTERM); it then commits what waits, closes the open round at its
second and exits with 0. A second signal ends it at once: the next start recovers everything that was acknowledged.

The first start makes the data directory, the ledger, the calendar key and the superuser role. Back up the data directory
with its keys: without keys/calendar.key the server goes on only with a new key, which verifiers have to learn of first.

As long as no role has a password, whoever comes from this machine is let in. As soon as one has, all need one. To be reached
from other machines, the server needs --tls-cert and --tls-key, and a superuser with a password (on the first start
--password-file). hba.conf in the data directory, or --hba, says in PostgreSQL's form who may log in from where and how.
SIGHUP and SELECT pg_reload_conf() read it and the certificate again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Version, c.Revision = version, revision()
			if cmd.Flags().Changed("server-name") && c.ServerName == "" {
				return errors.New("--server-name is empty: it would stand in every proof; leave it out for \"jurat\"")
			}
			var err error
			if c.Logger, err = logs.logger(cmd.ErrOrStderr()); err != nil {
				return err
			}
			err = serve(cmd.Context(), c)
			if err != nil && logs.format == "json" { // all lines are for a program, the last too
				attrs := []any{"error", err.Error()}
				if advice := adviceOn(err); advice != "" {
					attrs = append(attrs, "advice", advice)
				}
				c.Logger.Error("ended", attrs...)
				return exitStatus(exitError)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.DataDir, "data", c.DataDir, "data directory")
	f.BoolVar(&c.MustExist, "must-exist", false, "start only on a data directory that holds a ledger: for every start after the first, so that no second ledger is made where a disk is not mounted")
	f.StringVar(&c.Listen, "listen", c.Listen, "address of the Postgres port")
	f.StringVar(&c.SocketDirectory, "socket-directory", c.SocketDirectory, "directory of a Unix socket for clients of this machine, such as /run/jurat; off unless given")
	f.StringVar(&c.TLSCert, "tls-cert", c.TLSCert, "file of the TLS certificate, in PEM; read again when it changes")
	f.StringVar(&c.TLSKey, "tls-key", c.TLSKey, "file of its key")
	f.StringVar(&c.TLSClientCA, "tls-client-ca", c.TLSClientCA, "file of the authorities whose client certificates are accepted")
	f.StringVar(&c.HBA, "hba", c.HBA, "file of the login rules (default \"hba.conf\" in the data directory, if it is there)")
	f.StringVar(&c.PasswordFile, "password-file", c.PasswordFile, "file with the password of the superuser that the first start makes; later starts do not read it")
	f.StringVar(&c.GatewayListen, "gateway-listen", c.GatewayListen, "address of the KSI gateway over HTTP, such as 127.0.0.1:8080, with TLS if it is not on loopback; off unless given")
	f.StringVar(&c.GatewayTCPListen, "gateway-tcp-listen", c.GatewayTCPListen, "address of the KSI gateway over TCP; off unless given")
	f.IntVar(&c.GatewayRequests, "gateway-requests", c.GatewayRequests, "requests a second that the gateway takes from one login")
	f.StringVar(&c.HTTPListen, "http-listen", c.HTTPListen, "address of /metrics for Prometheus, /healthz and /readyz over HTTP, such as 127.0.0.1:9433; off unless given")
	f.StringVar(&c.PageListen, "page-listen", c.PageListen, "address of the public verification page, such as 127.0.0.1:8443, with TLS if it is not on loopback; off unless given")
	f.BoolVar(&c.Pprof, "pprof", c.Pprof, "serve profiles of the process there too, under /debug/pprof")
	logs.add(f)
	f.StringVar(&c.Database, "database", c.Database, "database name that clients connect to")
	f.StringVar(&c.ServerName, "server-name", c.ServerName, "name that stands in every proof; set by the first start, for ever (default \"jurat\")")
	f.StringVar(&c.Role, "role", c.Role, "superuser role that the first start makes (default \"jurat\")")
	f.StringVar(&c.Email, "email", c.Email, "e-mail address in the certificate that signs publications files; set by the first start (default \"publications@\" and the server name)")
	f.BoolVar(&c.ReadOnly, "read-only", false, "serve what is there and change nothing: for a directory restored from a backup, see jurat restore --help")
	f.BoolVar(&c.MonthlyPublications, "monthly-publications", c.MonthlyPublications, "publish the calendar on the 15th of every month, 00:00:00 UTC")
	f.IntVar(&c.MaxConnections, "max-connections", c.MaxConnections, "client connections at the same time")
	f.DurationVar(&c.MaxClockJump, "max-clock-jump", c.MaxClockJump, "how far the clock may run ahead before filing stops")
	f.Int64Var(&c.StatementMemory, "statement-memory", c.StatementMemory, "memory of one statement in bytes; 0: 256 MiB, --query-memory at most, and less on a machine or in a container with less than 4 GiB")
	f.Int64Var(&c.QueryMemory, "query-memory", c.QueryMemory, "memory of all statements together in bytes; 0: four times --statement-memory")
	f.StringVar(&c.Kernel, "kernel", c.Kernel, "code that hashes tree nodes: stdlib for the standard library's, avx512, shani, avx2 or sha2; the fastest unless given")
	f.Uint64Var(&c.DiskReserve, "disk-reserve", c.DiskReserve, "bytes that filing leaves free on the disk; with less, nothing is filed and the server does the rest of its work")
	f.Int64Var(&c.IngestMemory, "ingest-memory", c.IngestMemory, "memory in bytes of the hashes that all open transactions together hold back, 0: 1 GiB, and less where there are less than 4 GiB; the server takes 8 bytes more, 24 where they come in small transactions, for each of the hashes filed in the second that is open and of the at most 17 million that are not indexed yet, fewer where there are less than 4 GiB")
	return cmd
}

// heapBytes is how much of the heap is asked for in large pages: about twice what caches and statements have of it when a server of a hundred
// million leaves is busy, which is how far the collector lets it grow.
const heapBytes = 1 << 30

// limitMemory has the server fit into the memory that there is. It returns the faults of the configuration, of which the memory is made.
func limitMemory(c *server.Config) error {
	if total, _, err := host.Memory(); err == nil {
		c.Memory = int64(total)
	}
	if err := c.Validate(); err != nil {
		return err
	}
	limit := c.MemoryLimit()
	if c.Memory != 0 && limit > c.Memory {
		c.Logger.Warn("the server may take more memory than there is: give less by --ingest-memory, --query-memory and --statement-memory, or leave them away",
			"bytes", c.Memory, "may_take", limit)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
	largepage.Heap(int(min(heapBytes, limit/4)))
	return nil
}

// filesOfServer is about how many files the store, the digest index and listeners have open at most.
const filesOfServer = 500

// limitConnections has connections leave files for the ledger, which ends with the first that it cannot open. As many as have a session
// may be starting up.
func limitConnections(c *server.Config) {
	files, err := host.OpenFiles()
	if err != nil {
		return
	}
	most := max(1, (int(min(files, math.MaxInt32))-filesOfServer)/2)
	if c.MaxConnections > most {
		c.Logger.Warn("fewer connections are taken than --max-connections, since this process may not have enough files open: raise LimitNOFILE of the systemd unit, or ulimit -n",
			"max_connections", most, "wanted", c.MaxConnections, "open_files", files)
		c.MaxConnections = most
	}
}

func serve(ctx context.Context, c server.Config) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a server outlives who reads its log
	context.AfterFunc(ctx, stop)   // a second signal is not caught any more, while the server still starts, too
	var err error
	if c.Listeners, err = systemdListeners(); err != nil {
		return err
	}
	if err := limitMemory(&c); err != nil {
		return err
	}
	limitConnections(&c)
	hangup := make(chan os.Signal, 1) // taken before anything is opened: one ends the process else
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	s, err := server.New(ctx, c)
	if err != nil {
		return err
	}
	ready := []any{"listen", s.Addr().String(), "data", c.DataDir, "kernel", merkle.Kernel(), "memory_limit", debug.SetMemoryLimit(-1), "version", version, "revision", revision()}
	if path := s.SocketPath(); path != "" {
		ready = append(ready, "socket", path)
	}
	http, tcp := s.GatewayAddrs()
	if http != nil {
		ready = append(ready, "gateway", http.String())
	}
	if tcp != nil {
		ready = append(ready, "gateway_tcp", tcp.String())
	}
	if ops := s.HTTPAddr(); ops != nil {
		ready = append(ready, "http", ops.String())
	}
	if page := s.PageAddr(); page != nil {
		ready = append(ready, "page", page.String())
	}
	c.Logger.Info("ready", ready...)
	go superviseBySystemd(ctx, s, c.Logger)
	go func() {
		for {
			select {
			case <-hangup:
				reloadUnderSystemd(s, c.Logger)
			case <-ctx.Done():
				return
			}
		}
	}()
	context.AfterFunc(ctx, func() {
		c.Logger.Info("stopping: waiting for statements and for the open round to close")
	})
	if err := s.Run(ctx); err != nil {
		return fmt.Errorf("stopped after an error: %w", err)
	}
	c.Logger.Info("stopped")
	return nil
}
