package storage

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jurat-ledger/jurat/storage/fatal"
)

// Options says how to open a store. The zero Options is good for a server.
type Options struct {
	// FS is where the store lives; nil is the disk.
	FS vfs.FS
	// CacheBytes is the size of the cache for blocks of tables, 0 for DefaultCacheBytes.
	CacheBytes int64
	// RoundBytes bounds the memory of what is kept of sealed rounds that were asked for, 0 for DefaultRoundBytes.
	RoundBytes int
	// TableLeaves is how many leaves for each of its slots a proposal of leaves alone must have to be written once, as tables,
	// and not through the log; 0 for DefaultTableLeaves.
	TableLeaves int
	// ReadOnly opens a store without writing to it. Propose panics.
	ReadOnly bool
	// DiskFull is told when writes begin to wait for room on the disk and when they wait no more, also while the store is being
	// opened; nil if nobody asks. No write goes on before it returns.
	DiskFull func(waiting bool)
	// Logger is told of background errors, slow disks and write stalls; nil for slog.Default().
	Logger *slog.Logger
}

// DefaultCacheBytes is the default of Options.CacheBytes. It is filled by what is read alone, so an idle server stays small;
// at an eighth of this, a look-up among a million digests was measured to take three times as long.
const DefaultCacheBytes = 64 << 20

// DefaultRoundBytes is the default of Options.RoundBytes. It holds the leaf counts of more than a year of rounds that mostly have less
// than 256 leaves: 1.1 KB a block.
const DefaultRoundBytes = 64 << 20

// Sizes given to Pebble.
const (
	memTableBytes = 8 << 20 // grows to this under load; at most memTables of them
	memTables     = 4
	blockBytes    = 16 << 10 // a full run of 32 KiB gets a block of its own
	fileBytes     = 32 << 20
	baseBytes     = 256 << 20
	openFiles     = 500
	// separateBytes is the size from which values go to files of their own, which compactions do not rewrite: full runs are
	// written twice instead of three times and more. It is larger than the values of the digest index, which are deleted
	// again, and than the leaf counts of a block: a value file has blocks of several values, so that who scans the counts
	// would read the roots too.
	separateBytes = 13 << 10
)

// formatVersion pins Pebble's own on-disk format.
const formatVersion = pebble.FormatValueSeparation

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.RoundBytes == 0 {
		o.RoundBytes = DefaultRoundBytes
	}
	if o.TableLeaves == 0 {
		o.TableLeaves = DefaultTableLeaves
	}
	if o.DiskFull == nil {
		o.DiskFull = func(bool) {}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// pebble returns Pebble's options for a database on fs.
func (o *Options) pebble(fs vfs.FS) *pebble.Options {
	p := &pebble.Options{
		FS:                          markerFS{fs, o.ReadOnly},
		CacheSize:                   o.CacheBytes + memTableBytes, // Pebble takes memtables out of the cache
		ReadOnly:                    o.ReadOnly,
		FormatMajorVersion:          formatVersion,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		LBaseMaxBytes:               baseBytes,
		MaxOpenFiles:                openFiles,
		Logger:                      pebbleLogger{o.Logger},
	}
	for i := range p.TargetFileSizes {
		p.TargetFileSizes[i] = fileBytes
	}
	for i := range p.Levels {
		p.Levels[i].BlockSize = blockBytes
	}
	// Digests, nodes and signatures do not compress, and they are nearly all there is.
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	p.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           separateBytes,
			MaxBlobReferenceDepth: 10,
			TargetGarbageRatio:    1, // what is separated is never deleted
		}
	}
	p.Experimental.SpanPolicyFunc = runsApart
	log := o.Logger
	p.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) { log.Error("storage: background work", "error", err.Error()) },
		DataCorruption:  func(i pebble.DataCorruptionInfo) { log.Error("storage: corrupt data", "details", i.Details) },
		DiskSlow:        func(i pebble.DiskSlowInfo) { log.Warn("storage: slow disk", "details", i.String()) },
		LowDiskSpace:    func(i pebble.LowDiskSpaceInfo) { log.Warn("storage: disk nearly full", "details", i.String()) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { log.Warn("storage: writes wait", "reason", i.Reason) },
		WriteStallEnd:   func() { log.Warn("storage: writes go on") },
	}
	return p
}

// runsApart has flushes and compactions put runs into tables of their own. Tables of all kinds of keys would reach from the
// oldest round to the newest, and each compaction of one would rewrite all runs that it finds on its way.
func runsApart(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	for _, kind := range []Kind{KindRun, KindRun + 1} {
		if start[0] < byte(kind) {
			return policy, []byte{byte(kind)}, nil
		}
	}
	return policy, nil, nil
}

// pebbleLogger passes on what Pebble logs: its routine messages are of no use to an operator.
type pebbleLogger struct{ log *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("storage: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf ends what Pebble was doing: see package fatal.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fatal.Error("storage: " + fmt.Sprintf(format, args...))
	l.log.Error(err.Error())
	panic(err)
}
