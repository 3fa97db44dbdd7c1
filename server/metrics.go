package server

import (
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/jurat-ledger/jurat/internal/host"
	"github.com/jurat-ledger/jurat/internal/tally"
	"github.com/jurat-ledger/jurat/merkle"
)

// A metric is a family of numbers that monitoring sees. No label has a value that clients choose.
type metric struct {
	desc       *prometheus.Desc
	name, help string
	kind       prometheus.ValueType // of counters and gauges
	histogram  bool
	labels     []string
}

// metrics are all of them, in the order in which they are documented.
var metrics []*metric

func newMetric(kind prometheus.ValueType, name, help string, labels []string) *metric {
	m := &metric{desc: prometheus.NewDesc(name, help, labels, nil), name: name, help: help, kind: kind, labels: labels}
	metrics = append(metrics, m)
	return m
}

func counter(name, help string, labels ...string) *metric {
	return newMetric(prometheus.CounterValue, name, help, labels)
}

func gauge(name, help string, labels ...string) *metric {
	return newMetric(prometheus.GaugeValue, name, help, labels)
}

func histogram(name, help string) *metric {
	m := newMetric(prometheus.UntypedValue, name, help, nil)
	m.histogram = true
	return m
}

var (
	buildInfo = gauge("jurat_build_info", "1; the labels say which program runs.", "version", "revision", "goversion", "kernel")
	ready     = gauge("jurat_ready", "1 if digests can be filed, or read where the server is read-only; 0 if /readyz says why not.")
	writerAge = gauge("jurat_writer_last_look_seconds", "Time since the one goroutine that writes last looked at clock and queue; a minute means that it is stuck.")

	roundsClosed = counter("jurat_rounds_closed_total", "Rounds with digests that were closed.")
	closeTime    = histogram("jurat_round_close_seconds", "Time that closing a round with digests takes: its root, the signature, durable.")
	closeLate    = histogram("jurat_round_close_late_seconds", "How long after its second a round with digests is closed.")
	lastClosed   = gauge("jurat_last_closed_second_timestamp_seconds", "Newest second that is closed.")

	filedLeaves   = counter("jurat_filed_leaves_total", "Digests filed: by INSERT, by COPY, through the KSI gateway.", "way")
	filedBytes    = counter("jurat_filed_bytes_total", "Bytes of the digests filed.", "way")
	ledgerLeaves  = gauge("jurat_ledger_leaves", "Digests in all closed rounds since the ledger began.")
	groupLeaves   = histogram("jurat_group_commit_leaves", "Digests that are made durable together.")
	groupRequests = histogram("jurat_group_commit_requests", "Requests that are made durable together.")
	groupTime     = histogram("jurat_group_commit_seconds", "Time from the plan of a group until it is durable.")
	logSync       = histogram("jurat_log_sync_seconds", "Time that the disk takes to sync the log.")
	queueRequests = gauge("jurat_queue_requests", "Requests that wait to be committed.")
	queueLeaves   = gauge("jurat_queue_leaves", "Digests that wait to be committed.")
	waiting       = gauge("jurat_waiting_sessions", "Sessions that wait: for space in the queue or for the digest index (ledger), for memory of transactions (memory).", "for")
	ingestMemory  = gauge("jurat_ingest_memory_bytes", "Memory of the digests that open transactions hold back.")
	ingestLimit   = gauge("jurat_ingest_memory_limit_bytes", "What --ingest-memory allows.")
	proofs        = counter("jurat_proofs_total", "Signatures made or extended, by SQL and for the KSI gateway.")

	indexBacklog = gauge("jurat_index_backlog_leaves", "Digests of closed rounds that the digest index does not hold yet; filing waits beyond 16.7 million.")
	indexRecent  = gauge("jurat_index_recent_leaves", "Digests that are found in memory.")
	indexRuns    = gauge("jurat_index_runs", "Runs of the digest index, which a look-up reads.")
	indexRead    = counter("jurat_index_parts_read_total", "Parts of buckets of the digest index that look-ups read; filters spare the others.")
	indexPlaced  = counter("jurat_index_places_total", "Leaves named by the digest index whose place was looked up.")
	indexBytes   = gauge("jurat_index_bytes", "Size of the digest index.")

	sessions    = gauge("jurat_sessions", "Client connections: with a session (open), before log-in (starting).", "state")
	accepted    = counter("jurat_connections_total", "Client connections that came.")
	refused     = counter("jurat_connections_refused_total", "Of them, those refused because there were too many.")
	notAccepted = counter("jurat_accept_failures_total", "Times that accepting a connection failed, for want of file descriptors for one, on any port; it is tried again.")
	statements  = counter("jurat_statements_total", "Statements run, by kind.", "kind")
	sqlErrors   = counter("jurat_errors_total", "Errors sent to clients, by the class of their SQLSTATE.", "class")
	gatewayOpen = gauge("jurat_gateway_connections", "Connections of KSI clients.")
	gatewayDone = counter("jurat_gateway_requests_total", "Requests of KSI clients, by the status of the answer (0x000 is success).", "service", "status")

	storageDisk     = gauge("jurat_storage_disk_bytes", "Size of the store on disk.")
	storageTop      = gauge("jurat_storage_l0_files", "Tables in the top level of the store.")
	storageSub      = gauge("jurat_storage_l0_sublevels", "Sublevels of the top level; at 12 writes wait.")
	storageDebt     = gauge("jurat_storage_compaction_debt_bytes", "What compactions have yet to write.")
	storageRunning  = gauge("jurat_storage_compactions_running", "Compactions at work.")
	storageDone     = counter("jurat_storage_compactions_total", "Compactions done.")
	storageFlushes  = counter("jurat_storage_flushes_total", "Memory tables written out.")
	storageTakenIn  = counter("jurat_storage_large_groups_total", "Groups of digests that were written as tables, past the log.")
	storageMemory   = gauge("jurat_storage_memtable_bytes", "Memory of what is in the log alone.")
	storageLogs     = gauge("jurat_storage_log_files", "Files of the log.")
	storageLogSize  = gauge("jurat_storage_log_bytes", "What is in the log alone.")
	storageLogTotal = counter("jurat_storage_log_written_bytes_total", "Bytes written to the log.")
	storageReadAmp  = gauge("jurat_storage_read_amplification", "Tables that a look-up reads at most.")
	storageCache    = counter("jurat_storage_cache_requests_total", "Blocks looked up in the cache.", "result")

	diskFree = gauge("jurat_disk_free_bytes", "Free space of the file system that holds the data directory.")
	diskFull = gauge("jurat_disk_full", "1 while a write waits for room on the disk; below --disk-reserve nothing is filed before that.")
	diskSize = gauge("jurat_disk_size_bytes", "Size of that file system.")

	certificateEnd = gauge("jurat_certificate_expiry_timestamp_seconds", "When a certificate ends: of the calendar, an hour before which filing stops, of publications, and what clients are shown (tls).", "certificate")
	clockAhead     = gauge("jurat_clock_ahead_seconds", "How far the clock is ahead of what the time that passed lets expect; beyond --max-clock-jump filing stops.")
	clockJumped    = gauge("jurat_clock_jumped", "1 if filing has stopped until an operator runs SELECT confirm_clock().")
	clockSynced    = gauge("jurat_clock_synchronized", "1 if the kernel says that its clock is steered by NTP or the like.")
	clockError     = gauge("jurat_clock_max_error_seconds", "How wrong the clock is at most, as whoever steers it claims.")

	publicationTime = gauge("jurat_last_publication_timestamp_seconds", "Second up to which the calendar is published; 0 for none.")
	publicationMade = gauge("jurat_last_publication_made_timestamp_seconds", "When that was published; 0 for none.")
)

