package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/transfer"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

const round calendar.Second = 1795310130 // 2026-11-22T01:15:30Z

// ledgers are two servers, each with a calendar key of its own.
var ledgers = sync.OnceValue(func() map[string]*ksitest.Ledger {
	return map[string]*ksitest.Ledger{"a.example": ksitest.NewLedger("a.example", round-100), "b.example": ksitest.NewLedger("b.example", round-100)}
})

func options() ksi.Options {
	return ksi.Options{Policy: ksi.KeyBased, Certificates: []ksi.Certificate{ledgers()["a.example"].Certificate, ledgers()["b.example"].Certificate}}
}

func digest(text string) merkle.Digest { return sha256.Sum256([]byte(text)) }

func holder(t testing.TB, name string) transfer.Holder {
	t.Helper()
	var salt [transfer.SaltSize]byte
	copy(salt[:], name+strings.Repeat("0", transfer.SaltSize))
	h, err := transfer.NewHolder(name, salt)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A pass is a transfer to be made: filed by a vault after so many seconds.
type pass struct {
	from, to string
	previous int // transfer that it follows on, from 1; 0 for the issuer's filing
	by       transfer.Vault
	vault    transfer.Vault // that has it now
	after    int
}

var (
	ministry = transfer.Vault{Server: "a.example", Agency: "ministry"}
	home     = transfer.Vault{Server: "b.example", Agency: "vault"}
	work     = transfer.Vault{Server: "a.example", Agency: "works"}
)

// good is a chain over two servers.
func good() []pass {
	return []pass{{"ministry", "Marie Dupont", 0, ministry, home, 10}, {"Marie Dupont", "Works Ltd", 1, home, work, 10}, {"Works Ltd", "Marie Dupont", 2, work, home, 90}}
}

// build makes a bundle of transfers. What does not fit is not noticed here.
func build(t testing.TB, passes []pass) *transfer.Bundle {
	t.Helper()
	b, err := transfer.New(ledgers()["a.example"].File("ministry", "main", round, 1, digest("x"), digest("certificate"), digest("y")))
	if err != nil {
		t.Fatal(err)
	}
	var leaves []merkle.Digest
	for _, p := range passes {
		c := transfer.Content{Proof: b.Digest(), From: holder(t, p.from), To: holder(t, p.to), Vault: p.vault}
		if p.previous > 0 {
			c.Previous = &leaves[p.previous-1]
		}
		leaves = append(leaves, c.Leaf())
		if err := b.Add(transfer.Transfer{Content: c, Signature: ledgers()[p.by.Server].File(p.by.Agency, "main", round+calendar.Second(p.after), 0, c.Leaf())}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestChain(t *testing.T) {
	b := build(t, good())
	data := b.Append(nil)
	again, err := transfer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Append(nil), data) {
		t.Error("read and written, it is another")
	}
	r := again.Verify(context.Background(), options())
	if r.Verdict != ksi.OK || len(r.Faults) > 0 || len(r.Steps) != 4 || r.Holder.Name != "Marie Dupont" || r.Vault != home {
		t.Errorf("%+v", r)
	}
	none := build(t, nil).Verify(context.Background(), options())
	if none.Verdict != ksi.OK || none.Holder != nil || none.Vault != ministry {
		t.Errorf("before any transfer: %+v", none)
	}
	o := options()
	o.Certificates = o.Certificates[:1]
	if r := again.Verify(context.Background(), o); r.Verdict != ksi.NA || len(r.Faults) > 0 {
		t.Errorf("without the key of a server: %+v", r)
	}
	document := digest("another certificate").Imprint()
	o = options()
	o.Document = &document
	if r := again.Verify(context.Background(), o); r.Verdict != ksi.FAIL || len(r.Faults) != 1 || r.Faults[0].Kind != transfer.FalseProof {
		t.Errorf("another document: %+v", r)
	}
	slices.Reverse(again.Transfers) // nothing depends on their order
	shuffled, err := transfer.Parse(again.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if r := shuffled.Verify(context.Background(), options()); r.Verdict != ksi.OK || r.Steps[3].Transfer.To.Name != "Marie Dupont" || r.Vault != home {
		t.Errorf("in another order: %+v", r)
	}
}

// TestHidden leaves names out: the chain holds without them, but for the issuer's.
func TestHidden(t *testing.T) {
	b := build(t, good())
	for i := range b.Transfers {
		for _, h := range []*transfer.Holder{&b.Transfers[i].From, &b.Transfers[i].To} {
			if h.Name == "Works Ltd" {
				*h = h.Hide()
			}
		}
	}
	data := b.Append(nil)
	if bytes.Contains(data, []byte("Works Ltd")) || !bytes.Contains(data, []byte("Marie Dupont")) {
		t.Error("the wrong names are left out")
	}
	again, err := transfer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if r := again.Verify(context.Background(), options()); r.Verdict != ksi.OK {
		t.Errorf("%+v", r)
	}
	again.Transfers[0].From = again.Transfers[0].From.Hide()
	if r := again.Verify(context.Background(), options()); r.Verdict != ksi.FAIL || r.Faults[0].Kind != transfer.WrongHolder {
		t.Errorf("an issuer without a name: %+v", r)
	}
}

// TestFaults breaks a chain in every way that has a name.
func TestFaults(t *testing.T) {
	thief := transfer.Vault{Server: "b.example", Agency: "thief"}
	for _, c := range []struct {
		name   string
		change func([]pass) []pass
		cut    int // transfer to leave out, from 1
		want   []transfer.Kind
		says   string
	}{
		{"a gap", nil, 2, []transfer.Kind{transfer.Gap}, "A transfer is missing before the one from Works Ltd to Marie Dupont at 2026-11-22T01:17:00Z"},
		{"a gap at the start", nil, 1, []transfer.Kind{transfer.Gap}, "missing before the one from Marie Dupont to Works Ltd"},
		{"a fork", func(p []pass) []pass { return append(p, pass{"Marie Dupont", "Other Ltd", 1, home, work, 20}) }, 0, []transfer.Kind{transfer.Fork},
			"Marie Dupont passed the document on 2 times: to Works Ltd at 2026-11-22T01:15:40Z, to Other Ltd at 2026-11-22T01:15:50Z."},
		{"a fork at the issuer", func(p []pass) []pass { return append(p, pass{"ministry", "Jean", 0, ministry, home, 5}) }, 0, []transfer.Kind{transfer.Fork},
			"to Jean at 2026-11-22T01:15:35Z, to Marie Dupont at 2026-11-22T01:15:40Z"},
		{"wrong order", func(p []pass) []pass { p[1].after = 9; return p }, 0, []transfer.Kind{transfer.WrongOrder}, "earlier than the transfer to Marie Dupont before it"},
		{"before the filing", func(p []pass) []pass { p[0].after = -1; return p }, 0, []transfer.Kind{transfer.WrongOrder}, "earlier than the filing before it, of 2026-11-22T01:15:30Z"},
		{"another holder", func(p []pass) []pass { p[1].from = "Mario"; return p }, 0, []transfer.Kind{transfer.WrongHolder}, "Mario passed the document on at 2026-11-22T01:15:40Z, but it was Marie Dupont who had got it."},
		{"another issuer", func(p []pass) []pass { p[0].from = "minister"; return p }, 0, []transfer.Kind{transfer.WrongHolder}, "but the issuer is ministry"},
		{"a thief's vault", func(p []pass) []pass { p[1].by = thief; return p }, 0, []transfer.Kind{transfer.WrongHolder},
			"was filed by thief at b.example; the document was with vault at b.example, who alone may pass it on"},
		{"a vault of that name elsewhere", func(p []pass) []pass { p[1].by.Server = "a.example"; return p }, 0, []transfer.Kind{transfer.WrongHolder}, "filed by vault at a.example"},
		{"all at once", func(p []pass) []pass {
			p[1].by, p[2].from = thief, "Mario"
			return append(p, pass{"Marie Dupont", "Other Ltd", 1, home, work, 5})
		}, 0, []transfer.Kind{transfer.Fork, transfer.WrongOrder, transfer.WrongHolder, transfer.WrongHolder}, "Mario"},
	} {
		passes := good()
		if c.change != nil {
			passes = c.change(passes)
		}
		b := build(t, passes)
		if c.cut > 0 {
			b.Transfers = slices.Delete(b.Transfers, c.cut-1, c.cut)
		}
		again, err := transfer.Parse(b.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		r := again.Verify(context.Background(), options())
		var kinds []transfer.Kind
		text := ""
		for _, f := range r.Faults {
			kinds = append(kinds, f.Kind)
			text += f.Sentence + "\n"
		}
		if r.Verdict != ksi.FAIL || !slices.Equal(kinds, c.want) || !strings.Contains(text, c.says) || r.Holder != nil {
			t.Errorf("%s: %s %q\n%s", c.name, r.Verdict, kinds, text)
		}
		if len(r.Steps) != len(again.Transfers)+1 {
			t.Errorf("%s: %d steps of %d transfers", c.name, len(r.Steps), len(again.Transfers))
		}
	}
}

// TestFalseProofs has a transfer with the proof of another leaf, and one of a key that nobody knows.
func TestFalseProofs(t *testing.T) {
	b := build(t, good())
	b.Transfers[1].Signature = b.Transfers[0].Signature
	r := b.Verify(context.Background(), options())
	if r.Verdict != ksi.FAIL || r.Faults[0].Kind != transfer.FalseProof || !strings.Contains(r.Faults[0].Sentence, "from Marie Dupont to Works Ltd") {
		t.Errorf("another leaf: %+v", r.Faults)
	}
	forger := ksitest.NewLedger("b.example", round-100)
	forger.Certificate.ID = ledgers()["b.example"].Certificate.ID
	b = build(t, good())
	b.Transfers[1].Signature = forger.File("vault", "main", round+10, 0, b.Transfers[1].Leaf())
	r = b.Verify(context.Background(), options())
	if r.Verdict != ksi.FAIL || len(r.Faults) != 1 || r.Faults[0].Kind != transfer.FalseProof {
		t.Errorf("another key: %+v", r.Faults)
	}
}

// TestForeignKey has each of two servers forge what the other one filed: its key counts for its own filings alone.
func TestForeignKey(t *testing.T) {
	a, b := ledgers()["a.example"], ledgers()["b.example"]
	as := func(server string, by *ksitest.Ledger) *ksitest.Ledger {
		return &ksitest.Ledger{Server: server, Key: by.Key, Certificate: by.Certificate}
	}
	issued, err := transfer.New(as("a.example", b).File("ministry", "main", round, 1, digest("x"), digest("forged"), digest("y")))
	if err != nil {
		t.Fatal(err)
	}
	passed := build(t, good())
	passed.Transfers[1].Signature = as("b.example", a).File("vault", "main", round+10, 0, passed.Transfers[1].Leaf())
	for name, forged := range map[string]*transfer.Bundle{"a.example": issued, "b.example": passed} {
		r := forged.Verify(context.Background(), options())
		if r.Verdict != ksi.NA || !slices.ContainsFunc(r.Steps, func(s transfer.Step) bool {
			return strings.Contains(s.Result.Sentence, `the proof says that it is of "`+name)
		}) {
			t.Errorf("a forged filing of %s: %+v", name, r)
		}
	}
}

func TestMerge(t *testing.T) {
	short, fork := build(t, good()[:1]), build(t, append(good()[:1], pass{"Marie Dupont", "Other Ltd", 1, home, work, 20}))
	if err := short.Merge(build(t, good())); err != nil || len(short.Transfers) != 3 {
		t.Fatalf("%d transfers: %v", len(short.Transfers), err)
	}
	if r := short.Verify(context.Background(), options()); r.Verdict != ksi.OK {
		t.Errorf("%+v", r)
	}
	if err := short.Merge(fork); err != nil {
		t.Fatal(err)
	}
	if r := short.Verify(context.Background(), options()); len(r.Faults) != 1 || r.Faults[0].Kind != transfer.Fork {
		t.Errorf("%+v", r)
	}
	other, err := transfer.New(ledgers()["a.example"].File("ministry", "main", round, 0, digest("x"), digest("certificate"), digest("y")))
	if err != nil {
		t.Fatal(err)
	}
	if err := short.Merge(other); !errors.Is(err, transfer.ErrOther) {
		t.Error(err)
	}
}

// TestMangled changes every byte of a bundle, with and without making the digest at its end right again, and cuts it off everywhere.
func TestMangled(t *testing.T) {
	good := build(t, good()[:1]).Append(nil)
	for i := range good {
		data := bytes.Clone(good)
		data[i] ^= 1
		want := transfer.ErrFormat
		if i == len(transfer.Magic) {
			want = transfer.ErrVersion
		}
		if _, err := transfer.Parse(data); !errors.Is(err, want) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if b, err := transfer.Parse(reseal(data)); err == nil && i < len(good)-32 && b.Verify(context.Background(), options()).Verdict == ksi.OK {
			t.Fatalf("byte %d changed and sealed again: nobody noticed", i)
		}
		if _, err := transfer.Parse(good[:i]); !errors.Is(err, transfer.ErrFormat) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
	}
	if _, err := transfer.Parse(append(good, 0)); !errors.Is(err, transfer.ErrFormat) {
		t.Error(err)
	}
	if _, err := transfer.Parse(make([]byte, transfer.MaxBundle+1)); !errors.Is(err, transfer.ErrFormat) {
		t.Error(err)
	}
}

// reseal puts the right SHA-256 at the end of a bundle that was changed.
func reseal(data []byte) []byte {
	if len(data) < 32 {
		return data
	}
	s := sha256.Sum256(data[:len(data)-32])
	return append(bytes.Clone(data[:len(data)-32]), s[:]...)
}

func TestContent(t *testing.T) {
	a, b := holder(t, "a"), holder(t, "b")
	fine := transfer.Content{Proof: digest("x"), From: a, To: b, Vault: home}
	if err := fine.Check(); err != nil {
		t.Fatal(err)
	}
	same, zero, server, agency := fine, fine, fine, fine
	same.To, zero.Previous, server.Vault.Server, agency.Vault.Agency = a, &merkle.Digest{}, "", "a/b"
	for i, bad := range []transfer.Content{same, zero, server, agency} {
		if err := bad.Check(); !errors.Is(err, transfer.ErrContent) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for _, name := range []string{"", "two\nlines", "\xff", strings.Repeat("x", transfer.MaxName+1)} {
		if h, err := transfer.NewHolder(name, a.Salt); !errors.Is(err, transfer.ErrContent) {
			t.Errorf("%q: %v %v", name, h, err)
		}
	}
	for _, text := range []string{"", "x", "/", "a/", "/a", "a/b/c"} {
		if v, err := transfer.ParseVault(text); err == nil {
			t.Errorf("%q: %v", text, v)
		}
	}
	if v, err := transfer.ParseVault("b.example/vault"); err != nil || v != home {
		t.Error(v, err)
	}
}

// TestGolden reads a bundle that was written once, with the certificates of its servers.
func TestGolden(t *testing.T) {
	const path, certificates = "testdata/chain.bundle", "testdata/calendar.crt"
	if *rewrite {
		keys := slices.Concat(ledgers()["a.example"].PEM, ledgers()["b.example"].PEM)
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, build(t, good()).Append(nil), 0o644), os.WriteFile(certificates, keys, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	text, err2 := os.ReadFile(certificates)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	o := ksi.Options{Policy: ksi.KeyBased}
	b, err := transfer.Parse(data)
	o.Certificates, err2 = ksi.ParseCertificates(text)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if r := b.Verify(context.Background(), o); r.Verdict != ksi.OK || len(r.Steps) != 4 {
		t.Errorf("%+v", r)
	}
}

// FuzzParse shows that a bundle has one form, and that no bundle makes Verify fall over.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/chain.bundle")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, false)
	f.Add(data[:len(data)-40], true)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = reseal(data)
		}
		b, err := transfer.Parse(data)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Append(nil), data) {
			t.Error("read and written, it is another")
		}
		if r := b.Verify(context.Background(), ksi.Options{Policy: ksi.Internal}); len(r.Steps) != len(b.Transfers)+1 {
			t.Errorf("%d steps of %d transfers", len(r.Steps), len(b.Transfers))
		}
	})
}
