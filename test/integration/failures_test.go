//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// failure is a way in which simulated pods misbehave, and what must be said about it in what time.
type failure struct {
	says string
	// borne is how long it must hold, from the moment that a pod first shows it; exits cut it short.
	borne time.Duration
	exits bool
}

var failures = map[string]failure{
	"image-not-found": {says: `container clf of pod .*ImagePullBackOff.* "?docker\.io/seldonio/sklearnserver:1\.17\.1"?.*not found`, borne: 30 * time.Second},
	"config-error":    {says: `container clf of pod .*CreateContainerConfigError: secret "model-credentials" not found`, borne: 30 * time.Second},
	"crash-loop":      {says: `container clf of pod .*exited 3 times, last with code 1`, borne: 60 * time.Second, exits: true},
	"oom-killed":      {says: `container clf of pod .*exited 3 times, last with code 137 \(OOMKilled\)`, borne: 60 * time.Second, exits: true},
	"init-fails":      {says: `init container clf-model-initializer of pod .*exited 3 times, last with code 1`, borne: 60 * time.Second, exits: true},
	"unschedulable":   {says: `0/8 nodes are available: 8 node\(s\) didn't match Pod's node affinity/selector`, borne: 60 * time.Second},
}

// grace is how much later than its holding time a failure may be named, and by how much the program's notion of
// when it began may differ from the witness's: both are slow on a busy machine.
const grace = 8 * time.Second

func TestFailures(t *testing.T) {
	t.Parallel()
	s := open(t)
	for kind, want := range failures {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			w := watchNamespace(t, s.cluster, namespace)
			journal := filepath.Join(t.TempDir(), "run.jsonl")
			p := start(t, s, s.cluster, nil, "run", "-f", s.manifest(kind+".yaml"), "-n", namespace, "--report", journal)
			p.exits(3)
			named := p.await(`  FAILED  `)
			if !regexp.MustCompile(want.says).MatchString(named.text) {
				t.Errorf("the failure does not say %s: %s", want.says, named.text)
			}
			told := readFailure(t, journal)
			least := want.borne
			if want.exits {
				least = 0
			}
			told.mustBeInTime(t, w, least, want.borne)
			s.mustBeEmpty(t, namespace)
		})
	}
}

// toldFailure is what a run's journal tells of its failure.
type toldFailure struct {
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	Problem struct {
		Since time.Time `json:"since"`
	} `json:"problem"`
}

func readFailure(t *testing.T, journal string) toldFailure {
	t.Helper()
	data, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	for entry := range bytes.Lines(data) {
		var told toldFailure
		if err := json.Unmarshal(entry, &told); err != nil {
			t.Fatalf("%v in %s", err, entry)
		}
		if told.Type == "failure" {
			return told
		}
	}
	t.Fatalf("the journal tells of no failure:\n%s", data)
	return toldFailure{}
}

// mustBeInTime checks that the failure was borne for as long as it may heal and not much longer. That is measured
// by the program's own clock, on which the state of the machine has no influence; the witness vouches for
// when it began.
func (f toldFailure) mustBeInTime(t *testing.T, w *witness, least, most time.Duration) {
	t.Helper()
	began := firstTrouble(w.history(t))
	if began.IsZero() {
		t.Fatal("the witness has seen no trouble")
	}
	held := f.At.Sub(f.Problem.Since)
	t.Logf("named after %s, counted from %s after the witness saw it", held.Round(time.Millisecond), f.Problem.Since.Sub(began).Round(time.Millisecond))
	if held > most+grace {
		t.Errorf("it was named after %s, want at most %s", held, most+grace)
	}
	if held < least {
		t.Errorf("it was named after %s although it may heal for %s", held, least)
	}
	if differ := f.Problem.Since.Sub(began).Abs(); differ > grace {
		t.Errorf("it is said to have begun at %s, but the witness has seen it at %s", f.Problem.Since, began)
	}
}

// firstTrouble returns when the witness first saw what is wrong.
func firstTrouble(history []sighting) time.Time {
	for _, s := range history {
		if inTrouble(s.object) {
			return s.at
		}
	}
	return time.Time{}
}

func inTrouble(object metav1.Object) bool {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return slices.ContainsFunc(o.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
			return c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded"
		})
	case *appsv1.ReplicaSet:
		return slices.ContainsFunc(o.Status.Conditions, func(c appsv1.ReplicaSetCondition) bool { return c.Type == appsv1.ReplicaSetReplicaFailure })
	case *corev1.Pod:
		return o.DeletionTimestamp == nil && podInTrouble(o)
	}
	return false
}

func podInTrouble(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return true
		}
	}
	for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		waits, ended := c.State.Waiting, c.State.Terminated
		if ended != nil && ended.ExitCode != 0 || waits != nil && waits.Reason != "ContainerCreating" && waits.Reason != "PodInitializing" {
			return true
		}
	}
	return false
}
