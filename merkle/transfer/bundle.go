package transfer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

const (
	// Magic begins every bundle of a document.
	Magic   = "JURATCTZ"
	version = 1
	// MaxBundle is the length of the longest bundle that Parse takes, in bytes.
	MaxBundle = 4 << 20
	// MaxTransfers is how many transfers a bundle has at most.
	MaxTransfers = 1000
)

// Errors that callers decide on.
var (
	// ErrFormat is wrapped by the errors of Parse, but for a format version that this program does not know.
	ErrFormat = errors.New("not a whole, unchanged bundle of a document")
	// ErrVersion is wrapped for that.
	ErrVersion = errors.New("unknown format version: use a newer program")
	// ErrOther says that two bundles are not of one proof.
	ErrOther = errors.New("the bundles are of different documents, or of different filings of one")
)

// A Bundle is a document's proof and its transfers.
type Bundle struct {
	Proof     *ksi.Signature
	Transfers []Transfer // changed by Add and Merge alone

	filing receipt.Filing
	digest merkle.Digest         // of the proof
	leaves map[merkle.Digest]int // of the transfers
}

// New returns the bundle of a proof that a server gave for a leaf of its own.
func New(proof *ksi.Signature) (*Bundle, error) {
	f, err := receipt.FilingOf(proof)
	if err != nil {
		return nil, err
	}
	return &Bundle{Proof: proof, filing: f, digest: digestOf(&f), leaves: make(map[merkle.Digest]int)}, nil
}

// Digest returns the digest of the document's proof, which is in every transfer.
func (b *Bundle) Digest() merkle.Digest { return b.digest }

// Filing returns what the document's proof says.
func (b *Bundle) Filing() receipt.Filing { return b.filing }

// Append appends the bytes of a bundle that New or Parse made.
func (b *Bundle) Append(dst []byte) []byte {
	start := len(dst)
	list := cbor.List()
	for i := range b.Transfers {
		t := &b.Transfers[i]
		list.Items = append(list.Items, cbor.List(t.From.value(), t.To.value(), optional(t.Previous), cbor.String(t.Vault.Server),
			cbor.String(t.Vault.Agency), cbor.Blob(t.Signature.Append(nil))))
	}
	item := cbor.List(cbor.Blob(b.Proof.Append(nil)), list)
	dst = item.Append(append(append(dst, Magic...), version))
	sum := sha256.Sum256(dst[start:])
	return append(dst, sum[:]...)
}

func (h *Holder) value() cbor.Value {
	if h.Name == "" {
		return cbor.Blob(h.digest[:])
	}
	return cbor.List(cbor.Blob(h.Salt[:]), cbor.String(h.Name))
}

