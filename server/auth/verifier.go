package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

const (
	mechanism     = "SCRAM-SHA-256"
	mechanismPlus = "SCRAM-SHA-256-PLUS"

	iterations    = 4096 // as PostgreSQL's
	saltBytes     = 16
	maxIterations = 1 << 20 // of a verifier that a client made: its logins cost the client that much
	maxVerifier   = 255
)

// NewVerifier makes the verifier of a password, SASLprepped if it can be, with a salt of its own, in PostgreSQL's form:
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func NewVerifier(password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return newVerifier(password, scram.KeyFactors{Salt: string(salt), Iters: iterations})
}

func newVerifier(password string, factors scram.KeyFactors) (string, error) {
	client, err := scram.SHA256.NewClientUnprepped("", prepared(password), "")
	if err != nil {
		return "", err
	}
	c, err := client.WithMinIterations(iterations).GetStoredCredentialsWithError(factors)
	if err != nil {
		return "", err
	}
	return format(c), nil
}

// saslprep is SASLprep as libpq has it: what is both a space and mapped to nothing (U+200B) is a space, and what is prohibited is so
// before it is normalized (U+0340), too.
var (
	saslprep = stringprep.Profile{
		Mappings:  []stringprep.Mapping{stringprep.SASLprep.Mappings[1], stringprep.SASLprep.Mappings[0]},
		Prohibits: stringprep.SASLprep.Prohibits,
		CheckBiDi: true,
	}
	normalize = stringprep.Profile{Normalize: true}
)

// prepared returns a password as libpq hands it to SCRAM: as it is if it cannot be SASLprepped.
func prepared(password string) string {
	mapped, err := saslprep.Prepare(password)
	if err != nil || mapped == "" {
		return password
	}
	normal, err := normalize.Prepare(mapped)
	if err != nil {
		return password
	}
	return normal
}

func format(c scram.StoredCredentials) string {
	b64 := base64.StdEncoding.EncodeToString
	return mechanism + "$" + strconv.Itoa(c.Iters) + ":" + b64([]byte(c.Salt)) + "$" + b64(c.StoredKey) + ":" + b64(c.ServerKey)
}

// Verifier returns what the password that a text stands for is checked with: the text itself if it is a verifier already, which is
// an ErrVerifier unless it is one in full.
func Verifier(text string) (string, error) {
	if !strings.HasPrefix(text, mechanism+"$") {
		return NewVerifier(text)
	}
	_, err := ParseVerifier(text)
	return text, err
}

// ErrVerifier says that a text is no verifier.
var ErrVerifier = errors.New("this is no SCRAM-SHA-256 verifier: want SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, at most 255 bytes")

// ParseVerifier reads a verifier.
func ParseVerifier(text string) (c scram.StoredCredentials, err error) {
	rest, ok := strings.CutPrefix(text, mechanism+"$")
	factors, keys, ok2 := strings.Cut(rest, "$")
	count, salt, ok3 := strings.Cut(factors, ":")
	stored, server, ok4 := strings.Cut(keys, ":")
	if !ok || !ok2 || !ok3 || !ok4 || len(text) > maxVerifier {
		return c, ErrVerifier
	}
	c.Iters, err = strconv.Atoi(count)
	if err != nil || c.Iters < 1 || c.Iters > maxIterations {
		return c, ErrVerifier
	}
	var raw [3][]byte
	for i, field := range []string{salt, stored, server} {
		if raw[i], err = base64.StdEncoding.Strict().DecodeString(field); err != nil {
			return c, ErrVerifier
		}
	}
	c.Salt, c.StoredKey, c.ServerKey = string(raw[0]), raw[1], raw[2]
	if len(c.Salt) == 0 || len(c.StoredKey) != 32 || len(c.ServerKey) != 32 || format(c) != text {
		return c, ErrVerifier
	}
	return c, nil
}
