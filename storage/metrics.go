package storage

// Metrics are the main figures of the database under a store. Counts are since it was opened.
type Metrics struct {
	DiskBytes            uint64 // of all its files
	TopFiles             int64  // in level 0: files that compactions have yet to sort into the others
	TopSublevels         int    // of level 0: so many files a look-up may read there; from 12 on writes wait
	CompactionDebt       uint64 // bytes that compactions have yet to write
	CompactionsRunning   int64
	Compactions, Flushes uint64
	MemTableBytes        uint64
	LogFiles             int64
	LogBytes             uint64 // of the log's files that hold what no table holds yet
	LogWritten           uint64 // bytes ever written to the log
	ReadAmplification    int    // tables and memtables that a look-up reads at most
	CacheHits            uint64
	CacheMisses          uint64
	LargeGroups          uint64 // of leaves, written as tables past the log
}

// Metrics returns what the database says of itself. It takes locks that the writer wants too: ask seldom.
func (s *Store) Metrics() Metrics {
	m := s.db.Metrics()
	top := &m.Levels[0]
	return Metrics{
		DiskBytes:          m.DiskSpaceUsage(),
		TopFiles:           top.TablesCount,
		TopSublevels:       int(top.Sublevels),
		CompactionDebt:     m.Compact.EstimatedDebt,
		CompactionsRunning: m.Compact.NumInProgress,
		Compactions:        uint64(m.Compact.Count),
		Flushes:            uint64(m.Flush.Count),
		MemTableBytes:      m.MemTable.Size,
		LogFiles:           m.WAL.Files,
		LogBytes:           m.WAL.Size,
		LogWritten:         m.WAL.BytesWritten,
		ReadAmplification:  m.ReadAmp(),
		CacheHits:          uint64(m.BlockCache.Hits),
		CacheMisses:        uint64(m.BlockCache.Misses),
		LargeGroups:        m.Ingest.Count,
	}
}
