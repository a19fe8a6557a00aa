package children

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// defaultPodSpec fills in what the API server fills in, so that a wanted pod can be compared with a live one field by field.
func defaultPodSpec(pod *corev1.PodSpec) {
	setDefault(&pod.RestartPolicy, corev1.RestartPolicyAlways)
	setDefault(&pod.DNSPolicy, corev1.DNSClusterFirst)
	setDefault(&pod.SchedulerName, corev1.DefaultSchedulerName)
	if pod.ServiceAccountName != "" {
		pod.DeprecatedServiceAccount = pod.ServiceAccountName
	}
	if pod.SecurityContext == nil {
		pod.SecurityContext = &corev1.PodSecurityContext{}
	}
	for i := range pod.InitContainers {
		defaultContainer(&pod.InitContainers[i])
	}
	for i := range pod.Containers {
		defaultContainer(&pod.Containers[i])
	}
	for i := range pod.Volumes {
		defaultVolume(&pod.Volumes[i])
	}
}

func defaultContainer(c *corev1.Container) {
	setDefault(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	setDefault(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	setDefault(&c.ImagePullPolicy, pullPolicy(c.Image))
	for i := range c.Ports {
		setDefault(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil && from.FieldRef != nil {
			setDefault(&from.FieldRef.APIVersion, "v1")
		}
	}
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		defaultProbe(probe)
	}
	if c.Lifecycle != nil {
		for _, handler := range []*corev1.LifecycleHandler{c.Lifecycle.PreStop, c.Lifecycle.PostStart} {
			if handler != nil {
				defaultHTTPGet(handler.HTTPGet)
			}
		}
	}
	for name, limit := range c.Resources.Limits {
		if _, there := c.Resources.Requests[name]; !there {
			if c.Resources.Requests == nil {
				c.Resources.Requests = corev1.ResourceList{}
			}
			c.Resources.Requests[name] = limit.DeepCopy()
		}
	}
}

func defaultProbe(probe *corev1.Probe) {
	if probe == nil {
		return
	}
	setDefault(&probe.TimeoutSeconds, 1)
	setDefault(&probe.PeriodSeconds, 10)
	setDefault(&probe.SuccessThreshold, 1)
	setDefault(&probe.FailureThreshold, 3)
	defaultHTTPGet(probe.HTTPGet)
	if probe.GRPC != nil && probe.GRPC.Service == nil {
		probe.GRPC.Service = new(string)
	}
}

func defaultHTTPGet(get *corev1.HTTPGetAction) {
	if get != nil {
		setDefault(&get.Path, "/")
		setDefault(&get.Scheme, corev1.URISchemeHTTP)
	}
}

// pullPolicy is the API server's: an image without a tag, or tagged latest, is pulled always.
func pullPolicy(image string) corev1.PullPolicy {
	if strings.Contains(image, "@") {
		return corev1.PullIfNotPresent
	}
	last := image[strings.LastIndex(image, "/")+1:]
	_, tag, tagged := strings.Cut(last, ":")
	if !tagged || tag == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func defaultVolume(volume *corev1.Volume) {
	mode := corev1.DownwardAPIVolumeSourceDefaultMode
	switch {
	case volume.DownwardAPI != nil:
		setPointer(&volume.DownwardAPI.DefaultMode, mode)
		defaultItems(volume.DownwardAPI.Items)
	case volume.Secret != nil:
		setPointer(&volume.Secret.DefaultMode, mode)
	case volume.ConfigMap != nil:
		setPointer(&volume.ConfigMap.DefaultMode, mode)
	case volume.HostPath != nil:
		setPointer(&volume.HostPath.Type, corev1.HostPathUnset)
	case volume.Projected != nil:
		setPointer(&volume.Projected.DefaultMode, mode)
		for i := range volume.Projected.Sources {
			source := &volume.Projected.Sources[i]
			if source.DownwardAPI != nil {
				defaultItems(source.DownwardAPI.Items)
			}
			if source.ServiceAccountToken != nil {
				setPointer(&source.ServiceAccountToken.ExpirationSeconds, int64(3600))
			}
		}
	case volume.Ephemeral != nil:
		if claim := volume.Ephemeral.VolumeClaimTemplate; claim != nil {
			setPointer(&claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
		}
	case volume.VolumeSource == (corev1.VolumeSource{}):
		volume.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
}

func defaultItems(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		if items[i].FieldRef != nil {
			setDefault(&items[i].FieldRef.APIVersion, "v1")
		}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
