package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

func hashOf(text string) merkle.Digest { return sha256.Sum256([]byte(text)) }

// TestTransfer passes a document on over two servers and back, forks it, and demands every proof in the end as it was given.
func TestTransfer(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	a, b := startServer(t, t.TempDir(), "--server-name", "a.example"), startServer(t, t.TempDir(), "--server-name", "b.example")
	a.psql("CREATE ROLE ministry LOGIN; CREATE ROLE works LOGIN")
	b.psql("CREATE ROLE vault LOGIN; CREATE ROLE thief LOGIN")
	d := &desk{t, t.TempDir()}
	document := d.write("diploma.pdf", "the diploma of Marie Dupont")
	d.expect(0, "", "sign", document, "--server", a.urlAs("ministry"))
	keys := d.write("keys.crt", certificateText(t, a)+certificateText(t, b))
	pass := func(code int, want string, s *serverProcess, role, to, vault string, args ...string) {
		t.Helper()
		d.expect(code, want, append([]string{"transfer", "--to", to, "--vault", vault, "--server", s.urlAs(role), "--certificate", keys}, args...)...)
	}
	pass(0, "1 transfer.", a, "ministry", "Marie Dupont", "b.example/vault", "--proof", document+signatureSuffix, "--out", d.path("1.bundle"))
	pass(3, "the document is with vault at b.example, who alone may pass it on; this is thief at b.example", b, "thief", "Thief", "b.example/thief", "--bundle", d.path("1.bundle"), "--out", d.path("x.bundle"))
	pass(3, "want the server's name and the agency", b, "vault", "Works Ltd", "works", "--bundle", d.path("1.bundle"), "--out", d.path("x.bundle"))
	pass(0, "2 transfers", b, "vault", "Works Ltd", "a.example/works", "--bundle", d.path("1.bundle"), "--out", d.path("2.bundle"))
	pass(0, "3 transfers", a, "works", "Marie Dupont", "b.example/vault", "--bundle", d.path("2.bundle"), "--out", d.path("3.bundle"))
	check := func(code int, want, bundle string) {
		t.Helper()
		d.expect(code, want, "verify-bundle", d.path(bundle), "--document", document, "--certificate", keys)
	}
	check(0, "OK: the chain is unbroken over 3 transfers; Marie Dupont holds the document, kept by vault at b.example.", "3.bundle")
	chainAsJSON(t, a, d, document, keys)
	d.expect(2, "something is missing", "verify-bundle", d.path("3.bundle"), "--certificate", filepath.Join(a.dir, "keys", "calendar.crt"))
	d.expect(1, "false proof: The document's proof does not hold", "verify-bundle", d.path("3.bundle"), "--document", keys, "--certificate", keys)

	// What the servers give is what the bundles hold, whichever way they went.
	for _, c := range []struct {
		s     *serverProcess
		agent string
	}{{a, "ministry"}, {b, "vault"}, {a, "works"}} {
		for _, line := range strings.Fields(c.s.psql("SELECT receipt || '|' || encode(signature, 'hex') FROM proofs WHERE agency = '"+c.agent+"'", "-At")) {
			name, signature, _ := strings.Cut(line, "|")
			if got := d.expect(0, "", "extract", "--receipt", name, d.path("3.bundle")).stdout; signature != hexOf(got) {
				t.Errorf("%s: another proof than the server's", name)
			}
		}
	}
	if !bytes.Equal(d.read("diploma.pdf.ksig"), proofOf(t, d.read("3.bundle"))) {
		t.Error("the document's proof has changed on the way")
	}
	d.expect(3, "holds no proof of", "extract", "--receipt", "2026-11-22T01:15:30Z/canton/main/42", d.path("3.bundle"))

	// The vault passes the document on twice: each chain is right, until they are seen together.
	pass(0, "2 transfers", b, "vault", "Other Ltd", "a.example/works", "--bundle", d.path("1.bundle"), "--out", d.path("fork.bundle"))
	check(0, "OK", "fork.bundle")
	d.expect(0, "4 transfers", "transfer", "--bundle", d.path("3.bundle"), "--merge", d.path("fork.bundle"), "--out", d.path("merged.bundle"))
	check(1, "fork: Marie Dupont passed the document on 2 times: to Works Ltd at", "merged.bundle")
	pass(1, "fork:", b, "vault", "X", "b.example/vault", "--bundle", d.path("merged.bundle"), "--out", d.path("x.bundle"))

	d.expect(0, "3 transfers", "transfer", "--bundle", d.path("3.bundle"), "--hide", "Works Ltd", "--out", d.path("hidden.bundle"))
	check(0, "from Marie Dupont to somebody not named (", "hidden.bundle")
	d.write("cut.bundle", string(d.read("3.bundle")[:3000]))
	check(1, "FAIL: ", "cut.bundle")
	if _, err := os.Stat(d.path("x.bundle")); !os.IsNotExist(err) {
		t.Errorf("a refused transfer is written: %v", err)
	}
	d.expect(0, "Wrote", "export", "--agency", "ministry", "--to", d.path("agency.bundle"), "--server", a.urlAs("ministry"))
	check(3, "is the bundle of an agency", "agency.bundle")
	d.expect(0, "Which document that is was not checked", "verify-bundle", d.path("3.bundle"), "--certificate", keys)
	d.expect(0, "The key is trusted because of "+keys, "verify-bundle", d.path("3.bundle"), "--certificate", keys)
	root := filepath.Join(a.dir, "keys", "root.crt")
	d.expect(2, "Known here: ", "verify-bundle", d.path("agency.bundle"), "--certificate", root)
	d.expect(2, root, "verify-bundle", d.path("agency.bundle"), "--certificate", root)
	transferInSQL(t, a, d)
	a.stop()
	b.stop()
}

