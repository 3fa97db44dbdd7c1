package load

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/bench/stream"
)

// answer returns a connection to a server that says these bytes, nil being its end. What the client sends it swallows.
func answer(t *testing.T, said ...[]byte) *Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	go func() {
		go func() {
			for buf := make([]byte, 1024); ; {
				if _, err := server.Read(buf); err != nil {
					return
				}
			}
		}()
		server.Write(bytes.Join(said, nil))
		if said[len(said)-1] == nil {
			server.Close()
		}
	}()
	return &Conn{net: client}
}

func message(kind byte, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

var ready = message('Z', 'I')

func TestRows(t *testing.T) {
	row := message('D', 0, 2, 0, 0, 0, 2, 'h', 'i', 0xff, 0xff, 0xff, 0xff)
	c := answer(t, message('2'), row, row, message('C', 'S', 0), ready)
	var got []string
	n, err := c.Run("x", []byte{1}, func(r, column int, v []byte) {
		got = append(got, strings.Repeat("r", r)+strings.Repeat("c", column)+string(v))
		if column == 1 && v != nil {
			t.Error("NULL has a value")
		}
	})
	if err != nil || n != 2 || strings.Join(got, ",") != "hi,c,rhi,rc" {
		t.Errorf("%d rows %q, %v", n, got, err)
	}
}

// Rows that are shorter than they say, messages that are longer than anything, and a connection that ends are errors.
func TestBroken(t *testing.T) {
	whole := message('D', 0, 1, 0, 0, 0, 2, 'h', 'i')[5:]
	for n := range len(whole) {
		c := answer(t, message('D', whole[:n]...), ready)
		if _, err := c.Run("x", nil, func(int, int, []byte) {}); !errors.Is(err, errRow) {
			t.Errorf("a row of %d bytes: %v", n, err)
		}
	}
	for name, said := range map[string][]byte{
		"too long":  {'D', 0x7f, 0, 0, 0},
		"too short": {'D', 0, 0, 0, 3},
		"cut":       ready[:4],
		"password":  message('R', 0, 0, 0, 3),
	} {
		if _, err := answer(t, said, nil).Exec("x"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The error of a statement leaves the connection ready, whatever stage it comes at.
func TestServerError(t *testing.T) {
	refusal := message('E', []byte("SERROR\x00C22000\x00Mno such thing\x00\x00")...)
	for name, f := range map[string]func(c *Conn) error{
		"Exec":    func(c *Conn) error { _, err := c.Exec("x"); return err },
		"Prepare": func(c *Conn) error { return c.Prepare("a", "x") },
		"Run":     func(c *Conn) error { _, err := c.Run("a", nil, nil); return err },
		"RunAll":  func(c *Conn) error { return c.RunAll("a", 3, func(int) []byte { return nil }) },
		"RunWith": func(c *Conn) error { return c.RunWith("a", [][]byte{{1}, {2}}) },
		"Copy":    func(c *Conn) error { return c.Copy(Text, 1, 0, 1) },
	} {
		c := answer(t, refusal, ready, message('D', 0, 1, 0, 0, 0, 1, '7'), ready)
		var e *ServerError
		if err := f(c); !errors.As(err, &e) || e.Code != "22000" || e.Message != "no such thing" {
			t.Errorf("%s: %v", name, err)
		}
		if column, err := c.Exec("x"); err != nil || len(column) != 1 || column[0] != "7" {
			t.Errorf("%s: the next statement gives %q, %v", name, column, err)
		}
	}
	if err := answer(t, ready).RunAll("a", maxPipeline+1, nil); err == nil {
		t.Error("a pipeline that could jam is sent")
	}
	if err := answer(t, ready).RunWith("a", make([][]byte, 1<<16)); err == nil {
		t.Error("more parameters than can be counted are sent")
	}
}

// Rows of COPY have the size that their format says, and hold the digest.
func TestCopyRows(t *testing.T) {
	d := stream.Stream(5).At(9)
	for _, f := range []CopyFormat{Binary, Text, CSV} {
		row := bytes.Repeat([]byte{0xee}, f.row)
		f.put(row, 5, 9)
		want := map[string]string{
			"binary": "\x00\x01\x00\x00\x00\x20" + string(d[:]),
			"text":   `\\x` + hex.EncodeToString(d[:]) + "\n",
			"csv":    `\x` + hex.EncodeToString(d[:]) + "\n",
		}[f.Name]
		if string(row) != want {
			t.Errorf("%s: %q, want %q", f.Name, row, want)
		}
	}
}

func TestArray(t *testing.T) {
	got := AppendArray([]byte{9}, []byte("aabb"), 2)
	want := "09" + "00000001" + "00000000" + "00000011" + "00000002" + "00000001" + "00000002" + "6161" + "00000002" + "6262"
	if hex.EncodeToString(got) != want {
		t.Errorf("%x, want %s", got, want)
	}
}
