package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Metadata names who filed the leaves of a slot and when: the issuer of a proof.
type Metadata struct {
	ClientID   string // agency
	MachineID  string // server name and lane, "jurat.example/main"
	Sequence   uint64 // ordinal of the slot's non-empty rounds: 1, 2, 3 … without gaps
	TimeMicros uint64 // time of the round in microseconds since 1970-01-01T00:00:00Z
}

// IssuerMetadata returns the metadata of an agency's lane in a round, which is given in seconds since 1970-01-01T00:00:00Z, on a
// server: the one way in which names and time stand in a proof.
func IssuerMetadata(server, agency, lane string, sequence uint64, round int64) Metadata {
	return Metadata{ClientID: agency, MachineID: server + "/" + lane, Sequence: sequence, TimeMicros: uint64(round) * 1_000_000}
}

// MaxID is the greatest length of a client or machine id in bytes: with its trailing NUL it fits an 8-bit TLV length.
const MaxID = 254

// ErrMetadata is wrapped by the errors of Metadata.Check.
var ErrMetadata = errors.New("metadata cannot be written")

// Tags of the children of a KSI metadata element.
const (
	tagClientID  = 0x01
	tagMachineID = 0x02
	tagSequence  = 0x03
	tagTime      = 0x04
)

// Check reports whether Append can write m: both ids must be non-empty UTF-8 without NUL, at most MaxID bytes long.
func (m *Metadata) Check() error {
	for _, id := range [...]struct{ name, value string }{{"client id", m.ClientID}, {"machine id", m.MachineID}} {
		switch {
		case id.value == "":
			return fmt.Errorf("%w: %s is empty", ErrMetadata, id.name)
		case len(id.value) > MaxID:
			return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrMetadata, id.name, len(id.value), MaxID)
		case !utf8.ValidString(id.value) || strings.IndexByte(id.value, 0) >= 0:
			return fmt.Errorf("%w: %s %q is not text", ErrMetadata, id.name, id.value)
		}
	}
	return nil
}

// Append appends the value of a KSI metadata element (tag 0x04 of a link, without that header), which is what enters the
// hash. It panics if Check reports an error.
//
//	7e 01 01 | 7e 02 01 01   padding: N and F set, so that no imprint starts like it; whichever makes the length even
//	01 len text 00           client id
//	02 len text 00           machine id
//	03 len integer           sequence number, big-endian without leading zeros, empty for 0
//	04 len integer           request time, likewise
func (m *Metadata) Append(dst []byte) []byte {
	if err := m.Check(); err != nil {
		panic("merkle: " + err.Error())
	}
	length := 2 + len(m.ClientID) + 1 + 2 + len(m.MachineID) + 1 + 2 + integerSize(m.Sequence) + 2 + integerSize(m.TimeMicros)
	if length%2 == 1 {
		dst = append(dst, 0x7e, 1, 1)
	} else {
		dst = append(dst, 0x7e, 2, 1, 1)
	}
	dst = appendText(dst, tagClientID, m.ClientID)
	dst = appendText(dst, tagMachineID, m.MachineID)
	dst = appendInteger(dst, tagSequence, m.Sequence)
	return appendInteger(dst, tagTime, m.TimeMicros)
}

func appendText(dst []byte, tag byte, text string) []byte {
	dst = append(dst, tag, byte(len(text)+1))
	return append(append(dst, text...), 0)
}

func appendInteger(dst []byte, tag byte, v uint64) []byte {
	size := integerSize(v)
	dst = append(dst, tag, byte(size))
	b := binary.BigEndian.AppendUint64(nil, v)
	return append(dst, b[8-size:]...)
}

// integerSize returns the length of a KSI integer in bytes.
func integerSize(v uint64) int { return (bits.Len64(v) + 7) / 8 }
