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
		Short: "List and make login roles, their passwords and their KSI keys",
		Long: `List and make the login roles of a running server, their passwords, and the keys with which they log in to its KSI gateway. The
same is to be had in SQL: CREATE ROLE, ALTER ROLE, the table roles, the function set_ksi_key. Superusers and operators make roles
and keys. Passwords never leave this machine: the server gets what it checks them with.`,
	}
	cmd.PersistentFlags().StringVar(&server, "server", "", "the server, "+serverForm)
	with := func(do roleWork) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			conn, err := connect(cmd.Context(), server)
			if err != nil {
				return err
			}
			defer conn.Close(cmd.Context())
			return serverError(do(cmd.Context(), conn, cmd.OutOrStdout(), args))
		}
	}
	var remove bool
	list := &cobra.Command{Use: "list", Short: "List the roles", Args: cobra.NoArgs, RunE: with(listRoles)}
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
	cmd.AddCommand(list, newRoleCreate(with), newRolePassword(with), key)
	return cmd
}

func listRoles(ctx context.Context, conn *pgx.Conn, out io.Writer, _ []string) error {
	rows, err := conn.Query(ctx, `SELECT role, kind, login, password, ksi FROM roles ORDER BY role`)
	if err != nil {
		return err
	}
	defer rows.Close()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "role\tkind\tlogin\tpassword\tksi key")
	yes := map[bool]string{true: "yes", false: "no"}
	for rows.Next() {
		var role, kind string
		var login, password, ksi bool
		if err := rows.Scan(&role, &kind, &login, &password, &ksi); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", role, kind, yes[login], yes[password], yes[ksi])
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return w.Flush()
}

// roleWork is done over a connection.
type roleWork = func(ctx context.Context, conn *pgx.Conn, out io.Writer, args []string) error

func newRoleCreate(with func(roleWork) func(*cobra.Command, []string) error) *cobra.Command {
	var superuser, noPassword bool
	var kind, passwordFile string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a role", Args: cobra.ExactArgs(1),
		Long: `Make a login role: an agency, which files, unless --kind or --superuser says otherwise. Its password is that of --password-file,
else one that is asked for; "-" as the file is standard input.`,
		Example: `  jurat role create canton
  jurat role create court --kind auditor --password-file court.txt`,
		RunE: with(func(ctx context.Context, conn *pgx.Conn, _ io.Writer, args []string) error {
			sql := "CREATE ROLE " + pgx.Identifier(args).Sanitize() + " LOGIN"
			if superuser {
				sql += " SUPERUSER"
			} else if kind != "" {
				sql += " IN ROLE " + pgx.Identifier{kind}.Sanitize()
			}
			if !noPassword {
				verifier, err := newPassword(passwordFile, args[0])
				if err != nil {
					return err
				}
				sql += " PASSWORD '" + verifier + "'"
			}
			_, err := conn.Exec(ctx, sql)
			return err
		}),
	}
	cmd.Flags().BoolVar(&superuser, "superuser", false, "make a superuser")
	cmd.Flags().StringVar(&kind, "kind", "", "what the role is for: agency, auditor or operator (default agency)")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "file with the password, - for standard input")
	cmd.Flags().BoolVar(&noPassword, "no-password", false, "give the role no password: for logins with a client certificate, or without passwords on this machine")
	return cmd
}

func newRolePassword(with func(roleWork) func(*cobra.Command, []string) error) *cobra.Command {
	var passwordFile string
	cmd := &cobra.Command{
		Use: "password NAME", Short: "Give a role a password", Args: cobra.ExactArgs(1),
		Long: "Give a role a new password: that of --password-file, else one that is asked for. Every role may give itself one.",
		RunE: with(func(ctx context.Context, conn *pgx.Conn, _ io.Writer, args []string) error {
			verifier, err := newPassword(passwordFile, args[0])
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, "ALTER ROLE "+pgx.Identifier(args).Sanitize()+" PASSWORD '"+verifier+"'")
			return err
		}),
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "file with the password, - for standard input")
	return cmd
}
