package ksi

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// publicationsMagic begins every publications file.
const publicationsMagic = "KSIPUBLF"

// The elements of a publications file.
const (
	tagFileHeader      tlv.Tag = 0x701
	tagFileCertificate tlv.Tag = 0x702
	tagFilePublication tlv.Tag = 0x703
	tagFileSignature   tlv.Tag = 0x704

	// In 0x701.
	tagFileVersion    tlv.Tag = 0x01
	tagFileCreated    tlv.Tag = 0x02
	tagFileRepository tlv.Tag = 0x03
	// In 0x702.
	tagFileCertificateID  tlv.Tag = 0x01
	tagFileCertificateDER tlv.Tag = 0x02
)

const publicationsVersion = 1

// MaxPublicationsFile is the size in bytes of the largest publications file that is read. A monthly publication takes
// some hundred bytes, so this is room for thousands of years.
const MaxPublicationsFile = 16 << 20

// A PublicationsFile holds the publications of a calendar and the certificates of its keys. It comes from
// ParsePublicationsFile and never changes after.
//
// That it exists says that its form is right. Whether it is to be believed, Authenticate says.
type PublicationsFile struct {
	raw          []byte // the whole file
	signed       int    // so many bytes of raw are signed
	signature    []byte // the CMS structure
	created      uint64
	repository   string // empty if absent
	certificates []Certificate
	publications []PublicationRecord // ascending by time
}

// ParsePublicationsFile reads a publications file: the magic KSIPUBLF and then, in exactly this order,
//
//	0x701 header          0x01 version 1, 0x02 creation time in seconds, 0x03 repository URI (0 or 1)
//	0x702 certificate     0 or more: 0x01 certificate id, 0x02 X.509 in DER
//	0x703 publication     0 or more: as 0x803 in a signature
//	0x704 CMS signature   over all bytes before it
//
// A second may stand there again with the same root, but not with another one.
//
// It keeps no part of data. The error names the element and its offset.
func ParsePublicationsFile(data []byte) (*PublicationsFile, error) {
	f := &PublicationsFile{raw: bytes.Clone(data)}
	if err := f.parse(); err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	return f, nil
}

func (f *PublicationsFile) parse() error {
	if len(f.raw) > MaxPublicationsFile {
		return fmt.Errorf("%d bytes, at most %d are read", len(f.raw), MaxPublicationsFile)
	}
	if !IsPublicationsFile(f.raw) {
		return fmt.Errorf("does not begin with %s", publicationsMagic)
	}
	r := tlv.NewReader(f.raw)
	r.Skip(len(publicationsMagic))
	last := tlv.Tag(0)
	for r.More() {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if last == 0 && e.Tag != tagFileHeader || e.Tag < last || e.Tag == last && (last == tagFileHeader || last == tagFileSignature) {
			return e.Errorf("out of place: one header (0x701) stands first, then certificates, publications and one signature (0x704)")
		}
		last = e.Tag
		if err := f.parseElement(&e); err != nil {
			return err
		}
	}
	if last != tagFileSignature {
		return errors.New("no signature (0x704) at its end: it was cut off")
	}
	slices.SortStableFunc(f.publications, byTime)
	for i := 1; i < len(f.publications); i++ {
		if a, b := &f.publications[i-1], &f.publications[i]; a.Time == b.Time && a.Root != b.Root {
			return fmt.Errorf("the publications of %s have two different roots, and a calendar has one", a.Time)
		}
	}
	return nil
}

func (f *PublicationsFile) parseElement(e *tlv.Element) error {
	switch e.Tag {
	case tagFileHeader:
		return f.parseHeader(e)
	case tagFileCertificate:
		c, err := parseFileCertificate(e)
		f.certificates = append(f.certificates, c)
		return err
	case tagFilePublication:
		r, err := parsePublicationRecord(e)
		f.publications = append(f.publications, *r)
		return err
	case tagFileSignature:
		f.signed, f.signature = e.Offset, e.Value()
		return nil
	}
	return e.Errorf("unknown element")
}

func (f *PublicationsFile) parseHeader(e *tlv.Element) error {
	var version uint64
	err := e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagFileVersion:
			version, err = e.Uint()
		case tagFileCreated:
			f.created, err = e.Uint()
		case tagFileRepository:
			f.repository, err = parseText(e)
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagFileVersion, tagFileCreated)
	if err == nil && version != publicationsVersion {
		err = e.Errorf("version %d, only %d is known", version, publicationsVersion)
	}
	return err
}

func parseFileCertificate(e *tlv.Element) (c Certificate, err error) {
	err = e.EachChild(func(e *tlv.Element, seen *tlv.Seen) (err error) {
		switch e.Tag {
		case tagFileCertificateID:
			c.ID = e.Value()
		case tagFileCertificateDER:
			if c.X509, err = parseX509(e.Value()); err != nil {
				err = e.Wrap(err)
			}
		default:
			return e.Unknown()
		}
		return seen.Once(e, err)
	}, tagFileCertificateID, tagFileCertificateDER)
	return c, err
}

// IsPublicationsFile reports whether data begins as a publications file does.
func IsPublicationsFile(data []byte) bool { return bytes.HasPrefix(data, []byte(publicationsMagic)) }

// Append appends the file to dst, byte for byte as it was parsed.
func (f *PublicationsFile) Append(dst []byte) []byte { return append(dst, f.raw...) }

// Created returns the time the file was made, as its maker gives it: in seconds since 1970, but in milliseconds in old
// files of Guardtime's.
func (f *PublicationsFile) Created() uint64 { return f.created }

// Repository returns the URI where the newest file is to be had, the empty string if the file names none.
func (f *PublicationsFile) Repository() string { return f.repository }

// Certificates returns the certificates of the calendar keys, in the order of the file. The caller must not change them.
func (f *PublicationsFile) Certificates() []Certificate {
	return f.certificates[:len(f.certificates):len(f.certificates)]
}

// Publications returns the publications, ascending by time. The caller must not change them.
func (f *PublicationsFile) Publications() []PublicationRecord {
	return f.publications[:len(f.publications):len(f.publications)]
}

// At returns the publication of second t; ok is false if there is none.
func (f *PublicationsFile) At(t calendar.Second) (r PublicationRecord, ok bool) {
	r, ok = f.NotBefore(t)
	return r, ok && r.Time == t
}

// NotBefore returns the first publication of second t or later; ok is false if there is none.
func (f *PublicationsFile) NotBefore(t calendar.Second) (r PublicationRecord, ok bool) {
	i, _ := slices.BinarySearchFunc(f.publications, t, func(r PublicationRecord, t calendar.Second) int {
		return cmp.Compare(r.Time, t)
	})
	if i == len(f.publications) {
		return r, false
	}
	return f.publications[i].clone(), true
}

// of reports whether the file is that of a ledger: it holds the certificates of its keys.
func (f *PublicationsFile) of(ledger string) bool {
	return slices.ContainsFunc(f.certificates, func(c Certificate) bool { return c.Of(ledger) })
}

func byTime(a, b PublicationRecord) int { return cmp.Compare(a.Time, b.Time) }
