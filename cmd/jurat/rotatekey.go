package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/server"
)

func newRotateKey() *cobra.Command {
	var data, email string
	cmd := &cobra.Command{
		Use:   "rotate-key calendar|publications",
		Short: "Replace a key of a stopped server",
		Long: `Make a new key and certificate in the data directory of a stopped server; the ones before are kept aside.

calendar: the key that signs calendar roots, in the last year of its certificate or when it is lost. Proofs made before stay
valid: certificates of earlier keys stay in the table calendar_certificates and in the publications file.

publications: the key that signs the publications file. Its certificate is issued by the root, whose key keys/root.key must be
there for it; that key may be kept elsewhere at all other times. Verifiers trust the root, so they notice nothing.`,
		Example:   "  jurat rotate-key calendar --data /var/lib/jurat",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"calendar", "publications"},
		RunE: func(cmd *cobra.Command, args []string) error {
			certificate, err := server.RotateKey(data, args[0], email, time.Now())
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), certificate)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "data directory")
	cmd.Flags().StringVar(&email, "email", "", "with publications: another e-mail address for the certificate")
	return cmd
}
