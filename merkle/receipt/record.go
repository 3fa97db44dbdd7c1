package receipt

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// MaxRecord is the length of the longest record that Parse takes, in bytes.
const MaxRecord = 4 << 20

// maxCounters bounds the counter-receipts of a record.
const maxCounters = 256

// A Record is a filing with its proof and what was answered to it.
type Record struct {
	Filing
	Signature *ksi.Signature
	SealPath  *seal.Path // of a filing in the lane seal; nil for none
	Counters  []*Counter
}

// New makes the record of a proof that a server gave for a leaf; the path may be nil.
func New(proof *ksi.Signature, path *seal.Path) (*Record, error) {
	f, err := FilingOf(proof)
	if err != nil {
		return nil, err
	}
	r := &Record{Filing: f, Signature: proof, SealPath: path}
	return r, r.checkPath()
}

// checkPath returns an error unless the path is another way from the same leaf to the same round root.
func (r *Record) checkPath() error {
	if r.SealPath == nil {
		return nil
	}
	return r.leads(r.SealPath)
}

// CheckSeal returns an error unless a seal is that of the record's leaf.
func (r *Record) CheckSeal(s *seal.Seal) error {
	if leaf := s.Leaf(); leaf.Imprint() != r.Leaf {
		return fmt.Errorf("the seal, %s, is that of the leaf %s, not of the filing %s", s.Receipt(), leaf, r.Name)
	}
	return r.leads(&s.Path)
}

func (r *Record) leads(p *seal.Path) error {
	switch {
	case r.Leaf.Algorithm() != merkle.SHA256 || p.Receipt() != r.Name.String() || p.Server != r.Server:
		return fmt.Errorf("the seal's path is that of %s at %s, not of %s at %s", p.Receipt(), p.Server, r.Name, r.Server)
	case p.RoundRoot(merkle.Digest(r.Leaf.Digest())).Imprint() != r.Root:
		return errors.New("the seal's path does not lead from the leaf to the root of its round")
	}
	return nil
}

// Add adds counter-receipts, those already there left out. It is an error if one answers another receipt.
func (r *Record) Add(counters ...*Counter) error {
	for _, c := range counters {
		again, err := NewCounter(&r.Filing, c.Status, c.Signature)
		if err != nil {
			return err
		}
		if !r.has(again) {
			r.Counters = append(r.Counters, again)
		}
	}
	if len(r.Counters) > maxCounters {
		return fmt.Errorf("%d counter-receipts, at most %d", len(r.Counters), maxCounters)
	}
	return nil
}

func (r *Record) has(c *Counter) bool {
	for _, known := range r.Counters {
		if known.Name == c.Name && known.Server == c.Server {
			return true
		}
	}
	return false
}

// Reference returns the reference of the record's leaf.
func (r *Record) Reference() *Reference { return &Reference{r.Name, r.Leaf} }

// The JSON form.
type jsonRecord struct {
	Format    string       `json:"format"`
	Receipt   string       `json:"receipt"`
	Server    string       `json:"server"`
	Agency    string       `json:"agency"`
	Lane      string       `json:"lane"`
	Time      string       `json:"time"`
	Algorithm string       `json:"algorithm"`
	Digest    string       `json:"digest"`
	Signature string       `json:"signature"`
	SealPath  string       `json:"seal_path,omitempty"`
	Counters  jsonCounters `json:"counter_receipts"`
}

type jsonCounters []jsonCounter

type jsonCounter struct {
	Receipt   string  `json:"receipt"`
	Server    string  `json:"server"`
	Agency    string  `json:"agency"`
	Lane      string  `json:"lane"`
	Time      string  `json:"time"`
	Status    *string `json:"status"`
	Digest    string  `json:"digest"`
	Signature string  `json:"signature"`
}

// UnmarshalJSON reads one after the other and stops behind the last that there may be: millions, of a few bytes each, would take a lot of memory.
func (c *jsonCounters) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("the counter-receipts are no array")
	}
	for *c = (jsonCounters{}); d.More(); {
		if len(*c) == maxCounters {
			return fmt.Errorf("more than %d counter-receipts", maxCounters)
		}
		var one jsonCounter
		if err := d.Decode(&one); err != nil {
			return err
		}
		*c = append(*c, one)
	}
	return nil
}

const (
	formatName   = "jurat receipt "
	recordFormat = formatName + "1"
)

func (r *Record) form() (j jsonRecord, err error) {
	j = jsonRecord{Format: recordFormat, Receipt: r.Name.String(), Server: r.Server, Agency: r.Agency, Lane: r.Lane, Time: r.Round.String(),
		Algorithm: r.Leaf.Algorithm().String(), Digest: hex.EncodeToString(r.Leaf.Digest()), Signature: base64.StdEncoding.EncodeToString(r.Signature.Append(nil)),
		Counters: jsonCounters{}}
	if r.SealPath != nil {
		path, err := r.SealPath.Append(nil)
		if err != nil {
			return j, err
		}
		j.SealPath = base64.StdEncoding.EncodeToString(path)
	}
	for _, c := range r.Counters {
		k := jsonCounter{Receipt: c.Name.String(), Server: c.Server, Agency: c.Agency, Lane: c.Lane, Time: c.Round.String(),
			Digest: hex.EncodeToString(c.Leaf.Digest()), Signature: base64.StdEncoding.EncodeToString(c.Signature.Append(nil))}
		if c.Status != "" {
			k.Status = &c.Status
		}
		j.Counters = append(j.Counters, k)
	}
	return j, nil
}

