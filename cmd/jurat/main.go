// Command jurat is the server and every tool around it. Results go to standard output, words for people to standard
// error; each command's --help is its manual. Exit codes: 0 success, 1 failed or disproven, 2 inconclusive, 3 the command
// could not be carried out.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/plain"
)

// Exit codes beside 0.
const (
	exitFail         = 1 // a check was carried out and failed
	exitInconclusive = 2 // a verification lacks something
	exitError        = 3 // bad usage, missing file, no server …
)

// An exitStatus is an error that stands for an exit code alone: what there is to say is said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	err := newRoot().Execute()
	var status exitStatus
	switch {
	case err == nil:
	case errors.As(err, &status):
		os.Exit(int(status))
	default:
		fmt.Fprintln(os.Stderr, "jurat:", printable(err.Error(), os.Args[1:]))
		if advice := adviceOn(err); advice != "" {
			fmt.Fprintln(os.Stderr, advice)
		}
		os.Exit(exitError)
	}
}

// mountedReadOnly is what to do about a file system that cannot be written.
const mountedReadOnly = "The file system is mounted read-only: see the kernel log, which says so if it is because of a fault of the disk."

// adviceOn says what to do about an error of the system, "" if there is nothing to say.
func adviceOn(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "Run this as a user who may do that: a data directory belongs to the user that its server runs as."
	case errors.Is(err, syscall.EROFS):
		return mountedReadOnly
	}
	return ""
}

// printable returns the text of an error fit to be shown: arguments in it that do not print as themselves, such as names of files that came from
// others, are quoted, and so is every line that still holds what a terminal would obey.
func printable(text string, args []string) string {
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "--") {
			arg = value
		}
		if quoted := plain.Text(arg); quoted != arg {
			text = strings.ReplaceAll(text, arg, quoted)
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = plain.Text(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "jurat",
		Short: "A ledger server that proves when a document existed and who filed it",
		Long: `Jurat keeps a ledger of document hashes. Agencies file them with any Postgres client; a second later they hold proofs,
signatures in the KSI-compatible format, that anybody can verify offline. The server never sees a document.

  jurat serve                       run a server on ./data, 127.0.0.1:5433
  jurat sign letter.pdf             hash a file, file the hash, write letter.pdf.ksig
  jurat verify letter.pdf           verify it against letter.pdf.ksig, offline
  jurat publish                     publish the calendar, so that nothing rests on keys
  jurat extend letter.pdf.ksig      make a proof rest on a publication
  psql -h 127.0.0.1 -p 5433 -U jurat jurat`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newServe(), newMakeCertificate(), newSign(), newVerify(), newInspect(), newExtend(), newPublish(), newPage(), newQR(), newRole(), newRotateKey(), newFsck(), newDoctor(), newManual(), newSBOM(), newBackup(), newRestore(), newExport(), newVerifyBundle(), newExtract(), newSeal(), newVerifySeal(), newLandmarks(), newReceipt(), newCounterReceipt(), newTransfer(), newBench(), newVersion())
	return root
}
