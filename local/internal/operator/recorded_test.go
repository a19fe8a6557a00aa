//go:build integration

package operator_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"

	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
)

// TestRecordedShapes takes each recorded manifest through its life on a real control plane, all at once: created, scaled to 3, deleted in the foreground.
func TestRecordedShapes(t *testing.T) {
	shapes, err := recorded.Load(recordings)
	if err != nil {
		t.Fatal(err)
	}
	for _, pace := range []string{"instant", "realistic"} {
		t.Run(pace, func(t *testing.T) {
			config := startCluster(t, "--pace="+pace)
			w := watchAll(t, config)
			var runs []*run
			for _, shape := range shapes {
				runs = append(runs, &run{w: w, shape: shape})
			}
			together(t, "created", runs, (*run).create)
			// New pods get no node until a pass has seen that they lack: however fast pods are and slow passes come, no pass misses it.
			w.cordon(t, true)
			together(t, "scaling", runs, (*run).scale)
			w.cordon(t, false)
			together(t, "scaled", runs, (*run).settle)
			together(t, "deleted", runs, (*run).delete)
			t.Run("Refused", func(t *testing.T) { refused(t, config) })
			t.Run("OwnFields", func(t *testing.T) { ownFields(t, w) })
		})
	}
}

// together takes all shapes through one phase of their lives, but for those that failed in one before.
func together(t *testing.T, phase string, runs []*run, live func(*run)) {
	t.Helper()
	t.Run(phase, func(t *testing.T) {
		var all sync.WaitGroup
		for _, r := range runs {
			all.Go(func() {
				t.Run(r.shape.Name, func(t *testing.T) {
					if r.t != nil && r.t.Failed() {
						t.Skip("failed before")
					}
					r.t = t
					live(r)
				})
			})
		}
		all.Wait()
	})
}

// run is one shape's life.
type run struct {
	t      *testing.T // of the phase
	w      *world
	shape  recorded.Shape
	client dynamic.ResourceInterface
	name   string
	uid    types.UID
	before map[string][]string // the ReplicaSets of before the scaling
}

// warnings collects Warning headers.
type warnings struct {
	mu  sync.Mutex
	all []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, "Warning: "+text)
}

