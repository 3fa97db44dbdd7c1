package query

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// The channels on which the server speaks. Whoever listens is told what the tables rounds and publications show to every
// role; the process id of the sender is 0.
const (
	channelRound       = "round_closed"
	channelPublication = "publication"
)

const (
	maxChannel    = 63       // bytes of a channel's name
	maxPayload    = 7999     // bytes of a payload
	maxUndelivery = 4 << 20  // bytes of notifications that wait for one session, or are held back by one transaction
	maxOfRole     = 64 << 20 // bytes of notifications that wait for all sessions of a role
	maxChannels   = 1 << 10  // that a session listens on, and that a transaction wants to
	noteBytes     = 64       // that a notification takes besides its texts
)

// A Notification is a message on a channel.
type Notification struct {
	PID              int32 // of the sender, 0 for the server itself
	Channel, Payload string
}

func (n *Notification) bytes() int { return noteBytes + len(n.Channel) + len(n.Payload) }

// ofServer reports whether the server speaks on a channel, and nobody else.
func ofServer(channel string) bool { return channel == channelRound || channel == channelPublication }

// boards are the switchboards of a server: what sessions notify must not keep the server from speaking, which it does while it closes rounds.
type boards struct {
	sessions, server switchboard

	mu    sync.Mutex // covers rooms
	rooms map[string]*atomic.Int64
}

// room returns the bytes that wait for all sessions of a role.
func (b *boards) room(role string) *atomic.Int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = make(map[string]*atomic.Int64)
	}
	if b.rooms[role] == nil {
		b.rooms[role] = new(atomic.Int64)
	}
	return b.rooms[role]
}

// of returns the board of a channel.
func (b *boards) of(channel string) *switchboard {
	if ofServer(channel) {
		return &b.server
	}
	return &b.sessions
}

// A switchboard passes notifications on to the sessions that listen. Those of sessions reach sessions of the same role only:
// agencies learn nothing of each other.
type switchboard struct {
	mu        sync.Mutex // held while a transaction's notifications are passed on, so that they arrive in order of commits
	listeners map[string]map[*inbox]struct{}
}

// An inbox is the notifications that wait for a session.
type inbox struct {
	role string
	room *atomic.Int64 // bytes that wait for all sessions of the role
	wake func()        // tells the session's connection, from any goroutine; may be nil

	mu    sync.Mutex // covers what follows
	queue []Notification
	bytes int
	lost  int // of the server's, for want of room
}

// put adds a notification. One of the server that finds no room is lost, and counted.
func (b *inbox) put(n Notification) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes > maxUndelivery && n.PID == 0 {
		b.lost++
		return
	}
	b.queue = append(b.queue, n)
	b.bytes += n.bytes()
	b.room.Add(int64(n.bytes()))
	if len(b.queue) == 1 && b.wake != nil {
		b.wake()
	}
}

// take empties the inbox.
func (b *inbox) take() (queue []Notification, lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	queue, lost = b.queue, b.lost
	if b.bytes > 0 {
		b.room.Add(-int64(b.bytes))
	}
	b.queue, b.bytes, b.lost = nil, 0, 0
	return queue, lost
}

// waiting returns how many bytes wait.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

// full reports whether somebody of a role who would get one of the notifications has no room, or all together have none.
func (w *switchboard) full(role string, notes []Notification) bool {
	channels := map[string]int{} // bytes on each
	for i := range notes {
		channels[notes[i].Channel] += notes[i].bytes()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	more := int64(0)
	for channel, bytes := range channels {
		for b := range w.listeners[channel] {
			if b.role != role {
				continue
			}
			if more += int64(bytes); b.waiting() > maxUndelivery || b.room.Load()+more > maxOfRole {
				return true
			}
		}
	}
	return false
}

// pass passes notifications on to the listeners of a role, of all roles if it is "".
func (w *switchboard) pass(role string, notes []Notification) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range notes {
		for b := range w.listeners[n.Channel] {
			if role == "" || b.role == role {
				b.put(n)
			}
		}
	}
}

