// Package recorded reads the recordings in testdata/recorded, which say what the real operator did, and says live objects in the recordings' words, so that the two
// can be compared. Only tests use it. It never judges a difference.
package recorded

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Shape is one recorded manifest and what became of it.
type Shape struct {
	Name     string                     `json:"-"`
	Manifest *unstructured.Unstructured `json:"-"`
	Warnings []string                   `json:"warnings"`
	Created  Created                    `json:"created"`
	Scaled   Scaled                     `json:"scaledTo3"`
	// Events are type, reason, message and component of each different event.
	Events [][]string `json:"events"`
	// ScaleFrom is the number of the first status after the scaling.
	ScaleFrom int      `json:"scaleFrom"`
	Left      []string `json:"left"`
	Life      []Step   `json:"statusLife"`
}

// Created is what was there once the SeldonDeployment had come to rest.
type Created struct {
	Children map[string]any `json:"children"`
	Status   map[string]any `json:"status"`
}

// Scaled is what was there after spec.replicas became 3 and the predictors' and components' replicas were removed.
type Scaled struct {
	Replicas       map[string]int32 `json:"replicas"`
	NewReplicaSets []string         `json:"newReplicaSets"`
	State          string           `json:"state"`
	StatusReplicas *int32           `json:"statusReplicas"`
}

// Step is one status that a watch saw.
type Step struct {
	Event       string            `json:"event"`
	Generation  int64             `json:"generation"`
	Deleting    bool              `json:"deleting"`
	State       string            `json:"state"`
	Description string            `json:"description"`
	Replicas    *int32            `json:"replicas"`
	Conditions  map[string]string `json:"conditions"`
}

// Load reads all recordings in a folder.
func Load(folder string) ([]Shape, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("look for recordings: %w", err)
	}
	shapes := make([]Shape, 0, len(files))
	for _, file := range files {
		shape := Shape{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		if err := json.Unmarshal(data, &shape); err != nil {
			return nil, fmt.Errorf("read recording %s: %w", shape.Name, err)
		}
		if shape.Manifest, err = Manifest(strings.TrimSuffix(file, ".json") + ".yaml"); err != nil {
			return nil, err
		}
		shapes = append(shapes, shape)
	}
	return shapes, nil
}

// Manifest reads one manifest, with numbers as an API server's client has them.
func Manifest(file string) (*unstructured.Unstructured, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", file, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", file, err)
	}
	return u, nil
}

// ScaleTo applies the original scaling rule: spec.replicas says the number, predictors and components no longer do.
func ScaleTo(root *unstructured.Unstructured, replicas int64) error {
	predictors, _, err := unstructured.NestedSlice(root.Object, "spec", "predictors")
	if err != nil {
		return fmt.Errorf("scale %s: %w", root.GetName(), err)
	}
	for _, p := range predictors {
		predictor, _ := p.(map[string]any)
		delete(predictor, "replicas")
		components, _ := predictor["componentSpecs"].([]any)
		for _, c := range components {
			if component, ok := c.(map[string]any); ok {
				delete(component, "replicas")
			}
		}
	}
	if err := unstructured.SetNestedSlice(root.Object, predictors, "spec", "predictors"); err != nil {
		return fmt.Errorf("scale %s: %w", root.GetName(), err)
	}
	if err := unstructured.SetNestedField(root.Object, replicas, "spec", "replicas"); err != nil {
		return fmt.Errorf("scale %s: %w", root.GetName(), err)
	}
	return nil
}

// Status gives a status in the recordings' words: conditions without their dates.
func Status(root *unstructured.Unstructured) map[string]any {
	status, _, _ := unstructured.NestedMap(root.Object, "status")
	list, _ := status["conditions"].([]any)
	for _, c := range list {
		if condition, ok := c.(map[string]any); ok {
			delete(condition, "lastTransitionTime")
		}
	}
	return plain(status)
}

// plain makes all numbers what JSON makes them, so that maps compare.
func plain(from any) map[string]any {
	data, err := json.Marshal(from)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		return map[string]any{"error": err.Error()}
	}
	return out
}
