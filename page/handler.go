package page

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jurat-ledger/jurat/page/check"
)

// age is how old what a Handler says of trust and of status may be. It is large, so that it is not made anew for everybody who asks.
const age = time.Minute

// A HandlerConfig is what a Handler serves.
type HandlerConfig struct {
	Files map[string][]byte                              // those of Files
	Trust func(ctx context.Context) (check.Trust, error) // what is trusted now
	// Status returns the status list of an agency; nothing for one that publishes none, or that there is not.
	Status func(ctx context.Context, agency string) ([]byte, error)
	Now    func() time.Time
	Log    *slog.Logger
}

type handler struct {
	HandlerConfig
	files   map[string]served
	trust   kept
	trusted check.Trust // what is in trust; its lock covers it

	mu     sync.Mutex // covers what follows
	status map[string]*kept
}

// kept are files that are made anew when somebody asks and they are too old.
type kept struct {
	mu   sync.Mutex // covers what follows; held while they are made, so that they are made once
	made time.Time
	now  map[string]served
}

func (k *kept) get(now time.Time, renew func() (map[string]served, error)) (map[string]served, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now == nil || now.Sub(k.made) > age || now.Before(k.made) {
		files, err := renew()
		if err != nil {
			return nil, err
		}
		k.made, k.now = now, files
	}
	return k.now, nil
}

// served is a file as it is sent.
type served struct {
	tag           string
	plain, packed []byte
}

func serve(data []byte) served {
	sum := sha256.Sum256(data)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data) // into memory: no errors
	w.Close()
	return served{`"` + hex.EncodeToString(sum[:12]) + `"`, data, b.Bytes()}
}

// Handler serves the page to the public: its files, trust.js and, for other programs, publications.bin and landmarks.bin; and as
// status/AGENCY the status list of an agency, 204 for none. It answers GET and HEAD, reads no request's body, and sets the headers that
// have browsers keep to the page's own origin.
func Handler(c HandlerConfig) http.Handler {
	h := &handler{HandlerConfig: c, files: map[string]served{}, status: map[string]*kept{}}
	for name, data := range c.Files {
		h.files[name] = serve(data)
	}
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", Policy+"; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "want GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	f, ok := h.files[name]
	if !ok {
		made, err := h.made(r.Context(), name)
		if err != nil {
			h.Log.Error("verification page", "error", err)
			http.Error(w, "the server failed; ask again later", http.StatusInternalServerError)
			return
		}
		if f, ok = made[name]; !ok {
			if strings.HasPrefix(name, statusFolder) {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			http.Error(w, "there is nothing here; see /", http.StatusNotFound)
			return
		}
	}
	header.Set("Content-Type", contentType(name))
	header.Set("Cache-Control", "no-cache") // ask each time whether it changed
	header.Set("Vary", "Accept-Encoding")
	header.Set("ETag", f.tag)
	data := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(f.packed) < len(f.plain) {
		header.Set("Content-Encoding", "gzip")
		header.Set("ETag", strings.TrimSuffix(f.tag, `"`)+`-gzip"`)
		data = f.packed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// contentType returns the type of a file of the page, whatever the machine's own table says.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".bin":
		return "application/octet-stream"
	case ".html", ".css", ".svg":
		return mime.TypeByExtension(ext)
	}
	return "text/plain; charset=utf-8"
}

// statusFolder is where the status lists are, each under the name of its agency.
const statusFolder = "status/"

// made returns the files that change, the one with a name among them if there is one.
func (h *handler) made(ctx context.Context, name string) (map[string]served, error) {
	if agency, ok := strings.CutPrefix(name, statusFolder); ok {
		return h.statusOf(ctx, agency)
	}
	return h.trust.get(h.Now(), func() (map[string]served, error) {
		t, err := h.Trust(ctx)
		if err != nil {
			return nil, err
		}
		if h.trust.now != nil && reflect.DeepEqual(t, h.trusted) {
			return h.trust.now, nil
		}
		text, err := Trust(t)
		if err != nil {
			return nil, err
		}
		h.trusted = t
		files := map[string]served{"trust.js": serve(text)}
		for name, data := range map[string][]byte{"publications.bin": t.Publications, "landmarks.bin": t.Landmarks} {
			if len(data) > 0 {
				files[name] = serve(data)
			}
		}
		return files, nil
	})
}

// statusOf returns the status list of an agency. Only lists that there are, are kept: names that somebody makes up take no memory.
func (h *handler) statusOf(ctx context.Context, agency string) (map[string]served, error) {
	h.mu.Lock()
	k, ok := h.status[agency]
	if !ok {
		k = &kept{}
	}
	h.mu.Unlock()
	return k.get(h.Now(), func() (map[string]served, error) {
		data, err := h.Status(ctx, agency)
		if err != nil || data == nil {
			return nil, err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.status[agency] = k
		return map[string]served{statusFolder + agency: serve(data)}, nil
	})
}
