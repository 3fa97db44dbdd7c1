package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/internal/readnow"
)

// RunSuffix is what the names of the files of runs end with.
const RunSuffix = ".index-run"

// fileVersion is that of a file's foot.
const fileVersion = 1

// Sizes of a file of a run, in bytes.
const (
	partBytes  = partHead + 8*partEntries // of a part that is not the last of its bucket
	fileFoot   = 1 + 4
	fileBuffer = 256 << 10 // that go to the file at once
	fileSync   = 4 << 20   // after which it starts to be synced, so that the sync at its end is not a long one
	fileWindow = 64 << 10  // that are read at once by who reads all
)

// A runFile is the file of a run. Any number of goroutines may read it.
type runFile struct {
	f    vfs.File
	path string
	ends []uint64 // where each bucket ends

	around bucketStates // of each readAhead buckets: whether all have been read for what is kept of them
}

// start returns where a bucket starts.
func (f *runFile) start(bucket uint32) uint64 {
	if bucket == 0 {
		return 0
	}
	return f.ends[bucket-1]
}

// parts returns how many parts a bucket has, at least 1.
func (f *runFile) parts(bucket uint32) uint32 {
	return uint32((f.ends[bucket] - f.start(bucket) + partBytes - 1) / partBytes)
}

// place returns where part n of a bucket stands, which must be less than parts.
func (f *runFile) place(bucket, n uint32) (from, to uint64) {
	from = f.start(bucket) + uint64(n)*partBytes
	return from, min(from+partBytes, f.ends[bucket])
}

// bytes returns the size of the file.
func (f *runFile) bytes() uint64 { return f.ends[len(f.ends)-1] + 8*uint64(len(f.ends)) + fileFoot }

// remove closes and removes the file.
func (f *runFile) remove(fs vfs.FS) error { return errors.Join(f.f.Close(), fs.Remove(f.path)) }

// partBuffers holds *partBuffer.
var partBuffers = sync.Pool{New: func() any { return new(partBuffer) }}

// A partBuffer is memory for a part. To close it is to give it back.
type partBuffer [partBytes]byte

// Close implements io.Closer.
func (b *partBuffer) Close() error {
	partBuffers.Put(b)
	return nil
}

// getPart reads one part, as Index.getPart does.
func (f *runFile) getPart(key []byte, bucket, n uint32) (part, io.Closer, error) {
	if n >= f.parts(bucket) {
		return part{}, nil, fmt.Errorf("digest index: key %x is missing in %s: %w", key, f.path, ErrCorrupt)
	}
	from, to := f.place(bucket, n)
	b := partBuffers.Get().(*partBuffer)
	value := b[:to-from]
	if _, err := readnow.At(f.f, value, int64(from)); err != nil {
		return part{}, nil, errors.Join(f.failed(err), b.Close())
	}
	p, err := decodePart(key, value, n)
	if err != nil {
		return part{}, nil, errors.Join(fmt.Errorf("%s: %w", f.path, err), b.Close())
	}
	return p, b, nil
}

// failed says of an error that it is about the file, and that one that ends too early is damaged.
func (f *runFile) failed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("ends too early: %w", ErrCorrupt)
	}
	return fmt.Errorf("digest index: %s: %w", f.path, err)
}

func (x *Index) runPath(id uint64) string {
	return x.opts.FS.PathJoin(x.opts.Dir, fmt.Sprintf("%016x%s", id, RunSuffix))
}

// fileSum returns the checksum in the foot of the file of a run.
func fileSum(id uint64, version byte, table []byte) uint32 {
	c := crc32.Update(0, castagnoli, append(runStart(id), version))
	return crc32.Update(c, castagnoli, table)
}

// openFile opens the file of a run and reads where its buckets end.
func (x *Index) openFile(r *run) (_ *runFile, err error) {
	path := x.runPath(r.id)
	f, err := x.opts.FS.Open(path, vfs.RandomReadsOption)
	if err != nil {
		return nil, fmt.Errorf("digest index: run %d: %w: %w", r.id, err, ErrCorrupt)
	}
	file := &runFile{f: f, path: path, ends: make([]uint64, 1<<r.bucketBits())}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, file.failed(err)
	}
	table := make([]byte, 8*len(file.ends)+fileFoot)
	start := info.Size() - int64(len(table))
	if start < 0 {
		return nil, file.failed(io.EOF)
	}
	if _, err := f.ReadAt(table, start); err != nil {
		return nil, file.failed(err)
	}
	table, foot := table[:len(table)-fileFoot], table[len(table)-fileFoot:]
	if sum := fileSum(r.id, foot[0], table); sum != binary.BigEndian.Uint32(foot[1:]) {
		return nil, file.failed(fmt.Errorf("checksum differs: %w", ErrCorrupt))
	} else if foot[0] != fileVersion {
		return nil, file.failed(fmt.Errorf("version %d: %w", foot[0], ErrVersion))
	}
	var before uint64
	for i := range file.ends {
		end := binary.BigEndian.Uint64(table[8*i:])
		if end < before+partHead || end > uint64(start) {
			return nil, file.failed(fmt.Errorf("bucket %d ends at %d: %w", i, end, ErrCorrupt))
		}
		file.ends[i], before = end, end
	}
	if before != uint64(start) {
		return nil, file.failed(fmt.Errorf("%d bytes of buckets instead of %d: %w", start, before, ErrCorrupt))
	}
	file.around = newAround(len(file.ends))
	return file, nil
}

// openFiles opens the files of runs.
func (x *Index) openFiles(runs []run) error {
	for i := range runs {
		r := &runs[i]
		if !r.filed {
			continue
		}
		var err error
		if r.file, err = x.openFile(r); err != nil {
			return errors.Join(err, closeFiles(runs[:i]))
		}
	}
	return nil
}

