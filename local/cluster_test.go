//go:build integration

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestCluster goes through the life of one named cluster.
func TestCluster(t *testing.T) {
	p := newProgram(t)
	audit := filepath.Join(p.state, "audit.jsonl")
	begun := time.Now()
	c := p.detached("main", "--audit-log", audit)
	if took := time.Since(begun); took > patience {
		t.Errorf("ready after %s", took)
	}
	t.Run("status", func(t *testing.T) { isRunning(t, p) })
	t.Run("private", func(t *testing.T) { isPrivate(t, filepath.Dir(c.kubeconfig)) })
	t.Run("version", func(t *testing.T) {
		version, err := c.core.Discovery().ServerVersion()
		if err != nil || !strings.HasPrefix(version.GitVersion, "v1.36.") {
			t.Errorf("the API server is %v, %v", version, err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		if code, _, stderr := p.run("up", "--detach", "--name", "main"); code != 1 || !strings.Contains(stderr, "already running") {
			t.Errorf("a second one of the same name ends with %d: %s", code, stderr)
		}
	})
	t.Run("schema", func(t *testing.T) { prunesAndWarns(t, c) })
	t.Run("refused", func(t *testing.T) { refuses(t, c) })
	t.Run("pods", func(t *testing.T) { misbehaves(t, c) })
	t.Run("life", func(t *testing.T) { livesAndDies(t, c, patience) })
	t.Run("audit", func(t *testing.T) { isAudited(t, audit) })
	t.Run("restart", func(t *testing.T) { restarts(t, p, c) })
	t.Run("down", func(t *testing.T) {
		folder := filepath.Dir(c.kubeconfig)
		if code, _, stderr := p.run("down", "--name", "main"); code != 0 {
			t.Errorf("down ends with %d: %s", code, stderr)
		}
		nothingLeft(t, folder)
		if left, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(left) > 0 {
			t.Errorf("left among the clusters: %v, %v", left, err)
		}
		if code, _, stderr := p.run("down", "--name", "main"); code != 0 || !strings.Contains(stderr, "nothing to do") {
			t.Errorf("the second down ends with %d: %s", code, stderr)
		}
		if code, _, stderr := p.run("status", "--name", "main"); code != 7 {
			t.Errorf("status ends with %d: %s", code, stderr)
		}
	})
}

func isRunning(t *testing.T, p *program) {
	t.Helper()
	status := p.status("main")
	if !status.Running || !status.Ready || len(status.Components) != 7 {
		t.Errorf("status: %+v", status)
	}
	for _, component := range status.Components {
		if !component.Up {
			t.Errorf("%s is down", component.Name)
		}
	}
}

// isPrivate says whether nobody else can read what is in the folder.
func isPrivate(t *testing.T, folder string) {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"kubeconfig", "pki/tokens.csv", "pki/server.key", "cluster.json", "logs/kube-apiserver.log"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "ps", "-axo", "args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err := os.ReadFile(filepath.Join(folder, "pki", "tokens.csv")); err != nil || strings.Contains(string(out), strings.Split(string(tokens), ",")[0]) {
		t.Errorf("a token can be seen in the list of processes (%v)", err)
	}
}

func seldonDeployments() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "machinelearning.seldon.io", Version: "v1", Resource: "seldondeployments"}
}

