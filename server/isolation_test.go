package server

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// isolationRoles are those of the matrix: two agencies, and one role of each other kind.
var isolationRoles = []string{"agency-a", "agency-b", "auditor-c", "operator-o", "super-s"}

// isolationCells are the statements of the matrix, under headings. {me} is the role, {other} an agency that is not the role.
var isolationCells = []struct {
	title      string
	statements []string
}{
	{"Reading tables", []string{
		"TABLE hashes", "TABLE proofs", "TABLE rounds", "TABLE calendar", "TABLE publications", "TABLE calendar_certificates", "TABLE landmarks",
		"TABLE duplicates", "TABLE late_filings",
		"TABLE agencies", "TABLE roles", "TABLE jurat_index_status", "SELECT FROM journal WHERE event = 'role'",
		"SELECT FROM journal WHERE event = 'ksi key'", "SELECT FROM journal WHERE event = 'clock'",
	}},
	{"Reading what is another agency's", []string{
		"SELECT FROM hashes WHERE agency = '{other}'", "SELECT FROM proofs WHERE agency = '{other}'",
		"SELECT FROM hashes WHERE digest = sha256('of {other}')", "SELECT FROM hashes WHERE digest IN (sha256('of {other}'), sha256('x'))",
		"SELECT signature FROM proofs WHERE digest = sha256('of {other}')", "SELECT proof FROM proofs WHERE receipt = '2026-11-22T01:15:31Z/{other}/main/0'",
		"SELECT FROM hashes WHERE receipt = '2026-11-22T01:15:31Z/{other}/main/0'", "SELECT FROM hashes h JOIN rounds r USING (round) WHERE h.agency = '{other}'",
		"SELECT FROM agencies WHERE agency = '{other}'", "SELECT FROM roles WHERE role = '{other}'",
		"SELECT FROM journal WHERE actor = '{other}' OR object = '{other}'", "SELECT FROM journal WHERE detail LIKE '%{other}%'",
		"SELECT FROM duplicates WHERE agency = '{other}'", "SELECT FROM duplicates WHERE digest = sha256(convert_to('1', 'UTF8'))",
		"SELECT FROM late_filings WHERE agency = '{other}'", "SELECT FROM rounds WHERE leaves > 2", "SELECT FROM rounds WHERE slots > 1",
	}},
	{"The same, of one's own", []string{
		"SELECT FROM hashes WHERE digest = sha256('of {me}')", "SELECT signature FROM proofs WHERE digest = sha256('of {me}')",
		"SELECT FROM hashes WHERE receipt = '2026-11-22T01:15:31Z/{me}/main/0'", "SELECT FROM roles WHERE role = '{me}'",
	}},
	{"Filing", []string{
		"INSERT INTO hashes (digest) VALUES (sha256('new of {me}'))", "INSERT INTO hashes (digest) VALUES (sha256('more of {me}')) RETURNING receipt",
		"INSERT INTO hashes (digest) VALUES (sha256('of {other}')) ON CONFLICT DO NOTHING RETURNING receipt",
		"INSERT INTO hashes (digest, agency) VALUES (sha256('as other'), '{other}')", "INSERT INTO hashes (digest, lane) VALUES (sha256('lane'), 'seal')",
		"INSERT INTO proofs (digest) VALUES (sha256('x'))", "INSERT INTO rounds (second) VALUES (1)", "INSERT INTO roles (role) VALUES ('{me}')",
		"INSERT INTO pg_authid (rolname) VALUES ('{me}')", "COPY hashes (digest) FROM STDIN", "COPY hashes TO STDOUT", "COPY proofs (digest) TO STDOUT",
		"COPY rounds TO STDOUT", "COPY journal TO STDOUT", "COPY jurat_index_status TO STDOUT", "COPY (SELECT * FROM hashes WHERE agency = '{other}') TO STDOUT",
	}},
	{"Changing what is filed", []string{
		"UPDATE hashes SET lane = 'x'", "DELETE FROM hashes", "TRUNCATE hashes", "DROP TABLE hashes", "ALTER TABLE hashes ADD COLUMN x int", "CREATE TABLE x (y int)",
		"DELETE FROM journal", "UPDATE roles SET superuser = true", "UPDATE pg_authid SET rolsuper = true",
	}},
	{"Roles", []string{
		"CREATE ROLE \"new-{me}\" LOGIN", "CREATE ROLE \"ops-{me}\" LOGIN IN ROLE operator", "CREATE ROLE \"aud-{me}\" LOGIN IN ROLE auditor",
		"CREATE ROLE \"sup-{me}\" LOGIN SUPERUSER", "CREATE ROLE \"{other}\" LOGIN", "ALTER ROLE \"{other}\" VALID UNTIL 'infinity'", "ALTER ROLE nobody VALID UNTIL 'infinity'",
		"ALTER ROLE \"{other}\" PASSWORD 'x'", "ALTER ROLE nobody PASSWORD 'x'", "ALTER ROLE \"{me}\" PASSWORD 'x'", "ALTER ROLE \"{me}\" CONNECTION LIMIT -1", "ALTER ROLE \"{me}\" SUPERUSER",
		"ALTER ROLE \"auditor-c\" VALID UNTIL 'infinity'", "ALTER ROLE \"operator-o\" VALID UNTIL 'infinity'", "ALTER ROLE \"super-s\" VALID UNTIL 'infinity'",
		"ALTER ROLE \"super-s\" PASSWORD 'x'", "ALTER ROLE \"{other}\" SET statement_timeout = 0", "ALTER ROLE \"{me}\" SET statement_timeout = 0",
		"GRANT agency TO \"{other}\"", "GRANT operator TO \"{other}\", nobody", "GRANT auditor TO \"auditor-c\"", "GRANT agency TO nobody", "GRANT agency TO \"spare-{me}\"",
		"GRANT auditor TO \"spare-{me}\"", "REVOKE auditor FROM \"spare-{me}\"", "GRANT operator TO \"spare-{me}\"", "REVOKE operator FROM \"operator-o\", nobody",
		"DROP ROLE \"auditor-c\", nobody", "DROP ROLE nobody", "DROP ROLE IF EXISTS nobody", "DROP ROLE \"{me}\"", "DROP ROLE \"spare-{me}\"",
		"SET ROLE \"{me}\"", "SET ROLE \"{other}\"", "SET ROLE nobody", "SET ROLE agency", "SET SESSION AUTHORIZATION \"{other}\"", "SET SESSION AUTHORIZATION \"super-s\"",
		"RESET ROLE", "SELECT set_config('role', '{me}', true)", "SELECT set_config('role', '{other}', true)", "SELECT set_config('session_authorization', 'super-s', false)",
	}},
	{"Lanes and keys of the KSI gateway", []string{
		"SELECT create_lane('seal')", "SELECT create_lane('none')", "SELECT set_ksi_key('{me}', 'a key of eight')", "SELECT set_ksi_key('{other}')", "SELECT set_ksi_key('{other}', NULL)",
		"SELECT set_ksi_key('super-s', 'a key of eight')", "SELECT set_ksi_key('auditor-c', 'a key of eight')", "SELECT set_ksi_key('nobody', 'a key of eight')",
	}},
	{"Publishing and the clock", []string{
		"SELECT publish()", "SELECT publish('2026-11-22T01:15:31Z')", "SELECT publish('2026-11-22T01:15:31Z', 'a newspaper')", "SELECT confirm_clock()", "SELECT pg_reload_conf()",
		"SELECT publications_file()", "SELECT publication_string('2026-11-22T01:15:31Z', sha256('x'))",
	}},
	{"Proofs of whoever shows one", []string{
		"SELECT extend(signature) FROM proofs WHERE digest = sha256('of {me}')", "SELECT extend(signature, '2026-11-22T01:15:31Z') FROM proofs WHERE digest = sha256('of {me}')",
		"SELECT FROM proofs p, verify(p.digest, p.signature) v WHERE p.digest = sha256('of {me}') AND v.verdict = 'OK'",
		"SELECT FROM proofs p, publications q, verify(p.digest, extend(p.signature), 'user-publication', q.publication_string) v WHERE p.digest = sha256('of {me}') AND q.publication_time = '2026-11-22T01:15:32Z' AND v.verdict = 'OK'",
		"SELECT (signature_links(signature)).* FROM proofs WHERE digest = sha256('of {me}') LIMIT 2",
	}},
	{"Landmarks and seals", []string{
		"SELECT landmarks_file()", "SELECT landmark_detail('2026-11-22T01:15:00Z')", "SELECT seal_path(sha256('of {me}'))", "SELECT seal_path(sha256('of {other}'))",
		"SELECT seal_path(sha256('nothing'))", "SELECT seal('{}', 'x')", "SELECT seal_leaf('{}', 'x')", "SELECT seal_status('x', 'y')", "SELECT seal_status_end()",
	}},
	{"Receipts, counter-receipts and transfers", []string{
		"SELECT receipt_json('2026-11-22T01:15:31Z/{me}/main/0')", "SELECT receipt_json('2026-11-22T01:15:31Z/{other}/main/0')", "SELECT receipt_json('2026-11-22T01:15:31Z/nobody/main/0')",
		"SELECT receipt_pdf('2026-11-22T01:15:31Z/{me}/main/0')", "SELECT receipt_pdf('2026-11-22T01:15:31Z/{other}/main/0')", "SELECT receipt_pdf('2026-11-22T01:15:31Z/{me}/main/0', 'JS1:')",
		"SELECT receipt_json(receipt) FROM hashes WHERE agency = '{other}' AND round = '2026-11-22T01:15:31Z'", "SELECT counter_leaf('2026-11-22T01:15:31Z/{other}/main/0', sha256('of {other}'))",
		"SELECT FROM hashes h JOIN hashes c ON c.digest = counter_leaf(h.receipt, h.digest, NULL, h.agency)",
		"SELECT FROM unanswered('main', '0 seconds') WHERE receipt LIKE '%/{me}/%'", "SELECT FROM unanswered('main', '0 seconds') WHERE receipt LIKE '%/{other}/%'",
		"SELECT FROM unanswered('main', '0 seconds', '{other}') WHERE counter_receipt IS NOT NULL", "SELECT FROM unanswered('none', '1 day')",
		"SELECT proof_digest(signature) FROM proofs WHERE digest = sha256('of {me}') AND round = '2026-11-22T01:15:31Z'", "SELECT proof_digest(signature) FROM proofs WHERE digest = sha256('of {other}') AND round = '2026-11-22T01:15:31Z'",
		"SELECT transfer_holder('{me}', '0123456789abcdef')", "SELECT transfer_leaf(sha256('a'), NULL, sha256('b'), sha256('c'), 'ledger.example', '{other}')",
	}},
	{"Audits, exports and backups", []string{
		"SELECT FROM audit_calendar('-infinity', 'infinity')", "SELECT FROM calendar_gaps('2026-11-22T01:15:28Z', '2026-11-22T01:15:34Z')",
		"SELECT FROM completeness('{me}', '-infinity', 'infinity')", "SELECT FROM completeness('{other}', '-infinity', 'infinity')", "SELECT FROM completeness('nobody', '-infinity', 'infinity')",
		"SELECT FROM consistency('2026-11-22T01:15:31Z', '2026-11-22T01:15:32Z')", "SELECT consistency_proof('2026-11-22T01:15:31Z', '2026-11-22T01:15:32Z')",
		"SELECT verify_consistency('x', 'y', '')", "SELECT FROM verify_journal('-infinity', 'infinity')",
		"SELECT bool_and(true) FROM export_bundle('{me}', NULL, NULL, false)", "SELECT bool_and(true) FROM export_bundle('{other}', NULL, NULL, false)", "SELECT bool_and(true) FROM export_bundle('nobody', NULL, NULL, false)",
		"SELECT bool_and(true) FROM backup(true, NULL)", "SELECT bool_and(true) FROM backup(NULL, NULL)", "SELECT bool_and(true) FROM backup(false, NULL)",
		"SELECT FROM backup(false, NULL) WHERE file LIKE 'keys/%.key'",
	}},
	{"Plans", []string{
		"EXPLAIN SELECT FROM hashes WHERE digest = sha256('of {other}')", "EXPLAIN ANALYZE SELECT FROM hashes WHERE agency = '{other}'", "EXPLAIN SELECT FROM jurat_index_status",
		"EXPLAIN INSERT INTO hashes (digest) VALUES (sha256('x'))",
	}},
	{"Sessions", []string{
		"LISTEN round_closed", "NOTIFY round_closed, 'x'", "NOTIFY mine, 'x'", "SELECT pg_notify('publication', 'x')", "SELECT pg_notification_queue_usage()", "SELECT FROM pg_listening_channels()",
		"UNLISTEN *", "BEGIN; INSERT INTO hashes (digest) VALUES (sha256('tx')); ROLLBACK", "DECLARE c CURSOR WITH HOLD FOR SELECT FROM hashes; FETCH ALL FROM c; CLOSE c",
		"PREPARE p AS SELECT FROM hashes WHERE agency = $1; EXECUTE p ('{other}'); DEALLOCATE p", "BEGIN READ ONLY; SELECT create_lane('main'); COMMIT",
		"SHOW ALL", "SELECT set_config('is_superuser', 'on', false)", "SET is_superuser = on", "DISCARD ALL",
	}},
	{"What the catalog tells of others", []string{
		"SELECT FROM pg_roles WHERE rolname = '{other}'", "SELECT FROM pg_roles WHERE rolname LIKE '%-%'", "SELECT FROM pg_authid WHERE rolname LIKE '%-%'", "SELECT FROM pg_user", "SELECT FROM pg_shadow",
		"SELECT FROM pg_auth_members", "SELECT unnest(grolist) FROM pg_group", "SELECT FROM pg_stat_activity", "SELECT FROM pg_stat_ssl", "SELECT FROM pg_stat_activity WHERE query <> ''",
		"SELECT FROM pg_db_role_setting", "SELECT FROM pg_hba_file_rules", "SELECT rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'",
		"SELECT '{other}'::regrole", "SELECT 'nobody'::regrole", "SELECT has_table_privilege('{other}', 'hashes', 'SELECT')", "SELECT pg_has_role('{other}', 'agency', 'MEMBER')",
		"SELECT 1 WHERE has_table_privilege('hashes', 'SELECT')", "SELECT 1 WHERE has_table_privilege('hashes', 'INSERT')", "SELECT 1 WHERE has_table_privilege('jurat_index_status', 'SELECT')",
		"SELECT 1 WHERE pg_database_size('jurat') IS NOT NULL", "SELECT 1 WHERE pg_total_relation_size('hashes') IS NOT NULL",
	}},
}

