package bench

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every duration falls into a slot whose largest one is not below it and above it by less than a 64th.
func TestSlots(t *testing.T) {
	values := []uint64{0, 1, 63, 64, 65, 127, 128, 1<<20 - 1, 1 << 20, math.MaxInt64}
	random := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		values = append(values, random.Uint64()>>(1+random.IntN(63)))
	}
	for _, v := range values {
		if l := uint64(largest(slot(v))); l < v || l-v > v/64 {
			t.Fatalf("%d falls into slot %d, up to %d", v, slot(v), l)
		}
	}
}

func TestQuantile(t *testing.T) {
	var l, part Latency
	if l.Quantile(0.5) != 0 {
		t.Error("a median of nothing")
	}
	random := rand.New(rand.NewPCG(2, 2))
	var all []time.Duration
	for i := range 5000 {
		d := time.Duration(random.ExpFloat64() * 1e6)
		all = append(all, d)
		if i%2 == 0 {
			l.Add(d)
		} else {
			part.Add(d)
		}
	}
	l.Merge(&part)
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		if got := l.Quantile(q); got < want || float64(got) > float64(want)*65/64 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if l.Add(-time.Second); l.Quantile(0) != 0 || l.Count() != 5001 {
		t.Error("a negative duration")
	}
}

func TestSummarize(t *testing.T) {
	at := func(by string, run int, rate float64) Sample {
		return Sample{Name: "x/n=1/by=" + by, Run: run, Values: map[string]float64{"rows/s": rate, "z": rate * 2}}
	}
	// The machine gets slower from run to run; b is always twice as fast.
	got := Summarize([]Sample{at("a", 0, 100), at("b", 0, 200), at("a", 1, 50), at("b", 1, 100), at("a", 2, 10), at("b", 2, 20),
		{Name: "y/by=a", Values: map[string]float64{"z": 1}}})
	if len(got) != 3 || got[0].Ratio != 1 || got[1].Ratio != 2 || got[2].Ratio != 0 {
		t.Fatalf("%+v", got)
	}
	if b := got[1]; b.Values["rows/s"] != 100 || b.Low["rows/s"] != 20 || b.High["z"] != 400 || len(b.Runs) != 3 {
		t.Errorf("%+v", b)
	}
	if m := median([]float64{4, 1, 2, 3}); m != 2.5 {
		t.Errorf("median %v", m)
	}
}

func TestReadRefuses(t *testing.T) {
	good := &Record{Format: Format, Samples: []Sample{{Name: "x/by=a", Values: map[string]float64{"ops/s": 1}}}}
	var text bytes.Buffer
	if err := good.Write(&text); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(bytes.NewReader(text.Bytes())); err != nil || !reflect.DeepEqual(again, good) {
		t.Fatalf("%v %+v", err, again)
	}
	for old, bad := range map[string]string{
		`"format": 1`: `"format": 2`,
		`"seed"`:      `"sead"`,
		`x/by=a`:      `x`,
		`"ops/s": 1`:  ``,
		`{`:           `[`,
	} {
		if _, err := Read(strings.NewReader(strings.Replace(text.String(), old, bad, 1))); err == nil {
			t.Errorf("%s instead of %s is accepted", bad, old)
		}
	}
}
