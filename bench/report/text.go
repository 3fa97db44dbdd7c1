package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/jurat-ledger/jurat/bench"
)

// Text writes the records as tables: what each promises in its first lines, how it was made, then medians, the range in
// brackets where there were several runs, and the checksum where contenders computed the same.
func Text(w io.Writer, records []*bench.Record) error {
	var out strings.Builder
	for _, r := range byAge(records) {
		for _, line := range about(r) {
			fmt.Fprintf(&out, "%-11s %s\n", line[0], line[1])
		}
		textTables(&out, bench.Summarize(r.Samples))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// about says how a record was made, durability first.
func about(r *bench.Record) [][2]string {
	var all [][2]string
	for _, by := range slices.Sorted(maps.Keys(r.Durability)) {
		all = append(all, [2]string{"durability", by + ": " + r.Durability[by]})
	}
	m := r.Machine
	return append(all,
		[2]string{"machine", fmt.Sprintf("%s, %d processors (%s), %.0f GB, %s, kernel %s, %s, load %s",
			m.CPU, m.Processors, strings.Join(m.Features, " "), float64(m.MemoryBytes)/1e9, m.OS, m.Kernel, m.Go, m.LoadBefore)},
		[2]string{"run", fmt.Sprintf("jurat %s; commit %s, seed %d, %s", strings.Join(r.Command, " "), r.Commit, r.Seed, r.Started.Format("2006-01-02 15:04:05 UTC"))})
}

// textTables writes a table for each group of rivals; what has no rivals shares one with others of its kind.
func textTables(out *strings.Builder, all []bench.Summary) {
	groups := make(map[string][]bench.Summary)
	alone := make(map[string]bool) // kinds of measurement without any rivals
	for _, s := range all {
		groups[s.Rivals()] = append(groups[s.Rivals()], s)
	}
	for _, s := range all {
		n := len(groups[s.Rivals()])
		before, known := alone[s.What()]
		alone[s.What()] = n == 1 && (before || !known)
	}
	written := make(map[string]bool)
	for _, s := range all {
		title, group, first := s.Rivals(), groups[s.Rivals()], func(s *bench.Summary) string { return s.Key("by") }
		if alone[s.What()] {
			title, group, first = s.What(), of(all, s.What()), parts
		}
		if !written[title] {
			written[title] = true
			textTable(out, title, group, first)
		}
	}
	out.WriteByte('\n')
}

// parts returns the name without its first word.
func parts(s *bench.Summary) string {
	_, rest, _ := strings.Cut(s.Name, "/")
	return rest
}

// textTable writes one table; first is what its first column says.
func textTable(out *strings.Builder, title string, group []bench.Summary, first func(s *bench.Summary) string) {
	fmt.Fprintf(out, "\n%s\n", title)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	units := unitsOf(group)
	fmt.Fprint(t, "  \tratio")
	for _, u := range units {
		fmt.Fprintf(t, "\t%s", heading(u))
	}
	fmt.Fprintln(t)
	for i := range group {
		row := cells(&group[i], units)
		row[0] = first(&group[i])
		fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	t.Flush()
	if sum := group[0].Checksum; sum != "" {
		fmt.Fprintf(out, "  checksum %s\n", sum)
	}
}

// cells are the columns of a contender: its name, its ratio and its values.
func cells(s *bench.Summary, units []string) []string {
	all := []string{s.Key("by"), ""}
	if s.Ratio > 0 {
		all[1] = significant(s.Ratio) + "×"
	}
	for _, u := range units {
		v, ok := s.Values[u]
		switch {
		case !ok:
			all = append(all, "")
		case s.Low[u] < s.High[u]:
			all = append(all, fmt.Sprintf("%s [%s–%s]", written(v, u), written(s.Low[u], u), written(s.High[u], u)))
		default:
			all = append(all, written(v, u))
		}
	}
	return all
}

// written writes a value; times are in the unit that suits.
func written(v float64, unit string) string {
	switch {
	case strings.HasSuffix(unit, "-us"), strings.Contains(unit, "-us/"):
		return duration(v)
	case strings.HasSuffix(unit, "-ms"), strings.Contains(unit, "-ms/"):
		return milliseconds(v)
	case strings.HasPrefix(unit, "ns/"), strings.Contains(unit, "-ns/"):
		return nanoseconds(v)
	}
	return si(v)
}

// heading is a unit as the head of a column: without the unit of time, which the values name.
func heading(unit string) string {
	for _, u := range []string{"-us", "-ms", "-ns"} {
		if name, per, ok := strings.Cut(unit, u); ok && (per == "" || per[0] == '/') {
			return name + per
		}
	}
	return strings.Replace(unit, "ns/", "time/", 1)
}

// unitsOf returns the units of a group: rates, then the others in alphabetical order.
func unitsOf(group []bench.Summary) []string {
	have := make(map[string]bool)
	for _, s := range group {
		for u := range s.Values {
			have[u] = true
		}
	}
	var units []string
	for _, u := range bench.Rates {
		if have[u] {
			units = append(units, u)
			delete(have, u)
		}
	}
	return append(units, slices.Sorted(maps.Keys(have))...)
}