// isolationServer has filings of two agencies in three rounds, a password, a KSI key, a publication and a session of every role.
func isolationServer(t *testing.T) (s *stillServer, conns map[string]*stillConn) {
	s = serveStill(t, stillConfig(t, t.TempDir()), stillStart)
	super := s.connect("super-s")
	super.must(`CREATE ROLE "agency-a" LOGIN IN ROLE auditor`, `CREATE ROLE "agency-b" LOGIN IN ROLE auditor`, `REVOKE auditor FROM "agency-a", "agency-b"`, `CREATE ROLE "auditor-c" LOGIN IN ROLE auditor`, `CREATE ROLE "operator-o" LOGIN IN ROLE operator`,
		`ALTER ROLE "agency-b" SET statement_timeout = '1h'`, `ALTER ROLE "agency-b" PASSWORD 'secret'`, `SELECT set_ksi_key('agency-b')`)
	conns = map[string]*stillConn{"super-s": super}
	for _, role := range isolationRoles {
		super.must(`CREATE ROLE "spare-` + role + `" IN ROLE operator`)
		if conns[role] == nil {
			conns[role] = s.connect(role)
		}
	}
	filers := []string{"super-s", "agency-a", "agency-b"}
	for _, role := range filers {
		conns[role].must("SELECT create_lane('seal')") // it takes leaves from the next round on
	}
	s.pass(1)
	for i, role := range filers {
		conns[role].must(fmt.Sprintf("INSERT INTO hashes (digest) VALUES (sha256('of %s'))", role))
		for range i {
			conns[role].must("INSERT INTO hashes (digest) SELECT sha256(convert_to(i::text, 'UTF8')) FROM generate_series(1, 3) i")
		}
	}
	s.pass(1)
	conns["agency-b"].must("INSERT INTO hashes (digest) VALUES (sha256('late'))")
	s.pass(1)
	super.must("SELECT publish('2026-11-22T01:15:32Z')")
	return s, conns
}

