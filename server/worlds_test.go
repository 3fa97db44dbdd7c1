package server

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// worldQueries is what an agency can ask, besides every relation as a whole. {digest} is a digest of the other agency.
var worldQueries = []string{
	"SELECT count(*), min(round), max(round), sum(slot_index) FROM hashes", "SELECT receipt, filed_at FROM hashes ORDER BY round DESC, slot_index LIMIT 3",
	"SELECT * FROM hashes WHERE digest = '{digest}'", "SELECT * FROM proofs WHERE digest IN ('{digest}', sha256('nothing'))", "SELECT * FROM hashes WHERE agency = 'agency-b'",
	"SELECT * FROM hashes WHERE receipt IN ('2026-11-22T01:16:31Z/agency-b/main/0', '2026-11-22T01:16:31Z/agency-a/main/0', '2026-11-22T01:16:31Z/agency-b/seal/1')",
	"SELECT signature FROM proofs WHERE receipt = '2026-11-22T01:16:31Z/agency-b/main/0'", "SELECT count(*) FROM proofs WHERE lane = 'main'",
	"SELECT leaves, slots FROM rounds ORDER BY round", "SELECT round, idle FROM calendar ORDER BY round", "SELECT * FROM agencies", "SELECT * FROM roles",
	"SELECT * FROM calendar_gaps('-infinity', '2026-11-22T01:17:00Z')", "SELECT * FROM audit_calendar('-infinity', 'infinity')",
	"SELECT * FROM completeness('agency-a', '-infinity', 'infinity')", "SELECT * FROM completeness('agency-b', '-infinity', 'infinity')",
	"SELECT count(*), max(at + length(data)) FROM export_bundle('agency-a', NULL, NULL, false)", "SELECT * FROM export_bundle('agency-b', NULL, NULL, false)",
	"SELECT * FROM jurat_index_status", "SELECT * FROM backup(false, NULL)", "SELECT * FROM verify_journal('-infinity', 'infinity')",
	"EXPLAIN SELECT * FROM hashes", "EXPLAIN SELECT * FROM hashes WHERE digest = '{digest}'", "EXPLAIN SELECT * FROM rounds r JOIN hashes h USING (round) WHERE r.leaves > 3",
	"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM hashes WHERE digest = '{digest}'", "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM proofs",
	"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM journal", "EXPLAIN SELECT * FROM jurat_index_status",
	"SELECT create_lane('seal')", "SELECT create_lane('none')",
	"SET ROLE \"agency-b\"", "ALTER ROLE \"agency-b\" PASSWORD 'x'", "ALTER ROLE nobody PASSWORD 'x'", "DROP ROLE \"agency-b\"", "CREATE ROLE \"agency-b\"", "SELECT 'agency-b'::regrole",
	"SELECT set_ksi_key('agency-b')", "SELECT pg_notification_queue_usage()", "SELECT count(*) FROM pg_stat_activity", "SELECT numbackends FROM pg_stat_database", "SHOW ALL",
	"SELECT pg_database_size('jurat'), pg_total_relation_size('hashes')", "SELECT relname, reltuples, relpages FROM pg_class ORDER BY 1",
	"SELECT length(publications_file())", "SELECT proof #- '{}' IS NULL, length(signature) FROM proofs ORDER BY round, slot_index",
	"INSERT INTO hashes (digest) VALUES ('{digest}') ON CONFLICT DO NOTHING RETURNING receipt", // last: its proof is there when the round has closed
}

// worldDiffers is what of an agency's view follows from what others file, by design, and why. What matches is compared in its form: a
// letter for each digit and byte.
var worldDiffers = []struct {
	relation string // or the beginning of a query
	why      string
}{
	{"rounds", "root commits to what all file in the second; leaves and slots count the agency's own"},
	{"calendar", "leaf and root follow from the round roots; with both agencies filing in the same seconds, idle is the same"},
	{"publications", "root and publication_string are those of the calendar"},
	{"proofs", "the path from the agency's slot node to the round root and on through the calendar holds hashes of others' slots; the RSA signature is of that root"},
	{"pg_catalog.pg_stat_activity", "process number, port"}, {"pg_catalog.pg_stat_ssl", "process number"},
}

// A view is what an agency learns: answers by question.
type view map[string][]string

var hexDigits = regexp.MustCompile(`[0-9a-f]{8,}|[A-Z2-7]{4,6}(-[A-Z2-7]{1,6})+|[0-9]+`)

// form replaces what may differ by letters, so that lengths and shapes are left; process numbers and ports have no fixed length.
func form(row string, numbers bool) string {
	return hexDigits.ReplaceAllStringFunc(row, func(s string) string {
		if strings.Trim(s, "0123456789") == "" && len(s) < 12 {
			if numbers {
				return "n"
			}
			return s
		}
		return strings.Repeat("x", len(s))
	})
}

