package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newManual makes the command that packages of the program are made with.
func newManual() *cobra.Command {
	var dir, date string
	cmd := &cobra.Command{
		Use:    "manual",
		Short:  "Write the manual pages",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			day, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return fmt.Errorf("--date: %w", err)
			}
			return writePages(cmd.Root(), dir, day)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "directory that they are written to")
	cmd.Flags().StringVar(&date, "date", "", "date that they bear, as 2026-11-22")
	return cmd
}

// writePages writes the page of a command and of those below it.
func writePages(c *cobra.Command, dir string, day time.Time) error {
	if c.Hidden || !c.IsAvailableCommand() && c.HasParent() {
		return nil
	}
	for _, sub := range c.Commands() {
		if err := writePages(sub, dir, day); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, pageName(c)+".1"), []byte(page(c, day)), 0o644)
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page returns the manual page of a command, for man(1).
func page(c *cobra.Command, day time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %s \"Jurat %s\" \"Jurat\"\n", roff(strings.ToUpper(pageName(c))), day.Format(time.DateOnly), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	if c.Long != "" {
		// The lines of a help text are as they should be.
		fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf\n%s\n.fi\n", roff(c.Long))
	}
	options := false
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if !options {
			options = true
			b.WriteString(".SH OPTIONS\n")
		}
		name, usage := pflag.UnquoteUsage(f)
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		if name != "" {
			term += " " + name
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(term), roff(usage))
	})
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	var others []string
	for _, o := range append([]*cobra.Command{c.Parent()}, c.Commands()...) {
		if o != nil && !o.Hidden && (o.IsAvailableCommand() || !o.HasParent()) {
			others = append(others, fmt.Sprintf(".BR %s (1)", roff(pageName(o))))
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(others, ",\n"))
	}
	return b.String()
}

// roff makes text safe: backslashes and hyphens are themselves, and no line is a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
