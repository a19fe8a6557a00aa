package kubelet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// theater plays a pod's life on virtual time.
type theater struct {
	pod    *corev1.Pod
	life   Life
	pace   Pace
	begun  time.Time
	lost   time.Time
	images map[string]bool
	// seen are the different pictures in order, told the events.
	seen []string
	told []string
	// facts are everything that was written, field by field; nil where nobody asks.
	facts   map[string]bool
	removed time.Duration
	ready   time.Duration
}

func newTheater(pace Pace, annotation string, change func(*corev1.Pod)) *theater {
	always := corev1.ContainerRestartPolicyAlways
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("http")}}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "n", UID: "u", Annotations: map[string]string{Annotation: annotation}},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "init", Image: "init:1"}, {Name: "side", Image: "side:1", RestartPolicy: &always}},
			Containers: []corev1.Container{
				{Name: "clf", Image: "example/model:1.0", ReadinessProbe: probe, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9000}}},
				{Name: "engine", Image: "engine:1"},
			},
		},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}},
	}
	if change != nil {
		change(pod)
	}
	return &theater{pod: pod, pace: pace, begun: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), images: map[string]bool{}}
}

// play lets the pod live until a time, as the keeper would.
func (th *theater) play(from, until time.Duration) {
	at := from
	for {
		now := th.begun.Add(at)
		out := Advance(Input{Pod: th.pod, Life: th.life, Pace: th.pace, Present: func(i string) bool { return th.images[i] }, Lost: th.lost, Now: now})
		th.life = out.Life
		for _, e := range out.Events {
			th.told = append(th.told, strings.TrimSpace(e.Reason+" "+e.Field))
			if th.facts != nil {
				eventFact(e.Type, e.Reason, e.Field, e.Message, th.facts)
			}
		}
		th.pod.Status = Status(th.pod, th.life, th.pace, "10.0.0.1", now)
		for i, c := range th.life.Main {
			if c.Phase == Running {
				th.images[th.pod.Spec.Containers[i].Image] = true
			}
		}
		th.look(at)
		if th.facts != nil {
			statusFacts(th.pod.Status, th.facts)
		}
		if out.Remove {
			th.removed = at
			return
		}
		if out.Next.IsZero() || out.Next.Sub(th.begun) > until {
			return
		}
		at = out.Next.Sub(th.begun)
	}
}

// look remembers the pod's picture if it has changed: its phase, and the state of each container.
func (th *theater) look(at time.Duration) {
	s := th.pod.Status
	words := []string{string(s.Phase)}
	for _, c := range append(append([]corev1.ContainerStatus{}, s.InitContainerStatuses...), s.ContainerStatuses...) {
		words = append(words, c.Name+"="+pictureOf(c))
	}
	for _, c := range s.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			words = append(words, "READY")
			th.ready = at
		}
	}
	picture := strings.Join(words, " ")
	if len(th.seen) == 0 || th.seen[len(th.seen)-1] != picture {
		th.seen = append(th.seen, picture)
	}
}

func pictureOf(c corev1.ContainerStatus) string {
	var text string
	switch {
	case c.State.Waiting != nil:
		text = c.State.Waiting.Reason
	case c.State.Terminated != nil:
		text = fmt.Sprintf("%s/%d", c.State.Terminated.Reason, c.State.Terminated.ExitCode)
	case c.State.Running != nil:
		text = "up"
	}
	if c.Ready {
		text += "+"
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf("(%d)", c.RestartCount)
	}
	return text
}

