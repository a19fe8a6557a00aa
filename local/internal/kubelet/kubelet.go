package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
)

// NodeLabel marks the nodes whose pods this kubelet keeps.
const NodeLabel = "simulate.seldonctl/node"

// workers is how many pods take a step at the same time.
const workers = 16

// Options are what a kubelet needs to know.
type Options struct {
	Kubeconfig string
	Pace       Pace
	Logs       LogServer
}

// Run keeps the pods of all simulated nodes until the context ends.
func Run(ctx context.Context, options Options) error {
	config, err := clientcmd.BuildConfigFromFlags("", options.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1 // API priority and fairness decides
	config.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	bound := informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	})
	podFactory := informers.NewSharedInformerFactoryWithOptions(client, 0, bound)
	nodeFactory := informers.NewSharedInformerFactory(client, 0)
	k := &keeper{
		client: client, pace: options.Pace,
		pods: podFactory.Core().V1().Pods().Lister(), nodes: nodeFactory.Core().V1().Nodes().Lister(),
		queue:    workqueue.NewTypedDelayingQueue[string](),
		lives:    map[types.UID]*entry{},
		images:   map[string]map[string]bool{},
		ips:      map[string]types.UID{},
		recorder: newRecorder(ctx, client),
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: k.seen, UpdateFunc: func(_, pod any) { k.seen(pod) }, DeleteFunc: k.gone}
	if _, err := podFactory.Core().V1().Pods().Informer().AddEventHandler(handler); err != nil {
		return fmt.Errorf("watch the pods: %w", err)
	}
	nodeFactory.Core().V1().Nodes().Informer()
	served := make(chan error, 1)
	go func() { served <- options.Logs.serve(ctx, k) }()
	nodeFactory.Start(ctx.Done())
	nodeFactory.WaitForCacheSync(ctx.Done())
	podFactory.Start(ctx.Done())
	podFactory.WaitForCacheSync(ctx.Done())
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { k.work(ctx) })
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	}
	k.queue.ShutDown()
	group.Wait()
	return err
}

// keeper keeps the pods of the simulated nodes.
type keeper struct {
	client   kubernetes.Interface
	pace     Pace
	pods     corelisters.PodLister
	nodes    corelisters.NodeLister
	queue    workqueue.TypedDelayingInterface[string]
	recorder *recorder

	mu     sync.Mutex
	lives  map[types.UID]*entry
	images map[string]map[string]bool // by node
	ips    map[string]types.UID
}

// entry is what the keeper knows of one pod. Only the worker that has the pod in its hands changes it.
type entry struct {
	life Life
	ip   string
}

func (k *keeper) seen(object any) {
	if key, err := cache.MetaNamespaceKeyFunc(object); err == nil {
		k.queue.Add(key)
	}
}

// gone forgets a pod.
func (k *keeper) gone(object any) {
	if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.lives[pod.UID]; r != nil {
		delete(k.ips, r.ip)
		delete(k.lives, pod.UID)
	}
}

func (k *keeper) work(ctx context.Context) {
	for {
		key, stop := k.queue.Get()
		if stop {
			return
		}
		again, err := k.step(ctx, key)
		if err != nil && ctx.Err() == nil {
			// The API server is away or busy: what the pod has lived is kept, and told later.
			again = 500 * time.Millisecond
		}
		k.queue.Done(key)
		if again > 0 {
			k.queue.AddAfter(key, again)
		}
	}
}

// step lets a pod live until now and tells the API server. It returns when to look again.
func (k *keeper) step(ctx context.Context, key string) (time.Duration, error) {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return 0, fmt.Errorf("the key of a pod: %w", err)
	}
	pod, err := k.pods.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("get pod %s: %w", key, err)
	}
	node, err := k.nodes.Get(pod.Spec.NodeName)
	if apierrors.IsNotFound(err) {
		return time.Second, nil // the watch of the nodes is behind that of the pods
	}
	if err != nil {
		return 0, fmt.Errorf("get node %s: %w", pod.Spec.NodeName, err)
	}
	if node.Labels[NodeLabel] != "true" || pod.DeletionTimestamp == nil && (pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed) {
		return 0, nil
	}
	now := time.Now()
	pace := k.paceOf(pod)
	r := k.entryOf(pod, now)
	present := func(image string) bool { return k.present(node.Name, image) }
	out := Advance(Input{Pod: pod, Life: r.life, Pace: pace, Present: present, Lost: k.lostBefore(pod), Now: now})
	r.life = out.Life
	k.keepImages(pod, out.Life)
	k.recorder.tell(pod, out.Events)
	if out.Life.Admitted && (!out.Remove || pace == Realistic) {
		if err := k.patch(ctx, pod, Status(pod, out.Life, pace, r.ip, now)); err != nil {
			return 0, err
		}
	}
	if out.Remove {
		return 0, k.remove(ctx, pod)
	}
	if out.Next.IsZero() {
		return 0, nil
	}
	return max(time.Until(out.Next), time.Millisecond), nil
}