// A collector shows monitoring what a running server has counted. It keeps nothing: every request reads the counts anew.
type collector struct {
	s       *Server
	logSync prometheus.Histogram // of the store's database, which goes on counting in it
}

// Describe implements prometheus.Collector.
func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range metrics {
		to <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	send := sender(to)
	c.s.collectProgram(send)
	c.s.collectLedger(send)
	c.s.collectClients(send)
	c.s.collectStorage(send)
	c.collectLogSync(to)
	c.s.collectHost(send)
}

// A sender sends metrics to their registry.
type sender chan<- prometheus.Metric

func (to sender) number(m *metric, v float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(m.desc, m.kind, v, labels...)
}

func (to sender) flag(m *metric, on bool) {
	v := 0.0
	if on {
		v = 1
	}
	to.number(m, v)
}

// time sends a time, 0 for none.
func (to sender) time(m *metric, t time.Time, labels ...string) {
	v := 0.0
	if !t.IsZero() {
		v = float64(t.UnixMilli()) / 1e3
	}
	to.number(m, v, labels...)
}

// distribution sends a histogram whose values are in units of unit.
func (to sender) distribution(m *metric, d *tally.Distribution, unit float64) {
	buckets := make(map[float64]uint64, len(d.Bounds))
	n := uint64(0)
	for i, bound := range d.Bounds {
		n += d.Counts[i]
		buckets[float64(bound)*unit] = n
	}
	to <- prometheus.MustNewConstHistogram(m.desc, d.Count(), float64(d.Sum)*unit, buckets)
}

