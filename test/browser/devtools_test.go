//go:build integration

package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long the browser may take for one answer; on a busy machine it starts slowly.
const patience = time.Minute

// chromium is a browser under remote control.
type chromium struct {
	t        *testing.T
	commands io.Writer
	messages chan message
	session  string
	last     int
	// events are what the page has told since it was opened.
	events []message
}

// message is what goes to the browser and comes from it.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// program finds a Chromium.
func program(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("no Chromium found, so nobody looks at the HTML report; install chromium, or name one in CHROMIUM")
	return ""
}

// start starts a browser that has never been used before, with one empty page.
func start(t *testing.T) *chromium {
	t.Helper()
	c := exec.CommandContext(t.Context(), program(t), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad", "--hide-scrollbars",
		"--remote-debugging-pipe", "--user-data-dir="+filepath.Join(t.TempDir(), "profile"))
	hears, says := pipe(t)
	answers, tells := pipe(t)
	c.ExtraFiles = []*os.File{hears, tells} // the browser's 3 and 4
	c.Stderr = io.Discard                   // all its processes hold it, so that Wait waits for all of them
	c.WaitDelay = patience
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	hears.Close()
	tells.Close()
	b := &chromium{t: t, commands: says, messages: make(chan message, 1000)}
	go listen(answers, b.messages)
	t.Cleanup(func() {
		b.last++
		b.send(message{ID: b.last, Method: "Browser.close"})
		c.Wait()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// listen hands over the browser's messages, which end with a zero byte, until it closes.
func listen(answers io.Reader, messages chan<- message) {
	defer close(messages)
	reader := bufio.NewReader(answers)
	for {
		line, err := reader.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line[:len(line)-1], &m) == nil {
			messages <- m
		}
	}
}

func (b *chromium) send(m message) {
	data, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.commands.Write(append(data, 0)); err != nil {
		b.t.Errorf("the browser does not listen: %v", err)
	}
}

// next returns the browser's next message.
func (b *chromium) next(waitingFor string) message {
	b.t.Helper()
	select {
	case m, open := <-b.messages:
		if !open {
			b.t.Fatalf("the browser ended while it was asked for %s", waitingFor)
		}
		return m
	case <-time.After(patience):
		b.t.Fatalf("no answer to %s within %s", waitingFor, patience)
	}
	return message{}
}

// call sends a command and reads its answer.
func (b *chromium) call(method string, params, answer any) {
	b.t.Helper()
	b.last++
	b.send(message{ID: b.last, Session: b.session, Method: method, Params: params})
	for {
		m := b.next(method)
		switch {
		case m.ID == 0:
			b.events = append(b.events, m)
			continue
		case m.ID != b.last:
			continue
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if answer != nil {
			if err := json.Unmarshal(m.Result, answer); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

// screen is how large the page is shown and in which colours.
type screen struct {
	width, height int
	scheme        string
	paper         bool
}

func (s screen) String() string {
	if s.paper {
		return "paper"
	}
	return fmt.Sprintf("%d-%s", s.width, s.scheme)
}

// open shows a file on a screen.
func (b *chromium) open(path string, s screen) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": s.width, "height": s.height, "deviceScaleFactor": 1, "mobile": s.width < 600}, nil)
	media := "screen"
	if s.paper {
		media = "print"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": s.scheme}}}, nil)
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	for !b.happened("Page.loadEventFired") {
		if m := b.next("the page " + path); m.ID == 0 {
			b.events = append(b.events, m)
		}
	}
}

func (b *chromium) happened(method string) bool {
	for _, e := range b.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// ask evaluates an expression in the page.
func ask[T any](b *chromium, expression string) T {
	b.t.Helper()
	var answer struct {
		Result struct{ Value T }
		Except *struct{ Text string } `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if answer.Except != nil {
		b.t.Fatalf("%s: %s", expression, answer.Except.Text)
	}
	return answer.Result.Value
}

// picture takes a picture of the page from its top.
func (b *chromium) picture(path string, s screen) {
	b.t.Helper()
	height := ask[float64](b, "document.documentElement.scrollHeight")
	var taken struct{ Data []byte }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": map[string]any{
		"x": 0, "y": 0, "width": s.width, "height": min(height, float64(s.height)), "scale": 1,
	}}, &taken)
	if err := os.WriteFile(path, taken.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
