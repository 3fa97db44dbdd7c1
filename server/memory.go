package server

import (
	"cmp"
	"fmt"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/storage"
)

// PlentyMemory is the memory in bytes with which everything has its full size.
const PlentyMemory = 4 << 30

// leastMemory is below what memory in bytes nothing gets smaller any more.
const leastMemory = 256 << 20

// otherMemory is about what a server with plenty takes at most in bytes besides statements and open transactions: what proofs are cached
// of, filters of the digest index, blocks and memtables of the store, digests that are not indexed yet, messages that come in.
const otherMemory = 1536 << 20

// maxMemory bounds the sizes of memory, so that sums of them are numbers.
const maxMemory = 1 << 50

// minIngestMemory lets a few clients at a time file some hundred thousand hashes each.
const minIngestMemory = 16 << 20

// fit returns the size of what takes n bytes where there is plenty.
func (c *Config) fit(n int64) int64 {
	if c.Memory == 0 || c.Memory >= PlentyMemory {
		return n
	}
	return n * (max(c.Memory, leastMemory) >> 20) / (PlentyMemory >> 20)
}

// Sizes of memory as c gives them or, where it does not, as they fit.
func (c *Config) statementMemory() int64 {
	n := cmp.Or(c.StatementMemory, c.fit(query.DefaultStatementMemory))
	if c.StatementMemory == 0 && c.QueryMemory != 0 {
		n = min(n, c.QueryMemory)
	}
	return n
}

func (c *Config) queryMemory() int64 {
	return cmp.Or(c.QueryMemory, query.DefaultQueryMemory(c.statementMemory()))
}

func (c *Config) ingestMemory() int64 {
	return cmp.Or(c.IngestMemory, c.fit(query.DefaultIngestMemory))
}

// storeOptions returns how the store is opened.
func (s *Server) storeOptions() storage.Options {
	o, c := s.config.Store, &s.config
	o.CacheBytes = cmp.Or(o.CacheBytes, c.fit(storage.DefaultCacheBytes))
	o.RoundBytes = cmp.Or(o.RoundBytes, int(c.fit(storage.DefaultRoundBytes)))
	o.Logger = s.log
	return o
}

// MemoryLimit returns what the process needs in bytes when everything that is bounded is full. Given to debug.SetMemoryLimit it
// has garbage collected more often before more is taken.
func (c *Config) MemoryLimit() int64 {
	return c.queryMemory() + c.ingestMemory() + c.fit(otherMemory)
}

// validateMemory reports the faults of sizes of memory.
func (c *Config) validateMemory() (errs []error) {
	if n := c.statementMemory(); n < 1<<20 || n > maxMemory {
		errs = append(errs, fmt.Errorf("statement memory %d: at least 1 MiB, at most 1 PiB", n))
	}
	if c.QueryMemory > maxMemory || c.IngestMemory > maxMemory {
		errs = append(errs, fmt.Errorf("query memory %d, ingest memory %d: at most 1 PiB", c.QueryMemory, c.IngestMemory))
	}
	if n := c.statementMemory(); c.QueryMemory != 0 && c.QueryMemory < n {
		errs = append(errs, fmt.Errorf("query memory %d: less than the statement memory of %d", c.QueryMemory, n))
	}
	if n := c.ingestMemory(); n < minIngestMemory {
		errs = append(errs, fmt.Errorf("ingest memory %d: at least 16 MiB", n))
	}
	return errs
}
