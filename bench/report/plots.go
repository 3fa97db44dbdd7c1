package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/bench"
)

// A Plot is one picture.
type Plot struct {
	// Name is a file name without suffix.
	Name string
	SVG  []byte
}

// Plots draws all that the records have something to say about.
func Plots(records []*bench.Record) []Plot {
	all := choose(records)
	p := make(palette)
	var plots []Plot
	for _, d := range []struct {
		name string
		draw func(all []bench.Summary, p palette) []byte
	}{
		{"kernel", kernelPlot}, {"tree", treePlot}, {"calendar", calendarPlot},
		{"ingest", ingestPlot}, {"clients", clientsPlot}, {"processor", processorPlot}, {"latency", latencyPlot}, {"proof-wait", waitPlot},
		{"bytes", bytesPlot}, {"round", roundPlot}, {"lag", lagPlot},
		{"proof", proofPlot}, {"proof-latency", proofLatencyPlot},
		{"billion-memory", memoryPlot}, {"billion-rate", ratePlot},
	} {
		if svg := d.draw(all, p); svg != nil {
			plots = append(plots, Plot{d.name, svg})
		}
	}
	return plots
}

func byName(s *bench.Summary) string { return named(s.Key("by")) }

// table makes the rows of a rows chart: title names the row, values gives what is drawn, nil for nothing.
func table(some []bench.Summary, title func(s *bench.Summary) string, values func(s *bench.Summary) ([]float64, string)) []row {
	var all []row
	for i := range some {
		s := &some[i]
		v, note := values(s)
		if v == nil || slices.Min(v) <= 0 {
			continue
		}
		name := title(s)
		at := slices.IndexFunc(all, func(r row) bool { return r.name == name })
		if at < 0 {
			all = append(all, row{name: name})
			at = len(all) - 1
		}
		all[at].marks = append(all[at].marks, mark{by: s.Key("by"), name: byName(s), values: v, note: note})
	}
	return all
}

// value takes one unit.
func value(unit string) func(s *bench.Summary) ([]float64, string) {
	return func(s *bench.Summary) ([]float64, string) {
		if v, ok := s.Values[unit]; ok {
			return []float64{v}, ""
		}
		return nil, ""
	}
}

// compared takes one unit and notes the ratio, where there is something to compare with.
func compared(unit string) func(s *bench.Summary) ([]float64, string) {
	return func(s *bench.Summary) ([]float64, string) {
		v, ok := s.Values[unit]
		switch {
		case !ok:
			return nil, ""
		case s.Ratio == 1:
			return []float64{v}, ""
		}
		return []float64{v}, fmt.Sprintf("  (%s ×)", significant(s.Ratio))
	}
}

// values takes several units, of which the first must be there.
func values(units ...string) func(s *bench.Summary) ([]float64, string) {
	return func(s *bench.Summary) (all []float64, _ string) {
		for _, unit := range units {
			if v, ok := s.Values[unit]; ok {
				all = append(all, v)
			}
		}
		return all, ""
	}
}

var quantiles = values("p50-us", "p99-us", "p999-us")

// clientsOf names how something was filed and by how many.
func clientsOf(s *bench.Summary) string {
	n := s.Key("clients")
	clients := n + " clients"
	if n == "1" {
		clients = "1 client"
	}
	how := map[string]string{
		"copy-binary": "COPY binary", "copy-text": "COPY text", "copy-csv": "COPY csv", "unnest": "INSERT of 1,000, unnest",
		"pipeline": "1,000 INSERTs, pipelined", "insert": "single INSERT", "values": "INSERT of 1,000 rows", "pgx": "1,000 INSERTs, pgx batch",
	}[s.Key("how")]
	if how == "" {
		how = s.Key("how")
	}
	return strings.TrimSuffix(how+", "+clients, ", ")
}

func leavesOf(s *bench.Summary) string { return count(number(s, "leaves")) + " leaves" }

func kernelPlot(all []bench.Summary, p palette) []byte {
	r := rows{"Tree building: nodes a second, one thread", "SHA-256 nodes from 32-byte leaves in memory; runs alternate; × is the median ratio to the first",
		table(of(all, "kernel"), leavesOf, compared("hashes/s")), si}
	return r.draw(p)
}

func treePlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "Tree building: time a leaf", subtitle: "by the size of the tree; making the leaves is not counted", xName: "leaves",
		series: gather(of(all, "tree"), "leaves", "ns/leaf", byName), xLabel: count, yLabel: nanoseconds, linearY: true}
	l.series = append(l.series, gather(of(all, "kernel"), "leaves", "ns/leaf", byName)...)
	l.series = slices.DeleteFunc(l.series, func(s series) bool { return strings.HasPrefix(s.by, "merkle") }) // that is the one thread
	return l.draw(p)
}

func calendarPlot(all []bench.Summary, p palette) []byte {
	r := rows{"Calendar: seconds a second", "round roots to calendar root; two threads also compare with what one thread built",
		table(of(all, "calendar"), func(s *bench.Summary) string { return count(number(s, "seconds")) + " seconds" }, compared("rows/s")), si}
	return r.draw(p)
}

