package page_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/internal/require"
)

// patience is how long a step in the browser may take before the test gives up.
const patience = time.Minute

// A browser is Chromium, driven by the DevTools protocol over a pair of pipes: JSON messages that end with a zero byte.
type browser struct {
	t    testing.TB
	to   *os.File
	mu   sync.Mutex // covers what follows
	last int
	wait map[int]chan message
	seen []message // events
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// startBrowser starts Chromium without a network but loopback, with these switches too, or skips the test loudly.
func startBrowser(t testing.TB, switches ...string) *browser {
	t.Helper()
	require.Program(t, "chromium")
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", append(switches, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--use-fake-ui-for-media-stream",
		"--use-fake-device-for-media-stream", "--lang=en-US", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: ourOut, wait: map[int]chan message{}}
	go b.follow(ourIn)
	t.Cleanup(func() {
		b.call("", "Browser.close", nil)
		cmd.Wait()
		ourOut.Close()
	})
	return b
}

// follow hands out what the browser says.
func (b *browser) follow(from *os.File) {
	defer from.Close()
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if m.ID == 0 {
			b.seen = append(b.seen, m)
		} else if c := b.wait[m.ID]; c != nil {
			c <- m
		}
		b.mu.Unlock()
	}
}

// call carries out a command of the protocol.
func (b *browser) call(session, method string, params map[string]any) json.RawMessage {
	b.t.Helper()
	c := make(chan message, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.wait[id] = c
	b.mu.Unlock()
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if session != "" {
		text, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case m := <-c:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		return m.Result
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer from the browser", method)
	}
	return nil
}

// events returns the parameters of all events of a kind so far.
func (b *browser) events(method string) (all []json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.seen {
		if m.Method == method {
			all = append(all, m.Params)
		}
	}
	return all
}

// A tab is one page in the browser.
type tab struct {
	*browser
	session string
}

// open opens a tab and waits until the page in it is ready.
func (b *browser) open(url string) *tab {
	b.t.Helper()
	var target struct{ TargetID string }
	decode(b.t, b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	var attached struct{ SessionID string }
	decode(b.t, b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	tab := &tab{b, attached.SessionID}
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		tab.call(tab.session, domain+".enable", nil)
	}
	tab.visit(url)
	return tab
}

// visit goes to a page and waits until its engine is ready.
func (t *tab) visit(url string) {
	t.t.Helper()
	var went struct{ ErrorText string }
	decode(t.t, t.call(t.session, "Page.navigate", map[string]any{"url": url}), &went)
	if went.ErrorText != "" {
		t.t.Fatalf("%s: %s", url, went.ErrorText)
	}
	t.until(`typeof juratWords !== 'undefined' && document.getElementById('state').textContent === juratWords[document.documentElement.lang].ready`)
}

func decode(t testing.TB, data json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

// eval evaluates an expression in the page, a promise to its end, and puts its value into v.
func (t *tab) eval(expression string, v any) {
	t.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	decode(t.t, t.call(t.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}), &out)
	if out.ExceptionDetails != nil {
		t.t.Fatalf("%s: %s", expression, out.ExceptionDetails)
	}
	if v != nil {
		decode(t.t, out.Result.Value, v)
	}
}

// until waits until a condition holds in the page.
func (t *tab) until(condition string) {
	t.t.Helper()
	var held bool
	for end := time.Now().Add(patience); !held; {
		if time.Now().After(end) {
			var text string
			t.eval("document.body.innerText", &text)
			t.t.Fatalf("%s does not come true; the page says:\n%s", condition, text)
		}
		// Frames are counted in the page, so that nothing sleeps here.
		t.eval(fmt.Sprintf(`new Promise((resolve) => { let n = 0; const look = () => (%s) || ++n > 50 ? resolve(Boolean(%s)) : setTimeout(look, 10); look(); })`,
			condition, condition), &held)
	}
}

// choose puts files into a file input.
func (t *tab) choose(id string, paths ...string) {
	t.t.Helper()
	var out struct{ Result struct{ ObjectID string } }
	decode(t.t, t.call(t.session, "Runtime.evaluate", map[string]any{"expression": "document.getElementById('" + id + "')"}), &out)
	for i := range paths {
		paths[i] = must(filepath.Abs(paths[i]))
	}
	t.call(t.session, "DOM.setFileInputFiles", map[string]any{"files": paths, "objectId": out.Result.ObjectID})
}

// enter puts text into a field as somebody who pastes it.
func (t *tab) enter(id, text string) {
	t.t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.t.Fatal(err)
	}
	t.eval(fmt.Sprintf(`{ const e = document.getElementById('%s'); e.value = %s; e.dispatchEvent(new Event('input', {bubbles: true})); }`, id, quoted), nil)
}

// expect waits for a verdict and its reason, as the words of the page's language have it.
func (t *tab) expect(verdict, reason string) {
	t.t.Helper()
	t.until(fmt.Sprintf(`!document.getElementById('result').hidden && document.getElementById('result').className === '%s' &&
		document.getElementById('sentence').textContent.startsWith(juratWords[document.documentElement.lang]['reason-%s'])`, verdict, reason))
}
