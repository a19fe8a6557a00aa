package judge

import (
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// Rewritten tells what of the replicas and containers that a goal rests on differs between two specs
// of the same object, one sentence each; nothing where they imply the same.
func Rewritten(e engine.Reader, before, now *unstructured.Unstructured) []string {
	was, err1 := e.Implied(before)
	is, err2 := e.Implied(now)
	if err1 != nil || err2 != nil {
		return []string{"its spec cannot be read any more"}
	}
	var found []string
	for _, w := range is.Workloads {
		i := slices.IndexFunc(was.Workloads, func(old engine.Workload) bool { return old.Name() == w.Name() })
		if i < 0 {
			found = append(found, fmt.Sprintf("Deployment %s was added", w.Name()))
			continue
		}
		found = append(found, rewrittenIn(was.Workloads[i], w)...)
	}
	for _, old := range was.Workloads {
		if !slices.ContainsFunc(is.Workloads, func(w engine.Workload) bool { return w.Name() == old.Name() }) {
			found = append(found, fmt.Sprintf("Deployment %s was taken out", old.Name()))
		}
	}
	return found
}

func rewrittenIn(was, is engine.Workload) []string {
	var found []string
	if a, b := number(was.Replicas), number(is.Replicas); a != b {
		found = append(found, fmt.Sprintf("replicas of %s went from %s to %s", is.Name(), a, b))
	}
	for _, c := range is.Containers {
		i := slices.IndexFunc(was.Containers, func(old engine.Container) bool { return old.Name == c.Name })
		switch {
		case i < 0:
			found = append(found, fmt.Sprintf("container %s was added to %s", c.Name, is.Name()))
		case was.Containers[i].Image != c.Image:
			found = append(found, fmt.Sprintf("image of container %s went from %s to %s", c.Name, was.Containers[i].Image, c.Image))
		}
	}
	for _, old := range was.Containers {
		if !slices.ContainsFunc(is.Containers, func(c engine.Container) bool { return c.Name == old.Name }) {
			found = append(found, fmt.Sprintf("container %s was taken out of %s", old.Name, is.Name()))
		}
	}
	return found
}

func number(n *int32) string {
	if n == nil {
		return "not set"
	}
	return strconv.Itoa(int(*n))
}
