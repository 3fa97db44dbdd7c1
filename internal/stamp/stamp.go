// Package stamp puts a picture onto a page of a PDF document that somebody else made, and leaves the rest of the document as it
// is: pages, links, forms, metadata. The picture is a PDF page itself, so that it stays lines and areas and prints sharply.
//
// The document is written anew, which a digital signature in it (PAdES) does not survive: documents that hold one are refused.
// Stamp first, sign then.
package stamp

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

var (
	// ErrDocument is returned for what is no PDF document, is damaged, or needs a password.
	ErrDocument = errors.New("not a PDF document that can be stamped")
	// ErrSigned is returned for a document with a digital signature.
	ErrSigned = errors.New("the document holds a digital signature, which a stamp would break: stamp first, then sign")
	// ErrPlace is returned for a place outside the document or the page.
	ErrPlace = errors.New("no such place in the document")
)

// MaxSize is the size in bytes of the largest document that Stamp takes: it is held in memory several times over.
const MaxSize = 64 << 20

// A Place is where on which page a picture goes: lengths in millimetres, from the upper left corner of the page as it is shown to
// the upper left corner of the picture, which is as wide as it is high.
type Place struct {
	Page        int // from 1; -1 is the last
	X, Y, Width float64
}

const points = 72 / 25.4 // a millimetre

// Stamp returns the document with the first page of a picture, a PDF too, on top of one of its pages. It returns ErrDocument,
// ErrSigned or ErrPlace, wrapped with what is wrong.
func Stamp(document, picture []byte, at Place) ([]byte, error) {
	if len(document) > MaxSize {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrDocument, len(document), MaxSize)
	}
	ctx, err := read(document)
	if err != nil {
		return nil, err
	}
	page := at.Page
	if page < 0 {
		page = ctx.PageCount
	}
	if page < 1 || page > ctx.PageCount {
		return nil, fmt.Errorf("%w: page %d of %d", ErrPlace, at.Page, ctx.PageCount)
	}
	if err := fits(ctx, page, at); err != nil {
		return nil, err
	}
	where := fmt.Sprintf("position:tl, offset:%.3f %.3f, scalefactor:1 abs, rotation:0", at.X*points, -at.Y*points)
	mark, err := api.PDFWatermarkForReadSeeker(bytes.NewReader(picture), 1, where, true, false, types.POINTS)
	if err != nil {
		return nil, err
	}
	if err := api.WatermarkContext(ctx, types.IntSet{page: true}, mark); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	var out bytes.Buffer
	if err := api.Write(ctx, &out, ctx.Configuration); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return out.Bytes(), nil
}

// read parses and checks a document.
func read(document []byte) (*model.Context, error) {
	api.DisableConfigDir() // nothing is read from or written to the home directory
	conf := model.NewDefaultConfiguration()
	conf.Cmd = model.ADDWATERMARKS
	conf.OptimizeDuplicateContentStreams = false
	conf.Offline = true
	ctx, err := api.ReadValidateAndOptimize(bytes.NewReader(document), conf)
	if errors.Is(err, pdfcpu.ErrWrongPassword) {
		return nil, fmt.Errorf("%w: it is protected by a password; save it without one", ErrDocument)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if ctx.SignatureExist || ctx.AppendOnly || len(ctx.Signatures) > 0 {
		return nil, ErrSigned
	}
	return ctx, nil
}

// fits returns an error if the picture does not lie within the page as it is shown.
func fits(ctx *model.Context, page int, at Place) error {
	sizes, err := ctx.PageDims()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	width, height := sizes[page-1].Width/points, sizes[page-1].Height/points
	if at.X < 0 || at.Y < 0 || at.X+at.Width > width || at.Y+at.Width > height {
		return fmt.Errorf("%w: page %d is %.0f x %.0f mm; %.0f mm wide at %.0f,%.0f is outside it", ErrPlace, page, width, height, at.Width, at.X, at.Y)
	}
	return nil
}
