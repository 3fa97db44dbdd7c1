package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newMakeCertificate() *cobra.Command {
	var hosts []string
	var days int
	certFile, keyFile := "server.crt", "server.key"
	cmd := &cobra.Command{
		Use:   "make-certificate --host NAME...",
		Short: "Make a TLS certificate that signs itself, and its key",
		Long: `Make a key (ECDSA, P-256) and a certificate for it that signs itself, for jurat serve --tls-cert and --tls-key. Give the
certificate to clients as sslrootcert: with sslmode=verify-full they then know that they talk to this server. Where clients
trust a certificate authority of yours, use one of its certificates instead.`,
		Example: `  jurat make-certificate --host ledger.example --host 192.0.2.7`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := makeCertificate(hosts, days, certFile, keyFile); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", certFile, keyFile)
			return err
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&hosts, "host", nil, "name or address by which clients reach the server; may be given several times")
	f.IntVar(&days, "days", 825, "how long the certificate is valid")
	f.StringVar(&certFile, "cert", certFile, "file for the certificate; must not exist")
	f.StringVar(&keyFile, "key", keyFile, "file for the key; must not exist")
	cmd.MarkFlagRequired("host")
	return cmd
}

// makeCertificate writes a self-signed certificate and its key.
func makeCertificate(hosts []string, days int, certFile, keyFile string) error {
	if days < 1 {
		return fmt.Errorf("--days %d: at least 1", days)
	}
	for _, h := range hosts {
		if h == "" || strings.ContainsFunc(h, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || net.ParseIP(h) == nil && strings.ContainsAny(h, ":/") {
			return fmt.Errorf("--host %q: want a name or address alone, as clients write it, such as ledger.example or 192.0.2.7", h)
		}
	}
	for _, name := range []string{keyFile, certFile} { // both before either is made: half a pair is of no use
		if _, err := os.Lstat(name); err == nil {
			return existsAlready(name)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.AddDate(0, 0, days),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeNew(keyFile, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	if err := writeNew(certFile, "CERTIFICATE", der, 0o644); err != nil {
		return errors.Join(err, os.Remove(keyFile))
	}
	return nil
}

// existsAlready says what to do about a file that would be overwritten.
func existsAlready(name string) error {
	return fmt.Errorf("%s exists and is not overwritten: a server may use it. Move it away, or give other files with --cert and --key", name)
}

// writeNew writes PEM into a file that does not exist yet.
func writeNew(name, kind string, der []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return existsAlready(name)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make the directory first, or give other files with --cert and --key", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: give files that this account can make with --cert and --key", err)
	case err != nil:
		return err
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close()); err != nil { // the disk may be full
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
