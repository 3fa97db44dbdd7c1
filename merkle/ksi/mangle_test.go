package ksi_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/ksitest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// TestMangle changes every byte of sound signatures: bit by bit, and with JURAT_SOAK=1 to every other value. What is
// accepted under the strongest policy then must be one of the few things that a KSI signature leaves open, and must come
// back to the byte.
func TestMangle(t *testing.T) {
	cert := calendarCertificate(t, ownRound.Time())
	small := build(t, signedParts(t, cert))
	demoSignature := parse(t, ksitest.Demo())
	publication, _ := demoSignature.PublishedData()
	document, demoDocument := small.InputImprint(), demoSignature.InputImprint()
	for name, c := range map[string]struct {
		s *ksi.Signature
		o ksi.Options
	}{
		"fresh": {small, ksi.Options{Policy: ksi.KeyBased, Document: &document, Certificates: []ksi.Certificate{cert}}},
		"demo":  {demoSignature, ksi.Options{Policy: ksi.UserPublication, Document: &demoDocument, Publication: &publication}},
	} {
		t.Run(name, func(t *testing.T) {
			data := c.s.Append(nil)
			open := openBytes(t, data)
			for i, good := range data {
				for change := 1; change < 256; change++ {
					if change&(change-1) != 0 && os.Getenv("JURAT_SOAK") == "" {
						continue
					}
					data[i] = good ^ byte(change)
					s, err := ksi.Parse(data)
					if err != nil || ksi.Verify(t.Context(), s, c.o).Verdict != ksi.OK {
						continue
					}
					if open[i] == "" || open[i] == "flags" && (data[i]^good)&^0x60 != 0 {
						t.Errorf("byte %d changed from %02x to %02x is accepted", i, good, data[i])
					}
					checkRoundTrip(t, s, data)
				}
				data[i] = good
			}
		})
	}
}

// openBytes says why a byte of a signature may change without anybody noticing, by its offset:
//   - flags: the two flag bits of the header of a known element mean nothing. In metadata and in the data signed by the
//     calendar key they are covered by a hash.
//   - reference: where a publication was printed is a note to people, and any of it may be left out.
//   - aggregation time: that of the calendar chain, if made an unknown element, is taken from the publication time, which
//     is the same in a fresh signature.
func openBytes(t *testing.T, data []byte) map[int]string {
	open := map[int]string{}
	var walk func(e tlv.Element, path string)
	walk = func(e tlv.Element, path string) {
		path = strings.TrimPrefix(fmt.Sprintf("%s.%x", path, uint16(e.Tag)), ".")
		switch path {
		case "800.805.10":
			return
		case "800.801.7.4":
			open[e.Offset] = "flags"
			return
		case "800.803.9":
			for i := range e.Raw() {
				open[e.Offset+i] = "reference"
			}
			return
		case "800.802.2":
			open[e.Offset] = "aggregation time"
			return
		}
		open[e.Offset] = "flags"
		if !isNested(path) {
			return
		}
		for r := e.Children(); r.More(); {
			c, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			walk(c, path)
		}
	}
	root, err := tlv.ParseOne(data)
	if err != nil {
		t.Fatal(err)
	}
	walk(root, "")
	return open
}

