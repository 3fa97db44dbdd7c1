package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/server/session"
	"github.com/jurat-ledger/jurat/wire"
	"github.com/jurat-ledger/jurat/wire/copyrow"
)

var start = time.Date(2026, 11, 22, 1, 15, 29, 250_000_000, time.UTC)

// server is a wire server over an engine over a ledger in memory.
type server struct {
	ledger *querytest.Ledger
	addr   string
}

func serve(t testing.TB) *server {
	t.Helper()
	l := querytest.New(start)
	if err := l.CreateRole(t.Context(), query.Role{Name: "alpha"}); err != nil {
		t.Fatal(err)
	}
	engine := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	discard := slog.New(slog.DiscardHandler)
	srv := wire.New(wire.Config{Handler: session.NewHandler(engine, func(*wire.Startup, error) {}), Now: time.Now, Logger: discard})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &server{ledger: l, addr: ln.Addr().String()}
}

func (s *server) url(user, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, s.addr, database)
}

func (s *server) connect(t testing.TB, user string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), s.url(user, "jurat"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func digest(text string) []byte {
	d := sha256.Sum256([]byte(text))
	return d[:]
}

// code returns the SQLSTATE of an error.
func code(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return e.Code
}

func TestLogin(t *testing.T) {
	s := serve(t)
	for _, c := range []struct{ user, database, parameters, want string }{
		{"jurat", "jurat", "", ""},
		{"alpha", "jurat", "&application_name=x&timezone=Europe/Rome&options=-c%20statement_timeout%3D5s", ""},
		{"nobody", "jurat", "", "28000"},
		{"jurat", "postgres", "", ""},
		{"jurat", "template1", "", "3D000"},
		{"jurat", "jurat", "&nosuch=1", "42704"},
		{"jurat", "jurat", "&timezone=Nowhere", "22023"},
	} {
		conn, err := pgx.Connect(t.Context(), s.url(c.user, c.database)+c.parameters)
		if (c.want == "") != (err == nil) || err != nil && code(err) != c.want {
			t.Errorf("%s/%s%s: %v, want %q", c.user, c.database, c.parameters, err, c.want)
		}
		if err != nil {
			continue
		}
		var zone, timeout, database, server string
		if err := conn.QueryRow(t.Context(), `select current_setting('timezone'), current_setting('statement_timeout'), current_database() || ' of ' ||
			(select string_agg(datname, ', ') from pg_database), inet_server_addr()::text || ':' || inet_server_port()`).Scan(&zone, &timeout, &database, &server); err != nil {
			t.Error(err)
		}
		if want := conn.PgConn().Conn().RemoteAddr().String(); database != "jurat of jurat" || server != want {
			t.Errorf("%s: database %s at %s, want jurat at %s", c.database, database, server, want)
		}
		if c.parameters != "" && (zone != "Europe/Rome" || timeout != "5s" || conn.PgConn().ParameterStatus("TimeZone") != "Europe/Rome") {
			t.Errorf("settings of the start-up packet: %s %s", zone, timeout)
		}
		if v := conn.PgConn().ParameterStatus("server_version"); !strings.HasPrefix(v, "15.") {
			t.Errorf("server_version %q", v)
		}
		conn.Close(t.Context())
	}
}

// TestModes files and reads in all the ways in which pgx runs a statement.
func TestModes(t *testing.T) {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			s := serve(t)
			conn := s.connect(t, "alpha")
			ctx := t.Context()
			tag, err := conn.Exec(ctx, "insert into hashes (digest) values ($1), ($2)", mode, digest("a"), digest("b"))
			if err != nil || tag.String() != "INSERT 0 2" {
				t.Fatal(tag, err)
			}
			var receipt string
			var round time.Time
			var index int64
			row := conn.QueryRow(ctx, "insert into hashes (digest) values ($1) returning receipt, round, slot_index", mode, digest("c"))
			if err := row.Scan(&receipt, &round, &index); err != nil {
				t.Fatal(err)
			}
			if receipt != "2026-11-22T01:15:30Z/alpha/main/2" || index != 2 || !round.Equal(start.Truncate(time.Second).Add(time.Second)) {
				t.Error(receipt, round, index)
			}
			var signature []byte
			if err := conn.QueryRow(ctx, "select signature from proofs where digest = $1", mode, digest("c")).Scan(&signature); err != nil || string(signature) != receipt {
				t.Errorf("%s %v", signature, err)
			}
			if _, err := conn.Exec(ctx, "insert into hashes (digest) values ($1)", mode, []byte("short")); code(err) != "23514" {
				t.Error(err)
			}
			if _, err := conn.Exec(ctx, "insert into hashes (digest) values ($1)", mode, nil); code(err) != "23502" {
				t.Error(err)
			}
			var n int64
			if err := conn.QueryRow(ctx, "select count(*) from hashes where round >= $1 and slot_index < $2", mode, round, 2).Scan(&n); err != nil || n != 2 {
				t.Error(n, err)
			}
		})
	}
}

