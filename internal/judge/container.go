package judge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// waitingClasses tells what a container's waiting reason means. Reasons that are not here are
// stages of a normal start.
var waitingClasses = map[string]Class{
	"InvalidImageName":           InvalidImage,
	"ErrImageNeverPull":          ImagePull,
	"ErrImagePull":               ImagePull,
	"ImagePullBackOff":           ImagePull,
	"ImageInspectError":          ImagePull,
	"RegistryUnavailable":        ImagePull,
	"SignatureValidationFailed":  ImagePull,
	"CreateContainerConfigError": MissingReference,
	"CreateContainerError":       ContainerStart,
	"CreatePodSandboxError":      ContainerStart,
	"PreCreateHookError":         ContainerStart,
	"PreStartHookError":          ContainerStart,
	"PostStartHookError":         ContainerStart,
	"RunContainerError":          ContainerStart,
	"CrashLoopBackOff":           CrashLoop,
}

// findContainer reads one container's state. Waiting reasons alternate while the kubelet retries, so
// a problem is identified by its class, pod and container, never by the reason of the moment.
func (l *look) findContainer(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	if c.Ready {
		return
	}
	if l.findWaiting(pod, c, what) {
		return
	}
	l.findExits(pod, c, what)
	if c.State.Running != nil && c.RestartCount == 0 {
		l.findProbe(pod, c, what)
	}
}

// findInitContainer reads an init container that ought to end well: a model's download, mostly.
func (l *look) findInitContainer(pod *corev1.Pod, c corev1.ContainerStatus) {
	if t := c.State.Terminated; t != nil && t.ExitCode == 0 {
		return
	}
	if !l.findWaiting(pod, c, "init container ") {
		l.findExits(pod, c, "init container ")
	}
}

// findWaiting reads why a container cannot be started, and reports whether that is so.
func (l *look) findWaiting(pod *corev1.Pod, c corev1.ContainerStatus, what string) bool {
	w := c.State.Waiting
	if w == nil {
		return false
	}
	class, known := waitingClasses[w.Reason]
	if !known || class == CrashLoop {
		return false
	}
	p := l.containerProblem(pod, c, what, class, w.Reason, w.Message)
	switch class { //nolint:exhaustive // the others are told as they are
	case ImagePull:
		words := w.Message
		if failed := l.newestEvent(pod, func(e *corev1.Event) bool { return e.Reason == "Failed" && strings.Contains(e.Message, c.Image) }); failed != nil {
			words += " " + failed.Message // an older kubelet does not repeat the cause while it backs off
		}
		p.Class, p.Hint = pullClass(withoutImage(words, c.Image), p.Hint)
		p.Unsure = l.pullsAgain(pod, c.Image)
		p.Vague = vaguePull.MatchString(words)
	case MissingReference:
		p.Class, p.Hint = referenceClass(pod.Namespace, w.Message, p.Hint)
	}
	p.Unsure = p.Unsure || containsAny(w.Message, belatedTexts)
	return true
}

// belatedTexts are what a kubelet says of a container that it could not start in time on a busy node, and starts later.
var belatedTexts = []string{"failed to sync configmap cache", "failed to sync secret cache", "failed to reserve container name"}

// pullsAgain reports whether an image is being pulled for a pod. While it is, the kubelet writes no status, and so shows how the
// former try ended. Of containers that share it one pulls, and all back off. What is later than what tells dates of whole seconds alone.
func (l *look) pullsAgain(pod *corev1.Pod, image string) bool {
	if l.snap.Refused(snapshot.Event) {
		return false
	}
	var begun, ended time.Time
	for _, e := range l.snap.Events(pod.UID) {
		if !mentions(e, pod, image) {
			continue
		}
		switch at := snapshot.EventTime(e); {
		case e.Reason == "Pulling":
			begun = later(begun, at)
		case e.Reason == "Pulled", e.Reason == "Failed" && !strings.HasPrefix(e.Message, "Error: "):
			ended = later(ended, at)
		case e.Reason == "Failed", e.Reason == "BackOff": // it may come in the same second before the next try
			ended = later(ended, at.Add(-coarse))
		}
	}
	_, status := written(pod.ManagedFields) // Events may have been dropped
	return begun.After(ended) && !status.After(begun.Add(coarse))
}

// mentions reports whether an Event is about a container that has the image.
func mentions(e *corev1.Event, pod *corev1.Pod, image string) bool {
	return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
		return c.Image == image && aboutContainer(e, c.Name)
	})
}

// withoutImage returns what is said of an image without its name, which may be anything: a model may be called denied.
func withoutImage(words, image string) string {
	repository, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository = repository[:i]
	}
	_, path, _ := strings.Cut(repository, "/")
	for _, name := range []string{image, repository, path} {
		if name != "" {
			words = regexp.MustCompile(`(^|[^\w.-])`+regexp.QuoteMeta(name)+`($|[^\w.-])`).ReplaceAllString(words, "$1$2")
		}
	}
	return words
}

