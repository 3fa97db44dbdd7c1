package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ReadManifest returns the manifest of the backup at path, as it is stored: that of a directory or of an archive, which is
// read to its end, or the file itself of one that was kept. What has none is ErrIncomplete.
func ReadManifest(ctx context.Context, path string) (text []byte, err error) {
	if strings.HasSuffix(path, ".json") {
		return os.ReadFile(path)
	}
	err = visit(ctx, path, func(name string, _ int64, r io.Reader) (err error) {
		if name == ManifestName {
			text, err = io.ReadAll(io.LimitReader(r, maxManifest))
		}
		return err
	})
	if err == nil && text == nil {
		err = fmt.Errorf("%s has no %s: %w", path, ManifestName, ErrIncomplete)
	}
	return text, err
}

// A visitor is shown a file of a backup. It need not read it.
type visitor func(name string, size int64, r io.Reader) error

// visit shows all files of the backup at path.
func visit(ctx context.Context, path string, see visitor) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return visitDir(path, see)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := visitArchive(contextReader{ctx, f}, see); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// visitDir shows what is in a directory: the manifest first, since a directory without one may be anything.
func visitDir(path string, see visitor) error {
	if err := visitFile(filepath.Join(path, ManifestName), ManifestName, see); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s: %w", path, ManifestName, ErrIncomplete)
	} else if err != nil {
		return err
	}
	for _, part := range []string{StoreDir, IndexDir, KeysDir} {
		err := filepath.WalkDir(filepath.Join(path, part), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(path, file)
			if err != nil {
				return err
			}
			return visitFile(file, filepath.ToSlash(name), see)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func visitFile(path, name string, see visitor) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return see(name, info.Size(), f)
}

// A contextReader reads until its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// visitArchive shows what is in an archive.
func visitArchive(r io.Reader, see visitor) error {
	unpack, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(1<<30), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return err
	}
	defer unpack.Close()
	in := tar.NewReader(unpack)
	for {
		h, err := in.Next()
		if err == io.EOF {
			// What the archive holds behind tar's end is read too: zstd's checksum is at its end.
			_, err = io.Copy(io.Discard, unpack)
			return asDamage(err)
		}
		if err != nil {
			return asDamage(err)
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%q is no file: %w", h.Name, ErrDamaged)
		}
		if err := see(h.Name, h.Size, in); err != nil {
			return err
		}
	}
}

// A damageReader reads a file of a backup. Its errors are those of reading alone, so that a copy tells them from those of writing.
type damageReader struct{ r io.Reader }

func (r damageReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if err != io.EOF {
		err = asDamage(err)
	}
	return n, err
}

// asDamage says of an error in unpacking that the backup is damaged.
func asDamage(err error) error {
	var path *fs.PathError // of the disk
	if err == nil || errors.As(err, &path) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%v: %w", err, ErrDamaged)
}
