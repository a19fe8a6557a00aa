//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	// until is how much later it may be that the next of a series proves it: a pod's life.
	until time.Duration
	// event is the reason of the Events that alone show it.
	event string
	// words is what its last words mean.
	words string
}

var failures = map[string]failure{
	"image-not-found":    {says: `container clf of pod .*ImagePullBackOff.* "?docker\.io/seldonio/sklearnserver:1\.17\.1"?.*not found`, borne: 30 * time.Second},
	"no-pull-permission": {says: `container clf of pod .*ImagePullBackOff.*pull access denied, repository does not exist or may require authorization`, borne: 30 * time.Second},
	"pull-rate-limited":  {says: `container clf of pod .*ImagePullBackOff.*429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit`, borne: 60 * time.Second},
	"registry-away":      {says: `container clf of pod .*ImagePullBackOff.*dial tcp [0-9.]+:443: connect: connection refused`, borne: 60 * time.Second},
	"config-error":       {says: `container clf of pod .*CreateContainerConfigError: secret "model-credentials" not found`, borne: 30 * time.Second},
	"config-map-missing": {says: `container clf of pod .*CreateContainerConfigError: configmap "model-settings" not found`, borne: 30 * time.Second},
	"secret-key-missing": {
		says:  `container clf of pod .*CreateContainerConfigError: couldn't find key AWS_SECRET_ACCESS_KEY in Secret testfailures-\w+/model-credentials`,
		borne: 30 * time.Second,
	},
	"volume-not-mounting": {
		says:  `pod .*: FailedMount: MountVolume\.SetUp failed for volume "models" : hostPath type check failed: /mnt/models is not a directory`,
		borne: 60 * time.Second, event: "FailedMount",
	},
	"command-not-found": {says: `container clf of pod .*exec: "/app/serve": stat /app/serve: no such file or directory`, borne: 30 * time.Second},
	"crash-loop":        {says: `container clf of pod .*exited 3 times, last with code 1`, borne: 60 * time.Second, exits: true},
	"oom-killed":        {says: `container clf of pod .*exited 3 times, last with code 137 \(OOMKilled\)`, borne: 60 * time.Second, exits: true},
	"liveness-kills": {
		says:  `container clf of pod .*exited 3 times, last with code 137; Container clf failed liveness probe: Liveness probe failed: dial tcp [0-9.]+:9000: connect: connection refused`,
		borne: 60 * time.Second, exits: true,
	},
	"sandbox-fails": {
		says:  `pod .*: FailedCreatePodSandBox: .*plugin type="aws-cni" name="aws-cni" failed \(add\): add cmd: failed to assign an IP address to container`,
		borne: 60 * time.Second, event: "FailedCreatePodSandBox",
	},
	"evicted": {
		says:  `\d+ pods were lost one after the other, the last evicted-main-0-clf-.* on node .*: Evicted: Pod ephemeral local storage usage exceeds`,
		borne: 60 * time.Second, until: 30 * time.Second,
	},
	"init-denied": {
		says:  `init container clf-model-initializer of pod .*exited 3 times, last with code 1`,
		borne: 60 * time.Second, exits: true, words: `lacks credentials, or they are not accepted`,
	},
	"init-no-space": {
		says:  `init container clf-model-initializer of pod .*exited 3 times, last with code 1`,
		borne: 60 * time.Second, exits: true, words: `no space is left where it writes`,
	},
	"init-oom-killed": {
		says:  `init container clf-model-initializer of pod .*exited 3 times, last with code 137 \(OOMKilled\)`,
		borne: 60 * time.Second, exits: true,
	},
	"init-fails":    {says: `init container clf-model-initializer of pod .*exited 3 times, last with code 1`, borne: 60 * time.Second, exits: true},
	"unschedulable": {says: `0/8 nodes are available: 8 node\(s\) didn't match Pod's node affinity/selector`, borne: 60 * time.Second},
}

// grace is how much later than its holding time a failure may be named, and by how much the program's notion of
// when it began may differ from the witness's: both are slow on a busy machine. That 2 s suffice where the machine is
// not is held on virtual time.
const grace = 8 * time.Second

