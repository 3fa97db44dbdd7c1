package transfer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/internal/cbor"
	"github.com/jurat-ledger/jurat/merkle/internal/printable"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
)

const (
	// SaltSize is the length of a holder's salt in bytes.
	SaltSize = 16
	// MaxName is the length of the longest name of a holder in bytes.
	MaxName = 200
)

// ErrContent is wrapped by the errors of what cannot be filed as a transfer.
var ErrContent = errors.New("transfer")

// ProofDigest returns the digest by which transfers name a proof. It is that of the proof before and after it was extended. Only a proof
// that a server gave for a leaf of its own has one.
func ProofDigest(proof *ksi.Signature) (merkle.Digest, error) {
	f, err := receipt.FilingOf(proof)
	if err != nil {
		return merkle.Digest{}, err
	}
	return digestOf(&f), nil
}

func digestOf(f *receipt.Filing) merkle.Digest {
	v := cbor.List(cbor.String("jurat proof"), cbor.String(f.Server), cbor.String(f.Name.String()), cbor.Blob(f.Leaf.Append(nil)), cbor.Blob(f.Root.Append(nil)))
	return sha256.Sum256(v.Append(nil))
}

// A Holder is who has a document: opened, with name and salt, or hidden, by its digest alone.
type Holder struct {
	Name string // empty if it is hidden
	Salt [SaltSize]byte

	digest merkle.Digest
}

// NewHolder returns a holder who is named. The name has 1 to 200 bytes of printable characters.
func NewHolder(name string, salt [SaltSize]byte) (Holder, error) {
	if err := checkName("holder", name, MaxName); err != nil {
		return Holder{}, err
	}
	v := cbor.List(cbor.String("jurat holder"), cbor.Blob(salt[:]), cbor.String(name))
	return Holder{name, salt, sha256.Sum256(v.Append(nil))}, nil
}

// Hidden returns the holder of a digest.
func Hidden(digest merkle.Digest) Holder { return Holder{digest: digest} }

// Hide returns h without its name.
func (h Holder) Hide() Holder { return Hidden(h.digest) }

// Digest returns what stands for h in a leaf.
func (h *Holder) Digest() merkle.Digest { return h.digest }

// String returns the name, or for one who is hidden the first digits of the digest.
func (h *Holder) String() string {
	if h.Name == "" {
		return "somebody not named (" + h.digest.String()[:8] + "…)"
	}
	return h.Name
}

func checkName(what, text string, most int) error {
	if err := printable.Check(what, text, most); err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	return nil
}

// A Vault is an agency at a server.
type Vault struct{ Server, Agency string }

// String returns "agency at server".
func (v Vault) String() string { return v.Agency + " at " + v.Server }

// ParseVault reads "server/agency".
func ParseVault(text string) (v Vault, err error) {
	server, agency, ok := strings.Cut(text, "/")
	if !ok {
		return v, fmt.Errorf("%w: vault %.300q: want the server's name and the agency, such as vault.example/canton", ErrContent, text)
	}
	v = Vault{server, agency}
	return v, v.check()
}

func (v *Vault) check() error {
	for _, name := range []string{v.Server, v.Agency} {
		if err := checkName("vault", name, merkle.MaxID); err != nil {
			return err
		}
		if strings.Contains(name, "/") {
			return fmt.Errorf("%w: vault %.300q: names have no '/'", ErrContent, name)
		}
	}
	return nil
}

// A Content is what the leaf of a transfer says.
type Content struct {
	Proof    merkle.Digest  // ProofDigest of the document's proof
	Previous *merkle.Digest // leaf of the transfer before; nil in the first
	From, To Holder
	Vault    Vault // who keeps the document now
}

// Check returns why c cannot be filed.
func (c *Content) Check() error {
	if c.From.digest == c.To.digest {
		return fmt.Errorf("%w: it goes from %s to the same", ErrContent, &c.From)
	}
	if c.Previous != nil && *c.Previous == (merkle.Digest{}) {
		return fmt.Errorf("%w: the transfer before is no hash", ErrContent)
	}
	return c.Vault.check()
}

// Leaf returns the hash to file, of a content for which Check has no error.
func (c *Content) Leaf() merkle.Digest { return sha256.Sum256(c.encode()) }

func (c *Content) encode() []byte {
	v := cbor.List(cbor.String("jurat transfer"), cbor.Blob(c.Proof[:]), optional(c.Previous), cbor.Blob(c.From.digest[:]), cbor.Blob(c.To.digest[:]),
		cbor.String(c.Vault.Server), cbor.String(c.Vault.Agency))
	return v.Append(nil)
}

func optional(d *merkle.Digest) cbor.Value {
	if d == nil {
		return cbor.Value{}
	}
	return cbor.Blob(d[:])
}

// A Transfer is a content with the proof of its leaf.
type Transfer struct {
	Content
	Signature *ksi.Signature
}