// TestIsolation runs every kind of statement as every kind of role, and compares what each may with docs/isolation.md, which is
// made to be read by a human: -rewrite writes it anew.
func TestIsolation(t *testing.T) {
	s, conns := isolationServer(t)
	var page strings.Builder
	page.WriteString("# Who may do what\n\nWritten by `go test ./server -run TestIsolation -rewrite`. A number is how many rows a role gets, *ok* is success without rows,\n" +
		"anything else the SQLSTATE of the refusal; 42501 is \"permission denied\". *me* is the role, *other* an agency that is not the role.\n")
	for _, c := range isolationCells {
		fmt.Fprintf(&page, "\n## %s\n\n| statement | %s |\n|---|%s\n", c.title, strings.Join(isolationRoles, " | "), strings.Repeat("---|", len(isolationRoles)))
		for _, sql := range c.statements {
			fmt.Fprintf(&page, "| `%s` |", strings.NewReplacer("{me}", "me", "{other}", "other", "|", `\|`).Replace(sql))
			for _, role := range isolationRoles {
				other := "agency-b"
				if role == other {
					other = "agency-a"
				}
				rows, refused := conns[role].answer(strings.NewReplacer("{me}", role, "{other}", other).Replace(sql), strings.Repeat("\\\\x"+strings.Repeat("ab", 32)+"\n", 2))
				cell := "ok"
				if refused != nil {
					cell = refused.Code
					conns[role].must("ROLLBACK")
				} else if len(rows) > 0 || strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "TABLE") || strings.HasSuffix(sql, "TO STDOUT") {
					cell = fmt.Sprint(len(rows))
				}
				fmt.Fprintf(&page, " %s |", cell)
			}
			page.WriteString("\n")
		}
	}
	isolationCoverage(t, conns["super-s"])
	s.pass(1) // what the matrix filed has proofs
	isolationNames(t, s, conns["agency-a"])
	const path = "../docs/isolation.md"
	if *rewrite {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, got := strings.Split(string(golden), "\n"), strings.Split(page.String(), "\n")
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Fatalf("%s:%d is not true any more. If the change is meant, run with -rewrite and read the difference.\nwant %q\ngot  %q", path, i+1, want[min(i, len(want)-1)], got[min(i, len(got)-1)])
		}
	}
}

