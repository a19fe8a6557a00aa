package children

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

const (
	modelPath   = "/mnt/models"
	pvcScheme   = "pvc://"
	pvcVolume   = "seldon-pvc-source"
	pvcPath     = "/mnt/pvc"
	noInit      = "seldon.io/no-storage-initializer"
	initSuffix  = "-model-initializer"
	placeSuffix = "-provision-location"
)

// loadModel adds the init container that fetches a unit's model, at every start of the pod.
func (b *builder) loadModel(pod *corev1.PodSpec, n *node, p *spec.Predictor) {
	if n.unit.ModelURI == "" {
		return
	}
	_, asked := spec.Merged(b.d.Annotations, b.d.Spec.Annotations, p.Annotations)[noInit]
	if asked && n.unit.Implementation == "TRITON_SERVER" {
		return
	}
	target := n.unit.Name
	if serverOf(n.unit, b.d).beside != "" {
		target = besideName
	}
	fetch(pod, target, n.unit.ModelURI, n.unit.EnvSecretRefName)
}

// fetch adds an init container that puts what is at uri into a volume of the named container.
func fetch(pod *corev1.PodSpec, target, uri, secret string) {
	place := cut(target + placeSuffix)
	init := corev1.Container{
		Name:  cut(target + initSuffix),
		Image: "seldonio/rclone-storage-initializer:" + release,
		Args:  []string{uri, modelPath},
		Resources: corev1.ResourceRequirements{
			Limits:   amounts("1", "1Gi"),
			Requests: amounts("100m", "100Mi"),
		},
		VolumeMounts: []corev1.VolumeMount{{Name: place, MountPath: modelPath}},
	}
	if secret != "" {
		init.EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}}
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: place, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	if claim, path, ok := claimOf(uri); ok {
		init.Args[0] = pvcPath + "/" + path
		init.VolumeMounts = append(init.VolumeMounts, corev1.VolumeMount{Name: pvcVolume, MountPath: pvcPath, ReadOnly: true})
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: pvcVolume, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
	}
	pod.InitContainers = append(pod.InitContainers, init)
	for i := range pod.Containers {
		if pod.Containers[i].Name == target {
			pod.Containers[i].VolumeMounts = append(pod.Containers[i].VolumeMounts, corev1.VolumeMount{Name: place, MountPath: modelPath, ReadOnly: true})
		}
	}
}

// claimOf reads pvc://claim/path.
func claimOf(uri string) (claim, path string, ok bool) {
	rest, ok := strings.CutPrefix(uri, pvcScheme)
	claim, path, _ = strings.Cut(rest, "/")
	return claim, path, ok
}

// cut shortens a name to what a container's may have.
func cut(name string) string { return name[:min(len(name), 63)] }

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}
