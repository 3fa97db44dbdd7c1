package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func newInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE.ksig",
		Short: "Show everything that a proof contains",
		Long: `Show every element of a proof: each link with its level, hash and direction, who filed it, the calendar chain and the
signature of the calendar key. Nothing is verified against a document or a key: see jurat verify.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readSignature(args[0])
			if err != nil {
				return err
			}
			signature, err := ksi.Parse(data)
			if err != nil {
				return fmt.Errorf("%s is no whole, unchanged proof; %s (%w)", args[0], whatInstead(data), err)
			}
			if asJSON {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", signature.JSON())
				return err
			}
			return signature.Text(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
