package ksi

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A Publication is the root of the calendar as of a second. Printed as a publication string it lets anybody check
// signatures without trusting a key.
type Publication struct {
	Time calendar.Second
	Root merkle.Imprint
}

// groupSize is the number of characters between two dashes of a publication string.
const groupSize = 6

// String returns p as a publication string: the base32 form of 8 bytes time, the imprint of the root and the CRC-32 of
// both, in groups of six characters. It panics if p has no root.
func (p Publication) String() string {
	if p.Root.IsZero() {
		panic("ksi: publication without a root")
	}
	data := binary.BigEndian.AppendUint64(nil, uint64(p.Time))
	data = p.Root.Append(data)
	data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
	text := base32.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(text) > groupSize {
		b.WriteString(text[:groupSize])
		b.WriteByte('-')
		text = text[groupSize:]
	}
	b.WriteString(text)
	return b.String()
}

// ParsePublication reads a publication string. As people copy it from print, letters may be of either case, and dashes
// and white space may stand anywhere or be missing; everything else must be as String writes it.
func ParsePublication(text string) (Publication, error) {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == ' ' || r == '\t' || r == '\r' || r == '\n':
			return -1
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, text)
	data, err := base32.StdEncoding.DecodeString(clean)
	if err != nil && strings.Trim(clean, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == "" {
		return Publication{}, fmt.Errorf("publication string %.100q: %d characters, of which some are missing or too many", text, len(clean))
	}
	if err != nil {
		return Publication{}, fmt.Errorf("publication string %.100q: not base32 (letters A to Z and digits 2 to 7)", text)
	}
	p, err := parsePublicationData(data)
	if err == nil && strings.ReplaceAll(p.String(), "-", "") != clean {
		err = errors.New("last character carries bits that belong to nothing")
	}
	if err != nil {
		return Publication{}, fmt.Errorf("publication string %.100q: %w", text, err)
	}
	return p, nil
}

func parsePublicationData(data []byte) (Publication, error) {
	const timeSize, crcSize = 8, 4
	if len(data) < timeSize+1+crcSize {
		return Publication{}, fmt.Errorf("too short, %d bytes", len(data))
	}
	body, crc := data[:len(data)-crcSize], data[len(data)-crcSize:]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(crc) {
		return Publication{}, errors.New("checksum does not match: a character is wrong or missing")
	}
	root, err := merkle.ParseImprint(body[timeSize:])
	if err != nil {
		return Publication{}, err
	}
	t := binary.BigEndian.Uint64(body)
	if t > math.MaxInt64 {
		return Publication{}, fmt.Errorf("time %d is beyond all calendars", t)
	}
	return Publication{Time: calendar.Second(t), Root: root}, nil
}

// PublishedData returns the published data element as it stands in a calendar authentication record: the bytes that
// the calendar key signs. Its header carries the F flag, 0x30, because SDKs re-encode it so.
func PublishedData(p Publication) []byte { return appendPublishedData(nil, tlv.Forward, p) }

func appendPublishedData(dst []byte, flags tlv.Flags, p Publication) []byte {
	if p.Time < 0 || p.Root.IsZero() {
		panic("ksi: published data without time or root")
	}
	start := len(dst)
	dst = tlv.AppendUint(dst, tagPublishedTime, 0, uint64(p.Time))
	dst = tlv.Append(dst, tagPublishedRoot, 0, p.Root.Append(nil))
	return tlv.Enclose(dst, start, tagPublishedData, flags)
}

// A PublicationRecord is a publication and where to look it up: element 0x803 of a signature, 0x703 of a publications
// file.
type PublicationRecord struct {
	Publication
	Notice
}

// A Notice says where a publication can be looked up. Both lists may be empty.
type Notice struct {
	References   []string // in words, "Financial Times, 2026-11-15"
	Repositories []string // URIs
}

func (r *PublicationRecord) clone() PublicationRecord {
	return PublicationRecord{r.Publication, Notice{slices.Clone(r.References), slices.Clone(r.Repositories)}}
}

// append appends r as an element with the given tag.
func (r *PublicationRecord) append(dst []byte, tag tlv.Tag) ([]byte, error) {
	start := len(dst)
	dst = appendPublishedData(dst, 0, r.Publication)
	for _, list := range []struct {
		tag   tlv.Tag
		texts []string
	}{{tagReference, r.References}, {tagRepository, r.Repositories}} {
		for _, s := range list.texts {
			if s == "" || !tlv.ValidText(s) {
				return nil, fmt.Errorf("publication reference %.100q: want text without NUL, not empty", s)
			}
			dst = tlv.AppendText(dst, list.tag, 0, s)
		}
	}
	if size := len(dst) - start; size > tlv.MaxSize {
		return nil, fmt.Errorf("publication references of %d bytes", size)
	}
	return tlv.Enclose(dst, start, tag, 0), nil
}
