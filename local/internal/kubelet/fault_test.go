package kubelet

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestParseFault(t *testing.T) {
	cases := map[string]Fault{
		"":                         {},
		"crash-loop":               {Kind: CrashLoop},
		"slow=10s":                 {Slow: 10 * time.Second},
		"never-ready , slow=1m":    {Kind: NeverReady, Slow: time.Minute},
		"crashloop":                {Unknown: "crashloop"},
		"slow=soon":                {Unknown: "slow=soon"},
		"slow=-1s":                 {Unknown: "slow=-1s"},
		"fast=1s":                  {Unknown: "fast=1s"},
		"evicted,heals=15s":        {Kind: Evicted, Heals: 15 * time.Second},
		"heals=0s":                 {Unknown: "heals=0s"},
		"unschedulable":            {Kind: Unschedulable},
		"oom-killed,something-new": {Kind: OOMKilled, Unknown: "something-new"},
	}
	for annotation, want := range cases {
		if diff := cmp.Diff(want, parseFault(annotation)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", annotation, diff)
		}
	}
}

// TestKindsAreDocumented looks for each kind in the table of those who use the embedded cluster.
func TestKindsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind := range kinds {
		if !regexp.MustCompile("(?m)^\\|.*`" + string(kind) + "`.*\\|.*\\|$").Match(data) {
			t.Errorf("local/README.md does not say what %s does", kind)
		}
	}
}

func TestPullWords(t *testing.T) {
	const unpack, resolve = `rpc error: code = Unknown desc = failed to pull and unpack image %[1]q: `, `failed to resolve reference %[1]q: `
	for _, tc := range []struct {
		pull              func(string) string
		image, full, want string
	}{
		{noSuchImage, "example/model:1.0", "docker.io/example/model:1.0", `rpc error: code = NotFound desc = failed to pull and unpack image %[1]q: ` + resolve + `%[1]s: not found`},
		{noSuchImage, "model", "docker.io/library/model:latest", `rpc error: code = NotFound desc = failed to pull and unpack image %[1]q: ` + resolve + `%[1]s: not found`},
		{
			noSuchHost, "registry.invalid:5000/a/b", "registry.invalid:5000/a/b:latest",
			unpack + resolve + `failed to do request: Head "https://registry.invalid:5000/v2/a/b/manifests/latest": dial tcp: lookup registry.invalid: no such host`,
		},
		{
			pullDenied, "example/model:1.0", "docker.io/example/model:1.0",
			unpack + resolve + `pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
		},
		{
			pullDenied, "ghcr.io/example/model:1.0", "ghcr.io/example/model:1.0",
			unpack + resolve + `unexpected status from HEAD request to https://ghcr.io/v2/example/model/manifests/1.0: 403 Forbidden`,
		},
		{
			pullLimited, "model:1", "docker.io/library/model:1",
			unpack + `failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/model/manifests/sha256:` +
				digest("model:1") + `: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. ` +
				`You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit`,
		},
		{
			registryRefuses, "model:1", "docker.io/library/model:1",
			unpack + resolve + `failed to do request: Head "https://registry-1.docker.io/v2/library/model/manifests/1": dial tcp 127.0.0.1:443: connect: connection refused`,
		},
	} {
		if diff := cmp.Diff(fmt.Sprintf(tc.want, tc.full), tc.pull(tc.image)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.image, diff)
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

func TestMountBackOffGrows(t *testing.T) {
	var got []time.Duration
	for failures := 1; failures <= 9; failures++ {
		got = append(got, mountBackOff(failures)/(500*time.Millisecond))
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 244}, got); diff != "" {
		t.Errorf("half seconds of back-off (-want +got):\n%s", diff)
	}
}

// What is missing is what the pod asks for, where it asks for something.
func TestWhatIsMissingIsWhatIsAskedFor(t *testing.T) {
	pod := &corev1.Pod{}
	pod.Namespace = "models"
	pod.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/data"}}}}
	secret, configMap := corev1.LocalObjectReference{Name: "bucket"}, corev1.LocalObjectReference{Name: "settings"}
	whole := &corev1.Container{
		Command: []string{"serve", "--port=9000"},
		EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: secret}}, {ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: configMap}}},
	}
	key := &corev1.Container{Env: []corev1.EnvVar{
		{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: secret, Key: "id"}}},
		{Name: "HOST", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: configMap, Key: "host"}}},
	}}
	limited := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("8Mi")}},
	}}}}
	const cannotStart = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
	for want, got := range map[string]string{
		`secret "bucket" not found`:                                                                         secretMissing(pod, whole),
		`configmap "settings" not found`:                                                                    configMapMissing(pod, whole),
		`couldn't find key id in Secret models/bucket`:                                                      secretKeyMissing(pod, key),
		cannotStart + `exec: "serve": executable file not found in $PATH: unknown`:                          noSuchCommand(whole),
		`MountVolume.SetUp failed for volume "data" : hostPath type check failed: /data is not a directory`: notMounted(pod),
		"Pod ephemeral local storage usage exceeds the total limit of containers 8Mi. ":                     diskUsed(limited),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if secretMissing(pod, key) != secretMissing(pod, whole) || configMapMissing(pod, key) != configMapMissing(pod, whole) {
		t.Error("a variable's source counts less than a whole one")
	}
}
