package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/storage"
)

// Parts of a backup, as its file names begin. A data directory has the same.
const (
	StoreDir = "store"
	IndexDir = "index"
	KeysDir  = "keys"
)

// certificateSuffix ends the names of what is for all in KeysDir.
const certificateSuffix = ".crt"

// ManifestName is the name of the manifest in a backup.
const ManifestName = "manifest.json"

// format is that of the manifest.
const format = 1

// maxManifest bounds what is read of a manifest: enough for half a million files.
const maxManifest = 128 << 20

// Errors that callers decide on.
var (
	// ErrIncomplete says that there is no whole backup.
	ErrIncomplete = errors.New("no complete backup")
	// ErrDamaged says that a backup's bytes are not those that its manifest names.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrChain says that backups do not follow on.
	ErrChain = errors.New("the backups do not belong together")
)

// A Manifest says what a backup holds. As JSON it is the file manifest.json.
type Manifest struct {
	// Format is the version of the manifest and of all that it describes: 1.
	Format int `json:"format"`
	// Server is the ledger's server name, Ledger the SHA-256 of what is fixed for ever when a ledger is founded, in hex.
	Server string `json:"server"`
	Ledger string `json:"ledger"`
	// FirstRound is the ledger's first second, LastRound the newest closed one, CalendarRoot the root as of then, in hex.
	FirstRound   string `json:"first_round"`
	LastRound    string `json:"last_round"`
	CalendarRoot string `json:"calendar_root"`
	// Leaves counts those of closed rounds.
	Leaves uint64 `json:"leaves"`
	// Made is when the backup was begun.
	Made time.Time `json:"made"`
	// Previous is the SHA-256 of the manifest that this backup is based on, in hex; empty for a full backup.
	Previous string `json:"previous,omitempty"`
	// LeftOut names, inside KeysDir, the private keys that were left out.
	LeftOut []string `json:"keys_left_out,omitempty"`
	// Files are all files of the data directory, those among them that an earlier backup holds.
	Files []File `json:"files"`
}

// A File is one file of a backup.
type File struct {
	Name   string `json:"name"` // with slashes; begins with a part
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hex
	// Earlier says that the bytes are in a backup that this one is based on, maybe under another name.
	Earlier bool `json:"earlier,omitempty"`
}

// encode returns the manifest as it is stored.
func (m *Manifest) encode() []byte {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		panic(fmt.Sprintf("backup: manifest: %v", err)) // its fields are plain
	}
	return append(text, '\n')
}

// ParseManifest reads a manifest and checks its form. Its errors wrap ErrDamaged.
func ParseManifest(text []byte) (*Manifest, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("manifest: %s: %w", fmt.Sprintf(format, args...), ErrDamaged)
	}
	var version struct{ Format int }
	if json.Unmarshal(text, &version) == nil && version.Format > format { // which may have other fields
		return nil, fmt.Errorf("manifest: format %d is of a newer program: use that", version.Format)
	}
	m := new(Manifest)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, bad("%v", err)
	}
	if m.Format != format {
		return nil, fmt.Errorf("manifest: format %d is not known: %d is", m.Format, format)
	}
	for _, text := range []string{m.FirstRound, m.LastRound} {
		if _, err := calendar.ParseSecond(text); err != nil {
			return nil, bad("%v", err)
		}
	}
	for _, sum := range []string{m.Ledger, m.CalendarRoot, m.Previous} {
		if !isSum(sum) && !(sum == "" && m.Previous == "") {
			return nil, bad("%q is no SHA-256", sum)
		}
	}
	seen := make(map[string]bool)
	for _, f := range m.Files {
		switch {
		case !goodName(f.Name) || seen[f.Name]:
			return nil, bad("file %q", f.Name)
		case !isSum(f.SHA256) || f.Size < 0:
			return nil, bad("file %q: size %d, SHA-256 %q", f.Name, f.Size, f.SHA256)
		case f.Earlier && m.Previous == "":
			return nil, bad("file %q: of an earlier backup, but there is none", f.Name)
		}
		seen[f.Name] = true
	}
	return m, nil
}

// isSum reports whether text is a SHA-256 in lower case hex.
func isSum(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == sha256.Size && strings.ToLower(text) == text
}

// goodName reports whether a file of this name may be in a backup: it stays inside its part wherever it is put.
func goodName(name string) bool {
	part, rest, ok := strings.Cut(name, "/")
	return ok && rest != "" && fs.ValidPath(name) && path.Clean(name) == name && !strings.ContainsAny(name, "\\\x00") &&
		(part == StoreDir || part == IndexDir || part == KeysDir)
}

// sum returns the SHA-256 of bytes in hex.
func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// ledgerID names a ledger without giving its blinding key away.
func ledgerID(g storage.Genesis) string {
	h := sha256.New()
	fmt.Fprintf(h, "jurat ledger\x00%s\x00%d\x00", g.Server, g.First)
	h.Write(g.BlindingKey[:])
	return hex.EncodeToString(h.Sum(nil))
}

// describe fills in what a manifest says of a store.
func (m *Manifest) describe(s *storage.Store) error {
	g := s.Genesis()
	m.Format, m.Server, m.Ledger = format, g.Server, ledgerID(g)
	root, err := calendar.RootAt(storage.CalendarReader{Store: s}, s.Closed())
	if err != nil {
		return fmt.Errorf("calendar root of %s: %w", s.Closed(), err)
	}
	m.FirstRound, m.LastRound = g.First.String(), s.Closed().String()
	m.CalendarRoot, m.Leaves = hex.EncodeToString(root[:]), s.TotalLeaves()
	return nil
}
