package hexrows

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// plain is Decode by encoding/hex, row by row.
func plain(dst, data []byte, prefix string, size int) (n int) {
	length := len(prefix) + 2*size + 1
	for ; (n+1)*size <= len(dst) && (n+1)*length <= len(data); n++ {
		row := data[n*length : (n+1)*length]
		digits, ok := bytes.CutPrefix(row[:length-1], []byte(prefix))
		if !ok || row[length-1] != '\n' {
			return n
		}
		if _, err := hex.Decode(dst[n*size:(n+1)*size], digits); err != nil {
			return n
		}
	}
	return n
}

// ways are Decode and what it is where there is no assembly.
var ways = map[string]func(dst, data []byte, prefix string, size int) int{
	"machine": Decode,
	"table": func(dst, data []byte, prefix string, size int) int {
		length := len(prefix) + 2*size + 1
		most := min(len(dst)/size, len(data)/length)
		return decodeTable(dst[:most*size], data[:most*length], prefix, size)
	},
}

// check compares all ways with encoding/hex, and that nothing is written where rows are not.
func check(t *testing.T, room int, data []byte, prefix string, size int) {
	t.Helper()
	want := make([]byte, room)
	n := plain(want, data, prefix, size)
	for name, way := range ways {
		got := bytes.Repeat([]byte{0xaa}, room+64)
		if m := way(got[:room:room], data[:len(data):len(data)], prefix, size); m != n || !bytes.Equal(got[:n*size], want[:n*size]) {
			t.Fatalf("%s: %d rows %x of %q, want %d rows %x", name, m, got[:n*size], data, n, want[:n*size])
		}
		if end := min(room, (n+1)*size); !bytes.Equal(got[end:], bytes.Repeat([]byte{0xaa}, len(got)-end)) {
			t.Fatalf("%s: bytes behind the %d rows of %q were changed", name, n, data)
		}
	}
}

// rowsOf returns rows of random strings, their digits in either case.
func rowsOf(rnd *rand.Rand, count int, prefix string, size int) (data []byte) {
	for range count {
		field := make([]byte, size)
		for i := range field {
			field[i] = byte(rnd.Uint32())
		}
		digits := hex.EncodeToString(field)
		if rnd.IntN(2) == 0 {
			digits = strings.ToUpper(digits)
		}
		data = append(data, prefix+digits+"\n"...)
	}
	return data
}

// TestEveryPair tries every pair of bytes at every place among the digits of a row between others.
func TestEveryPair(t *testing.T) {
	data := rowsOf(rand.New(rand.NewPCG(1, 1)), 3, `\\x`, vectorSize)
	const row = 3 + 2*vectorSize + 1
	digits := data[row+3:]
	dst, want := make([]byte, 3*vectorSize), make([]byte, 3*vectorSize)
	for place := range vectorSize {
		was := [2]byte(digits[2*place:])
		for pair := range 1 << 16 {
			digits[2*place], digits[2*place+1] = byte(pair>>8), byte(pair)
			n := 1
			if _, err := hex.Decode(want[:1], digits[2*place:2*place+2]); err == nil {
				n = 3
			}
			for name, way := range ways {
				if got := way(dst, data, `\\x`, vectorSize); got != n || n == 3 && dst[vectorSize+place] != want[0] {
					t.Fatalf("%s: pair %#04x at %d: %d rows, byte %#x; want %d rows, byte %#x", name, pair, place, got, dst[vectorSize+place], n, want[0])
				}
			}
		}
		copy(digits[2*place:], was[:])
	}
}

// TestEveryByte changes every byte of some rows, the prefix and the newline too, to every value, at every size of prefix.
func TestEveryByte(t *testing.T) {
	for _, prefix := range []string{"x", `\x`, `\\x`, `"\\x`} {
		for _, size := range []int{1, 20, vectorSize} {
			data := rowsOf(rand.New(rand.NewPCG(2, uint64(size))), 2, prefix, size)
			for i := range data {
				was := data[i]
				for v := range 256 {
					data[i] = byte(v)
					check(t, 2*size, data, prefix, size)
				}
				data[i] = was
			}
		}
	}
}

// TestRoom reads all counts of rows with all room, whole rows and not, and more rows than one call of assembly decodes.
func TestRoom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	for count := range 6 {
		data := rowsOf(rnd, count, `\x`, vectorSize)
		for room := range 6 * vectorSize {
			check(t, room, data, `\x`, vectorSize)
			check(t, room, data[:len(data)*3/4], `\x`, vectorSize)
		}
	}
	const many = 2*maxCall + 5
	data := rowsOf(rnd, many, `\\x`, vectorSize)
	for _, broken := range []int{0, maxCall - 1, maxCall, many - 1, many} {
		rows := bytes.Clone(data)
		if broken < many {
			rows[broken*68+40] = 'g'
		}
		check(t, many*vectorSize, rows, `\\x`, vectorSize)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(rowsOf(rand.New(rand.NewPCG(4, 4)), 3, `\x`, vectorSize), `\x`, uint8(32), uint8(3))
	f.Add([]byte("a4142\na4j42\n"), "a", uint8(2), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, prefix string, size, rows uint8) {
		if len(prefix) < 1 || len(prefix) > MaxPrefix || size < 1 {
			t.Skip("refused")
		}
		check(t, int(size)*int(rows), data, prefix, int(size))
	})
}

func BenchmarkDecode(b *testing.B) {
	data := rowsOf(rand.New(rand.NewPCG(5, 5)), 1000, `\\x`, vectorSize)
	dst := make([]byte, 1000*vectorSize)
	for _, name := range []string{"machine", "table"} {
		b.Run("by="+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if n := ways[name](dst, data, `\\x`, vectorSize); n != 1000 {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}
