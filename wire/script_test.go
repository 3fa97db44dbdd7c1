package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

var (
	rewrite  = flag.Bool("rewrite", false, "write the answers into the scripts")
	realAddr = flag.String("addr", "", "run the scripts against the Postgres at this address")
	realUser = flag.String("user", "postgres", "as this user, without password")
	realDB   = flag.String("database", "postgres", "in this database")
)

// scriptTimeout ends a conversation in which a message does not come.
const scriptTimeout = 10 * time.Second

// TestScript plays testdata/*.test. A script is a series of blocks:
//
//	send
//	Query {"String":"select 1"}
//
//	until ReadyForQuery
//	----
//	the answers up to that message, one a line
//
// Each script has a connection of its own. The answers are those of Postgres 15: run with -addr and -rewrite to make them.
func TestScript(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	addr, user, database := *realAddr, *realUser, *realDB
	if addr == "" {
		addr, user, database = serve(t, nil).addr, "jo", "db"
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c := dial(t, addr)
			c.startup(pgproto3.ProtocolVersionNumber, map[string]string{"user": user, "database": database})
			c.until("ReadyForQuery")
			playScript(t, c, file)
		})
	}
}

func playScript(t *testing.T, c *client, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, block := range strings.SplitAfter(string(text), "\n\n") {
		command, rest, _ := strings.Cut(block, "\n")
		switch word, arg, _ := strings.Cut(command, " "); word {
		case "send":
			for _, line := range strings.Split(strings.TrimSpace(rest), "\n") {
				c.send(message(t, line))
			}
			out.WriteString(block)
		case "until":
			_, want, _ := strings.Cut(rest, "----\n")
			want = strings.TrimSuffix(want, "\n")
			got := strings.Join(c.until(strings.Fields(arg)...), "")
			if got != strings.TrimSuffix(want, "\n")+"\n" && !*rewrite {
				t.Errorf("%s\ngot:\n%swant:\n%s", command, got, want)
			}
			fmt.Fprintf(&out, "%s\n----\n%s\n", command, got)
		default:
			out.WriteString(block)
		}
	}
	if *rewrite {
		text := strings.TrimRight(out.String(), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// message reads a line of a script.
func message(t *testing.T, line string) pgproto3.FrontendMessage {
	name, fields, _ := strings.Cut(line, " ")
	m, ok := map[string]pgproto3.FrontendMessage{
		"Query": &pgproto3.Query{}, "Parse": &pgproto3.Parse{}, "Bind": &pgproto3.Bind{}, "Describe": &pgproto3.Describe{},
		"Execute": &pgproto3.Execute{}, "Close": &pgproto3.Close{}, "Sync": &pgproto3.Sync{}, "Flush": &pgproto3.Flush{},
		"CopyData": &pgproto3.CopyData{}, "CopyDone": &pgproto3.CopyDone{}, "CopyFail": &pgproto3.CopyFail{},
		"Terminate": &pgproto3.Terminate{},
	}[name]
	if !ok {
		t.Fatalf("%q: no such message", line)
	}
	if data, ok := m.(*pgproto3.CopyData); ok {
		if err := json.Unmarshal([]byte(fields), new(string)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var text string
		json.Unmarshal([]byte(fields), &text)
		data.Data = []byte(text)
		return m
	}
	if fields != "" {
		if err := json.Unmarshal([]byte(fields), m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return m
}

// A client speaks the protocol message by message.
type client struct {
	t    testing.TB
	conn net.Conn
	f    *pgproto3.Frontend
	pid  uint32
	key  []byte
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	conn.SetDeadline(time.Now().Add(scriptTimeout))
	return &client{t: t, conn: conn, f: pgproto3.NewFrontend(conn, conn)}
}

func (c *client) startup(version uint32, parameters map[string]string) {
	c.t.Helper()
	c.send(&pgproto3.StartupMessage{ProtocolVersion: version, Parameters: parameters})
}

// login starts a session as jo.
func (c *client) login() *client {
	c.t.Helper()
	c.startup(pgproto3.ProtocolVersionNumber, map[string]string{"user": "jo"})
	c.until("ReadyForQuery")
	return c
}

func (c *client) send(messages ...pgproto3.FrontendMessage) {
	c.t.Helper()
	for _, m := range messages {
		c.f.Send(m)
	}
	if err := c.f.Flush(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) query(sql string) { c.send(&pgproto3.Query{String: sql}) }

// until reads messages up to one of the last name given; those before must have come by then. It returns them as lines.
func (c *client) until(names ...string) []string {
	c.t.Helper()
	var lines []string
	for len(names) > 0 {
		m, err := c.f.Receive()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v; so far:\n%s", names, err, strings.Join(lines, ""))
		}
		if k, ok := m.(*pgproto3.BackendKeyData); ok {
			c.pid, c.key = k.ProcessID, bytes.Clone(k.SecretKey)
		}
		line := render(c.t, m)
		lines = append(lines, line)
		if name := strings.Fields(line)[0]; name == names[0] {
			names = names[1:]
		}
	}
	return lines
}

// last reads messages up to the first of a name and returns that one as a line.
func (c *client) last(name string) string {
	c.t.Helper()
	lines := c.until(name)
	return lines[len(lines)-1]
}

// closed reads until the server closes and returns the messages before.
func (c *client) closed() []string {
	var lines []string
	for {
		m, err := c.f.Receive()
		if err != nil {
			if strings.Contains(err.Error(), "timeout") {
				c.t.Fatalf("the server did not close; so far:\n%s", strings.Join(lines, ""))
			}
			return lines
		}
		lines = append(lines, render(c.t, m))
	}
}

// render writes a message as a line. Errors have the fields that clients read, without the place in the server's code.
func render(t testing.TB, m pgproto3.BackendMessage) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
	switch m := m.(type) {
	case *pgproto3.ErrorResponse:
		return name + " " + renderError(m)
	case *pgproto3.NoticeResponse:
		e := pgproto3.ErrorResponse(*m)
		return name + " " + renderError(&e)
	case *pgproto3.DataRow:
		var s strings.Builder
		for _, v := range m.Values {
			if v == nil {
				s.WriteString(" NULL")
			} else if fmt.Fprintf(&s, " %q", v); len(v) > 100 {
				return fmt.Sprintf("%s of %d bytes\n", name, len(v))
			}
		}
		return name + s.String() + "\n"
	case *pgproto3.CopyData:
		return fmt.Sprintf("%s %q\n", name, m.Data)
	case *pgproto3.CommandComplete:
		return fmt.Sprintf("%s %s\n", name, m.CommandTag)
	case *pgproto3.ReadyForQuery:
		return fmt.Sprintf("%s %c\n", name, m.TxStatus)
	case *pgproto3.RowDescription:
		var s strings.Builder
		for _, f := range m.Fields {
			fmt.Fprintf(&s, " %s:%d/%d/%d/%d", f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format)
		}
		return name + s.String() + "\n"
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), `"Type":"`+name+`"`, "", 1)
	return strings.TrimSuffix(name+" "+strings.Replace(text, "{,", "{", 1), " {}") + "\n"
}

func renderError(e *pgproto3.ErrorResponse) string {
	s := fmt.Sprintf("%s %s %s", e.Severity, e.Code, e.Message)
	if e.Position != 0 {
		s += fmt.Sprintf(" | position %d", e.Position)
	}
	if e.Code == "57014" {
		e.Where = "" // Postgres names the line at which a COPY was ended
	}
	for _, f := range [][2]string{{"detail", e.Detail}, {"hint", e.Hint}, {"where", e.Where}} {
		if f[1] != "" {
			s += " | " + f[0] + " " + f[1]
		}
	}
	return s + "\n"
}
