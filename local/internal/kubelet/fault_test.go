package kubelet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestParseFault(t *testing.T) {
	cases := map[string]Fault{
		"":                         {},
		"crash-loop":               {Kind: CrashLoop},
		"slow=10s":                 {Slow: 10 * time.Second},
		"never-ready , slow=1m":    {Kind: NeverReady, Slow: time.Minute},
		"crashloop":                {Unknown: "crashloop"},
		"slow=soon":                {Unknown: "slow=soon"},
		"unschedulable":            {Kind: Unschedulable},
		"oom-killed,something-new": {Kind: OOMKilled, Unknown: "something-new"},
	}
	for annotation, want := range cases {
		if diff := cmp.Diff(want, parseFault(annotation)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", annotation, diff)
		}
	}
}

func TestPullError(t *testing.T) {
	cases := map[string]string{
		"example/model:1.0": `rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/example/model:1.0": ` +
			`failed to resolve reference "docker.io/example/model:1.0": docker.io/example/model:1.0: not found`,
		"model": `rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/model:latest": ` +
			`failed to resolve reference "docker.io/library/model:latest": docker.io/library/model:latest: not found`,
		"registry.invalid:5000/a/b": `rpc error: code = Unknown desc = failed to pull and unpack image "registry.invalid:5000/a/b:latest": ` +
			`failed to resolve reference "registry.invalid:5000/a/b:latest": failed to do request: ` +
			`Head "https://registry.invalid:5000/v2/a/b/manifests/latest": dial tcp: lookup registry.invalid: no such host`,
	}
	for image, want := range cases {
		if diff := cmp.Diff(want, pullError(image)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", image, diff)
		}
	}
}

func TestBackOffGrows(t *testing.T) {
	times := timesOf(Realistic)
	var got []time.Duration
	for failures := 1; failures <= 7; failures++ {
		got = append(got, times.backOff(failures))
	}
	const s = time.Second
	if diff := cmp.Diff([]time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}, got); diff != "" {
		t.Errorf("back-off (-want +got):\n%s", diff)
	}
}

func TestMissingSecretIsTheOneAskedFor(t *testing.T) {
	c := &corev1.Container{EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "bucket"}}}}}
	if got := missingSecret(c); got != `secret "bucket" not found` {
		t.Errorf("got %s", got)
	}
}