func (s *Server) collectProgram(to sender) {
	to.number(buildInfo, 1, s.config.Version, s.config.Revision, runtime.Version(), merkle.Kernel())
}

// nanosecond is one in seconds.
const nanosecond = 1e-9

func (s *Server) collectLedger(to sender) {
	x := s.ledger.Stats()
	to.flag(ready, s.notReady() == "")
	to.number(writerAge, x.Idle.Seconds())
	to.number(roundsClosed, float64(x.CloseTimes.Count()))
	to.distribution(closeTime, &x.CloseTimes, nanosecond)
	to.distribution(closeLate, &x.Late, nanosecond)
	to.time(lastClosed, x.Closed.Time())
	to.number(ledgerLeaves, float64(x.Leaves))
	to.distribution(groupLeaves, &x.GroupLeaves, 1)
	to.distribution(groupRequests, &x.GroupRequests, 1)
	to.distribution(groupTime, &x.GroupTimes, nanosecond)
	to.number(queueRequests, float64(x.QueuedRequests))
	to.number(queueLeaves, float64(x.QueuedLeaves))
	to.number(waiting, float64(x.Waiting), "ledger")
	to.number(proofs, float64(x.Proofs))
	to.number(clockAhead, x.ClockAhead.Seconds())
	to.flag(clockJumped, x.ClockJumped)
	to.flag(diskFull, x.DiskFull)
	if !x.CertificateEnds.IsZero() {
		to.time(certificateEnd, x.CertificateEnds, "calendar")
	}
	if c := s.publisher.key.certificate.X509; c != nil { // a read-only server does without
		to.time(certificateEnd, c.NotAfter, "publications")
	}
	if s.tls != nil {
		to.time(certificateEnd, s.tls.ends(), "tls")
	}
	to.number(indexRead, float64(x.PartsRead))
	to.number(indexPlaced, float64(x.Placed))
	if status, err := s.ledger.IndexStatus(); err == nil {
		to.number(indexBacklog, float64(status.Leaves-status.Indexed))
		to.number(indexRecent, float64(status.Recent))
		to.number(indexRuns, float64(status.Runs))
		to.number(indexBytes, float64(status.Bytes))
	}
	var through, made time.Time
	if all := s.ledger.Publications(); len(all) > 0 {
		through, made = all[len(all)-1].Time.Time(), all[len(all)-1].Published
	}
	to.time(publicationTime, through)
	to.time(publicationMade, made)
}