// closeFiles closes the files of runs.
func closeFiles(runs []run) (err error) {
	for _, r := range runs {
		if r.file != nil {
			err = errors.Join(err, r.file.f.Close())
		}
	}
	return err
}

// removeFiles removes files of runs that no manifest names: the process ended while they were written or before they were
// removed. Those ahead of version 2 of the manifest had other names.
func (x *Index) removeFiles() error {
	err := x.opts.FS.MkdirAll(x.opts.Dir, 0o700)
	if err == nil {
		err = syncDir(x.opts.FS, x.opts.FS.PathDir(x.opts.Dir))
	}
	if err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	names, err := x.opts.FS.List(x.opts.Dir)
	if err != nil {
		return fmt.Errorf("digest index: %w", err)
	}
	live := make(map[string]bool)
	for _, r := range x.current.runs {
		if r.filed {
			live[x.runPath(r.id)] = true
		}
	}
	for _, name := range names {
		path := x.opts.FS.PathJoin(x.opts.Dir, name)
		if !strings.HasSuffix(name, RunSuffix) && !strings.HasSuffix(name, RunSuffix+".sst") || live[path] {
			continue
		}
		if err := x.opts.FS.Remove(path); err != nil {
			return fmt.Errorf("digest index: %w", err)
		}
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, name string) error {
	dir, err := fs.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// A fileSink writes the file of a run.
type fileSink struct {
	fs   vfs.FS
	dir  string
	id   uint64
	file *runFile
	buf  *bufio.Writer
	at   uint64 // bytes so far
}

// createFile starts the file of a run.
func (x *Index) createFile(r *run) (*fileSink, error) {
	path := x.runPath(r.id)
	f, err := x.opts.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: fileSync})
	return &fileSink{
		fs:   x.opts.FS,
		dir:  x.opts.Dir,
		id:   r.id,
		file: &runFile{f: f, path: path, ends: make([]uint64, 0, 1<<r.bucketBits())},
		buf:  bufio.NewWriterSize(f, fileBuffer),
	}, nil
}

func (s *fileSink) set(_, value []byte) error {
	s.at += uint64(len(value))
	if value[5] == flagLast {
		s.file.ends = append(s.file.ends, s.at)
	}
	_, err := s.buf.Write(value)
	return err
}

// finish completes the file, makes it and its name durable, and opens it for reading.
func (s *fileSink) finish(r *run) error {
	table := make([]byte, 0, 8*len(s.file.ends)+fileFoot)
	for _, end := range s.file.ends {
		table = binary.BigEndian.AppendUint64(table, end)
	}
	sum := fileSum(s.id, fileVersion, table)
	table = binary.BigEndian.AppendUint32(append(table, fileVersion), sum)
	_, err := s.buf.Write(table)
	if err == nil {
		err = s.buf.Flush()
	}
	if err == nil {
		err = s.file.f.Sync()
	}
	err = errors.Join(err, s.file.f.Close())
	s.file.f = nil
	if err != nil {
		return err
	}
	if err := syncDir(s.fs, s.dir); err != nil {
		return err
	}
	f, err := s.fs.Open(s.file.path, vfs.RandomReadsOption)
	if err != nil {
		return err
	}
	s.file.f, s.file.around = f, newAround(len(s.file.ends))
	r.file, r.filed = s.file, true
	return nil
}

// abort removes the file. One that cannot be removed now is removed by the next Open.
func (s *fileSink) abort() {
	if s.file.f != nil {
		_ = s.file.f.Close()
	}
	_ = s.fs.Remove(s.file.path)
}

// A fileIter goes through the parts of a run's file as an iterator of the database goes through its keys.
type fileIter struct {
	run    *run
	bucket uint32
	n      uint32
	key    []byte
	window []byte // of the file, from at on
	at     uint64
	room   []byte
	err    error
}

func newFileIter(r *run) *fileIter { return &fileIter{run: r, room: make([]byte, fileWindow)} }

// First moves to the first part.
func (i *fileIter) First() bool { return i.move(0, 0) }

// SeekGE moves to a part by its key.
func (i *fileIter) SeekGE(key []byte) bool {
	_, bucket, n, err := parsePartKey(key)
	i.err = err
	return err == nil && i.move(bucket, n)
}

// Next moves to the next part.
func (i *fileIter) Next() bool {
	if i.n+1 < i.run.file.parts(i.bucket) {
		return i.move(i.bucket, i.n+1)
	}
	return i.move(i.bucket+1, 0)
}

func (i *fileIter) move(bucket, n uint32) bool {
	i.bucket, i.n = bucket, n
	i.key = appendPartKey(i.key[:0], i.run.id, bucket, n)
	return i.Valid()
}

// Valid reports whether it stands at a part.
func (i *fileIter) Valid() bool { return i.err == nil && int(i.bucket) < len(i.run.file.ends) }

// Key returns the key of the part, valid until the next move.
func (i *fileIter) Key() []byte { return i.key }

// ValueAndErr reads the part. It is valid until the next call.
func (i *fileIter) ValueAndErr() ([]byte, error) {
	file := i.run.file
	from, to := file.place(i.bucket, i.n)
	if from < i.at || to > i.at+uint64(len(i.window)) {
		rest := file.ends[len(file.ends)-1] - from
		i.at, i.window = from, i.room[:min(rest, fileWindow)]
		if _, err := file.f.ReadAt(i.window, int64(from)); err != nil {
			i.window = nil
			return nil, file.failed(err)
		}
	}
	return i.window[from-i.at : to-i.at], nil
}

// Error returns what ended the iteration, nil if it was the end.
func (i *fileIter) Error() error { return i.err }

// Close does nothing: the file is the run's.
func (i *fileIter) Close() error { return nil }
