package index

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Checkpoint calls database, which makes a checkpoint of the database, while the manifest stands still, and then links the
// files of the runs that this manifest names into dir, which it makes: both together are an index. Files are copied where
// there are no hard links. Runs that end meanwhile wait for the call to database.
func (x *Index) Checkpoint(dir string, database func() error) error {
	x.commit.Lock()
	err := database()
	v := x.acquire()
	x.commit.Unlock()
	defer x.release(v)
	if err != nil {
		return err
	}
	fs := x.opts.FS
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("digest index: checkpoint: %w", err)
	}
	for i := range v.runs {
		if v.runs[i].file == nil {
			continue
		}
		from := x.runPath(v.runs[i].id)
		if err := vfs.LinkOrCopy(fs, from, fs.PathJoin(dir, fs.PathBase(from))); err != nil {
			return fmt.Errorf("digest index: checkpoint: %w", err)
		}
	}
	return nil
}
