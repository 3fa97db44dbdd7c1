package tidy

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/jurat-ledger/jurat"

// mayImport says which packages of the module a package may import, by folder; the longest folder wins, and a folder
// stands for all below it. Do not widen it to fix a build: an arrow that is missing here is missing on purpose.
var mayImport = map[string][]string{
	"merkle":         {"merkle", "internal/largepage"},
	"storage":        {"storage", "merkle", "internal/readnow"},
	"storage/index":  {"storage/index", "storage/fatal", "merkle", "internal/largepage", "internal/readnow"},
	"storage/fsck":   {"storage", "merkle"},
	"storage/backup": {"storage", "merkle", "internal/host"},
	"wire":           {"wire", "internal/places"},
	"query":          {"query", "merkle", "internal/largepage"},
	"server/ledger":  {"server/ledger", "merkle", "storage", "internal/tally", "internal/largepage"},
	"server/session": {"server/session", "wire", "query", "merkle"},
	"server/gateway": {"server/gateway", "merkle", "internal/places"},
	"server/hba":     {},
	"server/auth":    {"server/hba", "wire"},
	"server":         {"server", "merkle", "storage", "wire", "query", "page", "internal/places", "internal/tally", "internal/host", "internal/receiptpage"},
	"page":           {"page", "merkle", "internal/plain"},
	"bench":          {"bench", "merkle", "storage", "wire", "query", "server"},
	"cmd":            {"cmd", "merkle", "storage", "server", "bench", "page", "internal/host", "internal/largepage", "internal/paper", "internal/plain", "internal/qr", "internal/stamp", "internal/receiptpage"},
	"internal/tidy":  {},
	// Drawn by the server and by the program alike.
	"internal/receiptpage": {"merkle", "internal/paper", "internal/qr"},
	// Leaves below all others.
	"internal/host":      {},
	"internal/largepage": {},
	"internal/paper":     {"internal/qr"},
	"internal/places":    {},
	"internal/plain":     {},
	"internal/qr":        {},
	"internal/readnow":   {},
	"internal/require":   {},
	"internal/stamp":     {},
	"internal/tally":     {},
}

// external says who may import modules of others besides golang.org/x, by folder as in mayImport. What is not listed
// uses the standard library alone: a verifier of proofs must stay small enough to read.
var external = map[string][]string{
	"merkle":         {},
	"merkle/ksi":     {"github.com/smallstep/pkcs7"}, // CMS, for publications files
	"storage":        {"github.com/cockroachdb/pebble/v2"},
	"storage/backup": {"github.com/cockroachdb/pebble/v2", "github.com/klauspost/compress"}, // zstd, for archives
	"wire":           {"github.com/jackc/pgproto3/v2"},
	"query":          {},
	"server/ledger":  {},
	"server/session": {},
	"server/gateway": {},
	"server/hba":     {},
	"server/auth":    {"github.com/xdg-go/scram", "github.com/xdg-go/stringprep"},
	// The one place that knows who monitors: what is below keeps plain counts.
	"server":     {"github.com/prometheus/client_golang", "github.com/prometheus/client_model"},
	"page":       {},
	"page/pack":  {"github.com/kjk/lzma"}, // packs the page's code when the program is built
	"bench":      {},
	"bench/load": {"github.com/jackc/pgx/v5"}, // measured as programs use it
	"cmd": {"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/jackc/pgx/v5",
		"github.com/klauspost/compress"}, // zstd, for packed bundles
	"internal/receiptpage": {"codeberg.org/go-pdf/fpdf"}, // what is attached
	// The rest.
	"internal/tidy":      {},
	"internal/host":      {"github.com/KimMachineGun/automemlimit"}, // what control groups allow
	"internal/largepage": {},
	"internal/paper":     {"codeberg.org/go-pdf/fpdf"},
	"internal/qr":        {"github.com/boombuler/barcode"}, // draws the modules
	"internal/readnow":   {},
	"internal/require":   {},
	"internal/stamp":     {"github.com/pdfcpu/pdfcpu"},
	"internal/tally":     {},
}

// merkleMayImport are the packages of golang.org/x that packages of merkle may import, and which those are.
var merkleMayImport = map[string][]string{
	"golang.org/x/sys/cpu":          {"merkle/internal/lanes"},
	"golang.org/x/crypto/ripemd160": {"merkle/ksi"}, // for signatures of others
}

// network is the one package below merkle that may use the network.
const network = "merkle/ksi/client"

func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; n++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		checkImports(t, strings.TrimPrefix(p.ImportPath, module+"/"), p.Imports)
	}
	if n < 10 {
		t.Errorf("checked %d packages only", n)
	}
}

func checkImports(t *testing.T, folder string, imports []string) {
	inside, ok := lookUp(mayImport, folder)
	if !ok {
		t.Errorf("%s belongs to no layer", folder)
	}
	outside, _ := lookUp(external, folder)
	for _, path := range imports {
		if folderIn("merkle", folder) && folder != network && folderIn("net", path) {
			t.Errorf("%s may not import %s: only %s uses the network", folder, path, network)
		}
		switch own, isOwn := strings.CutPrefix(path, module+"/"); {
		case isOwn:
			if !within(own, inside) {
				t.Errorf("%s may not import %s", folder, own)
			}
		case !strings.Contains(strings.SplitN(path, "/", 2)[0], "."), strings.HasPrefix(path, "golang.org/x/"):
			if folderIn("merkle", folder) && strings.HasPrefix(path, "golang.org/x/") && !slices.Contains(merkleMayImport[path], folder) {
				t.Errorf("%s may not import %s", folder, path)
			}
		case !within(path, outside):
			t.Errorf("%s may not import %s", folder, path)
		}
	}
}

// lookUp returns the entry of the longest folder that holds folder.
func lookUp(table map[string][]string, folder string) ([]string, bool) {
	best, found := "", false
	for f := range table {
		if folderIn(f, folder) && len(f) >= len(best) {
			best, found = f, true
		}
	}
	return table[best], found
}

func within(path string, folders []string) bool {
	for _, f := range folders {
		if folderIn(f, path) {
			return true
		}
	}
	return false
}

func folderIn(folder, path string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
