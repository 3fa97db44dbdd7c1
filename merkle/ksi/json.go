package ksi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A tracedNode is the node above a link.
type tracedNode struct {
	hash  merkle.Imprint // zero if it cannot be computed here
	level int            // 0 in the calendar chain
}

// trace computes the node above every link, by the offset of the link. Every chain starts at the input it claims.
func (s *Signature) trace() map[int]tracedNode {
	nodes := map[int]tracedNode{}
	level := 0
	for i := range s.chains {
		c := &s.chains[i]
		h, computed := c.input, true
		for j := range c.links {
			l := &c.links[j]
			n := tracedNode{level: level + int(l.correction) + 1}
			if computed {
				var err error
				n.hash, _, err = l.step(c.algorithm, h, level)
				computed = err == nil
			}
			h, level = n.hash, n.level
			nodes[l.offset] = n
		}
	}
	if s.calendar == nil {
		return nodes
	}
	h := s.calendar.input
	for i := range s.calendar.links {
		l := &s.calendar.links[i]
		var err error
		if h, err = l.step(h); err != nil {
			break
		}
		nodes[l.offset] = tracedNode{hash: h}
	}
	return nodes
}

// The JSON form. Hashes are "algorithm:digest in hex", empty where they cannot be computed.
type (
	jsonSignature struct {
		Document       string              `json:"document"`
		Time           string              `json:"time,omitempty"`
		Second         int64               `json:"second"`
		RFC3161        *jsonRFC3161        `json:"rfc3161,omitempty"`
		Aggregation    []jsonAggregation   `json:"aggregation"`
		Calendar       *jsonCalendar       `json:"calendar,omitempty"`
		Publication    *jsonPublication    `json:"publication,omitempty"`
		Authentication *jsonAuthentication `json:"authentication,omitempty"`
	}
	jsonRFC3161 struct {
		Time                      string   `json:"time,omitempty"`
		Second                    int64    `json:"second"`
		Index                     []uint64 `json:"index"`
		Input                     string   `json:"input"`
		TSTInfoPrefix             string   `json:"tst_info_prefix"`
		TSTInfoSuffix             string   `json:"tst_info_suffix"`
		TSTInfoAlgorithm          string   `json:"tst_info_algorithm"`
		SignedAttributesPrefix    string   `json:"signed_attributes_prefix"`
		SignedAttributesSuffix    string   `json:"signed_attributes_suffix"`
		SignedAttributesAlgorithm string   `json:"signed_attributes_algorithm"`
	}
	jsonAggregation struct {
		Time      string     `json:"time,omitempty"`
		Second    int64      `json:"second"`
		Index     []uint64   `json:"index"`
		Algorithm string     `json:"algorithm"`
		Input     string     `json:"input"`
		Links     []jsonLink `json:"links"`
	}
	jsonLink struct {
		Direction  string        `json:"direction"`
		Correction uint8         `json:"level_correction"`
		Sibling    string        `json:"sibling,omitempty"`
		LegacyID   *string       `json:"legacy_id,omitempty"`
		Metadata   *jsonMetadata `json:"metadata,omitempty"`
		Level      int           `json:"level"`
		Hash       string        `json:"hash"`
	}
	jsonMetadata struct {
		Client      string  `json:"client_id"`
		Machine     *string `json:"machine_id,omitempty"`
		Sequence    *uint64 `json:"sequence_number,omitempty"`
		RequestTime string  `json:"request_time,omitempty"`
		Micros      *uint64 `json:"request_microsecond,omitempty"`
	}
	jsonCalendar struct {
		Time              string             `json:"time,omitempty"`
		Second            int64              `json:"second"`
		PublicationTime   string             `json:"publication_time,omitempty"`
		PublicationSecond int64              `json:"publication_second"`
		Input             string             `json:"input"`
		Links             []jsonCalendarLink `json:"links"`
	}
	jsonCalendarLink struct {
		Direction string `json:"direction"`
		Sibling   string `json:"sibling"`
		Hash      string `json:"hash"`
	}
	jsonPublication struct {
		Time         string   `json:"time,omitempty"`
		Second       int64    `json:"second"`
		Root         string   `json:"root"`
		String       string   `json:"publication_string"`
		References   []string `json:"references,omitempty"`
		Repositories []string `json:"repositories,omitempty"`
	}
	jsonAuthentication struct {
		Time          string `json:"time,omitempty"`
		Second        int64  `json:"second"`
		Root          string `json:"root"`
		SignatureType string `json:"signature_type"`
		Signature     string `json:"signature"`
		CertificateID string `json:"certificate_id"`
		Repository    string `json:"certificate_repository,omitempty"`
	}
)

