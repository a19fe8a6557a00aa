//go:build integration

package browser

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

var (
	reports  = flag.String("reports", "../../internal/render/picture/testdata/*.html", "the reports to look at")
	pictures = flag.String("pictures", "", "a folder for pictures of what was looked at")
	tall     = flag.Int("tall", 1600, "the height of the pictures")
)

// screens are a desk and a pocket, by day and by night, and a sheet of A4.
func screens() []screen {
	return []screen{
		{width: 1280, height: *tall, scheme: "light"},
		{width: 1280, height: *tall, scheme: "dark"},
		{width: 390, height: *tall, scheme: "light"},
		{width: 390, height: *tall, scheme: "dark"},
		{width: 718, height: *tall, scheme: "dark", paper: true},
	}
}

// outside lists what sticks out: elements beyond the page's edges, words beyond the edges of the drawing that
// they are in, boxes that would have to be scrolled sideways on a telephone, or cannot be on paper.
const outside = `(() => {
  const width = %d, found = [];
  const say = (what, e) => found.push(what + ": <" + e.tagName + " class='" + (e.getAttribute("class") || "") + "'> " + (e.textContent || "").slice(0, 60));
  if (document.documentElement.scrollWidth > width) found.push("the page is " + document.documentElement.scrollWidth + " wide");
  for (const e of document.body.querySelectorAll("*")) {
    if (e.closest(".defs, .scroll *, .cross, caption, thead")) continue;
    const r = e.getBoundingClientRect();
    if (r.width > 0 && (r.right > width + 1 || r.left < -1)) say("beyond the page", e);
  }
  for (const e of document.querySelectorAll(".plot text")) {
    if (getComputedStyle(e).display === "none") continue;
    const r = e.getBoundingClientRect(), plot = e.closest(".plot").getBoundingClientRect();
    if (r.right > plot.right + 1 || r.left < plot.left - 1) say("beyond the drawing", e);
  }
  if (width < 1000) for (const e of document.querySelectorAll(".scroll")) if (e.scrollWidth > e.clientWidth + 1) say("scrolls sideways", e);
  return found.slice(0, 20);
})()`

// foreign lists the elements that a report never has, whatever names it tells, and the traces of scripts that
// should not have run.
const foreign = `(() => {
  const found = [...document.querySelectorAll("img, iframe, object, embed, link, form, base, input, [style]:not(.cross, .cross *), [onload], [onerror], [onmouseover], a:not([href^='#']), script[src]")].map(e => e.outerHTML.slice(0, 100));
  if (document.scripts.length !== 1) found.push(document.scripts.length + " scripts");
  if (window.pwned !== undefined) found.push("a script out of a name has run");
  return found;
})()`

func TestReportsInABrowser(t *testing.T) {
	files, err := filepath.Glob(*reports)
	if err != nil || len(files) == 0 {
		t.Fatalf("no reports at %s: %v", *reports, err)
	}
	b := start(t)
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		for _, s := range screens() {
			t.Run(name+"/"+s.String(), func(t *testing.T) {
				b.t = t
				b.open(path, s)
				for _, what := range ask[[]string](b, fmt.Sprintf(outside, s.width)) {
					t.Error(what)
				}
				for _, what := range ask[[]string](b, foreign) {
					t.Errorf("is no part of a report: %s", what)
				}
				if *pictures != "" {
					b.picture(filepath.Join(*pictures, name+"-"+s.String()+".png"), s)
				}
				if !s.paper && ask[int](b, `document.querySelectorAll(".plot").length`) > 0 {
					b.point()
				}
				b.quiet()
			})
		}
	}
	b.t = t
}

// point points at the last bar of a pod, or else at a phase, and expects the crosshair to tell what is there.
func (b *chromium) point() {
	b.t.Helper()
	const place = `(() => {
  const bar = [...document.querySelectorAll(".pod .bar, .phase rect")].pop();
  bar.scrollIntoView({block: "center"});
  const r = bar.getBoundingClientRect();
  return {x: r.left + r.width / 2, y: r.top + r.height / 2, title: bar.firstElementChild.textContent};
})()`
	target := ask[struct {
		X, Y  float64
		Title string
	}](b, place)
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": target.X, "y": target.Y}, nil)
	flags := ask[[]string](b, `[...document.querySelectorAll(".cross:not([hidden]) span")].map(e => e.textContent)`)
	if len(flags) != 1 || !strings.HasSuffix(flags[0], target.Title) || !strings.Contains(flags[0], " s · ") {
		b.t.Errorf("pointing at %q says %q", target.Title, flags)
	}
}

// quiet expects that the page has loaded nothing but itself, and that nothing has gone wrong in it.
func (b *chromium) quiet() {
	b.t.Helper()
	loaded := 0
	for _, e := range b.events {
		switch e.Method {
		case "Network.requestWillBeSent":
			loaded++
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded", "Page.javascriptDialogOpening", "Page.windowOpen":
			b.t.Errorf("%s: %.500v", e.Method, e.Params)
		}
	}
	if loaded != 1 {
		b.t.Errorf("%d requests were made, one is the file itself", loaded)
	}
}