// isolationCoverage wants every table and function of the schema public in the matrix.
func isolationCoverage(t *testing.T, super *stillConn) {
	var all strings.Builder
	for _, c := range isolationCells {
		all.WriteString(strings.Join(c.statements, "\n") + "\n")
	}
	names, refused := super.answer("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace", "")
	if refused != nil || len(names) < 20 {
		t.Fatalf("%d names, %v", len(names), refused)
	}
	for _, n := range names {
		if n = strings.Trim(n, `[]"`); !strings.Contains(all.String(), n) {
			t.Errorf("%s is not in the matrix", n)
		}
	}
}

// isolationNames reads every relation there is as an agency: none names another role. The journal names who changed the agency's own
// role, and no more.
func isolationNames(t *testing.T, s *stillServer, agency *stillConn) {
	n := 0
	for _, rel := range s.relations(agency) {
		rows, refused := agency.answer("SELECT x::text FROM "+rel+" x", "")
		if refused != nil && refused.Code != "42501" {
			t.Errorf("%s: %v", rel, refused)
		}
		n += len(rows)
		for _, name := range isolationRoles[1:] {
			if rel == "journal" && (name == "super-s" || name == "operator-o") {
				continue
			}
			if i := slices.IndexFunc(rows, func(row string) bool { return strings.Contains(row, name) && !strings.Contains(row, ",denied,") }); i >= 0 { // what it asked for itself
				t.Errorf("%s tells an agency of %s: %s", rel, name, rows[i])
			}
		}
	}
	if n < 1000 {
		t.Errorf("%d rows only", n)
	}
}

// relations returns the names of all relations, with their schemas.
func (s *stillServer) relations(c *stillConn) (list []string) {
	rows, refused := c.answer("SELECT CASE relnamespace::regnamespace::text WHEN 'public' THEN relname ELSE relnamespace::regnamespace::text || '.' || relname END FROM pg_class WHERE relkind IN ('r', 'v') ORDER BY 1", "")
	if refused != nil || len(rows) < 100 {
		s.t.Fatalf("%d relations, %v", len(rows), refused)
	}
	for _, r := range rows {
		list = append(list, strings.Trim(r, `[]"`))
	}
	return list
}
