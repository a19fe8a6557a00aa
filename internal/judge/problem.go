package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// Problem is something wrong on the tree.
type Problem struct {
	Class Class
	// Key identifies the problem over time, whatever words it is told in.
	Key string
	// Message says it in one sentence.
	Message string
	// Chain leads from the custom resource down to the cause.
	Chain []Link
	// Hint is what to do next, mostly a command.
	Hint string
	// Since is when it began by the server's clock, where the server says so.
	Since time.Time
	// Log is where the last words of a container that ended can be read; nil where there are none.
	Log *Log
	// Vague words leave out the cause: what was known of the problem before still holds.
	Vague bool
	// Unsure problems are told but, for now, no failure by themselves: they may be passing, or what would tell
	// whether they do cannot be seen.
	Unsure bool
	// Late problems are named where the cause is asked for, as at the limit, and are no news: what they tell of
	// has been told.
	Late bool
	// Proven problems have shown themselves often enough to need no further waiting.
	Proven bool
	// Until is until when by the server's clock it is news and a proof is good; zero: for ever. Later it may have passed
	// unseen.
	Until time.Time
	// After is when by the server's clock it can be a failure at the earliest, as it was when it was first seen; zero: when its
	// class's time is over.
	After time.Time
	// Times is how often it has shown itself, where a proof rests on the dates of that; zero: on no dates.
	Times int
}

// Log names one container's log.
type Log struct {
	Pod       snapshot.Ref
	Container string
	// Previous asks for the run before the present one.
	Previous bool
	// Exits is how often the container had ended then.
	Exits int32
}

// Key identifies the container.
func (l Log) Key() string { return string(l.Pod.UID) + "/" + l.Container }

// Link is one step of a chain of causes.
type Link struct {
	Ref  snapshot.Ref
	Text string
}

// String returns "Kind/name: text".
func (l Link) String() string {
	if l.Text == "" {
		return l.Ref.String()
	}
	return fmt.Sprintf("%s: %s", l.Ref, l.Text)
}

// Class is what kind of problem it is; it decides how long the problem is borne.
type Class string

// The classes of problems.
const (
	InvalidSpec       Class = "InvalidSpec"
	InvalidImage      Class = "InvalidImageName"
	Refused           Class = "Refused"
	PodsDenied        Class = "PodsDenied"
	NamespaceEnding   Class = "NamespaceEnding"
	ImagePull         Class = "ImagePull"
	RegistryTrouble   Class = "RegistryTrouble"
	MissingReference  Class = "MissingReference"
	OperatorError     Class = "OperatorError"
	NoProgress        Class = "NoProgress"
	VolumeUnbound     Class = "VolumeUnbound"
	VolumeNotMounted  Class = "VolumeNotMounted"
	SandboxFailed     Class = "SandboxFailed"
	ContainerStart    Class = "ContainerStart"
	Quota             Class = "Quota"
	PodsRefused       Class = "PodsRefused"
	Unschedulable     Class = "Unschedulable"
	CrashLoop         Class = "CrashLoop"
	OutOfMemory       Class = "OutOfMemory"
	ReplicasRewritten Class = "ReplicasRewritten"
	TemplateRewritten Class = "TemplateRewritten"
	AutoscalerIdle    Class = "AutoscalerIdle"
	AutoscalerAbsent  Class = "AutoscalerAbsent"
	NotReady          Class = "NotReady"
	NodesComing       Class = "NodesComing"
	OperatorRetries   Class = "OperatorRetries"
	OperatorSilent    Class = "OperatorSilent"
	PodsDelayed       Class = "PodsDelayed"
	PodsEvicted       Class = "PodsEvicted"
)

// never is the tolerance of problems that are told but never end the waiting.
const never time.Duration = -1

// tolerances is how long a problem of each class must hold before it is a failure. Permanent ones
// get the 2 s in which an operator corrects itself; what a person or another controller may mend
// within a rollout gets 30 s, what the cluster may mend 60 s.
var tolerances = map[Class]time.Duration{
	InvalidSpec:       2 * time.Second,
	InvalidImage:      2 * time.Second,
	Refused:           2 * time.Second,
	PodsDenied:        2 * time.Second,
	NamespaceEnding:   2 * time.Second,
	NoProgress:        2 * time.Second,
	ReplicasRewritten: rewrittenPatience,
	TemplateRewritten: rewrittenPatience,
	ImagePull:         30 * time.Second,
	MissingReference:  30 * time.Second,
	ContainerStart:    30 * time.Second,
	OperatorError:     30 * time.Second,
	RegistryTrouble:   60 * time.Second,
	VolumeUnbound:     60 * time.Second,
	VolumeNotMounted:  60 * time.Second,
	SandboxFailed:     60 * time.Second,
	Quota:             60 * time.Second,
	PodsRefused:       60 * time.Second,
	PodsEvicted:       60 * time.Second, // the next pod may come to another node, or the pressure may pass
	Unschedulable:     60 * time.Second,
	CrashLoop:         60 * time.Second,
	OutOfMemory:       60 * time.Second,
	AutoscalerIdle:    never,
	AutoscalerAbsent:  never,
	NotReady:          never,
	NodesComing:       never,
	OperatorRetries:   never,
	OperatorSilent:    never,
	PodsDelayed:       never,
}