// create creates the manifest as written, in its own version, and waits for the recorded children and status.
func (r *run) create() {
	r.t.Helper()
	heard := &warnings{}
	config := rest.CopyConfig(r.w.config)
	config.WarningHandler = heard
	client := dynamic.NewForConfigOrDie(config)
	version := r.shape.Manifest.GroupVersionKind().Version
	made, err := client.Resource(resource(version)).Namespace(namespace).Create(context.Background(), r.shape.Manifest, metav1.CreateOptions{FieldValidation: "Warn"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.name, r.uid = made.GetName(), made.GetUID()
	r.client = client.Resource(resource("v1")).Namespace(namespace)
	slices.Sort(heard.all)
	if diff := cmp.Diff(r.shape.Warnings, heard.all, cmpopts.EquateEmpty()); diff != "" {
		r.t.Errorf("warnings (-recorded +got):\n%s", diff)
	}
	r.w.until(r.t, "created", func() string {
		root := r.w.sdep(r.name)
		if root == nil {
			return "no SeldonDeployment"
		}
		return cmp.Diff(r.shape.Created.Children, r.w.children(r.uid)) + cmp.Diff(r.shape.Created.Status, recorded.Status(root))
	})
	r.events("Create")
	r.w.until(r.t, "the ReplicaSets of before the scaling", r.unfilled)
	r.before = r.replicaSets()
}

// scale applies the original rule and waits until the states have begun to flap, if they flapped in the recording.
func (r *run) scale() {
	r.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		root, err := r.client.Get(context.Background(), r.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := recorded.ScaleTo(root, 3); err != nil {
			return err
		}
		_, err = r.client.Update(context.Background(), root, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if want := r.statesOnceScaled(); len(want) >= 3 {
		r.w.until(r.t, "the state of pods that lack", func() string {
			if got := r.w.life(r.uid, 2); len(got) < 2 {
				return fmt.Sprintf("states after scaling: got %v, recorded %v", got, want)
			}
			return ""
		})
	}
}

// settle waits for the recorded end of the scaling.
func (r *run) settle() {
	r.t.Helper()
	want := r.shape.Scaled
	r.w.until(r.t, "scaled to 3", func() string {
		got, rolling := r.scaled(r.before)
		return rolling + cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(strings.Compare))
	})
	r.life()
	r.events("")
}

// scaled describes the scaled state as the recording does, and what still moves.
func (r *run) scaled(before map[string][]string) (recorded.Scaled, string) {
	var got recorded.Scaled
	var moving []string
	got.Replicas = map[string]int32{}
	root := r.w.sdep(r.name)
	status := recorded.Status(root)
	got.State, _ = status["state"].(string)
	// The store is a little ahead of what is noted of it.
	if life := r.w.life(r.uid, 2); len(life) == 0 || life[len(life)-1] != got.State {
		moving = append(moving, "the scaling is not noted yet")
	}
	counts, _ := status["deploymentStatus"].(map[string]any)
	for _, d := range owned[*appsv1.Deployment](r.w, "deployment", r.uid) {
		n, s := *d.Spec.Replicas, d.Status
		got.Replicas["Deployment/"+d.Name] = n
		if s.ObservedGeneration != d.Generation || s.Replicas != n || s.UpdatedReplicas != n || s.AvailableReplicas != n {
			moving = append(moving, fmt.Sprintf("Deployment %s is still moving", d.Name))
		}
		entry, _ := counts[d.Name].(map[string]any)
		if said, _ := entry["availableReplicas"].(float64); int32(said) != n {
			moving = append(moving, fmt.Sprintf("status says %v of Deployment %s", entry, d.Name))
		}
	}
	for name, now := range r.replicaSets() {
		if len(now) > len(before[name]) {
			got.NewReplicaSets = append(got.NewReplicaSets, name)
		}
	}
	if n, there := status["replicas"].(float64); there {
		count := int32(n)
		got.StatusReplicas = &count
	}
	return got, strings.Join(moving, "\n")
}

// unfilled says which Deployment has no ReplicaSet with all its replicas. Each kind is seen by a watch of its own, and one may be behind.
func (r *run) unfilled() string {
	for _, d := range owned[*appsv1.Deployment](r.w, "deployment", r.uid) {
		full := func(rs *appsv1.ReplicaSet) bool { return rs.Status.AvailableReplicas == *d.Spec.Replicas }
		if *d.Spec.Replicas > 0 && !slices.ContainsFunc(owned[*appsv1.ReplicaSet](r.w, "replicaset", d.UID), full) {
			return fmt.Sprintf("Deployment %s has no ReplicaSet with %d available replicas", d.Name, *d.Spec.Replicas)
		}
	}
	return ""
}

// replicaSets gives the ReplicaSets by Deployment.
func (r *run) replicaSets() map[string][]string {
	out := map[string][]string{}
	for _, d := range owned[*appsv1.Deployment](r.w, "deployment", r.uid) {
		for _, rs := range owned[*appsv1.ReplicaSet](r.w, "replicaset", d.UID) {
			out[d.Name] = append(out[d.Name], rs.Name)
		}
	}
	return out
}

// life compares the states of the scaling: where they begin and end, and that they flap if they did.
func (r *run) life() {
	r.t.Helper()
	want, got := r.statesOnceScaled(), r.w.life(r.uid, 2)
	if got[0] != want[0] {
		r.t.Errorf("first state after scaling: got %s, recorded %s", got[0], want[0])
	}
	if got[len(got)-1] != want[len(want)-1] {
		r.t.Errorf("last state after scaling: got %s, recorded %s", got[len(got)-1], want[len(want)-1])
	}
	if len(want) >= 3 && len(got) < 3 {
		r.t.Errorf("states after scaling: got %v, recorded %v", got, want)
	}
	r.t.Logf("states after scaling: got %v, recorded %v", got, want)
}

// statesOnceScaled gives the recorded states from the scaling on, repeats left out.
func (r *run) statesOnceScaled() []string {
	var states []string
	for _, step := range r.shape.Life[r.shape.ScaleFrom:] {
		if !step.Deleting && (len(states) == 0 || states[len(states)-1] != step.State) {
			states = append(states, step.State)
		}
	}
	return states
}

// events waits for every recorded event whose reason begins so and refuses events that were not recorded, but for those of passes that read what was old
// already, which come and go with the order of reads.
func (r *run) events(reason string) {
	r.t.Helper()
	noise := func(e []string) bool {
		return strings.Contains(e[2], "the object has been modified") || strings.Contains(e[2], "already exists")
	}
	r.w.until(r.t, "events", func() string {
		seen := r.seenEvents()
		for _, e := range r.shape.Events {
			if strings.HasPrefix(e[1], reason) && !noise(e) && !slices.ContainsFunc(seen, func(s []string) bool { return slices.Equal(s, e) }) {
				return fmt.Sprintf("no event %q; there are %q", e, seen)
			}
		}
		return ""
	})
	for _, e := range r.seenEvents() {
		if !noise(e) && !slices.ContainsFunc(r.shape.Events, func(s []string) bool { return slices.Equal(s, e) }) {
			r.t.Errorf("event that was not recorded: %q", e)
		}
	}
}

func (r *run) seenEvents() [][]string {
	var out [][]string
	for _, object := range r.w.stores["event"].List() {
		if e := object.(*corev1.Event); e.InvolvedObject.UID == r.uid {
			out = append(out, []string{e.Type, e.Reason, e.Message, e.Source.Component})
		}
	}
	return out
}

// delete deletes in the foreground; nothing is left.
func (r *run) delete() {
	r.t.Helper()
	var deployments, replicaSets []types.UID
	for _, d := range owned[*appsv1.Deployment](r.w, "deployment", r.uid) {
		deployments = append(deployments, d.UID)
		for _, rs := range owned[*appsv1.ReplicaSet](r.w, "replicaset", d.UID) {
			replicaSets = append(replicaSets, rs.UID)
		}
	}
	foreground := metav1.DeletePropagationForeground
	if err := r.client.Delete(context.Background(), r.name, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		r.t.Fatal(err)
	}
	r.w.until(r.t, "gone", func() string {
		if r.w.sdep(r.name) != nil {
			return "the SeldonDeployment is still there"
		}
		if n := r.w.left(r.uid, deployments, replicaSets); n > 0 {
			return fmt.Sprintf("%d objects are left", n)
		}
		return ""
	})
}

// refused creates what was refused and compares what the API server says.
func refused(t *testing.T, config *rest.Config) {
	t.Helper()
	client := dynamic.NewForConfigOrDie(config).Resource(resource("v1")).Namespace(namespace)
	type denial struct{ name, prefix, text string }
	want := map[string]denial{}
	for name, text := range recorded.Denials() {
		want[name] = denial{"", `admission webhook "v1.vseldondeployment.kb.io" denied the request: SeldonDeployment.machinelearing.seldon.io "" is invalid: `, text}
	}
	for name, text := range recorded.SchemaDenials() {
		want[name] = denial{name, fmt.Sprintf("SeldonDeployment.machinelearning.seldon.io %q is invalid: ", name), text}
	}
	for name, denied := range want {
		t.Run(name, func(t *testing.T) {
			manifest, err := recorded.Manifest(filepath.Join(recordings, "refused", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Create(context.Background(), manifest, metav1.CreateOptions{FieldValidation: "Warn"})
			var status *apierrors.StatusError
			if !errors.As(err, &status) || !apierrors.IsInvalid(err) {
				t.Fatalf("got %v, want a refusal as invalid", err)
			}
			if diff := cmp.Diff(denied.prefix+denied.text, status.Status().Message); diff != "" {
				t.Errorf("message (-recorded +got):\n%s", diff)
			}
			if diff := cmp.Diff(fmt.Sprintf("The SeldonDeployment %q is invalid: %s", denied.name, denied.text), kubectlSays(status.Status())); diff != "" {
				t.Errorf("as kubectl shows it (-recorded +got):\n%s", diff)
			}
		})
	}
}

// kubectlSays words a refusal as kubectl does, from its details.
func kubectlSays(status metav1.Status) string {
	var causes []string
	for _, cause := range status.Details.Causes {
		causes = append(causes, cause.Field+": "+cause.Message)
	}
	return fmt.Sprintf("The %s %q is invalid: %s", status.Details.Kind, status.Details.Name, strings.Join(causes, ", "))
}