// TestFailures lets all models fail side by side. None of them keeps another from being named in its time.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	w := watchNamespace(t, s.cluster, namespace)
	models := map[string]string{}
	for kind := range failures {
		models[kind] = kind
	}
	journal := filepath.Join(t.TempDir(), "run.jsonl")
	p := s.runMisbehaving(t, namespace, models, "--report", journal)
	p.exits(3)
	history := w.history(t)
	for kind, want := range failures {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := trial{p.program, t}
			named := p.await(`  FAILED +\[` + kind + `\] `)
			t.Log(strings.TrimSpace(named.text))
			if !regexp.MustCompile(want.says).MatchString(named.text) {
				t.Errorf("the failure does not say %s", want.says)
			}
			if want.words != "" {
				p.await(`its last words \(.*` + want.words)
			}
			p.await(`  end +\[` + kind + `\] not reached: .*exit 3 `)
			began := firstTrouble(history, kind)
			if want.event != "" {
				began = s.firstEvent(t, namespace, want.event)
			}
			least := want.borne
			if want.exits {
				least = 0
			}
			readFailure(t, journal, kind).mustBeInTime(t, began, least, want.borne+want.until)
		})
	}
	s.mustBeEmpty(t, namespace)
}

// firstEvent returns when an Event with a reason was first told in a namespace.
func (s shop) firstEvent(t *testing.T, namespace, reason string) time.Time {
	t.Helper()
	events, err := s.kube.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=" + reason})
	if err != nil {
		t.Fatal(err)
	}
	var first time.Time
	for _, e := range events.Items {
		if at := e.FirstTimestamp.Time; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// A probe that does not pass yet is told, but only the limit ends the waiting.
func TestProbeNeverPasses(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	p := start(t, s, s.cluster, nil, "run", "-f", s.misbehaving(t, "broken", "never-ready"), "-n", namespace, "--timeout", "25s")
	p.exits(6)
	p.await(`  FAILED  +not available after 2\d\.\d s`)
	p.await(`cause, as far as known: container clf of pod .*Unhealthy: Readiness probe failed: dial tcp [0-9.]+:9000: connect: connection refused`)
	s.mustBeEmpty(t, namespace)
}

// healing is a way in which simulated pods misbehave for a time, and what must be said of it meanwhile.
type healing struct {
	// how is the annotation. Of what can heal at one of some tries alone it is that one which comes soon enough: the
	// kubelet pulls again after 10 s and after 20 s more, and starts again at once and after 10 s.
	how, says string
}

// heals are all ways that can pass by themselves. Each lasts shorter than its kind is borne, and those that are borne for
// 60 s last longer than the others may.
var heals = map[string]healing{
	"image-not-found":     {"image-not-found,heals=8s", `ErrImagePull: .*: not found \(a failure if it lasts 30s\)`},
	"no-pull-permission":  {"no-pull-permission,heals=8s", `ErrImagePull: .*authorization failed \(a failure if it lasts 30s\)`},
	"pull-rate-limited":   {"pull-rate-limited,heals=20s", `ErrImagePull: .*toomanyrequests.* \(a failure if it lasts 1m0s\)`},
	"registry-away":       {"registry-away,heals=20s", `ErrImagePull: .*connection refused \(a failure if it lasts 1m0s\)`},
	"config-error":        {"config-error,heals=15s", `secret "model-credentials" not found \(a failure if it lasts 30s\)`},
	"config-map-missing":  {"config-map-missing,heals=15s", `configmap "model-settings" not found \(a failure if it lasts 30s\)`},
	"secret-key-missing":  {"secret-key-missing,heals=15s", `couldn't find key AWS_SECRET_ACCESS_KEY .* \(a failure if it lasts 30s\)`},
	"volume-not-mounting": {"volume-not-mounting,heals=20s", `FailedMount: .*is not a directory \(a failure if it lasts 1m0s\)`},
	"sandbox-fails":       {"sandbox-fails,heals=20s", `FailedCreatePodSandBox: .*failed to assign an IP address to container \(a failure if it lasts 1m0s\)`},
	"evicted":             {"evicted,heals=20s", `was lost on node .*: Evicted: Pod ephemeral local storage usage exceeds`},
	"command-not-found":   {"command-not-found,heals=10s", `RunContainerError: .*no such file or directory: unknown \(a failure if it lasts 30s\)`},
	"crash-loop":          {"crash-loop,heals=12s", `exited with code 1 \(a failure if it lasts 1m0s\)`},
	"exits-once":          {"exits-once", `exited with code 1 \(a failure if it lasts 1m0s\)`},
	"oom-killed":          {"oom-killed,heals=12s", `exited with code 137 \(OOMKilled\) \(a failure if it lasts 1m0s\)`},
	"liveness-kills":      {"liveness-kills,heals=22s", `Unhealthy: (Readiness|Liveness) probe failed: `},
	"init-fails":          {"init-fails,heals=8s", `init container clf-model-initializer .*exited with code 1 \(a failure if it lasts 1m0s\)`},
	"never-ready":         {"never-ready,heals=20s", `Unhealthy: Readiness probe failed: `},
}

// TestHeals takes models through their whole life whose pods misbehave at first, all of them side by side: what passes
// in its time is told, and no failure, neither of the first pod nor of the one that comes with the scaling.
func TestHeals(t *testing.T) {
	t.Parallel()
	s := open(t)
	sit(t, otherSeats)
	namespace := s.own(t)
	models := map[string]string{}
	for kind, is := range heals {
		models[kind] = is.how
	}
	p := s.runMisbehaving(t, namespace, models)
	p.exits(0)
	for kind, want := range heals {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := trial{p.program, t}
			of := `\[` + kind + `\] `
			p.await(`  problem +` + of + `.*` + want.says)
			for _, claim := range []string{"available", "scaled", "gone"} {
				p.await(`  OK +` + of + claim + `: `)
			}
		})
	}
	if strings.Contains(p.text(), "FAILED") {
		t.Error("what has healed was called a failure")
	}
	s.mustBeEmpty(t, namespace)
}

