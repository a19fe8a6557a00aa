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
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// TestFaultsAreAsRecorded holds each way of misbehaving to what a real kubelet wrote: every container state
// with its reason, words and the exit code that is not the program's own, every condition with its reason, every Event with its type, field and words.
func TestFaultsAreAsRecorded(t *testing.T) {
	const image = "local/thing:1"
	downloads := func(pod *corev1.Pod) {
		pod.Spec.InitContainers = []corev1.Container{{Name: "clf-model-initializer", Image: image}}
	}
	change := func(change func(*corev1.Container)) func(*corev1.Pod) {
		return func(pod *corev1.Pod) { change(&pod.Spec.Containers[0]) }
	}
	for _, tc := range []struct {
		annotation, recording string
		until                 time.Duration
		change                func(*corev1.Pod)
	}{
		{annotation: "image-not-found", recording: "image-unknown-host", until: 2 * time.Minute, change: change(func(c *corev1.Container) { c.Image = "registry.invalid/models/clf:1" })},
		{annotation: "registry-away", recording: "image-registry-away", until: 2 * time.Minute, change: change(func(c *corev1.Container) { c.Image = "localhost:1/models/clf:1" })},
		{annotation: "crash-loop", recording: "crash-loop", until: 3 * time.Minute},
		{annotation: "oom-killed", recording: "out-of-memory", until: 3 * time.Minute},
		{annotation: "config-error", recording: "secret-missing", until: time.Minute},
		{annotation: "config-map-missing", recording: "configmap-missing", until: time.Minute, change: change(func(c *corev1.Container) {
			c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "absent"}}}}
		})},
		{annotation: "secret-key-missing", recording: "secret-key-missing", until: time.Minute, change: change(func(c *corev1.Container) {
			of := corev1.LocalObjectReference{Name: "there"}
			c.Env = []corev1.EnvVar{{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: of, Key: "absent"}}}}
		})},
		{annotation: "command-not-found", recording: "command-not-found", until: 2 * time.Minute, change: change(func(c *corev1.Container) { c.Command = []string{"/absent"} })},
		{annotation: "never-ready", recording: "readiness-never", until: time.Minute, change: change(func(c *corev1.Container) {
			c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9000)}}}
		})},
		{annotation: "liveness-kills", recording: "liveness-kills", until: 3 * time.Minute, change: change(func(c *corev1.Container) {
			c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9000)}}}
		})},
		{annotation: "evicted", recording: "evicted", until: time.Minute, change: change(func(c *corev1.Container) {
			c.Resources.Limits = corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("8Mi")}
		})},
		{annotation: "volume-not-mounting", recording: "volume-not-mounting", until: time.Minute, change: func(pod *corev1.Pod) {
			pod.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/absent"}}}}
		}},
		{annotation: "init-fails", recording: "init-fails", until: 3 * time.Minute, change: downloads},
		{annotation: "init-no-space", recording: "init-no-space", until: 3 * time.Minute, change: downloads},
		{annotation: "init-oom-killed", recording: "init-out-of-memory", until: 3 * time.Minute, change: downloads},
	} {
		t.Run(tc.annotation, func(t *testing.T) {
			th := newTheater(Realistic, tc.annotation, func(pod *corev1.Pod) {
				pod.Namespace = "models"
				pod.Spec.InitContainers = nil
				pod.Spec.Containers = []corev1.Container{{Name: "clf", Image: image}}
				if tc.change != nil {
					tc.change(pod)
				}
			})
			th.facts, th.images = map[string]bool{}, map[string]bool{image: true}
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
				code := fmt.Sprintf("code %d", t.ExitCode)
				if t.Reason == "Error" {
					code = "a code of its own"
				}
				facts[fmt.Sprintf("container %s %s: %s with %s %q", c.Name, where, t.Reason, code, plain(t.Message))] = true
			}
		}
	}
	if len(s.ContainerStatuses) == 0 {
		return // the kubelet has not seen it yet
	}
	facts[fmt.Sprintf("pod is %s: %s %q", s.Phase, s.Reason, plain(s.Message))] = true
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
