package kube

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// trim drops from an object what no decision and no diagnosis needs and what would fill memory and
// records. A custom resource and the Deployments, which are evidence, lose nothing of their spec and
// status.
func trim(o snapshot.Object) {
	if fields := o.GetManagedFields(); len(fields) > 0 {
		o.SetManagedFields(trimManaged(fields))
	}
	if annotations := o.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		o.SetAnnotations(annotations)
	}
	switch o := o.(type) {
	case *corev1.Pod:
		trimPodSpec(&o.Spec)
	case *appsv1.ReplicaSet:
		trimPodSpec(&o.Spec.Template.Spec)
	case *corev1.Event:
		o.ManagedFields = lastWrite(o.ManagedFields)
	}
}

// lastWrite keeps who wrote last, and when by the API server's clock: an Event's own times are its writer's.
func lastWrite(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var last []metav1.ManagedFieldsEntry
	for _, e := range entries {
		if e.Time != nil && (len(last) == 0 || e.Time.After(last[0].Time.Time)) {
			last = []metav1.ManagedFieldsEntry{{Manager: e.Manager, Operation: e.Operation, Time: e.Time}}
		}
	}
	return last
}

// trimManaged keeps who wrote when by what means, and of what was written only which fields of
// the spec, and whether the status.
func trimManaged(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	kept := make([]metav1.ManagedFieldsEntry, 0, len(entries))
	for _, e := range entries {
		kept = append(kept, metav1.ManagedFieldsEntry{
			Manager: e.Manager, Operation: e.Operation, Time: e.Time, Subresource: e.Subresource,
			APIVersion: e.APIVersion, FieldsType: e.FieldsType, FieldsV1: trimFields(e.FieldsV1),
		})
	}
	return kept
}

func trimFields(fields *metav1.FieldsV1) *metav1.FieldsV1 {
	if fields == nil {
		return nil
	}
	var written struct {
		Spec   map[string]json.RawMessage `json:"f:spec"`
		Status json.RawMessage            `json:"f:status"`
	}
	if json.Unmarshal(fields.GetRawBytes(), &written) != nil {
		return metav1.NewFieldsV1(`{}`)
	}
	text := `{`
	if written.Spec != nil {
		names := slices.Sorted(maps.Keys(written.Spec))
		for i, name := range names {
			names[i] = strconv.Quote(name) + `:{}`
		}
		text += `"f:spec":{` + strings.Join(names, ",") + `}`
	}
	if written.Status != nil {
		if written.Spec != nil {
			text += `,`
		}
		text += `"f:status":{}`
	}
	return metav1.NewFieldsV1(text + `}`)
}

// trimPodSpec keeps what the diagnosis of a pod can name: containers with images, resources, ports
// and probes, the node, the objects that volumes refer to, the readiness gates.
func trimPodSpec(spec *corev1.PodSpec) {
	for i := range spec.InitContainers {
		trimContainer(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		trimContainer(&spec.Containers[i])
	}
	spec.EphemeralContainers = nil
	spec.Volumes = trimVolumes(spec.Volumes)
	spec.Affinity, spec.Tolerations, spec.TopologySpreadConstraints = nil, nil, nil
	spec.DNSConfig, spec.HostAliases, spec.SecurityContext = nil, nil, nil
}

// trimContainer drops commands and environment, which may hold secrets too; references to other
// objects stay.
func trimContainer(c *corev1.Container) {
	var references []corev1.EnvVar
	for _, e := range c.Env {
		if e.ValueFrom != nil && (e.ValueFrom.SecretKeyRef != nil || e.ValueFrom.ConfigMapKeyRef != nil) {
			references = append(references, e)
		}
	}
	c.Env = references
	c.Command, c.Args, c.VolumeMounts, c.VolumeDevices = nil, nil, nil, nil
	c.Lifecycle, c.SecurityContext = nil, nil
}

// trimVolumes keeps the volumes that name another object which may be missing.
func trimVolumes(volumes []corev1.Volume) []corev1.Volume {
	var kept []corev1.Volume
	for _, v := range volumes {
		short := corev1.Volume{Name: v.Name}
		switch {
		case v.PersistentVolumeClaim != nil:
			short.PersistentVolumeClaim = v.PersistentVolumeClaim
		case v.Secret != nil:
			short.Secret = &corev1.SecretVolumeSource{SecretName: v.Secret.SecretName, Optional: v.Secret.Optional}
		case v.ConfigMap != nil:
			short.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: v.ConfigMap.LocalObjectReference, Optional: v.ConfigMap.Optional}
		default:
			continue
		}
		kept = append(kept, short)
	}
	return kept
}
