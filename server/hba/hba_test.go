package hba

import (
	"net/netip"
	"strings"
	"testing"
)

// Files that are refused, and the word that says why.
func TestRefused(t *testing.T) {
	for text, word := range map[string]string{
		"hostgssenc all all all reject":                           "GSSAPI",
		"local all all":                                           "want local",
		"local all all 127.0.0.0/8 trust":                         "method",
		"local all all cert":                                      "hostssl",
		"local all all scram-sha-256 clientcert=verify-full":      "hostssl",
		"local all all peer map=x":                                "option",
		"local all all ident":                                     "want trust",
		"host all all 127.0.0.0/8 peer":                           "type local",
		"hostssl all all 127.0.0.0/8 peer":                        "type local",
		"hostssl all all all trust":                               "loopback",
		"hosts all all all reject":                                "want local, host",
		"host all all all":                                        "method",
		"host all all 10.0.0.0/8 trust":                           "loopback",
		"host all all all trust":                                  "loopback",
		"host all all samehost trust":                             "loopback",
		"host all all 126.0.0.0/7 trust":                          "loopback",
		"host all all ::/0 trust":                                 "loopback",
		"host all all ::ffff:127.0.0.1/128 trust":                 "IPv4",
		"host all all 127.0.0.1/8 trust":                          "behind the mask",
		"host all all 127.0.0.1 255.0.255.0 trust":                "number of bits",
		"host all all 127.0.0.1 trust":                            "number of bits",
		"host all all ledger.example scram-sha-256":               "not looked up",
		"host all all all md5":                                    "not safe",
		"host all all all password":                               "not safe",
		"host all all all ident":                                  "want trust",
		"host all all all cert":                                   "hostssl",
		"host all all all scram-sha-256 clientcert=verify-full":   "hostssl",
		"hostssl all all all reject clientcert=verify-full":       "goes with",
		"hostssl all all all scram-sha-256 map=x":                 "option",
		"hostnossl all all all scram-sha-256":                     "TLS",
		"host all +jura all reject":                               "+agency",
		`host all "+agency" all reject`:                           "+agency",
		"host all @blocked all reject":                            "no role",
		"host all /^canton$ all reject":                           "no role",
		"host all Canton all reject":                              "no role",
		"host samerole all all reject":                            "want names",
		"host replication all all reject":                         "want names",
		"host @x all all reject":                                  "want names",
		"host /^ju all all reject":                                "want names",
		"host all a, all reject":                                  "method",
		`host all "a all reject`:                                  "quotation mark",
		"host all all all reject\n\nhost all all all trust # why": ":3:",
	} {
		_, err := Parse("hba.conf", text)
		if err == nil || !strings.Contains(err.Error(), word) || !strings.HasPrefix(err.Error(), "hba.conf:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Which line decides on a client.
func TestFind(t *testing.T) {
	rules, err := Parse("hba.conf", `# who may log in
host    all         all               127.0.0.0/8             trust
hostssl "all"       all               all                     reject
hostssl sameuser    all               10.0.0.0 255.0.0.0      scram-sha-256
hostssl jurat, other  +auditor,court  10.0.0.0/8              cert
hostssl jurat       \
        "all"                         10.0.0.0/8              reject
hostssl jurat       +agency           10.0.0.0/8              scram-sha-256 clientcert=verify-full
hostssl jurat       all               samenet                 scram-sha-256
hostssl jurat       all               samehost                scram-sha-256
host    jurat       all               2001:db8::/32           scram-sha-256
hostnossl all       all               all                     reject
`)
	if err != nil {
		t.Fatal(err)
	}
	local := func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")} }
	for _, c := range []struct {
		database, user, kind, address string
		tls                           bool
		line                          int
	}{
		{"jurat", "x", "agency", "127.0.0.9", false, 2},
		{"jurat", "x", "agency", "::ffff:127.0.0.9", true, 2},
		{"all", "x", "agency", "10.1.1.1", true, 3},
		{"x", "x", "agency", "10.1.1.1", true, 4},
		{"other", "x", "auditor", "10.1.1.1", true, 5},
		{"jurat", "court", "", "10.1.1.1", true, 5},
		{"jurat", "all", "", "10.1.1.1", true, 6},
		{"jurat", "x", "agency", "10.1.1.1", true, 8},
		{"jurat", "x", "operator", "10.1.1.1", true, 0},
		{"jurat", "x", "operator", "192.0.2.9", true, 9},
		{"jurat", "x", "agency", "2001:db8::1", true, 11},
		{"jurat", "x", "agency", "2001:db8::1", false, 12},
		{"jurat", "x", "agency", "10.1.1.1", false, 12},
		{"jurat", "x", "agency", "2001:db9::1", true, 0},
		{"jurat", "x", "agency", "::1", true, 0},
	} {
		got, ok := rules.Find(Client{Database: c.database, User: c.user, Kind: c.kind, Address: netip.MustParseAddr(c.address), TLS: c.tls}, local)
		if got.Line != c.line || ok != (c.line > 0) {
			t.Errorf("%+v: line %d", c, got.Line)
		}
	}
}

// Rules of type local are for Unix sockets, and no others are.
func TestLocal(t *testing.T) {
	rules, err := Parse("hba.conf", "host all all all reject\nlocal all jurat peer\nlocal all +agency reject\nlocal jurat all scram-sha-256\nlocal all all trust\nhost all all 127.0.0.0/8 trust")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		database, user, kind string
		line                 int
	}{{"jurat", "jurat", "", 2}, {"jurat", "x", "agency", 3}, {"jurat", "x", "", 4}, {"other", "x", "", 5}} {
		got, _ := rules.Find(Client{Database: c.database, User: c.user, Kind: c.kind, Local: true}, nil)
		if got.Line != c.line {
			t.Errorf("%+v: line %d", c, got.Line)
		}
	}
	got, _ := rules.Find(Client{Database: "jurat", User: "jurat", Address: netip.MustParseAddr("127.0.0.1")}, nil)
	if got.Line != 1 {
		t.Errorf("a client on loopback: line %d", got.Line)
	}
	for passwords, want := range map[bool]Method{false: Trust, true: SCRAM} {
		if got, _ := Default(passwords).Find(Client{Database: "jurat", User: "x", Local: true}, nil); got.Method != want {
			t.Errorf("without a file, passwords %t: %q", passwords, got.Method)
		}
	}
}

// What holds without a file: nobody from elsewhere without TLS and a password, ever.
func TestDefault(t *testing.T) {
	for _, passwords := range []bool{false, true} {
		for _, address := range []string{"127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"} {
			for _, tls := range []bool{false, true} {
				a := netip.MustParseAddr(address)
				got, ok := Default(passwords).Find(Client{Database: "jurat", User: "x", Kind: "agency", Address: a, TLS: tls}, nil)
				want := Method("")
				switch {
				case a.IsLoopback() && !passwords:
					want = Trust
				case passwords && (a.IsLoopback() || tls):
					want = SCRAM
				}
				if got.Method != want || ok != (want != "") {
					t.Errorf("passwords %t, %s, TLS %t: %q", passwords, address, tls, got.Method)
				}
			}
		}
	}
}

// FuzzParse shows that nothing that is read lets anybody in from elsewhere without being asked, or without TLS.
func FuzzParse(f *testing.F) {
	f.Add("host all all 127.0.0.0/8 trust\nhostssl \"all\" +agency,x samenet scram-sha-256 clientcert=verify-full # x\n")
	f.Add("host all all 10.0.0.0 255.0.0.0 reject\\\n")
	f.Add("local all jurat peer\nlocal all all trust\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Parse("", text)
		if err != nil {
			return
		}
		for _, tls := range []bool{false, true} {
			c := Client{Database: "jurat", User: "x", Kind: "agency", Address: netip.MustParseAddr("192.0.2.1"), TLS: tls}
			r, ok := rules.Find(c, func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")} })
			if ok && (r.Method == Trust || r.Method == Peer || !tls && r.Method != Reject) {
				t.Fatalf("%q lets in by %+v", text, r)
			}
		}
	})
}
