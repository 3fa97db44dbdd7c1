package ksi

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A Constraint demands a value of an attribute in the subject of the certificate that signed a publications file. It is
// what keeps everybody else with a certificate under the same root from signing one.
type Constraint struct {
	Attribute asn1.ObjectIdentifier
	Value     string
}

// subjectAttributes are the attributes that constraints name by letters, as OpenSSL and the KSI tools do.
var subjectAttributes = map[string]asn1.ObjectIdentifier{
	"E":            oidEmail,
	"emailAddress": oidEmail,
	"CN":           {2, 5, 4, 3},
	"C":            {2, 5, 4, 6},
	"L":            {2, 5, 4, 7},
	"ST":           {2, 5, 4, 8},
	"O":            {2, 5, 4, 10},
	"OU":           {2, 5, 4, 11},
}

var oidEmail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// ParseConstraint reads a constraint such as E=publications@ledger.example or 2.5.4.10=Canton.
func ParseConstraint(text string) (Constraint, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || value == "" {
		return Constraint{}, fmt.Errorf("constraint %q: want NAME=VALUE, such as E=publications@ledger.example", text)
	}
	oid, ok := subjectAttributes[name]
	if !ok {
		if err := parseOID(name, &oid); err != nil {
			return Constraint{}, fmt.Errorf("constraint %q: %q is neither E, CN, O, OU, C, L, ST nor an object identifier such as 2.5.4.10", text, name)
		}
	}
	return Constraint{Attribute: oid, Value: value}, nil
}

func parseOID(text string, oid *asn1.ObjectIdentifier) error {
	o, err := x509.ParseOID(text)
	if err != nil {
		return err
	}
	for part := range strings.SplitSeq(o.String(), ".") {
		n, ok := new(big.Int).SetString(part, 10)
		if !ok || !n.IsInt64() || n.Int64() > 1<<31-1 {
			return errors.New("number too large")
		}
		*oid = append(*oid, int(n.Int64()))
	}
	return nil
}

// String returns the constraint as ParseConstraint reads it.
func (c Constraint) String() string {
	for _, name := range []string{"E", "CN", "C", "L", "ST", "O", "OU"} {
		if subjectAttributes[name].Equal(c.Attribute) {
			return name + "=" + c.Value
		}
	}
	return c.Attribute.String() + "=" + c.Value
}

// met reports whether the subject has the attribute with this value.
func (c *Constraint) met(subject *pkix.Name) bool {
	return slices.ContainsFunc(subject.Names, func(a pkix.AttributeTypeAndValue) bool {
		value, ok := a.Value.(string)
		return ok && a.Type.Equal(c.Attribute) && value == c.Value
	})
}

// Trust says whose publications files are believed.
type Trust struct {
	// Roots are the certificates that the signer's certificate must lead to.
	Roots *x509.CertPool
	// Constraints must all be met by the signer's certificate. At least one is needed.
	Constraints []Constraint
	// At is when the certificates must be valid: now, for the answer that the KSI tools give.
	At time.Time
}

// ErrUntrusted is wrapped by the errors of Authenticate.
var ErrUntrusted = errors.New("the publications file is not trusted")

// digestsTrusted are the hash algorithms that a CMS signature may use.
var digestsTrusted = []asn1.ObjectIdentifier{
	pkcs7.OIDDigestAlgorithmSHA256, pkcs7.OIDDigestAlgorithmSHA384, pkcs7.OIDDigestAlgorithmSHA512,
}

