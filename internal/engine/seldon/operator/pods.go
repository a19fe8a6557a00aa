package operator

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// What the operator gives to its own containers unless its installation says otherwise.
const (
	orchestrator = "seldon-container-engine"

	orchestratorCPU, orchestratorMemory = "500m", "512Mi"
	loaderCPU, loaderMemory             = "100m", "100Mi" // what it requests
	loaderMostCPU, loaderMostMemory     = "1", "1Gi"
)

// Pods returns the pods of the workloads that the object implies.
func Pods(root *unstructured.Unstructured, workloads []engine.Workload) []engine.Pods {
	all := make([]engine.Pods, 0, len(workloads))
	for _, w := range workloads {
		p := predictorOf(root, w.Predictor)
		pods := engine.Pods{Workload: w.Name(), Fewest: 1, Spec: p.pod(w)}
		if w.Replicas != nil {
			pods.Fewest = *w.Replicas
		}
		pods.Most = pods.Fewest
		if a := w.Autoscaled; a != nil && !a.Absent {
			pods.Fewest, pods.Most = max(a.Min, 0), max(a.Min, a.Max)
		}
		all = append(all, pods)
	}
	return all
}

// predictor is the part of a predictor that decides over resources. What cannot be decoded counts as not
// said: the API server refuses it anyway.
type predictor struct {
	containers map[string]corev1.Container
	pods       map[string]corev1.PodSpec // by the name of each of their containers
	models     map[string]bool           // units whose model is loaded when a pod starts
	engine     corev1.ResourceRequirements
	explainer  corev1.Container
	explained  bool // the explainer's model is loaded when its pod starts
}

func predictorOf(root *unstructured.Unstructured, name string) predictor {
	p := predictor{containers: map[string]corev1.Container{}, pods: map[string]corev1.PodSpec{}, models: map[string]bool{}}
	p.engine = requirements(amounts(orchestratorCPU, orchestratorMemory), amounts(orchestratorCPU, orchestratorMemory))
	spec, _ := root.Object["spec"].(map[string]any)
	predictors, _ := spec["predictors"].([]any)
	for _, each := range predictors {
		if m, _ := each.(map[string]any); m["name"] == name {
			p.read(m)
			break
		}
	}
	return p
}

func (p *predictor) read(m map[string]any) {
	components, _ := m["componentSpecs"].([]any)
	for _, each := range components {
		component, _ := each.(map[string]any)
		var pod corev1.PodSpec
		into(component["spec"], &pod)
		for _, c := range pod.Containers {
			p.containers[c.Name], p.pods[c.Name] = c, pod
		}
	}
	p.graph(m["graph"], 0)
	if svc, _ := m["svcOrchSpec"].(map[string]any); svc["resources"] != nil {
		p.engine = corev1.ResourceRequirements{}
		into(svc["resources"], &p.engine)
	}
	explainer, _ := m["explainer"].(map[string]any)
	into(explainer["containerSpec"], &p.explainer)
	uri, _ := explainer["modelUri"].(string)
	p.explained = uri != ""
}

// deepest bounds how deep a graph is followed; the schema ends before.
const deepest = 20

func (p *predictor) graph(value any, depth int) {
	m, _ := value.(map[string]any)
	if m == nil || depth > deepest {
		return
	}
	name, _ := m["name"].(string)
	uri, _ := m["modelUri"].(string)
	p.models[name] = p.models[name] || uri != ""
	children, _ := m["children"].([]any)
	for _, child := range children {
		p.graph(child, depth+1)
	}
}

// pod returns the pod of a workload with the resources of its containers.
func (p *predictor) pod(w engine.Workload) corev1.PodSpec {
	var pod corev1.PodSpec
	if w.Role == engine.Component {
		for _, c := range w.Containers {
			if own, ok := p.pods[c.Name]; ok {
				pod.InitContainers, pod.Overhead, pod.PriorityClassName = own.InitContainers, own.Overhead, own.PriorityClassName
				break
			}
		}
	}
	for _, c := range w.Containers {
		made := corev1.Container{Name: c.Name}
		loads := p.models[c.Name]
		switch {
		case c.Name == orchestrator:
			made.Resources, loads = p.engine, false
		case w.Role == engine.Explainer:
			made.Resources, loads = p.explainer.Resources, p.explained
		default:
			made.Resources = p.containers[c.Name].Resources
		}
		pod.Containers = append(pod.Containers, made)
		if loads {
			pod.InitContainers = append(pod.InitContainers, corev1.Container{
				Name:      c.Name + "-model-initializer",
				Resources: requirements(amounts(loaderCPU, loaderMemory), amounts(loaderMostCPU, loaderMostMemory)),
			})
		}
	}
	return pod
}

func requirements(requests, limits corev1.ResourceList) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: requests, Limits: limits}
}

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

// into decodes a value that came out of JSON; what does not fit is left out.
func into(value, out any) {
	if value == nil {
		return
	}
	if raw, err := json.Marshal(value); err == nil {
		_ = json.Unmarshal(raw, out) // a manifest's mistakes are told elsewhere
	}
}
