package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/server/ledger"
)

// TestMemoryFits has sizes that are not given fit into the memory that there is, and those that are given stay.
func TestMemoryFits(t *testing.T) {
	for _, test := range []struct{ memory, statement, ingest, limit int64 }{
		{0, 256 << 20, 1 << 30, 3584 << 20},
		{1 << 40, 256 << 20, 1 << 30, 3584 << 20},
		{PlentyMemory, 256 << 20, 1 << 30, 3584 << 20},
		{1 << 30, 64 << 20, 256 << 20, 896 << 20},
		{leastMemory, 16 << 20, 64 << 20, 224 << 20},
		{leastMemory / 2, 16 << 20, 64 << 20, 224 << 20},
	} {
		c := DefaultConfig()
		c.Memory = test.memory
		if s, i, l := c.statementMemory(), c.ingestMemory(), c.MemoryLimit(); s != test.statement || i != test.ingest || l != test.limit {
			t.Errorf("of %d MiB a statement has %d, transactions %d, everything %d", c.Memory>>20, s>>20, i>>20, l>>20)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%d MiB: %v", c.Memory>>20, err)
		}
	}
	for _, wrong := range []Config{{StatementMemory: 1}, {QueryMemory: -1}, {QueryMemory: 1 << 60}, {IngestMemory: 1 << 60}, {IngestMemory: -1}, {StatementMemory: 8 << 20, QueryMemory: 4 << 20}} {
		if errs := wrong.validateMemory(); len(errs) != 1 {
			t.Errorf("%d, %d, %d bytes: %v", wrong.StatementMemory, wrong.QueryMemory, wrong.IngestMemory, errs)
		}
	}
	c := DefaultConfig()
	c.Memory, c.IngestMemory, c.QueryMemory = 1<<30, 500<<20, 40<<20
	if s, q, i := c.statementMemory(), c.queryMemory(), c.ingestMemory(); s != 40<<20 || q != 40<<20 || i != 500<<20 {
		t.Errorf("where %d and %d are given, a statement has %d, all %d, transactions %d", c.QueryMemory, c.IngestMemory, s, q, i)
	}
}

// TestLittleMemory files and proves with as little memory as sizes are made for, more than its caches and the backlog of its index hold.
func TestLittleMemory(t *testing.T) {
	c := DefaultConfig()
	c.DataDir, c.Listen, c.HTTPListen, c.Memory = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", leastMemory
	s, _ := testServer(t, c)
	const rows = 1 << 16
	var filings []string
	for i := range int(c.fit(ledger.DefaultBacklog)) * 5 / 4 / rows {
		filings = append(filings, fmt.Sprintf("INSERT INTO hashes (digest) SELECT sha256(('%d/' || n)::bytea) FROM generate_series(1, %d) AS n", i, rows))
	}
	s.exec(t, filings...)
	s.exec(t, fmt.Sprintf(`SELECT 1 / (count(*) = 500 AND bool_and(v.verdict = 'OK'))::int FROM proofs AS p, verify(p.digest, p.signature) AS v
		WHERE p.digest IN (SELECT sha256((n %% %d || '/' || n)::bytea) FROM generate_series(1, 500) AS n)`, len(filings)))
	if _, page := s.get(t, "/metrics"); !strings.Contains(page, fmt.Sprintf("jurat_ingest_memory_limit_bytes %g\n", float64(64<<20))) {
		t.Error("transactions may hold back another size")
	}
}
