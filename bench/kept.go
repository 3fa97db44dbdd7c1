package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jurat-ledger/jurat/bench/year"
)

// A kept is the header of a directory of data that takes long to make. It is written when the data is whole, as dir.json beside
// the directory dir, so that a later run can take them again.
type kept struct {
	Version int `json:"version"` // year.Version
	year.Plan
}

func headerOf(dir string) string { return filepath.Clean(dir) + ".json" }

// isKept reports whether dir holds the whole data of a plan. It is an error if it holds anything else.
func isKept(dir string, p year.Plan) (bool, error) {
	text, err := os.ReadFile(headerOf(dir))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("%s is not whole: a run was cut short while it made it; delete it, or give another directory", dir)
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return false, fmt.Errorf("%s: %w", headerOf(dir), err)
	}
	if want := (kept{year.Version, p}); k != want {
		return false, fmt.Errorf("%s holds %+v, not %+v: give another directory, or delete it and %s", dir, k, want, headerOf(dir))
	}
	return true, nil
}

// keep says that dir is whole.
func keep(dir string, p year.Plan) error {
	text, err := json.Marshal(kept{year.Version, p})
	if err != nil {
		return err
	}
	return os.WriteFile(headerOf(dir), append(text, '\n'), 0o644)
}
