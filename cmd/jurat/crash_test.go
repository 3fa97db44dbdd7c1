package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// An acknowledgement is what a client was told before the server died.
type acknowledgement struct {
	digest  []byte
	receipt string // empty if the client did not ask for it
}

// A load files digests with one server until it dies.
type load struct {
	server *serverProcess
	ctx    context.Context
	psql   bool // is installed

	scripts atomic.Int64 // of psql that were acknowledged

	mu   sync.Mutex // covers acks
	acks []acknowledgement
}

func (l *load) acked(a ...acknowledgement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks = append(l.acks, a...)
}

// inserts files one digest after the other and notes the receipts.
func (l *load) inserts(stream int) {
	conn, err := pgx.Connect(l.ctx, l.server.url())
	for i := 0; err == nil; i++ {
		a := acknowledgement{digest: testDigest(stream, i)}
		err = conn.QueryRow(l.ctx, `INSERT INTO hashes (digest) VALUES ($1) RETURNING receipt`, a.digest).Scan(&a.receipt)
		if err == nil {
			l.acked(a)
		}
	}
}

// copies files 500 digests at a time, up to 50 times a second: what is filed is looked up again.
func (l *load) copies(stream int) {
	conn, err := pgx.Connect(l.ctx, l.server.url())
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for i := 0; err == nil; i += 500 {
		<-pace.C
		rows := make([][]any, 500)
		acks := make([]acknowledgement, 500)
		for j := range rows {
			acks[j].digest = testDigest(stream, i+j)
			rows[j] = []any{acks[j].digest}
		}
		_, err = conn.CopyFrom(l.ctx, pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromRows(rows))
		if err == nil {
			l.acked(acks...)
		}
	}
}

// bulk files 70,000 digests at a time, which go into tables of their own and not through the log, every tenth of a second. One
// in a thousand is looked up again, and the last.
func (l *load) bulk(stream int) {
	const rows = 70_000
	conn, err := pgx.Connect(l.ctx, l.server.url())
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for i := 0; err == nil; i += rows {
		<-pace.C
		var acks []acknowledgement
		_, err = conn.CopyFrom(l.ctx, pgx.Identifier{"hashes"}, []string{"digest"}, pgx.CopyFromSlice(rows, func(j int) ([]any, error) {
			d := testDigest(stream, i+j)
			if j%1000 == 0 || j == rows-1 {
				acks = append(acks, acknowledgement{digest: d})
			}
			return []any{d}, nil
		}))
		if err == nil {
			l.acked(acks...)
		}
	}
}

// psqls files three digests a process, in one transaction, where psql is installed.
func (l *load) psqls(stream int) {
	if !l.psql {
		return
	}
	for i := 0; l.ctx.Err() == nil; i += 3 {
		script := "BEGIN;\n"
		acks := make([]acknowledgement, 3)
		for j := range acks {
			acks[j].digest = testDigest(stream, i+j)
			script += fmt.Sprintf("INSERT INTO hashes (digest) VALUES ('\\x%x');\n", acks[j].digest)
		}
		cmd := exec.CommandContext(l.ctx, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", l.server.url())
		cmd.Stdin = strings.NewReader(script + "COMMIT;\n")
		if cmd.Run() == nil {
			l.acked(acks...)
			l.scripts.Add(1)
		}
	}
}

// TestKill kills the server under load, over and over, and demands after each restart that everything that any client
// was told is there: in the round of its receipt, with a proof that verifies.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 4
	if soak() {
		kills = 60
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	psql := installed(t, "psql")
	scripts := int64(0)
	var all, latest []acknowledgement
	for k := range kills {
		s := startServer(t, dir)
		mustHold(t, s, latest, r)
		ctx, cancel := context.WithCancel(context.Background())
		l := &load{server: s, ctx: ctx, psql: psql}
		var wg sync.WaitGroup
		for c := range 4 {
			wg.Go(func() { l.inserts(k*100 + c) })
		}
		for c := range 2 {
			wg.Go(func() { l.copies(k*100 + 10 + c) })
		}
		wg.Go(func() { l.bulk(k*100 + 15) })
		wg.Go(func() { l.psqls(k*100 + 20) })
		<-time.After(time.Duration(300+r.IntN(1700)) * time.Millisecond)
		s.kill()
		cancel()
		wg.Wait()
		latest = l.acks
		scripts += l.scripts.Load()
		all = append(all, latest...)
		if out := run(t, dir, "fsck", "--data", dir); out.code != 0 {
			t.Fatalf("kill %d: fsck ended with %d:\n%s%s", k, out.code, out.stdout, out.stderr)
		}
	}
	s := startServer(t, dir)
	mustHold(t, s, all, r)
	s.stop()
	if len(all) < 100*kills {
		t.Errorf("%d digests acknowledged only", len(all))
	}
	if psql && scripts == 0 {
		t.Error("psql files nothing")
	}
	t.Logf("%d digests acknowledged over %d kills", len(all), kills)
}

// mustHold finds every acknowledged digest and verifies the proofs of some.
func mustHold(t *testing.T, s *serverProcess, all []acknowledgement, r *rand.Rand) {
	t.Helper()
	conn := s.connect()
	defer conn.Close(context.Background())
	for len(all) > 0 {
		n := min(len(all), 1000)
		mustFind(t, conn, all[:n])
		mustVerify(t, s, conn, all[r.IntN(n)])
		all = all[n:]
	}
}

// mustFind demands that the digests are filed, each with its receipt.
func mustFind(t *testing.T, conn *pgx.Conn, acks []acknowledgement) {
	t.Helper()
	digests := make([][]byte, len(acks))
	for i, a := range acks {
		digests[i] = a.digest
	}
	rows, err := conn.Query(context.Background(), `SELECT digest, receipt FROM hashes WHERE digest = ANY($1)`, digests)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	var digest []byte
	var receipt string
	_, err = pgx.ForEachRow(rows, []any{&digest, &receipt}, func() error {
		found[string(digest)] = append(found[string(digest)], receipt)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range acks {
		receipts := found[string(a.digest)]
		if len(receipts) != 1 || a.receipt != "" && receipts[0] != a.receipt {
			t.Fatalf("digest %x was acknowledged as %q and stands at %q", a.digest, a.receipt, receipts)
		}
	}
}

// mustVerify demands a proof that verifies and names the round of the receipt.
func mustVerify(t *testing.T, s *serverProcess, conn *pgx.Conn, a acknowledgement) {
	t.Helper()
	var data []byte
	var receipt string
	err := conn.QueryRow(context.Background(), `SELECT signature, receipt FROM proofs WHERE digest = $1`, a.digest).Scan(&data, &receipt)
	if err != nil {
		t.Fatalf("proof of %x: %v", a.digest, err)
	}
	signature, err := ksi.Parse(data)
	if err != nil {
		t.Fatalf("proof of %x: %v", a.digest, err)
	}
	im, err := merkle.NewImprint(merkle.SHA256, a.digest)
	if err != nil {
		t.Fatal(err)
	}
	result := ksi.Verify(t.Context(), signature, ksi.Options{Policy: ksi.KeyBased, Document: &im, Certificates: s.certificates()})
	if result.Verdict != ksi.OK || !strings.HasPrefix(receipt, signature.Time().String()+"/") {
		t.Fatalf("proof of %s, receipt %s: %s at %s", hex.EncodeToString(a.digest), receipt, result, signature.Time())
	}
	input := signature.InputImprint()
	if !bytes.Equal(input.Digest(), a.digest) {
		t.Fatalf("proof of %x is for %s", a.digest, input)
	}
}
