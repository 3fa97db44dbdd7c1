package query

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/merkle/calendar"
)

// A Receipt is the text name of a leaf, "2026-11-22T01:15:30Z/jura/main/42": the round, the agency, the lane and the
// index of the leaf in its slot. Agencies and lanes hold no slash.
type Receipt struct {
	Round  calendar.Second
	Agency string
	Lane   string
	Index  uint64
}

// Append appends the text of r to dst.
func (r Receipt) Append(dst []byte) []byte {
	dst = r.Round.Time().AppendFormat(dst, "2006-01-02T15:04:05Z")
	dst = append(append(dst, '/'), r.Agency...)
	dst = append(append(dst, '/'), r.Lane...)
	return strconv.AppendUint(append(dst, '/'), r.Index, 10)
}

// String returns the text of r.
func (r Receipt) String() string { return string(r.Append(nil)) }

// ParseReceipt reads the text that String writes, and nothing else: no other spelling names the same leaf.
func ParseReceipt(text string) (Receipt, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return Receipt{}, fmt.Errorf("receipt %q: want the form round/agency/lane/index", text)
	}
	round, err := calendar.ParseSecond(parts[0])
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt %q: %w", text, err)
	}
	index, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt %q: index %q is no number", text, parts[3])
	}
	r := Receipt{Round: round, Agency: parts[1], Lane: parts[2], Index: index}
	if r.Agency == "" || r.Lane == "" || r.String() != text {
		return Receipt{}, fmt.Errorf("receipt %q: not in canonical form", text)
	}
	return r, nil
}
