package query

import (
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/query/parse"
)

// CopyOptions describe the data of a COPY. Empty fields stand for the default of the format.
type CopyOptions struct {
	Table      string // as errors name it
	Format     string // "text", "csv" or "binary"
	Delimiter  string
	Null       *string
	Quote      string
	Escape     string
	Header     bool
	Match      bool   // the header must hold the names of the columns
	ForceQuote []bool // by column: quoted always; nil for none
}

// copyNames are the names of options that Postgres' errors write in two words.
var copyNames = map[string]string{"force_quote": "force quote", "force_null": "force null", "force_not_null": "force not null"}

// copyOptions judges the options of a COPY of the columns called names.
func (a *analyzer) copyOptions(stmt *parse.Copy, table string, names []string) (*CopyOptions, error) {
	o := &CopyOptions{Table: table, Format: "text"}
	seen := map[string]bool{}
	for _, opt := range stmt.Options {
		if seen[opt.Name] {
			return nil, a.fail(errf(codeSyntax, "conflicting or redundant options"), opt)
		}
		seen[opt.Name] = true
		if err := a.copyOption(o, opt, stmt.From); err != nil {
			return nil, err
		}
	}
	if err := o.conflicts(seen, stmt.From); err != nil {
		return nil, err
	}
	for _, opt := range stmt.Options {
		if opt.Name == "force_quote" {
			if err := o.forceQuote(opt, names); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// conflicts refuses options that do not go with the format or the direction.
func (o *CopyOptions) conflicts(seen map[string]bool, from bool) error {
	if o.Format == "binary" {
		for _, name := range []string{"delimiter", "null"} {
			if seen[name] {
				return errf(codeSyntax, "cannot specify %s in BINARY mode", strings.ToUpper(name))
			}
		}
		if o.Header {
			return errf(codeUnsupported, "cannot specify HEADER in BINARY mode")
		}
	}
	for _, name := range []string{"quote", "escape", "force_quote", "force_not_null", "force_null"} {
		words := name
		if w, ok := copyNames[name]; ok {
			words = w
		}
		switch {
		case !seen[name]:
		case o.Format != "csv":
			return errf(codeUnsupported, "COPY %s available only in CSV mode", words)
		case name == "force_quote" && from:
			return errf(codeUnsupported, "COPY force quote only available using COPY TO")
		case strings.HasSuffix(name, "null") && !from:
			return errf(codeUnsupported, "COPY %s only available using COPY FROM", words)
		case strings.HasSuffix(name, "null"):
			return errf(codeUnsupported, "the COPY option %s is not supported", strings.ToUpper(name)).
				hint("A digest is never null and never the empty string; leave the columns away that are to have their default.")
		}
	}
	return nil
}

// forceQuote marks the columns that FORCE_QUOTE names.
func (o *CopyOptions) forceQuote(opt parse.Option, names []string) error {
	o.ForceQuote = make([]bool, len(names))
	if len(opt.List) == 0 {
		for i := range o.ForceQuote {
			o.ForceQuote[i] = true
		}
	}
	for _, name := range opt.List {
		i := slices.Index(names, name)
		if i < 0 {
			return errf(codeUndefinedColumn, "column %q does not exist", name)
		}
		o.ForceQuote[i] = true
	}
	return nil
}

func (a *analyzer) copyOption(o *CopyOptions, opt parse.Option, from bool) error {
	text := ""
	if l, ok := opt.Value.(*parse.Literal); ok {
		text = l.Text
	}
	one := func(to *string) error {
		if *to = text; len(text) != 1 {
			return errf(codeUnsupported, "COPY %s must be a single one-byte character", opt.Name)
		}
		return nil
	}
	if opt.Value == nil && slices.Contains([]string{"format", "delimiter", "quote", "escape", "null", "encoding"}, opt.Name) {
		return errf(codeSyntax, "%s requires a parameter", opt.Name)
	}
	switch opt.Name {
	case "format":
		if o.Format = text; text != "text" && text != "csv" && text != "binary" {
			return a.fail(errf(codeInvalidParameter, "COPY format %q not recognized", text), opt)
		}
	case "delimiter":
		return one(&o.Delimiter)
	case "quote":
		return one(&o.Quote)
	case "escape":
		return one(&o.Escape)
	case "null":
		o.Null = &text
	case "header":
		return o.header(opt, text, from)
	case "freeze":
	case "encoding":
		return a.copyEncoding(opt, text)
	case "force_quote", "force_not_null", "force_null":
	default:
		return a.fail(errf(codeSyntax, "option %q not recognized", opt.Name), opt)
	}
	return nil
}

func (o *CopyOptions) header(opt parse.Option, text string, from bool) error {
	on, ok := parseBool(text)
	switch {
	case opt.Value == nil:
		on = true
	case strings.EqualFold(text, "match") && !from:
		return errf(codeUnsupported, `cannot use "match" with HEADER in COPY TO`)
	case strings.EqualFold(text, "match"):
		on, o.Match = true, true
	case !ok:
		return errf(codeSyntax, `header requires a Boolean value or "match"`)
	}
	o.Header = on
	return nil
}

// copyEncoding accepts UTF8 alone.
func (a *analyzer) copyEncoding(opt parse.Option, text string) error {
	_, err := settingByName["client_encoding"].checkEncoding(text)
	switch {
	case err == nil:
		return nil
	case !isEncoding(text):
		return a.fail(errf(codeInvalidParameter, "argument to option \"encoding\" must be a valid encoding name"), opt)
	}
	return a.fail(errf(codeUnsupported, "COPY in the encoding %s is not supported", strings.ToUpper(text)).
		hint("The server speaks UTF8 only: convert the data at the client, with iconv for example."), opt)
}

// bareEncoding returns the letters and digits of an encoding's name, which is all that counts of it.
func bareEncoding(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// isEncoding reports whether Postgres knows an encoding of this name.
func isEncoding(name string) bool {
	bare := bareEncoding(name)
	for _, family := range []string{"latin", "iso8859", "win125", "windows125", "koi8", "euc", "sqlascii", "sjis", "shiftjis", "big5", "gbk",
		"gb18030", "uhc", "johab", "win866", "win874", "windows866", "windows874", "alt", "abc", "tcvn", "vscii", "mskanji", "muleinternal"} {
		if strings.HasPrefix(bare, family) {
			return true
		}
	}
	return false
}

// columnNames returns the names of the columns that target lists.
func columnNames(cols []ColumnDef, target []int) []string {
	names := make([]string, len(target))
	for k, i := range target {
		names[k] = cols[i].Name
	}
	return names
}
