package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/jurat-ledger/jurat/internal/places"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/server/gateway"
	"github.com/jurat-ledger/jurat/server/ledger"
	"github.com/jurat-ledger/jurat/server/session"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/backup"
	"github.com/jurat-ledger/jurat/storage/index"
	"github.com/jurat-ledger/jurat/wire"
)

// A Server is an open data directory with a listening port.
type Server struct {
	config    Config
	clock     ledger.Clock
	log       *slog.Logger
	store     *storage.Store
	index     *index.Index
	access    *access
	tls       *certificate // nil without TLS
	ledger    *ledger.Ledger
	journal   *journal
	newKey    []byte // id of the certificate of a calendar key that this start has brought; nil if it is the one of before
	publisher *publisher
	wire      *wire.Server
	listener  net.Listener
	socket    net.Listener    // on a Unix socket; nil for none
	gateway   *gateway.Server // nil if neither of its listeners is wanted
	http      net.Listener    // of the gateway; nil for none
	tcp       net.Listener    // likewise
	engine    *query.Engine
	ops       *ops         // nil if its listener is not wanted
	opsListen net.Listener // likewise

	gatewayFiled gatewayFiled
	waitsForRoom atomic.Bool   // a write waits for room on the disk
	roomChanged  chan struct{} // told when waitsForRoom changes

	accepting  *places.Acceptor // of monitoring and of the page
	page       *httpListener    // nil if its listener is not wanted
	pageListen net.Listener     // likewise
}

// New opens the data directory, making it on the first start, recovers the ledger and listens. Run must follow. Once ctx is done New
// does not wait for others to close the store, and a second at most for the rest, which it leaves behind then: it is for a process that is
// to end, and that may end anywhere.
func New(ctx context.Context, c Config) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Kernel != "" {
		if err := merkle.UseKernel(c.Kernel); err != nil {
			return nil, fmt.Errorf("--kernel: %w", err)
		}
	}
	s := &Server{config: c, clock: c.Clock, log: c.Logger, roomChanged: make(chan struct{}, 1)}
	if s.clock == nil {
		s.clock = newSystemClock()
	}
	s.accepting = places.NewAcceptor("HTTP connection", time.Now, c.Logger)
	s.config.Store.DiskFull = func(waiting bool) {
		s.waitsForRoom.Store(waiting)
		select {
		case s.roomChanged <- struct{}{}:
		default:
		}
	}
	opened := make(chan error, 1)
	go func() { opened <- s.open(ctx) }()
	if err, ok := outcome(ctx, opened, startPatience); err != nil {
		return nil, errors.Join(err, s.close())
	} else if ok {
		return s, nil
	}
	go func() {
		<-opened // the process still lives
		_ = s.close()
	}()
	if s.waitsForRoom.Load() {
		return nil, fmt.Errorf("told to stop before it had started, while it waited for room in %s: %w", c.DataDir, syscall.ENOSPC)
	}
	return nil, fmt.Errorf("told to stop before it had started, while it read %s", c.DataDir)
}

// startPatience is what a start that is told to stop gets to come to its end.
const startPatience = time.Second

// outcome returns what is done when it is; false if it is not a while after ctx is.
func outcome(ctx context.Context, done <-chan error, while time.Duration) (err error, ok bool) {
	select {
	case err = <-done:
		return err, true
	case <-ctx.Done():
	}
	over := time.NewTimer(while)
	defer over.Stop()
	select {
	case err = <-done:
		return err, true
	case <-over.C:
		return nil, false
	}
}