func ingestPlot(all []bench.Summary, p palette) []byte {
	r := rows{"Filing: acknowledged digests a second", "server and clients share the processors; durable as named above; × is the median ratio to the first",
		table(of(all, "ingest"), clientsOf, compared("rows/s")), si}
	return r.draw(p)
}

// single returns what was filed one by one.
func single(some []bench.Summary) []bench.Summary {
	return slices.DeleteFunc(some, func(s bench.Summary) bool { return s.Key("how") != "insert" })
}

func clientsPlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "Single INSERTs by the number of clients", subtitle: "acknowledged digests a second", xName: "clients",
		series: gather(single(of(all, "ingest")), "clients", "rows/s", byName), xLabel: si, yLabel: si}
	return l.draw(p)
}

func processorPlot(all []bench.Summary, p palette) []byte {
	r := rows{"Filing: processor time of the server", "a digest, on all processors, until the server is idle again",
		table(of(all, "ingest"), clientsOf, value("server-ns/row")), nanoseconds}
	return r.draw(p)
}

func latencyPlot(all []bench.Summary, p palette) []byte {
	title := func(s *bench.Summary) string {
		if s.What() == "open-loop" {
			return clientsOf(s) + ", open loop"
		}
		return clientsOf(s)
	}
	r := rows{"Single INSERT: time until the digest is durable", "p50 (full) · p99 · p999; in open loop from when the operation was due",
		table(append(single(of(all, "ingest")), of(all, "open-loop")...), title, quantiles), duration}
	return r.draw(p)
}

func waitPlot(all []bench.Summary, p palette) []byte {
	r := rows{"From acknowledgement to the proof in hand, under the load", "p50 (full) · p99, of digests filed one by one beside the load; a round closes each second",
		table(of(all, "ingest"), clientsOf, func(s *bench.Summary) ([]float64, string) {
			v, _ := values("proof-p50-ms", "proof-p99-ms")(s)
			for i := range v {
				v[i] *= 1e3
			}
			return v, ""
		}), duration}
	return r.draw(p)
}

func bytesPlot(all []bench.Summary, p palette) []byte {
	var both []row
	for _, s := range of(all, "ingest") {
		stored, written := s.Values["stored-B/row"], s.Values["written-B/row"]
		if !strings.HasPrefix(s.Key("how"), "copy") || stored <= 0 || written <= 0 {
			continue // of short runs of single rows, what an empty server holds is the most
		}
		both = append(both, row{clientsOf(&s) + ": " + named(s.Key("by")), []mark{
			{"written", "written to the disk, index and compaction included", []float64{written}, ""},
			{"stored", "stored at the end", []float64{stored}, fmt.Sprintf("  (written %s ×)", significant(written/stored))},
		}})
	}
	r := rows{"Bytes a digest", "a digest has 32", both, significant}
	return r.draw(p)
}

func roundPlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "Processor time a leaf, as rounds grow", subtitle: "of the server, from COPY to the closed, indexed round; a second or more of idling is in it",
		xName: "leaves of the round", series: gather(of(all, "round"), "leaves", "server-ns/leaf", byName), xLabel: count, yLabel: nanoseconds}
	return l.draw(p)
}

func lagPlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "From the end of a round's second to its proof in hand", subtitle: "of the round's last leaf", xName: "leaves of the round",
		series: gather(of(all, "round"), "leaves", "lag-ms", byName), xLabel: count, yLabel: milliseconds}
	return l.draw(p)
}

// searchOf names a look-up.
func searchOf(s *bench.Summary) string {
	find := map[string]string{"digest": "by digest", "receipt": "by receipt", "many": "100 digests at once"}[s.Key("find")]
	if s.Key("clients") == "1" {
		return find + ", 1 client"
	}
	return find + ", " + s.Key("clients") + " clients"
}

func proofPlot(all []bench.Summary, p palette) []byte {
	some := of(all, "proof")
	if len(some) == 0 {
		return nil
	}
	r := rows{"Look-ups a second", "random ones of " + leavesOf(&some[0]) + "; Jurat answers with a proof, PostgreSQL with the row",
		table(some, searchOf, compared("ops/s")), si}
	return r.draw(p)
}

func proofLatencyPlot(all []bench.Summary, p palette) []byte {
	r := rows{"Look-ups: time until the answer", "p50 (full) · p99 · p999", table(of(all, "proof"), searchOf, quantiles), duration}
	return r.draw(p)
}

func memoryPlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "Long run: memory of the server", subtitle: "resident, MB", xName: "leaves filed", linearX: true, linearY: true,
		series: gather(of(all, "billion-at"), "leaves", "resident-MB", byName), xLabel: si, yLabel: si}
	return l.draw(p)
}

func ratePlot(all []bench.Summary, p palette) []byte {
	l := lines{title: "Long run: acknowledged digests a second", subtitle: "COPY binary, durable, indexed meanwhile", xName: "leaves filed", linearX: true, linearY: true,
		series: gather(of(all, "billion-at"), "leaves", "rows/s", byName), xLabel: si, yLabel: si}
	return l.draw(p)
}
