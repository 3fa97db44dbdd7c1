package bench

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/bench/target"
)

// binary is where the program is built, once, when the first test wants it.
var binary struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(binary.dir)
	os.Exit(code)
}

// program builds the program and returns its path.
func program(t *testing.T) string {
	t.Helper()
	binary.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "jurat-binary"); binary.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", binary.dir, "../cmd/jurat").CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "jurat")
}

// tiny returns a Bench whose runs take no time to speak of.
func tiny() *Bench {
	return &Bench{
		Seed:     1,
		Runs:     2,
		Seconds:  0.05,
		Progress: func(string, int64, int64) {},
		Record:   &Record{Format: Format, Started: time.Unix(0, 0).UTC(), Machine: ThisMachine(), Seed: 1},
	}
}

func servers(t *testing.T) *Servers {
	return &Servers{Targets: []*target.Target{target.Jurat("jurat", program(t))}, Dir: t.TempDir(), CopyRows: 1000}
}

// mustRecord demands samples of exactly these names, each with positive values of exactly these units, and that the record
// reads back as it was written.
func mustRecord(t *testing.T, r *Record, want map[string]string) {
	t.Helper()
	got := make(map[string]bool)
	for _, s := range r.Samples {
		got[s.Name] = true
		units := strings.Join(slices.Sorted(maps.Keys(s.Values)), " ")
		if w, ok := want[s.Name]; !ok || units != w {
			t.Errorf("%s has %s", s.Name, units)
		}
		for unit, v := range s.Values {
			if v <= 0 && unit != "written-B/row" && unit != "written-B/leaf" {
				t.Errorf("%s: %v %s", s.Name, v, unit)
			}
		}
	}
	for name := range want {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&text)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("read back: %v\n%+v\nwas\n%+v", err, again, r)
	}
}

func TestKernel(t *testing.T) {
	b := tiny()
	if err := b.Kernel(t.Context(), 1<<13); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, n := range []int{1 << 10, 1 << 13} {
		for _, by := range append([]string{"stdlib"}, kernelNames()...) {
			want[fmt.Sprintf("kernel/leaves=%d/by=%s", n, by)] = "hashes/s ns/leaf"
		}
	}
	mustRecord(t, b.Record, want)
}

func TestTree(t *testing.T) {
	b := tiny()
	if err := b.Tree(t.Context(), 1<<13); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, n := range []int{1 << 10, 1 << 12, 1 << 13} {
		for threads := 1; threads <= 2; threads++ {
			want[fmt.Sprintf("tree/leaves=%d/by=%d-thread", n, threads)] = "hashes/s ns/leaf"
		}
	}
	mustRecord(t, b.Record, want)
	if err := b.Tree(t.Context(), 1000); err == nil {
		t.Error("a tree over 1000 leaves is built")
	}
}

// Leaves made meanwhile give the tree that leaves in memory give, however many threads share it.
func TestThreads(t *testing.T) {
	b := tiny()
	var contenders []Contender
	for _, threads := range []int{1, 2, 4} {
		contenders = append(contenders, b.threads(1<<16, threads, true), b.threads(1<<16, threads, false))
	}
	if err := b.Alternate(t.Context(), "threads", contenders...); err != nil {
		t.Fatal(err)
	}
	for i, s := range b.Record.Samples {
		if _, told := s.Values["make-ns/leaf"]; told != (i%2 == 1) {
			t.Errorf("%s: %v", s.Name, s.Values)
		}
	}
}

func TestCalendar(t *testing.T) {
	b := tiny()
	if err := b.Calendar(t.Context(), 100_000); err != nil {
		t.Fatal(err)
	}
	mustRecord(t, b.Record, map[string]string{
		"calendar/seconds=100000/by=build":    "rows/s total-s",
		"calendar/seconds=100000/by=1-thread": "rows/s total-s",
		"calendar/seconds=100000/by=2-thread": "rows/s total-s",
	})
	if err := b.Calendar(t.Context(), 1); err == nil {
		t.Error("a calendar of one second is built")
	}
}

// Contenders that compute different things are found out.
func TestDisagreement(t *testing.T) {
	b := tiny()
	says := func(name, sum string) Contender {
		return Contender{name, func(context.Context, int) (map[string]float64, string, error) {
			return map[string]float64{"ops/s": 1}, sum, nil
		}}
	}
	if err := b.Alternate(t.Context(), "x", says("a", "1"), says("b", "")); err != nil {
		t.Error(err)
	}
	if err := b.Alternate(t.Context(), "x", says("a", "1"), says("b", "2")); err == nil || !strings.Contains(err.Error(), "x/by=b") {
		t.Errorf("error %v", err)
	}
	names := ""
	for _, s := range b.Record.Samples[:4] {
		names += fmt.Sprint(s.Key("by"), s.Run, " ")
	}
	if names != "a0 b0 a1 b1 " {
		t.Errorf("runs in order %s", names)
	}
}

// kernelNames returns what trees over the kernels of this processor are called.
func kernelNames() (names []string) {
	for _, k := range kernels() {
		names = append(names, "merkle-"+k)
	}
	return names
}