func (s *Server) now() time.Time {
	wall, _ := s.clock.Now()
	return wall
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// SocketPath returns the path of the Unix socket, "" if there is none.
func (s *Server) SocketPath() string {
	if s.socket == nil {
		return ""
	}
	return s.socket.Addr().String()
}

// HTTPAddr returns the address of the operations listener, nil if it is off.
func (s *Server) HTTPAddr() net.Addr {
	if s.opsListen == nil {
		return nil
	}
	return s.opsListen.Addr()
}

// PageAddr returns the address of the verification page, nil if it is off.
func (s *Server) PageAddr() net.Addr {
	if s.pageListen == nil {
		return nil
	}
	return s.pageListen.Addr()
}

// GatewayAddrs returns the addresses of the KSI gateway, over HTTP and over TCP; nil for what is off.
func (s *Server) GatewayAddrs() (http, tcp net.Addr) {
	if s.http != nil {
		http = s.http.Addr()
	}
	if s.tcp != nil {
		tcp = s.tcp.Addr()
	}
	return http, tcp
}

func (s *Server) open(ctx context.Context) (err error) {
	// The ports first: a start that cannot listen must not leave a new ledger behind.
	if err := s.listen(); err != nil {
		return err
	}
	// Then the files, whose faults are the operator's too.
	if err := s.readFiles(); err != nil {
		return err
	}
	if s.opsListen != nil {
		s.startOps(s.opsListen)
	}
	keys, err := s.openMarked(ctx)
	if err != nil {
		return damageError(err)
	}
	s.access.store = s.store
	if err := s.access.checkNetwork(s.listener.Addr().String()); err != nil {
		return err
	}
	if s.index, err = index.Open(s.store.DB(), index.Options{FS: s.store.FS(), Dir: filepath.Join(s.config.DataDir, IndexDir), ReadOnly: s.config.ReadOnly,
		CacheBytes: s.config.fit(index.DefaultCacheBytes)}); err != nil {
		return damageError(err)
	}
	if s.ledger, err = ledger.Open(ledger.Config{
		Store:               s.store,
		Index:               s.index,
		Key:                 keys.calendar.signer,
		Certificate:         keys.calendar.certificate,
		ReadOnly:            s.config.ReadOnly,
		Clock:               s.clock,
		MaxClockJump:        s.config.MaxClockJump,
		MonthlyPublications: s.config.MonthlyPublications,
		DiskReserve:         s.config.DiskReserve,
		CacheBytes:          int(s.config.fit(ledger.DefaultCacheBytes)),
		Backlog:             uint64(s.config.fit(ledger.DefaultBacklog)),
		RoundClosed:         func(round calendar.Second, root merkle.Digest) { s.engine.RoundClosed(round, root) }, // the engine is there before the ledger runs
		Published:           func(p storage.Publication) { s.engine.Published(query.Publication(p)) },
		Logger:              s.log,
	}); err != nil {
		return damageError(err)
	}
	s.journal = newJournal(s.ledger.Record, s.now)
	s.publisher = &publisher{ledger: s.ledger, key: keys.publications, now: s.now}
	s.engine = query.NewEngine(query.Config{
		Ledger:          source{s.ledger, s.publisher, new(atomic.Pointer[[]query.Slot]), s.backups()},
		Clock:           s.now,
		Database:        s.config.Database,
		Version:         s.config.Version,
		ServerName:      s.store.Genesis().Server,
		StatementMemory: s.config.statementMemory(),
		QueryMemory:     s.config.queryMemory(),
		IngestMemory:    s.config.ingestMemory(),
		MaxConnections:  s.config.MaxConnections,
		SSL:             s.tls != nil,
		Access:          s.access,
		Event:           s.record,
		Logger:          s.log,
	})
	s.serveClients()
	if s.pageListen != nil {
		s.page, err = s.startPage(s.pageListen)
	}
	return err
}

// damageError says what to do about damage.
func damageError(err error) error {
	if errors.Is(err, index.ErrCorrupt) {
		return fmt.Errorf("%w; the ledger is whole without it: jurat fsck --rebuild-index makes it anew from the leaves", err)
	}
	if errors.Is(err, ledger.ErrBehind) {
		return fmt.Errorf("%w: run jurat fsck --rebuild-index first", err)
	}
	if errors.Is(err, storage.ErrCorrupt) {
		return fmt.Errorf("%w; restore the data directory from a backup and keep this one as it is: deleting files in it makes things worse", err)
	}
	return err
}

// readFiles looks at the data directory, and reads the TLS certificate and the login rules.
func (s *Server) readFiles() (err error) {
	if err := s.checkDirectory(); err != nil {
		return err
	}
	if s.tls, err = loadCertificate(&s.config, s.log); err != nil {
		return err
	}
	s.access = &access{config: &s.config, certificate: s.tls, log: s.log, now: s.now}
	return s.access.open()
}

// checkDirectory returns why no server can work in the data directory, whatever is in it.
func (s *Server) checkDirectory() error {
	dir := s.config.DataDir
	info, err := os.Stat(dir)
	_, linkErr := os.Lstat(dir)
	switch {
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return fmt.Errorf("%s is no directory: give the data directory with --data", dir)
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil:
		return fmt.Errorf("%s is a symbolic link to what does not exist: is a disk not mounted?", dir)
	case s.config.ReadOnly:
		return nil
	}
	return CheckOwner(dir, os.Geteuid())
}

// serveClients makes what serves clients.
func (s *Server) serveClients() {
	blinding := s.store.Genesis().BlindingKey
	s.wire = wire.New(wire.Config{
		Handler: session.NewHandler(s.engine, func(c *wire.Startup, err error) {
			if err != nil {
				s.record(loginEvent(eventFailed, c, err.Error()))
			} else {
				s.record(loginEvent(eventLogin, c, ""))
			}
		}),
		Authenticator: s.access.authenticator(blinding[:], s.engine.LoginDatabase, func(c *wire.Startup, reason string) {
			s.record(loginEvent(eventFailed, c, reason))
		}),
		CertificateRefused: func(remote net.Addr, reason error) {
			s.record(loginEvent(eventFailed, &wire.Startup{Remote: remote}, "client certificate: "+certificateFault(reason)))
		},
		TLS:             s.tlsConfig(),
		Now:             time.Now,
		Logger:          s.log,
		MaxConnections:  s.config.MaxConnections,
		MaxMessage:      int(s.config.fit(wire.DefaultMaxMessage)),
		MaxIncoming:     int(s.config.fit(wire.DefaultMaxIncoming)),
		ShutdownTimeout: s.config.StopTime,
	})
	if s.http != nil && !loopback(s.http.Addr().String()) {
		s.http = s.tls.listener(s.http)
	}
	if s.http != nil || s.tcp != nil {
		s.gateway = gateway.New(gateway.Config{
			Ledger:          gatewaySource{s.ledger, s.publisher, &s.gatewayFiled, s.now},
			Now:             time.Now,
			Logger:          s.log,
			MaxRequests:     s.config.GatewayRequests,
			ShutdownTimeout: s.config.StopTime,
			Refused:         func(login, remote string) { s.record(gatewayEvent(login, remote)) },
		})
	}
}

// tlsConfig returns what TLS handshakes ask for their configuration, nil without TLS.
func (s *Server) tlsConfig() func() *tls.Config {
	if s.tls == nil {
		return nil
	}
	return s.tls.current
}

// Reload reads the login rules and the TLS certificate again. After an error those before stay in force.
func (s *Server) Reload() error {
	err, detail := s.access.Reload(), ""
	if err != nil {
		detail = err.Error()
	}
	s.record(query.Event{Kind: query.EventReload, Detail: detail})
	return err
}

// listen opens the listeners that are wanted, but for those that the configuration brings.
func (s *Server) listen() (err error) {
	for _, l := range []struct {
		to            *net.Listener
		name, address string
	}{{&s.listener, ListenerPostgres, s.config.Listen}, {&s.http, ListenerGateway, s.config.GatewayListen},
		{&s.tcp, ListenerGatewayTCP, s.config.GatewayTCPListen}, {&s.opsListen, ListenerHTTP, s.config.HTTPListen},
		{&s.pageListen, ListenerPage, s.config.PageListen}} {
		if ln := s.config.Listeners[l.name]; ln != nil {
			*l.to = ln
			continue
		}
		if l.address == "" {
			continue
		}
		if *l.to, err = net.Listen("tcp", l.address); err != nil {
			return listenError(l.name, err)
		}
	}
	if s.socket = s.config.Listeners[ListenerSocket]; s.socket == nil && s.config.SocketDirectory != "" {
		if s.socket, err = ListenUnix(s.config.SocketDirectory, s.listener.Addr().(*net.TCPAddr).Port); err != nil {
			return fmt.Errorf("--%s: %w", ListenerSocket, err)
		}
	}
	return nil
}

// listenError says what to do about an address that cannot be listened on, the value of a flag.
func listenError(flag string, err error) error {
	advice := "want host:port, such as 127.0.0.1:5433"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "is a server running already? Choose another port"
	case errors.Is(err, syscall.EACCES):
		advice = "ports below 1024 take rights that this account lacks: choose a higher one, or have systemd open it (examples/ops/jurat.socket)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "this machine has no such address: give one that it has, or 0.0.0.0 for all"
	}
	return fmt.Errorf("--%s: %v: %s", flag, err, advice)
}