// deployment is a SeldonDeployment with one predictor, changed.
func deployment(name string, change func(spec, predictor, graph, component, pod map[string]any)) *unstructured.Unstructured {
	pod := map[string]any{"containers": []any{map[string]any{"name": "clf", "image": "example/model:1.0"}}}
	component := map[string]any{"spec": pod}
	graph := map[string]any{"name": "clf", "type": "MODEL"}
	predictor := map[string]any{"name": "main", "graph": graph, "componentSpecs": []any{component}}
	spec := map[string]any{"predictors": []any{predictor}}
	if change != nil {
		change(spec, predictor, graph, component, pod)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

// prunesAndWarns says whether misplaced fields are dropped with a warning for each.
func prunesAndWarns(t *testing.T, c *client) {
	t.Helper()
	object := deployment("misplaced", func(spec, predictor, graph, component, pod map[string]any) {
		spec["progressDeadlineSeconds"] = int64(60)
		predictor["hpaSpec"] = map[string]any{"maxReplicas": int64(3)}
		graph["modelURI"] = "gs://bucket/model"
		component["strategy"] = map[string]any{"type": "Recreate"}
		pod["replicas"] = int64(1)
	})
	made, err := c.dynamic.Resource(seldonDeployments()).Namespace("default").Create(t.Context(), object, metav1.CreateOptions{FieldValidation: "Warn", DryRun: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`unknown field "spec.predictors[0].componentSpecs[0].spec.replicas"`, `unknown field "spec.predictors[0].componentSpecs[0].strategy"`,
		`unknown field "spec.predictors[0].graph.modelURI"`, `unknown field "spec.predictors[0].hpaSpec"`, `unknown field "spec.progressDeadlineSeconds"`,
	}
	got := slices.Sorted(slices.Values(c.warnings.text))
	if !slices.Equal(want, got) {
		t.Errorf("warnings: %q", got)
	}
	if text := fmt.Sprint(made.Object); strings.Contains(text, "modelURI") || strings.Contains(text, "Recreate") {
		t.Errorf("not pruned: %s", text)
	}
}

// refuses says whether the API server and the webhook refuse with the messages of a real cluster.
func refuses(t *testing.T, c *client) {
	t.Helper()
	cases := map[string]struct {
		object *unstructured.Unstructured
		want   string
	}{
		"negative replicas": {
			deployment("negative", func(spec, _, _, _, _ map[string]any) { spec["replicas"] = int64(-1) }),
			`SeldonDeployment.machinelearning.seldon.io "negative" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer`,
		},
		"traffic as a string": {
			deployment("traffic", func(_, predictor, _, _, _ map[string]any) { predictor["traffic"] = "100" }),
			`spec.predictors[0].traffic: Invalid value: "string": spec.predictors[0].traffic in body must be of type integer: "string"`,
		},
		"no such container": {
			deployment("container", func(_, _, graph, _, _ map[string]any) { graph["name"] = "other" }),
			`spec.predictors[0].graph: Invalid value: "other": Can't find container for Predictive Unit`,
		},
	}
	for name, tc := range cases {
		_, err := c.dynamic.Resource(seldonDeployments()).Namespace("default").Create(t.Context(), tc.object, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// misbehaves says whether a pod of each annotation comes to what the annotation says.
func misbehaves(t *testing.T, c *client) {
	t.Helper()
	cases := map[string]func(model corev1.ContainerStatus, pod *corev1.Pod) bool{
		"": func(model corev1.ContainerStatus, pod *corev1.Pod) bool { return model.Ready && isReady(pod) },
		"image-not-found": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "ImagePullBackOff")
		},
		"crash-loop": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "CrashLoopBackOff") && model.RestartCount > 1 && model.LastTerminationState.Terminated.ExitCode == 1
		},
		"oom-killed": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "CrashLoopBackOff") && model.LastTerminationState.Terminated.Reason == "OOMKilled"
		},
		"never-ready": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return model.State.Running != nil && !model.Ready
		},
		"config-error": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "CreateContainerConfigError")
		},
		"init-fails": func(_ corev1.ContainerStatus, pod *corev1.Pod) bool {
			return len(pod.Status.InitContainerStatuses) == 1 && waits(pod.Status.InitContainerStatuses[0], "CrashLoopBackOff")
		},
		"registry-away": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "ImagePullBackOff") && strings.HasSuffix(model.State.Waiting.Message, "connection refused")
		},
		"command-not-found": func(model corev1.ContainerStatus, _ *corev1.Pod) bool {
			return waits(model, "CrashLoopBackOff") && model.LastTerminationState.Terminated.Reason == "StartError"
		},
		"liveness-kills": func(model corev1.ContainerStatus, _ *corev1.Pod) bool { return model.RestartCount > 0 },
		"evicted": func(model corev1.ContainerStatus, pod *corev1.Pod) bool {
			return pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == "Evicted" && model.State.Terminated != nil
		},
		"volume-not-mounting,heals=1s": func(model corev1.ContainerStatus, pod *corev1.Pod) bool { return model.Ready && isReady(pod) },
		"slow=1s":                      func(model corev1.ContainerStatus, _ *corev1.Pod) bool { return model.Ready },
	}
	pods := c.core.CoreV1().Pods("default")
	for annotation, reached := range cases {
		t.Run(annotation, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "misbehaving-", Annotations: map[string]string{"simulate.seldonctl/pods": annotation}},
				Spec: corev1.PodSpec{
					InitContainers: []corev1.Container{{Name: "init", Image: "init:1"}},
					Containers:     []corev1.Container{{Name: "model", Image: "model:1"}, {Name: "engine", Image: "engine:1"}},
				},
			}
			made, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the pod comes to its state", func() error {
				current, err := pods.Get(t.Context(), made.Name, metav1.GetOptions{})
				if err != nil {
					return err
				}
				if len(current.Status.ContainerStatuses) != 2 || !reached(current.Status.ContainerStatuses[0], current) {
					return fmt.Errorf("it is %+v", current.Status.ContainerStatuses)
				}
				return nil
			})
			if err := pods.Delete(t.Context(), made.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func waits(status corev1.ContainerStatus, reason string) bool {
	return status.State.Waiting != nil && status.State.Waiting.Reason == reason
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// livesAndDies takes a SeldonDeployment through its life: the operator, the controllers and the garbage collector work together.
func livesAndDies(t *testing.T, c *client, long time.Duration) {
	t.Helper()
	objects := c.dynamic.Resource(seldonDeployments()).Namespace("default")
	if _, err := objects.Create(t.Context(), deployment("life", nil), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	within(t, long, "it becomes available", func() error {
		current, err := objects.Get(t.Context(), "life", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if state, _, _ := unstructured.NestedString(current.Object, "status", "state"); state != "Available" {
			return fmt.Errorf("it is %q", state)
		}
		return nil
	})
	foreground := metav1.DeletePropagationForeground
	if err := objects.Delete(t.Context(), "life", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	within(t, long, "it is gone with all that it made", func() error {
		pods, err := c.core.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "seldon-deployment-id=life"})
		if err != nil {
			return err
		}
		if _, err := objects.Get(t.Context(), "life", metav1.GetOptions{}); err == nil || len(pods.Items) > 0 {
			return fmt.Errorf("still there, with %d pods", len(pods.Items))
		}
		return nil
	})
	t.Logf("gone after %s", time.Since(begun).Round(time.Millisecond))
}

// isAudited says whether the audit log has every request once, as JSON lines.
func isAudited(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	creates := 0
	for line := range strings.Lines(string(data)) {
		var entry struct {
			Level      string `json:"level"`
			Stage      string `json:"stage"`
			Verb       string `json:"verb"`
			RequestURI string `json:"requestURI"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if entry.Stage == "RequestReceived" || entry.Level != "Metadata" {
			t.Errorf("entry %+v", entry)
		}
		if entry.Verb == "create" && strings.Contains(entry.RequestURI, "/namespaces/default/seldondeployments") {
			creates++
		}
	}
	if creates < 2 {
		t.Errorf("the audit log knows of %d created SeldonDeployments", creates)
	}
}

// restarts says whether the cluster goes on after the loss of each component.
func restarts(t *testing.T, p *program, c *client) {
	t.Helper()
	for _, component := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubelet", "seldon-operator"} {
		if code, _, stderr := p.run("restart", component, "--name", "main"); code != 0 {
			t.Fatalf("restart %s ends with %d: %s", component, code, stderr)
		}
	}
	if code, _, stderr := p.run("restart", "nothing", "--name", "main"); code != 1 || !strings.Contains(stderr, "there is no component") {
		t.Errorf("restart of an unknown component ends with %d: %s", code, stderr)
	}
	eventually(t, "the API server answers again", func() error {
		_, err := c.core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		return err
	})
	eventually(t, "the webhook answers again", func() error {
		_, err := c.dynamic.Resource(seldonDeployments()).Namespace("default").Create(t.Context(), deployment("again", nil), metav1.CreateOptions{DryRun: []string{"All"}})
		return err
	})
	livesAndDies(t, c, 2*patience) // the controllers come back one after the other, each when it has found the API server
}

// TestTwoSideBySide starts two clusters at the same time; one loses its supervisor, the other a component.
func TestTwoSideBySide(t *testing.T) {
	p := newProgram(t)
	killed, broken := p.ephemeral(), p.ephemeral()
	for _, e := range []*ephemeral{killed, broken} {
		nodes, err := e.core.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(nodes.Items) != 8 {
			t.Fatalf("nodes: %v, %v", nodes, err)
		}
	}
	if err := killed.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.command.Wait()
	nothingLeft(t, killed.folder)

	kill(t, broken.folder, "kube-scheduler")
	err := broken.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(broken.stderr.String(), "kube-scheduler ended unexpectedly") {
		t.Errorf("the cluster without its scheduler ends with %v:\n%s", err, broken.stderr)
	}
	nothingLeft(t, broken.folder)
}

// TestEndsWithItsParent closes the stdin of an ephemeral cluster.
func TestEndsWithItsParent(t *testing.T) {
	p := newProgram(t)
	e := p.ephemeral()
	if err := e.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.command.Wait(); err != nil {
		t.Errorf("it ends with %v:\n%s", err, e.stderr)
	}
	nothingLeft(t, e.folder)
}

func TestUsage(t *testing.T) {
	p := newProgram(t)
	cases := map[string]struct {
		args []string
		want string
	}{
		"pace":      {[]string{"up", "--pace", "slow"}, "use instant or realistic"},
		"name":      {[]string{"up", "--name", "../x"}, "cannot be a cluster's name"},
		"ephemeral": {[]string{"up", "--ephemeral", "--detach"}, "neither --name nor --detach"},
		"version":   {[]string{"up", "--seldon-version", "2.8"}, "Seldon Core 1"},
		"nodes":     {[]string{"up", "--nodes", "0"}, "use 1 to 1000"},
		"flag":      {[]string{"up", "--nonsense"}, "unknown flag"},
		"component": {[]string{"component", "nothing"}, "there is no component"},
	}
	for name, tc := range cases {
		if code, _, stderr := p.run(tc.args...); code != 2 || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: ends with %d: %s", name, code, stderr)
		}
	}
}
