package kubelet

import (
	"fmt"
	"path"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// secretMissing is what a kubelet says when a container's configuration asks for a Secret that is not there: one that the container names, if it does.
func secretMissing(_ *corev1.Pod, c *corev1.Container) string {
	name := "model-credentials"
	for _, source := range c.EnvFrom {
		if source.SecretRef != nil {
			name = source.SecretRef.Name
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			name = env.ValueFrom.SecretKeyRef.Name
		}
	}
	return fmt.Sprintf("secret %q not found", name)
}

// configMapMissing is the same for a ConfigMap.
func configMapMissing(_ *corev1.Pod, c *corev1.Container) string {
	name := "model-settings"
	for _, source := range c.EnvFrom {
		if source.ConfigMapRef != nil {
			name = source.ConfigMapRef.Name
		}
	}
	for _, env := range c.Env {
		if env.ValueFrom != nil && env.ValueFrom.ConfigMapKeyRef != nil {
			name = env.ValueFrom.ConfigMapKeyRef.Name
		}
	}
	return fmt.Sprintf("configmap %q not found", name)
}

// secretKeyMissing is what a kubelet says when the Secret is there and has no such key.
func secretKeyMissing(pod *corev1.Pod, c *corev1.Container) string {
	name, key := "model-credentials", "AWS_SECRET_ACCESS_KEY"
	for _, env := range c.Env {
		if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			name, key = env.ValueFrom.SecretKeyRef.Name, env.ValueFrom.SecretKeyRef.Key
		}
	}
	return fmt.Sprintf("couldn't find key %s in Secret %s/%s", key, pod.Namespace, name)
}

// notMounted is what a kubelet says about a directory of the node that is not there: one that the pod names, if it does.
func notMounted(pod *corev1.Pod) string {
	name, directory := "models", "/mnt/models"
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			name, directory = v.Name, v.HostPath.Path
		}
	}
	return fmt.Sprintf("MountVolume.SetUp failed for volume %q : hostPath type check failed: %s is not a directory", name, directory)
}

// noNetwork is what a kubelet says when the node has no address left for a pod. Each try has a sandbox of its own.
func noNetwork(pod *corev1.Pod, try int) string {
	return fmt.Sprintf("Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox %q: "+
		"plugin type=\"aws-cni\" name=\"aws-cni\" failed (add): add cmd: failed to assign an IP address to container", digest(string(pod.UID), strconv.Itoa(try)))
}

// noSuchCommand is what runc says about a command that the image does not have: the container's own, if it names one.
func noSuchCommand(c *corev1.Container) string {
	command := "/app/serve"
	if len(c.Command) > 0 {
		command = c.Command[0]
	}
	why := fmt.Sprintf("stat %s: no such file or directory", command)
	if path.Base(command) == command {
		why = "executable file not found in $PATH"
	}
	return fmt.Sprintf("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "+
		"exec: %q: %s: unknown", command, why)
}

// diskUsed is what a kubelet says about a pod that has used more of the node's disk than its containers may.
func diskUsed(pod *corev1.Pod) string {
	limit := "1Gi"
	if most, set := pod.Spec.Containers[0].Resources.Limits[corev1.ResourceEphemeralStorage]; set {
		limit = most.String()
	}
	return fmt.Sprintf("Pod ephemeral local storage usage exceeds the total limit of containers %s. ", limit)
}