func (s *Server) collectClients(to sender) {
	q := s.engine.Stats()
	to.number(filedLeaves, float64(q.Inserted.Leaves), "insert")
	to.number(filedBytes, float64(q.Inserted.Bytes), "insert")
	to.number(filedLeaves, float64(q.Copied.Leaves), "copy")
	to.number(filedBytes, float64(q.Copied.Bytes), "copy")
	for kind, n := range q.Statements {
		to.number(statements, float64(n), kind)
	}
	to.number(ingestMemory, float64(q.IngestMemory))
	to.number(ingestLimit, float64(q.MaxIngestMemory))
	to.number(waiting, float64(q.Waiting), "memory")
	w := s.wire.Stats()
	to.number(sessions, float64(w.Sessions), "open")
	to.number(sessions, float64(w.Starting), "starting")
	to.number(accepted, float64(w.Accepted))
	to.number(refused, float64(w.Refused))
	for _, fault := range []string{"58", "XX"} { // shown before the first one: an alert sees no increase of what begins at 1
		w.Errors[fault] += 0
	}
	for class, n := range w.Errors {
		to.number(sqlErrors, float64(n), class)
	}
	failed := w.Failed + s.accepting.Failed()
	if s.gateway == nil {
		to.number(notAccepted, float64(failed))
		return
	}
	to.number(filedLeaves, float64(s.gatewayFiled.leaves.Load()), "gateway")
	to.number(filedBytes, float64(s.gatewayFiled.bytes.Load()), "gateway")
	g := s.gateway.Stats()
	to.number(notAccepted, float64(failed+g.Failed))
	to.number(gatewayOpen, float64(g.Connections))
	for o, n := range g.Requests {
		to.number(gatewayDone, float64(n), o.Service.String(), fmt.Sprintf("0x%03x", uint64(o.Status)))
	}
}

func (s *Server) collectStorage(to sender) {
	m := s.store.Metrics()
	to.number(storageDisk, float64(m.DiskBytes))
	to.number(storageTop, float64(m.TopFiles))
	to.number(storageSub, float64(m.TopSublevels))
	to.number(storageDebt, float64(m.CompactionDebt))
	to.number(storageRunning, float64(m.CompactionsRunning))
	to.number(storageDone, float64(m.Compactions))
	to.number(storageFlushes, float64(m.Flushes))
	to.number(storageTakenIn, float64(m.LargeGroups))
	to.number(storageMemory, float64(m.MemTableBytes))
	to.number(storageLogs, float64(m.LogFiles))
	to.number(storageLogSize, float64(m.LogBytes))
	to.number(storageLogTotal, float64(m.LogWritten))
	to.number(storageReadAmp, float64(m.ReadAmplification))
	to.number(storageCache, float64(m.CacheHits), "hit")
	to.number(storageCache, float64(m.CacheMisses), "miss")
}

func (c collector) collectLogSync(to chan<- prometheus.Metric) {
	var h dto.Metric
	if err := c.logSync.Write(&h); err == nil {
		to <- prometheus.MustNewConstHistogram(logSync.desc, h.Histogram.GetSampleCount(), h.Histogram.GetSampleSum(), fewer(h.Histogram.Bucket))
	}
}

// fewer returns the buckets of a histogram whose bounds are far enough from each other: the store's has a hundred.
func fewer(all []*dto.Bucket) map[float64]uint64 {
	some := make(map[float64]uint64)
	last := 5e-5
	for _, b := range all {
		if bound := b.GetUpperBound(); bound >= 1.9*last {
			last = bound
			some[bound] = b.GetCumulativeCount()
		}
	}
	return some
}

func (s *Server) collectHost(to sender) {
	if d, err := host.DiskOf(s.config.DataDir); err == nil {
		to.number(diskFree, float64(d.Free))
		to.number(diskSize, float64(d.Size))
	}
	if c, err := host.Clock(); err == nil {
		to.flag(clockSynced, c.Synchronized)
		to.number(clockError, c.MaxError.Seconds())
	}
}