func TestArrayInsert(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	list := [][]byte{digest("x"), digest("y"), digest("x")}
	tag, err := conn.Exec(t.Context(), "insert into hashes (digest) select unnest($1::bytea[]) on conflict do nothing", list)
	if err != nil || tag.RowsAffected() != 2 {
		t.Fatal(tag, err)
	}
	rows, err := conn.Query(t.Context(), "select digest from hashes where digest = any($1) order by slot_index", list)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil || len(found) != 2 || !bytes.Equal(found[0], list[0]) {
		t.Fatal(found, err)
	}
}

// TestPipeline shows that a pipeline files once, at Sync, and nothing of it after an error.
func TestPipeline(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	var b pgx.Batch
	for i := range 50 {
		b.Queue("insert into hashes (digest) values ($1)", digest(fmt.Sprint(i)))
	}
	if err := conn.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.ledger.Appends(); n != 1 {
		t.Errorf("filed in %d requests, want 1", n)
	}
	b = pgx.Batch{}
	b.Queue("insert into hashes (digest) values ($1)", digest("lost"))
	b.Queue("insert into hashes (digest) values ($1)", []byte("short"))
	if err := conn.SendBatch(t.Context(), &b).Close(); code(err) != "23514" {
		t.Error(err)
	}
	s.ledger.Fail(&query.Error{Code: "53100", Message: "disk full"})
	if _, err := conn.Exec(t.Context(), "insert into hashes (digest) values ($1)", digest("full")); code(err) != "53100" {
		t.Error(err)
	}
	s.ledger.Fail(nil)
	b = pgx.Batch{}
	b.Queue("insert into hashes (digest) values ($1)", digest("first"))
	b.Queue("insert into hashes (digest) values ($1) returning receipt", digest("second")).QueryRow(func(row pgx.Row) error {
		var receipt string
		if err := row.Scan(&receipt); err != nil || receipt != "2026-11-22T01:15:30Z/alpha/main/51" {
			t.Error(receipt, err)
		}
		return nil
	})
	if err := conn.SendBatch(t.Context(), &b).Close(); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := conn.QueryRow(t.Context(), "select count(*) from hashes").Scan(&n); err != nil || n != 52 {
		t.Error(n, err)
	}
}

func TestTransaction(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	ctx := t.Context()
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "insert into hashes (digest) values ($1)", digest("a")); err != nil {
			return err
		}
		nested := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "insert into hashes (digest) values ($1)", digest("b")); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "insert into hashes (digest) values ($1) returning receipt", digest("c"))
			return err
		})
		if code(nested) != "0A000" {
			t.Error(nested)
		}
		_, err := tx.Exec(ctx, "insert into hashes (digest) values ($1)", digest("d"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.ledger.Appends(); n != 1 {
		t.Errorf("%d requests", n)
	}
	var n int
	if err := conn.QueryRow(ctx, "select count(*) from hashes").Scan(&n); err != nil || n != 2 {
		t.Error(n, err)
	}
}

func TestCopy(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	ctx := t.Context()
	var rows [][]any
	for i := range 3000 {
		rows = append(rows, []any{digest(fmt.Sprint(i))})
	}
	n, err := conn.CopyFrom(ctx, pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromRows(rows))
	if err != nil || n != 3000 || s.ledger.Appends() != 1 {
		t.Fatal(n, err, s.ledger.Appends())
	}
	text := fmt.Sprintf("digest,algorithm,lane\n\\x%x,sha256,seal\n\\x%x,,\n", digest("csv"), digest("csv2"))
	tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(text), "copy hashes (digest, algorithm, lane) from stdin with (format csv, header)")
	if err != nil || tag.String() != "COPY 2" {
		t.Fatal(tag, err)
	}
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("\\\\x00\n"), "copy hashes (digest) from stdin")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "23514" || e.Where != `COPY hashes, line 1, column digest: "\x00"` {
		t.Errorf("%+v", e)
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(ctx, &out, "copy (select receipt, lane from hashes where lane = 'seal') to stdout (format csv, header)"); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "receipt,lane\n2026-11-22T01:15:30Z/alpha/seal/0,seal\n" {
		t.Errorf("%q", got)
	}
	out.Reset()
	tag, err = conn.PgConn().CopyTo(ctx, &out, "copy hashes (digest) to stdout binary")
	if err != nil || tag.String() != "COPY 3002" || out.Len() != 19+3002*(2+4+32)+2 {
		t.Error(tag, err, out.Len())
	}
}

