package render_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// sights are objects as status sees them, with text in them that would steer a terminal.
func sights() []outline.Sight {
	good := outline.Sight{
		Kind: "SeldonDeployment", Namespace: "models", Name: "good", UID: "u1", Generation: 1, Created: noon.Add(-90 * time.Minute),
		State: outline.Available, Ready: 2, Wanted: 2, Evidence: []string{"the operator reports Available"}, Operator: "Available",
		Below: []outline.Node{{Kind: "Deployment", Name: "good-main-0-clf", Text: "2 of 2 ready", More: "images example/model:1.0"}},
	}
	bad := outline.Sight{
		Kind: "SeldonDeployment", Namespace: "models", Name: "broken", UID: "u2", Generation: 7, Created: noon.Add(-50 * time.Hour),
		State: outline.Failing, Ready: 0, Wanted: 1, Operator: "Creating",
		Cause: "container clf of pod p: ImagePullBackOff: \x1b[2Jno\u202esuch image",
		Chain: []string{"SeldonDeployment/broken", "Deployment/d", "Pod/p: not ready", "container/clf: ImagePullBackOff: \x1b[2Jno\u202esuch image"},
		Hint:  "kubectl describe pod p", Also: []string{"Deployment d: 0 of 1 ready"}, Remarks: []string{"::error::a remark"},
		Serving: []string{"requests are still served: 1 pod of the former version ready on d"}, Simulated: true,
		Below: []outline.Node{
			{Kind: "Deployment", Name: "d", Text: "0 of 1 ready", Wrong: true, Below: []outline.Node{
				{Kind: "ReplicaSet", Name: "d-1", Text: "0 of 1 ready, revision 2", Wrong: true, Below: []outline.Node{
					{Kind: "Pod", Name: "p", Text: "Pending, not ready", More: "on node n", Wrong: true, Below: []outline.Node{
						{Kind: "container", Name: "clf", Text: "waiting, ImagePullBackOff", More: "image x, \x1b[2Jno", Wrong: true},
						{Kind: "container", Name: "engine", Text: "ready"},
					}},
				}},
				{Kind: "ReplicaSet", Count: 2, Text: "without pods"},
			}},
			{Kind: "Service", Name: "s", Text: "ports http 8000"},
		},
	}
	return []outline.Sight{good, bad}
}

// TestSights holds every form of what status shows to its golden file.
func TestSights(t *testing.T) {
	id := "machinelearning.seldon.io"
	for name, screen := range map[string]func(*bytes.Buffer) func([]outline.Sight, time.Time) error{
		"table.txt": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewTable(b, render.TableForm{}).Show
		},
		"table-wide.txt": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewTable(b, render.TableForm{Wide: true, Namespaces: true, Colour: true}).Show
		},
		"tree.txt": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewTree(b, false, false).Show
		},
		"tree-wide.txt": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewTree(b, true, true).Show
		},
		"names.txt": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewNames(b, id).Show
		},
		"sights.json": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewDocuments[outline.Sight](b, render.DocumentForm{}).Show
		},
		"sights.jsonl": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewDocuments[outline.Sight](b, render.DocumentForm{Follow: true}).Show
		},
		"sights.yaml": func(b *bytes.Buffer) func([]outline.Sight, time.Time) error {
			return render.NewDocuments[outline.Sight](b, render.DocumentForm{YAML: true, Single: true, Follow: true}).Show
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			show(t, name, screen(&out), &out, sights())
		})
	}
}

func TestEventList(t *testing.T) {
	pod := snapshot.Ref{Kind: "Pod", Namespace: "models", Name: "p", UID: "u"}
	events := []outline.Event{
		{First: noon.Add(-time.Hour), Last: noon.Add(-time.Hour), Count: 1, Type: "Normal", Reason: "Scheduled", Object: pod, Message: "assigned"},
		{First: noon.Add(-time.Hour), Last: noon.Add(-time.Minute), Count: 20, Type: "Warning", Reason: "BackOff", Object: pod, Message: "\x1b]0;title\x07back-off\nagain"},
	}
	for name, colour := range map[string]bool{"events.txt": false, "events-colour.txt": true} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			show(t, name, render.NewEventList(&out, colour).Show, &out, events)
		})
	}
}

// show shows the same twice, as when something is followed: all, then what has changed.
func show[T any](t *testing.T, name string, screen func([]T, time.Time) error, out *bytes.Buffer, things []T) {
	t.Helper()
	if err := screen(things, noon); err != nil {
		t.Fatal(err)
	}
	if err := screen(things[len(things)-1:], noon.Add(5*time.Second)); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/"+name, out.Bytes())
}