// Authenticate returns nil if f was signed by whom t trusts: a CMS signature (RFC 5652) with signed attributes by one
// signer, whose certificate meets the constraints and leads to a root. Any other outcome wraps ErrUntrusted.
func (f *PublicationsFile) Authenticate(t Trust) error {
	if err := f.authenticate(t); err != nil {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return nil
}

func (f *PublicationsFile) authenticate(t Trust) error {
	if len(t.Constraints) == 0 || t.Roots == nil {
		return errors.New("no root certificate or no constraint on its signer was given")
	}
	if depthOf(f.signature) > maxDepth {
		return errors.New("its signature cannot be read: it is nested too deep")
	}
	cms, err := pkcs7.Parse(f.signature)
	if err != nil {
		return fmt.Errorf("its signature cannot be read: %w", err)
	}
	signer := cms.GetOnlySigner()
	switch {
	case len(cms.Content) > 0:
		return errors.New("its signature is not detached")
	case signer == nil:
		return errors.New("its signature is not of exactly one signer with a certificate")
	case !slices.ContainsFunc(digestsTrusted, cms.Signers[0].DigestAlgorithm.Algorithm.Equal):
		return fmt.Errorf("its signature uses the hash algorithm %s, want SHA-256, SHA-384 or SHA-512", cms.Signers[0].DigestAlgorithm.Algorithm)
	}
	for _, c := range cms.Certificates {
		if err := checkKey(c); err != nil {
			return err
		}
	}
	var content asn1.ObjectIdentifier
	if err := cms.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &content); err != nil || !content.Equal(pkcs7.OIDData) {
		return errors.New("its signature is not over data with signed attributes")
	}
	cms.Content = f.raw[:f.signed]
	if err := cms.VerifyWithChainAtTime(t.Roots, t.At); err != nil {
		return authenticationError(err, signer, t.At)
	}
	for i := range t.Constraints {
		if !t.Constraints[i].met(&signer.Subject) {
			return fmt.Errorf("it is signed by %s, who does not meet the constraint %s", subjectText(signer), t.Constraints[i])
		}
	}
	return nil
}

// maxDepth bounds the nesting of a CMS structure, which its reader pays for at every level; honest ones have some fifteen.
const maxDepth = 32

// depthOf returns how deep constructed elements of ASN.1 are nested in data, maxDepth+1 for whatever is more. Where data is
// no ASN.1 it stops counting.
func depthOf(data []byte) int {
	deepest := 0
	var visit func(data []byte, depth int)
	visit = func(data []byte, depth int) {
		deepest = max(deepest, depth)
		for depth <= maxDepth && len(data) > 1 {
			constructed, indefinite := data[0]&0x20 != 0, data[1] == 0x80
			if constructed && indefinite { // BER: what follows is inside, as far as we know
				visit(data[2:], depth+1)
				return
			}
			var e asn1.RawValue
			rest, err := asn1.Unmarshal(data, &e)
			if err != nil {
				return
			}
			if e.IsCompound {
				visit(e.Bytes, depth+1)
			}
			data = rest
		}
	}
	visit(data, 0)
	return deepest
}

// authenticationError says in plain words why the signature does not verify.
func authenticationError(err error, signer *x509.Certificate, at time.Time) error {
	if _, changed := errors.AsType[*pkcs7.MessageDigestMismatchError](err); changed {
		return errors.New("it was changed after it was signed")
	}
	switch {
	case at.After(signer.NotAfter):
		return fmt.Errorf("the certificate that it is signed with ended on %s: get a newer file, or verify against a publication string, which needs no certificate",
			signer.NotAfter.UTC().Format(time.DateOnly))
	case at.Before(signer.NotBefore):
		return fmt.Errorf("the certificate that it is signed with begins on %s only", signer.NotBefore.UTC().Format(time.DateOnly))
	}
	return fmt.Errorf("its signature by %s does not verify: %w", subjectText(signer), err)
}

// subjectText names who a certificate is of, as constraints do.
func subjectText(cert *x509.Certificate) string {
	var parts []string
	for _, a := range cert.Subject.Names {
		parts = append(parts, Constraint{Attribute: a.Type, Value: fmt.Sprint(a.Value)}.String())
	}
	return fmt.Sprintf("%q", strings.Join(parts, ", "))
}

// Contents are what a publications file is made of.
type Contents struct {
	Created      calendar.Second
	Repository   string // URI where the newest file is to be had; empty for none
	Certificates []Certificate
	Publications []PublicationRecord // of different seconds, in any order
}