// serverKeys are the keys that a running server works with.
type serverKeys struct{ calendar, publications *keyPair }

// How long a start waits for others to close the store, and how often it looks. jurat doctor has that of a stopped server open for a moment.
const (
	lockPatience = 5 * time.Second
	lockPace     = 50 * time.Millisecond
)

// openLocked opens a store, which somebody else may have open for a moment still.
func (s *Server) openLocked(ctx context.Context, dir string, options storage.Options) (*storage.Store, error) {
	patience, pace := time.NewTimer(lockPatience), time.NewTicker(lockPace)
	defer patience.Stop()
	defer pace.Stop()
	for told := false; ; told = true {
		store, err := storage.Open(dir, options)
		if !errors.Is(err, storage.ErrLocked) {
			return store, err
		}
		if !told {
			s.log.Info("waiting: another process has the store open", "store", dir, "at_most", lockPatience)
		}
		select {
		case <-pace.C:
		case <-patience.C:
			return nil, err
		case <-ctx.Done():
			return nil, err
		}
	}
}

// openStore opens the store and the keys. The first start makes all: the store first, so that where there is a key but no store a ledger is
// missing. A start that was cut off is gone on with, and of two at once one makes everything, holding the store's lock.
func (s *Server) openStore(ctx context.Context) (*serverKeys, error) {
	dir := filepath.Join(s.config.DataDir, StoreDir)
	store, err := s.openLocked(ctx, dir, s.storeOptions())
	if errors.Is(err, storage.ErrNotFound) {
		store, err = s.firstStart(dir)
	}
	if err != nil {
		return nil, err
	}
	s.store = store
	if err := backup.Clean(s.config.DataDir); err != nil {
		return nil, err
	}
	if name := store.Genesis().Server; s.config.ServerName != "" && s.config.ServerName != name {
		return nil, fmt.Errorf("%s belongs to server %q, not %q: its name stands in every proof and cannot change; leave --server-name away or give another --data",
			s.config.DataDir, name, s.config.ServerName)
	}
	var first *storage.Role
	if len(store.Roles()) == 0 {
		if first, err = s.firstRole(); err != nil {
			return nil, err
		}
	} else if role, ok := store.Role(s.config.Role); s.config.Role != "" && (!ok || role.Kind != storage.Superuser || role.Dropped) {
		return nil, fmt.Errorf("%s has no superuser role %q: --role names the one that a first start makes; leave it away, and make roles by CREATE ROLE",
			s.config.DataDir, s.config.Role)
	}
	key, err := s.openCalendarKey()
	if err != nil {
		return nil, err
	}
	publications, err := s.openPublicationsKey(store.Genesis().Server, first != nil)
	if err != nil {
		return nil, err
	}
	return &serverKeys{key, publications}, s.completeStart(key, first)
}

