package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jurat-ledger/jurat/internal/paper"
	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/internal/stamp"
)

func newQR() *cobra.Command {
	var o qrOptions
	cmd := &cobra.Command{
		Use:   "qr [FILE] --out CODE.png",
		Short: "Draw the text of a seal or a publication string as a QR code",
		Long: fmt.Sprintf(`Draw the text in FILE, or on standard input, as a QR code: as PNG for screens and for programs that make documents, as
SVG, or as a PDF page of just that size, which such programs can place as a picture without loss. With --pdf and --at the code is
put onto a page of a PDF document that is there already; --out is the stamped document. A document that is to be signed digitally
is stamped first: a signature would not survive it.

A code whose modules, its small squares, are less than %g mm wide on paper is refused: cameras do not read it reliably.`, qr.MinModule),
		Example: `  jurat qr seal.txt --out seal.svg --width 50
  jurat qr seal.txt --out seal.png --pixels 6
  jurat qr seal.txt --pdf extract.pdf --at 150,20 --width 45 --out sealed.pdf`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := cmd.InOrStdin()
			if len(args) > 0 {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			return o.run(in)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "out", "o", "", "file to write: a .png, .svg or .pdf")
	o.placeFlags(f)
	return cmd
}

// placeFlags adds the flags for how large a code is drawn, and onto what.
func (o *qrOptions) placeFlags(f *pflag.FlagSet) {
	f.StringVar(&o.pdf, "pdf", "", "PDF document to put the code onto; --out is then the stamped document")
	f.StringVar(&o.at, "at", "", "where on the page the code's upper left corner goes: millimetres from the left and from the top, such as 150,20")
	f.IntVar(&o.page, "page", 1, "page of the document; -1 for the last")
	f.Float64Var(&o.width, "width", 50, "width of an SVG or a PDF in millimetres, with the white margin")
	f.IntVar(&o.pixels, "pixels", 4, "pixels a module of a PNG")
}

type qrOptions struct {
	out, pdf, at string
	width        float64
	pixels, page int
}

func (o *qrOptions) run(in io.Reader) error {
	const longest = 1 << 13 // longer than any code holds
	text, err := io.ReadAll(io.LimitReader(in, longest))
	if err != nil {
		return err
	}
	// A seal may hold spaces, and end in one: only the end of the line is not the text's.
	data, err := o.draw(strings.TrimRight(string(text), "\r\n"))
	if err != nil {
		return err
	}
	return writeWhole(o.out, data)
}

// draw returns the code of a text in the form that the extension of out names.
func (o *qrOptions) draw(text string) ([]byte, error) {
	code, err := qr.Encode(text)
	if err != nil {
		return nil, err
	}
	extension := strings.ToLower(filepath.Ext(o.out))
	if o.pdf != "" || o.at != "" {
		if o.pdf == "" || o.at == "" || extension != ".pdf" {
			return nil, errors.New("give a PDF document with --pdf, where the code goes with --at, and with --out which .pdf to write")
		}
		return o.stamp(code)
	}
	switch extension {
	case ".png":
		return code.PNG(o.pixels)
	case ".svg":
		return code.SVG(o.width, "QR code")
	case ".pdf":
		return paper.CodePage(code, o.width)
	}
	return nil, errors.New("say with --out which .png, .svg or .pdf to write")
}

// stamp returns the document with the code on it.
func (o *qrOptions) stamp(code *qr.Code) ([]byte, error) {
	place := stamp.Place{Page: o.page, Width: o.width}
	x, y, ok := strings.Cut(o.at, ",")
	var errX, errY error
	place.X, errX = strconv.ParseFloat(x, 64)
	place.Y, errY = strconv.ParseFloat(y, 64)
	if !ok || errX != nil || errY != nil {
		return nil, fmt.Errorf("--at %q: want millimetres from the left and from the top, such as 150,20", o.at)
	}
	document, err := readAtMost(o.pdf, stamp.MaxSize+1)
	if err != nil {
		return nil, err
	}
	picture, err := paper.CodePage(code, o.width)
	if err != nil {
		return nil, err
	}
	stamped, err := stamp.Stamp(document, picture, place)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.pdf, err)
	}
	return stamped, nil
}