// TestCopyOrder copies more rows than one list of leaves holds, in all formats and with an algorithm here and there: they
// stand in the order of the rows.
func TestCopyOrder(t *testing.T) {
	const rows = 90_000
	for _, format := range []string{"text", "csv", "binary"} {
		for _, columns := range []string{"digest", "digest, algorithm"} {
			s := serve(t)
			conn := s.connect(t, "alpha")
			o := copyrow.Defaults(copyrow.Text)
			if f, ok := copyrow.ParseFormat(format); ok {
				o = copyrow.Defaults(f)
			}
			e := copyrow.NewEncoder(o)
			data := e.AppendHeader(nil)
			field := func(d []byte) []byte {
				if format == "binary" {
					return d
				}
				return fmt.Appendf(nil, `\x%x`, d)
			}
			want := make([][]byte, rows)
			for i := range want {
				want[i] = digest(fmt.Sprint(i))
				row := [][]byte{nil, nil}
				if columns == "digest" {
					row = row[:1]
				} else if i%1000 == 7 {
					want[i] = append(want[i], want[i]...)
					row[1] = []byte("sha512")
				}
				row[0] = field(want[i])
				data = e.AppendRow(data, row)
			}
			data = e.AppendTrailer(data)
			tag, err := conn.PgConn().CopyFrom(t.Context(), bytes.NewReader(data), "copy hashes ("+columns+") from stdin (format "+format+")")
			if err != nil || tag.RowsAffected() != rows || s.ledger.Appends() != 1 {
				t.Fatal(format, columns, tag, err, s.ledger.Appends())
			}
			stored, err := conn.Query(t.Context(), "select digest from hashes order by slot_index")
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgx.CollectRows(stored, pgx.RowTo[[]byte])
			if err != nil || len(got) != rows {
				t.Fatal(format, columns, len(got), err)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%s (%s): row %d is %x, want %x", format, columns, i, got[i], want[i])
				}
			}
		}
	}
}

// TestCopyRoundTrip copies the digests of one agency to another.
func TestCopyRoundTrip(t *testing.T) {
	for _, format := range []string{"text", "csv", "binary"} {
		s := serve(t)
		from, to := s.connect(t, "alpha"), s.connect(t, "jurat")
		ctx := t.Context()
		if _, err := from.Exec(ctx, "insert into hashes (digest, algorithm) values ($1, 'sha256'), ($2, 'sha512'), ($3, null)", digest("a"), append(digest("b"), digest("c")...), digest("d")); err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		if _, err := from.PgConn().CopyTo(ctx, &data, "copy hashes (digest, algorithm) to stdout (format "+format+")"); err != nil {
			t.Fatal(err)
		}
		tag, err := to.PgConn().CopyFrom(ctx, &data, "copy hashes (digest, algorithm) from stdin (format "+format+")")
		if err != nil || tag.RowsAffected() != 3 {
			t.Fatal(format, tag, err)
		}
		var same int
		if err := to.QueryRow(ctx, "select count(*) from hashes a join hashes b using (digest, algorithm) where a.agency = 'alpha' and b.agency = 'jurat'").Scan(&same); err != nil || same != 3 {
			t.Error(format, same, err)
		}
	}
}

