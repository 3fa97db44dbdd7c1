package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// TestReceiptPages runs the blocks of docs/receipt.md and docs/transfer.md as they stand, but for the port.
func TestReceiptPages(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	_, port, _ := strings.Cut(s.address, ":")
	for page, want := range map[string]string{"../../docs/receipt.md": "accepted", "../../docs/transfer.md": "OK: the chain is unbroken over 2 transfers; Works Ltd holds the document"} {
		dir, all := t.TempDir(), ""
		for _, b := range codeBlocks(t, page) {
			commands := strings.NewReplacer("-p 5433", "-p "+port, "127.0.0.1:5433", s.address).Replace(b.text)
			if b.language == "sql" {
				said := s.psql(commands, "-v", "ON_ERROR_STOP=1")
				if all += said; strings.Contains(said, "INSERT 0 0") {
					t.Errorf("%s\nfiles nothing", commands)
				}
				continue
			}
			out, err := shell(t, dir, s, commands)
			if err != nil {
				t.Errorf("%s\nends with %v:\n%s", commands, err, out)
			}
			all += string(out)
		}
		if !strings.Contains(all, want) {
			t.Errorf("%s prints\n%s", page, all)
		}
	}
	s.stop()
}

// A desk runs the program for a test, in a directory of its own.
type desk struct {
	t   *testing.T
	dir string
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// expect runs the program and demands an exit code and words in what it prints.
func (d *desk) expect(code int, want string, args ...string) result {
	d.t.Helper()
	r := run(d.t, d.dir, args...)
	if r.code != code || !strings.Contains(r.stdout+r.stderr, want) {
		d.t.Fatalf("jurat %s\nends with %d:\n%s%s, want %d and %q", strings.Join(args, " "), r.code, r.stdout, r.stderr, code, want)
	}
	return r
}

func (d *desk) read(name string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

func (d *desk) write(name, text string) string {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return d.path(name)
}

// TestReceipts has a submission answered by an agency that sees nothing of the submitter's but what he hands over.
func TestReceipts(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	d := &desk{t, t.TempDir()}
	s.psql("CREATE ROLE clerk LOGIN; CREATE ROLE tax LOGIN; CREATE ROLE a LOGIN IN ROLE auditor")
	as := func(role string, args ...string) []string { return append(args, "--server", s.urlAs(role)) }
	sql := func(role, query string) string { return strings.TrimSpace(s.psql(query, "-At", "-U", role)) }
	form := d.write("return.pdf", "a tax return")
	signed := d.expect(0, "receipt ", as("clerk", "sign", form)...)
	name := strings.Fields(strings.SplitAfter(signed.stdout, "receipt ")[1])[0]

	d.expect(3, "is a .pdf, .json or .txt file", as("clerk", "receipt", name, "--out", d.path("x.doc"))...)
	d.expect(3, "--seal wants the text of a seal", as("clerk", "receipt", name, "--seal", "--out", d.path("x.pdf"))...)
	d.expect(3, "Give a receipt", as("clerk", "receipt", "nothing")...)
	d.expect(3, "no filing has the receipt", as("tax", "receipt", name)...)
	d.expect(0, "OK", as("clerk", "receipt", name, "--document", form, "--out", d.path("first.json"))...)
	d.expect(1, "FAIL GEN-01", as("clerk", "receipt", name, "--document", d.write("other.pdf", "another"), "--out", d.path("false.pdf"))...)
	if _, err := os.Stat(d.path("false.pdf")); !os.IsNotExist(err) {
		t.Errorf("a receipt that does not hold is written: %v", err)
	}
	if n := sql("clerk", "SELECT count(*) FROM unanswered('main', '0 seconds', 'tax')"); n != "1" {
		t.Errorf("%s filings without an answer", n)
	}
	if got := sql("tax", "SELECT counter_leaf('"+name+"', sha256('a tax return')) = counter_leaf('"+name+"', sha256('a tax return'), NULL, 'tax')"); got != "t" {
		t.Errorf("the agency of a counter-receipt is not the role: %s", got)
	}

	said := d.expect(0, "OK", as("tax", "counter-receipt", d.path("first.json"), "--status", "accepted", "--out", d.path("both.json"))...)
	if n := strings.Count(said.stderr, ": OK"); n != 3 {
		t.Errorf("of three proofs %d are said to hold:\n%s", n, said.stderr)
	}
	d.expect(0, "OK", as("tax", "counter-receipt", d.path("first.json"), "--status", "accepted", "--out", d.path("again.json"))...)
	if !bytes.Equal(d.read("both.json"), d.read("again.json")) {
		t.Error("answered twice, it is another answer")
	}
	d.expect(0, "OK", as("clerk", "receipt", name, "--answered", d.path("both.json"), "--out", d.path("page.pdf"))...)
	d.expect(0, "OK", as("clerk", "receipt", d.path("both.json"), "--out", d.path("same.pdf"), "--certificate", filepath.Join(s.dir, "keys", "calendar.crt"))...)
	if page := d.read("page.pdf"); !bytes.HasPrefix(page, []byte("%PDF-")) || !bytes.Equal(page, d.read("same.pdf")) || bytes.Count(page, []byte("/Type /Page\n")) != 1 {
		t.Errorf("a page of %d bytes, with %d pages", len(page), bytes.Count(page, []byte("/Type /Page\n")))
	}
	stranger := &desk{t, t.TempDir()}
	stranger.expect(2, "No calendar certificate", "receipt", d.path("both.json"))
	shown := d.expect(0, "tax: accepted", as("clerk", "receipt", d.path("both.json"))...)
	code := strings.TrimSpace(shown.stdout[strings.Index(shown.stdout, receipt.Prefix):])
	d.expect(0, "nobody yet", as("clerk", "receipt", code)...)
	d.expect(0, "tax: accepted", as("a", "receipt", code)...)
	d.expect(3, "has another hash", as("clerk", "receipt", reference(t, code))...)

	ownAnswers(t, sql, name)
	if got := sql("a", "SELECT string_agg(coalesce(value->>'status', '-'), ',') FROM jsonb_array_elements(receipt_json('"+name+"')->'counter_receipts')"); got != "-,accepted" {
		t.Errorf("an auditor sees the answers %s", got)
	}
	if got := sql("clerk", "SELECT convert_from(substr(receipt_pdf('"+name+"'), 1, 5), 'UTF8')"); got != "%PDF-" {
		t.Errorf("receipt_pdf gives %s", got)
	}
	s.stop()
}

// ownAnswers has the submitter file the hash of the answer too: he sees so in SQL that he has it.
func ownAnswers(t *testing.T, sql func(role, query string) string, name string) {
	t.Helper()
	leaf := "counter_leaf('" + name + "', sha256('a tax return'), NULL, 'tax')"
	sql("clerk", "INSERT INTO hashes (digest, lane) VALUES ("+leaf+", 'status')")
	late := sql("clerk", "SELECT counter_receipt LIKE '%/clerk/status/0', answered > due FROM unanswered('main', '0 seconds', 'tax')")
	if in := sql("clerk", "SELECT count(*) FROM unanswered('main', '1 hour', 'tax')"); late != "t|t" || in != "0" {
		t.Errorf("an answer that is late: %s; within an hour %s are missing", late, in)
	}
	// He may file what another agency would answer. An auditor, who sees both, does not take it for that.
	sql("clerk", "INSERT INTO hashes (digest, lane) VALUES ("+strings.Replace(leaf, "'tax'", "'jurat'", 1)+", 'status')")
	for role, want := range map[string]string{"clerk": "t", "a": "f"} {
		if got := sql(role, "SELECT counter_receipt IS NOT NULL FROM unanswered('main', '0 seconds', 'jurat') WHERE receipt = '"+name+"'"); got != want {
			t.Errorf("%s finds an answer by an agency that gave none: %s", role, got)
		}
	}
	if got := sql("clerk", "SELECT jsonb_array_length(receipt_json('"+name+"')->'counter_receipts')"); got != "0" {
		t.Errorf("the submitter's own hash passes for %s answers", got)
	}
}

// reference returns the text of a code with another hash.
func reference(t *testing.T, code string) string {
	t.Helper()
	r, err := receipt.ParseReference(code)
	if err != nil {
		t.Fatal(err)
	}
	r.Leaf = hashOf("another").Imprint()
	return r.Text()
}

// TestSealedReceipt has the page of a seal's filing show the seal.
func TestSealedReceipt(t *testing.T) {
	t.Parallel()
	require.Program(t, "psql")
	s := startServer(t, t.TempDir())
	d := &desk{t, t.TempDir()}
	made := d.expect(0, "receipt ", "seal", "--fields", d.write("fields.json", `{"name": "Marie"}`), "--profile", "immediate", "--out", d.path("seal.txt"), "--server", s.url())
	name := strings.TrimSuffix(strings.Fields(strings.SplitAfter(made.stderr, "receipt ")[1])[0], ",")
	r := d.expect(0, "OK", "receipt", name, "--seal", d.path("seal.txt"), "--server", s.url())
	if text := strings.TrimSpace(string(d.read("seal.txt"))); !strings.Contains(r.stdout, text) {
		t.Errorf("without the seal:\n%s", r.stdout)
	}
	d.expect(0, "OK", "receipt", name, "--seal", d.path("seal.txt"), "--out", d.path("page.pdf"), "--server", s.url())
	sealed := strings.ReplaceAll(strings.TrimSpace(string(d.read("seal.txt"))), "'", "''")
	if got := strings.TrimSpace(s.psql("SELECT receipt_json('"+name+"') ? 'seal_path', length(receipt_pdf('"+name+"', '"+sealed+"')) > 10000", "-At")); got != "t|t" {
		t.Errorf("in SQL: %s", got)
	}
	if out := s.psql("INSERT INTO hashes (digest) VALUES (sha256('x')) RETURNING signature", "-Atq"); len(out) < 100 {
		t.Fatal(out)
	}
	other := strings.TrimSpace(s.psql("SELECT receipt FROM hashes WHERE digest = sha256('x')", "-At"))
	d.expect(3, "not of the filing", "receipt", other, "--seal", d.path("seal.txt"), "--server", s.url())
	s.stop()
}
