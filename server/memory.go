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

// minStatementMemory lets statements over a few thousand rows end.
const minStatementMemory = 1 << 20

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
	o.ReadOnly = c.ReadOnly
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
	check := func(name string, n, least int64) {
		if n != 0 && (n < least || n > maxMemory) {
			errs = append(errs, fmt.Errorf("%s memory %d: at least %d MiB, at most 1 PiB", name, n, least>>20))
		}
	}
	check("statement", c.StatementMemory, minStatementMemory)
	check("query", c.QueryMemory, minStatementMemory)
	check("ingest", c.IngestMemory, minIngestMemory)
	if c.QueryMemory >= minStatementMemory && c.QueryMemory < c.StatementMemory {
		errs = append(errs, fmt.Errorf("query memory %d: less than the statement memory of %d", c.QueryMemory, c.StatementMemory))
	}
	return errs
}
