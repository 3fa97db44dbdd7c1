package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/bench"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// records reads the results in testdata: of two programs, the second newer and with less to compare.
func records(t *testing.T) []*bench.Record {
	t.Helper()
	var all []*bench.Record
	for _, name := range []string{"newer.json", "results.json"} {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		r, err := bench.Read(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		all = append(all, r)
	}
	return all
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run go test -rewrite and look at it", path)
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := Text(&out, records(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", out.Bytes())
}

func TestHTML(t *testing.T) {
	var out bytes.Buffer
	if err := HTML(&out, records(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.html", out.Bytes())
	for _, forbidden := range []string{"NaN", "Inf", "<script", "src=", "href="} {
		if strings.Contains(out.String(), forbidden) {
			t.Errorf("the page contains %s", forbidden)
		}
	}
}

// Every drawing is well-formed, and nothing in it lies outside.
func TestPlots(t *testing.T) {
	plots := Plots(records(t))
	if len(plots) != 15 {
		t.Errorf("%d plots, the records hold something for 15", len(plots))
	}
	for _, p := range plots {
		d := xml.NewDecoder(bytes.NewReader(p.SVG))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				for _, a := range e.Attr {
					if strings.HasPrefix(a.Value, "-") {
						t.Errorf("%s: <%s %s=%q>", p.Name, e.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
	}
	if plots := Plots([]*bench.Record{{}}); len(plots) != 0 {
		t.Errorf("%d plots of nothing", len(plots))
	}
}

// What was compared with more counts, of equals the newer; nothing is compared across records.
func TestChoose(t *testing.T) {
	record := func(day int, commit string, rates map[string]float64) *bench.Record {
		r := &bench.Record{Started: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
		for _, by := range []string{"a", "b"} {
			if v, ok := rates[by]; ok {
				r.Samples = append(r.Samples, bench.Sample{Name: commit + "/by=" + by, Values: map[string]float64{"ops/s": v}})
			}
		}
		return r
	}
	both, alone := record(1, "x", map[string]float64{"a": 1, "b": 2}), record(2, "x", map[string]float64{"b": 9})
	if got := choose([]*bench.Record{alone, both}); len(got) != 2 || got[1].Values["ops/s"] != 2 || got[1].Ratio != 2 {
		t.Errorf("%+v", got)
	}
	newer := record(3, "x", map[string]float64{"a": 10, "b": 30})
	if got := choose([]*bench.Record{newer, alone, both}); len(got) != 2 || got[0].Values["ops/s"] != 10 || got[1].Ratio != 3 {
		t.Errorf("%+v", got)
	}
}

// Disciplines stand in the order of their meaning, whichever record was first.
func TestOrder(t *testing.T) {
	want := []string{"tree/leaves=1024", "tree/leaves=65536", "ingest/how=copy-text/clients=1", "ingest/how=insert/clients=8",
		"ingest/how=insert/clients=64", "proof/find=digest/clients=1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, func(a, b string) int { return compareRivals([]string{"tree", "ingest", "proof"}, a, b) })
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		si(0): "0", si(0.123456): "0.123", si(999.6): "1 k", si(1234): "1.23 k", si(2.5e6): "2.5 M", si(3e9): "3 G", si(42): "42", si(100): "100",
		duration(0.25): "250 ns", duration(81.4): "81.4 µs", duration(1234): "1.23 ms", duration(2.5e6): "2.5 s", duration(999.9): "1 ms",
		count(1 << 20): "2²⁰", count(1e9): "10⁹", count(1000): "10³", count(64): "64", count(2_000_000): "2 M",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Axes cover what they show, with two to nine named values.
func TestAxes(t *testing.T) {
	for low := 1e-3; low < 1e9; low *= 2.7 {
		for factor := 1.0; factor < 1e7; factor *= 2.3 {
			high := low * factor
			a := newAxis(low, high, 0, 100)
			if n := len(a.ticks()); n < 2 || n > 9 {
				t.Fatalf("%v to %v: values %v", low, high, a.ticks())
			}
			for _, v := range append(a.ticks(), low, high) {
				if at := a.at(v); math.IsNaN(at) || at < -1e-6 || at > 100+1e-6 {
					t.Fatalf("%v to %v: %v is at %v", low, high, v, at)
				}
			}
			if a.log != (factor > wideSpan) {
				t.Fatalf("%v to %v: logarithmic %v", low, high, a.log)
			}
		}
	}
}
