// Package hba reads rules that say who may log in from where and how, written as PostgreSQL's pg_hba.conf, and finds the
// one for a client. It knows nothing of connections or roles.
//
// # The file
//
// A line is a rule; the first that fits decides. What stands behind # is a comment, a backslash at the end of a line joins it
// with the next, and a word in double quotes is that name, whatever it means otherwise.
//
//	TYPE      DATABASE  USER  ADDRESS  METHOD  [OPTIONS]
//	local     all       jurat                        peer
//	host      all       all            127.0.0.0/8   trust
//	hostssl   all       +agency        10.0.0.0/8    scram-sha-256
//	hostssl   all       audit,court    all           cert
//
// TYPE is local (a Unix socket, with no ADDRESS), host, hostssl (with TLS) or hostnossl (without). DATABASE and USER are lists of
// names with commas between them; all fits every one, sameuser a database called as the role, +kind the roles of a kind: +agency,
// +auditor, +operator.
// ADDRESS is all, samehost, samenet, an address with /bits, or an address and a mask. METHOD is one of
//
//	trust          lets in whoever comes: for local and for loopback addresses alone, never for others
//	peer           lets in the account of this machine that is named as the role: local only
//	scram-sha-256  wants the password
//	cert           wants a client certificate that names the role: hostssl only
//	reject         refuses
//
// and the one option is clientcert=verify-full, for hostssl: a client certificate that names the role besides the password.
//
// # Differences from PostgreSQL
//
// A client that is not on loopback and has no TLS is met by no rule but one of reject: passwords are safe without TLS, what
// follows them is not. Trust is refused for all but local and loopback addresses; host names, @files, regular expressions and
// name maps are not known: a file with one is refused.
package hba

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A Method is how a client shows who it is.
type Method string

// The methods.
const (
	Trust  Method = "trust"
	Peer   Method = "peer"
	SCRAM  Method = "scram-sha-256"
	Cert   Method = "cert"
	Reject Method = "reject"
)

// A Rule is one line.
type Rule struct {
	Line       int    // 0 of a default rule
	Type       string // local, host, hostssl or hostnossl
	Databases  []string
	Users      []string
	Address    string // all, samehost, samenet or an address; "" for local
	Mask       string // of an address, as one; "" for the words
	Method     Method
	VerifyFull bool // a client certificate is wanted besides the password

	databases, users []word
	network          netip.Prefix // of an address
}

// A word is a name or keyword of a list; quoted ones are names.
type word struct {
	text   string
	quoted bool
}

// Rules are in the order in which they are tried. They are never changed.
type Rules struct{ list []Rule }

// A Client is what rules are about.
type Client struct {
	Database, User string
	Kind           string // of the role: the group that it is in, "" for none
	Local          bool   // it came by a Unix socket
	Address        netip.Addr
	TLS            bool
}

// The rules of a server without a file.
var (
	defaultOpen   = defaults("local all all trust\nhost all all 127.0.0.0/8 trust\nhost all all ::1/128 trust\n")
	defaultClosed = defaults("local all all scram-sha-256\nhost all all 127.0.0.0/8 scram-sha-256\nhost all all ::1/128 scram-sha-256\nhostssl all all all scram-sha-256\n")
)

// defaults reads rules that are in no file.
func defaults(text string) *Rules {
	r, err := Parse("", text)
	if err != nil {
		panic(err)
	}
	for i := range r.list {
		r.list[i].Line = 0
	}
	return r
}

// Default returns the rules of a server without a file: as long as no role has a password, whoever comes from this machine is
// let in; from then on everybody gives one, and from elsewhere with TLS.
func Default(passwords bool) *Rules {
	if passwords {
		return defaultClosed
	}
	return defaultOpen
}

// List returns the rules.
func (r *Rules) List() []Rule { return slices.Clone(r.list) }

// Find returns the first rule that fits; ok is false if none does. local returns the networks of this machine's interfaces.
func (r *Rules) Find(c Client, local func() []netip.Prefix) (rule Rule, ok bool) {
	c.Address = c.Address.Unmap()
	for i := range r.list {
		if r.list[i].fits(&c, local) {
			return r.list[i], true
		}
	}
	return Rule{}, false
}

func (r *Rule) fits(c *Client, local func() []netip.Prefix) bool {
	switch {
	case (r.Type == "local") != c.Local, r.Type == "hostssl" && !c.TLS, r.Type == "hostnossl" && c.TLS:
		return false
	case !c.Local && !c.TLS && !c.Address.IsLoopback() && r.Method != Reject:
		return false
	}
	return r.fitsDatabase(c) && r.fitsUser(c) && (c.Local || r.fitsAddress(c.Address, local))
}