// TestTruncated drops every tail and every single byte of sound signatures.
func TestTruncated(t *testing.T) {
	for name, data := range map[string][]byte{
		"demo":    ksitest.Demo(),
		"rfc3161": withRFC3161(t),
		"fresh":   build(t, signedParts(t, calendarCertificate(t, ownRound.Time()))).Append(nil),
	} {
		for n := range data {
			if _, err := ksi.Parse(data[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", name, n, len(data))
			}
			if _, err := ksi.Parse(append(bytes.Clone(data[:n]), data[n+1:]...)); err == nil {
				t.Errorf("%s without byte %d is accepted", name, n)
			}
		}
		if _, err := ksi.Parse(append(bytes.Clone(data), 0)); err == nil {
			t.Errorf("%s with a byte more is accepted", name)
		}
	}
}

// TestParseRefuses makes sound signatures break the format in one place.
func TestParseRefuses(t *testing.T) {
	fresh := build(t, signedParts(t, calendarCertificate(t, ownRound.Time()))).Append(nil)
	extended := ksitest.Demo()
	old := withRFC3161(t)
	for _, c := range []struct {
		want     string
		base     []byte
		commands []string
	}{
		{"both a publication record", fresh, []string{"add 802 " + "8803002c10260201070421" + strings.Repeat("01", 33) + "0902" + "6100"}},
		{"without a calendar chain", fresh, []string{"drop 802"}},
		{"without a calendar chain", extended, []string{"drop 802"}},
		{"no aggregation chain", extended, []string{"drop 801"}},
		{"0x800.0x804 at byte", extended, []string{"add 801 88040000"}},
		{"0x800.0x802 at byte 256: repeated", extended, []string{"double 802"}},
		{"repeated", extended, []string{"double 803"}},
		{"repeated", fresh, []string{"double 805"}},
		{"repeated", old, []string{"double 806"}},
		{"0x800.0x801 at byte 4: no element 0x02", extended, []string{"drop 801.2"}},
		{"no chain index", extended, []string{"drop 801.3"}},
		{"no element 0x05", extended, []string{"drop 801.5"}},
		{"no element 0x06", extended, []string{"drop 801.6"}},
		{"no link", extended, []string{"drop 801.7", "drop 801.8"}},
		{"0x800.0x801.0x07 at byte 52: no sibling", extended, []string{"drop 801.7.4"}},
		{"second sibling", extended, []string{"double 801.7.4"}},
		{"second sibling", extended, []string{"add 801.8.2 0403016100"}},
		{"0x800.0x801.0x08.0x01 at byte 68: 256", extended, []string{"set 801.8.1 0100"}},
		{"leading zero", extended, []string{"set 801.8.1 00"}},
		{"levels end", extended, []string{"set 801.8.1 fe"}},
		{"no hash algorithm has id 0x03", extended, []string{"set 801.6 03"}},
		{"256 where", extended, []string{"set 801.6 0100"}},
		{"malformed imprint", extended, []string{"set 801.5 0102"}},
		{"malformed imprint", extended, []string{"set 802.7"}},
		{"beyond all calendars", extended, []string{"set 802.1 8000000000000000"}},
		{"integer of 9 bytes", extended, []string{"set 802.1 010000000000000000"}},
		{"no element 0x01", extended, []string{"drop 802.1"}},
		{"no element 0x05", extended, []string{"drop 802.5"}},
		{"0x800.0x802 at byte 106: no link", extended, []string{"drop 802.8", "drop 802.7", "drop 802.8"}},
		{"no element 0x01", extended, []string{"set 801.7.4 7e0101 0303010203"}},
		{"repeated", extended, []string{"set 801.7.4 7e0101 7e0101 01026100"}},
		{"NUL inside", extended, []string{"set 801.7.4 7e0101 010461006100"}},
		{"0x800.0x803 at byte 256: no element 0x10", extended, []string{"drop 803.10"}},
		{"0x800.0x803.0x10 at byte 260: no element 0x04", extended, []string{"drop 803.10.4"}},
		{"no element 0x02", extended, []string{"drop 803.10.2"}},
		{"empty string", extended, []string{"set 803.9 00"}},
		{"end in NUL", extended, []string{"set 803.9 61"}},
		{"no element 0x10", fresh, []string{"drop 805.10"}},
		{"no element 0x0b", fresh, []string{"drop 805.b"}},
		{"no element 0x01", fresh, []string{"drop 805.b.1"}},
		{"no element 0x02", fresh, []string{"drop 805.b.2"}},
		{"no element 0x03", fresh, []string{"drop 805.b.3"}},
		{"repeated", fresh, []string{"double 805.b.3"}},
		{"empty string", fresh, []string{"add 805.b.3 040100"}},
		{"no element 0x13", old, []string{"drop 806.13"}},
		{"no chain index", old, []string{"drop 806.3", "drop 806.3"}},
		{"unknown critical", old, []string{"add 806.3 1e00"}},
		{"legacy client id", extended, []string{"set 801.7 031d 030004" + strings.Repeat("61", 26)}},
	} {
		_, err := ksi.Parse(edit(t, c.base, c.commands...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.commands, err, c.want)
		}
	}
}

func TestLegacyID(t *testing.T) {
	value := func(text string, length, total int) string {
		return fmt.Sprintf("set 801.7 03%02x 0300%02x%x%s", total, length, text, strings.Repeat("00", total-3-len(text)))
	}
	for command, want := range map[string]string{
		value("Test", 4, 29):                            "Test",
		value("", 0, 29):                                "",
		value(strings.Repeat("x", 25), 25, 29):          strings.Repeat("x", 25),
		value(strings.Repeat("x", 26), 26, 29):          "refused",
		value("Test", 4, 28):                            "refused",
		value("Test", 4, 30):                            "refused",
		value("Test", 3, 29):                            "refused",
		value("\xff", 1, 29):                            "refused",
		value("Te\x00t", 4, 29):                         "refused",
		"set 801.7 031d 01" + value("Test", 4, 29)[17:]: "refused",
	} {
		s, err := ksi.Parse(edit(t, ksitest.Demo(), command))
		if err != nil {
			if want != "refused" {
				t.Errorf("%s: %v", command, err)
			}
			continue
		}
		if got := s.Issuers(); len(got) != 1 || got[0] != (ksi.Issuer{Client: want, Legacy: true}) {
			t.Errorf("%s: issuers %+v, want %q", command, got, want)
		}
		if !bytes.Contains(s.JSON(), []byte(`"legacy_id":"`+want+`"`)) {
			t.Errorf("%s: %s", command, s.JSON())
		}
	}
}

// TestLimits counts links, levels and elements up to what is allowed and one further.
func TestLimits(t *testing.T) {
	base := ksitest.Demo()
	var long merkle.Chain
	for range 63 {
		long = append(long, merkle.Link{Left: true, Sibling: merkle.Digest{}.Imprint()})
	}
	parts := demoParts(t)
	parts.Chains = []merkle.Chain{long, long, long, long, long[:3]}
	s := build(t, parts)
	if r := ksi.Verify(t.Context(), s, ksi.Options{}); r.Verdict != ksi.OK {
		t.Errorf("255 links: %v", r)
	}
	parts.Chains[4] = long[:4]
	if _, err := ksi.Build(parts); err == nil {
		t.Error("256 links are accepted")
	}
	reference := tlv.AppendText(nil, 9, 0, "a")
	data := takeApart(t, base)
	record := data.nodes[2]
	for len(record.nodes) < 2048 {
		record.nodes = append(record.nodes, &node{tag: 9, value: reference[2:]})
	}
	if _, err := ksi.Parse(data.append(nil)); err != nil {
		t.Errorf("2048 elements in a publication record: %v", err)
	}
	record.nodes = append(record.nodes, record.nodes[1])
	if _, err := ksi.Parse(data.append(nil)); err == nil {
		t.Error("2049 elements in a publication record are accepted")
	}
}
