package kubelet

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// recorder writes Events in the name of each node's kubelet, with the folding and the limits of a real kubelet, because it uses the same library.
type recorder struct {
	ctx    context.Context //nolint:containedctx // an event is written after the step that it tells of has returned
	client kubernetes.Interface

	mu    sync.Mutex
	nodes map[string]record.EventRecorder
}

func newRecorder(ctx context.Context, client kubernetes.Interface) *recorder {
	return &recorder{ctx: ctx, client: client, nodes: map[string]record.EventRecorder{}}
}

func (r *recorder) of(node string) record.EventRecorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	if existing := r.nodes[node]; existing != nil {
		return existing
	}
	broadcaster := record.NewBroadcaster(record.WithContext(r.ctx))
	broadcaster.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: r.client.CoreV1().Events("")})
	made := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: node})
	r.nodes[node] = made
	return made
}

// tell writes the events of a pod.
func (r *recorder) tell(pod *corev1.Pod, events []Event) {
	for _, event := range events {
		about := &corev1.ObjectReference{
			Kind: "Pod", APIVersion: "v1", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, FieldPath: event.Field,
		}
		r.of(pod.Spec.NodeName).Event(about, event.Type, event.Reason, event.Message)
	}
}
