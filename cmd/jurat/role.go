package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func newRole() *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use:   "role",
		Short: "List and make login roles and their KSI keys",
		Long: `List and make the login roles of a running server, and the keys with which they log in to its KSI gateway. The same is to be
had in SQL: CREATE ROLE, the table roles, the function set_ksi_key. Only a superuser makes roles and keys.`,
	}
	cmd.PersistentFlags().StringVar(&server, "server", "", "the server, as a Postgres URL such as "+defaultServer)
	with := func(do func(ctx context.Context, conn *pgx.Conn, out io.Writer, args []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			conn, err := connect(cmd.Context(), server)
			if err != nil {
				return err
			}
			defer conn.Close(cmd.Context())
			return serverError(do(cmd.Context(), conn, cmd.OutOrStdout(), args))
		}
	}
	var superuser, remove bool
	list := &cobra.Command{Use: "list", Short: "List the roles", Args: cobra.NoArgs, RunE: with(listRoles)}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a role", Args: cobra.ExactArgs(1),
		Long: "Make a login role: an agency, or with --superuser one that sees and may do everything.",
		RunE: with(func(ctx context.Context, conn *pgx.Conn, _ io.Writer, args []string) error {
			sql := "CREATE ROLE " + pgx.Identifier(args).Sanitize() + " LOGIN"
			if superuser {
				sql += " SUPERUSER"
			}
			_, err := conn.Exec(ctx, sql)
			return err
		}),
	}
	create.Flags().BoolVar(&superuser, "superuser", false, "make a superuser")
	key := &cobra.Command{
		Use: "ksi-key NAME", Short: "Make a new KSI key for a role and print it", Args: cobra.ExactArgs(1),
		Long: `Make a new key with which a role logs in to the KSI gateway, login id NAME, and print it. The key before, if there was one,
is not accepted any more.`,
		RunE: with(func(ctx context.Context, conn *pgx.Conn, out io.Writer, args []string) error {
			if remove {
				_, err := conn.Exec(ctx, `SELECT set_ksi_key($1, NULL)`, args[0])
				return err
			}
			var key string
			if err := conn.QueryRow(ctx, `SELECT set_ksi_key($1)`, args[0]).Scan(&key); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, key)
			return err
		}),
	}
	key.Flags().BoolVar(&remove, "remove", false, "take the key away")
	cmd.AddCommand(list, create, key)
	return cmd
}

func listRoles(ctx context.Context, conn *pgx.Conn, out io.Writer, _ []string) error {
	rows, err := conn.Query(ctx, `SELECT role, superuser, ksi FROM roles ORDER BY role`)
	if err != nil {
		return err
	}
	defer rows.Close()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "role\tkind\tksi key")
	for rows.Next() {
		var role string
		var superuser, ksi bool
		if err := rows.Scan(&role, &superuser, &ksi); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", role, map[bool]string{true: "superuser", false: "agency"}[superuser],
			map[bool]string{true: "yes", false: "no"}[ksi])
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Flush()
}
