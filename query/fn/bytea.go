package fn

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

func byteaFunctions() []*Function {
	out := []*Function{
		def("length(bytea) int4", octetLength),
		def("octet_length(bytea) int4", octetLength),
		def("bit_length(bytea) int4", map1[strs, ints](func(_ *Env, b []byte) (int64, error) { return int64(len(b)) * 8, nil })),
		def("bit_count(bytea) int8", map1[strs, ints](bitCount)),
		def("get_byte(bytea,int4) int4", map2[strs, ints, ints](getByte)),
		def("set_byte(bytea,int4,int4) bytea", map3[strs, ints, ints, strs](setByte)),
		def("get_bit(bytea,int8) int4", map2[strs, ints, ints](getBit)),
		def("encode(bytea,text) text", map2[strs, texts, strs](encode)),
		def("decode(text,text) bytea", map2[strs, texts, strs](decode)),
		def("convert_from(bytea,name) text stable", map2[strs, texts, strs](convertFrom)),
		def("convert_to(text,name) bytea stable", map2[strs, texts, strs](convertTo)),
		def("position(bytea,bytea) int4", map2[strs, strs, ints](bytePosition)),
		def("overlay(bytea,bytea,int4) bytea", rowwise(overlay)),
		def("overlay(bytea,bytea,int4,int4) bytea", rowwise(overlay)),
		def("sha224(bytea) bytea", map1[strs, strs](func(_ *Env, b []byte) ([]byte, error) { d := sha256.Sum224(b); return d[:], nil })),
		def("sha256(bytea) bytea", map1[strs, strs](func(_ *Env, b []byte) ([]byte, error) { d := sha256.Sum256(b); return d[:], nil })),
		def("sha384(bytea) bytea", map1[strs, strs](func(_ *Env, b []byte) ([]byte, error) { d := sha512.Sum384(b); return d[:], nil })),
		def("sha512(bytea) bytea", map1[strs, strs](func(_ *Env, b []byte) ([]byte, error) { d := sha512.Sum512(b); return d[:], nil })),
	}
	for _, name := range []string{"substr", "substring"} {
		out = append(out,
			def(name+"(bytea,int4) bytea", map2[strs, ints, strs](bytesFrom)),
			def(name+"(bytea,int4,int4) bytea", map3[strs, ints, ints, strs](bytesFor)))
	}
	for _, sig := range strings.Split(sendFunctions, "\n") {
		out = append(out, def(sig, send))
	}
	return out
}

// sendFunctions are the send functions of types: sha256(uuid_send(id)) and sha256(int8send(n)) are hashes of identifiers.
const sendFunctions = `array_send(anyarray) bytea stable
bit_send(bit) bytea
boolsend(bool) bytea
bpcharsend(bpchar) bytea stable
byteasend(bytea) bytea
charsend(char) bytea
date_send(date) bytea
float4send(float4) bytea
float8send(float8) bytea
int2send(int2) bytea
int4send(int4) bytea
int8send(int8) bytea
interval_send(interval) bytea
json_send(json) bytea
jsonb_send(jsonb) bytea
namesend(name) bytea stable
numeric_send(numeric) bytea
oidsend(oid) bytea
record_send(record) bytea stable
textsend(text) bytea stable
time_send(time) bytea
timestamp_send(timestamp) bytea
timestamptz_send(timestamptz) bytea
uuid_send(uuid) bytea
varbit_send(varbit) bytea
varcharsend(varchar) bytea stable`

// send gives the binary form of values, as a DataRow carries it.
func send(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		out.Bytes[i] = value.AppendBinary(nil, env.Settings, args[0], int(i))
	}
	return nil
}

// bytesFrom returns what begins at place from of b, the first being 1.
func bytesFrom(_ *Env, b []byte, from int64) ([]byte, error) {
	return byteSlice(b, from, int64(len(b))+1-min(from, 0)), nil
}

// bytesFor returns the n bytes of b from place from.
func bytesFor(_ *Env, b []byte, from, n int64) ([]byte, error) {
	if n < 0 {
		return nil, errNegativeSubstring
	}
	return byteSlice(b, from, n), nil
}

func byteSlice(b []byte, from, n int64) []byte {
	end := max(0, min(from-1+n, int64(len(b))))
	start := max(0, min(from-1, end))
	return b[start:end:end]
}

func bitCount(_ *Env, b []byte) (int64, error) {
	n := 0
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return int64(n), nil
}

func checkIndex(i int64, n int) error {
	if i < 0 || i >= int64(n) {
		return value.Errorf(value.CodeSubscript, "index %d out of valid range, 0..%d", i, n-1)
	}
	return nil
}

