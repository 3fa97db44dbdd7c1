package ksi

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// SHA256WithRSA is the signature type of the calendar authentication records that SignAuthentication makes: RSA PKCS#1
// v1.5 over SHA-256. No other type verifies with every KSI SDK.
const SHA256WithRSA = "1.2.840.113549.1.1.11"

// signatureAlgorithms are the signature types that Verify can check, by object identifier.
var signatureAlgorithms = map[string]x509.SignatureAlgorithm{
	SHA256WithRSA:           x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
}

// A Certificate is a calendar certificate with the id that calendar authentication records call it by.
type Certificate struct {
	ID   []byte
	X509 *x509.Certificate
}

// Of reports whether the certificate is that of a ledger: the common name of its subject is the ledger's name. A key that is
// trusted for one ledger says nothing of what another one filed.
func (c *Certificate) Of(ledger string) bool {
	return ledger != "" && c.X509.Subject.CommonName == ledger
}

// ParseCertificate reads a certificate in DER and gives it the id that CertificateID returns.
func ParseCertificate(der []byte) (Certificate, error) {
	c, err := parseX509(der)
	if err != nil {
		return Certificate{}, fmt.Errorf("calendar certificate: %w", err)
	}
	id := CertificateID(der)
	return Certificate{ID: id[:], X509: c}, nil
}

// maxKeyBits bounds the RSA keys of certificates, as TLS does: a signature is checked in a time that grows with the cube of it, and a key of
// 400,000 bits, which fits into a publications file, takes 20 seconds.
const maxKeyBits = 8192

func parseX509(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err == nil {
		err = checkKey(c)
	}
	return c, err
}

// checkKey returns an error for a certificate with a key that nobody needs.
func checkKey(c *x509.Certificate) error {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxKeyBits {
		return fmt.Errorf("certificate of %q: RSA key of %d bits, at most %d are allowed", c.Subject.CommonName, key.N.BitLen(), maxKeyBits)
	}
	return nil
}

// ParseCertificates reads one certificate or more in PEM. Blocks of other types are an error.
func ParseCertificates(text []byte) ([]Certificate, error) {
	var all []Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block of type %s where certificates are expected", block.Type)
		}
		c, err := ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no PEM certificate in it")
	}
	return all, nil
}

// CertificateID returns the usual id of a certificate: the CRC-32 of its DER form, big-endian.
func CertificateID(der []byte) (id [4]byte) {
	binary.BigEndian.PutUint32(id[:], crc32.ChecksumIEEE(der))
	return id
}

// calendarKeyMonths is how long a calendar certificate is valid, as Guardtime's are.
const calendarKeyMonths = 25

// NewCalendarCertificate returns a self-signed certificate in DER for an RSA calendar key: subject and issuer are the
// common name, the serial number comes from rand. It is valid from one hour before from, the earliest second that the key
// is to sign, until 25 months after now: the hour keeps that second inside even for verifiers that exclude the end points.
func NewCalendarCertificate(rand io.Reader, key crypto.Signer, commonName string, from, now time.Time) ([]byte, error) {
	return issue(rand, &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             from.UTC().Truncate(time.Second).Add(-time.Hour),
		NotAfter:              now.UTC().Truncate(time.Second).AddDate(0, calendarKeyMonths, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}, now, key.Public(), nil, key)
}

// Authentication is what the calendar key says about a calendar root: the calendar authentication record but for the
// published data.
type Authentication struct {
	SignatureType string // object identifier with dots
	Signature     []byte
	CertificateID []byte
}

// SignAuthentication signs a publication, most often the calendar root of the second just closed, with the calendar key.
// The certificate must belong to the key. RSA PKCS#1 v1.5 needs no randomness; rand is there for keys in hardware that
// want some.
func SignAuthentication(rand io.Reader, key crypto.Signer, cert Certificate, p Publication) (*Authentication, error) {
	if err := certifies(cert.X509, key); err != nil {
		return nil, fmt.Errorf("calendar key: %w", err)
	}
	digest := sha256.Sum256(PublishedData(p))
	signature, err := key.Sign(rand, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("calendar root of %s: signing: %w", p.Time, err)
	}
	return &Authentication{SignatureType: SHA256WithRSA, Signature: signature, CertificateID: cert.ID}, nil
}

// VerifyRSA checks a signature that SignAuthentication made over a publication with the key of this public half. The error
// says only that it is not.
func VerifyRSA(key *rsa.PublicKey, p Publication, signature []byte) error {
	digest := sha256.Sum256(PublishedData(p))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
}
