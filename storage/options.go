package storage

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options says how to open a store. The zero Options is good for a server.
type Options struct {
	// FS is where the store lives; nil is the disk.
	FS vfs.FS
	// CacheBytes is the size of the cache for blocks of tables, 0 for DefaultCacheBytes.
	CacheBytes int64
	// ReadOnly opens a store without writing to it. Propose panics.
	ReadOnly bool
	// Logger is told of background errors, slow disks and write stalls; nil for slog.Default().
	Logger *slog.Logger
}

// DefaultCacheBytes is the default of Options.CacheBytes: an idle server has to stay small, and the operating system
// caches files too.
const DefaultCacheBytes = 8 << 20

// Sizes given to Pebble.
const (
	memTableBytes = 16 << 20 // grows to this under load; at most memTables of them
	memTables     = 4
	blockBytes    = 16 << 10 // a full run of 32 KiB gets a block of its own
	fileBytes     = 32 << 20
	baseBytes     = 256 << 20
	openFiles     = 500
)

// formatVersion pins Pebble's own on-disk format.
const formatVersion = pebble.FormatValueSeparation

func (o *Options) pebble() *pebble.Options {
	p := &pebble.Options{
		FS:                          o.FS,
		CacheSize:                   o.CacheBytes,
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
	log := o.Logger
	p.EventListener = &pebble.EventListener{
		BackgroundError: func(err error) { log.Error("storage: background work", "error", err) },
		DataCorruption:  func(i pebble.DataCorruptionInfo) { log.Error("storage: corrupt data", "details", i.Details) },
		DiskSlow:        func(i pebble.DiskSlowInfo) { log.Warn("storage: slow disk", "details", i.String()) },
		LowDiskSpace:    func(i pebble.LowDiskSpaceInfo) { log.Warn("storage: disk nearly full", "details", i.String()) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { log.Warn("storage: writes wait", "reason", i.Reason) },
		WriteStallEnd:   func() { log.Warn("storage: writes go on") },
	}
	return p
}

// pebbleLogger passes on what Pebble logs: its routine messages are of no use to an operator.
type pebbleLogger struct{ log *slog.Logger }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("storage: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble no longer knows what is on disk. Only opening the store again tells.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.log.Error("storage: " + fmt.Sprintf(format, args...))
	panic("storage: " + fmt.Sprintf(format, args...))
}