// TestPortals reads two portals in turns, some rows at a time.
func TestPortals(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha").PgConn()
	front := conn.Frontend()
	send := func(messages ...any) { sendAll(t, front, messages...) }
	send(query1("begin"))
	until(t, front, 'Z')
	send(parse("a", "select n from generate_series(1, 5) n"), parse("b", "select n * 10 from generate_series(1, 5) n"),
		bind("pa", "a"), bind("pb", "b"), execute("pa", 2), execute("pb", 3), execute("pa", 2), execute("pa", 2), execute("pb", 9), syncMessage())
	got := until(t, front, 'Z')
	want := "1 2 suspended 10 20 30 suspended 3 4 suspended 5 SELECT 1 40 50 SELECT 2 ready T"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "alpha")
	endless := "select count(*) from generate_series(1, 100000000000) n"
	canceled := make(chan error)
	go func() {
		// A second connection asks to cancel until the statement is there to be canceled.
		for {
			select {
			case <-canceled:
				return
			default:
				if err := conn.PgConn().CancelRequest(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	_, err := conn.PgConn().Exec(t.Context(), endless).ReadAll()
	canceled <- err
	if code(err) != "57014" {
		t.Error(err)
	}
	conn = s.connect(t, "alpha")
	if _, err := conn.Exec(t.Context(), "set statement_timeout = '20ms'"); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), endless)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "57014" || !strings.Contains(e.Message, "statement timeout") {
		t.Error(err)
	}
	if _, err := conn.Exec(t.Context(), "select 1"); err != nil {
		t.Error(err)
	}
}

func TestDescriptions(t *testing.T) {
	s := serve(t)
	conn := s.connect(t, "jurat").PgConn()
	d, err := conn.Prepare(t.Context(), "x", "select receipt, slot_index + $1, $2 from hashes where digest = $3 and round > $4", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.ParamOIDs); got != "[20 25 17 1184]" {
		t.Error("parameters", got)
	}
	var fields []string
	for _, f := range d.Fields {
		fields = append(fields, fmt.Sprintf("%s:%d:%d/%d", f.Name, f.DataTypeOID, f.TableOID, f.TableAttributeNumber))
	}
	if got := strings.Join(fields, " "); got != "receipt:25:16384/7 ?column?:20:0/0 ?column?:25:0/0" {
		t.Error(got)
	}
	d, err = conn.Prepare(t.Context(), "typmods", "select 1.5::numeric(10,2), 'a'::varchar(3), a from (select cast(2 as numeric(4,1)) as a) s", nil)
	if err != nil || d.Fields[0].TypeModifier != 10<<16+2+4 || d.Fields[1].TypeModifier != 3+4 || d.Fields[2].TypeModifier != 4<<16+1+4 {
		t.Error(d, err)
	}
	d, err = conn.Prepare(t.Context(), "bits", "select 5::bit(8) as a, '1'::varbit(3), B'1', $1::bit(3), $2 & B'1'", nil)
	if err != nil || d.Fields[0].TypeModifier != 8 || d.Fields[1].TypeModifier != 3 || d.Fields[2].TypeModifier != -1 || fmt.Sprint(d.ParamOIDs) != "[1560 1560]" {
		t.Error(d, err)
	}
	d, err = conn.Prepare(t.Context(), "arrays", "select count(*) from hashes where digest = any(array[$1, $2]::bytea[])", nil)
	if err != nil || fmt.Sprint(d.ParamOIDs) != "[17 17]" {
		t.Error(d, err)
	}
	d, err = conn.Prepare(t.Context(), "y", "insert into hashes (digest) values ($1)", nil)
	if err != nil || len(d.Fields) != 0 || fmt.Sprint(d.ParamOIDs) != "[17]" {
		t.Error(d, err)
	}
}

// TestVoidParameter calls functions as JDBC's CallableStatement does, with a parameter of type void where the result goes.
func TestVoidParameter(t *testing.T) {
	conn := serve(t).connect(t, "jurat").PgConn()
	for sql, want := range map[string]string{
		"select * from length($1, $2) as result":                        "[[3]] <nil>",
		"select $1 is null, length($2)":                                 "[[t 3]] <nil>",
		"select percentile_cont($1) within group (order by length($2))": "[] 42883",
	} {
		r := conn.ExecParams(t.Context(), sql, [][]byte{nil, []byte("abc")}, []uint32{2278, 25}, nil, nil).Read()
		if got := fmt.Sprintf("%s %s", r.Rows, code(r.Err)); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// TestBits sends bit strings as texts and in binary, and reads them so.
func TestBits(t *testing.T) {
	conn := serve(t).connect(t, "jurat").PgConn()
	const sql = "select $1::varbit, $2::bit(4), array[$1::varbit, null]"
	text := conn.ExecParams(t.Context(), sql, [][]byte{[]byte("x1"), []byte("10101")}, nil, nil, nil).Read()
	if text.Err != nil || fmt.Sprintf("%s", text.Rows) != "[[0001 1010 {0001,NULL}]]" {
		t.Errorf("%s %v", text.Rows, text.Err)
	}
	both := [][]byte{{0, 0, 0, 9, 0x80, 0xff}, {0, 0, 0, 2, 0x40}}
	raw := conn.ExecParams(t.Context(), sql, both, nil, []int16{1}, []int16{1}).Read()
	const array = "000000010000000100" + "00061a0000000200000001" + "00000006000000098080" + "ffffffff"
	if got := fmt.Sprintf("%x", raw.Rows); raw.Err != nil || got != "[[000000098080 0000000440 "+array+"]]" {
		t.Errorf("%s %v", got, raw.Err)
	}
	for bad, want := range map[string]string{
		"\x00\x00\x01": "08P01", "\x00\x00\x00\x09\x80": "08P01", "\xff\xff\xff\xff": "22P03", "\x00\x00\x00\x01\x80\x00": "22P03",
	} {
		r := conn.ExecParams(t.Context(), "select $1::varbit", [][]byte{[]byte(bad)}, nil, []int16{1}, nil).Read()
		if code(r.Err) != want {
			t.Errorf("%q: %v", bad, r.Err)
		}
	}
}

// TestRowsWithoutColumns reads rows of no columns, which are described and sent like others.
func TestRowsWithoutColumns(t *testing.T) {
	conn := serve(t).connect(t, "jurat").PgConn()
	for _, sql := range []string{"select from generate_series(1, 3)", "select from generate_series(1, 3) union all select where false"} {
		simple, err := conn.Exec(t.Context(), sql).ReadAll()
		if err != nil || len(simple) != 1 || len(simple[0].Rows) != 3 || len(simple[0].Rows[0]) != 0 {
			t.Errorf("%s: %v %v", sql, simple, err)
		}
		extended := conn.ExecParams(t.Context(), sql, nil, nil, nil, nil).Read()
		if extended.Err != nil || len(extended.Rows) != 3 {
			t.Errorf("%s: %v", sql, extended)
		}
	}
}

// TestEmptyQuery runs strings without a statement, in every state of a transaction.
func TestEmptyQuery(t *testing.T) {
	conn := serve(t).connect(t, "alpha")
	for _, before := range []string{"select 1", "begin", "select 1/0"} {
		if _, err := conn.PgConn().Exec(t.Context(), before).ReadAll(); err != nil && code(err) != "22012" {
			t.Fatal(err)
		}
		for _, sql := range []string{"", " ;; ", "-- ping"} {
			if results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil || len(results) > 1 {
				t.Errorf("%q after %q: %v %v", sql, before, results, err)
			}
		}
		if err := conn.Ping(t.Context()); err != nil {
			t.Errorf("ping after %q: %v", before, err)
		}
	}
	if status := conn.PgConn().TxStatus(); status != 'E' {
		t.Errorf("transaction status %c", status)
	}
}

// TestErrorsFailTransactions makes, after a filing in a pipeline, each error that the protocol knows: nothing is filed.
func TestErrorsFailTransactions(t *testing.T) {
	conn := serve(t).connect(t, "alpha")
	for _, wrong := range []pgproto3.FrontendMessage{
		&pgproto3.Describe{ObjectType: 'P', Name: "none"},
		&pgproto3.Describe{ObjectType: 'S', Name: "none"},
		&pgproto3.Execute{Portal: "none"},
		&pgproto3.Bind{PreparedStatement: "none"},
		&pgproto3.Bind{Parameters: [][]byte{nil, nil}},
		&pgproto3.Bind{ResultFormatCodes: []int16{0, 0, 0}},
		&pgproto3.Parse{Name: "x", Query: "select nothing"},
		&pgproto3.Parse{Name: "x", Query: "wrong"},
	} {
		f := conn.PgConn().Frontend()
		f.Send(&pgproto3.Parse{Query: "insert into hashes (digest) values (sha256('a'))"})
		f.Send(&pgproto3.Bind{})
		f.Send(&pgproto3.Execute{})
		f.Send(wrong)
		f.Send(&pgproto3.Sync{})
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		refused := false
		for ready := false; !ready; {
			m, err := conn.PgConn().ReceiveMessage(t.Context())
			if _, ok := m.(*pgproto3.ErrorResponse); err != nil && !ok {
				t.Fatal(err)
			} else if ok {
				refused = true
			}
			_, ready = m.(*pgproto3.ReadyForQuery)
		}
		var n int
		if err := conn.QueryRow(t.Context(), "select count(*) from hashes").Scan(&n); err != nil || n != 0 || !refused {
			t.Fatalf("%T %+v: %d filed, refused %v, %v", wrong, wrong, n, refused, err)
		}
	}
}
