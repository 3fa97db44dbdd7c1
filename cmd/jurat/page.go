package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/merkle/landmark"
	verification "github.com/jurat-ledger/jurat/page" // page and check are functions of this package
	pagetrust "github.com/jurat-ledger/jurat/page/check"
)

func newPage() *cobra.Command {
	var o pageOptions
	cmd := &cobra.Command{
		Use:   "page --out DIR",
		Short: "Write the verification page into a folder",
		Long: `Write the verification page into a folder: static files by which anybody verifies documents and printed seals in a browser,
offline. Put the folder on any web server, or on a USB stick, and open index.html; "jurat serve --page-listen" serves the
same page. Nothing that is dropped on it leaves the device.

What vouches for the time comes with it if you name it here; who opens the page can add to it, and a printed publication
string, pasted into it, needs nothing else.`,
		Example: `  jurat page --out usb --publications-file publications.bin --trust root.crt --constraint E=publications@ledger.example
  jurat page --out usb --landmarks landmarks.bin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "folder to write, which must not exist or be empty")
	f.StringVar(&o.landmarks, "landmarks", "", "file of landmarks, for printed seals")
	f.StringArrayVar(&o.status, "status", nil, "status list of an agency; may be repeated")
	o.publications.flags(f)
	return cmd
}

type pageOptions struct {
	out, landmarks string
	status         []string
	publications   publicationsOptions
}

func (o *pageOptions) run(out io.Writer) error {
	if o.out == "" {
		return errors.New("say with --out which folder to write")
	}
	trust, err := o.trust()
	if err != nil {
		return err
	}
	v, err := verification.Built()
	if err != nil {
		return err
	}
	files, err := verification.Files(v)
	if err != nil {
		return err
	}
	if files["trust.js"], err = verification.Trust(trust); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	if entries, err := os.ReadDir(o.out); err != nil {
		return err
	} else if len(entries) > 0 {
		return fmt.Errorf("%s holds files (%s): give an empty folder or none with --out", o.out, entries[0].Name())
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		size += len(files[name])
		if err := writeWhole(filepath.Join(o.out, name), files[name]); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "Wrote the verification page, %d files of %.1f MB: open %s\n", len(files), float64(size)/1e6, filepath.Join(o.out, "index.html"))
	return err
}

// trust reads what comes with the page.
func (o *pageOptions) trust() (t pagetrust.Trust, err error) {
	file, err := o.publications.read()
	if err != nil {
		return t, err
	}
	if file != nil {
		t.Publications, t.Constraints = file.Append(nil), o.publications.constraints
	}
	var roots strings.Builder
	for _, path := range o.publications.roots {
		text, err := os.ReadFile(path)
		if err != nil {
			return t, err
		}
		roots.Write(append(text, '\n'))
	}
	t.Roots = roots.String()
	if o.landmarks != "" {
		if t.Landmarks, err = os.ReadFile(o.landmarks); err != nil {
			return t, err
		}
		if _, err := landmark.Parse(t.Landmarks); err != nil {
			return t, fmt.Errorf("%s: %w", o.landmarks, err)
		}
	}
	for _, path := range o.status {
		data, err := os.ReadFile(path)
		if err != nil {
			return t, err
		}
		t.Status = append(t.Status, data)
	}
	return t, nil
}
