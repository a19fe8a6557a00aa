package seldon

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// asAny turns any value into decoded JSON in which numbers keep their text; nil where it cannot.
func asAny(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return parse(data)
}

func parse(data []byte) any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// canonicalSpec brings a spec into the form in which the operator writes it again: pod specs as
// the Kubernetes types serialise, everything else without empty values.
func canonicalSpec(spec any) any {
	m, _ := asAny(spec).(map[string]any)
	list, _ := m["predictors"].([]any)
	for i, p := range list {
		list[i] = canonicalPredictor(p)
	}
	delete(m, "predictors")
	cleaned, _ := clean(m, true).(map[string]any)
	if cleaned == nil {
		cleaned = map[string]any{}
	}
	if list != nil {
		cleaned["predictors"] = list
	}
	return cleaned
}

// canonicalPredictor does the same for one predictor, whether from a spec or from the environment
// of the service orchestrator.
func canonicalPredictor(predictor any) any {
	m, _ := predictor.(map[string]any)
	components, _ := m["componentSpecs"].([]any)
	pods := make([]any, len(components))
	for i, c := range components {
		c, _ := c.(map[string]any)
		pods[i] = canonical(c["spec"], &corev1.PodSpec{})
		delete(c, "spec")
	}
	explainer, _ := m["explainer"].(map[string]any)
	container := canonical(explainer["containerSpec"], &corev1.Container{})
	delete(explainer, "containerSpec")
	// Components keep their index, empty or not.
	delete(m, "componentSpecs")
	cleaned, _ := clean(m, true).(map[string]any)
	if cleaned == nil {
		cleaned = map[string]any{}
	}
	for i, pod := range pods {
		c, _ := clean(components[i], true).(map[string]any)
		if c == nil {
			c = map[string]any{}
		}
		if pod != nil {
			c["spec"] = pod
		}
		components[i] = c
	}
	if len(components) > 0 {
		cleaned["componentSpecs"] = components
	}
	if e, ok := cleaned["explainer"].(map[string]any); ok && container != nil {
		e["containerSpec"] = container
	}
	return cleaned
}

// canonical writes a value as the Kubernetes type serialises it: quantities in their short form,
// empty fields left out, pointers to zero kept. What does not fit the type stays as it is.
func canonical[T any](v any, into *T) any {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil || json.Unmarshal(data, into) != nil {
		return clean(v, false)
	}
	return clean(asAny(into), false)
}

// clean drops what serialisation may leave out: null, empty strings, lists and objects, and with
// falses also false. Numbers stay, for 0 replicas is something else than none said.
func clean(v any, falses bool) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if falses && !v {
			return nil
		}
	case map[string]any:
		cleaned := map[string]any{}
		for k, each := range v {
			if each = clean(each, falses); each != nil {
				cleaned[k] = each
			}
		}
		if len(cleaned) == 0 {
			return nil
		}
		return cleaned
	case []any:
		cleaned := make([]any, 0, len(v))
		for _, each := range v {
			if each == "" {
				cleaned = append(cleaned, each) // an empty argument is an argument
			} else {
				cleaned = append(cleaned, clean(each, falses))
			}
		}
		if len(cleaned) == 0 {
			return nil
		}
		return cleaned
	}
	return v
}

// predictorOf returns the predictor that a Deployment's service orchestrator was started with, or
// nil. The operator zeroes its traffic and replicas and has filled in its defaults.
func predictorOf(d *appsv1.Deployment) any {
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Name != engineContainer {
			continue
		}
		for _, e := range c.Env {
			if e.Name != "ENGINE_PREDICTOR" {
				continue
			}
			data, err := base64.StdEncoding.DecodeString(e.Value)
			if err != nil {
				return nil
			}
			m, _ := parse(data).(map[string]any)
			if m == nil {
				return nil
			}
			return canonicalPredictor(m)
		}
	}
	return nil
}
