package kubelet

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// TestFaultsAreAsRecorded holds each way of misbehaving to what a real kubelet wrote: every container state
// with its reason, exit code and words, every condition with its reason, every Event with its type, field and words.
func TestFaultsAreAsRecorded(t *testing.T) {
	for _, tc := range []struct {
		annotation, recording, image string
		init                         bool
		until                        time.Duration
	}{
		{annotation: "image-not-found", recording: "image-unknown-host", image: "registry.invalid/models/clf:1", until: 2 * time.Minute},
		{annotation: "crash-loop", recording: "crash-loop", until: 3 * time.Minute},
		{annotation: "oom-killed", recording: "out-of-memory", until: 3 * time.Minute},
		{annotation: "config-error", recording: "secret-missing", until: time.Minute},
		{annotation: "never-ready", recording: "readiness-never", until: time.Minute},
		{annotation: "init-fails", recording: "init-fails", init: true, until: 3 * time.Minute},
	} {
		t.Run(tc.annotation, func(t *testing.T) {
			th := newTheater(Realistic, tc.annotation, func(pod *corev1.Pod) {
				pod.Spec.InitContainers = nil
				pod.Spec.Containers = []corev1.Container{{Name: "clf", Image: "local/thing:1"}}
				if tc.annotation == "never-ready" {
					pod.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9000)}}}
				}
				if tc.image != "" {
					pod.Spec.Containers[0].Image = tc.image
				}
				if tc.init {
					pod.Spec.InitContainers = []corev1.Container{{Name: "clf-model-initializer", Image: "local/thing:1"}}
				}
			})
			th.facts, th.images = map[string]bool{}, map[string]bool{"local/thing:1": true}
			th.play(0, tc.until)
			recorded := readRecorded(t, tc.recording)
			for _, fact := range slices.Sorted(maps.Keys(recorded)) {
				if !th.facts[fact] {
					t.Errorf("a real kubelet wrote, and the simulated one did not: %s", fact)
				}
			}
			if t.Failed() {
				t.Logf("the simulated one wrote:\n%s", strings.Join(slices.Sorted(maps.Keys(th.facts)), "\n"))
			}
		})
	}
}

// readRecorded returns what a recording shows of the containers that went wrong, one fact for each field.
func readRecorded(t *testing.T, name string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("../../../testdata/kubelet/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]bool{}
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var pod corev1.Pod
		if err := yaml.Unmarshal(document, &pod); err != nil {
			t.Fatal(err)
		}
		if pod.Kind == "Pod" {
			statusFacts(pod.Status, facts)
			continue
		}
		var e corev1.Event
		if err := yaml.Unmarshal(document, &e); err != nil {
			t.Fatal(err)
		}
		if e.Source.Component == "kubelet" {
			eventFact(e.Type, e.Reason, e.InvolvedObject.FieldPath, e.Message, facts)
		}
	}
	return facts
}

// statusFacts takes down a status: what its containers wait for or how they ended, and the conditions.
func statusFacts(s corev1.PodStatus, facts map[string]bool) {
	for _, c := range slices.Concat(s.InitContainerStatuses, s.ContainerStatuses) {
		if w := c.State.Waiting; w != nil {
			facts[fmt.Sprintf("container %s waits: %s %q", c.Name, w.Reason, plain(w.Message))] = true
		}
		for where, t := range map[string]*corev1.ContainerStateTerminated{"ended": c.State.Terminated, "had ended": c.LastTerminationState.Terminated} {
			if t != nil {
				facts[fmt.Sprintf("container %s %s: %s", c.Name, where, t.Reason)] = true
			}
		}
	}
	if len(s.ContainerStatuses) == 0 {
		return // the kubelet has not seen it yet
	}
	for _, c := range s.Conditions {
		facts[fmt.Sprintf("condition %s is %s: %s %q", c.Type, c.Status, c.Reason, plain(c.Message))] = true
	}
}

func eventFact(kind, reason, field, message string, facts map[string]bool) {
	facts[fmt.Sprintf("event %s %s %s %q", kind, reason, field, plain(message))] = true
}

// plain replaces what differs from pod to pod and from machine to machine: names, identities, addresses, times, the
// words in which a version of the container runtime wraps an error, and those that kubelets have changed between
// 1.34, which was recorded, and 1.36, which is simulated.
func plain(text string) string {
	for _, r := range []struct {
		is  *regexp.Regexp
		put string
	}{
		{regexp.MustCompile(`lookup (\S+)( on \S+)?: (no such host|.*)$`), "lookup $1: no such host"},
		{regexp.MustCompile(`rpc error: code = \w+ desc = `), ""},
		{regexp.MustCompile(`pod=\S+`), "pod=POD"},
		{regexp.MustCompile(`in pod \S+`), "in pod POD"},
		{regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+:\d+`), "ADDRESS"},
		{regexp.MustCompile(`back-off \S+ restarting`), "back-off TIME restarting"},
		{regexp.MustCompile(`secret "[^"]*"`), `secret "NAME"`},
		{regexp.MustCompile(`^Created container: \S+$`), "Container created"},
		{regexp.MustCompile(`^Started container \S+$`), "Container started"},
		{regexp.MustCompile(` and can be accessed by the pod$`), ""},
		{regexp.MustCompile(`ErrImagePull: failed to pull image "[^"]*": `), "ErrImagePull: "},
	} {
		text = r.is.ReplaceAllString(text, r.put)
	}
	return text
}
