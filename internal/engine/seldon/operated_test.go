package seldon

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// operated returns Deployments like those that the operator makes of an object, with the defaults
// that it and the API server fill in.
func operated(tb testing.TB, root *unstructured.Unstructured) []*appsv1.Deployment {
	tb.Helper()
	d, err := decode(root)
	if err != nil {
		tb.Fatal(err)
	}
	var owned []*appsv1.Deployment
	for _, p := range d.parts() {
		raw, _, err := unstructured.NestedSlice(root.Object, "spec", "predictors")
		if err != nil {
			tb.Fatal(err)
		}
		predictor := raw[p.predictor].(map[string]any)
		made := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: p.Name()}}
		made.Spec.Replicas = p.Replicas
		made.Spec.Template.Labels = maps.Clone(p.Labels)
		if p.component >= 0 {
			made.Spec.Template.Spec = podOf(tb, predictor, p.component)
			mark(tb, &made.Spec.Template.ObjectMeta, d.annotations, predictor, p.component)
		}
		for _, c := range p.Containers {
			fill(tb, &made.Spec.Template.Spec, c, predictor, d)
			if uri := modelOf(predictor["graph"], c.Name); uri != "" {
				load(&made.Spec.Template.Spec, c.Name, uri)
			}
		}
		owned = append(owned, made)
	}
	return owned
}

// mark puts the spec's annotations on a component's pods, then the predictor's labels and annotations, then
// the component's, and last the operator's own.
func mark(tb testing.TB, pod *metav1.ObjectMeta, annotations map[string]string, predictor map[string]any, index int) {
	tb.Helper()
	own, version := pod.Labels, predictor["name"]
	pod.Labels, pod.Annotations = map[string]string{}, map[string]string{"prometheus.io/scrape": "true"}
	maps.Copy(pod.Annotations, annotations)
	for _, key := range []string{"labels", "annotations"} {
		if predictor[key] != nil { // null would empty the map
			into(tb, map[string]any{key: predictor[key]}, pod)
		}
	}
	if components, _ := predictor["componentSpecs"].([]any); index < len(components) {
		into(tb, components[index].(map[string]any)["metadata"], pod)
	}
	if labels, _ := predictor["labels"].(map[string]any); labels["version"] != nil {
		version = labels["version"]
	}
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels["version"], _ = version.(string)
	maps.Copy(pod.Labels, own)
}

func podOf(tb testing.TB, predictor map[string]any, index int) corev1.PodSpec {
	tb.Helper()
	var pod corev1.PodSpec
	components, _ := predictor["componentSpecs"].([]any)
	if index < len(components) {
		into(tb, components[index].(map[string]any)["spec"], &pod)
	}
	pod.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64)}
	*pod.SecurityContext.RunAsUser = 8888
	pod.RestartPolicy = corev1.RestartPolicyAlways
	if pod.TerminationGracePeriodSeconds == nil {
		pod.TerminationGracePeriodSeconds = new(int64)
		*pod.TerminationGracePeriodSeconds = 20
	}
	return pod
}

// load adds the init container that loads a container's model.
func load(pod *corev1.PodSpec, container, uri string) {
	pod.InitContainers = append(pod.InitContainers, corev1.Container{Name: container + "-model-initializer", Args: []string{uri, "/mnt/models"}})
}

// modelOf returns the model of the unit of that name.
func modelOf(graph any, name string) string {
	g, _ := graph.(map[string]any)
	uri, _ := g["modelUri"].(string)
	if g["name"] == name {
		return uri
	}
	children, _ := g["children"].([]any)
	for _, c := range children {
		if uri := modelOf(c, name); uri != "" {
			return uri
		}
	}
	return ""
}

// fill makes or completes one container of a pod.
func fill(tb testing.TB, pod *corev1.PodSpec, c engine.Container, predictor map[string]any, d deployment) {
	tb.Helper()
	var con *corev1.Container
	for i := range pod.Containers {
		if pod.Containers[i].Name == c.Name {
			con = &pod.Containers[i]
		}
	}
	if con == nil {
		made := corev1.Container{Name: c.Name}
		if explainer, ok := predictor["explainer"].(map[string]any); ok && strings.HasSuffix(c.Name, "-explainer") {
			into(tb, explainer["containerSpec"], &made)
			made.Name = c.Name
			uri, _ := explainer["modelUri"].(string)
			load(pod, c.Name, uri)
		}
		pod.Containers = append(pod.Containers, made)
		con = &pod.Containers[len(pod.Containers)-1]
	}
	if con.Image == "" {
		con.Image = "example/default:1"
	}
	if con.ImagePullPolicy == "" {
		con.ImagePullPolicy = corev1.PullIfNotPresent
	}
	con.VolumeMounts = append(con.VolumeMounts, corev1.VolumeMount{Name: "seldon-podinfo", MountPath: "/etc/podinfo"})
	con.Env = append(con.Env, corev1.EnvVar{Name: "PREDICTIVE_UNIT_ID", Value: c.Name})
	if c.Name != engineContainer {
		return
	}
	protocol := d.protocol
	if protocol == "" {
		protocol = "seldon"
	}
	con.Args = []string{"--sdep", d.name, "--protocol", protocol}
	con.Env = []corev1.EnvVar{{Name: "ENGINE_PREDICTOR", Value: enginePredictor(tb, predictor)}}
	orchestrator, _ := predictor["svcOrchSpec"].(map[string]any)
	var env []corev1.EnvVar
	into(tb, orchestrator["env"], &env)
	con.Env = append(con.Env, env...)
}

// enginePredictor is the predictor as the operator hands it to the service orchestrator.
func enginePredictor(tb testing.TB, predictor map[string]any) string {
	tb.Helper()
	copied, _ := asAny(predictor).(map[string]any)
	delete(copied, "traffic")
	copied["replicas"] = 0
	if copied["shadow"] == false {
		delete(copied, "shadow")
	}
	labels, _ := copied["labels"].(map[string]any)
	if labels == nil {
		labels = map[string]any{}
		copied["labels"] = labels
	}
	if labels["version"] == nil {
		labels["version"] = copied["name"]
	}
	defaultGraph(copied["graph"].(map[string]any))
	copied["engineResources"] = map[string]any{}
	components, _ := copied["componentSpecs"].([]any)
	if len(components) == 0 {
		graph := copied["graph"].(map[string]any)
		component := map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": graph["name"], "image": "example/default:1"}}}}
		copied["componentSpecs"] = []any{component}
	}
	for _, c := range components {
		component := c.(map[string]any)
		var pod corev1.PodSpec
		into(tb, component["spec"], &pod)
		component["spec"] = pod
	}
	data, err := json.Marshal(copied)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(data)
}

func defaultGraph(g map[string]any) {
	if g["type"] == nil && g["implementation"] == nil {
		g["type"] = "MODEL"
	}
	if g["implementation"] == nil {
		g["implementation"] = "UNKNOWN_IMPLEMENTATION"
	} else if strings.HasSuffix(g["implementation"].(string), "_SERVER") {
		g["type"] = "MODEL"
	}
	endpoint, _ := g["endpoint"].(map[string]any)
	if endpoint == nil {
		endpoint = map[string]any{}
		g["endpoint"] = endpoint
	}
	endpoint["service_host"], endpoint["httpPort"] = "localhost", 9000
	children, _ := g["children"].([]any)
	for _, c := range children {
		defaultGraph(c.(map[string]any))
	}
}

func into(tb testing.TB, v, to any) {
	tb.Helper()
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		tb.Fatal(err)
	}
}
