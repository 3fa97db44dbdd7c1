package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
)

const ingested = "client-ns/row p50-us p99-us p999-us peak-MB rows/s server-ns/row settled-rows/s stored-B/row written-B/row"

// A load on a server of its own, with proofs verified and fsck.
func TestIngest(t *testing.T) {
	t.Parallel()
	b, o := tiny(), servers(t)
	b.Runs = 1
	if err := b.Ingest(t.Context(), o, []Load{{"copy-binary", 2}, {"insert", 2}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range b.Record.Samples { // how many proofs were seen within so short a time is up to chance
		delete(s.Values, "proof-p50-ms")
		delete(s.Values, "proof-p99-ms")
	}
	mustRecord(t, b.Record, map[string]string{
		"ingest/how=copy-binary/clients=2/by=jurat": ingested,
		"ingest/how=insert/clients=2/by=jurat":      ingested,
		"open-loop/how=insert/clients=2/by=jurat":   "offered/s p50-us p99-us p999-us",
	})
	if b.Record.Durability["jurat"] == "" {
		t.Error("no word about durability")
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	o.Targets = []*target.Target{o.Targets[0].OverUnixSocket()}
	if err := b.Ingest(t.Context(), o, []Load{{"pgx", 1}}); err != nil || b.Record.Samples[len(b.Record.Samples)-1].Key("by") != "jurat-unix" {
		t.Errorf("over a Unix socket: %v, %+v", err, b.Record.Samples)
	}
	err := b.Ingest(t.Context(), o, []Load{{"telepathy", 1}})
	if err == nil || !strings.Contains(err.Error(), "copy-binary") {
		t.Errorf("error %v", err)
	}
}

// running starts a server that lasts as long as the test, warmed up, and a prover of it.
func running(t *testing.T) (*target.Server, *prover) {
	t.Helper()
	s, err := servers(t).Targets[0].Start(t.Context(), filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	if err := warmUp(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	p, err := newProver(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// Every way to file files the digests that it says, each once.
func TestMethods(t *testing.T) {
	t.Parallel()
	s, p := running(t)
	filed := uint64(1)
	for i, m := range methods {
		digests := stream.Stream(100 + i)
		f, err := newFiler(t.Context(), s, m, 2, 1500, digests)
		if err != nil {
			t.Fatal(err)
		}
		latency, took, err := f.closed(t.Context(), 0.05)
		if err != nil || took <= 0 {
			t.Fatalf("%s: %v, %v", m.name, took, err)
		}
		n := f.next.Load()
		if latency.Count() != n/uint64(f.rows) || n == 0 {
			t.Errorf("%s: %d operations of %d rows filed %d", m.name, latency.Count(), f.rows, n)
		}
		if err := p.sample(t.Context(), digests, n, 5); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if _, err := p.prove(t.Context(), digests.At(n)); err == nil {
			t.Errorf("%s: a digest is filed that was not to be", m.name)
		}
		filed += n
		f.close()
	}
	if sum, err := p.conn.Exec("SELECT sum(leaves) FROM rounds"); err != nil || sum[0] != fmt.Sprint(filed) {
		t.Errorf("the server counts %v leaves, %d were filed: %v", sum, filed, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRounds(t *testing.T) {
	t.Parallel()
	b := tiny()
	b.Runs = 1
	if err := b.Rounds(t.Context(), servers(t), 100); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, n := range []int{1, 10, 100} {
		want[fmt.Sprintf("round/leaves=%d/by=jurat", n)] = "lag-ms server-ns/leaf written-B/leaf"
	}
	mustRecord(t, b.Record, want)
}

func TestProofs(t *testing.T) {
	t.Parallel()
	b := tiny()
	if err := b.Proofs(t.Context(), servers(t), &Proofs{Leaves: 2000, Clients: []int{1, 2}, Warm: 0.01}); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for clients := 1; clients <= 2; clients++ {
		for _, s := range searches {
			units := "ops/s p50-us p99-us p999-us server-us/op"
			if s.rows > 1 {
				units = "found/s " + units
			}
			want[fmt.Sprintf("proof/leaves=2000/find=%s/clients=%d/by=jurat", s.name, clients)] = units
		}
	}
	mustRecord(t, b.Record, want)
}

// PostgreSQL beside the server, where it is installed.
func TestPostgres(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("makes two database clusters")
	}
	keyed, err := target.Postgres(true)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	bare, err := target.Postgres(false)
	if err != nil {
		t.Fatal(err)
	}
	b, o := tiny(), servers(t)
	b.Runs = 1
	if o.Dir, err = os.MkdirTemp("", "jurat-bench-test-"); err != nil { // t.TempDir is closed to user postgres
		t.Fatal(err)
	}
	defer os.RemoveAll(o.Dir)
	if err := os.Chmod(o.Dir, 0o711); err != nil {
		t.Fatal(err)
	}
	jurat := o.Targets[0]
	o.Targets = []*target.Target{bare}
	if err := b.Ingest(t.Context(), o, []Load{{"insert", 1}}); err != nil {
		t.Fatal(err)
	}
	o.Targets = []*target.Target{keyed.OverUnixSocket(), jurat.OverUnixSocket()}
	if err := b.Proofs(t.Context(), o, &Proofs{Leaves: 2000, Clients: []int{1}}); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, s := range Summarize(b.Record.Samples) {
		seen[s.What()+" "+s.Key("by")] = true
		if s.What() != "open-loop" && s.Ratio <= 0 {
			t.Errorf("%s has no ratio", s.Name)
		}
	}
	for _, name := range []string{"ingest postgres-unindexed", "open-loop postgres-unindexed", "proof postgres-unix", "proof jurat-unix"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

// A long run ends with its leaves counted, proven and checked; one that was cut short, with a COPY acknowledged that the journal
// does not know of, goes on.
func TestBillion(t *testing.T) {
	t.Parallel()
	const rows, copies = 500, 8
	b := tiny()
	o := &Billion{Leaves: rows * copies, CopyRows: rows, Clients: 2, Dir: t.TempDir(), Proofs: 5}
	jurat := servers(t).Targets[0]
	interrupted(t, b, o, jurat)
	if err := b.Billion(t.Context(), jurat, o); err != nil {
		t.Fatal(err)
	}
	at := b.Record.Samples[1:]
	if len(at) != copies || at[copies-1].Key("leaves") != fmt.Sprint(rows*copies) || at[0].Values["resident-MB"] <= 0 {
		t.Errorf("the curve is %+v", at)
	}
	b.Record.Samples = b.Record.Samples[:1]
	mustRecord(t, b.Record, map[string]string{
		fmt.Sprintf("billion/leaves=%d/clients=2/by=jurat", rows*copies): "fsck-s peak-MB rows/s server-ns/row settled-rows/s stored-B/row verified-proofs verify-ms/proof written-B/row",
	})
	other := *o
	other.Leaves += rows
	if err := b.Billion(t.Context(), jurat, &other); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a run of another size goes on: %v", err)
	}
}

// interrupted leaves behind what a run does that was killed: COPYs 0 and 2 in the journal, 1 acknowledged but not in it, and
// half a line.
func interrupted(t *testing.T, b *Bench, o *Billion, jurat *target.Target) {
	t.Helper()
	s, err := jurat.Start(t.Context(), filepath.Join(o.Dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	conn, err := s.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := openJournal(filepath.Join(o.Dir, "journal.jsonl"), journalHead{Format, b.Seed, o.Leaves, o.CopyRows})
	if err != nil {
		t.Fatal(err)
	}
	for k := range uint64(3) {
		if err := conn.Copy(load.Binary, stream.Stream(b.Seed), k*uint64(o.CopyRows), uint64(o.CopyRows)); err != nil {
			t.Fatal(err)
		}
		if k == 1 {
			continue
		}
		if err := j.append(event{Copy: k, Seconds: float64(k + 1), Resident: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.file.WriteString(`{"copy":3,`); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
}

// What was acknowledged and is not there is found out.
func TestMissing(t *testing.T) {
	t.Parallel()
	s, p := running(t)
	conn, err := s.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digests := stream.Stream(1)
	if err := conn.Copy(load.CSV, digests, 0, 9); err != nil {
		t.Fatal(err)
	}
	if err := p.sample(t.Context(), digests, 9, 3); err != nil {
		t.Error(err)
	}
	if err := p.sample(t.Context(), digests, 10, 1); err == nil || !strings.Contains(err.Error(), "found 0 times") {
		t.Errorf("a digest that was never filed: %v", err)
	}
	d := digests.At(2)
	var signature []byte
	if _, err := p.conn.Run(lookup, d[:], func(_, _ int, v []byte) { signature = append(signature, v...) }); err != nil {
		t.Fatal(err)
	}
	if _, err := verified(t.Context(), digests.At(3), signature, p.certificates); err == nil {
		t.Error("a proof of one digest passes for another")
	}
}
