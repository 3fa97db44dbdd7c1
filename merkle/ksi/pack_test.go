package ksi_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// packs returns the folders of the signature test packs of the KSI tools: one for each generation at hand.
func packs(tb testing.TB) []string {
	tb.Helper()
	folders, err := filepath.Glob(filepath.Join(require.TestData(tb, "ksi-testpack"), "pack-*"))
	if err != nil || len(folders) == 0 {
		tb.Fatalf("no packs: %v", err)
	}
	return folders
}

// A packRow is one line of a CSV file of a pack.
type packRow struct {
	csv                      string // the folder of the CSV file
	file, policy, code       string
	level                    merkle.Level
	document                 *merkle.Imprint
	input, root              string // of the calendar chain
	aggregation, publication string // times
	publicationString        string
	extending                bool
	response                 string // file with the extender's response; empty for none
	publicationsFile         string // empty for the one of the pack
	trusted                  string // PEM file with the root of publicationsFile; empty for the usual ones
}

// packRows reads the rows of all CSV files of a pack.
func packRows(t *testing.T, pack string) (rows []packRow) {
	csvs, err := filepath.Glob(filepath.Join(pack, "*", "*.csv"))
	if err != nil || len(csvs) == 0 {
		t.Fatalf("no CSV files: %v", err)
	}
	for _, csv := range csvs {
		for line := range strings.Lines(string(readFile(t, csv))) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				rows = append(rows, parsePackRow(t, csv, line))
			}
		}
	}
	return rows
}

func parsePackRow(t *testing.T, csv, line string) packRow {
	dir := filepath.Dir(csv)
	c := strings.Split(line, ";")
	if len(c) < 15 {
		t.Fatalf("%s: %d columns in %q", csv, len(c), line)
	}
	level, err := strconv.Atoi(c[4])
	if err != nil {
		t.Fatalf("%s: %q: %v", csv, line, err)
	}
	row := packRow{csv: filepath.Base(dir), file: filepath.Join(dir, c[0]), policy: c[1], code: c[2], level: merkle.Level(level),
		input: c[6], root: c[7], aggregation: c[8], publication: c[9], publicationString: c[10], extending: c[11] == "true"}
	if c[5] != "" {
		b, err := hex.DecodeString(c[5])
		if err != nil {
			t.Fatalf("%s: %q: %v", csv, line, err)
		}
		im := imprintOf(t, b)
		row.document = &im
	}
	if row.code == "KEY-01" { // of old packs; the KSI tools have retired it
		row.code = string(ksi.GEN02)
	}
	for column, path := range map[int]*string{12: &row.response, 13: &row.publicationsFile, 14: &row.trusted} {
		if c[column] != "" {
			*path = filepath.Join(dir, c[column])
		}
	}
	return row
}

// packPolicies are the policies by their names in the CSV files.
var packPolicies = map[string]ksi.Policy{
	"internal":         ksi.Internal,
	"key":              ksi.KeyBased,
	"calendar":         ksi.CalendarBased,
	"userPublication":  ksi.UserPublication,
	"publicationsFile": ksi.PublicationsFileBased,
}

// A packCount is one line of the table that TestPack prints.
type packCount struct{ rows, run, ok, simulated, skipped int }

func (c *packCount) add(d packCount) {
	c.rows, c.run, c.ok = c.rows+d.rows, c.run+d.run, c.ok+d.ok
	c.simulated, c.skipped = c.simulated+d.simulated, c.skipped+d.skipped
}

// TestPack runs every row of every pack and prints how many: which verdict and code libksi gives, and what it computes.
// Rows that want a live extender meet a simulated one; what that was is printed.
func TestPack(t *testing.T) {
	for _, pack := range packs(t) {
		t.Run(filepath.Base(pack), func(t *testing.T) {
			rows := packRows(t, pack)
			p := newPackRun(t, pack, rows)
			counts := map[string]packCount{}
			var total packCount
			for _, row := range rows {
				n := p.run(t, &row)
				n.rows = 1
				key := fmt.Sprintf("%-32s %s", row.csv, row.policy)
				sum := counts[key]
				sum.add(n)
				counts[key] = sum
				total.add(n)
			}
			t.Logf("%-48s %4s %4s %4s %9s %7s", "CSV, policy", "rows", "run", "OK", "simulated", "skipped")
			for _, key := range slices.Sorted(maps.Keys(counts)) {
				logCount(t, key, counts[key])
			}
			logCount(t, "all", total)
			for _, note := range p.notes {
				t.Log(note)
			}
			if want := packLines(t, pack); total.run != want || want < 300 {
				t.Errorf("%d rows run, the CSV files have %d to run", total.run, want)
			}
		})
	}
}

// packLines counts the lines of the CSV files of a pack that are to be run. No KSI tool implements those left out.
func packLines(t *testing.T, pack string) (n int) {
	for _, csv := range []string{"valid-signatures/signature-results.csv", "invalid-signatures/invalid-signature-results.csv",
		"internal-policy-signatures/internal-policy-results.csv",
		"policy-verification-signatures/policy-verification-results.csv"} {
		text := "\n" + strings.TrimSpace(string(readFile(t, filepath.Join(pack, csv))))
		n += strings.Count(text, "\n") - strings.Count(text, "\n#") - strings.Count(text, ";not-implemented;")
	}
	return n
}

