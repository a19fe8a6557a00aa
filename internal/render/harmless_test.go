package render_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/render"
)

// worstTexts would steer a terminal or a CI log, each in a way of its own.
var worstTexts = []string{
	"\x1b]0;title\a\x7f", "\u009b2J", "a\u202eb\u2066c", "\u2028::error::x\u0085y", "##vso[task.complete]", "x ##[error]y", "####[z",
	"\n::error::x", "one\n  ::error::x\ntwo", "::error::x", strings.Repeat("word ", 20) + "::error::x", "tag \U000e0041", "\ufeff", "a\rb", "\u200b",
	`\u202e stays \r as it is`, "quoted-0-", "- # : |", "",
}

var (
	ciMarks     = regexp.MustCompile(`(?im)^\s*(?:- )?\s*::|##(?:vso|teamcity)?\[`)
	printedMark = func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029')
	}
)

// mustBePrintable wants a document that can be printed anywhere.
func mustBePrintable(t *testing.T, document string) {
	t.Helper()
	if found := ciMarks.FindString(document); found != "" {
		t.Errorf("%q got through:\n%s", found, document)
	}
	if i := strings.IndexFunc(document, printedMark); i >= 0 {
		t.Errorf("%q got through:\n%s", document[i:min(i+10, len(document))], document)
	}
}

// TestDocumentsAreHarmless prints what status and events show as documents, with the worst texts in it: nothing of
// it may steer whoever looks at it, and programs must get it as it was.
func TestDocumentsAreHarmless(t *testing.T) {
	for name, form := range map[string]render.DocumentForm{
		"JSON": {}, "JSON lines": {Follow: true}, "YAML": {YAML: true}, "one in YAML": {YAML: true, Single: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range worstTexts {
				want := outline.Sight{Name: text, Cause: "a " + text, Chain: []string{text, "x", text}}
				var out bytes.Buffer
				if err := render.NewDocuments[outline.Sight](&out, form).Show([]outline.Sight{want}, time.Time{}); err != nil {
					t.Fatal(err)
				}
				mustBePrintable(t, out.String())
				var list struct{ Items []outline.Sight }
				var one outline.Sight
				into := any(&list)
				if form.Single || form.Follow {
					into = &one
				}
				parse := json.Unmarshal
				if form.YAML {
					parse = func(data []byte, into any) error { return yaml.Unmarshal(data, into) }
				}
				if err := parse(out.Bytes(), into); err != nil {
					t.Fatalf("%v:\n%s", err, out.String())
				}
				got := append(list.Items, one)[0]
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q is not what it was (-want +got):\n%s\n%s", text, diff, out.String())
				}
			}
		})
	}
}

// TestOutcomesAreHarmless does the same with check and diff.
func TestOutcomesAreHarmless(t *testing.T) {
	for _, text := range worstTexts {
		var out bytes.Buffer
		for _, err := range []error{
			render.Findings(&out, true, true, scene, []render.Finding{{About: text, Place: text, Text: text}}),
			render.Differences(&out, true, true, scene, []render.Difference{{Object: text, Changes: []render.Change{{Path: text, Old: text, New: text}}, Warnings: []string{text}, Error: text, Next: text}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		mustBePrintable(t, out.String())
		var got struct {
			Findings []render.Finding `json:"findings"`
		}
		if err := json.NewDecoder(&out).Decode(&got); err != nil || got.Findings[0].Text != text {
			t.Errorf("%q became %+v: %v", text, got, err)
		}
	}
}
