package merkle_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
)

// TestWorkedExample is the aggregation chain that the format reference works through.
func TestWorkedExample(t *testing.T) {
	metadata, _ := hex.DecodeString("7e0101010564656d6f00")
	neighbour := parse(t, merkletest.Hash([]byte("neighbour")))
	chain := merkle.Chain{{Left: true, Metadata: metadata}, {Correction: 2, Sibling: neighbour}}
	root, level, err := chain.Root(parse(t, merkletest.Hash([]byte("hello\n"))), 0)
	want := "0174f42ebeb2c942d289e36562f42862d889f370ef3d288b7c5cb2334d5bc8a9ba"
	if err != nil || root.String() != want || level != 4 {
		t.Errorf("root %v level %d, want %s: %v", root, level, want, err)
	}
	if index, err := chain.Index(); index != 5 || err != nil {
		t.Errorf("index %d: %v", index, err)
	}
}

func TestLevels(t *testing.T) {
	leaf := merkle.Digest{}.Imprint()
	for _, x := range []struct {
		start       merkle.Level
		corrections []uint8
		level       int // -1: error
	}{
		{0, nil, 0}, {255, nil, 255}, {0, []uint8{0}, 1}, {0, []uint8{32}, 33}, {0, []uint8{254}, 255}, {0, []uint8{255}, -1},
		{254, []uint8{0}, 255}, {255, []uint8{0}, -1}, {0, []uint8{100, 100, 52}, 255}, {0, []uint8{100, 100, 53}, -1},
		{7, []uint8{0, 3, 0}, 13},
	} {
		var chain merkle.Chain
		for _, c := range x.corrections {
			chain = append(chain, merkle.Link{Correction: c, Sibling: leaf})
		}
		_, level, err := chain.Root(leaf, x.start)
		if x.level < 0 {
			if !errors.Is(err, merkle.ErrChain) {
				t.Errorf("%v: %v", x, err)
			}
		} else if err != nil || int(level) != x.level {
			t.Errorf("%v: level %d: %v", x, level, err)
		}
	}
	if _, _, err := (merkle.Chain{}).Root(merkle.Imprint{}, 0); !errors.Is(err, merkle.ErrChain) {
		t.Errorf("chain from nothing: %v", err)
	}
}

func TestIndex(t *testing.T) {
	for n := range 12 {
		seen := map[uint64]bool{}
		for bits := range uint64(1) << n {
			chain := make(merkle.Chain, n)
			for i := range chain {
				chain[i].Left = bits>>i&1 == 1
			}
			index, err := chain.Index()
			if err != nil || index != bits|1<<n || seen[index] {
				t.Fatalf("%d links, lefts %b: index %b: %v", n, bits, index, err)
			}
			seen[index] = true
		}
	}
	if index, err := make(merkle.Chain, merkle.MaxLinks).Index(); index != 1<<63 || err != nil {
		t.Errorf("63 links: %x: %v", index, err)
	}
	if _, err := make(merkle.Chain, merkle.MaxLinks+1).Index(); !errors.Is(err, merkle.ErrChain) {
		t.Errorf("64 links: %v", err)
	}
}

// FuzzChain climbs any chain from any leaf and compares with the twin.
func FuzzChain(f *testing.F) {
	f.Add([]byte{}, byte(0))
	f.Add(append(make([]byte, 3), make([]byte, 32)...), byte(0))
	f.Add([]byte{1, 254, 9, 2, 0, 255, 3, 4, 5}, byte(1))
	f.Fuzz(func(t *testing.T, data []byte, start byte) {
		imprints := merkletest.Random(newRand(binary.LittleEndian.Uint64(append(data, make([]byte, 8)...))), len(data)/3+1,
			merkletest.Algorithms...)
		var links []merkletest.Link
		sum := int(start)
		for i := 0; len(data) >= 3; i, data = i+1, data[3:] {
			l := merkletest.Link{Left: data[0]&1 == 1, Correction: int(data[1]), Sibling: imprints[i+1]}
			if data[0]&2 == 2 {
				l.Sibling = append([]byte{0x7e, 1, 1}, bytes.Repeat(data[2:3], int(data[2]))...)
			}
			links = append(links, l)
			sum += l.Correction + 1
		}
		chain := toChain(t, links)
		mustEqualLinks(t, "converted", chain, links)
		root, level, err := chain.Root(parse(t, imprints[0]), merkle.Level(start))
		if sum > 255 {
			if !errors.Is(err, merkle.ErrChain) {
				t.Fatalf("level %d: %v", sum, err)
			}
			return
		}
		want, reached := merkletest.Climb(imprints[0], int(start), links)
		if err != nil || root != parse(t, want) || int(level) != reached {
			t.Fatalf("root %v level %d, want %x level %d: %v", root, level, want, reached, err)
		}
	})
}

// FuzzMetadata writes any metadata and compares with the twin; what cannot be written is refused by Check.
func FuzzMetadata(f *testing.F) {
	f.Add("jura", "jurat.example/main", uint64(1), uint64(1795310130000000))
	f.Add("", "x\x00", uint64(0), uint64(0))
	f.Add("anon", "ksigw-testuser:1", uint64(0), uint64(0x06147a3fae2c73))
	f.Fuzz(func(t *testing.T, client, machine string, sequence, micros uint64) {
		m := merkle.Metadata{ClientID: client, MachineID: machine, Sequence: sequence, TimeMicros: micros}
		if err := m.Check(); err != nil {
			if !errors.Is(err, merkle.ErrMetadata) {
				t.Fatal(err)
			}
			mustPanic(t, "metadata that Check refuses", func() { m.Append(nil) })
			return
		}
		got := m.Append([]byte("before"))
		value := bytes.TrimPrefix(got, []byte("before"))
		if want := merkletest.Metadata(client, machine, sequence, micros); !bytes.Equal(value, want) {
			t.Fatalf("%x, want %x", value, want)
		}
		if len(value)%2 != 0 || value[0] != 0x7e {
			t.Fatalf("%x could be an imprint", value)
		}
		if back := decode(value); back != m {
			t.Fatalf("%+v reads back as %+v", m, back)
		}
	})
}

// decode reads the children after the padding.
func decode(value []byte) (m merkle.Metadata) {
	for value = value[2+int(value[1]):]; len(value) > 0; value = value[2+int(value[1]):] {
		v := value[2 : 2+int(value[1])]
		integer := binary.BigEndian.Uint64(append(make([]byte, 8), v...)[len(v):])
		switch value[0] {
		case 1:
			m.ClientID = string(v[:len(v)-1])
		case 2:
			m.MachineID = string(v[:len(v)-1])
		case 3:
			m.Sequence = integer
		case 4:
			m.TimeMicros = integer
		}
	}
	return m
}

func TestMetadataLimits(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), merkle.MaxID))
	for _, x := range []struct {
		client, machine string
		ok              bool
	}{
		{"a", "b", true}, {long, long, true}, {"ÄÖ", "b", true}, {"", "b", false}, {"a", "", false}, {long + "x", "b", false},
		{"a", long + "x", false}, {"a\x00", "b", false}, {"a", "\xff", false},
	} {
		m := merkle.Metadata{ClientID: x.client, MachineID: x.machine}
		if err := m.Check(); x.ok != (err == nil) {
			t.Errorf("%.10q %.10q: %v", x.client, x.machine, err)
		} else if x.ok {
			if back := decode(m.Append(nil)); back != m {
				t.Errorf("%.10q reads back as %.10q", x.client, back.ClientID)
			}
		}
	}
}