func logCount(t *testing.T, key string, c packCount) {
	t.Logf("%-48s %4d %4d %4d %9d %7d", key, c.rows, c.run, c.ok, c.simulated, c.skipped)
}

// run runs one row.
func (p *packRun) run(t *testing.T, row *packRow) packCount {
	if row.policy == "not-implemented" {
		return packCount{skipped: 1}
	}
	count := packCount{run: 1}
	name := filepath.Base(row.file)
	data := readFile(t, row.file)
	s, err := ksi.Parse(data)
	// What metadata looks like with two paddings, or with padding that is not first, is a matter of form to some of the
	// KSI tools and INT-11 to others.
	padding := strings.Contains(name, "padding") && (row.policy == "parsing" || row.code == string(ksi.INT11))
	switch {
	case err != nil:
		if row.policy != "parsing" && !padding {
			t.Errorf("%s: %v", name, err)
		}
		checkParseError(t, name, data, err)
		return count
	case row.policy == "parsing":
		if r := ksi.Verify(t.Context(), s, ksi.Options{}); !padding || r.Code != ksi.INT11 {
			t.Errorf("%s: parsed", name)
		}
		return count
	}
	checkRoundTrip(t, s, data)
	o := p.options(t, row, s, &count)
	r := ksi.Verify(t.Context(), s, o)
	if want := wantVerdict(ksi.Code(row.code)); string(r.Code) != row.code || r.Verdict != want || r.Policy != o.Policy {
		t.Errorf("%s: policy %v: %v (rule %q), want %v %s", name, o.Policy, r, r.Rule, want, row.code)
	}
	if r.Verdict == ksi.OK {
		count.ok++
		comparePackRow(t, name, s, row)
	}
	return count
}

// wantVerdict is the verdict that goes with a code.
func wantVerdict(code ksi.Code) ksi.Verdict {
	switch code {
	case "":
		return ksi.OK
	case ksi.GEN02:
		return ksi.NA
	}
	return ksi.FAIL
}

// checkParseError fails unless the error says where the fault is: it is about an element of the signature, or about one
// that misses in it.
func checkParseError(t *testing.T, name string, data []byte, err error) {
	t.Helper()
	e, ok := errors.AsType[*tlv.Error](err)
	if !ok || e.Offset < 0 || e.Offset > len(data) || !strings.Contains(err.Error(), fmt.Sprintf("at byte %d: ", e.Offset)) {
		t.Errorf("%s: %v: names no place", name, err)
		return
	}
	if len(e.Path) > 0 && e.Path[0] != 0x800 && e.Offset != 0 {
		t.Errorf("%s: %v: path %x", name, err, e.Path)
	}
}

// comparePackRow compares what a row expects with the signature.
func comparePackRow(t *testing.T, name string, s *ksi.Signature, row *packRow) {
	t.Helper()
	expect := func(what, got, want string) {
		t.Helper()
		if want != "" && !strings.EqualFold(got, want) {
			t.Errorf("%s: %s %s, want %s", name, what, got, want)
		}
	}
	expect("time", fmt.Sprint(int64(s.Time())), row.aggregation)
	var output merkle.Imprint // of the aggregation chains
	for _, l := range s.Links() {
		if l.Part == ksi.Aggregation {
			output = l.Hash
		}
	}
	expect("aggregation output", output.String(), row.input)
	c := s.CalendarChain()
	if c == nil {
		expect("without calendar chain: calendar root", "none", row.root)
		expect("without calendar chain: publication time", "none", row.publication)
		return
	}
	input := c.Input()
	expect("calendar input", input.String(), row.input)
	root, err := c.Root()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	expect("calendar output", root.String(), row.root)
	expect("publication time", fmt.Sprint(int64(c.PublicationTime())), row.publication)
	if row.root != "" || row.policy == "userPublication" { // else the string is of another chain
		expect("publication string", ksi.Publication{Time: c.PublicationTime(), Root: root}.String(), row.publicationString)
	}
}

// TestPackRoundTrip parses every file of the packs that is a signature: what is accepted comes back to the byte, also
// when its elements are written anew one by one; what is refused is refused with its place.
func TestPackRoundTrip(t *testing.T) {
	for _, pack := range packs(t) {
		accepted, refused := 0, 0
		for path, data := range packFiles(t, pack) {
			s, err := ksi.Parse(data)
			if err != nil {
				refused++
				checkParseError(t, path, data, err)
				continue
			}
			accepted++
			checkRoundTrip(t, s, data)
		}
		t.Logf("%s: %d signatures accepted, %d refused", filepath.Base(pack), accepted, refused)
		if accepted < 150 || refused < 150 {
			t.Errorf("%s: %d signatures accepted, %d refused", pack, accepted, refused)
		}
	}
}

// packFiles returns the signatures of a pack, sound or not, by their paths.
func packFiles(tb testing.TB, pack string) map[string][]byte {
	tb.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(pack, func(path string, d os.DirEntry, err error) error {
		resource := filepath.Base(filepath.Dir(path)) == "resources"
		if err == nil && !resource && slices.Contains([]string{".ksig", ".tlv"}, filepath.Ext(path)) {
			files[path] = readFile(tb, path)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return files
}
