package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jurat-ledger/jurat/storage/backup"
)

// TestRestoreCutOff: no server starts on what a restore that was cut off has left, wherever that was, and it says what to do.
func TestRestoreCutOff(t *testing.T) {
	for _, left := range [][]string{nil, {backup.MarkName + ".unfinished"}, {backup.MarkName, "keys/calendar.key"}} {
		c := testConfig(t.TempDir())
		for _, name := range append(left, backup.RestoringDir+"/pool/content") {
			path := filepath.Join(c.DataDir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, c.ReadOnly = range []bool{false, true} {
			mustRefuse(t, c, "run jurat restore again")
		}
	}
}