// listens reports whether anybody listens on a channel.
func (w *switchboard) listens(channel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.listeners[channel]) > 0
}

// plug has an inbox hear a channel, or hear it no more.
func (w *switchboard) plug(b *inbox, channel string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !on {
		delete(w.listeners[channel], b)
		if len(w.listeners[channel]) == 0 {
			delete(w.listeners, channel)
		}
		return
	}
	if w.listeners == nil {
		w.listeners = map[string]map[*inbox]struct{}{}
	}
	if w.listeners[channel] == nil {
		w.listeners[channel] = map[*inbox]struct{}{}
	}
	w.listeners[channel][b] = struct{}{}
}

// RoundClosed tells who listens on round_closed that a round with leaves is closed.
func (e *Engine) RoundClosed(round calendar.Second, root merkle.Digest) {
	e.announce(channelRound, struct {
		Round  time.Time       `json:"round"`
		Second calendar.Second `json:"second"`
		Root   string          `json:"root"`
	}{round.Time(), round, `\x` + hex.EncodeToString(root[:])})
}

// Published tells who listens on publication that a calendar root is published, or has got more references.
func (e *Engine) Published(p Publication) {
	e.announce(channelPublication, struct {
		Time        time.Time       `json:"publication_time"`
		Second      calendar.Second `json:"second"`
		Root        string          `json:"root"`
		Publication string          `json:"publication_string"`
	}{p.Time.Time(), p.Time, `\x` + hex.EncodeToString(p.Root[:]), p.string()})
}

func (e *Engine) announce(channel string, message any) {
	if !e.boards.server.listens(channel) {
		return
	}
	payload, err := json.Marshal(message)
	if err != nil {
		e.Logger.Error("notification not sent", "channel", channel, "error", err)
		return
	}
	e.boards.server.pass("", []Notification{{Channel: channel, Payload: string(payload)}})
}

// Notifications returns and forgets what came for the session on the channels that it listens on. It is to be called while
// the session is idle: a transaction hears nothing.
func (s *Session) Notifications() []Notification {
	queue, lost := s.inbox.take()
	if lost > 0 {
		s.notice("WARNING", codeProgramLimit, "%d notifications of the server are lost, since too many waited", lost)
	}
	return queue
}

// A tuning is LISTEN or UNLISTEN, to be done at COMMIT.
type tuning struct {
	channel string // "" for all
	on      bool
}

// retune keeps a tuning until COMMIT.
func (s *Session) retune(t tuning) error {
	if len(s.tx.tunings) >= maxChannels || t.on && len(s.channels)+len(s.tx.tunings) >= maxChannels {
		return errf(codeProgramLimit, "a session listens on at most %d channels", maxChannels)
	}
	s.tx.tunings = append(s.tx.tunings, t)
	return nil
}

// listen analyzes LISTEN.
func (a *analyzer) listen(channel string) (*compiled, error) {
	return do(func(_ context.Context, r *run) (string, error) {
		return "LISTEN", r.retune(tuning{channel, true})
	}), nil
}

// unlisten analyzes UNLISTEN.
func (a *analyzer) unlisten(channel string) (*compiled, error) {
	return do(func(_ context.Context, r *run) (string, error) {
		return "UNLISTEN", r.retune(tuning{channel, false})
	}), nil
}

// notify analyzes NOTIFY.
func (a *analyzer) notify(t *parse.Notify) (*compiled, error) {
	return do(func(_ context.Context, r *run) (string, error) {
		return "NOTIFY", r.holdNote(t.Channel, t.Payload)
	}), nil
}