// chainAsJSON has verify-bundle print what it finds for programs.
func chainAsJSON(t *testing.T, a *serverProcess, d *desk, document, keys string) {
	t.Helper()
	for _, c := range []struct {
		code, steps, faults int
		verdict, holder     string
		args                []string
	}{
		{0, 4, 0, "OK", "Marie Dupont", []string{d.path("3.bundle"), "--document", document, "--certificate", keys}},
		{2, 4, 0, "NA", "Marie Dupont", []string{d.path("3.bundle"), "--certificate", filepath.Join(a.dir, "keys", "calendar.crt")}},
		{1, 4, 1, "FAIL", "", []string{d.path("3.bundle"), "--document", keys, "--certificate", keys}},
		{1, 0, 0, "FAIL", "", []string{d.write("short.bundle", transfer.Magic)}},
	} {
		var r chainReport
		if err := json.Unmarshal([]byte(d.expect(c.code, "{", append([]string{"verify-bundle", "--json"}, c.args...)...).stdout), &r); err != nil {
			t.Fatal(err)
		}
		if r.Verdict != c.verdict || len(r.Steps) != c.steps || len(r.Faults) != c.faults || r.Holder != c.holder || c.steps > 0 && r.Steps[1].From.Name != "ministry" {
			t.Errorf("%q: %+v", c.args, r)
		}
	}
}

// transferInSQL computes the leaf of the first transfer in SQL.
func transferInSQL(t *testing.T, s *serverProcess, d *desk) {
	t.Helper()
	bundle, err := transfer.Parse(d.read("1.bundle"))
	if err != nil {
		t.Fatal(err)
	}
	first := &bundle.Transfers[0]
	leaf := first.Leaf()
	holder := func(h *transfer.Holder) string {
		return "transfer_holder('" + h.Name + "', '\\x" + hexOf(string(h.Salt[:])) + "')"
	}
	got := strings.TrimSpace(s.psql("SELECT transfer_leaf(proof_digest('\\x"+hexOf(string(bundle.Proof.Append(nil)))+"'), NULL, "+holder(&first.From)+", "+holder(&first.To)+
		", 'b.example', 'vault')", "-At"))
	if got != "\\x"+leaf.String() {
		t.Errorf("in SQL the leaf is %s, filed was %s", got, leaf)
	}
}

func proofOf(t *testing.T, data []byte) []byte {
	t.Helper()
	b, err := transfer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return b.Proof.Append(nil)
}

func certificateText(t *testing.T, s *serverProcess) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "keys", "calendar.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func hexOf(text string) string { return hex.EncodeToString([]byte(text)) }