// openCalendarKey reads the calendar key. It is made for a store that has not had one.
func (s *Server) openCalendarKey() (*keyPair, error) {
	dir, g := s.config.DataDir, s.store.Genesis()
	key, err := calendarFiles.load(dir)
	switch {
	case errors.Is(err, errNoKey) && len(s.store.Certificates()) == 0:
		if key, err = newCalendarKey(g.Server, g.First.Time(), s.now()); err == nil {
			err = key.save(dir, calendarFiles)
		}
	case errors.Is(err, errNoKey):
		err = fmt.Errorf("%w: the directory holds a ledger, so its key is lost or was not restored; put keys/ back from the backup, or make a new one by jurat rotate-key calendar", err)
	case err == nil && !knownCertificate(s.store, key) && key.certificate.X509.Subject.CommonName != g.Server:
		err = fmt.Errorf("the calendar key in %s is that of server %q, this is %q: put keys/ back from a backup of this server", dir, key.certificate.X509.Subject.CommonName, g.Server)
	}
	return key, err
}

// oldestStart is before every first start: this program is not older. A ledger that begins under a clock that is not set, in 1970, has keys and
// a root that have ended when it is.
var oldestStart = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// firstStart makes the store of a new ledger, unless the start is mistaken: nothing is made then.
func (s *Server) firstStart(dir string) (*storage.Store, error) {
	if err := CheckNew(s.config.DataDir); err != nil {
		return nil, err
	}
	if s.config.MustExist {
		return nil, fmt.Errorf("%s holds no ledger, and --must-exist is given: is a disk not mounted, or the path wrong? A first start leaves --must-exist away", s.config.DataDir)
	}
	if !loopback(s.listener.Addr().String()) && s.config.PasswordFile == "" {
		return nil, fmt.Errorf("--listen %s can be reached from other machines, so the first superuser needs a password: give --password-file, or make the first start on 127.0.0.1", s.config.Listen)
	}
	g := storage.Genesis{Server: cmp.Or(s.config.ServerName, defaultName)}
	if strings.ContainsFunc(g.Server, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("server name %q: a new ledger takes one of printable characters, and of spaces U+0020 alone", g.Server)
	}
	if _, err := publicationsEmail(s.config.Email, g.Server); err != nil {
		return nil, err
	}
	if _, err := s.firstRole(); err != nil {
		return nil, err
	}
	now := s.now()
	if now.Before(oldestStart) {
		return nil, fmt.Errorf("this machine's clock shows %s: set it first, since what is filed bears its time, for ever", now.UTC().Format(time.RFC3339))
	}
	g.First = calendar.RoundOf(now)
	if _, err := rand.Read(g.BlindingKey[:]); err != nil {
		return nil, err
	}
	if err := makeDataDir(s.config.DataDir); err != nil {
		return nil, err
	}
	store, err := storage.Create(dir, g, s.storeOptions())
	if err != nil {
		return nil, err
	}
	if s.config.ServerName == "" {
		s.log.Warn("no --server-name was given: this name stands in every proof, for ever, and others have it too; to give another one, begin anew in an empty directory before anything is filed", "server", g.Server)
	}
	s.log.Info("new ledger", "data", s.config.DataDir, "server", g.Server, "first_second", g.First.String())
	return store, nil
}

