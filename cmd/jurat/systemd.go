package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/server"
)

// firstListenFD is the first of the file descriptors that systemd hands over.
const firstListenFD = 3

// systemdListeners returns the sockets that systemd has opened for this process, by name: see sd_listen_fds(3). A Unix socket may have the
// name of the Postgres port: all sockets of one unit have one name. They stay open in systemd, so while a server is started anew its
// clients wait and are not refused.
func systemdListeners() (map[string]net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return nil, fmt.Errorf("LISTEN_FDS=%q: want a number", os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	listeners := make(map[string]net.Listener)
	for i := range n {
		name := server.ListenerPostgres // of a socket that is alone and has no name
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		f := os.NewFile(uintptr(firstListenFD+i), name)
		ln, err := net.FileListener(f) // works on a copy
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("socket %q of systemd: %w", name, err)
		}
		if _, ok := ln.Addr().(*net.UnixAddr); ok && name == server.ListenerPostgres {
			name = server.ListenerSocket
		}
		if listeners[name] != nil {
			return nil, fmt.Errorf("two sockets of systemd are for %s: a listener has one address", name)
		}
		listeners[name] = ln
	}
	return listeners, nil
}

// notifySystemd tells systemd a state, as sd_notify(3) does; without systemd it does nothing.
func notifySystemd(state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// reloadUnderSystemd reads the login rules and the TLS certificate again, telling systemd when it begins and when it has ended.
func reloadUnderSystemd(s *server.Server, log *slog.Logger) {
	err := notifySystemd(reloadingState())
	s.Reload() // it logs what is wrong
	if err = errors.Join(err, notifySystemd("READY=1\nSTATUS=serving")); err != nil {
		log.Warn("systemd is not told of the reload", "error", err.Error())
	}
}

// superviseBySystemd tells systemd that the server is ready, then, if it wants to know, that it is well, and when ctx ends,
// that it stops. A server that is not well is not told of, so that systemd starts it anew.
func superviseBySystemd(ctx context.Context, s *server.Server, log *slog.Logger) {
	tell := func(state string) {
		if err := notifySystemd(state); err != nil {
			log.Warn("systemd is not told", "state", state, "error", err.Error())
		}
	}
	tell("READY=1\nSTATUS=serving")
	var ticks <-chan time.Time
	if us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 1 {
		t := time.NewTicker(time.Duration(us) * time.Microsecond / 2)
		defer t.Stop()
		ticks = t.C
	}
	done := ctx.Done()
	for done != nil || ticks != nil {
		select {
		case <-done:
			tell("STOPPING=1\nSTATUS=stopping: waiting for statements and for the open round to close")
			done = nil
			if ticks == nil {
				return
			}
		case <-ticks:
			if err := s.Healthy(); err != nil {
				log.Error("not well", "error", err.Error())
			} else {
				tell("WATCHDOG=1")
			}
		}
	}
}
