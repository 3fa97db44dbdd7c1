package ksi_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A packRow is one line of a CSV file of the signature test pack.
type packRow struct {
	file, policy, code       string
	level                    merkle.Level
	document                 *merkle.Imprint
	root                     string
	aggregation, publication string
	publicationString        string
	publicationsFile         string
}

func packRows(t *testing.T, csv string) (rows []packRow) {
	dir := filepath.Dir(csv)
	for line := range strings.Lines(string(readFile(t, csv))) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		c := strings.Split(line, ";")
		if len(c) < 15 {
			t.Fatalf("%s: %d columns in %q", csv, len(c), line)
		}
		row := packRow{file: filepath.Join(dir, c[0]), policy: c[1], code: c[2], root: c[7],
			aggregation: c[8], publication: c[9], publicationString: c[10], publicationsFile: c[13]}
		level, err := strconv.Atoi(c[4])
		if err != nil {
			t.Fatalf("%s: %q: %v", csv, line, err)
		}
		row.level = merkle.Level(level)
		if c[5] != "" {
			b, _ := hex.DecodeString(c[5])
			im, err := merkle.ParseImprint(b)
			if err != nil {
				t.Fatalf("%s: %q: %v", csv, line, err)
			}
			row.document = &im
		}
		if row.publicationsFile != "" {
			row.publicationsFile = filepath.Join(dir, row.publicationsFile)
		}
		rows = append(rows, row)
	}
	return rows
}

// packCertificates reads the certificates of a publications file by walking its elements, without checking the file.
func packCertificates(t *testing.T, path string) (certificates []ksi.Certificate) {
	data, ok := bytes.CutPrefix(readFile(t, path), []byte("KSIPUBLF"))
	if !ok {
		t.Fatalf("%s: no publications file", path)
	}
	for r := tlv.NewReader(data); r.More(); {
		e, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if e.Tag != 0x702 {
			continue
		}
		var id, der []byte
		for c := e.Children(); c.More(); {
			child, err := c.Next()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			switch child.Tag {
			case 1:
				id = child.Value()
			case 2:
				der = child.Value()
			}
		}
		certificate, err := ksi.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		certificate.ID = id
		certificates = append(certificates, certificate)
	}
	return certificates
}

// TestPack runs the rows of Guardtime's signature test pack that need neither an extender nor a publications file but
// for its certificates, and prints how many were run.
func TestPack(t *testing.T) {
	packs, err := filepath.Glob(filepath.Join(testdata(t, "ksi-testpack"), "pack-*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no packs: %v", err)
	}
	for _, pack := range packs {
		t.Run(filepath.Base(pack), func(t *testing.T) {
			csvs, _ := filepath.Glob(filepath.Join(pack, "*", "*.csv"))
			live := filepath.Join(pack, "policy-verification-signatures", "resources", "publications-file.bin")
			count := map[string][2]int{} // policy: rows run, rows not run
			for _, csv := range csvs {
				for _, row := range packRows(t, csv) {
					if row.publicationsFile == "" {
						row.publicationsFile = live
					}
					n := count[row.policy]
					if runPackRow(t, row) {
						n[0]++
					} else {
						n[1]++
					}
					count[row.policy] = n
				}
			}
			for policy, n := range count {
				t.Logf("%-16s %3d rows run, %3d left out", policy, n[0], n[1])
			}
			for policy, least := range map[string]int{"internal": 160, "parsing": 175, "key": 20, "userPublication": 6} {
				if count[policy][0] < least {
					t.Errorf("%d rows of policy %s run, want at least %d", count[policy][0], policy, least)
				}
			}
		})
	}
}

// runPackRow reports whether the row can be run.
func runPackRow(t *testing.T, row packRow) bool {
	name := filepath.Base(row.file)
	o := ksi.Options{Document: row.document, InputLevel: row.level}
	switch row.policy {
	case "parsing", "internal":
	case "key":
		o.Policy = ksi.KeyBased
		o.Certificates = packCertificates(t, row.publicationsFile)
	case "userPublication":
		o.Policy = ksi.UserPublication
		p, err := ksi.ParsePublication(row.publicationString)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return true
		}
		o.Publication = &p
		if strings.HasPrefix(row.code, "PUB") && row.code != "PUB-04" {
			return false // needs an extender
		}
	default:
		return false
	}
	data := readFile(t, row.file)
	s, err := ksi.Parse(data)
	if row.policy == "parsing" || err != nil {
		// Repeated padding may be either.
		if mayParse := row.code == "INT-11"; err == nil && !mayParse || err != nil && row.policy != "parsing" && !mayParse {
			t.Errorf("%s: policy %s %s: Parse: %v", name, row.policy, row.code, err)
		}
		return true
	}
	if got := s.Append(nil); !bytes.Equal(got, data) {
		t.Errorf("%s: Append gives other bytes", name)
	}
	result := ksi.Verify(t.Context(), s, o)
	if string(result.Code) != row.code {
		t.Errorf("%s: policy %s: %v (rule %q), want %s", name, row.policy, result, result.Rule, row.code)
	}
	if result.Verdict == ksi.OK {
		comparePackRow(t, name, s, row)
	}
	return true
}

// comparePackRow compares columns 7 to 11 of a row with the signature.
func comparePackRow(t *testing.T, name string, s *ksi.Signature, row packRow) {
	t.Helper()
	if row.aggregation != "" && fmt.Sprint(int64(s.Time())) != row.aggregation {
		t.Errorf("%s: time %d, want %s", name, s.Time(), row.aggregation)
	}
	p, ok := s.PublishedData()
	if !ok {
		return
	}
	if row.publication != "" && fmt.Sprint(int64(p.Time)) != row.publication {
		t.Errorf("%s: publication time %d, want %s", name, p.Time, row.publication)
	}
	if row.root != "" && !strings.EqualFold(p.Root.String(), row.root) {
		t.Errorf("%s: calendar root %s, want %s", name, p.Root, row.root)
	}
	if row.publicationString != "" && p.String() != row.publicationString {
		t.Errorf("%s: publication string %s, want %s", name, p, row.publicationString)
	}
}

// TestPackRoundTrip parses every file of the packs that is a signature: what is accepted comes back to the byte, also
// when its elements are written anew one by one.
func TestPackRoundTrip(t *testing.T) {
	accepted := 0
	err := filepath.WalkDir(testdata(t, "ksi-testpack"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".ksig", ".tlv"}, filepath.Ext(path)) {
			return err
		}
		data := readFile(t, path)
		s, err := ksi.Parse(data)
		if err != nil {
			return nil
		}
		accepted++
		checkRoundTrip(t, s, data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if accepted < 200 {
		t.Errorf("%d signatures accepted, want at least 200", accepted)
	}
}
