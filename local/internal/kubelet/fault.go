package kubelet

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotation is the pod annotation that says how a pod misbehaves.
const Annotation = "simulate.seldonctl/pods"

// Kind is a kind of misbehaviour. It hits the pod's first container, InitFails its first init container.
type Kind string

// The kinds. Unschedulable is the scheduler's business: such a pod never comes to a node.
const (
	None          Kind = ""
	ImageNotFound Kind = "image-not-found"
	CrashLoop     Kind = "crash-loop"
	NeverReady    Kind = "never-ready"
	OOMKilled     Kind = "oom-killed"
	BadConfig     Kind = "config-error"
	InitFails     Kind = "init-fails"
	Unschedulable Kind = "unschedulable"
)

// Fault is how a pod misbehaves.
type Fault struct {
	Kind Kind
	// Slow is by how much longer the first container takes to become ready.
	Slow time.Duration
	// Unknown is what the annotation says and nobody understands.
	Unknown string
}

// parseFault reads the annotation: one kind, slow=DURATION, or both with a comma between.
func parseFault(annotation string) Fault {
	var fault Fault
	for word := range strings.SplitSeq(annotation, ",") {
		word = strings.TrimSpace(word)
		slow, isSlow := strings.CutPrefix(word, "slow=")
		switch kind := Kind(word); {
		case word == "":
		case isSlow:
			d, err := time.ParseDuration(slow)
			if err != nil || d < 0 {
				fault.Unknown = word
				continue
			}
			fault.Slow = d
		case kind == ImageNotFound, kind == CrashLoop, kind == NeverReady, kind == OOMKilled, kind == BadConfig, kind == InitFails, kind == Unschedulable:
			fault.Kind = kind
		default:
			fault.Unknown = word
		}
	}
	return fault
}

// unknownHost is the registry of an image if it can exist nowhere: the top-level domain .invalid is reserved for that.
func unknownHost(image string) string {
	host, _, found := strings.Cut(image, "/")
	if name, _, _ := strings.Cut(host, ":"); found && strings.HasSuffix(name, ".invalid") {
		return name
	}
	return ""
}

// pullError is what containerd says about an image that cannot be pulled.
func pullError(image string) string {
	full := fullName(image)
	if host := unknownHost(image); host != "" {
		registry, rest, _ := strings.Cut(full, "/")
		repository, tag := cutTag(rest)
		return fmt.Sprintf("rpc error: code = Unknown desc = failed to pull and unpack image %q: failed to resolve reference %q: failed to do request: "+
			"Head \"https://%s/v2/%s/manifests/%s\": dial tcp: lookup %s: no such host", full, full, registry, repository, tag, host)
	}
	return fmt.Sprintf("rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", full, full, full)
}

// fullName is an image's name with the registry and tag that are used when they are left out.
func fullName(image string) string {
	first, _, found := strings.Cut(image, "/")
	switch {
	case !found:
		image = "docker.io/library/" + image
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		image = "docker.io/" + image
	}
	if repository, tag := cutTag(image); !strings.Contains(image, "@") {
		image = repository + ":" + tag
	}
	return image
}

func cutTag(image string) (repository, tag string) {
	if at := strings.LastIndex(image, ":"); at > strings.LastIndex(image, "/") {
		return image[:at], image[at+1:]
	}
	return image, "latest"
}

// imageSize is a size that an image always has.
func imageSize(image string) int64 { return 50e6 + int64(hash(image)%900e6) }

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, text := range texts {
		_, _ = h.Write([]byte(text))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// missingSecret is what a kubelet says when a container's configuration asks for a Secret that is not there: one that the container names, if it does.
func missingSecret(c *corev1.Container) string {
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
