package judge

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// blamesWriters reports whether what differs from the spec in a Deployment is somebody else's doing. It is not
// while the operator's last pass ended with an error: such a pass writes the status and leaves undone what it
// did not come to.
func (l *look) blamesWriters() bool {
	return l.seen && !l.Settle && l.status.State != engine.StateFailed
}

// templateWriter tells who wrote the Deployment's spec last. What a webhook makes of a write counts as the writer's.
func (l *look) templateWriter(d *appsv1.Deployment) string {
	writer := lastWriter(d, `"f:spec"`)
	if writer == strconv.Quote(l.operator()) {
		return "the operator itself wrote it last, so an admission webhook rewrites it"
	}
	return "its spec was last written by " + writer
}

// operator returns the name under which the operator writes, that of who wrote the status; nothing where that is not known.
func (l *look) operator() string {
	name := ""
	for _, f := range l.root.GetManagedFields() {
		if f.Subresource == "status" {
			name = f.Manager
		}
	}
	return name
}

// findOtherWriter waits for the operator to put right what somebody else wrote into a Deployment. What
// it leaves there is told.
func (l *look) findOtherWriter(d *appsv1.Deployment) {
	operator, other := l.operator(), metav1.ManagedFieldsEntry{}
	written := metav1.Time{}
	for _, f := range d.ManagedFields {
		switch {
		case operator == "" || f.Subresource != "" || f.Time == nil || f.FieldsV1 == nil || !strings.Contains(f.FieldsV1.GetRawString(), `"f:spec"`):
		case f.Manager == operator:
			written = *f.Time
		case other.Time == nil || other.Time.Before(f.Time):
			other = f
		}
	}
	if !written.IsZero() && other.Time != nil && !other.Time.Before(&written) {
		l.lackWithinf(rewrittenPatience, "Deployment/"+d.Name+"/writer", "Deployment %s was last written by %q, not by the operator, which may put it right", d.Name, other.Manager)
	}
}

// lastWriter names the manager that last wrote a field of the Deployment that is not its status.
func lastWriter(d *appsv1.Deployment, field string) string {
	var last *metav1.ManagedFieldsEntry
	for i, f := range d.ManagedFields {
		if f.FieldsV1 == nil || !strings.Contains(f.FieldsV1.GetRawString(), field) || f.Subresource == "status" {
			continue
		}
		if last == nil || f.Time != nil && last.Time != nil && !f.Time.Before(last.Time) {
			last = &d.ManagedFields[i]
		}
	}
	if last == nil {
		return "an unknown manager"
	}
	return fmt.Sprintf("%q", last.Manager)
}