func (r *Rule) fitsDatabase(c *Client) bool {
	return slices.ContainsFunc(r.databases, func(w word) bool {
		return !w.quoted && (w.text == "all" || w.text == "sameuser" && c.Database == c.User) || w.text == c.Database
	})
}

func (r *Rule) fitsUser(c *Client) bool {
	return slices.ContainsFunc(r.users, func(w word) bool {
		if kind, ok := strings.CutPrefix(w.text, "+"); ok && !w.quoted {
			return c.Kind != "" && kind == c.Kind
		}
		return !w.quoted && w.text == "all" || w.text == c.User
	})
}

func (r *Rule) fitsAddress(a netip.Addr, local func() []netip.Prefix) bool {
	switch r.Address {
	case "all":
		return true
	case "samehost":
		return slices.ContainsFunc(local(), func(p netip.Prefix) bool { return p.Addr().Unmap() == a })
	case "samenet":
		return slices.ContainsFunc(local(), func(p netip.Prefix) bool { return p.Masked().Contains(a) })
	}
	return r.network.Contains(a)
}

// Parse reads a file. An error names name and line of every fault.
func Parse(name, text string) (*Rules, error) {
	r := &Rules{}
	var errs []error
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at, line := i+1, strings.TrimSuffix(lines[i], "\r")
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSuffix(lines[i], "\r")
		}
		fields, err := split(line)
		if err == nil && len(fields) > 0 {
			rule := Rule{Line: at}
			if err = rule.read(fields); err == nil {
				r.list = append(r.list, rule)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, at, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return r, nil
}

// split splits a line into fields, each a list of words.
func split(line string) (fields [][]word, err error) {
	var list []word
	var w word
	open, some, comma := false, false, false
	endWord := func() {
		if some {
			list, comma = append(list, w), false
		}
		w, some = word{}, false
	}
	endField := func() {
		endWord()
		if list != nil && !comma {
			fields, list = append(fields, list), nil
		}
	}
	for _, c := range line {
		switch {
		case c == '"':
			w.quoted = w.quoted || !some // as in PostgreSQL, where the word begins with the mark
			open, some = !open, true
		case open:
			w.text += string(c)
		case c == '#':
			endField()
			return fields, checkList(list)
		case c == ' ' || c == '\t':
			endField()
		case c == ',':
			endWord()
			comma = true
		default:
			if !some && list != nil && !comma {
				fields, list = append(fields, list), nil
			}
			w.text, some = w.text+string(c), true
		}
	}
	if open {
		return nil, errors.New("a quotation mark is not closed")
	}
	endField()
	return fields, checkList(list)
}

// checkList refuses a list that ends with a comma.
func checkList(rest []word) error {
	if rest != nil {
		return errors.New("a list ends with a comma")
	}
	return nil
}

// read reads the fields of a rule.
func (r *Rule) read(fields [][]word) error {
	switch r.Type = fields[0][0].text; r.Type {
	case "local", "host", "hostssl", "hostnossl":
	case "hostgssenc", "hostnogssenc":
		return fmt.Errorf("type %s: there is no GSSAPI; want local, host, hostssl or hostnossl", r.Type)
	default:
		return fmt.Errorf("type %q: want local, host, hostssl or hostnossl", r.Type)
	}
	switch {
	case r.Type == "local" && len(fields) < 4:
		return errors.New("want local, database, user and method")
	case r.Type != "local" && len(fields) < 5:
		return errors.New("want type, database, user, address and method")
	}
	for _, i := range []int{0, 3} {
		if len(fields[i]) > 1 {
			return fmt.Errorf("%q: a list is allowed for databases and users alone", fields[i][0].text)
		}
	}
	r.databases, r.users = fields[1], fields[2]
	for _, w := range r.databases {
		if err := w.checkDatabase(); err != nil {
			return err
		}
		r.Databases = append(r.Databases, w.text)
	}
	for _, w := range r.users {
		if err := w.checkUser(); err != nil {
			return err
		}
		r.Users = append(r.Users, w.text)
	}
	rest := fields[3:]
	if r.Type != "local" {
		var err error
		if rest, err = r.readAddress(fields[3][0].text, fields[4:]); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		return errors.New("want a method behind the mask")
	}
	r.Method = Method(rest[0][0].text)
	if err := r.Method.check(); err != nil {
		return err
	}
	for _, o := range rest[1:] {
		if err := r.option(o); err != nil {
			return err
		}
	}
	return r.check()
}

// checkDatabase refuses words that stand for databases elsewhere: a rule that fits nobody may be one that was to refuse somebody.
func (w *word) checkDatabase() error {
	if !w.quoted && (slices.Contains([]string{"samerole", "samegroup", "replication"}, w.text) || strings.HasPrefix(w.text, "@") || strings.HasPrefix(w.text, "/")) {
		return fmt.Errorf("database %s: want names, all or sameuser; files, regular expressions and other words are not known", w.text)
	}
	return nil
}

// checkUser refuses words that no role has as its name, nor can have.
func (w *word) checkUser() error {
	switch {
	case !w.quoted && (w.text == "all" || slices.Contains([]string{"+agency", "+auditor", "+operator"}, w.text)):
		return nil
	case strings.HasPrefix(w.text, "+"):
		return fmt.Errorf("%s: the roles that others are in are +agency, +auditor and +operator", w.text)
	case w.text == "" || len(w.text) > 63 || strings.Trim(w.text, "abcdefghijklmnopqrstuvwxyz0123456789_-.") != "":
		return fmt.Errorf("user %q: no role has this name; want names of a-z, 0-9, _, - and dot, all or a kind such as +agency; files and regular expressions are not known", w.text)
	}
	return nil
}

// readAddress reads an address, perhaps with its mask, and returns the fields behind it.
func (r *Rule) readAddress(text string, rest [][]word) ([][]word, error) {
	r.Address = text
	if text == "all" || text == "samehost" || text == "samenet" {
		return rest, nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil {
			return nil, fmt.Errorf("address %q: want all, samehost, samenet or an address such as 10.0.0.0/8; names of hosts are not looked up", text)
		}
		mask, maskErr := netip.ParseAddr(rest[0][0].text)
		bits := maskBits(mask)
		if maskErr != nil || mask.BitLen() != addr.BitLen() || bits < 0 {
			return nil, fmt.Errorf("address %q: want the number of bits behind it, such as %s/%d, or a mask", text, text, addr.BitLen())
		}
		prefix, rest = netip.PrefixFrom(addr, bits), rest[1:]
	}
	if prefix.Addr().Is4In6() {
		return nil, fmt.Errorf("address %q: write it as one of IPv4", text)
	}
	if prefix != prefix.Masked() {
		return nil, fmt.Errorf("address %q: bits are set behind the mask; want %s", text, prefix.Masked())
	}
	r.network, r.Address = prefix, prefix.Addr().String()
	r.Mask = maskOf(prefix).String()
	return rest, nil
}

// maskBits counts the ones of a mask, -1 if they do not all stand in front.
func maskBits(mask netip.Addr) int {
	if !mask.IsValid() {
		return -1
	}
	for bits := 0; bits <= mask.BitLen(); bits++ {
		if p := netip.PrefixFrom(mask, bits); maskOf(p) == mask {
			return bits
		}
	}
	return -1
}

// maskOf returns the mask of a network.
func maskOf(p netip.Prefix) netip.Addr {
	b := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (r *Rule) option(words []word) error {
	text := words[0].text
	if text != "clientcert=verify-full" || len(words) > 1 {
		return fmt.Errorf("option %q: the one there is is clientcert=verify-full", text)
	}
	r.VerifyFull = true
	return nil
}

// check refuses methods that are not known.
func (m Method) check() error {
	switch m {
	case Trust, Peer, SCRAM, Cert, Reject:
		return nil
	case "password", "md5":
		return fmt.Errorf("method %s is not safe: write scram-sha-256", m)
	}
	return fmt.Errorf("method %q: want trust, peer, scram-sha-256, cert or reject", m)
}

// check refuses rules that are dangerous or mean nothing.
func (r *Rule) check() error {
	here := r.Type == "local" || r.network.IsValid() && (within(r.network, "127.0.0.0/8") || within(r.network, "::1/128"))
	switch {
	case r.Method == Peer && r.Type != "local":
		return errors.New("method peer is for type local: over a network nobody knows who runs the client")
	case r.Method == Trust && !here:
		return fmt.Errorf("method trust is for loopback addresses alone (127.0.0.0/8, ::1/128), not for %s: write scram-sha-256 or cert", r.Address)
	case (r.Method == Cert || r.VerifyFull) && r.Type != "hostssl":
		return errors.New("client certificates need type hostssl")
	case r.VerifyFull && r.Method != SCRAM && r.Method != Cert:
		return fmt.Errorf("clientcert=verify-full goes with scram-sha-256, not with %s", r.Method)
	case r.Type == "hostnossl" && !here && r.Method != Reject:
		return fmt.Errorf("type hostnossl is for loopback addresses alone, not for %s: others need TLS", r.Address)
	}
	return nil
}

// within reports whether all addresses of p are in a network.
func within(p netip.Prefix, network string) bool {
	n := netip.MustParsePrefix(network)
	return n.Bits() <= p.Bits() && n.Contains(p.Addr())
}