// Tolerance returns how long a problem of the class is borne; negative: for ever.
func (c Class) Tolerance() time.Duration {
	if t, known := tolerances[c]; known {
		return t
	}
	return never
}

// Tolerance returns how long the problem is borne; negative: for ever.
func (p Problem) Tolerance() time.Duration {
	if p.Unsure {
		return never
	}
	return p.Class.Tolerance()
}

// silenceBorne is how long an operator may take to write its first status before that is worth telling.
const silenceBorne = 10 * time.Second

// metricsBorne is how long an autoscaler may go without metrics before that is worth telling: a new
// pod has none at first.
const metricsBorne = 90 * time.Second

// crossingBorne is how long a Deployment may differ from the spec, or show what was before it was scaled, before that is worth
// telling: the news of two writes come by different watches.
const crossingBorne = 2 * time.Second

// Quiet returns how long a problem of the class is kept to ourselves: what every start shows for a
// moment is no news.
func (c Class) Quiet() time.Duration {
	switch c { //nolint:exhaustive // all others are told at once
	case ReplicasRewritten, TemplateRewritten, NoProgress:
		return crossingBorne
	case OperatorSilent:
		return silenceBorne
	case AutoscalerIdle:
		return metricsBorne
	}
	return 0
}

// chain leads from the custom resource down to the object along its controllers.
func (l *look) chain(o snapshot.Object, text string) []Link {
	links := []Link{{Ref: snapshot.RefTo(o), Text: text}}
	for {
		owner := metav1.GetControllerOfNoCopy(o)
		if owner == nil || slices.ContainsFunc(links, func(x Link) bool { return x.Ref.UID == owner.UID }) { // anybody may have written a circle
			return links
		}
		if above := l.snap.Get(owner.UID); above != nil {
			o = above
		} else if d := l.behind(o); d != nil {
			o = d
		} else {
			return links
		}
		links = append([]Link{{Ref: snapshot.RefTo(o)}}, links...)
	}
}

// compareProblems puts the gravest problem first: what is proven, then what is borne for the shortest time,
// then what only says that something else is wrong, then by key so that the order never changes without a cause.
func compareProblems(a, b Problem) int {
	return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Key, b.Key))
}

func rank(p Problem) int {
	const last = int(time.Hour / time.Second)
	switch t := p.Tolerance(); {
	case p.Proven:
		return 0
	case p.Class.symptom() > 0:
		return last + p.Class.symptom()
	case t == never:
		return last
	default:
		return int(t/time.Second) + 1
	}
}

// symptom is positive for what only says that something below does not come up, the more so the less it tells.
func (c Class) symptom() int {
	switch c { //nolint:exhaustive // all others name a cause
	case NoProgress:
		return 1
	case OperatorError:
		return 2
	}
	return 0
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// transientTexts are errors that the operator retries and mostly overcomes; alone they never are a
// failure.
var transientTexts = []string{
	"failed calling webhook", "object is being deleted", "already exists", "has been modified",
	"Too Many Requests", "too many requests", "Timeout", "timeout", "timed out", "deadline exceeded",
	"connection refused", "connection reset", "connection lost", "unable to handle the request",
}

// permanentTexts are the API server's own words for an object that it will refuse every time. They come before
// the transient ones: what is invalid may be a timeoutSeconds.
var permanentTexts = []string{"is invalid:", "is forbidden:"}

// deniedTexts are a webhook's and a ValidatingAdmissionPolicy's words for what they do not let pass.
var deniedTexts = []string{"denied the request", "denied request:"}

// deniedHint is what to do about them.
const deniedHint = "correct the manifest, or ask whoever made the policy"

var quoted = regexp.MustCompile(`"[^"]*"`)

// unnamed returns what is said without the names in it, which are anybody's words: a model may be called timeout.
func unnamed(text string) string { return quoted.ReplaceAllString(text, `""`) }

// quotaText is the API server's word for what it forbids only until there is room.
const quotaText = "exceeded quota"