// lostBefore is when the first of the pods started in whose place a pod is, if it misbehaves at all.
func (k *keeper) lostBefore(pod *corev1.Pod) time.Time {
	if pod.Annotations[Annotation] == "" {
		return time.Time{}
	}
	siblings, err := k.pods.Pods(pod.Namespace).List(labels.Everything())
	if err != nil {
		return time.Time{} // a lister of a cache has none
	}
	return firstLost(pod, siblings)
}

// firstLost is when the first pod of the same controller started that has failed.
func firstLost(pod *corev1.Pod, siblings []*corev1.Pod) time.Time {
	var first time.Time
	owner := metav1.GetControllerOfNoCopy(pod)
	for _, s := range siblings {
		of := metav1.GetControllerOfNoCopy(s)
		if owner == nil || of == nil || of.UID != owner.UID || s.Status.Phase != corev1.PodFailed || s.Status.StartTime == nil {
			continue
		}
		if at := s.Status.StartTime.Time; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (k *keeper) paceOf(pod *corev1.Pod) Pace {
	if pace, err := ParsePace(pod.Annotations[PaceAnnotation]); err == nil {
		return pace
	}
	return k.pace
}

// entryOf is what is known of a pod; of one that lived before this process did, what its status says.
func (k *keeper) entryOf(pod *corev1.Pod, now time.Time) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.lives[pod.UID]; r != nil {
		return r
	}
	r := &entry{life: Recall(pod, now), ip: pod.Status.PodIP}
	if r.ip == "" {
		r.ip = k.freeIP(pod.UID)
	}
	k.ips[r.ip] = pod.UID
	k.lives[pod.UID] = r
	return r
}

// freeIP finds an address in 10.128.0.0/9 that no living pod has.
func (k *keeper) freeIP(uid types.UID) string {
	for n := hash(string(uid)); ; n++ {
		ip := net.IPv4(10, byte(128+n>>16&127), byte(n>>8), byte(n)).String()
		if _, taken := k.ips[ip]; !taken {
			return ip
		}
	}
}

func (k *keeper) present(node, image string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.images[node][image]
}

// keepImages remembers which images the node has now.
func (k *keeper) keepImages(pod *corev1.Pod, life Life) {
	k.mu.Lock()
	defer k.mu.Unlock()
	images := k.images[pod.Spec.NodeName]
	if images == nil {
		images = map[string]bool{}
		k.images[pod.Spec.NodeName] = images
	}
	for i, c := range life.Init {
		if c.Phase >= Creating {
			images[pod.Spec.InitContainers[i].Image] = true
		}
	}
	for i, c := range life.Main {
		if c.Phase >= Creating {
			images[pod.Spec.Containers[i].Image] = true
		}
	}
}

// patch writes what differs in the status.
func (k *keeper) patch(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	before, err := json.Marshal(corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: pod.UID}, Status: pod.Status})
	if err != nil {
		return fmt.Errorf("encode pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	after, err := json.Marshal(corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: pod.UID}, Status: status})
	if err != nil {
		return fmt.Errorf("encode pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Pod{})
	if err != nil {
		return fmt.Errorf("compare the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if string(patch) == "{}" {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(patch, &fields); err != nil {
		return fmt.Errorf("compare the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	fields["metadata"] = map[string]any{"uid": pod.UID} // never the status of another pod with the same name
	if patch, err = json.Marshal(fields); err != nil {
		return fmt.Errorf("encode the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	_, err = k.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !isOver(err) {
		return fmt.Errorf("write the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// remove removes the object of a pod that is over.
func (k *keeper) remove(ctx context.Context, pod *corev1.Pod) error {
	now := int64(0)
	options := metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID}}
	if err := k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options); err != nil && !isOver(err) {
		return fmt.Errorf("remove pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// isOver says whether an answer means that the pod is no longer there.
func isOver(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsConflict(err) || errors.Is(err, context.Canceled)
}
