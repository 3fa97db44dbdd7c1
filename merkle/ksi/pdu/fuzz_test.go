package pdu_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi/pdu"
	"github.com/jurat-ledger/jurat/merkle/merkletest"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// FuzzParse parses any bytes as a PDU and its payloads.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	for _, data := range samples(f) {
		f.Add(data)
	}
	f.Fuzz(checkParsed)
}

// FuzzPayload parses a PDU of any payloads in a sound frame, so that the fault stands deep inside sound surroundings.
func FuzzPayload(f *testing.F) {
	for _, data := range samples(f) {
		all := elements(f, data)
		var inner []byte
		for i := range all {
			if tag := all[i].Tag; tag != 0x01 && tag != 0x1f {
				inner = append(inner, all[i].Raw()...)
			}
		}
		f.Add(data[0] == 0x83, data[1]&1 == 1, inner)
	}
	f.Add(false, false, merkletest.Unhex("0206 0101010208 0400 5e01aa"))
	f.Fuzz(func(t *testing.T, extender, response bool, payloads []byte) {
		tag := tlv.Tag(0x220)
		if extender {
			tag = 0x320
		}
		if response {
			tag++
		}
		if len(payloads) > 1<<14 {
			return
		}
		body := append(merkletest.Unhex("0107 0105616e6f6e00"), payloads...)
		body = tlv.Append(body, 0x1f, 0, append([]byte{1}, make([]byte, 32)...))
		checkParsed(t, tlv.Append(nil, tag, 0, body))
	})
}

// FuzzReader takes PDUs from any stream. They are the stream up to where it ends or breaks.
func FuzzReader(f *testing.F) {
	var all []byte
	for _, data := range samples(f) {
		f.Add(data)
		all = append(all, data...)
	}
	f.Add(all)
	f.Add(append(all, "GET"...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := pdu.NewReader(bytes.NewReader(stream))
		read := 0
		for {
			data, err := in.Next()
			if err != nil {
				if err == io.EOF && read != len(stream) {
					t.Fatalf("end after %d of %d bytes", read, len(stream))
				}
				return
			}
			if !bytes.Equal(data, stream[read:read+len(data)]) || len(data) > pdu.MaxSize {
				t.Fatalf("%x at %d", data, read)
			}
			read += len(data)
			checkParsed(t, data)
		}
	})
}

// checkParsed parses data. What is accepted can be written, and reads the same again. If it is written as the writer
// does, it comes back to the byte but for the digest of the HMAC.
func checkParsed(t *testing.T, data []byte) {
	e, err := pdu.Parse(data)
	if err != nil {
		return
	}
	e.Authentic(anonKey)
	written, err := rewrite(t, e)
	if err != nil || len(written) == 0 {
		return
	}
	again, err := rewrite(t, open(t, written))
	if err != nil || !bytes.Equal(again, written) {
		t.Fatalf("%x is written\n%x, and then\n%x, %v", data, written, again, err)
	}
	if len(written) != len(data) {
		return // something was ignored, or a zero written out
	}
	got, want := plain(t, written), plain(t, data)
	if want != nil && !bytes.Equal(got, want) {
		t.Fatalf("%x is written\n%x", data, written)
	}
}

// plain returns data without the flags of elements that the package reads and without the digest of the HMAC; nil if the
// elements do not ascend by tag, as they do where the writer makes them.
func plain(t *testing.T, data []byte) []byte {
	data = bytes.Clone(data)
	all := elements(t, data)
	if last := &all[len(all)-1]; last.Tag == 0x1f {
		clear(last.Value()[1:])
	}
	if !clearFlags(data, 0, len(data), 0) {
		return nil
	}
	return data
}

// clearFlags takes the flags off the elements in data[from:to] and off those inside them, as far down as payloads go. It
// reports whether their tags ascend.
func clearFlags(data []byte, from, to, depth int) bool {
	last := tlv.Tag(0)
	for r := tlv.NewReader(data[from:to]); r.More(); {
		at := from + r.Offset()
		e, err := r.Next()
		if err != nil || e.Tag < last {
			return false
		}
		last = e.Tag
		data[at] &^= 0x60
		nested := depth == 0 || depth == 1 && e.Tag != 0x1f
		if nested && !clearFlags(data, from+e.ValueOffset(), from+e.Offset+len(e.Raw()), depth+1) {
			return false
		}
	}
	return true
}

// hostile are PDUs of full size that cost the reader much, for their bytes.
func hostile() map[string][]byte {
	frame := func(tag tlv.Tag, payload tlv.Tag, inner []byte) []byte {
		body := []byte("\x01\x07\x01\x05anon\x00")
		body = tlv.Append(body, payload, 0, inner)
		body = tlv.Append(body, 0x1f, 0, append([]byte{byte(merkle.SHA512)}, make([]byte, 64)...))
		return tlv.Append(nil, tag, 0, body)
	}
	const room = tlv.MaxSize - 100
	id := []byte{1, 1, 1, 4, 0}
	return map[string][]byte{
		"many elements": tlv.Append(nil, 0x220, 0, bytes.Repeat([]byte{0x49, 0}, tlv.MaxSize/2)),
		"many ignored":  frame(0x220, 2, bytes.Repeat([]byte{0x49, 0}, room/2)),
		"many chains":   frame(0x221, 2, append(id, bytes.Repeat([]byte{0x88, 1, 0, 28, 27: 7, 31: 0}, room/32)...)),
		"one chain":     frame(0x321, 2, tlv.Append(id, 0x802, 0, make([]byte, room-9))),
		"many parents":  frame(0x321, 4, bytes.Repeat([]byte{0x10, 1, 0}, room/3)),
		"one parent":    frame(0x321, 4, tlv.AppendText(nil, 0x10, 0, string(bytes.Repeat([]byte("a"), room-9)))),
		"one ignored":   frame(0x220, 0x49, make([]byte, room)),
	}
}

// TestHostile bounds what the reader spends on one PDU.
func TestHostile(t *testing.T) {
	for name, data := range hostile() {
		if len(data) < pdu.MaxSize-200 {
			t.Errorf("%s: %d bytes", name, len(data))
		}
		least, memory := time.Hour, uint64(0)
		for range 20 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			readAll(data)
			least = min(least, time.Since(start))
			runtime.ReadMemStats(&after)
			memory = after.TotalAlloc - before.TotalAlloc
		}
		t.Logf("%s: %v, %d bytes", name, least, memory)
		if least > slack*time.Millisecond || memory > 1<<20 {
			t.Errorf("%s: %v and %d bytes", name, least, memory)
		}
	}
}

// readAll does what a server and a client do with a PDU from a stream.
func readAll(data []byte) {
	data, err := pdu.NewReader(bytes.NewReader(data)).Next()
	if err != nil {
		return
	}
	e, err := pdu.Parse(data)
	if err != nil {
		return
	}
	e.Authentic(anonKey)
	if e.IsResponse {
		e.Response()
	} else {
		e.Request()
	}
}

func BenchmarkRequest(b *testing.B) {
	data := samples(b)["aggregate"]
	b.ReportAllocs()
	for b.Loop() {
		readAll(data)
	}
}
