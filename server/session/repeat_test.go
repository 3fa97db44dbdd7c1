package session_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// pipelined are the statements of pipelines.
var pipelined = map[string]string{
	"one": "insert into hashes (digest) values ($1)", "lane": "insert into hashes (lane, digest) values ($1, $2)",
	"two": "insert into hashes (digest) values ($1), ($2)", "new": "insert into hashes (digest) values ($1) on conflict do nothing",
	"select": "select $1::bytea", "returning": "insert into hashes (digest) values ($1) returning lane",
	"begin": "begin", "commit": "commit", "savepoint": "savepoint s", "back": "rollback to s",
}

// pipelines makes messages of pipelines at random: statements that drivers repeat, and what may come between them. Each pipeline
// ends with a Sync, of which there are n.
func pipelines(r *rand.Rand) (messages []pgproto3.FrontendMessage, n int) {
	add := func(m ...pgproto3.FrontendMessage) { messages = append(messages, m...) }
	sync := func() { add(&pgproto3.Sync{}); n++ }
	for name, sql := range pipelined {
		add(&pgproto3.Parse{Name: name, Query: sql})
	}
	sync()
	value := func() []byte { return digest(fmt.Sprint(r.Uint64())) }
	text := func() []byte { return []byte(`\x` + hex.EncodeToString(value())) }
	run := func(b *pgproto3.Bind, rows uint32, describe bool) {
		add(b)
		if describe {
			add(&pgproto3.Describe{ObjectType: 'P', Name: b.DestinationPortal})
		}
		add(&pgproto3.Execute{Portal: b.DestinationPortal, MaxRows: rows})
	}
	for range 30 {
		kind, describe, times := r.IntN(16), r.IntN(2) == 0, 1+r.IntN(30)
		for i := range times {
			switch kind {
			case 0, 1:
				run(&pgproto3.Bind{PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}}, 0, describe)
			case 2:
				run(&pgproto3.Bind{PreparedStatement: "one", Parameters: [][]byte{text()}}, 0, describe)
			case 3:
				run(&pgproto3.Bind{PreparedStatement: "lane", ParameterFormatCodes: []int16{0, 1}, Parameters: [][]byte{nil, value()}}, 0, describe)
			case 4:
				lane := [...]string{"main", "seal", "lost"}[min(r.IntN(40), 2)%(2+r.IntN(2))]
				run(&pgproto3.Bind{PreparedStatement: "lane", ParameterFormatCodes: []int16{0, 1}, Parameters: [][]byte{[]byte(lane), value()}}, 0, describe)
			case 5:
				run(&pgproto3.Bind{PreparedStatement: "two", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value(), value()}}, 0, describe)
			case 6:
				run(&pgproto3.Bind{PreparedStatement: "new", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{digest("again")}}, 0, describe)
			case 7:
				run(&pgproto3.Bind{PreparedStatement: "select", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}}, uint32(r.IntN(2)), describe)
			case 8:
				run(&pgproto3.Bind{DestinationPortal: fmt.Sprint("p", i), PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}}, 0, describe)
			case 9: // what fails somewhere in a run
				v := text()
				if i == times/2 && r.IntN(3) == 0 {
					v[r.IntN(len(v))] = 'x'
				}
				run(&pgproto3.Bind{PreparedStatement: "one", Parameters: [][]byte{v}}, 0, describe)
			case 10:
				v := value()[:32-i/20]
				run(&pgproto3.Bind{PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{v}}, 1, describe)
			case 11:
				add(&pgproto3.Bind{PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}},
					&pgproto3.Describe{ObjectType: 'S', Name: "one"}, &pgproto3.Execute{})
			case 12:
				for _, s := range []string{"begin", "savepoint", "back", "commit"}[r.IntN(4):][:1] {
					run(&pgproto3.Bind{PreparedStatement: s}, 0, describe)
				}
			case 13:
				add(&pgproto3.Bind{PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}},
					&pgproto3.Execute{}, &pgproto3.Execute{})
			case 14:
				run(&pgproto3.Bind{PreparedStatement: "returning", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value()}}, 0, describe)
			case 15:
				run(&pgproto3.Bind{PreparedStatement: "one", ParameterFormatCodes: []int16{1}, Parameters: [][]byte{nil}}, 0, describe)
			}
		}
		if r.IntN(2) == 0 {
			sync()
		}
	}
	sync()
	return messages, n
}

// TestRepeatTwin sends the same pipelines twice, in pieces of any size and so that no message is followed by another of the same
// statement: both have the same answers and file the same digests.
func TestRepeatTwin(t *testing.T) {
	for seed := range uint64(60) {
		messages, n := pipelines(rand.New(rand.NewPCG(seed, 1)))
		var whole, apart []byte
		for _, m := range messages {
			var err error
			if whole, err = m.Encode(whole); err != nil {
				t.Fatal(err)
			}
			apart, _ = m.Encode(apart)
			apart, _ = (&pgproto3.Flush{}).Encode(apart)
		}
		r := rand.New(rand.NewPCG(seed, 2))
		most := 1 << (2 + r.IntN(16))
		want, wantRows := converseRaw(t, apart, n, func() int { return len(apart) })
		got, gotRows := converseRaw(t, whole, n, func() int { return 1 + r.IntN(most) })
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: answers differ:\n%q\nwant\n%q", seed, got, want)
		}
		if fmt.Sprint(gotRows) != fmt.Sprint(wantRows) {
			t.Fatalf("seed %d: %d digests are filed, and %d or others message by message", seed, len(gotRows), len(wantRows))
		}
	}
}

// converseRaw sends messages with n of Sync to a server of their own, in pieces of the sizes that next gives, and returns the answers
// and the digests that are filed.
func converseRaw(t *testing.T, messages []byte, n int, next func() int) (answers []byte, rows [][]byte) {
	s := serve(t)
	hijacked, err := s.connect(t, "alpha").PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer hijacked.Conn.Close()
	hijacked.Conn.(*net.TCPConn).SetNoDelay(true)
	sent := make(chan error, 1)
	go func() {
		for len(messages) > 0 {
			k := min(next(), len(messages))
			if _, err := hijacked.Conn.Write(messages[:k]); err != nil {
				sent <- err
				return
			}
			messages = messages[k:]
		}
		sent <- nil
	}()
	for n > 0 {
		header := make([]byte, 5)
		if _, err := io.ReadFull(hijacked.Conn, header); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, int(header[1])<<24|int(header[2])<<16|int(header[3])<<8|int(header[4])-4)
		if _, err := io.ReadFull(hijacked.Conn, body); err != nil {
			t.Fatal(err)
		}
		answers = append(append(answers, header...), body...)
		if header[0] == 'Z' {
			n--
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	all, err := s.connect(t, "alpha").Query(t.Context(), "select digest from hashes order by round, lane, slot_index")
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	for all.Next() {
		rows = append(rows, bytes.Clone(all.RawValues()[0]))
	}
	if all.Err() != nil {
		t.Fatal(all.Err())
	}
	return answers, rows
}
