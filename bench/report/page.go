package report

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/jurat-ledger/jurat/bench"
)

const pageHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jurat, measured</title>
<style>
body { font: 15px/1.5 system-ui, 'DejaVu Sans', sans-serif; color: #1a1d21; background: #f6f7f9; margin: 0 auto; max-width: 1600px; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 32px 0 8px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 620px), 1fr)); gap: 20px; align-items: start; }
figure { margin: 0; background: #fff; border: 1px solid #e5e7eb; border-radius: 8px; padding: 8px; }
figure svg { width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; background: #fff; border: 1px solid #e5e7eb; border-radius: 8px; margin-bottom: 12px; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid #e5e7eb; vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: #6b7280; }
td.words { white-space: normal; }
code { font-size: 12px; }
p { margin: 4px 0 12px; color: #4b5563; max-width: 80em; }
</style>
</head>
<body>
<h1>Jurat, measured</h1>
<p>Every point is a median of the runs below. Contenders ran alternately, on one machine, in one run of one program; a contender is
compared with others of its own record only.</p>
`

// HTML writes a page: how the records were made, plots, and all medians as tables. It fetches nothing.
func HTML(w io.Writer, records []*bench.Record) error {
	var page strings.Builder
	page.WriteString(pageHead)
	for _, r := range byAge(records) {
		page.WriteString("<div class=\"scroll\"><table>\n")
		for _, line := range about(r) {
			fmt.Fprintf(&page, "<tr><th>%s</th><td class=\"words\">%s</td></tr>\n", line[0], html.EscapeString(line[1]))
		}
		page.WriteString("</table></div>\n")
	}
	page.WriteString("<div class=\"plots\">\n")
	for _, p := range Plots(records) {
		fmt.Fprintf(&page, "<figure id=\"%s\">\n%s</figure>\n", p.Name, p.SVG)
	}
	page.WriteString("</div>\n<h2>All medians</h2>\n")
	pageTables(&page, choose(records))
	page.WriteString("</body>\n</html>\n")
	_, err := io.WriteString(w, page.String())
	return err
}

// pageTables writes one table for each kind of measurement.
func pageTables(page *strings.Builder, all []bench.Summary) {
	for len(all) > 0 {
		what := all[0].What()
		group := of(all, what)
		units := unitsOf(group)
		fmt.Fprintf(page, "<h2>%s</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th>by</th><th>ratio</th>", html.EscapeString(what))
		for _, u := range units {
			fmt.Fprintf(page, "<th>%s</th>", html.EscapeString(heading(u)))
		}
		page.WriteString("</tr>\n")
		for i := range group {
			_, parts, _ := strings.Cut(group[i].Rivals(), "/")
			fmt.Fprintf(page, "<tr><td><code>%s</code></td>", html.EscapeString(parts))
			for _, c := range cells(&group[i], units) {
				fmt.Fprintf(page, "<td>%s</td>", html.EscapeString(c))
			}
			page.WriteString("</tr>\n")
		}
		page.WriteString("</table></div>\n")
		var rest []bench.Summary
		for _, s := range all {
			if s.What() != what {
				rest = append(rest, s)
			}
		}
		all = rest
	}
}
