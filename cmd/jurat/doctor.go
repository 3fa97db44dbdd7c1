package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
	"github.com/jurat-ledger/jurat/server"
)

func newDoctor() *cobra.Command {
	d := doctor{now: time.Now}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check a machine and a data directory for what makes a server fail or slow",
		Long: `Check the data directory, its keys and certificates, those for TLS if they are given as to jurat serve, the login rules, the
disk and whether it does what it says when it is told to sync, the clock, limits and memory of this machine, the port and the Unix socket. Works beside a running
server, and on one that is stopped, whose newest round is then compared with the clock. Nothing is changed; for the check of the
disk a small file is written to the data directory and removed, and so is, for its own, a Unix socket that a crash left.

Run it as the user that the server runs as: limits and permissions are those of whoever runs it.

Exit code: 0 if nothing failed, 1 if something did, 3 the checks could not be carried out.`,
		Example: "  jurat doctor --data /var/lib/jurat",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.run()
			return d.report(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().StringVar(&d.config.DataDir, "data", "data", "data directory")
	cmd.Flags().StringVar(&d.listen, "listen", "127.0.0.1:5433", "address of the Postgres port")
	cmd.Flags().StringVar(&d.config.SocketDirectory, "socket-directory", "", "directory of the server's Unix socket, to be checked too")
	cmd.Flags().StringVar(&d.config.TLSCert, "tls-cert", "", "the server's certificate for TLS, to be checked too")
	cmd.Flags().StringVar(&d.config.TLSKey, "tls-key", "", "key of that certificate")
	cmd.Flags().StringVar(&d.config.TLSClientCA, "tls-client-ca", "", "the server's authority of client certificates")
	cmd.Flags().StringVar(&d.config.HBA, "hba", "", "the server's login rules (default \"hba.conf\" in the data directory, if it is there)")
	cmd.Flags().Uint64Var(&d.config.DiskReserve, "disk-reserve", server.DefaultConfig().DiskReserve, "bytes that the server's filing leaves free on the disk")
	cmd.MarkFlagsRequiredTogether("tls-cert", "tls-key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, an array of objects with check, state, found and advice")
	return cmd
}

// States of a finding.
const (
	stateOK   = "OK"
	stateWarn = "WARN" // works, but badly, or not for long
	stateFail = "FAIL" // a server does not start, does not file, or promises what it cannot keep
)

// A finding is what a check came to.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do
}

// A doctor checks a data directory and the machine that it is on.
type doctor struct {
	config server.Config // the files that the server is given, and what it leaves free on the disk
	listen string
	now    func() time.Time

	running  bool // a server has the data directory open
	begun    bool // there is a ledger that has had keys, or it cannot be seen
	findings []finding
}

func (d *doctor) add(state, check, found, advice string) {
	d.findings = append(d.findings, finding{check, state, found, advice})
}

// fail notes what cannot be read, and what to do about it.
func (d *doctor) fail(check string, err error, advice string) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = "Run this as the user that the server runs as, such as runuser -u jurat -- jurat doctor."
	case errors.Is(err, syscall.EROFS):
		advice = mountedReadOnly
	case errors.Is(err, syscall.ENOSPC):
		advice = "The disk is full: make room on it."
	}
	d.add(stateFail, check, err.Error(), advice)
}

// ok notes what is in order.
func (d *doctor) ok(check, format string, args ...any) {
	d.add(stateOK, check, fmt.Sprintf(format, args...), "")
}

// run makes all checks.
func (d *doctor) run() {
	if d.checkDirectory() {
		d.checkLedger()
		d.checkKeys()
		d.checkDisk()
		d.checkSync()
	}
	d.checkTLS()
	d.checkLoginRules()
	d.checkClock()
	d.checkLimits()
	d.checkMemory()
	d.checkProcessor()
	d.checkPort()
	d.checkSocket()
}

// report prints the findings and returns the exit status that stands for them.
func (d *doctor) report(w io.Writer, asJSON bool) error {
	failed := false
	for _, f := range d.findings {
		failed = failed || f.State == stateFail
	}
	if asJSON {
		if err := printJSON(w, d.findings); err != nil {
			return err
		}
	} else {
		for _, f := range d.findings {
			fmt.Fprintf(w, "%-4s  %s: %s\n", f.State, f.Check, plain.Text(f.Found))
			if f.Advice != "" {
				fmt.Fprintf(w, "      %s\n", plain.Text(f.Advice))
			}
		}
	}
	if failed {
		return exitStatus(exitFail)
	}
	return nil
}
