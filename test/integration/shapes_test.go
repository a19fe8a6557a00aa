//go:build integration

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// shape is what a recording says is there: the replicas of each Deployment, and the Services.
type shape struct {
	deployments map[string]int32
	services    map[string]bool
}

// recording is the part of a recording that the witness compares with.
type recording struct {
	created, scaled shape
}

func readRecording(t *testing.T, path string) recording {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		Created struct {
			Children map[string]struct {
				Replicas int32 `json:"replicas"`
			} `json:"children"`
		} `json:"created"`
		ScaledTo3 struct {
			Replicas map[string]int32 `json:"replicas"`
		} `json:"scaledTo3"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	services := map[string]bool{}
	r := recording{created: shape{map[string]int32{}, services}, scaled: shape{map[string]int32{}, services}}
	for object, child := range raw.Created.Children {
		switch kind, name, _ := strings.Cut(object, "/"); kind {
		case "Deployment":
			r.created.deployments[name] = child.Replicas
		case "Service":
			services[name] = true
		}
	}
	for object, replicas := range raw.ScaledTo3.Replicas {
		r.scaled.deployments[strings.TrimPrefix(object, "Deployment/")] = replicas
	}
	return r
}

// special is what is expected of a recorded shape beyond what is expected of all.
type special struct {
	code      int
	notScaled bool
	within    time.Duration
	// explainer is started by our scaling, where the operator's rule would leave it at zero.
	explainer string
	says      []string
}

var specials = map[string]special{
	"15-hpa": {notScaled: true, says: []string{`skipped +not scaled: auto-main-0-clf .*1 to 3.*, now 1`}},
	"29-keda-without-keda": {notScaled: true, says: []string{
		`skipped +not scaled: scaledobject-main-0-clf .*keda.*, now 1`,
		`warning +Deployment scaledobject-main-0-clf stays at \d: spec\.predictors\[0\]\.componentSpecs\[0\]\.kedaSpec takes its replicas away, but the operator made no autoscaler from it`,
	}},
	"19-volume-mistake": {code: 3, within: 30 * time.Second, says: []string{
		`FAILED .*Deployment\.apps "novolume-main-0-clf" is invalid: spec\.template\.spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "missing"`,
	}},
	"24-misplaced-fields": {says: []string{
		`warning .*24-misplaced-fields\.yaml:6: .*"spec\.progressDeadlineSeconds"`,
		`warning .*24-misplaced-fields\.yaml:9: .*"spec\.predictors\[0\]\.hpaSpec"`,
		`warning .*24-misplaced-fields\.yaml:10: .*"spec\.predictors\[0\]\.graph\.modelURI"`,
		`warning .*24-misplaced-fields\.yaml:12: .*"spec\.predictors\[0\]\.componentSpecs\[0\]\.strategy"`,
		`warning .*24-misplaced-fields\.yaml:14: .*"spec\.predictors\[0\]\.componentSpecs\[0\]\.spec\.replicas"`,
	}},
	"23-replicas-zero":                 {says: []string{`OK +available: 0 of 0 ready`, `warning .*0 replicas.*"Creating"`}},
	"26-one-predictor-parked":          {says: []string{`OK +available: .*0 of 0 ready`, `warning .*0 replicas.*"Creating"`}},
	"27-separate-engine-model-at-zero": {says: []string{`OK +available: .*0 of 0 ready`, `warning .*0 replicas.*"Creating"`}},
	"28-explainer-from-zero":           {explainer: "explainedzero-main-explainer", says: []string{`explainer\.replicas`}},
}

// Every shape that the real operator was recorded with goes through its whole life. What seldonctl claims
// the witness must have seen, as recorded, not later than the claim.
func TestRecordedShapes(t *testing.T) {
	t.Parallel()
	s := open(t)
	manifests, err := filepath.Glob(s.recorded("[0-9][0-9]-*.yaml"))
	if err != nil || len(manifests) != 29 {
		t.Fatalf("there are %d recorded manifests, want 29 (%v)", len(manifests), err)
	}
	for _, manifest := range manifests {
		name := strings.TrimSuffix(filepath.Base(manifest), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sit(t, shapeSeats)
			rehearse(t, s, manifest, readRecording(t, strings.TrimSuffix(manifest, ".yaml")+".json"), specials[name])
		})
	}
}

var claimLine = regexp.MustCompile(`^ *[0-9.]+s  OK +(available|scaled|gone): `)

// claim is what a line of success says, with the API server's revision and the rest of the namespace at
// that moment.
type claim struct {
	what     string
	at       time.Time
	revision int64
	left     []string
}

// claims returns a reader of lines that notes each claim together with the truth of that moment.
func claims(t *testing.T, w *witness, into *[]claim) func(line) {
	t.Helper()
	return func(l line) {
		found := claimLine.FindStringSubmatch(l.text)
		if found == nil {
			return
		}
		c := claim{what: found[1], at: l.at}
		var err error
		if c.revision, err = w.revision(t.Context()); err != nil {
			t.Errorf("read the revision at a claim: %v", err)
		}
		if c.what == "gone" {
			left, err := w.cluster.left(t.Context(), w.namespace)
			if err != nil {
				t.Errorf("list what is left at a claim: %v", err)
			}
			c.left = names(left)
		}
		*into = append(*into, c)
	}
}

func rehearse(t *testing.T, s shop, manifest string, recorded recording, want special) {
	t.Helper()
	namespace := s.own(t)
	w := watchNamespace(t, s.cluster, namespace)
	var made []claim
	p := start(t, s, s.cluster, claims(t, w, &made), "run", "-f", manifest, "-n", namespace, "-r", "3")
	p.exits(want.code)
	if want.within > 0 { // from the operator's word on: how soon that comes is not the program's doing
		reported := p.await(`the operator reports Failed`).at
		if took := p.ended.Sub(reported); took > want.within {
			t.Errorf("it took %s from the operator's word on, want at most %s", took, want.within)
		}
		if held := p.await(`  FAILED  `).at.Sub(reported); held > 2*time.Second+grace { // what is permanent is borne for 2 s
			t.Errorf("it was named %s after the operator's word, want at most %s", held, 2*time.Second+grace)
		}
	}
	for _, pattern := range want.says {
		if !regexp.MustCompile(pattern).MatchString(p.text()) {
			t.Errorf("no line says %s", pattern)
		}
	}
	expected := []string{"available", "scaled", "gone"}
	switch {
	case want.code != 0:
		expected = []string{"gone"}
	case want.notScaled:
		expected = []string{"available", "gone"}
		if strings.Contains(p.last(), "scaled in") || !strings.Contains(p.last(), "not scaled") {
			t.Errorf("the last line does not say that nothing was scaled: %s", p.last())
		}
	}
	if want.explainer != "" {
		recorded.scaled.deployments[want.explainer] = 1
	}
	var claimed []string
	history := w.history(t)
	for _, c := range made {
		claimed = append(claimed, c.what)
		checkClaim(t, history, c, recorded)
	}
	if !slices.Equal(claimed, expected) {
		t.Errorf("it claimed %v, want %v", claimed, expected)
	}
	s.mustBeEmpty(t, namespace)
}

// checkClaim compares one claim with what the witness has seen.
func checkClaim(t *testing.T, history []sighting, c claim, recorded recording) {
	t.Helper()
	var from int64
	want := recorded.created
	switch c.what {
	case "gone":
		if len(c.left) > 0 {
			t.Errorf("it claimed gone while there was left: %s", strings.Join(c.left, ", "))
		}
		return
	case "scaled":
		from, want = generationSince(history, 2), recorded.scaled
	default:
		from = generationSince(history, 1)
	}
	if from == 0 {
		t.Errorf("it claimed %s, but the witness has not seen the write that it is about", c.what)
	}
	moment, differs := when(history, from, c.revision, want)
	if moment == nil {
		t.Errorf("it claimed %s at revision %d, but it was not so at any moment since revision %d; at last: %s", c.what, c.revision, from, differs)
		return
	}
	if late := moment.at.Sub(c.at); late > 0 {
		t.Logf("%s: the witness heard of it %s after the claim", c.what, late)
	}
}
