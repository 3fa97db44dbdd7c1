package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"github.com/spf13/cobra"

	"github.com/jurat-ledger/jurat/internal/qr"
)

func newQR() *cobra.Command {
	var o qrOptions
	cmd := &cobra.Command{
		Use:   "qr [FILE] --out CODE.png",
		Short: "Draw the text of a seal or a publication string as a QR code",
		Long: fmt.Sprintf(`Draw the text in FILE, or on standard input, as a QR code: as PNG for screens and for programs that make documents, as
SVG, or as a PDF page of just that size, which such programs can place as a picture without loss.

A code whose modules, its small squares, are less than %g mm wide on paper is refused: cameras do not read it reliably.`, qr.MinModule),
		Example: `  jurat qr seal.txt --out seal.svg --width 50
  jurat qr seal.txt --out seal.png --pixels 6`,
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
	f.Float64Var(&o.width, "width", 50, "width of an SVG or a PDF in millimetres, with the white margin")
	f.IntVar(&o.pixels, "pixels", 4, "pixels a module of a PNG")
	return cmd
}

type qrOptions struct {
	out    string
	width  float64
	pixels int
}

func (o *qrOptions) run(in io.Reader) error {
	const longest = 1 << 13 // longer than any code holds
	text, err := io.ReadAll(io.LimitReader(in, longest))
	if err != nil {
		return err
	}
	// A seal may hold spaces, and end in one: only the end of the line is not the text's.
	code, err := qr.Encode(strings.TrimRight(string(text), "\r\n"))
	if err != nil {
		return err
	}
	var data []byte
	switch strings.ToLower(filepath.Ext(o.out)) {
	case ".png":
		data, err = code.PNG(o.pixels)
	case ".svg":
		data, err = code.SVG(o.width, "QR code")
	case ".pdf":
		data, err = codePage(code, o.width)
	default:
		err = errors.New("say with --out which .png, .svg or .pdf to write")
	}
	if err != nil {
		return err
	}
	return writeWhole(o.out, data)
}

// codePage returns a PDF page with nothing but a code, so many millimetres wide.
func codePage(code *qr.Code, width float64) ([]byte, error) {
	module, err := code.Module(width)
	if err != nil {
		return nil, err
	}
	p := fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: width, Ht: width}})
	p.SetCatalogSort(true)
	p.SetMargins(0, 0, 0)
	p.SetAutoPageBreak(false, 0)
	p.AddPage()
	for _, r := range code.Runs() {
		p.Rect(float64(r.X+qr.Quiet)*module, float64(r.Y+qr.Quiet)*module, float64(r.Length)*module, module, "F")
	}
	var b bytes.Buffer
	err = p.Output(&b)
	return b.Bytes(), err
}
