package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	encoding "encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/bench/year"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
	"github.com/jurat-ledger/jurat/storage/index"
)

// A question is SQL that analysts ask of rounds and calendar. Its text is a format for the times that a plan has: see times.
type question struct {
	name, sql string
	point     bool // asked often, with a second chosen at random as the prepared statement's parameter
}

// questions are asked of every contender; "one" is the least that an answer takes. %[1]s to %[2]s is a twelfth of the time, %[3]s to %[4]s a day or a tenth, whichever is
// shorter; %[5]s is a round root.
var questions = []question{
	{name: "count", sql: "SELECT count(*) FROM rounds"},
	{name: "sum", sql: "SELECT sum(leaves), min(leaves), max(leaves), avg(leaves) FROM rounds"},
	{name: "filter", sql: "SELECT count(*) FROM rounds WHERE leaves > 100 AND round >= %[1]s"},
	{name: "day-trunc", sql: "SELECT date_trunc('day', round) AS day, count(*), sum(leaves), max(leaves) FROM rounds GROUP BY day ORDER BY day"},
	{name: "day-bin", sql: "SELECT date_bin('1 day', round, '2025-01-01') AS day, count(*), sum(leaves), max(leaves) FROM rounds GROUP BY day ORDER BY day"},
	{name: "day-number", sql: "SELECT second / 86400 AS day, count(*), sum(leaves), max(leaves) FROM rounds GROUP BY day ORDER BY day"},
	{name: "month-zone", sql: "SELECT date_trunc('month', round, 'Europe/Berlin') AS month, count(*), sum(leaves) FROM rounds GROUP BY month ORDER BY month"},
	{name: "hour-of-day", sql: "SELECT extract(hour FROM round) AS hour, count(*), sum(leaves) FROM rounds GROUP BY hour ORDER BY hour"},
	{name: "group-leaves", sql: "SELECT leaves, count(*) FROM rounds GROUP BY leaves ORDER BY leaves"},
	{name: "gaps", sql: "SELECT round, second - before FROM (SELECT round, second, lag(second) OVER (ORDER BY round) AS before FROM rounds) w WHERE second - before > 1 ORDER BY round"},
	{name: "top", sql: "SELECT round, leaves FROM rounds ORDER BY leaves DESC, round LIMIT 10"},
	{name: "root", sql: "SELECT round, leaves FROM rounds WHERE root = %[5]s"},
	{name: "range", sql: "SELECT count(*), sum(leaves), max(root::text) FROM rounds WHERE round >= %[3]s AND round < %[4]s"},
	{name: "month", sql: "SELECT count(*), sum(leaves) FROM rounds WHERE round >= %[1]s AND round < %[2]s"},
	{name: "publications", sql: "SELECT p.publication_time, r.leaves FROM publications p JOIN rounds r ON r.round = p.publication_time ORDER BY 1"},
	{name: "coverage", sql: "SELECT p.publication_time, count(*), sum(r.leaves) FROM (SELECT publication_time, lag(publication_time, 1, '-infinity') OVER (ORDER BY publication_time) AS previous FROM publications) p JOIN rounds r ON r.round > p.previous AND r.round <= p.publication_time GROUP BY p.publication_time ORDER BY 1"},
	{name: "coverage-lateral", sql: "SELECT p.publication_time, c.rounds, c.leaves FROM publications p CROSS JOIN LATERAL (SELECT max(q.publication_time) AS previous FROM publications q WHERE q.publication_time < p.publication_time) b CROSS JOIN LATERAL (SELECT count(*) AS rounds, sum(r.leaves) AS leaves FROM rounds r WHERE r.round > coalesce(b.previous, '-infinity') AND r.round <= p.publication_time) c ORDER BY 1"},
	{name: "one", sql: "SELECT 1"},
	{name: "newest", sql: "SELECT round, root, leaves FROM rounds ORDER BY round DESC LIMIT 20"},
	{name: "calendar", sql: "SELECT round, idle, leaf, root FROM calendar WHERE round >= %[3]s AND round < %[4]s ORDER BY round"},
	{name: "point", sql: "SELECT root, leaves FROM rounds WHERE second = $1::int8", point: true},
}

// sqlFormat is how times stand in questions.
const sqlFormat = "'2006-01-02 15:04:05+00'"

