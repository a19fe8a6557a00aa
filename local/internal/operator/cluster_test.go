//go:build integration

package operator_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

const (
	namespace  = "default"
	recordings = "../../../testdata/recorded"
	// limit is how long anything may take; nothing waits that long unless it is wrong.
	limit = 90 * time.Second
)

func resource(version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "machinelearning.seldon.io", Version: version, Resource: "seldondeployments"}
}

// builtBinary is where the build puts the binary; SELDONCTL_LOCAL names another one.
const builtBinary = "../../../bin/seldonctl-local"

// startCluster starts an embedded cluster, and ends it with the test.
func startCluster(t *testing.T, flags ...string) *rest.Config {
	t.Helper()
	binary := os.Getenv("SELDONCTL_LOCAL")
	if binary == "" {
		binary = builtBinary
	}
	command := exec.Command(binary, append([]string{"up", "--ephemeral"}, flags...)...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start %s (build it, or name another one in SELDONCTL_LOCAL): %v", binary, err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // an ephemeral cluster ends with its stdin
		_ = command.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if path, ok := strings.CutPrefix(lines.Text(), "KUBECONFIG="); ok {
			config, err := clientcmd.BuildConfigFromFlags("", path)
			if err != nil {
				t.Fatal(err)
			}
			config.QPS, config.Burst = -1, 0
			return config
		}
	}
	t.Fatalf("the cluster ended before it was ready: %v", lines.Err())
	return nil
}

// world is everything in the namespace as watches have shown it, and each status that each SeldonDeployment has had.
type world struct {
	config  *rest.Config
	stores  map[string]cache.Store
	mu      sync.Mutex
	changed chan struct{}
	lives   map[types.UID][]life
}

// life is one watch event of a SeldonDeployment.
type life struct {
	generation int64
	state      string
}

// watchAll watches the namespace until the test ends.
func watchAll(t *testing.T, config *rest.Config) *world {
	t.Helper()
	w := &world{config: config, stores: map[string]cache.Store{}, changed: make(chan struct{}), lives: map[types.UID][]life{}}
	typed := informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(config), 0, informers.WithNamespace(namespace))
	custom := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamic.NewForConfigOrDie(config), 0, namespace, nil)
	all := map[string]cache.SharedIndexInformer{
		"sdep":       custom.ForResource(resource("v1")).Informer(),
		"deployment": typed.Apps().V1().Deployments().Informer(),
		"replicaset": typed.Apps().V1().ReplicaSets().Informer(),
		"pod":        typed.Core().V1().Pods().Informer(),
		"service":    typed.Core().V1().Services().Informer(),
		"hpa":        typed.Autoscaling().V2().HorizontalPodAutoscalers().Informer(),
		"pdb":        typed.Policy().V1().PodDisruptionBudgets().Informer(),
		"event":      typed.Core().V1().Events().Informer(),
	}
	for kind, informer := range all {
		w.stores[kind] = informer.GetStore()
		handler := cache.ResourceEventHandlerFuncs{
			AddFunc:    w.note,
			UpdateFunc: func(_, object any) { w.note(object) },
			DeleteFunc: func(any) { w.note(nil) },
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	typed.Start(ctx.Done())
	custom.Start(ctx.Done())
	typed.WaitForCacheSync(ctx.Done())
	custom.WaitForCacheSync(ctx.Done())
	return w
}

// note records a SeldonDeployment's state if it is one, and wakes all who wait.
func (w *world) note(object any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u, ok := object.(*unstructured.Unstructured); ok {
		state, _, _ := unstructured.NestedString(u.Object, "status", "state")
		w.lives[u.GetUID()] = append(w.lives[u.GetUID()], life{u.GetGeneration(), state})
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits until nothing is missing. It looks again whenever a watch brings something, and says what was missing at the limit.
func (w *world) until(t *testing.T, what string, missing func() string) {
	t.Helper()
	deadline := time.After(limit)
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		lack := missing()
		if lack == "" {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: not within %s:\n%s", what, limit, lack)
		}
	}
}

// life gives the states of one SeldonDeployment from a generation on, repeats left out.
func (w *world) life(uid types.UID, from int64) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, l := range w.lives[uid] {
		if l.generation >= from && (len(out) == 0 || out[len(out)-1] != l.state) {
			out = append(out, l.state)
		}
	}
	return out
}

func (w *world) sdep(name string) *unstructured.Unstructured {
	object, there, _ := w.stores["sdep"].GetByKey(namespace + "/" + name)
	if !there {
		return nil
	}
	return object.(*unstructured.Unstructured)
}

// cordon lets no new pod on any node, or lets them on again, and returns when the scheduler goes by it.
func (w *world) cordon(t *testing.T, closed bool) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(w.config)
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, closed)
	for _, n := range nodes.Items {
		if _, err := client.CoreV1().Nodes().Patch(t.Context(), n.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for closed && w.schedules(t, client) {
	}
}

// schedules asks the scheduler, with a pod, whether it knows a node for one.
func (w *world) schedules(t *testing.T, client kubernetes.Interface) bool {
	t.Helper()
	pods := client.CoreV1().Pods(namespace)
	made, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "question-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "none", Image: "none"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	scheduled := corev1.PodCondition{}
	w.until(t, "the scheduler's answer", func() string {
		object, there, _ := w.stores["pod"].GetByKey(namespace + "/" + made.Name)
		if !there {
			return "no pod"
		}
		for _, c := range object.(*corev1.Pod).Status.Conditions {
			if c.Type == corev1.PodScheduled {
				scheduled = c
				return ""
			}
		}
		return "no condition"
	})
	if err := pods.Delete(t.Context(), made.Name, *metav1.NewDeleteOptions(0)); err != nil {
		t.Fatal(err)
	}
	return scheduled.Status == corev1.ConditionTrue
}

// owned gives the objects of a kind that have one of these owners.
func owned[T metav1.Object](w *world, kind string, owners ...types.UID) []T {
	var out []T
	for _, object := range w.stores[kind].List() {
		o := object.(T)
		for _, ref := range o.GetOwnerReferences() {
			for _, owner := range owners {
				if ref.UID == owner {
					out = append(out, o)
				}
			}
		}
	}
	return out
}

// children describes what a SeldonDeployment owns.
func (w *world) children(uid types.UID) map[string]any {
	out := map[string]any{}
	for _, kind := range []string{"deployment", "service", "hpa", "pdb"} {
		for _, object := range owned[metav1.Object](w, kind, uid) {
			key, description := recorded.Describe(object)
			out[key] = description
		}
	}
	return out
}

// left counts everything below a SeldonDeployment.
func (w *world) left(uid types.UID, deployments, replicaSets []types.UID) int {
	n := len(w.children(uid))
	n += len(owned[*appsv1.ReplicaSet](w, "replicaset", deployments...))
	return n + len(owned[*corev1.Pod](w, "pod", replicaSets...))
}
