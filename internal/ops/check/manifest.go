package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// mistakes tells what is wrong with a manifest without asking anyone, in the file's order. What the
// operator's webhook refuses is left out where it was asked: it says so itself.
func mistakes(e engine.Engine, m Manifest, asked bool) []Finding {
	checker, ok := e.(engine.Checker)
	if !ok {
		return nil
	}
	var found []Finding
	for _, mistake := range checker.Mistakes(m.Object) {
		if mistake.Denied && asked {
			continue
		}
		f := Finding{Severity: mistake.Severity, About: File, Place: m.place(mistake.Path), Text: mistake.Path + " " + mistake.Text}
		if mistake.Meant != "" {
			f.Remedy = "probably meant: " + mistake.Meant
		}
		if f.Severity == engine.Problem {
			f.Reason = string(ops.Invalid)
		}
		found = append(found, f)
	}
	found = inOrder(found)
	if len(found) == engine.MostMistakes {
		found = append(found, warning(File, "these are the first mistakes; there may be more", ""))
	}
	return found
}

func (m Manifest) place(path string) string {
	if m.Lines == nil {
		return ""
	}
	where, _ := m.Lines(path)
	return where
}

// inOrder sorts findings by their lines.
func inOrder(found []Finding) []Finding {
	line := func(f Finding) int {
		n, _ := strconv.Atoi(f.Place[strings.LastIndexByte(f.Place, ':')+1:])
		return n
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(line(a), line(b)) })
	return found
}

// manifest tells what is wrong with a manifest, and what the API server says to it.
func manifest(req Request, m Manifest, t tried) []Finding {
	found := mistakes(req.Engine, m, t.asked())
	told := map[string]bool{}
	if checker, ok := req.Engine.(engine.Checker); ok {
		for _, mistake := range checker.Mistakes(m.Object) {
			told[spelled(mistake.Path)] = true
		}
	}
	if !t.done {
		return found
	}
	for _, text := range t.warnings {
		cause := ops.CauseIn(text)
		switch {
		case told[spelled(cause.Path)]:
		case strings.Contains(text, "unknown field") || strings.Contains(text, "duplicate field"):
			f := problem(ops.Invalid, File, text+": the API server drops it, or refuses it where it is strict", "")
			f.Place = m.place(cause.Path)
			found = append(found, f)
		default:
			found = append(found, warning(File, "the API server warns: "+text, ""))
		}
	}
	return append(inOrder(found), verdict(req, m, t, told)...)
}

// asked reports whether the dry run came as far as the operator's webhook.
func (t tried) asked() bool {
	return t.done && (t.err == nil || apierrors.IsAlreadyExists(t.err) || strings.Contains(t.err.Error(), "denied the request"))
}

// verdict tells whether the API server and its webhooks would take a manifest.
func verdict(req Request, m Manifest, t tried, told map[string]bool) []Finding {
	name := req.Engine.Identity().Kind + "/" + m.Object.GetName()
	switch {
	case t.err == nil:
		return []Finding{fine(File, "the API server and its admission webhooks would take "+name)}
	case apierrors.IsAlreadyExists(t.err):
		return []Finding{fine(File, "the API server and its admission webhooks would take "+name+"; it exists already, so that apply changes it and run refuses")}
	}
	if strings.Contains(t.err.Error(), "does not support dry run") {
		return []Finding{unknown(File, "what the API server says to "+name, t.err)}
	}
	r := ops.ExplainManifest(t.err, m.Object, req.Engine.Identity(), m.Lines)
	switch {
	case strings.HasPrefix(r.Text, "namespace "):
		return nil // the namespace's finding says it
	case r.Reason != ops.Invalid:
		return []Finding{unknown(File, "what the API server says to "+name, t.err)}
	}
	var found []Finding
	for _, cause := range ops.Causes(t.err) {
		if cause.Path != "" && told[spelled(cause.Path)] {
			continue
		}
		f := problem(ops.Invalid, File, fmt.Sprintf("%s is refused: %s", name, cause.Text), "")
		if cause.Path != "" {
			f.Place = m.place(cause.Path)
		}
		found = append(found, f)
	}
	return inOrder(found)
}

// keys are the keys of maps in paths that are written in brackets.
var keys = regexp.MustCompile(`\[([^\]0-9][^\]]*)\]`)

// spelled writes a path in one way: the API server writes the keys of maps after a dot.
func spelled(path string) string { return keys.ReplaceAllString(path, ".$1") }