// JSON returns the whole signature in readable form, with the node and level computed after every link. The keys have a
// fixed order. Times stand as RFC 3339 text and as seconds, hashes as "sha256:" and the digest in hex; the hash of a node
// that cannot be computed here is empty. JSON does not verify: a broken signature looks no different.
func (s *Signature) JSON() []byte {
	nodes := s.trace()
	out := jsonSignature{
		Document: hashText(s.InputImprint()),
		Time:     timeText(s.Time()), Second: int64(s.Time()),
		RFC3161: s.rfc3161.json(), Calendar: s.calendar.json(nodes),
		Publication: s.publication.json(), Authentication: s.authentication.json(),
	}
	for i := range s.chains {
		out.Aggregation = append(out.Aggregation, s.chains[i].json(nodes))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		panic("ksi: " + err.Error()) // nothing in out can fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (c *aggregationChain) json(nodes map[int]tracedNode) jsonAggregation {
	out := jsonAggregation{Time: timeText(c.time), Second: int64(c.time), Index: c.index, Algorithm: c.algorithm.String(),
		Input: hashText(c.input)}
	for i := range c.links {
		l := &c.links[i]
		n := nodes[l.offset]
		j := jsonLink{Direction: direction(l.left), Correction: l.correction, Level: n.level, Hash: hashText(n.hash)}
		switch l.kind {
		case SiblingHash:
			im, err := merkle.ParseImprint(l.sibling)
			if err != nil {
				panic("ksi: sibling: " + err.Error())
			}
			j.Sibling = hashText(im)
		case SiblingLegacyID:
			j.LegacyID = &l.meta.client
		case SiblingMetadata:
			j.Metadata = l.meta.json()
		}
		out.Links = append(out.Links, j)
	}
	return out
}

func (m *metadata) json() *jsonMetadata {
	out := &jsonMetadata{Client: m.client}
	if m.hasMachine {
		out.Machine = &m.machine
	}
	if m.hasSequence {
		out.Sequence = &m.sequence
	}
	if m.hasReqTime {
		out.RequestTime = microsText(m.requestTime)
		out.Micros = &m.requestTime
	}
	return out
}

func (c *CalendarChain) json(nodes map[int]tracedNode) *jsonCalendar {
	if c == nil {
		return nil
	}
	out := &jsonCalendar{Time: timeText(c.aggregation), Second: int64(c.aggregation),
		PublicationTime: timeText(c.publication), PublicationSecond: int64(c.publication), Input: hashText(c.input)}
	for _, l := range c.links {
		out.Links = append(out.Links, jsonCalendarLink{Direction: direction(l.left), Sibling: hashText(l.sibling),
			Hash: hashText(nodes[l.offset].hash)})
	}
	return out
}

func (r *PublicationRecord) json() *jsonPublication {
	if r == nil {
		return nil
	}
	return &jsonPublication{Time: timeText(r.Time), Second: int64(r.Time), Root: hashText(r.Root),
		String: r.Publication.String(), References: r.References, Repositories: r.Repositories}
}

func (r *authenticationRecord) json() *jsonAuthentication {
	if r == nil {
		return nil
	}
	return &jsonAuthentication{Time: timeText(r.Time), Second: int64(r.Time), Root: hashText(r.Root),
		SignatureType: r.signatureType, Signature: hex.EncodeToString(r.signature),
		CertificateID: hex.EncodeToString(r.certificateID), Repository: r.repository}
}

func (r *rfc3161Record) json() *jsonRFC3161 {
	if r == nil {
		return nil
	}
	return &jsonRFC3161{Time: timeText(r.time), Second: int64(r.time), Index: r.index, Input: hashText(r.input),
		TSTInfoPrefix:             hex.EncodeToString(r.tstInfo.prefix),
		TSTInfoSuffix:             hex.EncodeToString(r.tstInfo.suffix),
		TSTInfoAlgorithm:          r.tstInfo.algorithm.String(),
		SignedAttributesPrefix:    hex.EncodeToString(r.signedAttributes.prefix),
		SignedAttributesSuffix:    hex.EncodeToString(r.signedAttributes.suffix),
		SignedAttributesAlgorithm: r.signedAttributes.algorithm.String(),
	}
}

func direction(left bool) string {
	if left {
		return "left"
	}
	return "right"
}

// hashText returns im as "sha256:" and its digest in hex, the empty string for the zero imprint.
func hashText(im merkle.Imprint) string {
	if im.IsZero() {
		return ""
	}
	text := append([]byte(im.Algorithm().String()), ':')
	return string(hex.AppendEncode(text, im.Digest()))
}

// timeText returns t as RFC 3339, the empty string if t is beyond it.
func timeText(t calendar.Second) string {
	if t > calendar.LastWritable {
		return ""
	}
	return t.String()
}

// microsText is timeText for microseconds.
func microsText(n uint64) string {
	if n/1e6 > uint64(calendar.LastWritable) {
		return ""
	}
	return time.UnixMicro(int64(n)).UTC().Format("2006-01-02T15:04:05.000000Z")
}
