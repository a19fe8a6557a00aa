package seldon

import (
	"crypto/md5" //nolint:gosec // the operator's own way to shorten names, not a protection of anything
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// longest is the length from which on the operator replaces a name by a hash.
const longest = 63

// short returns the name as the operator gives it: itself, or its hash where it is too long.
func short(name string) string {
	if len(name) <= longest {
		return name
	}
	return "seldon-" + digest(name)
}

func digest(name string) string {
	sum := md5.Sum([]byte(name)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// componentNames returns the names that a component's Deployment may have: an operator that runs
// with DEPLOYMENT_NAME_AS_PREFIX hashes in another form, where that one is short enough.
func (d deployment) componentNames(p predictor, index int, c component) []string {
	last := c.name
	if last == "" {
		last = strings.Join(containerNames(c.containers), "-")
	}
	long := d.name + "-" + p.name + "-" + strconv.Itoa(index) + "-" + last
	names := []string{short(long)}
	if prefixed := d.name + "-" + digest(long); len(long) > longest && len(prefixed) <= longest {
		names = append(names, prefixed)
	}
	return names
}

func (d deployment) orchestratorName(p predictor) string {
	return short(d.name + "-" + p.name + "-svc-orch")
}

// explainerName is the name of the explainer's Deployment and of its Service.
func (d deployment) explainerName(p predictor) string {
	return short(d.name + "-" + p.name + "-explainer")
}

// predictorService is the name of the Service through which a predictor is reached.
func (d deployment) predictorService(p predictor) string {
	if name := p.annotations[serviceName]; name != "" {
		return name
	}
	return short(d.name + "-" + p.name)
}

// unitService is the name of the Service of one container.
func (d deployment) unitService(p predictor, container string) string {
	return short(d.name + "-" + p.name + "-" + container)
}

func containerNames(containers []engine.Container) []string {
	var names []string
	for _, c := range containers {
		names = append(names, c.Name)
	}
	return names
}

// routed are annotations by which a deployment takes a place in a gateway that its name has no part in.
var routed = []string{"seldon.io/ambassador-config", "seldon.io/ambassador-service-name"}

// Rename returns the object under its name with the suffix. The name of a predictor's Service is
// suffixed too where the spec prescribes it; what could reach the living object's traffic is refused.
func (e Engine) Rename(root *unstructured.Unstructured, suffix string) (*unstructured.Unstructured, error) {
	suffix = "-" + strings.TrimPrefix(suffix, "-")
	renamed := root.DeepCopy()
	renamed.SetName(root.GetName() + suffix)
	if problems := validation.IsDNS1123Label(renamed.GetName()); len(problems) > 0 {
		return nil, fmt.Errorf("%s cannot be called %s: %s", root.GetName(), renamed.GetName(), strings.Join(problems, "; "))
	}
	predictors, _, _ := unstructured.NestedSlice(renamed.Object, "spec", "predictors")
	for i := range predictors {
		p, ok := predictors[i].(map[string]any)
		if !ok {
			continue // decode says what is wrong with it
		}
		at := fmt.Sprintf("spec.predictors[%d].annotations", i)
		annotations, _, _ := unstructured.NestedStringMap(p, "annotations")
		if err := unrouted(at, annotations); err != nil {
			return nil, err
		}
		if name := annotations[serviceName]; name != "" {
			if problems := validation.IsDNS1035Label(name + suffix); len(problems) > 0 {
				return nil, fmt.Errorf("%s[%s]: the Service %s cannot be called %s: %s", at, serviceName, name, name+suffix, strings.Join(problems, "; "))
			}
			annotations[serviceName] = name + suffix
			_ = unstructured.SetNestedStringMap(p, annotations, "annotations") // it was read as one
		}
	}
	if predictors != nil {
		_ = unstructured.SetNestedSlice(renamed.Object, predictors, "spec", "predictors")
	}
	annotations, _, _ := unstructured.NestedStringMap(renamed.Object, "spec", "annotations")
	if err := unrouted("spec.annotations", annotations); err != nil {
		return nil, err
	}
	return renamed, e.apart(root, renamed)
}

func unrouted(at string, annotations map[string]string) error {
	for _, key := range routed {
		if annotations[key] != "" {
			return fmt.Errorf("%s[%s] routes traffic whatever the name: what rehearses beside the living one would take some of it", at, key)
		}
	}
	return nil
}

// apart refuses a renaming after which both objects imply something of the same name.
func (e Engine) apart(root, renamed *unstructured.Unstructured) error {
	before, err := e.Implied(root)
	if err != nil {
		return nil //nolint:nilerr // the operation says what cannot be read, with its line
	}
	after, err := e.Implied(renamed)
	if err != nil {
		return nil //nolint:nilerr // the same
	}
	taken := implying(before)
	for _, name := range implying(after) {
		if slices.Contains(taken, name) {
			return fmt.Errorf("%s and %s would both have a %s", root.GetName(), renamed.GetName(), name)
		}
	}
	return nil
}

func implying(implied engine.Implied) []string {
	var names []string
	for _, w := range implied.Workloads {
		for _, name := range w.Names {
			names = append(names, "Deployment "+name)
		}
	}
	for _, name := range implied.Services {
		names = append(names, "Service "+name)
	}
	return names
}
