package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/guardtime/goksi/blocksigner"
	"github.com/guardtime/goksi/errors"
	"github.com/guardtime/goksi/hash"
	"github.com/guardtime/goksi/pdu"
	"github.com/guardtime/goksi/publications"
	"github.com/guardtime/goksi/service"
	"github.com/guardtime/goksi/signature"
	"github.com/guardtime/goksi/treebuilder"
	"github.com/jackc/pgx/v5"
)

// transports are the schemes with which goksi reaches the gateway.
var transports = []string{"ksi+http", "ksi", "http", "ksi+tcp"}

// maxLevel is the highest level that the gateway signs.
const maxLevel = 32

func (s *server) endpoint(scheme string) string {
	if scheme == "ksi+tcp" {
		return scheme + "://" + s.tcp
	}
	return scheme + "://" + s.http
}

// signer returns goksi's signer over a gateway of the server.
func (s *server) signer(t *testing.T, scheme, agency, key string, options ...service.Option) *service.Signer {
	t.Helper()
	signer, err := service.NewSigner(append([]service.Option{service.OptEndpoint(s.endpoint(scheme), agency, key)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// extender returns goksi's extender over a gateway of the server; h is where it gets the publications file, nil for none.
func (s *server) extender(t *testing.T, scheme, agency, key string, h *publications.FileHandler) *service.Extender {
	t.Helper()
	e, err := service.NewExtender(h, service.OptEndpoint(s.endpoint(scheme), agency, key))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// agency makes an agency with a key for the gateway.
func (s *server) agency(t *testing.T, name string) (key string) {
	t.Helper()
	s.exec(t, fmt.Sprintf(`CREATE ROLE %q LOGIN`, name))
	if err := s.connect(t, "jurat").QueryRow(context.Background(), `SELECT set_ksi_key($1)`, name).Scan(&key); err != nil {
		t.Fatal(err)
	}
	return key
}

// keep makes a signature that goksi got for a document a filed one.
func (s *server) keep(t *testing.T, agency, path string, imprint hash.Imprint, sig *signature.Signature, claims ...string) *filed {
	t.Helper()
	f := &filed{agency: agency, lane: "ksi", server: s.name, imprint: imprint, path: path, claims: claims}
	var err error
	if f.round, err = sig.SigningTime(); err != nil {
		t.Fatal(err)
	}
	if f.signature, err = sig.Serialize(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path+".ksig", f.signature)
	return f
}

// mustBeLeaf demands that an agency finds a signed imprint among its hashes, in the round of the signature, and that the
// server proves it with the signature that goksi got.
func (s *server) mustBeLeaf(t *testing.T, conn *pgx.Conn, f *filed) {
	t.Helper()
	var round time.Time
	var lane, algorithm string
	err := conn.QueryRow(context.Background(), `SELECT round, lane, algorithm FROM hashes WHERE digest = $1`, f.imprint.Digest()).
		Scan(&round, &lane, &algorithm)
	if err != nil {
		t.Fatalf("%s: the leaf: %v", f, err)
	}
	if !round.Equal(f.round) || lane != "ksi" || algorithms[algorithm].id != f.imprint.Algorithm() {
		t.Errorf("%s: SQL says round %s, lane %s, algorithm %s", f, round.UTC(), lane, algorithm)
	}
	var proof []byte
	if err := conn.QueryRow(context.Background(), `SELECT signature FROM proofs WHERE digest = $1`, f.imprint.Digest()).Scan(&proof); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(proof, f.signature) {
		t.Errorf("%s: SQL gives another signature than the gateway", f)
	}
}

// TestSigner signs documents of several algorithms and levels over every transport and with both HMAC algorithms, all at
// once, and verifies what comes back.
func TestSigner(t *testing.T) {
	s := startServer(t, t.TempDir(), "ledger.example")
	key := s.agency(t, "canton")
	type request struct {
		*filed
		signer *service.Signer
		level  byte
		sig    *signature.Signature
		err    error
	}
	var requests []*request
	for _, scheme := range transports {
		for _, hmac := range []hash.Algorithm{hash.SHA2_256, hash.SHA2_512} {
			for _, algorithm := range []string{"sha256", "sha384", "sha512"} {
				for _, level := range []byte{0, 1, 7, maxLevel} {
					name := fmt.Sprintf("%s-%s-%s-%d", scheme, hmac, algorithm, level)
					paths, contents := documents(t, name, 1)
					requests = append(requests, &request{
						filed:  &filed{imprint: imprintOf(algorithm, contents[0]), path: paths[0]},
						signer: s.signer(t, scheme, "canton", key, service.OptHmacAlgorithm(hmac)),
						level:  level,
					})
				}
			}
		}
	}
	var flight sync.WaitGroup
	for _, r := range requests {
		flight.Go(func() { r.sig, r.err = r.signer.Sign(r.imprint, service.SignOptionLevel(r.level)) })
	}
	flight.Wait()
	w, conn, rounds := s.trust(t), s.connect(t, "canton"), map[time.Time]int{}
	for _, r := range requests {
		if r.err != nil {
			t.Errorf("%s: %v", r.path, r.err)
			continue
		}
		f := s.keep(t, "canton", r.path, r.imprint, r.sig)
		mustVerify(t, w, f)
		s.mustBeLeaf(t, conn, f)
		mustBearLevels(t, f)
		rounds[f.round]++
	}
	t.Logf("requests in a round: %v", rounds)
}

// TestSignerRefused shows how goksi sees refusals.
func TestSignerRefused(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	key, other := s.agency(t, "canton"), s.agency(t, "city")
	s.exec(t, `CREATE ROLE keyless LOGIN`)
	s.agency(t, "former")
	gone := s.agency(t, "gone")
	s.exec(t, `SELECT set_ksi_key('former')`)
	s.exec(t, `SELECT set_ksi_key('gone', NULL)`)
	sha1 := append(hash.Imprint{byte(hash.SHA1)}, bytes.Repeat([]byte{7}, 20)...)
	good := imprintOf("sha256", []byte("refused"))
	for _, c := range []struct {
		name, agency, key string
		imprint           hash.Imprint
		level             byte
		code              errors.ErrorCode
		status            int
	}{
		{"level", "canton", key, good, maxLevel + 1, errors.KsiServiceAggrInputTooLong, 0x107},
		{"highest level", "canton", key, good, 255, errors.KsiServiceAggrInputTooLong, 0x107},
		{"algorithm", "canton", key, sha1, 0, errors.KsiServiceInvalidPayload, 0x103},
		{"another's key", "canton", other, good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
		{"a letter of the key", "canton", "x" + key[1:], good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
		{"no such login", "nobody", key, good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
		{"a login without a key", "keyless", key, good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
		{"a key taken away", "gone", gone, good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
		{"the superuser, who has none", "jurat", key, good, 0, errors.KsiServiceAuthenticationFailure, 0x102},
	} {
		for _, scheme := range transports {
			_, err := s.signer(t, scheme, c.agency, c.key).Sign(c.imprint, service.SignOptionLevel(c.level))
			if goksiCode(err) != c.code || errors.KsiErr(err).ExtCode() != c.status {
				t.Errorf("%s, %s: %v", c.name, scheme, err)
			}
		}
	}
	var n int
	if err := s.connect(t, "jurat").QueryRow(context.Background(), `SELECT count(*) FROM hashes`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d hashes were filed, %v", n, err)
	}
}

// TestSignerOtherKey replaces an agency's key: the one before is refused, the new one is accepted.
func TestSignerOtherKey(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	before := s.agency(t, "canton")
	out, code := jurat(t, t.TempDir(), "role", "ksi-key", "canton", "--server", s.url("jurat"))
	after := string(bytes.TrimSpace([]byte(out)))
	if code != 0 || after == before {
		t.Fatalf("jurat role ksi-key ends with %d: %s", code, out)
	}
	imprint := imprintOf("sha256", []byte("another key"))
	if _, err := s.signer(t, "ksi+tcp", "canton", before).Sign(imprint); goksiCode(err) != errors.KsiServiceAuthenticationFailure {
		t.Errorf("with the key before: %v", err)
	}
	if _, err := s.signer(t, "ksi+tcp", "canton", after).Sign(imprint); err != nil {
		t.Errorf("with the new key: %v", err)
	}
}

// TestQuota asks more often in a second than the gateway is told to allow.
func TestQuota(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat", "--gateway-requests", "2")
	key := s.agency(t, "canton")
	errs := make([]error, 40)
	var flight sync.WaitGroup
	for i := range errs {
		signer := s.signer(t, transports[i%len(transports)], "canton", key)
		flight.Go(func() { _, errs[i] = signer.Sign(imprintOf("sha256", fmt.Appendf(nil, "quota %d", i))) })
	}
	flight.Wait()
	counts := map[errors.ErrorCode]int{}
	for _, err := range errs {
		counts[goksiCode(err)]++
	}
	if counts[errors.KsiNoError] < 2 || counts[errors.KsiServiceAggrRequestOverQuota] == 0 || len(counts) != 2 {
		t.Errorf("answers: %v", counts)
	}
}

// TestHighAvailability lets goksi ask three gateways of which one is not there.
func TestHighAvailability(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	key := s.agency(t, "canton")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	signer, err := service.NewSigner(
		service.OptHighAvailability(service.OptEndpoint("ksi+tcp://"+closed.Addr().String(), "canton", key)),
		service.OptHighAvailability(service.OptEndpoint(s.endpoint("ksi+http"), "canton", key)),
		service.OptHighAvailability(service.OptEndpoint(s.endpoint("ksi+tcp"), "canton", key)),
	)
	if err != nil {
		t.Fatal(err)
	}
	paths, contents := documents(t, "ha", 1)
	imprint := imprintOf("sha256", contents[0])
	sig, err := signer.Sign(imprint)
	if err != nil {
		t.Fatal(err)
	}
	mustVerify(t, s.trust(t), s.keep(t, "canton", paths[0], imprint, sig))
}

// TestConfig reads the configuration of aggregator and extender with goksi.
func TestConfig(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat", "--gateway-requests", "321")
	key := s.agency(t, "canton")
	var first int64
	s.closeRound(t)
	if err := s.connect(t, "jurat").QueryRow(context.Background(), `SELECT min(second) FROM calendar`).Scan(&first); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range transports {
		c, err := s.signer(t, scheme, "canton", key).Config()
		if err != nil {
			t.Fatal(err)
		}
		level, err1 := c.MaxLevel()
		algorithm, err2 := c.AggrAlgo()
		period, err3 := c.AggrPeriod()
		requests, err4 := c.MaxReq()
		if level != maxLevel || algorithm != hash.SHA2_256 || period != 1000 || requests != 321 {
			t.Errorf("%s: level %d, algorithm %s, period %d ms, %d requests, %v %v %v %v", scheme, level, algorithm, period, requests, err1, err2, err3, err4)
		}
		before := s.closed(t).Unix()
		if c, err = s.extender(t, scheme, "canton", key, nil).Config(); err != nil {
			t.Fatal(err)
		}
		after := s.closed(t).Unix()
		from, err1 := c.CalFirst()
		to, err2 := c.CalLast()
		requests, err3 = c.MaxReq()
		if int64(from) != first || int64(to) < before || int64(to) > after || requests != 321 {
			t.Errorf("%s: calendar %d to %d, want %d to %d at least and %d at most, %d requests, %v %v %v", scheme, from, to, first, before, after, requests, err1, err2, err3)
		}
		if _, err := s.signer(t, scheme, "canton", "wrong key").Config(); goksiCode(err) != errors.KsiServiceAuthenticationFailure {
			t.Errorf("%s: with a wrong key: %v", scheme, err)
		}
	}
}

// A block is documents that goksi hashes into a tree of which the gateway signs the root.
type block struct {
	name    string
	n       int
	meta    bool // whether each document has the name of its author
	options []treebuilder.TreeOpt
}

// signBlock signs a block and returns its proofs.
func (s *server) signBlock(t *testing.T, signer *service.Signer, agency string, b block) (root *filed, leaves []*filed) {
	t.Helper()
	blocks, err := blocksigner.New(signer, b.options...)
	if err != nil {
		t.Fatal(err)
	}
	paths, contents := documents(t, b.name, b.n)
	for i, c := range contents {
		f := &filed{imprint: imprintOf("sha256", c), path: paths[i]}
		options := []treebuilder.InputHashOption{treebuilder.InputHashOptionUserContext(i)}
		if b.meta {
			author := fmt.Sprintf("author %d", i%3)
			m, err := pdu.NewMetaData(author, pdu.MetaDataMachineID("desk"), pdu.MetaDataSequenceNr(uint64(i)), pdu.MetaDataReqTime(uint64(time.Now().UnixMicro())))
			if err != nil {
				t.Fatal(err)
			}
			f.claims = []string{author}
			options = append(options, treebuilder.InputHashOptionMetadata(m))
		}
		if err := blocks.AddNode(f.imprint, options...); err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, f)
	}
	whole, err := blocks.Sign()
	if err != nil {
		t.Fatal(err)
	}
	imprint, level, err := blocks.Aggregate()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d documents, level %d", b.name, b.n, level)
	root = s.keep(t, agency, filepath.Join(t.TempDir(), "root"), imprint, whole)
	signatures, at, err := blocks.Signatures()
	if err != nil || len(signatures) != b.n {
		t.Fatalf("%d signatures: %v", len(signatures), err)
	}
	for i, sig := range signatures {
		if at[i] != i {
			t.Fatalf("signature %d is that of document %v", i, at[i])
		}
		leaves[i] = s.keep(t, agency, leaves[i].path, leaves[i].imprint, sig, leaves[i].claims...)
	}
	return root, leaves
}

// TestBlockSigner signs trees of goksi's, with names of its own in them and with blinding masks, and verifies the proofs
// of the leaves. A tree of one document without a name is none: goksi makes no chain of it.
func TestBlockSigner(t *testing.T) {
	s := startServer(t, t.TempDir(), "jurat")
	key := s.agency(t, "canton")
	w, conn := s.trust(t), s.connect(t, "canton")
	seed := bytes.Repeat([]byte{7}, 32)
	masked := []treebuilder.TreeOpt{treebuilder.TreeOptMaskingWithPreviousLeaf(seed, hash.SHA2_256.ZeroImprint())}
	for i, b := range []block{
		{name: "pair", n: 2},
		{name: "odd", n: 5},
		{name: "wide", n: 64},
		{name: "named", n: 6, meta: true},
		{name: "one-named", n: 1, meta: true},
		{name: "masked", n: 9, options: masked},
		{name: "masked-named", n: 3, meta: true, options: masked},
		{name: "sha512", n: 4, meta: true, options: []treebuilder.TreeOpt{treebuilder.TreeOptAlgorithm(hash.SHA2_512)}},
		{name: "limited", n: 8, options: []treebuilder.TreeOpt{treebuilder.TreeOptMaxLevel(maxLevel)}},
	} {
		t.Run(b.name, func(t *testing.T) {
			root, leaves := s.signBlock(t, s.signer(t, transports[i%len(transports)], "canton", key), "canton", b)
			s.mustBeLeaf(t, conn, root)
			for _, i := range sample(b.n) {
				mustVerify(t, w, leaves[i])
				mustName(t, leaves[i])
				// A proof of one leaf is none of another document.
				if b.n == 1 {
					continue
				}
				ours, theirs := ask(t, w, "general", leaves[(i+1)%b.n], leaves[i].signature)
				if want := (verdict{"FAIL", "GEN-01"}); ours != want || theirs != want {
					t.Errorf("%s for another document: jurat says %s, goksi says %s", leaves[i], ours, theirs)
				}
			}
		})
	}
}

// mustName demands that jurat inspect and jurat verify tell the agency, which the server put into a proof, from the names
// that the client put there.
func mustName(t *testing.T, f *filed) {
	t.Helper()
	out, code := jurat(t, t.TempDir(), "inspect", f.path+".ksig")
	for _, name := range append([]string{f.agency, f.server + "/" + f.lane}, f.claims...) {
		if code != 0 || !bytes.Contains([]byte(out), []byte(name)) {
			t.Errorf("%s: jurat inspect ends with %d and does not show %q:\n%s", f, code, name, out)
		}
	}
	if out, code := jurat(t, t.TempDir(), "inspect", "--json", f.path+".ksig"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("%s: jurat inspect --json ends with %d: %s", f, code, out)
	}
	r := juratReport(t, "internal", f.path, f.path+".ksig")
	if r.Agency != f.agency || r.Lane != f.server+"/"+f.lane || fmt.Sprint(r.Claims) != fmt.Sprint(f.claims) {
		t.Errorf("%s: jurat verify says agency %q, lane %q, claims %q; want claims %q", f, r.Agency, r.Lane, r.Claims, f.claims)
	}
}
