package kubelet

import (
	"fmt"
	"strings"
)

// unknownHost is the registry of an image if it can exist nowhere: the top-level domain .invalid is reserved for that.
func unknownHost(image string) string {
	host, _, found := strings.Cut(image, "/")
	if name, _, _ := strings.Cut(host, ":"); found && strings.HasSuffix(name, ".invalid") {
		return name
	}
	return ""
}

// noSuchHost is what containerd says about an image of a registry whose name nobody knows.
func noSuchHost(image string) string {
	return unresolved(image, "Unknown", headFails(image)+": lookup "+unknownHost(image)+": no such host")
}

// noSuchImage is what containerd says about an image that its registry does not have.
func noSuchImage(image string) string {
	return unresolved(image, "NotFound", fullName(image)+": not found")
}

// pullDenied is what containerd says when nobody has logged in to the registry, or somebody who may not: Docker's says so itself, others by their answer alone.
func pullDenied(image string) string {
	registry, rest, _ := strings.Cut(fullName(image), "/")
	if repository, tag := cutTag(rest); registry != dockerHub {
		return unresolved(image, "Unknown", fmt.Sprintf("unexpected status from HEAD request to https://%s/v2/%s/manifests/%s: 403 Forbidden", registry, repository, tag))
	}
	return unresolved(image, "Unknown", "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed")
}

// pullLimited is what containerd says when the registry has given enough images for now.
func pullLimited(image string) string {
	full := fullName(image)
	registry, rest, _ := strings.Cut(full, "/")
	repository, _ := cutTag(rest)
	return fmt.Sprintf("rpc error: code = Unknown desc = failed to pull and unpack image %q: failed to copy: httpReadSeeker: failed open: unexpected status code "+
		"https://%s/v2/%s/manifests/sha256:%s: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. "+
		"You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit", full, serverOf(registry), repository, digest(image))
}

// registryRefuses is what containerd says when nothing listens where the registry should be.
func registryRefuses(image string) string {
	return unresolved(image, "Unknown", headFails(image)+" 127.0.0.1:443: connect: connection refused")
}

// unresolved is what containerd says when it cannot find out what an image's name stands for.
func unresolved(image, code, why string) string {
	full := fullName(image)
	return fmt.Sprintf("rpc error: code = %s desc = failed to pull and unpack image %q: failed to resolve reference %q: %s", code, full, full, why)
}

// headFails is the beginning of what containerd says when it cannot ask a registry for an image.
func headFails(image string) string {
	registry, rest, _ := strings.Cut(fullName(image), "/")
	repository, tag := cutTag(rest)
	scheme := "https"
	if host, _, _ := strings.Cut(registry, ":"); host == "localhost" {
		scheme = "http"
	}
	return fmt.Sprintf("failed to do request: Head \"%s://%s/v2/%s/manifests/%s\": dial tcp", scheme, serverOf(registry), repository, tag)
}

const dockerHub = "docker.io"

// serverOf is the host that answers for a registry.
func serverOf(registry string) string {
	if registry == dockerHub {
		return "registry-1.docker.io"
	}
	return registry
}

// fullName is an image's name with the registry and tag that are used when they are left out.
func fullName(image string) string {
	first, _, found := strings.Cut(image, "/")
	switch {
	case !found:
		image = dockerHub + "/library/" + image
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		image = dockerHub + "/" + image
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
