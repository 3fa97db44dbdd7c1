package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/landmark"
)

// The JSON form of a report. Times are RFC 3339 text, hashes hex; what is not known is left out.
type jsonReport struct {
	Verdict   Verdict         `json:"verdict"`
	Sentence  string          `json:"sentence"`
	Missing   string          `json:"missing,omitempty"`
	Check     string          `json:"check,omitempty"`
	Receipt   string          `json:"receipt,omitempty"`
	Profile   string          `json:"profile,omitempty"`
	Server    string          `json:"server,omitempty"`
	Agency    string          `json:"agency,omitempty"`
	Time      string          `json:"time,omitempty"`
	NotBefore string          `json:"not_before,omitempty"`
	NotAfter  string          `json:"not_after,omitempty"`
	Fields    json.RawMessage `json:"fields,omitempty"`
	Salt      string          `json:"salt,omitempty"`
	Leaf      string          `json:"leaf,omitempty"`
	Basis     *jsonBasis      `json:"basis,omitempty"`
	Status    *jsonStatus     `json:"status,omitempty"`
	Proven    []string        `json:"proven,omitempty"`
	NotProven []string        `json:"not_proven,omitempty"`
	Block     *jsonBlock      `json:"landmark,omitempty"`
	Steps     []jsonStep      `json:"steps,omitempty"`
}

type jsonBasis struct {
	Kind        string   `json:"kind"` // key or publication
	Time        string   `json:"time"`
	Root        string   `json:"root"` // of the calendar; of the round for a seal that rests on the key alone
	References  []string `json:"references,omitempty"`
	Certificate string   `json:"certificate,omitempty"`
}

type jsonStatus struct {
	Sentence string `json:"sentence"`
	At       string `json:"at,omitempty"`    // revoked or superseded
	AsOf     string `json:"as_of,omitempty"` // by the list's own word
}

type jsonBlock struct {
	Number uint64 `json:"block"`
	First  string `json:"first_second"`
	Root   string `json:"root"`
}

type jsonStep struct {
	Part      Part   `json:"part"`
	Direction string `json:"direction"` // left: what comes from below is the left operand
	Sibling   string `json:"sibling"`
	Level     int    `json:"level"`
	Hash      string `json:"hash"`
}

func timeText(s calendar.Second) string {
	if s == 0 {
		return ""
	}
	return s.String()
}

// JSON returns the report as one JSON object, its keys in a fixed order.
func (r *Report) JSON() []byte {
	out := jsonReport{Verdict: r.Verdict, Sentence: r.Sentence, Missing: r.Missing, Proven: r.Proven, NotProven: r.NotProven}
	if s := r.Seal; s != nil {
		out.Check, out.Receipt, out.Profile, out.Server, out.Agency = s.CheckString(), s.Receipt(), s.Profile.String(), s.Server, s.Agency
		out.Time, out.NotBefore, out.NotAfter = timeText(s.Round), timeText(s.NotBefore), timeText(s.NotAfter)
		out.Fields, out.Salt, out.Leaf = FieldsJSON(s.Fields), hex.EncodeToString(s.Salt[:]), s.Leaf().String()
		out.Status = &jsonStatus{r.Status, timeText(r.StatusAt), timeText(r.StatusAsOf)}
		if block := landmark.BlockOf(s.Round); r.Landmark != (merkle.Digest{}) {
			out.Block = &jsonBlock{block, landmark.First(block).String(), r.Landmark.String()}
		}
	}
	if b := r.Basis; b.Kind != landmark.Unvouched {
		out.Basis = &jsonBasis{b.Kind.String(), timeText(b.Time), hex.EncodeToString(b.Root.Digest()), b.References, hex.EncodeToString(b.Certificate)}
	}
	for _, s := range r.Steps {
		direction := "right"
		if s.Left {
			direction = "left"
		}
		out.Steps = append(out.Steps, jsonStep{s.Part, direction, hex.EncodeToString(s.Sibling), s.Level, s.Hash.String()})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		panic("seal: " + err.Error()) // nothing in out can fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
