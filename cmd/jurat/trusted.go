package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/ksi/client"
)

// publicationsOptions name a publications file and who may have signed it.
type publicationsOptions struct {
	file               string
	roots, constraints []string
}

func (o *publicationsOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "publications-file", "", "publications file, signed by whom --trust and --constraint name")
	f.StringArrayVar(&o.roots, "trust", nil, "PEM file of a root certificate that the publications file's signer must lead to; may be repeated")
	f.StringArrayVar(&o.constraints, "constraint", nil, "what must stand in the subject of that signer's certificate, such as E=publications@ledger.example; may be repeated")
}

// read returns the publications file, nil if none is named. One that is not signed by whom the options name wraps
// ksi.ErrUntrusted.
func (o *publicationsOptions) read() (*ksi.PublicationsFile, error) {
	if o.file == "" {
		if len(o.roots) > 0 || len(o.constraints) > 0 {
			return nil, errors.New("--trust and --constraint say who may sign a publications file: give one with --publications-file")
		}
		return nil, nil
	}
	if len(o.roots) == 0 || len(o.constraints) == 0 {
		return nil, errors.New("--publications-file: say who may have signed it, with --trust ROOT.crt and --constraint E=ADDRESS")
	}
	trust := ksi.Trust{Roots: x509.NewCertPool(), At: time.Now()}
	for _, path := range o.roots {
		certificates, err := readCertificates(path)
		if err != nil {
			return nil, err
		}
		for _, c := range certificates {
			trust.Roots.AddCert(c.X509)
		}
	}
	for _, text := range o.constraints {
		c, err := ksi.ParseConstraint(text)
		if err != nil {
			return nil, err
		}
		trust.Constraints = append(trust.Constraints, c)
	}
	file, err := readParsed(o.file, ksi.MaxPublicationsFile, ksi.ParsePublicationsFile)
	if err != nil {
		return nil, err
	}
	return file, file.Authenticate(trust)
}

// extenderOptions name a server that gives calendar chains.
type extenderOptions struct{ url string }

func (o *extenderOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.url, "extender", "", "address of a KSI extender to ask for calendar chains, such as http://user:key@127.0.0.1:8080; user and key may also stand in JURAT_KSI_USER and JURAT_KSI_KEY")
}

// dial returns the extender, nil if none is named. It asks nothing yet.
func (o *extenderOptions) dial() (ksi.Extender, error) {
	if o.url == "" {
		return nil, nil
	}
	config := client.Config{URL: o.url}
	if u, err := url.Parse(o.url); err == nil && u.User == nil {
		config.User, config.Key = os.Getenv("JURAT_KSI_USER"), os.Getenv("JURAT_KSI_KEY")
	}
	c, err := client.New(config)
	if err != nil {
		return nil, fmt.Errorf("--extender: %w", err)
	}
	return c, nil
}
