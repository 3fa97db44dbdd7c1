package value

import (
	"archive/zip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestZoneNames compares the names of the time zones with those of the zone database that Go links into the program.
func TestZoneNames(t *testing.T) {
	names := strings.Fields(zoneNames)
	for _, name := range names {
		if _, err := LoadZone(name); err != nil {
			t.Error(err)
		}
	}
	if n := len(Zones(time.Now())); n != len(names) {
		t.Errorf("%d zones of %d", n, len(names))
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("NOT TESTED: the names of Go's time zones (no go command): ", err)
	}
	files, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	var want []string
	for _, f := range files.File {
		if !strings.HasSuffix(f.Name, "/") {
			want = append(want, f.Name)
		}
	}
	if slices.Sort(want); !slices.Equal(names, want) {
		t.Errorf("zonenames.txt holds %d names, Go's database %d", len(names), len(want))
	}
}

// TestZoneAbbreviations: the offset of each is that of the zone which LoadZone finds by it.
func TestZoneAbbreviations(t *testing.T) {
	for _, z := range ZoneAbbreviations() {
		loc, err := LoadZone(z.Abbreviation)
		if err != nil {
			t.Fatal(err)
		}
		if _, seconds := time.Now().In(loc).Zone(); time.Duration(seconds)*time.Second != z.Offset {
			t.Errorf("%s is %v from UTC, not %v", z.Abbreviation, seconds, z.Offset)
		}
	}
	for _, key := range summerAbbreviations {
		if _, ok := abbreviations[key]; !ok {
			t.Errorf("no abbreviation %s", key)
		}
	}
}