// CheckNew returns an error if a data directory without a store had one before: there are files of a digest index or of a calendar key, which are
// made after the store. An index directory that is empty may be where a disk is mounted.
func CheckNew(dir string) error {
	left, err := fs.Glob(os.DirFS(dir), keysDir+"/calendar*")
	runs, runsErr := fs.Glob(os.DirFS(dir), IndexDir+"/*"+index.RunSuffix)
	left, err = append(left, runs...), errors.Join(err, runsErr)
	if err != nil || len(left) == 0 {
		return err
	}
	store := filepath.Join(dir, StoreDir)
	missing := "no ledger in " + store
	_, err = os.Stat(store)
	if _, linkErr := os.Lstat(store); errors.Is(err, fs.ErrNotExist) && linkErr == nil {
		missing = store + " is a symbolic link to what does not exist"
	}
	return fmt.Errorf("%s holds %s of a ledger, but %s: is a disk not mounted, or was it moved? A second ledger under the same key would make two histories; for a new one give an empty --data directory",
		dir, left[0], missing)
}

// CheckKeys returns why a server would not start with the keys in a data directory, as far as they say that themselves: a key that is
// not that of its certificate. Keys that are missing are none of its business.
func CheckKeys(dir string) error {
	if _, err := calendarFiles.load(dir); err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	key, err := publicationsFiles.load(dir)
	if err == nil {
		err = checkPublicationsKey(dir, key, "")
	}
	if errors.Is(err, errNoKey) {
		return nil
	}
	return err
}

// firstRole returns the superuser that a first start makes.
func (s *Server) firstRole() (*storage.Role, error) {
	role := &storage.Role{Name: cmp.Or(s.config.Role, defaultName), Kind: storage.Superuser}
	if s.config.PasswordFile == "" {
		return role, nil
	}
	var err error
	role.Verifier, err = firstPassword(s.config.PasswordFile)
	return role, err
}

// makeDataDir makes the data directory. One that exists may hold nothing but what belongs into it.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == keysDir, name == StoreDir, name == IndexDir, name == HBAFile, name == "lost+found", strings.HasPrefix(name, "."):
		default:
			return fmt.Errorf("%s holds no ledger but other files (%s): give an empty directory or none with --data", dir, name)
		}
	}
	return nil
}