func TestPictures(t *testing.T) {
	cases := map[string]struct {
		reason     string
		pace       Pace
		annotation string
		until      time.Duration
		want       []string
	}{
		"instant": {
			reason: "a good pod is ready at once", pace: Instant, until: time.Minute,
			want: []string{"Running init=Completed/0+ side=up+ clf=up+ engine=up+ READY"},
		},
		"realistic": {
			reason: "a good pod takes each step that a kubelet shows", pace: Realistic, until: time.Minute,
			want: []string{
				"Pending init=PodInitializing side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=up side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=Completed/0+ side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=Completed/0+ side=up+ clf=PodInitializing engine=PodInitializing",
				"Pending init=Completed/0+ side=up+ clf=up engine=PodInitializing",
				"Pending init=Completed/0+ side=up+ clf=up+ engine=PodInitializing",
				"Running init=Completed/0+ side=up+ clf=up+ engine=up+ READY",
			},
		},
		"image-not-found": {
			reason: "the pull fails again and again, the other container runs, the pod stays Pending", pace: Instant, annotation: "image-not-found", until: 5 * time.Second,
			want: []string{
				"Pending init=Completed/0+ side=up+ clf=ErrImagePull engine=up+",
				"Pending init=Completed/0+ side=up+ clf=ImagePullBackOff engine=up+",
				"Pending init=Completed/0+ side=up+ clf=ErrImagePull engine=up+",
				"Pending init=Completed/0+ side=up+ clf=ImagePullBackOff engine=up+",
			},
		},
		"crash-loop": {
			reason: "the first restart comes at once, the next ones after a back-off", pace: Instant, annotation: "crash-loop", until: 4 * time.Second,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Running init=Completed/0+ side=up+ clf=Error/1 engine=up+",
				"Running init=Completed/0+ side=up+ clf=up(1) engine=up+",
				"Running init=Completed/0+ side=up+ clf=Error/1(1) engine=up+",
				"Running init=Completed/0+ side=up+ clf=CrashLoopBackOff(1) engine=up+",
				"Running init=Completed/0+ side=up+ clf=up(2) engine=up+",
				"Running init=Completed/0+ side=up+ clf=Error/1(2) engine=up+",
				"Running init=Completed/0+ side=up+ clf=CrashLoopBackOff(2) engine=up+",
			},
		},
		"oom-killed": {
			reason: "as a crash loop, with its own reason and exit code", pace: Instant, annotation: "oom-killed", until: 300 * time.Millisecond,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Running init=Completed/0+ side=up+ clf=OOMKilled/137 engine=up+",
			},
		},
		"never-ready": {
			reason: "it runs and is never ready", pace: Instant, annotation: "never-ready", until: time.Minute,
			want: []string{"Running init=Completed/0+ side=up+ clf=up engine=up+"},
		},
		"config-error": {
			reason: "the container is never created", pace: Instant, annotation: "config-error", until: time.Minute,
			want: []string{"Pending init=Completed/0+ side=up+ clf=CreateContainerConfigError engine=up+"},
		},
		"init-fails": {
			reason: "nothing behind the init container starts", pace: Instant, annotation: "init-fails", until: 1500 * time.Millisecond,
			want: []string{
				"Pending init=up side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=Error/1 side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=up(1) side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=Error/1(1) side=PodInitializing clf=PodInitializing engine=PodInitializing",
				"Pending init=CrashLoopBackOff(1) side=PodInitializing clf=PodInitializing engine=PodInitializing",
			},
		},
		"registry-away": {
			reason: "as an image that is not there, with other words", pace: Instant, annotation: "registry-away", until: time.Second,
			want: []string{
				"Pending init=Completed/0+ side=up+ clf=ErrImagePull engine=up+",
				"Pending init=Completed/0+ side=up+ clf=ImagePullBackOff engine=up+",
			},
		},
		"volume-not-mounting": {
			reason: "nothing begins", pace: Instant, annotation: "volume-not-mounting", until: time.Minute,
			want: []string{"Pending init=PodInitializing side=PodInitializing clf=PodInitializing engine=PodInitializing"},
		},
		"sandbox-fails": {
			reason: "nothing begins", pace: Instant, annotation: "sandbox-fails", until: time.Minute,
			want: []string{"Pending init=PodInitializing side=PodInitializing clf=PodInitializing engine=PodInitializing"},
		},
		"command-not-found": {
			reason: "it has ended without having run, and counts as started again all the same", pace: Instant, annotation: "command-not-found", until: time.Second,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=RunContainerError engine=up+",
				"Running init=Completed/0+ side=up+ clf=RunContainerError(1) engine=up+",
				"Running init=Completed/0+ side=up+ clf=CrashLoopBackOff(1) engine=up+",
			},
		},
		"exits-once": {
			reason: "it is well after the restart", pace: Instant, annotation: "exits-once", until: time.Minute,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Running init=Completed/0+ side=up+ clf=Error/1 engine=up+",
				"Running init=Completed/0+ side=up+ clf=up+(1) engine=up+ READY",
			},
		},
		"liveness-kills": {
			reason: "what has a readiness probe is not ready before it is killed", pace: Instant, annotation: "liveness-kills", until: 3200 * time.Millisecond,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Running init=Completed/0+ side=up+ clf=Error/137 engine=up+",
				"Running init=Completed/0+ side=up+ clf=up(1) engine=up+",
			},
		},
		"evicted": {
			reason: "the pod ends with all its containers, and stays", pace: Instant, annotation: "evicted", until: time.Minute,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Failed init=Completed/0+ side=Error/137 clf=Error/137 engine=Error/137",
			},
		},
		"slow": {
			reason: "it becomes ready, later", pace: Instant, annotation: "slow=10s", until: time.Minute,
			want: []string{
				"Running init=Completed/0+ side=up+ clf=up engine=up+",
				"Running init=Completed/0+ side=up+ clf=up+ engine=up+ READY",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			th := newTheater(tc.pace, tc.annotation, nil)
			th.play(0, tc.until)
			if diff := cmp.Diff(tc.want, th.seen); diff != "" {
				t.Errorf("%s: pictures (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	cases := map[string]struct {
		annotation string
		until      time.Duration
		want       []string
	}{
		"good": {until: time.Second, want: []string{"Pulling", "Pulled", "Created", "Started"}},
		"image-not-found": {annotation: "image-not-found", until: 3 * time.Second, want: []string{
			"Pulling", "Failed", "Failed", "BackOff", "Failed", "Pulling", "Failed", "Failed", "BackOff", "Failed",
		}},
		"crash-loop": {annotation: "crash-loop", until: 1200 * time.Millisecond, want: []string{
			"Pulling", "Pulled", "Created", "Started", "Pulled", "Created", "Started", "BackOff",
		}},
		"never-ready": {annotation: "never-ready", until: 2 * time.Second, want: []string{
			"Pulling", "Pulled", "Created", "Started", "Unhealthy", "Unhealthy",
		}},
		"liveness-kills": {annotation: "liveness-kills", until: 3 * time.Second, want: []string{
			"Pulling", "Pulled", "Created", "Started", "Unhealthy", "Unhealthy", "Unhealthy", "Unhealthy", "Unhealthy", "Unhealthy", "Killing",
		}},
		"command-not-found": {annotation: "command-not-found", until: 400 * time.Millisecond, want: []string{
			"Pulling", "Pulled", "Created", "Failed", "Pulled", "Created", "Failed", "BackOff",
		}},
		"evicted":      {annotation: "evicted", until: time.Minute, want: []string{"Pulling", "Pulled", "Created", "Started", "Killing"}},
		"config-error": {annotation: "config-error", until: 2 * time.Second, want: []string{"Pulling", "Pulled", "Failed", "Pulled", "Failed"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			th := newTheater(Instant, tc.annotation, nil)
			th.play(0, tc.until)
			var got []string
			for _, told := range th.told {
				if reason, about, _ := strings.Cut(told, " "); about == "spec.containers{clf}" {
					got = append(got, reason)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("events of the container clf (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRealisticTimes(t *testing.T) {
	for n := range 200 {
		th := newTheater(Realistic, "", func(p *corev1.Pod) {
			p.UID = types.UID(fmt.Sprint("pod-", n))
			p.Spec.InitContainers = nil
		})
		th.play(0, time.Minute)
		if th.ready < 1500*time.Millisecond || th.ready > 6500*time.Millisecond {
			t.Errorf("pod %d is ready after %s, outside of some seconds", n, th.ready)
		}
		now := metav1.NewTime(th.begun.Add(time.Minute))
		th.pod.DeletionTimestamp = &now
		th.play(time.Minute, 2*time.Minute)
		if took := th.removed - time.Minute; took < time.Second || took > 3*time.Second {
			t.Errorf("pod %d ends after %s, wanted 1 to 3 s", n, took)
		}
		if th.pod.Status.Phase != corev1.PodSucceeded {
			t.Errorf("pod %d ends as %s", n, th.pod.Status.Phase)
		}
	}
}

// Whatever can pass is over at the first try after its time: a pull, a configuration, a mount, a sandbox, a restart, a probe.
func TestHeals(t *testing.T) {
	// after is how much later than the fault's end the next try may come.
	const s = time.Second
	after := map[Kind]time.Duration{
		ImageNotFound: 20 * s, NoPullPermission: 20 * s, PullRateLimited: 20 * s, RegistryAway: 20 * s, BadConfig: 10 * s, ConfigMapMissing: 10 * s, SecretKeyMissing: 10 * s,
		VolumeNotMounted: 8 * s, SandboxFails: 10 * s, CommandNotFound: 20 * s, CrashLoop: 20 * s, OOMKilled: 20 * s, InitFails: 20 * s, InitDenied: 20 * s, InitNoSpace: 20 * s, InitOOMKilled: 20 * s,
		NeverReady: 5 * s, LivenessKills: 10 * s, Evicted: 10 * s,
	}
	const heals, starts = 9 * s, 8 * s // starts is how long a good pod may take from its first try
	for kind := range kinds {
		most, can := after[kind]
		switch {
		case kind == Unschedulable, kind == ExitsOnce:
			continue
		case !can:
			t.Errorf("%s: nothing says how it heals", kind)
		}
		t.Run(string(kind), func(t *testing.T) {
			th := newTheater(Realistic, string(kind)+",heals="+heals.String(), nil)
			th.play(0, 10*time.Minute)
			if th.ready < heals || th.ready > heals+most+starts {
				t.Errorf("ready after %s, want %s to %s; seen:\n%s", th.ready, heals, heals+most+starts, strings.Join(th.seen, "\n"))
			}
			if last := th.seen[len(th.seen)-1]; !strings.HasSuffix(last, "READY") {
				t.Errorf("in the end it is not ready: %s", last)
			}
		})
	}
}

// A pod in the place of evicted ones is evicted as well, until the time is over since the first of them started.
func TestHealsWithThoseBefore(t *testing.T) {
	for ago, evicted := range map[time.Duration]bool{time.Second: true, 19 * time.Second: false} {
		th := newTheater(Realistic, "evicted,heals=30s", nil)
		th.lost = th.begun.Add(-ago)
		th.play(0, time.Minute)
		if is := th.pod.Status.Reason == "Evicted"; is != evicted {
			t.Errorf("the first was lost %s before: evicted is %t; seen:\n%s", ago, is, strings.Join(th.seen, "\n"))
		}
	}
}

func TestFirstLost(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pod := func(owner string, after int, phase corev1.PodPhase) *corev1.Pod {
		yes, at := true, metav1.NewTime(begun.Add(time.Duration(after)*time.Second))
		p := &corev1.Pod{Status: corev1.PodStatus{Phase: phase, StartTime: &at}}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{{UID: types.UID(owner), Controller: &yes}}
		}
		return p
	}
	siblings := []*corev1.Pod{
		pod("a", 0, corev1.PodRunning), pod("b", 1, corev1.PodFailed), pod("", 1, corev1.PodFailed),
		pod("a", 5, corev1.PodFailed), pod("a", 3, corev1.PodFailed), pod("a", 9, corev1.PodRunning),
	}
	if got := firstLost(siblings[5], siblings); !got.Equal(begun.Add(3 * time.Second)) {
		t.Errorf("the first one lost started at %s", got)
	}
	if got := firstLost(siblings[2], siblings); !got.IsZero() {
		t.Errorf("a pod of nobody is in the place of one that started at %s", got)
	}
}

// TestMountsAreTriedAsRecorded holds the tries to mount a volume to the recorded ones: eight in 64 seconds.
func TestMountsAreTriedAsRecorded(t *testing.T) {
	th := newTheater(Realistic, "volume-not-mounting", nil)
	th.play(0, 65*time.Second)
	if len(th.told) != 8 || th.told[7] != "FailedMount" {
		t.Errorf("told: %v", th.told)
	}
}

func TestRecall(t *testing.T) {
	for _, annotation := range []string{"", "image-not-found", "crash-loop", "oom-killed", "never-ready", "config-error", "init-fails", "registry-away", "volume-not-mounting", "sandbox-fails", "command-not-found", "liveness-kills"} {
		t.Run(annotation, func(t *testing.T) {
			th := newTheater(Instant, annotation, nil)
			th.play(0, 4*time.Second)
			before, words := th.seen[len(th.seen)-1], th.pod.Status.ContainerStatuses[0].State.Waiting
			now := th.begun.Add(5 * time.Second)
			life := Recall(th.pod, now)
			th.pod.Status = Status(th.pod, life, Instant, "10.0.0.1", now)
			th.seen = nil
			th.look(0)
			if diff := cmp.Diff(before, th.seen[0]); diff != "" {
				t.Errorf("a restarted kubelet changes the picture (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(words, th.pod.Status.ContainerStatuses[0].State.Waiting); diff != "" {
				t.Errorf("a restarted kubelet changes its words (-before +after):\n%s", diff)
			}
		})
	}
}
