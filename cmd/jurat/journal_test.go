package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
	"github.com/jurat-ledger/jurat/server"
	"github.com/jurat-ledger/jurat/storage"
)

// column runs a query of one text column.
func column(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// mustExec runs statements that must succeed.
func mustExec(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// mustDeny runs statements that must be refused for want of a right.
func mustDeny(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Fatalf("%s: %v, want SQLSTATE 42501", sql, err)
		}
	}
}

// TestJournal has roles do what the journal keeps, looks at it as each of them, kills the server, restores a backup, and goes on.
func TestJournal(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), t.TempDir()
	s := startServer(t, dir, "--gateway-listen", "127.0.0.1:0")
	super := s.connect()
	mustExec(t, super, `CREATE ROLE canton LOGIN`, `CREATE ROLE ministry LOGIN`, `CREATE ROLE hashes LOGIN`,
		`CREATE ROLE court LOGIN IN ROLE auditor`)
	as := map[string]*pgx.Conn{}
	for _, role := range []string{"canton", "ministry", "hashes", "court"} {
		conn, err := pgx.Connect(t.Context(), s.urlAs(role))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		as[role] = conn
	}
	mustExec(t, as["canton"], `SELECT create_lane('seal')`, `SELECT create_lane('seal')`)
	mustDeny(t, as["ministry"], `TABLE jurat_index_status`, `SELECT publish()`, `SELECT * FROM verify_journal('-infinity', 'infinity')`)
	mustDeny(t, as["court"], `INSERT INTO hashes (digest) VALUES (sha256('x'))`)
	refuseGateway(t, s)
	mustExec(t, super, `INSERT INTO hashes (digest) VALUES (sha256('x')) RETURNING signature`)
	mustExec(t, super, `SELECT publish(NULL, 'Gazette')`) // in the same batch as all lines before
	testJournalRoles(t, as)

	full := filepath.Join(to, "full")
	expect(t, 0, "Wrote "+full, "backup", "--to", full, "--server", s.url())
	mustExec(t, super, `SELECT publish(NULL, 'Herald')`)
	if got := column(t, as["court"], `SELECT detail FROM journal WHERE event = 'backup' ORDER BY seq`); len(got) != 2 ||
		got[0] != "begun, with private keys" || !regexp.MustCompile(`^ended, whole: [1-9]\d* files, [1-9]\d* bytes$`).MatchString(got[1]) {
		t.Errorf("backup: %q", got)
	}
	const whole = `SELECT concat_ws(' ', seq, time, actor, event, object, detail, address, times, hash) FROM journal ORDER BY seq`
	before := column(t, super, whole)
	s.kill()
	s = startServer(t, dir)
	after := column(t, s.connect(), whole)
	if len(after) < len(before) || strings.Join(after[:len(before)], "\n") != strings.Join(before, "\n") {
		t.Errorf("before kill -9:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	mustFindNoFault(t, s)
	s.stop()
	testJournalRestored(t, full, before)
	testJournalDamage(t, dir)
}

// refuseGateway logs in to the KSI gateway by a wrong key.
func refuseGateway(t *testing.T, s *serverProcess) {
	t.Helper()
	m := regexp.MustCompile(`msg=ready .*gateway=(\S+)`).FindStringSubmatch(s.logged())
	if m == nil {
		t.Fatalf("no gateway:\n%s", s.logged())
	}
	c, err := client.New(client.Config{URL: "ksi+http://canton:wrong@" + m[1]})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	im, err := merkle.NewImprint(merkle.SHA256, testDigest(7, 7))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sign(t.Context(), im, 0); err == nil {
		t.Fatal("the gateway takes a wrong key")
	}
}

// testJournalRoles compares what each role sees of the journal.
func testJournalRoles(t *testing.T, as map[string]*pgx.Conn) {
	t.Helper()
	for role, want := range map[string][]string{
		"canton":   {"canton lane seal", "canton login", "canton login failed", "jurat role canton"},
		"ministry": {"jurat role ministry", "ministry denied jurat_index_status", "ministry denied publish", "ministry denied verify_journal", "ministry login"},
		"hashes":   {"hashes login", "jurat role hashes"},
	} {
		got := column(t, as[role], `SELECT concat_ws(' ', actor, event, object) AS line FROM journal ORDER BY line`)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s sees %q, want %q", role, got, want)
		}
		if hidden := column(t, as[role], `SELECT event FROM journal WHERE seq IS NOT NULL OR hash IS NOT NULL OR receipt IS NOT NULL`); len(hidden) > 0 {
			t.Errorf("%s sees numbers or hashes of %q", role, hidden)
		}
	}
	all := column(t, as["court"], `SELECT concat_ws(' ', actor, event, object) FROM journal WHERE seq IS NOT NULL AND hash IS NOT NULL`)
	for _, want := range []string{"key calendar", "key publications", "canton lane seal", "court denied hashes", "jurat role court", "canton login failed"} {
		n := 0
		for _, line := range all {
			if line == want {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the auditor sees %q %d times in:\n%s", want, n, strings.Join(all, "\n"))
		}
	}
	if gaps := column(t, as["court"], `SELECT count(*)::text FROM journal HAVING count(*) <> max(seq) OR min(seq) <> 1`); len(gaps) > 0 {
		t.Errorf("not all of %s lines are there", gaps)
	}
	if n := column(t, as["court"], `SELECT count(*)::text FROM journal WHERE time > '-infinity' AND time < 'infinity'`); n[0] != fmt.Sprint(len(all)) {
		t.Errorf("%s lines of all time, not %d", n, len(all))
	}
}

func mustFindNoFault(t *testing.T, s *serverProcess) {
	t.Helper()
	if faults := column(t, s.connect(), `SELECT seq || ' ' || fault FROM verify_journal('-infinity', 'infinity')`); len(faults) > 0 {
		t.Errorf("faults of the journal: %q", faults)
	}
}

// testJournalRestored restores a backup and goes on from it: the journal begins as it was, and says so once.
func testJournalRestored(t *testing.T, backup string, before []string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	expect(t, 0, "Restored", "restore", "--from", backup, "--data", dir, "--original-is-gone")
	for start := range 2 {
		s := startServer(t, dir)
		conn := s.connect()
		mustExec(t, conn, `SELECT publish()`)
		got := column(t, conn, `SELECT concat_ws(' ', seq, time, actor, event, object, detail, address, times, hash) FROM journal ORDER BY seq`)
		same := 0
		for same < len(got) && same < len(before) && got[same] == before[same] {
			same++
		}
		if same == 0 || same == len(got) {
			t.Errorf("%d of %d lines are those of the original", same, len(got))
		}
		if n := column(t, conn, `SELECT detail FROM journal WHERE event = 'restore'`); len(n) != 1 || !strings.Contains(n[0], "goes on from a backup of ") {
			t.Errorf("start %d: restored: %q", start, n)
		}
		if n := column(t, conn, `SELECT detail FROM journal WHERE event = 'key' AND object = 'publications'`); len(n) != 1 {
			t.Errorf("start %d: keys: %q", start, n)
		}
		mustFindNoFault(t, s)
		s.stop()
	}
	expect(t, 0, "", "rotate-key", "publications", "--data", dir)
	for range 2 {
		s := startServer(t, dir)
		conn := s.connect()
		mustExec(t, conn, `SELECT publish()`)
		if n := column(t, conn, `SELECT detail FROM journal WHERE event = 'key' AND object = 'publications'`); len(n) != 2 {
			t.Errorf("after a rotation: keys: %q", n)
		}
		s.stop()
	}
}

// testJournalDamage changes what is on the disk of a stopped server: fsck names it, and so does verify_journal where it is a line.
func testJournalDamage(t *testing.T, dir string) {
	t.Helper()
	fileDay(t, dir)
	expect(t, 0, "lines of the journal", "fsck", "--data", dir)
	line := func(n uint64) storage.Key { return storage.Key{Kind: storage.KindJournal, Number: n} }
	for _, d := range []struct {
		key    storage.Key
		gone   bool
		fsck   string
		online string // what verify_journal says of it, "" if it is not about lines
	}{
		{key: line(3), fsck: "journal: line 3 was changed", online: "4 does not follow the line before: one of the two was changed"},
		{key: line(5), gone: true, fsck: "journal", online: "5 is missing"},
		{key: storage.Key{Kind: storage.KindJournalDay, Number: filedDay(t, dir)}, fsck: "journal: day "},
		{key: storage.Key{Kind: storage.KindMeta, Group: storage.GroupJournal}, fsck: "journal: "},
	} {
		was := damage(t, dir, d.key, d.gone)
		expect(t, 1, d.fsck, "fsck", "--data", dir)
		if d.online != "" {
			s := startServer(t, dir, "--read-only")
			if got := column(t, s.connect(), `SELECT seq || ' ' || fault FROM verify_journal('-infinity', 'infinity')`); len(got) != 1 || got[0] != d.online {
				t.Errorf("%s: verify_journal finds %q", d.key, got)
			}
			s.stop()
		}
		restoreKey(t, dir, d.key, was)
	}
	expect(t, 0, "OK", "fsck", "--data", dir)
	unfileDay(t, dir)
	expect(t, 1, "journal: 0 days are filed, and their lane holds 1 leaves", "fsck", "--data", dir)
}

// unfileDay takes away the record that a day is filed, as who wants to write its lines anew would.
func unfileDay(t *testing.T, dir string) {
	t.Helper()
	day, head := filedDay(t, dir), storage.Key{Kind: storage.KindMeta, Group: storage.GroupJournal}
	damage(t, dir, storage.Key{Kind: storage.KindJournalDay, Number: day}, true)
	was := damage(t, dir, head, false)
	const filed = 1 + 8 + 8 + 32 // offset: behind version, lines, time and hash
	clear(was[filed:][:4])
	restoreKey(t, dir, head, was)
}

func openStore(t *testing.T, dir string) *storage.Store {
	t.Helper()
	store, err := storage.Open(filepath.Join(dir, server.StoreDir), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// damage deletes what is stored under a key, or turns a bit of the value's eighth byte from the end, and returns what it was.
func damage(t *testing.T, dir string, key storage.Key, gone bool) []byte {
	t.Helper()
	store := openStore(t, dir)
	defer store.Close()
	k := key.Append(nil)
	value, closer, err := store.DB().Get(k)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	was := append([]byte(nil), value...)
	closer.Close()
	bad := append([]byte(nil), was...)
	bad[len(bad)-8] ^= 1
	if gone {
		err = store.DB().Delete(k, nil)
	} else {
		err = store.DB().Set(k, bad, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return was
}

func restoreKey(t *testing.T, dir string, key storage.Key, value []byte) {
	t.Helper()
	store := openStore(t, dir)
	defer store.Close()
	if err := store.DB().Set(key.Append(nil), value, nil); err != nil {
		t.Fatal(err)
	}
}

// fileDay files the journal as it stands as a day that is over.
func fileDay(t *testing.T, dir string) {
	t.Helper()
	store := openStore(t, dir)
	defer store.Close()
	head, slot, round := store.JournalHead(), uint32(len(store.Slots())), store.Closed()+1
	leaves := storage.AppendLeaves{Round: round, Slot: slot, At: head.Time}
	leaves.Leaves.Append(head.Hash.Imprint())
	if err := store.Propose(storage.CreateSlot{Slot: storage.Slot{ID: slot, Agency: storage.JournalAgency, Lane: storage.JournalLane, Created: round}},
		leaves, storage.FileJournalDay{JournalDay: storage.JournalDay{Day: storage.Day(head.Time), Last: head.Lines, Hash: head.Hash,
			Leaf: storage.Position{Round: round, Slot: slot}}}); err != nil {
		t.Fatal(err)
	}
}

func filedDay(t *testing.T, dir string) uint64 {
	t.Helper()
	store := openStore(t, dir)
	defer store.Close()
	return uint64(store.JournalDays()[0].Day)
}

// TestJournalPage runs the blocks of docs/journal.md as they stand.
func TestJournalPage(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	if _, err := pgx.Connect(t.Context(), s.urlAs("nobody")); err == nil {
		t.Fatal("nobody logs in")
	}
	mustExec(t, s.connect(), `INSERT INTO hashes (digest) VALUES (sha256('x')) RETURNING signature`, `SELECT publish()`) // lines before are written then
	blocks := codeBlocks(t, "../../docs/journal.md")
	if len(blocks) != 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for i, want := range []string{"jurat|127.0.0.1|", "|nobody|127.0.0.1|", "", ",start,"} {
		out := s.psql(blocks[i].text, "-v", "ON_ERROR_STOP=1", "-At")
		if !strings.Contains(out, want) || want == "" && out != "" {
			t.Errorf("%s\nprints\n%s", blocks[i].text, out)
		}
	}
	s.stop()
}
