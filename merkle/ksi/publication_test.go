package ksi_test

import (
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

func TestPublicationString(t *testing.T) {
	for text, want := range map[string]struct {
		time calendar.Second
		root string
	}{
		demoPublication: {7, "01e6b7f51f15c7fa177ff356ca05abf0e61d176368c3b1687a82d50f91e8c7ed87"},
		"AAAAAA-CJS5NQ-AAPOD6-6I7U75-PD6RDO-PCM7PZ-V4RWCG-Y4LPSE-6AQKXC-YUDHET-M4WE23-XFPW6G": {1234656000,
			"01ee1fbc8fd3fd78fd11b9e267df9af23611b1c5be44f020ab8b1419c93672c4d6"},
	} {
		for _, variant := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""),
			strings.ReplaceAll(text, "-", " -\n")} {
			p, err := ksi.ParsePublication(variant)
			if err != nil || p.Time != want.time || p.Root.String() != want.root {
				t.Errorf("%q reads %d %s, %v", variant, p.Time, p.Root, err)
			}
			if p.String() != text {
				t.Errorf("%q is written %q", variant, p)
			}
		}
	}
}

// TestPublicationAlgorithms writes and reads publication strings of every hash algorithm; those of other lengths than 256
// bits end in padding.
func TestPublicationAlgorithms(t *testing.T) {
	for a := merkle.Algorithm(0); a < 20; a++ {
		if a.Size() == 0 {
			continue
		}
		root, err := merkle.NewImprint(a, make([]byte, a.Size()))
		if err != nil {
			t.Fatal(err)
		}
		want := ksi.Publication{Time: 1795313194, Root: root}
		if got, err := ksi.ParsePublication(want.String()); err != nil || got != want {
			t.Errorf("%v reads %v, %v", want, got, err)
		}
		if padded := len(strings.ReplaceAll(want.String(), "-", "")) % 8; padded != 0 {
			t.Errorf("%v is not a multiple of 8 characters long", want)
		}
	}
}

func TestPublicationStringRefused(t *testing.T) {
	encode := func(data string) string {
		b := binary.BigEndian.AppendUint32([]byte(data), crc32.ChecksumIEEE([]byte(data)))
		return base32.StdEncoding.EncodeToString(b)
	}
	digest := strings.Repeat("d", 32)
	second := "\x00\x00\x00\x00\x00\x00\x00\x07"
	if _, err := ksi.ParsePublication(encode(second + "\x01" + digest)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "too short"},
		{encode(""), "too short"},
		{encode(second), "too short"},
		{encode(second + "\x01"), "malformed imprint"},
		{encode(second + "\x03" + digest), "malformed imprint"},
		{encode(second + "\x01" + digest[1:]), "malformed imprint"},
		{encode(second + "\x01" + digest + "d"), "malformed imprint"},
		{encode("\x80" + second[1:] + "\x01" + digest), "beyond all calendars"},
		{demoPublication[:len(demoPublication)-1], "missing"},
		{demoPublication + "A", "too many"},
		{demoPublication + "AAAAAAAA", "checksum"},
		{strings.Replace(demoPublication, "OAPGW7", "0APGW7", 1), "base32"},
		{strings.Replace(demoPublication, "-", "_", 1), "base32"},
		{strings.TrimRight(encode(second+"\x02"+digest[:20]), "="), "missing"},
		{"ÄÖÜ", "base32"},
	} {
		if p, err := ksi.ParsePublication(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q reads %v, %v, want %q", c.text, p, err, c.want)
		}
	}
	for i := range demoPublication {
		changed := []byte(demoPublication)
		if changed[i] == '-' {
			continue
		}
		if changed[i]++; changed[i] == '[' || changed[i] == '8' {
			changed[i] = 'A'
		}
		if _, err := ksi.ParsePublication(string(changed)); err == nil {
			t.Errorf("%s is accepted", changed)
		}
	}
	// The last of the unused bits set: the same bytes, another text.
	long := encode(second + "\x02" + digest[:20])
	i := strings.Index(long, "=") - 1
	loose := []byte(long)
	loose[i]++
	if _, err := ksi.ParsePublication(string(loose)); err == nil || !strings.Contains(err.Error(), "last character") {
		t.Errorf("%s: %v", loose, err)
	}
}
