package receiptpage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/receiptpage"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// record is the one that package receipt keeps: a filing, received, accepted, and answered by another agency in words of its own.
func record(t *testing.T) *receipt.Record {
	t.Helper()
	return must(receipt.Parse(must(os.ReadFile("../../merkle/receipt/testdata/record.json"))))
}

// pages counts the pages of a PDF.
func pages(pdf []byte) int { return bytes.Count(pdf, []byte("/Type /Page\n")) }

func TestPage(t *testing.T) {
	r := record(t)
	p := must(receiptpage.New(r, nil))
	text := string(p.Text())
	for _, want := range []string{"jura", "Sunday, 22 November 2026, 01:15:30 UTC", r.Name.String(), "ledger.example", "tax: received", "tax: accepted",
		"jura: too late, by a day", r.Reference().Text(), "signed by the calendar key"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	pdf := must(p.PDF())
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || pages(pdf) != 1 || !bytes.Contains(pdf, []byte("/EmbeddedFile")) {
		t.Errorf("%d bytes, %d pages", len(pdf), pages(pdf))
	}
	if again := must(must(receiptpage.New(record(t), nil)).PDF()); !bytes.Equal(again, pdf) {
		t.Error("made again, it is another file")
	}
	r.Counters = nil
	if text := string(must(receiptpage.New(r, nil)).Text()); !strings.Contains(text, "nobody yet") {
		t.Errorf("without an answer:\n%s", text)
	}
}

// TestOtherLedger: an answer by an agency of another ledger names that.
func TestOtherLedger(t *testing.T) {
	r := record(t)
	a := receipt.Answer{First: r.Name.String(), Digest: r.Leaf.Digest(), Agency: "tax"}
	r.Counters = []*receipt.Counter{must(receipt.NewCounter(&r.Filing, "", ksitest.NewLedger("other.example", r.Round).File("tax", "status", r.Round, 0, a.Leaf())))}
	if text := string(must(receiptpage.New(r, nil)).Text()); !strings.Contains(text, "tax at other.example: received") {
		t.Errorf("the page is\n%s", text)
	}
}

// TestOtherSeal has the page refuse the seal of another leaf.
func TestOtherSeal(t *testing.T) {
	var v struct{ Vectors []struct{ Text string } }
	if err := json.Unmarshal(must(os.ReadFile("../../merkle/seal/testdata/vectors.json")), &v); err != nil {
		t.Fatal(err)
	}
	if _, err := receiptpage.New(record(t), must(seal.Parse(v.Vectors[0].Text))); err == nil || !strings.Contains(err.Error(), "not of the filing") {
		t.Error(err)
	}
}

// TestManyAnswers prints a record with as many counter-receipts as one holds, over several pages, none left out.
func TestManyAnswers(t *testing.T) {
	const most = 256
	const round calendar.Second = 1795310130
	l := ksitest.NewLedger("ledger.example", round)
	leaf := sha256.Sum256([]byte("a"))
	r := must(receipt.New(l.File("jura", "main", round, 0, leaf), nil))
	for i := range most {
		a := receipt.Answer{First: r.Name.String(), Digest: leaf[:], Agency: "tax", Status: fmt.Sprintf("step %d of %d", i+1, most)}
		if err := r.Add(must(receipt.NewCounter(&r.Filing, a.Status, l.File("tax", "status", round+calendar.Second(i), 0, a.Leaf())))); err != nil {
			t.Fatal(err)
		}
	}
	p := must(receiptpage.New(r, nil))
	pdf := must(p.PDF())
	if n := pages(pdf); n < 5 || n > 30 {
		t.Errorf("%d pages", n)
	}
	if n := strings.Count(string(p.Text()), "Answered by"); n != most {
		t.Errorf("%d of %d answers", n, most)
	}
}
