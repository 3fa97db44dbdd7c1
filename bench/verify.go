package bench

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/jurat-ledger/jurat/bench/load"
	"github.com/jurat-ledger/jurat/bench/stream"
	"github.com/jurat-ledger/jurat/bench/target"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// lookup is the name of the prepared statement that finds a digest.
const lookup = "lookup"

// A prover fetches proofs and verifies them, as somebody does who trusts the server's calendar certificate.
type prover struct {
	conn         *load.Conn
	target       *target.Target
	certificates []ksi.Certificate
}

func newProver(ctx context.Context, s *target.Server) (*prover, error) {
	p := &prover{target: s.Target}
	if s.Target.Proofs {
		text, err := os.ReadFile(s.CertificatePath())
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s holds no certificate", s.CertificatePath())
		}
		c, err := ksi.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		p.certificates = []ksi.Certificate{c}
	}
	conn, err := s.Connect(ctx)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	if err := conn.Prepare(lookup, s.Target.Lookup); err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

// prove looks a digest up and verifies what is found: exactly one row, with its proof where the server gives proofs. It
// returns the signature, nil where it does not.
func (p *prover) prove(ctx context.Context, digest [stream.Size]byte) (*ksi.Signature, error) {
	var found []byte
	rows, err := p.conn.Run(lookup, digest[:], func(_, _ int, v []byte) { found = append(found, v...) })
	if err != nil {
		return nil, err
	}
	if rows != 1 {
		return nil, fmt.Errorf("digest %x was acknowledged and is found %d times", digest, rows)
	}
	if !p.target.Proofs {
		return nil, nil
	}
	return verified(ctx, digest, found, p.certificates)
}

// verified verifies a serialized signature of a digest.
func verified(ctx context.Context, digest [stream.Size]byte, signature []byte, certificates []ksi.Certificate) (*ksi.Signature, error) {
	s, err := ksi.Parse(signature)
	if err != nil {
		return nil, fmt.Errorf("proof of %x: %w", digest, err)
	}
	document := merkle.Digest(digest).Imprint()
	result := ksi.Verify(ctx, s, ksi.Options{Policy: ksi.KeyBased, Document: &document, Certificates: certificates})
	if result.Verdict != ksi.OK {
		return nil, fmt.Errorf("proof of %x: %s", digest, result)
	}
	return s, nil
}

// sampled is how many proofs of a load are fetched and verified.
const sampled = 32

// sample proves digests of a stream, of those before n, chosen at random but the last always among them.
func (p *prover) sample(ctx context.Context, digests stream.Stream, n uint64, count int) error {
	if n == 0 {
		return errors.New("nothing was filed")
	}
	random := rand.New(rand.NewPCG(uint64(digests), n))
	for i := n - 1; count > 0; count-- {
		if _, err := p.prove(ctx, digests.At(i)); err != nil {
			return err
		}
		i = random.Uint64N(n)
	}
	return nil
}