// JSON returns the record as one JSON object, its keys in a fixed order, indented.
func (r *Record) JSON() ([]byte, error) {
	form, err := r.form()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(form)
	return b.Bytes(), err
}

// IsRecord reports whether a file that begins like this seems to be a record; 4,096 bytes are enough, in any order of its keys that
// programs write.
func IsRecord(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("{")) && bytes.Contains(head, []byte(`"`+formatName))
}

// Errors that callers decide on.
var (
	// ErrRecord is wrapped by the errors of Parse.
	ErrRecord = errors.New("not the record of a receipt, unchanged")
	// ErrUnread is wrapped by those of them for what cannot be read to its end, as when it was cut off: it says nothing, so nothing false.
	ErrUnread = errors.New("it cannot be read")
	// ErrVersion is wrapped by those of the latter for a format version that this program does not know.
	ErrVersion = errors.New("unknown format version: use a newer program")
)

// Parse reads a record. White space and the order of keys do not matter; what the record says of a proof must be what the proof says, and it
// must say it once. That the proofs hold is the business of Verify.
func Parse(data []byte) (*Record, error) {
	r, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r, nil
}

func parse(data []byte) (*Record, error) {
	read, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnread, err)
	}
	r, err := New(read.proof, read.path)
	for i := 0; i < len(read.answers) && err == nil; i++ {
		status := ""
		if s := read.form.Counters[i].Status; s != nil {
			status = *s
		}
		var c *Counter
		if c, err = NewCounter(&r.Filing, status, read.answers[i]); err == nil {
			err = r.Add(c)
		}
	}
	if err == nil {
		err = r.compare(&read.form, data)
	}
	return r, err
}

// A decoded record is what one says, nothing of which was compared.
type decoded struct {
	form    jsonRecord
	proof   *ksi.Signature
	path    *seal.Path
	answers []*ksi.Signature
}

func decode(data []byte) (*decoded, error) {
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("more than %d bytes", MaxRecord)
	}
	var head struct{ Format string }
	switch err := json.Unmarshal(data, &head); {
	case err != nil || head.Format == recordFormat:
	case strings.HasPrefix(head.Format, formatName): // which may have other fields
		return nil, fmt.Errorf("format %.100q: %w", head.Format, ErrVersion)
	default:
		return nil, fmt.Errorf("format %.100q, this program knows %q", head.Format, recordFormat)
	}
	r := &decoded{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r.form); err != nil {
		return nil, fmt.Errorf("JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	var err error
	if r.proof, err = parseProof(r.form.Signature); err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if r.form.SealPath != "" {
		b, err := base64.StdEncoding.DecodeString(r.form.SealPath)
		if err == nil {
			r.path, err = seal.ParsePath(b)
		}
		if err != nil {
			return nil, fmt.Errorf("seal_path: %w", err)
		}
	}
	for _, c := range r.form.Counters {
		proof, err := parseProof(c.Signature)
		if err != nil {
			return nil, fmt.Errorf("counter-receipt %.300q: signature: %w", c.Receipt, err)
		}
		r.answers = append(r.answers, proof)
	}
	return r, nil
}

func parseProof(text string) (*ksi.Signature, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return ksi.Parse(b)
}

// compare returns an error unless a form, which was read from data, says what r says.
func (r *Record) compare(said *jsonRecord, data []byte) error {
	is, err := r.form()
	if err != nil {
		return err
	}
	if reflect.DeepEqual(*said, is) {
		return r.compareTokens(data)
	}
	is.Counters, said.Counters = nil, nil
	a, b := reflect.ValueOf(is), reflect.ValueOf(*said)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return fmt.Errorf("%s: it says %.300q, the proof says %.300q", a.Type().Field(i).Tag.Get("json"), b.Field(i), a.Field(i))
		}
	}
	return errors.New("what it says of a counter-receipt is not what the proof says, or one stands twice")
}

// compareTokens returns an error unless data is the JSON of r, but for white space and the order of keys. Of a key that stands twice package
// json takes the last, and other programs the first: they would read something that was not compared with the proof.
func (r *Record) compareTokens(data []byte) error {
	is, err := r.JSON()
	if err == nil && !slices.Equal(tokens(data), tokens(is)) {
		err = errors.New("a key is missing, stands twice, or is spelled otherwise")
	}
	return err
}

// tokens returns what JSON consists of, sorted.
func tokens(data []byte) (all []string) {
	d := json.NewDecoder(bytes.NewReader(data))
	for t, err := d.Token(); err == nil; t, err = d.Token() {
		all = append(all, fmt.Sprint(t))
	}
	slices.Sort(all)
	return all
}

// When returns a second in words, "Sunday, 22 November 2026, 01:15:30 UTC".
func When(s calendar.Second) string { return s.Time().Format("Monday, 2 January 2006, 15:04:05 UTC") }
