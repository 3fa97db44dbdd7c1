package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"testing"
	"time"
)

// sockets returns both ends of a new connection, the first as a server has it.
func sockets(t *testing.T, network string) (server, client net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server = NewSocket(nc)
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// What goes in comes out, in both directions at the same time, in pieces of any length, and at the end there is an end.
func TestSocketBytes(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		server, client := sockets(t, network)
		sent := make([]byte, 3<<20)
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		var all sync.WaitGroup
		send := func(c net.Conn, seed uint64) {
			random := rand.New(rand.NewPCG(seed, 0))
			for b := sent; len(b) > 0; {
				k := min(len(b), random.IntN(1<<random.IntN(18)+1))
				if n, err := c.Write(b[:k]); n != k || err != nil {
					t.Errorf("%s: of %d bytes %d were written: %v", network, k, n, err)
					return
				}
				b = b[k:]
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Errorf("%s: closing one direction: %v", network, err)
			}
		}
		receive := func(c net.Conn, seed uint64) {
			random := rand.New(rand.NewPCG(seed, 0))
			var got []byte
			for {
				b := make([]byte, random.IntN(1<<random.IntN(18)+1))
				n, err := c.Read(b)
				got = append(got, b[:n]...)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Errorf("%s: after %d bytes: %v", network, len(got), err)
					return
				}
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("%s: %d of %d bytes came out, or others", network, len(got), len(sent))
			}
		}
		all.Go(func() { send(server, 1) })
		all.Go(func() { receive(client, 2) })
		all.Go(func() { send(client, 3) })
		all.Go(func() { receive(server, 4) })
		all.Wait()
	}
}

// A read that waits is ended by a deadline, again and again, and by Close; what came meanwhile is not lost.
func TestSocketReadWaits(t *testing.T) {
	server, client := sockets(t, "tcp")
	b := make([]byte, 64)
	for i := range byte(20) {
		cut := time.AfterFunc(time.Duration(i%4)*time.Millisecond, func() { server.SetReadDeadline(past) })
		if n, err := server.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a read past its deadline: %d bytes, %v", n, err)
		}
		cut.Stop()
		if _, err := client.Write([]byte{i}); err != nil {
			t.Fatal(err)
		}
		if n, err := server.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("the next read past it: %d bytes, %v", n, err)
		}
		server.SetReadDeadline(time.Time{})
		if n, err := server.Read(b); n != 1 || b[0] != i || err != nil {
			t.Fatalf("after the deadline was lifted: %d bytes, %v", n, err)
		}
	}
	time.AfterFunc(time.Millisecond, func() { server.Close() })
	if _, err := server.Read(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read that Close ends: %v", err)
	}
	if _, err := server.Write(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
}

// Who does not read has the server wait, until the deadline; nothing is sent twice or left out before.
func TestSocketWriteWaits(t *testing.T) {
	server, client := sockets(t, "tcp")
	server.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	piece := make([]byte, 10_000)
	sent := 0
	for {
		for i := range piece {
			piece[i] = byte((sent + i) % 251)
		}
		n, err := server.Write(piece)
		sent += n
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a write without room: %v", err)
		}
		break
	}
	server.Close()
	got, err := io.ReadAll(client)
	if err != nil || len(got) != sent {
		t.Fatalf("of %d bytes that were sent %d came: %v", sent, len(got), err)
	}
	for i, x := range got {
		if x != byte(i%251) {
			t.Fatalf("byte %d is %d", i, x)
		}
	}
}

// A client that resets the connection ends reads and writes with the system's error.
func TestSocketReset(t *testing.T) {
	server, client := sockets(t, "tcp")
	client.(*net.TCPConn).SetLinger(0)
	client.Close()
	var err error
	for err == nil {
		_, err = server.Read(make([]byte, 10))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a reset is read as %v", err)
	}
	if _, err := server.Write([]byte("x")); err == nil {
		t.Error("a write after a reset succeeds")
	}
}

// Connections that wait cost no threads.
func TestSocketThreads(t *testing.T) {
	threads := pprof.Lookup("threadcreate")
	var waiting sync.WaitGroup
	defer waiting.Wait()
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	before := threads.Count()
	for range 300 {
		server, client := sockets(t, "tcp")
		all = append(all, server)
		waiting.Go(func() { io.Copy(server, server) })
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := threads.Count() - before; n > 100 {
		t.Errorf("300 connections that wait made %d threads", n)
	}
}