// text returns the SQL of a question for a plan.
func (q *question) text(p year.Plan) string {
	at := func(part, of uint64) string {
		return (year.First + calendar.Second(p.Seconds*part/of)).Time().Format(sqlFormat)
	}
	from, day := p.Seconds/2, min(p.Seconds/10, 86400)
	root := p.Root(p.Seconds * 3 / 4)
	text := fmt.Sprintf(q.sql+"%.0[1]s%.0[2]s%.0[3]s%.0[4]s%.0[5]s", at(3, 12), at(4, 12), at(from, p.Seconds), at(from+day, p.Seconds), `'\x`+hex.EncodeToString(root[:])+`'`)
	return text
}

// SQL says what is asked, and of what.
type SQL struct {
	// Seconds is the length of the ledger.
	Seconds uint64
	// Postgres has PostgreSQL asked the same of the same rows: in one process, and with its parallel plans.
	Postgres bool
	// Target is this program's server.
	Target *target.Target
	// Serial has this program asked a second time, by a session that wants no helpers.
	Serial bool
	// Dir holds the data directories, those of an earlier run if there was one. They stay there.
	Dir string
	// Only names the questions to ask; empty for all.
	Only []string
}

// SQL makes a ledger with a round for nearly every second, gives PostgreSQL the same rows in tables with the round as primary
// key, and asks both what analysts ask. All must give the same answers.
func (b *Bench) SQL(ctx context.Context, o *SQL) (err error) {
	plan := year.Plan{Seed: b.Seed, Seconds: o.Seconds}
	if plan.Seconds == 0 || plan.Seconds > Year {
		return fmt.Errorf("a ledger of %d seconds: give 1 to %d", plan.Seconds, Year)
	}
	dir := filepath.Join(o.Dir, "jurat")
	if err := b.makeYear(ctx, dir, plan); err != nil {
		return err
	}
	var asked []*asker
	if o.Postgres {
		s, err := b.postgresYear(ctx, o.Dir, plan)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		asked = append(asked, &asker{name: "postgres-1", server: s, setup: "SET max_parallel_workers_per_gather = 0; SET jit = off"},
			&asker{name: "postgres", server: s, setup: "SET jit = on"})
	}
	s, err := o.Target.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer s.Kill()
	asked = append(asked, &asker{name: o.Target.Name, server: s, mayLack: true})
	if o.Serial {
		asked = append(asked, &asker{name: o.Target.Name + "-1", server: s, setup: "SET max_parallel_workers_per_gather = 0", mayLack: true})
	}
	for _, a := range asked {
		if err := a.connect(ctx); err != nil {
			return err
		}
		defer a.conn.Close()
	}
	if _, err := s.Settle(ctx, closing); err != nil {
		return err
	}
	return b.ask(ctx, asked, plan, o.Only)
}

// ask asks every question of all, alternately.
func (b *Bench) ask(ctx context.Context, asked []*asker, p year.Plan, only []string) error {
	for i := range questions {
		q := &questions[i]
		if len(only) > 0 && !strings.Contains(","+strings.Join(only, ",")+",", ","+q.name+",") {
			continue
		}
		var contenders []Contender
		lacks := false
		for _, a := range asked {
			l, err := a.warm(q, p)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", a.name, q.name, err)
			}
			lacks = lacks || l
			contenders = append(contenders, Contender{a.name, func(context.Context, int) (map[string]float64, string, error) {
				return a.ask(q, p, b.Seconds, b.Seed)
			}})
		}
		if lacks {
			b.Progress("left out, not supported: "+q.name, 0, 0)
			continue
		}
		if err := b.Alternate(ctx, fmt.Sprintf("sql/seconds=%d/query=%s", p.Seconds, q.name), contenders...); err != nil {
			return err
		}
	}
	return nil
}

// An asker is a contender with a connection of its own.
type asker struct {
	name    string
	server  *target.Server
	setup   string
	mayLack bool // a question that it does not support is left out
	conn    *load.Conn
}

func (a *asker) connect(ctx context.Context) (err error) {
	if a.conn, err = a.server.Connect(ctx); err != nil {
		return err
	}
	_, err = a.conn.Exec("SET timezone = 'UTC';" + a.setup)
	return err
}

// unsupported is the SQLSTATE of what a server has not got.
const unsupported = "0A000"

// warm asks once, so that caches hold what they can.
func (a *asker) warm(q *question, p year.Plan) (lacks bool, err error) {
	if q.point {
		return false, a.conn.Prepare(q.name, q.text(p))
	}
	_, err = a.conn.Query(q.text(p))
	var e *load.ServerError
	if a.mayLack && errors.As(err, &e) && e.Code == unsupported {
		return true, nil
	}
	return false, err
}