// BuildPublicationsFile makes a publications file, its publications ascending by time, and signs it with a key and its
// certificate, which NewPublicationsCertificate makes: in the one way that every KSI SDK accepts, RSA PKCS#1 v1.5 and
// SHA-256. The signing time in it is that of the machine's clock.
func BuildPublicationsFile(c Contents, key crypto.Signer, cert *x509.Certificate) ([]byte, error) {
	if err := certifies(cert, key); err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	dst, err := c.append([]byte(publicationsMagic))
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	cms, err := pkcs7.NewSignedData(dst)
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	cms.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := cms.AddSigner(cert, key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	cms.Detach()
	signature, err := cms.Finish()
	if err != nil {
		return nil, fmt.Errorf("publications file: %w", err)
	}
	dst = tlv.Append(dst, tagFileSignature, 0, signature)
	_, err = ParsePublicationsFile(dst)
	return dst, err
}

func (c *Contents) append(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = tlv.AppendUint(dst, tagFileVersion, 0, publicationsVersion)
	dst = tlv.AppendUint(dst, tagFileCreated, 0, uint64(c.Created))
	if c.Repository != "" {
		if !tlv.ValidText(c.Repository) {
			return nil, fmt.Errorf("repository %.100q is not text", c.Repository)
		}
		dst = tlv.AppendText(dst, tagFileRepository, 0, c.Repository)
	}
	dst = tlv.Enclose(dst, start, tagFileHeader, 0)
	for _, x := range c.Certificates {
		start := len(dst)
		dst = tlv.Append(dst, tagFileCertificateID, 0, x.ID)
		dst = tlv.Append(dst, tagFileCertificateDER, 0, x.X509.Raw)
		dst = tlv.Enclose(dst, start, tagFileCertificate, 0)
	}
	sorted := slices.SortedFunc(slices.Values(c.Publications), byTime)
	for i := range sorted {
		if i > 0 && sorted[i].Time == sorted[i-1].Time {
			return nil, fmt.Errorf("two publications of %s", sorted[i].Time)
		}
		var err error
		if dst, err = sorted[i].append(dst, tagFilePublication); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// How long the certificates around publications files are valid. A file verifies only while its signer's certificate
// does, so the root, which verifiers keep, outlives many of those.
const (
	publicationsRootYears = 30
	publicationsKeyYears  = 5
)

// NewPublicationsRoot returns a self-signed certificate in DER for the RSA key of the root that a calendar's publications
// files lead to. It is valid for 30 years.
func NewPublicationsRoot(random io.Reader, key crypto.Signer, commonName string, now time.Time) ([]byte, error) {
	return issue(random, &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotAfter:              now.UTC().AddDate(publicationsRootYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
	}, now, key.Public(), nil, key)
}

// NewPublicationsCertificate returns a certificate in DER, issued by a root, for the RSA key that signs publications
// files. The e-mail address stands in its subject, where the KSI SDKs look for it: it is the constraint that verifiers
// set. The certificate is valid for five years, but not longer than the root.
func NewPublicationsCertificate(random io.Reader, root *x509.Certificate, rootKey crypto.Signer, public crypto.PublicKey,
	commonName, email string, now time.Time,
) ([]byte, error) {
	end := now.UTC().AddDate(publicationsKeyYears, 0, 0)
	if end.After(root.NotAfter) {
		end = root.NotAfter
	}
	address := asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(email)}
	return issue(random, &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName,
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidEmail, Value: address}}},
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}, now, public, root, rootKey)
}

// Email returns the e-mail address in the subject of a certificate, the empty string if there is none.
func Email(cert *x509.Certificate) string {
	for _, a := range cert.Subject.Names {
		if address, ok := a.Value.(string); ok && a.Type.Equal(oidEmail) {
			return address
		}
	}
	return ""
}

// issue completes and signs a certificate: valid from an hour before now, with a random serial number, RSA and SHA-256.
// parent is nil for a self-signed one.
func issue(random io.Reader, template *x509.Certificate, now time.Time, public crypto.PublicKey, parent *x509.Certificate, key crypto.Signer) ([]byte, error) {
	for _, k := range []crypto.PublicKey{public, key.Public()} {
		if _, ok := k.(*rsa.PublicKey); !ok {
			return nil, fmt.Errorf("certificate of %q: key of type %T, want RSA", template.Subject.CommonName, k)
		}
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.SignatureAlgorithm = x509.SHA256WithRSA
	if template.NotBefore.IsZero() {
		template.NotBefore = now.UTC().Truncate(time.Second).Add(-time.Hour)
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(random, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", template.Subject.CommonName, err)
	}
	return der, nil
}

// newSerial returns a positive number of 16 bytes.
func newSerial(random io.Reader) (*big.Int, error) {
	var serial [16]byte
	if _, err := io.ReadFull(random, serial[:]); err != nil {
		return nil, fmt.Errorf("serial number of a certificate: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of full length
	return new(big.Int).SetBytes(serial[:]), nil
}

// certifies demands that the key of a signer is an RSA key and the certificate's.
func certifies(cert *x509.Certificate, key crypto.Signer) error {
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("key of type %T, want RSA", key.Public())
	}
	if !public.Equal(cert.PublicKey) {
		return errors.New("the certificate is of another key")
	}
	return nil
}