// completeStart adds to the store what it lacks of the first role, unless that is nil, and the certificate of the key.
func (s *Server) completeStart(key *keyPair, first *storage.Role) error {
	var entries []storage.Entry
	if first != nil {
		entries = append(entries,
			storage.CreateRole{Role: *first},
			storage.CreateSlot{Slot: storage.Slot{Agency: first.Name, Lane: ledger.LaneMain, Created: s.store.Closed() + 1}})
	}
	if !knownCertificate(s.store, key) {
		s.newKey = key.certificate.ID
		entries = append(entries, storage.AddCertificate{Certificate: storage.Certificate{ID: key.certificate.ID, DER: key.certificate.X509.Raw}})
	}
	if len(entries) > 0 {
		if err := s.store.Propose(entries...); err != nil {
			return err
		}
	}
	return nil
}

// knownCertificate reports whether a store holds the certificate of a calendar key.
func knownCertificate(store *storage.Store, key *keyPair) bool {
	return slices.ContainsFunc(store.Certificates(), func(c storage.Certificate) bool { return bytes.Equal(c.ID, key.certificate.ID) })
}

// Run serves until ctx is done or the ledger fails, then stops everything in order. It returns nil after a clean stop, and
// ledger.ErrFatal if a write waits for room on a full disk when statements have had their time to end. That write is left behind then, for
// a process that is to end: what was acknowledged is there at the next start.
func (s *Server) Run(ctx context.Context) error {
	s.ops.enter(serving)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	context.AfterFunc(ctx, func() { s.ops.enter(stopping) })
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, cancel) }()
	if err, ok := outcome(ctx, ended, s.config.StopTime); ok {
		return err
	}
	for !s.waitsForRoom.Load() {
		select {
		case err := <-ended:
			return err
		case <-s.roomChanged:
		}
	}
	return fmt.Errorf("%w: what waited for room in %s when the server was told to stop is left behind: %w", ledger.ErrFatal, s.config.DataDir, syscall.ENOSPC)
}

// run is Run, however long the disk stays full.
func (s *Server) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	ledgerCtx, stopLedger := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLedger()
	done := make(chan error, 2)
	go func() { done <- s.runPart(cancel, func() error { return s.ledger.Run(ledgerCtx) }) }()
	go func() { done <- s.runPart(cancel, func() error { return s.ledger.RunIndex(ledgerCtx) }) }()
	if !s.config.ReadOnly {
		go s.watchPublicationsKey(ledgerCtx, s.publisher.key.certificate.X509)
	}
	s.recordStart()
	journalEnded := make(chan struct{})
	journalCtx, endJournal := context.WithCancel(ledgerCtx)
	defer endJournal()
	go func() {
		defer close(journalEnded)
		s.keepJournal(journalCtx)
	}()
	err := s.serve(ctx, cancel)
	s.record(query.Event{Kind: eventStop})
	endJournal()
	<-journalEnded
	stopLedger()
	err = errors.Join(err, <-done, <-done)
	return errors.Join(err, s.close())
}

// serve serves clients until ctx ends.
func (s *Server) serve(ctx context.Context, cancel context.CancelCauseFunc) error {
	parts := []func() error{func() error { return s.wire.Serve(ctx, s.listener) }}
	if s.socket != nil {
		parts = append(parts, func() error { return s.wire.Serve(ctx, s.socket) })
	}
	if s.gateway != nil {
		parts = append(parts, func() error { return s.gateway.Serve(ctx, s.http, s.tcp) })
	}
	errs := make([]error, len(parts))
	var served sync.WaitGroup
	for i, part := range parts {
		served.Go(func() { errs[i] = s.runPart(cancel, part) })
	}
	served.Wait()
	return errors.Join(errs...)
}

// runPart runs a part that the server cannot do without: its error ends the server.
func (s *Server) runPart(cancel context.CancelCauseFunc, part func() error) error {
	err := part()
	if err != nil {
		s.log.Error("stopping", "error", err.Error())
		cancel(err)
	}
	return err
}

func (s *Server) close() error {
	var errs []error
	s.ops.close()
	s.page.close()
	for _, l := range []net.Listener{s.listener, s.socket, s.http, s.tcp, s.pageListen} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
