package page_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/jurat-ledger/jurat/internal/qr"
)

// TestCamera has somebody hold a printed seal before the camera of a device without a network.
func TestCamera(t *testing.T) {
	s := newScene(t)
	v := sealVectors(t)
	b := startBrowser(t, "--use-file-for-fake-video-capture="+film(t, v.Vectors[0].Text))
	handler := s.handler()
	var gone atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	tab := b.open(server.URL)
	tab.eval("navigator.serviceWorker.ready.then(() => true)", nil)
	gone.Store(true)
	tab.visit(server.URL)
	tab.enter("publication", v.Publication)
	press := func() { tab.eval(`document.getElementById('camera').click()`, nil) }
	shows := func(is string) {
		tab.until(fmt.Sprintf(`document.getElementById('camera').getAttribute('aria-pressed') === '%s' && document.getElementById('video').hidden !== %s`, is, is))
	}
	press()
	shows("true")
	press() // before anything is read
	shows("false")
	press()
	tab.expect("OK", "seal-valid")
	shows("false")
	tab.until(`document.getElementById('video').srcObject === null`)
	tab.says("facts", "Marie Dupont")
	b.quiet(t, server.URL)
}

// film writes what the camera sees: a table, for two seconds, and then a sheet with a seal that is moved over it.
func film(t testing.TB, seal string) string {
	t.Helper()
	const w, h, empty, shown = 960, 720, 10, 10
	sheet := photograph(must(qr.Encode(seal)), 5, damage{blur: .3, noise: 10, angle: 10, tilt: .03, light: .4, lo: 50, hi: 200}, rand.New(rand.NewPCG(1, 2)))
	var file bytes.Buffer
	fmt.Fprintf(&file, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420mpeg2\n", w, h)
	for i := range empty + shown {
		frame := image.NewGray(image.Rect(0, 0, w, h))
		draw.Draw(frame, frame.Rect, image.NewUniform(color.Gray{120}), image.Point{}, draw.Src)
		if i >= empty {
			draw.Draw(frame, sheet.Bounds().Add(image.Pt(60+8*i, 30+3*i)), sheet, image.Point{}, draw.Src)
		}
		file.WriteString("FRAME\n")
		file.Write(frame.Pix)
		file.Write(bytes.Repeat([]byte{128}, w*h/2)) // no colour
	}
	path := filepath.Join(t.TempDir(), "camera.y4m")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