// ask asks for some seconds, once at least, and returns the median time of an answer and a checksum of the answers.
func (a *asker) ask(q *question, p year.Plan, seconds float64, seed uint64) (values map[string]float64, checksum string, err error) {
	if q.point {
		return a.askPoints(q, p, seconds, seed)
	}
	sql := q.text(p)
	var took []float64
	for start := time.Now(); len(took) == 0 || time.Since(start).Seconds() < seconds; {
		before := time.Now()
		rows, err := a.conn.Query(sql)
		if err != nil {
			return nil, "", err
		}
		took = append(took, time.Since(before).Seconds())
		sum := checksumOf(rows)
		if checksum = cmp.Or(checksum, sum); sum != checksum {
			return nil, "", errors.New("the answer changed")
		}
	}
	return map[string]float64{"ops/s": 1 / median(took), "ms": median(took) * 1e3}, checksum, nil
}

// checksumOf returns a hash of rows, fields apart.
func checksumOf(rows [][]string) string {
	h := sha256.New()
	for _, r := range rows {
		fmt.Fprintf(h, "%q\n", r)
	}
	return fmt.Sprintf("%d rows, %x", len(rows), h.Sum(nil)[:8])
}

// pointsAsked is how many different seconds the checksum is of: every contender is asked for them first.
const pointsAsked = 1000

// askPoints asks for one second after the other.
func (a *asker) askPoints(q *question, p year.Plan, seconds float64, seed uint64) (map[string]float64, string, error) {
	random := rand.New(rand.NewPCG(seed, 3))
	h := sha256.New()
	n := 0
	start := time.Now()
	for ; n < pointsAsked || time.Since(start).Seconds() < seconds; n++ {
		second := year.First + calendar.Second(random.Uint64N(p.Seconds))
		rows, err := a.conn.Run(q.name, encoding.BigEndian.AppendUint64(nil, uint64(second)), func(_, _ int, v []byte) {
			if n < pointsAsked {
				h.Write(v)
			}
		})
		if err != nil {
			return nil, "", err
		}
		if n < pointsAsked {
			fmt.Fprintln(h, rows)
		}
	}
	each := time.Since(start).Seconds() / float64(n)
	return map[string]float64{"ops/s": 1 / each, "ms": each * 1e3}, hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// A stopped clock shows one time for ever.
type stopped time.Time

func (c stopped) Now() (time.Time, time.Duration) { return time.Time(c), 0 }

func (stopped) Wait(ctx context.Context, _ time.Duration, wake <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-wake:
	}
}

// MakeYear makes a data directory of "jurat serve" that holds a plan's ledger: it has a server make the directory as of the
// ledger's first second, and then fills its store.
func MakeYear(ctx context.Context, dir string, plan year.Plan, progress func(done uint64)) error {
	c := server.DefaultConfig()
	c.DataDir, c.Listen, c.Clock = dir, "127.0.0.1:0", stopped(year.First.Time().Add(-time.Second/2))
	c.Logger = slog.New(slog.DiscardHandler)
	s, err := server.New(ctx, c)
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Run(over); err != nil {
		return err
	}
	store, err := storage.Open(filepath.Join(dir, server.StoreDir), storage.Options{Logger: c.Logger})
	if err != nil {
		return err
	}
	x, err := index.Open(store.DB(), index.Options{Dir: filepath.Join(dir, server.IndexDir)})
	if err == nil {
		err = plan.Fill(ctx, store, x, progress)
	}
	return errors.Join(err, store.Close())
}

// makeYear is MakeYear, unless the directory holds the plan's ledger already.
func (b *Bench) makeYear(ctx context.Context, dir string, p year.Plan) error {
	whole, err := isKept(dir, p)
	if err != nil || whole {
		return err
	}
	progress := func(done uint64) { b.Progress("making the ledger", int64(done), int64(p.Seconds)) }
	if err := MakeYear(ctx, dir, p, progress); err != nil {
		return err
	}
	return keep(dir, p)
}