// holdNote keeps a notification until COMMIT. One that the transaction has sent before counts once.
func (s *Session) holdNote(channel, payload string) error {
	switch {
	case channel == "":
		return errf(codeInvalidParameter, "channel name cannot be empty")
	case len(channel) > maxChannel:
		return errf(codeInvalidParameter, "channel name too long")
	case len(payload) > maxPayload:
		return errf(codeInvalidParameter, "payload string too long")
	case ofServer(channel):
		return errf(codeNoPrivilege, "permission denied to notify channel %q", channel).on(channel).hint("On this channel the server speaks. Choose another name.")
	}
	n := Notification{PID: s.login.PID, Channel: channel, Payload: payload}
	if s.tx.noted == nil {
		s.tx.noted, s.tx.noteBytes = make(map[Notification]struct{}, len(s.tx.notes)+1), 0
		for _, n := range s.tx.notes {
			s.tx.noted[n] = struct{}{}
			s.tx.noteBytes += n.bytes()
		}
	}
	if _, ok := s.tx.noted[n]; ok {
		return nil
	}
	if s.tx.noteBytes += n.bytes(); s.tx.noteBytes > maxUndelivery {
		return errf(codeProgramLimit, "a transaction holds back at most %s of notifications", formatBytes(maxUndelivery)).hint("Commit in between.")
	}
	s.tx.noted[n] = struct{}{}
	s.tx.notes = append(s.tx.notes, n)
	return nil
}

// mayNotify returns an error if a listener has no room for the transaction's notifications.
func (s *Session) mayNotify() error {
	if len(s.tx.notes) > 0 && s.engine.boards.sessions.full(s.role.Name, s.tx.notes) {
		return errf(codeProgramLimit, "too many notifications in the NOTIFY queue").
			hint("A session that listens has been in a transaction, or has not read, for too long.")
	}
	return nil
}

// tune does, once the transaction is committed, what LISTEN, UNLISTEN and NOTIFY ask for.
func (s *Session) tune() {
	for _, t := range s.tx.tunings {
		switch at := slices.Index(s.channels, t.channel); {
		case t.on && at < 0:
			s.channels = append(s.channels, strings.Clone(t.channel))
			s.engine.boards.of(t.channel).plug(&s.inbox, t.channel, true)
		case t.on:
		case t.channel == "":
			s.deafen()
		case at >= 0:
			s.channels = slices.Delete(s.channels, at, at+1)
			s.engine.boards.of(t.channel).plug(&s.inbox, t.channel, false)
		}
	}
	if len(s.tx.notes) > 0 {
		s.engine.boards.sessions.pass(s.role.Name, s.tx.notes)
	}
}

// deafen has the session listen on no channel.
func (s *Session) deafen() {
	for _, c := range s.channels {
		s.engine.boards.of(c).plug(&s.inbox, c, false)
	}
	s.channels = nil
}

// notifyFunctions are the functions around LISTEN and NOTIFY, with Postgres' object ids.
func notifyFunctions() []*fn.Function {
	text := value.TextOID
	notify := rowFunc(func(env *fn.Env, args []value.Datum) (value.Datum, error) {
		return value.NewInt(value.Void, 0), env.Session.(*Session).holdNote(string(args[0].B), string(args[1].B))
	})
	usage := rowFunc(func(env *fn.Env, _ []value.Datum) (value.Datum, error) {
		b := &env.Session.(*Session).inbox
		b.mu.Lock()
		defer b.mu.Unlock()
		return value.NewFloat(value.Float8, min(1, float64(b.bytes)/maxUndelivery)), nil
	})
	return []*fn.Function{
		{OID: 3036, Name: "pg_notify", Args: []value.OID{text, text}, Ret: value.VoidOID, Volatility: fn.Volatile, Kernel: notify.kernel},
		{OID: 3296, Name: "pg_notification_queue_usage", Ret: value.Float8OID, Strict: true, Volatility: fn.Volatile, Kernel: usage.kernel},
		{OID: 3035, Name: "pg_listening_channels", Ret: text, Strict: true, Volatility: fn.Stable, Series: listening},
	}
}

// listening gives the channels that the session listens on.
func listening(env *fn.Env, _ *value.Type, _ []value.Datum) (fn.Series, error) {
	var rows [][]value.Datum
	for _, c := range env.Session.(*Session).channels {
		rows = append(rows, []value.Datum{value.NewText(c)})
	}
	return &rowSeries{rows: rows}, nil
}
