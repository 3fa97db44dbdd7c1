package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
)

// gatewayAddress returns an address of the gateway from the line of the log that says ready: "gateway" or "gateway_tcp".
func (s *serverProcess) gatewayAddress(which string) string {
	s.t.Helper()
	m := regexp.MustCompile(` ` + which + `=(\S+)`).FindStringSubmatch(s.logged())
	if m == nil {
		s.t.Fatalf("no %s in the log:\n%s", which, s.logged())
	}
	return m[1]
}

// An account is somebody with a home directory of their own, in which commands of the program run.
type account struct {
	t    *testing.T
	home string
}

func newAccount(t *testing.T) *account { return &account{t: t, home: t.TempDir()} }

// expect runs the program, demands an exit code and words in what it prints, and returns that.
func (a *account) expect(code int, words []string, args ...string) string {
	a.t.Helper()
	r := run(a.t, a.home, args...)
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			a.t.Errorf("jurat %s does not say %q:\n%s%s", strings.Join(args, " "), w, r.stdout, r.stderr)
		}
	}
	if r.code != code {
		a.t.Errorf("jurat %s ended with %d, want %d:\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
	}
	return r.stdout
}

func (a *account) file(name, text string) string {
	a.t.Helper()
	path := filepath.Join(a.home, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *account) read(path string) []byte {
	a.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	return data
}

// waitClosed files something after and waits for its proof: all that was filed before is in closed rounds then.
func (s *serverProcess) waitClosed(conn *pgx.Conn, i int) {
	s.t.Helper()
	var signature []byte
	err := conn.QueryRow(context.Background(), `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(90, i)).Scan(&signature)
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestPublications goes the way of a proof from the calendar key to a publication on paper.
func TestPublications(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "--server-name", "ledger.example", "--email", "gazette@ledger.example",
		"--gateway-listen", "127.0.0.1:0", "--gateway-tcp-listen", "127.0.0.1:0")
	conn, a := s.connect(), newAccount(t)
	letter := a.file("letter.pdf", "Dear Sir or Madam")
	proof, root, crt := letter+".ksig", filepath.Join(s.dir, "keys", "root.crt"), filepath.Join(s.dir, "keys", "calendar.crt")
	a.expect(0, nil, "sign", "--server", s.url(), letter)
	fresh := a.read(proof)
	a.expect(3, []string{"no publication"}, "extend", "--server", s.url(), proof)
	s.waitClosed(conn, 0)

	pdf, txt, file := filepath.Join(a.home, "sheet.pdf"), filepath.Join(a.home, "sheet.txt"), filepath.Join(a.home, "publications.bin")
	a.expect(3, []string{"a sheet is a .pdf or a .txt file"}, "publish", "--server", s.url(), "--sheet", "sheet.doc")
	a.expect(3, []string{"not closed yet"}, "publish", "--server", s.url(), "--at", "2999-01-01")
	out := a.expect(0, []string{"Wrote the sheet"}, "publish", "--server", s.url(), "--sheet", pdf)
	second, publication, _ := strings.Cut(strings.TrimSpace(out), "  ")
	a.expect(0, []string{publication}, "publish", "--server", s.url(), "--at", second, "--reference", "Feuille officielle, 2026-11-27",
		"--sheet", txt, "--publications-file", file)
	if text := string(a.read(txt)); !strings.Contains(text, "Feuille officielle") || !strings.Contains(text, "ledger.example") ||
		!strings.Contains(strings.ReplaceAll(text, "\n    ", "-"), publication) || !bytes.HasPrefix(a.read(pdf), []byte("%PDF-")) {
		t.Errorf("sheet:\n%s", text)
	}
	a.expect(0, []string{publication, "Feuille officielle", "1 certificates"}, "inspect", file)

	// The proof as it was signed.
	trust := []string{"--publications-file", file, "--trust", root, "--constraint", "E=gazette@ledger.example"}
	with := func(more ...string) []string { return append([]string{"verify", letter}, more...) }
	a.expect(0, []string{"calendar key of CN=ledger.example", "trusted because of " + a.home}, with(trust...)...)
	a.expect(2, []string{"not been extended"}, with("--publication", publication)...)

	testThreeWays(t, s, a, conn, proof, publication, trust)

	// The extended proof, for somebody who trusts nothing but the string or the root.
	stranger := newAccount(t)
	a.expect(0, []string{"extended from"}, "extend", "--server", s.url(), proof)
	stranger.expect(0, []string{"OK", "publication of " + second, "Filed by jurat (ledger.example/main)",
		`The proof says, unchecked, that the publication can be looked up in: "Feuille officielle`}, with("--publication", strings.ToLower(publication))...)
	stranger.expect(0, []string{"OK", `The publication can be looked up in: "Feuille officielle`}, with(trust...)...)
	// Who passes the proof on can change what it says of that.
	tale := stranger.file("tale.ksig", strings.Replace(string(a.read(proof)), "Feuille", "Gazette", 1))
	stranger.expect(0, []string{"OK", `The publication can be looked up in: "Feuille officielle`}, append([]string{"verify", letter, tale}, trust...)...)
	stranger.expect(0, []string{`"claimed_references"`, "Gazette officielle"}, "verify", letter, tale, "--publication", publication, "--json")
	stranger.expect(0, []string{`"policy": "publications-file"`, `"publication_time"`}, append(with(trust...), "--json")...)
	stranger.expect(2, []string{"rests on a publication"}, with()...)
	stranger.expect(2, []string{"does not meet the constraint"}, with("--publications-file", file, "--trust", root, "--constraint", "E=other@ledger.example")...)
	stranger.expect(2, []string{"not trusted"}, with("--publications-file", file, "--trust", crt, "--constraint", "E=gazette@ledger.example")...)
	forged := stranger.file("forged.bin", strings.Replace(string(a.read(file)), "Feuille", "Gazette", 1))
	tampered := []string{"--publications-file", forged, "--trust", root, "--constraint", "E=gazette@ledger.example"}
	stranger.expect(2, []string{"changed after it was signed"}, with(tampered...)...)
	a.expect(0, []string{"OK", "forged.bin was left out", "changed after it was signed"},
		append([]string{"verify", letter, a.file("fresh.ksig", string(fresh))}, tampered...)...)
	stranger.expect(3, []string{"say who may have signed it"}, with("--publications-file", file)...)
	last := "A"
	if strings.HasSuffix(publication, last) {
		last = "B"
	}
	stranger.expect(3, []string{"checksum"}, with("--publication", publication[:len(publication)-1]+last)...)
	stranger.expect(1, []string{"FAIL GEN-01"}, append([]string{"verify", stranger.file("other", "x"), proof}, trust...)...)

	testProofsInSQL(t, conn, fresh, a.read(proof), publication)
	s.stop()
	a.expect(0, []string{"1 publications"}, "fsck", "--data", s.dir)
	s = startServer(t, s.dir)
	var again string
	if err := s.connect().QueryRow(t.Context(), `SELECT publication_string FROM publications`).Scan(&again); err != nil || again != publication {
		t.Errorf("after a restart: %q, %v", again, err)
	}
	s.stop()
}

// testThreeWays extends a proof over SQL, over the KSI gateway and out of a file: the results are the same to the byte.
func testThreeWays(t *testing.T, s *serverProcess, a *account, conn *pgx.Conn, proof, publication string, trust []string) {
	t.Helper()
	key := strings.TrimSpace(a.expect(0, nil, "role", "ksi-key", "jurat", "--server", s.url()))
	a.expect(0, []string{"jurat  superuser  yes    no        yes"}, "role", "list", "--server", s.url())
	rows, err := conn.Query(t.Context(), `SELECT second || ',' || leaf::text FROM calendar WHERE NOT idle`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	calendar := a.file("calendar.csv", "second,leaf\n"+strings.Join(lines, "\n")+"\n")
	urls := []string{"http://jurat:" + key + "@" + s.gatewayAddress("gateway"), "ksi+tcp://jurat:" + key + "@" + s.gatewayAddress("gateway_tcp")}
	for i, way := range [][]string{
		{"--server", s.url()},
		append([]string{"--extender", urls[0]}, trust...),
		append([]string{"--extender", urls[1]}, trust...),
		append([]string{"--calendar", calendar}, trust...),
	} {
		out := filepath.Join(a.home, fmt.Sprintf("way%d.ksig", i))
		a.expect(0, nil, append([]string{"extend", proof, "--out", out}, way...)...)
		if first := a.read(filepath.Join(a.home, "way0.ksig")); !bytes.Equal(a.read(out), first) {
			t.Errorf("extended by %v: other bytes", way)
		}
	}
	letter := strings.TrimSuffix(proof, signatureSuffix)
	for _, url := range urls {
		a.expect(0, []string{"calendar that the extender showed"}, "verify", letter, proof, "--policy", "calendar-based", "--extender", url)
		a.expect(0, []string{"publication of"}, "verify", letter, proof, "--publication", publication, "--extender", url)
		a.expect(2, []string{"authentication"}, "verify", letter, proof, "--policy", "calendar-based", "--extender", strings.Replace(url, key, "wrong-key", 1))
	}
	// Without a key in the address, with seconds missing, of another calendar.
	a.expect(3, []string{"login id and an HMAC key"}, "verify", letter, proof, "--extender", "http://"+s.gatewayAddress("gateway"))
	a.expect(3, []string{"does " + calendar}, append([]string{"extend", proof, "--calendar", a.file("calendar.csv", "")}, trust...)...)
	a.expect(3, []string{"line 1"}, append([]string{"extend", proof, "--calendar", a.file("calendar.csv", "1,\\x00\n")}, trust...)...)
	a.expect(3, []string{"which publication"}, "extend", proof, "--calendar", calendar)
	a.expect(3, []string{"three ways"}, "extend", proof, "--calendar", calendar, "--server", s.url())

	// The server is held to a publication that the caller knows, if one is given.
	checked := filepath.Join(a.home, "checked.ksig")
	a.expect(0, []string{publication}, "extend", proof, "--server", s.url(), "--publication", publication, "--out", checked)
	a.expect(0, nil, append([]string{"extend", proof, "--server", s.url(), "--out", checked}, trust...)...)
	p, err := ksi.ParsePublication(publication)
	if err != nil {
		t.Fatal(err)
	}
	p.Root = merkle.Digest{1}.Imprint()
	a.expect(3, []string{"leads to another root"}, "extend", proof, "--server", s.url(), "--publication", p.String())
}

// testProofsInSQL asks the server itself about proofs.
func testProofsInSQL(t *testing.T, conn *pgx.Conn, fresh, extended []byte, publication string) {
	t.Helper()
	ctx := t.Context()
	s, err := ksi.Parse(fresh)
	if err != nil {
		t.Fatal(err)
	}
	input := s.InputImprint()
	flipped := bytes.Clone(input.Digest())
	flipped[0] ^= 1
	for _, c := range []struct {
		digest, signature []byte
		args, want        string
	}{
		{input.Digest(), fresh, "", "OK  jurat main"},
		{input.Digest(), extended, "", "OK  jurat main"},
		{input.Digest(), fresh, ", 'key-based'", "OK  jurat main"},
		{input.Digest(), fresh, ", 'calendar-based'", "OK  jurat main"},
		{input.Digest(), extended, ", 'user-publication', '" + publication + "'", "OK  jurat main"},
		{input.Digest(), extended, ", 'key-based'", "NA GEN-02 jurat main"},
		{flipped, fresh, "", "FAIL GEN-01 jurat main"},
		{flipped[1:], fresh, "", "FAIL GEN-04 jurat main"},
		{input.Digest(), fresh[:100], "", "FAIL FORMAT  "},
	} {
		var got string
		err := conn.QueryRow(ctx, `SELECT concat_ws(' ', verdict, coalesce(code, ''), coalesce(agency, ''), coalesce(lane, '')) FROM verify($1, $2`+c.args+`)`,
			c.digest, c.signature).Scan(&got)
		if err != nil || got != c.want {
			t.Errorf("verify%s of %d bytes: %q, %v, want %q", c.args, len(c.signature), got, err, c.want)
		}
	}
	var all, good, links int
	err = conn.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE v.verdict = 'OK') FROM proofs AS p, verify(p.digest, p.signature) AS v`).Scan(&all, &good)
	if err != nil || all < 2 || good != all {
		t.Errorf("%d of %d proofs verify, %v", good, all, err)
	}
	// The last link of each part leads to the roots that the ledger shows.
	err = conn.QueryRow(ctx, `SELECT count(*) FROM signature_links($1) AS l JOIN calendar AS c ON l.hash IN (c.leaf, c.root) AND c.round = $2`,
		fresh, s.Time().Time()).Scan(&links)
	if err != nil || links != 2 {
		t.Errorf("%d links lead to the roots of the round, %v", links, err)
	}
	if _, err := conn.Exec(ctx, `SET jurat.proof = 'published'`); err != nil {
		t.Fatal(err)
	}
	var published []byte
	if err := conn.QueryRow(ctx, `SELECT signature FROM proofs WHERE digest = $1`, input.Digest()).Scan(&published); err != nil || !bytes.Equal(published, extended) {
		t.Errorf("published proof: %v, the same %v", err, bytes.Equal(published, extended))
	}
	err = conn.QueryRow(ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING signature`, testDigest(91, 0)).Scan(&published)
	if err != nil {
		t.Error(err)
	}
	var e *pgconn.PgError
	err = conn.QueryRow(ctx, `SELECT signature FROM proofs WHERE digest = $1`, testDigest(91, 0)).Scan(&published)
	if !errors.As(err, &e) || e.Code != "55000" || !strings.Contains(e.Hint, "publish()") {
		t.Errorf("published proof of a moment ago: %v", err)
	}
}

// TestGateway has a KSI client sign with the real server.
func TestGateway(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir(), "--gateway-listen", "127.0.0.1:0", "--gateway-tcp-listen", "127.0.0.1:0", "--gateway-requests", "20")
	a := newAccount(t)
	a.expect(0, nil, "role", "create", "canton", "--no-password", "--server", s.url())
	a.expect(3, []string{"already exists"}, "role", "create", "canton", "--no-password", "--server", s.url())
	key := strings.TrimSpace(a.expect(0, nil, "role", "ksi-key", "canton", "--server", s.url()))
	a.expect(0, []string{"canton  agency     yes    no        yes"}, "role", "list", "--server", s.url())
	a.expect(3, []string{"permission denied"}, "role", "ksi-key", "canton", "--server", s.urlAs("canton"))
	for i, url := range []string{"http://canton:" + key + "@" + s.gatewayAddress("gateway"), "ksi+tcp://canton:" + key + "@" + s.gatewayAddress("gateway_tcp")} {
		c, err := client.New(client.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for level := range 3 {
			im, err := merkle.NewImprint(merkle.SHA256, testDigest(80+i, level))
			if err != nil {
				t.Fatal(err)
			}
			signature, err := c.Sign(t.Context(), im, merkle.Level(16*level))
			if err != nil {
				t.Fatalf("level %d by %s: %v", 16*level, url, err)
			}
			r := ksi.Verify(t.Context(), signature, ksi.Options{Policy: ksi.General, Document: &im, InputLevel: merkle.Level(16 * level), Certificates: s.certificates()})
			if issuers := signature.Issuers(); r.Verdict != ksi.OK || len(issuers) != 1 || issuers[0].Client != "canton" || issuers[0].Machine != "jurat/ksi" {
				t.Errorf("level %d by %s: %v, %v", 16*level, url, r, issuers)
			}
		}
	}
	var filed int
	if err := s.connect().QueryRow(t.Context(), `SELECT count(*) FROM hashes WHERE agency = 'canton' AND lane = 'ksi'`).Scan(&filed); err != nil || filed != 6 {
		t.Errorf("%d hashes in the lane ksi, %v", filed, err)
	}
	a.expect(0, nil, "role", "ksi-key", "canton", "--remove", "--server", s.url())
	c, err := client.New(client.Config{URL: "http://canton:" + key + "@" + s.gatewayAddress("gateway")})
	if err != nil {
		t.Fatal(err)
	}
	im, err := merkle.NewImprint(merkle.SHA256, testDigest(80, 9))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sign(t.Context(), im, 0); err == nil {
		t.Error("a key that was taken away is accepted")
	}
	s.stop()
}
