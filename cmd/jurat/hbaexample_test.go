package main

import (
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/server/hba"
)

// TestRulesExample reads the hba.conf of docs/security.md and asks it for whom the page says that it is.
func TestRulesExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```conf\n(.*?)```").FindStringSubmatch(string(text))
	if example == nil {
		t.Fatal("no hba.conf in docs/security.md")
	}
	rules, err := hba.Parse("hba.conf", example[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, kind, from string
		tls              bool
		want             string
	}{
		{"anna", "", "127.0.0.1", false, "scram-sha-256"},
		{"jurat", "", "::1", false, "scram-sha-256"},
		{"anna", "", "10.1.0.7", true, "scram-sha-256 and a certificate"},
		{"anna", "", "10.2.0.7", true, "reject"},
		{"night", "operator", "10.1.0.7", true, "scram-sha-256"},
		{"night", "operator", "10.1.0.7", false, "reject"},
		{"canton", "agency", "10.2.3.4", true, "scram-sha-256 and a certificate"},
		{"canton", "agency", "127.0.0.1", true, "reject"},
		{"city", "agency", "192.0.2.17", true, "cert"},
		{"city", "agency", "10.2.3.4", true, "reject"},
		{"court", "auditor", "10.3.0.1", true, "scram-sha-256"},
		{"village", "agency", "10.2.3.4", true, "reject"},
	} {
		rule, ok := rules.Find(hba.Client{Database: "jurat", User: c.user, Kind: c.kind, Address: netip.MustParseAddr(c.from), TLS: c.tls}, func() []netip.Prefix { return nil })
		got := string(rule.Method)
		if rule.VerifyFull {
			got += " and a certificate"
		}
		if !ok || got != c.want {
			t.Errorf("%+v gets %s", c, got)
		}
	}
	for user, want := range map[string]hba.Method{"jurat": hba.Peer, "anna": hba.Reject, "canton": hba.Reject} {
		if rule, ok := rules.Find(hba.Client{Database: "jurat", User: user, Local: true}, nil); !ok || rule.Method != want {
			t.Errorf("%s gets %s on the Unix socket", user, rule.Method)
		}
	}
	for _, word := range []string{"hostnossl", "samenet", "+agency", "double quotes"} {
		if !strings.Contains(string(text), word) {
			t.Errorf("the page does not tell of %s", word)
		}
	}
}
