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

// textTables writes a table for each group of rivals.
func textTables(out *strings.Builder, all []bench.Summary) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Rivals() == all[0].Rivals() {
			n++
		}
		group := all[:n]
		all = all[n:]
		fmt.Fprintf(out, "\n%s\n", group[0].Rivals())
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		units := unitsOf(group)
		fmt.Fprint(t, "  by\tratio")
		for _, u := range units {
			fmt.Fprintf(t, "\t%s", heading(u))
		}
		fmt.Fprintln(t)
		for i := range group {
			fmt.Fprintf(t, "  %s\n", strings.Join(cells(&group[i], units), "\t"))
		}
		t.Flush()
		if sum := group[0].Checksum; sum != "" {
			fmt.Fprintf(out, "  checksum %s\n", sum)
		}
	}
	out.WriteByte('\n')
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
