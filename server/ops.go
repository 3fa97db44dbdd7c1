package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jurat-ledger/jurat/server/ledger"
)

const (
	// stuckAfter is how long the writer may take for one look at clock and queue. A group or a round takes seconds at most.
	stuckAfter = time.Minute
	// opsTimeout bounds each step of a request to the operations listener. A profile takes longer: it writes without bound.
	opsTimeout = 10 * time.Second
)

// phase is how far a server is in its life.
type phase int32

const (
	recovering phase = iota // New works
	serving
	stopping
)

// An ops answers monitoring: /metrics, /healthz, /readyz and, if wanted, /debug/pprof. It runs from before the recovery
// until the last part of the server has stopped.
type ops struct {
	server   *Server
	registry *prometheus.Registry
	http     *httpListener
	phase    atomic.Int32
}

// startOps makes ops and serves ln with it.
func (s *Server) startOps(ln net.Listener) {
	o := &ops{server: s, registry: prometheus.NewRegistry()}
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.unhealthy()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.notReady()) })
	if s.config.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	s.ops = o // before anybody asks
	o.http = s.serveHTTP(ln, "operations listener", &http.Server{Handler: mux, IdleTimeout: time.Minute})
}

// enter notes a phase. From serving on the counts of the server are shown.
func (o *ops) enter(p phase) {
	if o == nil {
		return
	}
	if p == serving {
		o.registry.MustRegister(collector{o.server, o.server.store.DB().Metrics().LogWriter.FsyncLatency})
	}
	o.phase.Store(int32(p))
}

// close ends the listener.
func (o *ops) close() {
	if o != nil {
		o.http.close()
	}
}

// answer says "ok", or with status 503 what is wrong.
func answer(w http.ResponseWriter, wrong string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if wrong == "" {
		io.WriteString(w, "ok\n")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, wrong+"\n")
}

// Healthy returns nil if the writer of the ledger looks at clock and queue as it should, else why the process is of no use
// any more and should be started anew. One that waits for room on the disk goes on by itself when there is some.
func (s *Server) Healthy() error {
	if x := s.ledger.Stats(); x.Idle > stuckAfter && !x.DiskFull {
		return fmt.Errorf("the writer of the ledger is stuck for %s: see the log, and whether the disk answers", x.Idle.Round(time.Second))
	}
	return nil
}

// unhealthy is Healthy in words; a server that is recovering is well.
func (o *ops) unhealthy() string {
	if phase(o.phase.Load()) == recovering {
		return ""
	}
	if err := o.server.Healthy(); err != nil {
		return err.Error()
	}
	return ""
}

// notReady says why digests cannot be filed now, "" if they can; where nothing is ever filed, why nothing can be read.
func (s *Server) notReady() string {
	switch phase(s.ops.phase.Load()) {
	case recovering:
		if s.waitsForRoom.Load() {
			return "disk full: the server goes on starting by itself when there is room"
		}
		return "recovering: the server reads what was filed before it was started"
	case stopping:
		return "stopping"
	}
	if s.config.ReadOnly {
		return ""
	}
	switch err := s.ledger.Filing(); {
	case errors.Is(err, ledger.ErrClockJump):
		return "clock unconfirmed: it jumped ahead; check it, then run SELECT confirm_clock() as a superuser"
	case errors.Is(err, ledger.ErrCertificateEnds):
		return "certificate ended: " + err.Error() + "; stop the server and run jurat rotate-key calendar"
	case errors.Is(err, ledger.ErrDiskFull):
		return fmt.Sprintf("disk full: filing goes on by itself when more than --disk-reserve, %d MiB, are free", s.config.DiskReserve>>20)
	case err != nil:
		return err.Error()
	}
	_, closed, _ := s.ledger.Extent()
	if now := s.now(); closed.Time().Sub(now) > s.config.MaxClockJump {
		return fmt.Sprintf("clock behind: it shows %s, and no round closes before it is past the last closed second, %s; check it", now.UTC().Format(time.RFC3339), closed)
	}
	return ""
}