// runMisbehaving runs models side by side whose pods behave as the simulation's annotation says.
func (s shop) runMisbehaving(t *testing.T, namespace string, models map[string]string, further ...string) trial {
	t.Helper()
	args := append([]string{"run", "-n", namespace, "--parallel", strconv.Itoa(len(models))}, further...)
	for name, how := range models {
		args = append(args, "-f", s.misbehaving(t, name, how))
	}
	return start(t, s, s.cluster, nil, args...)
}

// misbehaving writes the manifest of a model whose pods behave as the simulation's annotation says, and returns its path.
func (s shop) misbehaving(t *testing.T, name, how string) string {
	t.Helper()
	data, err := os.ReadFile(s.manifest("crash-loop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("name: broken", "name: "+name, "pods: crash-loop", "pods: "+strconv.Quote(how)).Replace(string(data))
	path := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// toldFailure is what a run's journal tells of its failure.
type toldFailure struct {
	Type    string    `json:"type"`
	Root    string    `json:"root"`
	At      time.Time `json:"at"`
	Problem struct {
		Since time.Time `json:"since"`
	} `json:"problem"`
}

// readFailure returns what a journal tells of the failure of a SeldonDeployment.
func readFailure(t *testing.T, journal, name string) toldFailure {
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
		if told.Type == "failure" && strings.HasSuffix(told.Root, "/"+name) {
			return told
		}
	}
	t.Fatalf("the journal tells of no failure of %s:\n%s", name, data)
	return toldFailure{}
}

// mustBeInTime checks that the failure was borne for as long as it may heal and not much longer, by the program's own
// clock; the witness vouches for when it began.
func (f toldFailure) mustBeInTime(t *testing.T, began time.Time, least, most time.Duration) {
	t.Helper()
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

// firstTrouble returns when the witness first saw what is wrong with a SeldonDeployment: what it owns is named after it.
func firstTrouble(history []sighting, name string) time.Time {
	for _, s := range history {
		if strings.HasPrefix(s.object.GetName(), name+"-") && inTrouble(s.object) {
			return s.at
		}
	}
	return time.Time{}
}

func inTrouble(object metav1.Object) bool {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return slices.ContainsFunc(o.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
			return c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse
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