// Parse reads what Append writes, and nothing else. Whether the transfers make a chain and the proofs hold, Verify says.
func Parse(data []byte) (*Bundle, error) {
	b, err := parse(data)
	switch {
	case errors.Is(err, ErrVersion):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return b, nil
}

func parse(data []byte) (*Bundle, error) {
	const head = len(Magic) + 1
	switch {
	case len(data) > MaxBundle:
		return nil, fmt.Errorf("more than %d bytes", MaxBundle)
	case !bytes.HasPrefix(data, []byte(Magic)):
		return nil, errors.New("it does not begin like one")
	case len(data) < head+sha256.Size:
		return nil, errors.New("it ends too early")
	case data[len(Magic)] != version:
		return nil, fmt.Errorf("version %d: %w", data[len(Magic)], ErrVersion)
	}
	end := len(data) - sha256.Size
	if sha256.Sum256(data[:end]) != [sha256.Size]byte(data[end:]) {
		return nil, errors.New("the SHA-256 at its end is another")
	}
	v, err := cbor.Parse(data[head:end])
	if err != nil {
		return nil, err
	}
	if v.Kind != cbor.Array || len(v.Items) != 2 || v.Items[0].Kind != cbor.Bytes || v.Items[1].Kind != cbor.Array {
		return nil, errors.New("not an array of a proof and transfers")
	}
	if n := len(v.Items[1].Items); n > MaxTransfers {
		return nil, fmt.Errorf("%d transfers, at most %d", n, MaxTransfers)
	}
	proof, err := ksi.Parse(v.Items[0].Bytes)
	if err != nil {
		return nil, fmt.Errorf("proof of the document: %w", err)
	}
	b, err := New(proof)
	if err != nil {
		return nil, fmt.Errorf("proof of the document: %w", err)
	}
	for i := range v.Items[1].Items {
		if err := b.parseTransfer(&v.Items[1].Items[i]); err != nil {
			return nil, fmt.Errorf("transfer %d: %w", i+1, err)
		}
	}
	return b, nil
}

func (b *Bundle) parseTransfer(v *cbor.Value) (err error) {
	if v.Kind != cbor.Array || len(v.Items) != 6 {
		return errors.New("not an array of 6 items")
	}
	server, agency, proof := &v.Items[3], &v.Items[4], &v.Items[5]
	if server.Kind != cbor.Text || agency.Kind != cbor.Text || proof.Kind != cbor.Bytes {
		return errors.New("the vault is no text, or the proof no byte string")
	}
	t := Transfer{Content: Content{Proof: b.digest, Vault: Vault{server.Text, agency.Text}}}
	for i, h := range []*Holder{&t.From, &t.To} {
		if *h, err = parseHolder(&v.Items[i]); err != nil {
			return err
		}
	}
	if v.Items[2].Kind != cbor.Null {
		d, err := parseDigest(&v.Items[2])
		if err != nil {
			return fmt.Errorf("transfer before: %w", err)
		}
		t.Previous = &d
	}
	if t.Signature, err = ksi.Parse(proof.Bytes); err != nil {
		return err
	}
	return b.Add(t)
}

func parseDigest(v *cbor.Value) (d merkle.Digest, err error) {
	if v.Kind != cbor.Bytes || len(v.Bytes) != len(d) {
		return d, fmt.Errorf("no byte string of %d", len(d))
	}
	return merkle.Digest(v.Bytes), nil
}

func parseHolder(v *cbor.Value) (Holder, error) {
	if v.Kind != cbor.Array {
		d, err := parseDigest(v)
		if err != nil {
			err = fmt.Errorf("holder: %w", err)
		}
		return Hidden(d), err
	}
	if len(v.Items) != 2 || v.Items[0].Kind != cbor.Bytes || len(v.Items[0].Bytes) != SaltSize || v.Items[1].Kind != cbor.Text {
		return Holder{}, fmt.Errorf("holder: not an array of a salt of %d bytes and a name", SaltSize)
	}
	return NewHolder(v.Items[1].Text, [SaltSize]byte(v.Items[0].Bytes))
}

// Add adds a transfer of the bundle's proof. It is an error if its content cannot be filed or stands in the bundle already. Whether it belongs
// there, Verify says.
func (b *Bundle) Add(t Transfer) error {
	if err := t.Check(); err != nil {
		return err
	}
	leaf := t.Leaf()
	if _, ok := b.leaves[leaf]; ok {
		return fmt.Errorf("%w: %s stands in the bundle already", ErrContent, leaf)
	}
	if len(b.Transfers) == MaxTransfers {
		return fmt.Errorf("%w: a bundle holds %d at most", ErrContent, MaxTransfers)
	}
	b.leaves[leaf] = len(b.Transfers)
	b.Transfers = append(b.Transfers, t)
	return nil
}

// Merge adds the transfers of another bundle of the same proof that b does not have. So a fork shows, one side of which b did not know.
func (b *Bundle) Merge(other *Bundle) error {
	if b.digest != other.digest {
		return ErrOther
	}
	for _, t := range other.Transfers {
		if _, ok := b.leaves[t.Leaf()]; ok {
			continue
		}
		if err := b.Add(t); err != nil {
			return err
		}
	}
	return nil
}
