package kubelet

import (
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotation is the pod annotation that says how a pod misbehaves.
const Annotation = "simulate.seldonctl/pods"

// Kind is a kind of misbehaviour.
type Kind string

// The kinds. Unschedulable is the scheduler's business: such a pod never comes to a node.
const (
	None             Kind = ""
	ImageNotFound    Kind = "image-not-found"
	NoPullPermission Kind = "no-pull-permission"
	PullRateLimited  Kind = "pull-rate-limited"
	RegistryAway     Kind = "registry-away"
	BadConfig        Kind = "config-error"
	ConfigMapMissing Kind = "config-map-missing"
	SecretKeyMissing Kind = "secret-key-missing"
	VolumeNotMounted Kind = "volume-not-mounting"
	SandboxFails     Kind = "sandbox-fails"
	CommandNotFound  Kind = "command-not-found"
	CrashLoop        Kind = "crash-loop"
	ExitsOnce        Kind = "exits-once"
	OOMKilled        Kind = "oom-killed"
	InitFails        Kind = "init-fails"
	InitDenied       Kind = "init-denied"
	InitNoSpace      Kind = "init-no-space"
	InitOOMKilled    Kind = "init-oom-killed"
	NeverReady       Kind = "never-ready"
	LivenessKills    Kind = "liveness-kills"
	Evicted          Kind = "evicted"
	Unschedulable    Kind = "unschedulable"
)

// kinds are what each kind does.
var kinds = map[Kind]ill{
	ImageNotFound:    {pull: noSuchImage},
	NoPullPermission: {pull: pullDenied},
	PullRateLimited:  {pull: pullLimited},
	RegistryAway:     {pull: registryRefuses},
	BadConfig:        {config: secretMissing},
	ConfigMapMissing: {config: configMapMissing},
	SecretKeyMissing: {config: secretKeyMissing},
	VolumeNotMounted: {mount: notMounted},
	SandboxFails:     {sandbox: noNetwork},
	CommandNotFound:  {start: noSuchCommand},
	CrashLoop:        {code: 1, reason: "Error"},
	ExitsOnce:        {code: 1, reason: "Error", once: true},
	OOMKilled:        {code: 137, reason: "OOMKilled"},
	InitFails:        {code: 1, reason: "Error", init: true},
	InitDenied:       {code: 1, reason: "Error", init: true, says: denied},
	InitNoSpace:      {code: 1, reason: "Error", init: true, says: noSpace},
	InitOOMKilled:    {code: 137, reason: "OOMKilled", init: true},
	NeverReady:       {deaf: true},
	LivenessKills:    {deaf: true, killed: true},
	Evicted:          {evicted: true},
	Unschedulable:    {},
}

// What a download says at its end.
const (
	denied  = `botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: AccessDenied: Access Denied`
	noSpace = `OSError: [Errno 28] No space left on device: '/mnt/models/model.joblib'`
)

// ill is what goes wrong in a pod's life. What is not set goes well.
type ill struct {
	// mount and sandbox say why a volume is not mounted and the pod gets no sandbox, in the kubelet's words for the pod's
	// so many-th try.
	mount   func(*corev1.Pod) string
	sandbox func(pod *corev1.Pod, try int) string

	// The others hit the first container or, with init, the first init container. pull, config and start say why its image is not
	// pulled, its configuration cannot be made and its process cannot be started, in the words of the container runtime and the kubelet.
	init   bool
	pull   func(image string) string
	config func(*corev1.Pod, *corev1.Container) string
	start  func(*corev1.Container) string
	// reason and code are how it ends soon after each start, or after the first one only.
	reason string
	code   int32
	once   bool
	// says is the last that it writes before it ends, where that is not the usual.
	says string
	// deaf means that it answers no probe, killed that the kubelet ends it for that.
	deaf, killed bool
	// evicted means that it uses up the node's disk until the kubelet ends the pod.
	evicted bool
}

// Fault is how a pod misbehaves.
type Fault struct {
	Kind Kind
	// Slow is by how much longer the first container takes to become ready.
	Slow time.Duration
	// Heals is how long after its start on the node, or that of the first pod in whose place it is, the pod begins to behave
	// well; zero for never.
	Heals time.Duration
	// Unknown is what the annotation says and nobody understands.
	Unknown string
}

// parseFault reads the annotation: one kind, slow=DURATION, heals=DURATION, with commas between.
func parseFault(annotation string) Fault {
	var fault Fault
	for word := range strings.SplitSeq(annotation, ",") {
		word = strings.TrimSpace(word)
		name, value, isTime := strings.Cut(word, "=")
		switch {
		case word == "":
		case isTime:
			d, err := time.ParseDuration(value)
			switch {
			case err == nil && d > 0 && name == "slow":
				fault.Slow = d
			case err == nil && d > 0 && name == "heals":
				fault.Heals = d
			default:
				fault.Unknown = word
			}
		case isKind(word):
			fault.Kind = Kind(word)
		default:
			fault.Unknown = word
		}
	}
	return fault
}

func isKind(word string) bool {
	_, known := kinds[Kind(word)]
	return known
}

// healed says whether a pod behaves well again.
func (s *step) healed(at time.Time) bool {
	start := s.life.Start
	if !s.Lost.IsZero() && s.Lost.Before(start) {
		start = s.Lost
	}
	return s.fault.Heals > 0 && !at.Before(start.Add(s.fault.Heals))
}

// hits says whether the pod's fault is this container's.
func (s *step) hits(m member) bool { return m.first && m.init == s.ill.init }

// illness is what is wrong with a container at a time.
func (s *step) illness(m member, at time.Time) ill {
	if !s.hits(m) || s.healed(at) || s.ill.once && m.state.Restarts > 0 {
		return ill{}
	}
	return s.ill
}

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, text := range texts {
		_, _ = h.Write([]byte(text))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// digest is a long name that the same texts always have.
func digest(texts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(texts, "/"))))
}