func getByte(_ *Env, b []byte, i int64) (int64, error) {
	if err := checkIndex(i, len(b)); err != nil {
		return 0, err
	}
	return int64(b[i]), nil
}

func setByte(_ *Env, b []byte, i, x int64) ([]byte, error) {
	if err := checkIndex(i, len(b)); err != nil {
		return nil, err
	}
	out := append([]byte{}, b...)
	out[i] = byte(x)
	return out, nil
}

func getBit(_ *Env, b []byte, i int64) (int64, error) {
	if err := checkIndex(i, len(b)*8); err != nil {
		return 0, err
	}
	return int64(b[i/8] >> (i % 8) & 1), nil
}

func bytePosition(_ *Env, b, sub []byte) (int64, error) {
	return int64(strings.Index(string(b), string(sub))) + 1, nil
}

func encode(_ *Env, b []byte, format string) ([]byte, error) {
	switch strings.ToLower(format) {
	case "hex":
		return hex.AppendEncode(nil, b), nil
	case "base64":
		return encodeBase64(b), nil
	case "escape":
		var out []byte
		for _, c := range b {
			switch {
			case c == 0 || c >= 0x80:
				out = append(out, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			case c == '\\':
				out = append(out, '\\', '\\')
			default:
				out = append(out, c)
			}
		}
		return out, nil
	}
	return nil, value.Errorf(value.CodeInvalidParameter, "unrecognized encoding: \"%s\"", format)
}

// encodeBase64 breaks lines after 76 characters, as MIME and Postgres do.
func encodeBase64(b []byte) []byte {
	flat := base64.StdEncoding.AppendEncode(nil, b)
	var out []byte
	for len(flat) > 76 {
		out = append(append(out, flat[:76]...), '\n')
		flat = flat[76:]
	}
	return append(out, flat...)
}

func decode(_ *Env, s []byte, format string) ([]byte, error) {
	switch strings.ToLower(format) {
	case "hex":
		return value.DecodeHex(s)
	case "base64":
		return decodeBase64(s)
	case "escape":
		if strings.HasPrefix(string(s), `\x`) {
			return nil, value.Errorf(value.CodeBadText, "invalid input syntax for type bytea")
		}
		return value.ParseBytea(s)
	}
	return nil, value.Errorf(value.CodeInvalidParameter, "unrecognized encoding: \"%s\"", format)
}

func decodeBase64(s []byte) ([]byte, error) {
	var out []byte
	var group uint32
	n, end := 0, 0
	for i, c := range s {
		if strings.IndexByte(" \t\n\r", c) >= 0 {
			continue
		}
		var d int
		if c == '=' {
			if end == 0 {
				switch n {
				case 2:
					end = 1
				case 3:
					end = 2
				default:
					return nil, value.Errorf(value.CodeInvalidParameter, "unexpected \"=\" while decoding base64 sequence")
				}
			}
		} else if d = strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c); d < 0 {
			return nil, value.Errorf(value.CodeInvalidParameter, "invalid symbol \"%s\" found while decoding base64 sequence", runeAt(s, i))
		}
		group = group<<6 | uint32(d)
		if n++; n == 4 {
			out = append(out, byte(group>>16))
			if end == 0 || end > 1 {
				out = append(out, byte(group>>8))
			}
			if end == 0 || end > 2 {
				out = append(out, byte(group))
			}
			group, n = 0, 0
		}
	}
	if n != 0 {
		return nil, &value.Error{
			Code: value.CodeInvalidParameter, Message: "invalid base64 end sequence",
			Hint: "Input data is missing padding, is truncated, or is otherwise corrupted.",
		}
	}
	return out, nil
}

func runeAt(s []byte, i int) string {
	for _, r := range string(s[i:]) {
		return string(r)
	}
	return ""
}

// checkEncoding accepts the names of UTF-8 and of ASCII, a part of it.
func checkEncoding(name, message string) error {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name)) {
	case "utf8", "unicode", "sqlascii":
		return nil
	}
	return value.Errorf(value.CodeInvalidParameter, message, name)
}

func convertFrom(_ *Env, b []byte, encoding string) ([]byte, error) {
	if err := checkEncoding(encoding, "invalid source encoding name \"%s\""); err != nil {
		return nil, err
	}
	return b, value.CheckUTF8(b)
}

func convertTo(_ *Env, b []byte, encoding string) ([]byte, error) {
	return b, checkEncoding(encoding, "invalid destination encoding name \"%s\"")
}