// liveWorld runs one world from a copy of a data directory and returns the view of agency-a. busy has agency-b, and who runs the
// server, do a lot.
func liveWorld(t *testing.T, from string, busy bool) view {
	million := ""
	if os.Getenv("JURAT_SOAK") != "" {
		million = "INSERT INTO hashes (digest) SELECT sha256(convert_to('b m ' || i::text, 'UTF8')) FROM generate_series(1, 1000000) i"
	}
	dir := copyData(t, from)
	s := serveStill(t, stillConfig(t, dir), stillStart.Add(time.Minute))
	s.pass(1)
	a, super := s.connect("agency-a"), s.connect("super-s")
	var more []*stillConn
	for second := range 6 {
		a.must(fmt.Sprintf("INSERT INTO hashes (digest) SELECT sha256(convert_to('a %d ' || i::text, 'UTF8')) FROM generate_series(1, %d) i", second, 1+second*3))
		if busy {
			b := s.connect("agency-b")
			more = append(more, b)
			b.must(fmt.Sprintf("INSERT INTO hashes (digest) SELECT sha256(convert_to('b %d ' || i::text, 'UTF8')) FROM generate_series(1, 1500) i", second),
				"INSERT INTO hashes (digest) VALUES (sha256('the one'))", "INSERT INTO hashes (digest, lane) VALUES (sha256('seal'), 'seal')", "SELECT count(*) FROM proofs WHERE digest = sha256('x')",
				"SELECT receipt FROM hashes WHERE digest = sha256('the one')", "LISTEN mine", "NOTIFY mine, 'x'", "ALTER ROLE \"agency-b\" PASSWORD 'x'")
			if second == 2 && million != "" {
				b.must(million)
			}
			b.answer("SELECT * FROM jurat_index_status", "")
			super.must(fmt.Sprintf(`CREATE ROLE "late-%d" LOGIN IN ROLE auditor`, second), "SELECT count(*) FROM hashes", "ALTER ROLE \"agency-b\" SET statement_timeout = '1h'")
			super.must("SELECT set_ksi_key('agency-b')", fmt.Sprintf(`DROP ROLE "late-%d"`, second))
		}
		s.pass(1)
	}
	super.must("SELECT publish()")
	s.pass(1)
	digest := sha256.Sum256([]byte("the one"))
	v := view{}
	ask := func(question string) {
		rows, refused := a.answer(strings.ReplaceAll(question, "{digest}", fmt.Sprintf(`\x%x`, digest)), "")
		if refused != nil {
			rows = append(rows, fmt.Sprint(refused.Severity, refused.Code, refused.Message, refused.Detail, refused.Hint, refused.Position))
		}
		v[question] = rows
	}
	for _, rel := range s.relations(a) {
		ask("SELECT x::text FROM " + rel + " x")
	}
	for _, q := range worldQueries {
		ask(q)
	}
	for _, c := range more {
		c.must("SELECT 1")
	}
	s.stop()
	return v
}

// TestTwoWorlds has an agency do the same in two worlds, in one of which another agency does nothing and in the other files
// thousands of digests, with JURAT_SOAK a million, and much else. What the first can see is the same, but for worldDiffers.
func TestTwoWorlds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serveStill(t, stillConfig(t, dir), stillStart)
	super := s.connect("super-s")
	super.must(`CREATE ROLE "agency-b" LOGIN`, `CREATE ROLE "agency-a" LOGIN`, `CREATE ROLE other LOGIN`)
	s.connect("agency-b").must("SELECT create_lane('seal')")
	s.connect("agency-a").must("SELECT create_lane('seal')")
	s.pass(1)
	s.stop()
	quiet, busy := liveWorld(t, dir, false), liveWorld(t, dir, true)
	differ := map[string]bool{}
	for question, rows := range quiet {
		others := busy[question]
		if slices.Equal(rows, others) {
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(question, "SELECT x::text FROM "), " x")
		i := slices.IndexFunc(worldDiffers, func(d struct{ relation, why string }) bool { return d.relation == name })
		if i < 0 || len(rows) != len(others) {
			t.Errorf("%s:\nquiet %d rows %.2000q\nbusy  %d rows %.2000q", question, len(rows), rows, len(others), others)
			continue
		}
		differ[name] = true
		for k := range rows {
			numbers := strings.HasPrefix(name, "pg_catalog.")
			if x, y := form(rows[k], numbers), form(others[k], numbers); x != y {
				t.Errorf("%s has another form:\nquiet %q\nbusy  %q", name, x, y)
				break
			}
		}
	}
	for _, name := range []string{"rounds", "calendar", "publications", "proofs"} {
		if !differ[name] {
			t.Errorf("%s does not differ: the worlds are not two", name)
		}
	}
}