// vaguePull matches an older kubelet's words while it backs off, which leave out why the pull failed.
var vaguePull = regexp.MustCompile(`^Back-off pulling image "[^"]*"$`)

// pullClass tells what a failed pull means: what may pass by itself is borne for longer.
func pullClass(words, describe string) (class Class, hint string) {
	switch {
	case containsAny(words, []string{"toomanyrequests", "Too Many Requests", "rate limit"}):
		return RegistryTrouble, "the registry limits how often images may be pulled: log in to it (imagePullSecrets) or use a mirror; " + describe
	case containsAny(words, []string{"unauthorized", "Unauthorized", "403 Forbidden", "denied", "authorization failed", "no basic auth"}):
		return ImagePull, "no permission to pull: check the pod's imagePullSecrets and the image's name; " + describe
	case containsAny(words, []string{"no such host"}):
		return ImagePull, "the registry's name does not exist for the node: check the image's name; " + describe
	case containsAny(words, []string{"connection refused", "i/o timeout", "TLS handshake", "x509:", "no route to host", "context deadline exceeded", "Service Unavailable", "Bad Gateway", "EOF"}):
		return RegistryTrouble, "the node cannot reach the registry; " + describe
	case containsAny(words, []string{"not found", "NotFound", "manifest unknown", "ErrImageNeverPull", "not present with pull policy of Never"}):
		return ImagePull, "there is no such image: correct its name or tag; " + describe
	}
	return ImagePull, describe
}

// missing finds in the kubelet's words the Secret or ConfigMap that is not there, or lacks a key.
var missing = regexp.MustCompile(`(?i)(secret|configmap) "([^"]+)" not found|couldn't find key (\S+) in (Secret|ConfigMap) \S+?/(\S+)|references non-existent (secret|config) key`)

// referenceClass tells what a container lacks that its configuration names.
func referenceClass(namespace, words, describe string) (class Class, hint string) {
	found := missing.FindStringSubmatch(words)
	switch {
	case found == nil:
		return ContainerStart, describe
	case found[2] != "":
		return MissingReference, fmt.Sprintf("kubectl get %s -n %s %s", strings.ToLower(found[1]), namespace, found[2])
	case found[5] != "":
		return MissingReference, fmt.Sprintf("kubectl describe %s -n %s %s", strings.ToLower(found[4]), namespace, found[5])
	}
	return MissingReference, describe
}

// exitsThatProve is how many exits of one container prove a crash loop without any waiting. Those of long
// ago do not count: a container that ends once after weeks is back in seconds. Nor do starts that failed: what never
// ran has not ended.
const exitsThatProve = 3

// findExits reads how a container has ended. While it runs again it may be healing, so only a container that is
// down counts; of one that is not ready yet its end remains the cause as far as it is known.
func (l *look) findExits(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	exits, last := snapshot.Exits(c)
	if down := c.State.Terminated != nil || snapshot.Looping(c); last == nil || !down && c.State.Running == nil {
		return
	}
	class := CrashLoop
	switch last.Reason {
	case "OOMKilled":
		class = OutOfMemory
	case "StartError", "ContainerCannotRun": // it never ran, as its waiting reason says in between
		class = ContainerStart
	}
	p := l.containerProblem(pod, c, what, class, "", l.exitsText(pod, c))
	p.Since = last.FinishedAt.Time
	if c.State.Running != nil {
		p.Key += "/again" // for how long it is up is no part of how long it was down
		p.Late, p.Unsure = true, true
	} else {
		p.Proven = class != ContainerStart && exits-l.snap.ExitsBefore(pod.UID, c.Name) >= exitsThatProve
	}
	if class == ContainerStart {
		return
	}
	p.Log = &Log{Pod: snapshot.RefTo(pod), Container: c.Name, Previous: c.State.Terminated == nil, Exits: exits}
	p.Hint = fmt.Sprintf("kubectl logs -n %s %s -c %s --previous", pod.Namespace, pod.Name, c.Name)
	if class == OutOfMemory {
		p.Hint = fmt.Sprintf("raise the memory limit of %s%s, now %s; %s", what, c.Name, memoryLimit(pod, c.Name), p.Hint)
	}
}

// exitsText tells how often a container has ended, and how the last time.
func (l *look) exitsText(pod *corev1.Pod, c corev1.ContainerStatus) string {
	exits, last := snapshot.Exits(c)
	text := fmt.Sprintf("exited %d times, last with code %d", exits, last.ExitCode)
	if exits == 1 {
		text = fmt.Sprintf("exited with code %d", last.ExitCode)
	}
	if last.Reason != "" && last.Reason != "Error" {
		text += " (" + last.Reason + ")"
	}
	if last.Message != "" {
		text += ": " + strings.TrimSpace(last.Message)
	}
	if killed := l.killedByProbe(pod, c); killed != "" {
		text += "; " + killed
	}
	if c.State.Running == nil {
		return text
	}
	text += "; it runs again since " + c.State.Running.StartedAt.UTC().Format(time.RFC3339)
	if seen := l.seenByProbe(pod, c); !strings.Contains(text, seen) {
		text += ", but is not ready: " + seen
	}
	return text
}

