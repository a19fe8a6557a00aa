package picture_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// said is what a report says of the whole: its title, and the words of its first heading.
func said(t *testing.T, document string) (title, top string) {
	t.Helper()
	title, _, _ = strings.Cut(document[strings.Index(document, "<title>")+len("<title>"):], "</title>")
	_, top, found := strings.Cut(document, `<header class="verdict `)
	if !found {
		t.Fatal("no verdict")
	}
	top, _, _ = strings.Cut(top[strings.Index(top, ">")+1:], "</header>")
	return html.UnescapeString(title), plain(top)
}

// plain is a text without its elements.
func plain(document string) string {
	return strings.Join(strings.Fields(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(document, " "))), " ")
}

// The verdict on top is the one with which the command ends, and it comes with what to do.
func TestTheCommandIsToldFirst(t *testing.T) {
	for name, want := range map[string][]string{
		"stays": {
			"2 objects: leftover · seldonctl report", "2 objects ✗ leftover not reached: 2 of 2 reached their goal", "exit code 10",
			"is not gone", "Some content in the namespace has finalizers remaining", "Next kubectl delete namespaces seldonctl-run-",
		},
		"stays-one": {
			"seldonctl-run-zlsxkjng/iris: leftover · seldonctl report", "iris ✗ leftover Namespace/seldonctl-run-zlsxkjng is not gone", "exit code 10",
			"Some content in the namespace has finalizers remaining", "Next kubectl delete namespaces seldonctl-run-",
		},
		"forbidden": {
			"2 objects: denied · seldonctl report", "2 objects ✗ denied not reached: 0 of 2 reached their goal", "exit code 4",
			`cannot create resource "namespaces"`, "Next ask for the permission that is named",
		},
		"no-cluster": {
			"The command: unusable · seldonctl report", "The command ✗ unusable no cluster is configured", "exit code 5", "Next set KUBECONFIG or --kubeconfig",
		},
		"not-begun": {"2 objects: interrupted · seldonctl report", "2 objects ✗ interrupted not reached: 1 of 2 reached their goal", "exit code 130"},
	} {
		t.Run(name, func(t *testing.T) {
			title, top := said(t, write(t, recorded(t, name)))
			if title != want[0] {
				t.Errorf("title %q, want %q", title, want[0])
			}
			for _, text := range want[1:] {
				if !strings.Contains(top, text) {
					t.Errorf("no %q in %q", text, top)
				}
			}
		})
	}
}

// verdicts are the words of all verdicts of a report, in order.
func verdicts(document string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`<span class="badge [a-z]+">(.*?)</span>([^<]*)</span>`).FindAllStringSubmatch(document, -1) {
		all = append(all, plain(m[0]))
	}
	return all
}

func TestWhoseTurnNeverCameHasNotBegun(t *testing.T) {
	for name, want := range map[string][]string{
		"not-begun": {"✗ interrupted", "✓ reached", "✗ not begun", "✓ reached", "✗ not begun"}, // it says with which code
		"forbidden": {"✗ denied", "✗ not begun", "✗ not begun", "✗ not begun", "✗ not begun"},  // it has no end of its own
	} {
		if diff := cmp.Diff(want, verdicts(write(t, recorded(t, name)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// around gives what is told around objects its times, a second apart.
func around(entries ...journal.Entry) []journal.Entry {
	began := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	for i := range entries {
		entries[i].Elapsed = time.Duration(i) * time.Second
		entries[i].At = began.Add(entries[i].Elapsed)
	}
	return entries
}

// Everything that is told around the objects is there, whether the command has an only object, none, or several,
// and whether it has ended or not.
func TestWhatIsToldAroundTheObjects(t *testing.T) {
	secret := &snapshot.Ref{Kind: "Secret", Namespace: "models", Name: "iris"}
	end := func(root string) journal.Entry {
		return journal.Entry{
			Type: journal.Closing, Root: root, Reason: "Leftover", Text: "not reached; 7 API requests; exit 10", Took: 9 * time.Second,
			Facts: journal.Facts{End: &journal.End{Exit: 10, Requests: 7, Simulated: true}},
		}
	}
	for name, roots := range map[string][]string{"none": nil, "one": {"models/iris"}, "two": {"models/iris", "models/wine"}} {
		for _, ended := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				entries := []journal.Entry{{Type: journal.Opening, Text: "here"}}
				for _, root := range roots {
					entries = append(entries, journal.Entry{Type: journal.Opening, Root: root, Text: "here"})
				}
				entries = append(entries,
					journal.Entry{Type: journal.Note, Phase: journal.Create, Object: secret, Text: "created for the run"},
					journal.Entry{Type: journal.Warning, Phase: journal.Connect, Reason: "Unseen", Text: "others cannot be seen", Hint: "kubectl get -l run"},
					journal.Entry{Type: journal.Claim, Phase: journal.Cleanup, Text: "gone: Role/iris"},
					journal.Entry{Type: journal.Failure, Phase: journal.Cleanup, Object: secret, Text: "Secret/iris is not gone", Details: []string{"held by x"}, Hint: "kubectl delete secrets iris"},
					journal.Entry{Type: journal.Failure, Phase: journal.Cleanup, Text: "Role/x may not be gone", Hint: "kubectl delete roles x"},
				)
				if ended {
					last := ""
					if len(roots) == 1 {
						last = roots[0]
					}
					entries = append(entries, end(last))
				}
				got := write(t, around(entries...))
				if wrong := balance(got); wrong != "" {
					t.Error(wrong)
				}
				text := plain(got)
				for _, want := range []string{
					"Secret/iris created for the run", "Warning others cannot be seen kubectl get -l run", "✓ claim gone: Role/iris",
					"Secret/iris is not gone", "held by x", "Next kubectl delete secrets iris", "Role/x may not be gone Next kubectl delete roles x",
				} {
					if !strings.Contains(text, want) {
						t.Errorf("no %q in %q", want, text)
					}
				}
				_, top := said(t, got)
				if simulated := strings.Contains(top, "the pods were simulated"); simulated != ended {
					t.Errorf("it says that the pods were simulated: %t", simulated)
				}
				if unfinished := strings.Contains(top, "unfinished"); unfinished == ended {
					t.Errorf("ended: %t, but it says %q", ended, top)
				}
			})
		}
	}
}