// postgresYear starts a PostgreSQL that has the rows of a plan, loading them unless the directory below parent holds them.
func (b *Bench) postgresYear(ctx context.Context, parent string, p year.Plan) (*target.Server, error) {
	// Tables that are made and filled in one transaction are synced themselves then, and not written twice.
	t, err := target.Postgres(true, "wal_level=minimal", "max_wal_senders=0")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(parent, 0o711); err != nil { // PostgreSQL runs as another user
		return nil, err
	}
	dir := filepath.Join(parent, "postgres")
	whole, err := isKept(dir, p)
	if err != nil {
		return nil, err
	}
	s, err := t.Start(ctx, dir)
	if err != nil {
		return nil, err
	}
	b.Promise("postgres-1", t.Durability)
	if whole {
		return s, nil
	}
	if err = b.loadYear(ctx, s, p); err == nil {
		err = keep(dir, p)
	}
	if err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// loadYear makes tables of a plan's rows in PostgreSQL.
func (b *Bench) loadYear(ctx context.Context, s *target.Server, p year.Plan) error {
	conn, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Exec(`BEGIN; CREATE TABLE rounds (round timestamptz NOT NULL, second int8 NOT NULL, root bytea NOT NULL, leaves int8 NOT NULL, slots int4 NOT NULL);
		CREATE TABLE calendar (round timestamptz NOT NULL, second int8 NOT NULL, idle bool NOT NULL, leaf bytea NOT NULL, root bytea NOT NULL);
		CREATE TABLE publications (publication_time timestamptz PRIMARY KEY, root bytea NOT NULL)`); err != nil {
		return err
	}
	r := yearRows{Plan: p, frontier: calendar.NewFrontier(year.First)}
	if err := conn.CopyIn("COPY rounds FROM STDIN WITH (FREEZE)", func(dst []byte) []byte {
		b.Progress("loading PostgreSQL", int64(r.next), int64(p.Seconds))
		return r.append(dst)
	}); err != nil {
		return err
	}
	for table, text := range map[string]*[]byte{"calendar": &r.calendar, "publications": &r.publications} {
		if err := conn.CopyIn("COPY "+table+" FROM STDIN WITH (FREEZE)", func(dst []byte) []byte {
			n := min(len(*text), 1<<16)
			dst, *text = append(dst, (*text)[:n]...), (*text)[n:]
			return dst
		}); err != nil {
			return err
		}
	}
	b.Progress("making keys in PostgreSQL", 0, 0)
	for _, sql := range []string{
		"ALTER TABLE rounds ADD PRIMARY KEY (round)", "CREATE UNIQUE INDEX ON rounds (second)", "ALTER TABLE calendar ADD PRIMARY KEY (round)",
		"COMMIT", "VACUUM ANALYZE", "CHECKPOINT",
	} {
		if _, err := conn.Exec(sql); err != nil {
			return err
		}
	}
	return nil
}

// yearRows makes a plan's rows in the text format of COPY.
type yearRows struct {
	year.Plan
	next                   uint64
	frontier               *calendar.Frontier
	calendar, publications []byte // rows of these tables so far; of the calendar, those of the day that is asked for
}

// append appends some rows of rounds.
func (r *yearRows) append(dst []byte) []byte {
	from, day := r.Seconds/2, min(r.Seconds/10, 86400)
	for size := len(dst) + 1<<16; r.next < r.Seconds && len(dst) < size; r.next++ {
		second, leaves, root := year.First+calendar.Second(r.next), r.Leaves(r.next), r.Root(r.next)
		r.frontier.Append(root)
		if leaves > 0 {
			dst = appendHex(appendSecond(dst, second), root)
			dst = append(strconv.AppendUint(append(dst, '\t'), leaves, 10), "\t1\n"...)
		}
		if r.next >= from && r.next < from+day {
			c := append(strconv.AppendBool(appendSecond(r.calendar, second), leaves == 0), '\t')
			r.calendar = append(appendHex(append(appendHex(c, root), '\t'), r.frontier.Root()), '\n')
		}
		if r.Published(r.next) {
			p := append(second.Time().AppendFormat(r.publications, sqlFormat[1:len(sqlFormat)-1]), '\t')
			r.publications = append(appendHex(p, r.frontier.Root()), '\n')
		}
	}
	return dst
}

// appendSecond appends the columns round and second.
func appendSecond(dst []byte, s calendar.Second) []byte {
	dst = append(s.Time().AppendFormat(dst, sqlFormat[1:len(sqlFormat)-1]), '\t')
	return append(strconv.AppendInt(dst, int64(s), 10), '\t')
}

func appendHex(dst []byte, d merkle.Digest) []byte {
	return hex.AppendEncode(append(dst, `\\x`...), d[:])
}