// killedByProbe tells that the kubelet ended a container because its liveness or startup probe failed.
func (l *look) killedByProbe(pod *corev1.Pod, c corev1.ContainerStatus) string {
	killing := l.newestEvent(pod, func(e *corev1.Event) bool {
		return e.Reason == "Killing" && aboutContainer(e, c.Name) && strings.Contains(e.Message, "probe")
	})
	if killing == nil {
		return ""
	}
	text := strings.TrimSuffix(killing.Message, ", will be restarted")
	if unhealthy := l.newestEvent(pod, func(e *corev1.Event) bool { return e.Reason == "Unhealthy" && aboutContainer(e, c.Name) }); unhealthy != nil {
		text += ": " + unhealthy.Message
	}
	return text
}

func aboutContainer(e *corev1.Event, name string) bool {
	return strings.Contains(e.InvolvedObject.FieldPath, "{"+name+"}")
}

func memoryLimit(pod *corev1.Pod, name string) string {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			if limit, set := c.Resources.Limits[corev1.ResourceMemory]; set && c.Name == name {
				return limit.String()
			}
		}
	}
	return "none: the node itself ran out"
}

// findProbe reads a container that runs but is not ready. It may yet be, so this is a cause to name
// and never a failure by itself.
func (l *look) findProbe(pod *corev1.Pod, c corev1.ContainerStatus, what string) {
	if seen := l.seenByProbe(pod, c); seen != "" {
		l.containerProblem(pod, c, what, NotReady, "Unhealthy", seen)
	}
}

// seenByProbe returns what the kubelet's Event tells that a probe has seen in the present run of a container.
func (l *look) seenByProbe(pod *corev1.Pod, c corev1.ContainerStatus) string {
	e := l.newestEvent(pod, func(e *corev1.Event) bool { return e.Reason == "Unhealthy" && aboutContainer(e, c.Name) })
	if e == nil || snapshot.EventTime(e).Before(c.State.Running.StartedAt.Time) {
		return ""
	}
	return e.Message
}

// containerProblem adds a problem of a container and returns it for more to be said. It is good until
// the next one is added.
func (l *look) containerProblem(pod *corev1.Pod, c corev1.ContainerStatus, what string, class Class, reason, message string) *Problem {
	text := strings.TrimSpace(strings.TrimSuffix(reason+": "+message, ": "))
	if reason == "" {
		text = message
	}
	chain := append(l.chain(pod, "not ready"), Link{Ref: snapshot.Ref{Kind: "container", Name: c.Name}, Text: text})
	if strings.HasPrefix(what, "init") {
		chain[len(chain)-1].Ref.Kind = "init container"
	}
	l.Problems = append(l.Problems, Problem{
		Class: class, Key: fmt.Sprintf("%s/%s/%s", class, pod.UID, c.Name),
		Message: fmt.Sprintf("%s%s of pod %s: %s", what, c.Name, pod.Name, imageIn(class, c, text)), Chain: chain,
		Hint: fmt.Sprintf("kubectl describe pod -n %s %s", pod.Namespace, pod.Name),
	})
	return &l.Problems[len(l.Problems)-1]
}

// imageIn puts the image's name before a text about it that does not name it.
func imageIn(class Class, c corev1.ContainerStatus, text string) string {
	if (class == ImagePull || class == InvalidImage) && !strings.Contains(text, c.Image) {
		return "image " + c.Image + ": " + text
	}
	return text
}

// isSidecar reports whether an init container is restartable: running is its good state.
func isSidecar(pod *corev1.Pod, name string) bool {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == name {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

// gists are what the last words of a container mostly mean, the most telling ones first. A model's
// download tells its errors nowhere else.
var gists = []struct {
	means string
	words []string
}{
	{"no space is left where it writes", []string{"no space left on device", "disk quota exceeded"}},
	{"it lacks credentials, or they are not accepted", []string{
		"accessdenied", "access denied", "invalidaccesskeyid", "signaturedoesnotmatch", "unable to locate credentials", "nocredentialproviders",
		"authorizationfailure", "permission denied", "unauthorized", "forbidden",
	}},
	{"what it looks for does not exist", []string{"nosuchkey", "nosuchbucket", "directory not found", "404 not found", "no such file or directory", "object not found"}},
	{"a host's name cannot be resolved", []string{"no such host", "name or service not known", "temporary failure in name resolution"}},
	{"a host does not answer", []string{"connection refused", "i/o timeout", "connection timed out"}},
	{"the image lacks a Python module", []string{"modulenotfounderror", "importerror"}},
}

// Gist tells what the last lines of a log mostly mean, or nothing.
func Gist(lines []string) string {
	text := strings.ToLower(strings.Join(lines, "\n"))
	for _, g := range gists {
		if containsAny(text, g.words) {
			return g.means
		}
	}
	return ""
}
