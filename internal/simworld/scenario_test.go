package simworld_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/internal/simseldon/recorded"
	"github.com/seldonctl/seldonctl/internal/simworld"
)

// scenario is one history before it begins: everything in it comes from the seed.
type scenario struct {
	seed     uint64
	shape    string
	manifest *unstructured.Unstructured
	config   simworld.Config
	request  ops.RunRequest
	// verbs says that the life is lived by one command after the other instead of by one run.
	verbs bool
	// shared says that the commands of the life share one set of watches, as the members of a fleet do.
	shared bool
	// found is what somebody else has made and one command meets; nil: the life makes its own.
	found *found
	// families are what happens beside a good run.
	families []string
	// interrupts are when the user wants to stop; rival is when a second run of the same manifest begins.
	interrupts []simworld.When
	rival      time.Duration
}

func (s scenario) has(families ...string) bool {
	for _, f := range families {
		if slices.Contains(s.families, f) {
			return true
		}
	}
	return false
}

// calm reports whether watches are up, no request fails and nobody interferes: what is true must
// then be said in time.
func (s scenario) calm() bool {
	return !s.has("requests", "watches", "writes", "acts", "finalizers", "rival", "laggy", "deadline", "taken", "revoked")
}

func shapes(t *testing.T) []recorded.Shape {
	t.Helper()
	all, err := recorded.Load("../../testdata/recorded")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// draw makes a scenario of a seed.
func draw(seed uint64, shapes []recorded.Shape) scenario {
	r := rand.New(rand.NewPCG(seed, 0x5e1d0))
	shape := shapes[r.IntN(len(shapes))]
	if r.IntN(3) == 0 { // the plain ones are what most people have
		shape = shapes[r.IntN(4)]
	}
	s := scenario{seed: seed, shape: shape.Name, manifest: shape.Manifest.DeepCopy()}
	s.manifest.SetNamespace("models")
	s.config = simworld.Config{Seed: seed, Pace: pace(r), Server: server(r)}
	s.config.Operator = simworld.OperatorConfig{Lag: pickOf(r, 20*ms, 20*ms, 200*ms, time.Second, 3*time.Second), Stale: pickOf(r, 0, 0, 30*ms, 200*ms)}
	s.request = ops.RunRequest{
		Object: s.manifest, ID: fmt.Sprintf("run%d", seed), Replicas: pickOf(r, int32(0), 1, 2, 2, 3, 4),
		Manner: ops.Manner{
			FailFast: r.IntN(8) > 0,
			Limits:   ops.Limits{Wait: pickOf(r, 40*time.Second, 120*time.Second, 120*time.Second, 300*time.Second), Cleanup: 60 * time.Second},
		},
		Keep: pickOf(r, ops.KeepNever, ops.KeepNever, ops.KeepNever, ops.KeepNever, ops.KeepFailure, ops.KeepAlways),
	}
	s.replicas(r)
	s.deadlines(r)
	s.trouble(r)
	s.lives(rand.New(rand.NewPCG(seed, 0x11fe)))
	s.surroundings(rand.New(rand.NewPCG(seed, 0xc10c)))
	return s
}

// lives draws who lives: mostly one run; else one command after the other, on watches of their own or on
// shared ones, or a single command that meets what somebody else has made.
func (s *scenario) lives(r *rand.Rand) {
	switch r.IntN(16) {
	case 0:
		s.verbByVerb()
	case 2:
		s.shared = true
	case 3:
		s.shared = true
		s.verbByVerb()
	case 4, 5:
		s.foundChanged(r)
	case 6:
		s.refusals(r)
	case 7:
		s.revoke(r)
	case 8:
		s.foundChanged(r)
		s.relapse(r)
	case 9:
		s.homeless(r)
	case 10:
		s.outgrow(r)
	}
	if s.found != nil && r.IntN(4) == 0 {
		s.stopFound(r)
	}
}

// surroundings draws what the cluster is like beside that: what its clock says, what an autoscaler keeps to and what
// one of nodes says, and whether somebody takes away the label by which the children are watched.
func (s *scenario) surroundings(r *rand.Rand) {
	s.config.Ahead = pickOf(r, 0, 0, 0, 0, 1700*ms, -1700*ms, 40*time.Second, -40*time.Second, 10*time.Minute, -10*time.Minute, 300*time.Minute)
	if r.IntN(16) == 0 {
		for range 1 + r.IntN(2) {
			by := pickOf(r, time.Second, 30*time.Second, 5*time.Minute, 300*time.Minute)
			back := r.IntN(2) == 0 && s.found == nil // the dates that a first look has to trust lie then
			if back {
				by = -by
			}
			s.config.Clock = append(s.config.Clock, simworld.Setting{When: cue(r, time.Minute), By: by})
		}
		s.families = append(s.families, "clock")
	}
	if r.IntN(2) == 0 {
		s.leastReplicas(int64(2 + r.IntN(2)))
	}
	for i := range s.config.Ills {
		if ill := &s.config.Ills[i]; ill.Kind == simworld.Unschedulable && ill.ScaleUp == 0 && r.IntN(2) == 0 {
			s.grow(r, ill)
		}
	}
	if r.IntN(24) == 0 && s.found == nil {
		s.families = append(s.families, "acts", "unlabelled")
		s.config.Acts = append(s.config.Acts, simworld.Act{Kind: simworld.Unlabel, Of: pickOf(r, "Deployment", "ReplicaSet", "Pod", "Service"), When: cue(r, 20*time.Second)})
	}
}

// leastReplicas gives every autoscaler of the manifest a minimum.
func (s *scenario) leastReplicas(n int64) {
	for _, o := range []*unstructured.Unstructured{s.manifest, s.foundNow()} {
		if o == nil {
			continue
		}
		predictors, _, _ := unstructured.NestedSlice(o.Object, "spec", "predictors")
		for _, p := range predictors {
			m, _ := p.(map[string]any)
			list, _ := m["componentSpecs"].([]any)
			for _, c := range list {
				if hpa, _, _ := unstructured.NestedMap(c.(map[string]any), "hpaSpec"); hpa != nil {
					_ = unstructured.SetNestedField(c.(map[string]any), n, "hpaSpec", "minReplicas")
				}
			}
		}
		_ = unstructured.SetNestedSlice(o.Object, predictors, "spec", "predictors")
	}
}

// foundNow is what the found object has become, where that is another.
func (s *scenario) foundNow() *unstructured.Unstructured {
	if s.found == nil || s.found.now == s.manifest {
		return nil
	}
	return s.found.now
}

// grow lets an autoscaler of nodes speak of the pods that find none: that it adds one, then perhaps that it adds no
// more, or only the latter.
func (s *scenario) grow(r *rand.Rand, ill *simworld.Ill) {
	ill.ScaleUp = pickOf(r, 0, time.Second, 5*time.Second, 30*time.Second, 70*time.Second)
	ill.NoScaleUp = pickOf(r, 0, 0, 3*time.Second, 45*time.Second, 80*time.Second)
}

// homeless lets a command begin when pods have found no node for some time, and an autoscaler of nodes may have said
// what it does about that.
func (s *scenario) homeless(r *rand.Rand) {
	ill := simworld.Ill{Kind: simworld.Unschedulable, First: 1, Last: pickOf(r, 1, 1000), Until: pickOf(r, 0, 0, 50*time.Second, 100*time.Second)}
	s.grow(r, &ill)
	s.config.Ills, s.config.Faults, s.config.Operator.Down = []simworld.Ill{ill}, nil, nil
	s.config.Server, s.config.Operator.Switches = server(r), simseldon.Switches{}
	s.config.Acts = []simworld.Act{{Kind: simworld.Make, Object: s.manifest}}
	s.families, s.rival, s.interrupts, s.request.Limits.Total = []string{"found", "ill"}, 0, nil, 0
	s.found = &found{
		begins: simworld.When{Cue: simworld.Started, At: when(r, 70*time.Second)}, now: s.manifest.DeepCopy(),
		verb: pickOf(r, "wait available", "look", "apply"),
	}
}

// outgrow lets a scaling begin when what there is has been ill for some time, and never heals by itself; what is ill may be
// among what the scaling takes away.
func (s *scenario) outgrow(r *rand.Rand) {
	from := int32(1 + r.IntN(3))
	ill := simworld.Ill{First: 1 + r.IntN(2), Kind: pickOf(r, simworld.CrashLoop, simworld.OutOfMemory, simworld.ImageMissing, simworld.ConfigMissing,
		simworld.InitFails, simworld.Unschedulable, simworld.NeverReady, simworld.NeverReady, simworld.Quota, simworld.PodsDenied)}
	ill.Last = pickOf(r, ill.First, ill.First, 1000)
	predictors, _, _ := unstructured.NestedSlice(s.manifest.Object, "spec", "predictors")
	for _, p := range predictors {
		p.(map[string]any)["progressDeadlineSeconds"] = int64(pickOf(r, 30, 600))
	}
	_ = unstructured.SetNestedSlice(s.manifest.Object, predictors, "spec", "predictors")
	_ = unstructured.SetNestedField(s.manifest.Object, int64(from), "spec", "replicas")
	s.config.Ills, s.config.Faults, s.config.Operator.Down = []simworld.Ill{ill}, nil, nil
	s.config.Server, s.config.Operator.Switches = server(r), simseldon.Switches{}
	s.config.Acts = []simworld.Act{{Kind: simworld.Make, Object: s.manifest}}
	s.families, s.rival, s.interrupts, s.request.Limits.Total = []string{"found", "ill", "outgrown"}, 0, nil, 0
	s.request.Replicas = pickOf(r, 0, from-1, from-1, from+1)
	s.found = &found{begins: simworld.When{Cue: simworld.Started, At: time.Minute + when(r, 90*time.Second)}, now: s.manifest.DeepCopy(), verb: "scale"}
}

func (s *scenario) verbByVerb() { s.verbs = true }

// stopFound lets the user stop the command that meets what it finds.
func (s *scenario) stopFound(r *rand.Rand) {
	at := s.found.begins
	at.At += when(r, 30*time.Second)
	s.families, s.interrupts = append(s.families, "interrupt"), []simworld.When{at}
	if r.IntN(3) == 0 {
		at.At += when(r, 5*time.Second)
		s.interrupts = append(s.interrupts, at)
	}
}

// refusals lets the API server refuse what the operator writes after the scaling, or after somebody's edit.
func (s *scenario) refusals(r *rand.Rand) {
	s.families = append(s.families, "refusals")
	s.config.Operator.Refused = []simworld.Refusal{{
		Busy: simworld.Busy{
			When: simworld.When{Cue: pickOf(r, simworld.Started, simworld.Patched, simworld.Patched)},
			For:  pickOf(r, 300*ms, 2*time.Second, 15*time.Second, 50*time.Second, 3*time.Minute),
		},
		Why: pickOf(r, simworld.WebhookDown, simworld.TimesOut, simworld.IsInvalid),
	}}
}

// revoke takes the right to read a kind away, before the command or during it.
func (s *scenario) revoke(r *rand.Rand) {
	s.families = append(s.families, "revoked")
	at := simworld.When{}
	if r.IntN(3) > 0 {
		at = cue(r, time.Minute)
	}
	s.config.Faults = append(s.config.Faults, simworld.Fault{Kind: simworld.Revoked, When: at, Only: pickOf(r, "Pod", "Pod", "ReplicaSet", "Event", "Service")})
}

// relapse lets a command begin while a container exits once that had run for long, and been restarted before.
func (s *scenario) relapse(r *rand.Rand) {
	long := pickOf(r, 11*time.Minute, 30*time.Minute)
	s.config.Ills = []simworld.Ill{{Kind: simworld.Relapse, Which: r.IntN(2), First: 1, Last: pickOf(r, 1, 1000), Later: long}}
	s.families = append(s.families, "relapse")
	s.config.Acts, s.config.Operator.Busy = s.config.Acts[:1], nil
	s.found.now, s.found.verb = s.manifest.DeepCopy(), pickOf(r, "wait available", "look", "apply")
	s.found.begins = simworld.When{Cue: simworld.Available, At: long + time.Duration(r.IntN(int(20*time.Second))) - 10*time.Second}
}

// foundChanged lets a command begin right after somebody has changed what is available, while the operator
// is busy with other things.
func (s *scenario) foundChanged(r *rand.Rand) {
	kind := pickOf(r, simworld.EditEnv, simworld.EditImage, simworld.EditResources, simworld.EditModelURI, simworld.EditNotes, simworld.EditLabels,
		simworld.EditTraffic, simworld.EditReplicas, simworld.DropEnv, simworld.DropProtocol, simworld.DropNotes)
	switch kind {
	case simworld.DropEnv:
		simworld.Edit(simworld.EditEnv, s.manifest)
	case simworld.DropProtocol:
		s.speak(pickOf(r, "seldon", "tensorflow", "v2"))
	case simworld.DropNotes:
		simworld.Edit(simworld.EditNotes, s.manifest)
	default:
	}
	s.families, s.config.Ills, s.config.Faults, s.config.Acts, s.config.Operator.Down = []string{"found"}, nil, nil, nil, nil
	s.config.Server, s.config.Operator.Switches = server(r), simseldon.Switches{}
	s.rival, s.interrupts, s.request.Limits.Total = 0, nil, 0
	now := s.manifest.DeepCopy()
	simworld.Edit(kind, now)
	changes := simworld.When{Cue: simworld.Available, At: when(r, 20*time.Second)}
	busy, begins := changes, changes
	busy.At -= ms
	begins.At += when(r, 20*time.Second)
	s.config.Operator.Busy = []simworld.Busy{{When: busy, For: pickOf(r, 0, time.Second, 4*time.Second, 8*time.Second, 15*time.Second, 30*time.Second)}}
	s.config.Acts = []simworld.Act{{Kind: simworld.Make, Object: s.manifest}, {Kind: kind, When: changes}}
	s.found = &found{begins: begins, now: now, verb: pickOf(r, "wait available", "wait available", "look", "apply", "wait scaled", "scale", "delete")}
}

// speak lets the manifest ask for a protocol, unless the webhook would refuse that.
func (s *scenario) speak(protocol string) {
	was := s.manifest.DeepCopy()
	if _ = unstructured.SetNestedField(s.manifest.Object, protocol, "spec", "protocol"); simseldon.Validate(s.manifest) != nil {
		s.manifest = was
		s.request.Object = was
	}
}

// replicas writes replicas into some manifests: at the top, or where the scaling removes them, which
// restarts pods even where the number stays.
func (s *scenario) replicas(r *rand.Rand) {
	switch r.IntN(8) {
	case 0:
		_ = unstructured.SetNestedField(s.manifest.Object, int64(1+r.IntN(3)), "spec", "replicas")
	case 1:
		predictors, _, _ := unstructured.NestedSlice(s.manifest.Object, "spec", "predictors")
		for _, p := range predictors {
			m, _ := p.(map[string]any)
			list, _ := m["componentSpecs"].([]any)
			for _, c := range list {
				if component, ok := c.(map[string]any); ok && component["hpaSpec"] == nil {
					component["replicas"] = int64(s.request.Replicas)
				}
			}
		}
		_ = unstructured.SetNestedSlice(s.manifest.Object, predictors, "spec", "predictors")
	}
}

const ms = time.Millisecond

func pickOf[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

func pace(r *rand.Rand) simworld.Pace {
	quick := pickOf(r, ms, 10*ms, 100*ms, 500*ms)
	return simworld.Pace{
		Deployments: quick, ReplicaSets: pickOf(r, ms, 10*ms, 100*ms, 500*ms), Collector: pickOf(r, 5*ms, 50*ms, time.Second), Scheduler: pickOf(r, ms, 10*ms, 200*ms),
		Pull: pickOf(r, 10*ms, time.Second, 5*time.Second), Init: pickOf(r, 10*ms, 2*time.Second), Ready: pickOf(r, 10*ms, 500*ms, 2*time.Second, 10*time.Second),
		Stop: pickOf(r, 10*ms, time.Second, 10*time.Second), Events: pickOf(r, 5*ms, 100*ms, time.Second),
	}
}

func server(r *rand.Rand) simworld.ServerConfig {
	return simworld.ServerConfig{
		Latency: pickOf(r, ms, 5*ms, 20*ms), WatchDelay: pickOf(r, 5*ms, 50*ms, 300*ms),
		WatchList: pickOf(r, "", "", "", "refuses", "ignores"), HTTP1: r.IntN(4) == 0,
	}
}

// deadlines gives some predictors a progress deadline, and some runs one for all.
func (s *scenario) deadlines(r *rand.Rand) {
	if r.IntN(6) == 0 {
		predictors, _, _ := unstructured.NestedSlice(s.manifest.Object, "spec", "predictors")
		for _, p := range predictors {
			if m, ok := p.(map[string]any); ok {
				m["progressDeadlineSeconds"] = int64(20 + r.IntN(40))
			}
		}
		_ = unstructured.SetNestedSlice(s.manifest.Object, predictors, "spec", "predictors")
	}
	if r.IntN(16) == 0 {
		s.families = append(s.families, "deadline")
		s.request.Limits.Total = when(r, 3*time.Minute)
	}
}

// trouble draws the families of what goes wrong.
func (s *scenario) trouble(r *rand.Rand) {
	families := []struct {
		name string
		add  func(*rand.Rand)
	}{
		{"ill", s.ills},
		{"requests", s.requests},
		{"watches", s.watches},
		{"writes", s.writes},
		{"acts", s.acts},
		{"finalizers", s.finalizers},
		{"interrupt", s.interrupt},
		{"rival", s.rivals},
		{"operator", s.restarts},
		{"laggy", s.laggy},
		{"taken", s.taken},
		{"old operator", s.oldOperator},
		{"forbidden", s.forbid},
	}
	switch r.IntN(20) {
	case 0:
		s.healUnseen(r)
		return
	case 1:
		s.replacedUnseen(r)
		return
	case 2:
		s.editedLate(r)
		return
	case 3:
		s.hungLate(r)
		return
	}
	if r.IntN(5) == 0 {
		return
	}
	for range pickOf(r, 1, 1, 1, 2, 2, 3) {
		f := families[r.IntN(len(families))]
		if !s.has(f.name) {
			s.families = append(s.families, f.name)
			f.add(r)
		}
	}
}

// when draws a time at which something happens: early times are as likely as late ones.
func when(r *rand.Rand, longest time.Duration) time.Duration {
	d := time.Duration(float64(5*ms) * math.Pow(float64(longest)/float64(5*ms), r.Float64()))
	return d + time.Duration(r.IntN(1_000_000))
}

// cue draws a time after a step of the run, so that no step is missed however long others take.
func cue(r *rand.Rand, longest time.Duration) simworld.When {
	cues := []simworld.Cue{simworld.Created, simworld.Started, simworld.Available, simworld.Patched, simworld.Rescaled, simworld.Deleted}
	if r.IntN(2) == 0 {
		return simworld.When{At: when(r, longest)}
	}
	return simworld.When{Cue: cues[r.IntN(len(cues))], At: when(r, 20*time.Second) - 4*ms}
}

func (s *scenario) ills(r *rand.Rand) {
	kinds := []simworld.IllKind{
		simworld.ImageMissing, simworld.BadImageName, simworld.CrashLoop, simworld.OutOfMemory, simworld.ConfigMissing, simworld.InitFails,
		simworld.Unschedulable, simworld.NeverReady, simworld.Quota, simworld.PodsDenied, simworld.SetsQuota, simworld.SetsDenied, simworld.SlowPull, simworld.Evicted, simworld.Ousted, simworld.Flaps,
	}
	ill := simworld.Ill{Kind: kinds[r.IntN(len(kinds))], Which: r.IntN(2), First: 1, Last: 1000}
	switch r.IntN(4) {
	case 0: // only the first pod
		ill.Last = 1
	case 1: // the pods of the scaling
		ill.First = 2
	}
	if ill.Kind == simworld.Evicted {
		ill.Last = ill.First
	}
	if r.IntN(2) == 0 || ill.Kind == simworld.Flaps {
		ill.Until = pickOf(r, 3*time.Second, 12*time.Second, 25*time.Second, 45*time.Second, 90*time.Second) + time.Duration(r.IntN(int(time.Second)))
	}
	s.config.Ills = append(s.config.Ills, ill)
}

func (s *scenario) requests(r *rand.Rand) {
	kinds := []simworld.FaultKind{simworld.Refused, simworld.TooMany, simworld.TooManyWait, simworld.Internal, simworld.Unavailable, simworld.Hangs, simworld.Slow, simworld.Restart, simworld.Expired}
	for range 1 + r.IntN(3) {
		s.config.Faults = append(s.config.Faults, simworld.Fault{
			Kind: kinds[r.IntN(len(kinds))], When: cue(r, 2*time.Minute), For: pickOf(r, 100*ms, 2*time.Second, 8*time.Second, 40*time.Second), Only: only(r),
		})
	}
}

// healUnseen lets an illness pass while the program cannot see it.
func (s *scenario) healUnseen(r *rand.Rand) {
	s.families = append(s.families, "ill", "requests")
	s.ills(r)
	ill := &s.config.Ills[0]
	ill.Until = pickOf(r, 8*time.Second, 20*time.Second, 40*time.Second)
	s.config.Faults = append(s.config.Faults, simworld.Fault{
		Kind: pickOf(r, simworld.Refused, simworld.Unavailable, simworld.Hangs), When: simworld.When{At: ill.Until - time.Duration(r.IntN(int(8*time.Second)))},
		For: pickOf(r, 20*time.Second, 60*time.Second), Only: pickOf(r, "", "Pod"),
	})
}

// replacedUnseen puts another object in the place of ours a moment before the program writes.
func (s *scenario) replacedUnseen(r *rand.Rand) {
	s.families = append(s.families, "acts", "laggy")
	s.config.Server.WatchDelay = pickOf(r, 50*ms, time.Second, 8*time.Second)
	at := simworld.When{Cue: pickOf(r, simworld.Created, simworld.Available, simworld.Patched, simworld.Rescaled), At: time.Duration(r.IntN(int(2 * time.Second)))}
	s.config.Acts = append(s.config.Acts, simworld.Act{Kind: pickOf(r, simworld.Recreate, simworld.DeleteHard), When: at})
	if r.IntN(2) == 0 {
		at.At += time.Duration(r.IntN(int(300 * ms)))
		s.families = append(s.families, "interrupt")
		s.interrupts = []simworld.When{at}
	}
}

// hungLate lets the API server fall silent a moment before the deadline for all.
func (s *scenario) hungLate(r *rand.Rand) {
	s.families = append(s.families, "requests", "deadline")
	s.request.Limits.Total = when(r, time.Minute) + 3*time.Second
	at := simworld.When{At: s.request.Limits.Total - time.Duration(r.IntN(int(3*time.Second)))}
	s.config.Faults = append(s.config.Faults, simworld.Fault{Kind: simworld.Hangs, When: at, For: 40 * time.Second})
}

// editedLate changes the spec at the very moment at which the goal is reached, by an operator that
// takes its time.
func (s *scenario) editedLate(r *rand.Rand) {
	s.families = append(s.families, "acts")
	s.config.Operator.Lag = pickOf(r, 200*ms, time.Second, 3*time.Second)
	for _, c := range []simworld.Cue{simworld.Available, simworld.Rescaled} {
		kind := pickOf(r, simworld.EditEnv, simworld.EditImage, simworld.EditLabels, simworld.EditReplicas, simworld.EditTraffic, simworld.EditComponents)
		s.config.Acts = append(s.config.Acts, simworld.Act{Kind: kind, When: simworld.When{Cue: c, At: time.Duration(r.IntN(int(60 * ms)))}})
	}
}

// taken gives a name that the manifest implies to somebody else, before the run or during it.
func (s *scenario) taken(r *rand.Rand) {
	names := simseldon.Wanted(s.manifest).Deployments
	if len(names) == 0 {
		return
	}
	n, name := int32(1), names[r.IntN(len(names))]
	labels := map[string]string{"app": "other"}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "other", Image: "other:1"}}}}
	limit := int32(600)
	act := simworld.Act{Kind: simworld.TakeName, Object: &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       appsv1.DeploymentSpec{Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template, ProgressDeadlineSeconds: &limit},
	}}
	if r.IntN(3) == 0 {
		act.When = simworld.When{At: when(r, 500*ms)}
	}
	s.config.Acts = append(s.config.Acts, act)
}

func only(r *rand.Rand) string {
	return pickOf(r, "", "", "SeldonDeployment", "Deployment", "ReplicaSet", "Pod", "Service", "Event")
}

func (s *scenario) watches(r *rand.Rand) {
	kinds := []simworld.FaultKind{simworld.WatchClosed, simworld.WatchCut, simworld.WatchExpired, simworld.WatchError, simworld.WatchSilent}
	for range 1 + r.IntN(5) {
		s.config.Faults = append(s.config.Faults, simworld.Fault{
			Kind: kinds[r.IntN(len(kinds))], When: cue(r, 2*time.Minute), For: pickOf(r, 0, 0, ms), Only: only(r),
		})
	}
	if r.IntN(3) == 0 { // the list that has to show what was missed lags behind what was shown before
		stuck := simworld.Fault{Kind: simworld.StaleList, When: cue(r, 2*time.Minute), For: pickOf(r, time.Second, 8*time.Second, 20*time.Second), Only: only(r)}
		expired := simworld.Fault{Kind: simworld.WatchExpired, When: stuck.When, Only: stuck.Only}
		expired.At += pickOf(r, 100*ms, 700*ms, 5*time.Second)
		s.config.Faults = append(s.config.Faults, stuck, expired)
	}
}

func (s *scenario) writes(r *rand.Rand) {
	kinds := []simworld.FaultKind{simworld.LostApplied, simworld.LostApplied, simworld.LostUnapplied, simworld.FailedApplied}
	s.config.Faults = append(s.config.Faults, simworld.Fault{Kind: kinds[r.IntN(len(kinds))], Nth: 1 + r.IntN(3)})
}

func (s *scenario) acts(r *rand.Rand) {
	kinds := []simworld.ActKind{
		simworld.EditReplicas, simworld.EditImage, simworld.EditEnv, simworld.EditTraffic, simworld.EditLabels, simworld.EditComponents, simworld.Annotate,
		simworld.DeleteRoot, simworld.DeleteHard, simworld.Recreate, simworld.ScaleChild, simworld.ImageOfChild, simworld.DeleteChild, simworld.DeletePods,
		simworld.EndNamespace,
	}
	for range 1 + r.IntN(3) {
		s.config.Acts = append(s.config.Acts, simworld.Act{Kind: kinds[r.IntN(len(kinds))], When: cue(r, time.Minute)})
	}
}

func (s *scenario) finalizers(r *rand.Rand) {
	at := cue(r, 20*time.Second)
	s.config.Acts = append(s.config.Acts, simworld.Act{Kind: pickOf(r, simworld.HoldRoot, simworld.HoldChild), When: at})
	if r.IntN(2) == 0 {
		at.At += when(r, 3*time.Minute)
		s.config.Acts = append(s.config.Acts, simworld.Act{Kind: simworld.LetGo, When: at})
	}
}

func (s *scenario) interrupt(r *rand.Rand) {
	at := cue(r, time.Minute)
	s.interrupts = []simworld.When{at}
	if r.IntN(3) == 0 {
		at.At += when(r, 10*time.Second)
		s.interrupts = append(s.interrupts, at)
	}
}

func (s *scenario) rivals(r *rand.Rand) { s.rival = when(r, 20*time.Second) }

func (s *scenario) restarts(r *rand.Rand) {
	for range 1 + r.IntN(2) {
		s.config.Operator.Down = append(s.config.Operator.Down, simworld.Span{At: when(r, time.Minute), For: pickOf(r, time.Second, 10*time.Second, time.Minute)})
	}
}

func (s *scenario) oldOperator(r *rand.Rand) {
	s.config.Operator.Switches = simseldon.Switches{NoConditions: r.IntN(2) == 0, NeverFailed: r.IntN(2) == 0, RecreateDuringDelete: r.IntN(4) == 0}
	if s.config.Operator.Switches.RecreateDuringDelete { // for ever, so slowly
		s.config.Operator.Lag, s.request.Limits.Wait = 3*time.Second, 40*time.Second
	}
}

// forbid takes permissions away that a run can do without.
func (s *scenario) forbid(r *rand.Rand) {
	s.config.Server.Forbidden = []string{pickOf(r, "Event", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler")}
}

func (s *scenario) laggy(r *rand.Rand) {
	s.config.Server.WatchDelay = pickOf(r, 2*time.Second, 8*time.Second)
}

func (s scenario) String() string {
	c := s.config
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s, scaled to %d, families [%s]\n  limits %v, keep %s, fail-fast %t\n  pace %+v\n  server %+v, ahead by %s\n  operator %+v\n",
		s.seed, s.shape, s.request.Replicas, strings.Join(s.families, " "), s.request.Limits, s.request.Keep, s.request.FailFast, c.Pace, c.Server, c.Ahead, c.Operator)
	for _, ill := range c.Ills {
		fmt.Fprintf(&b, "  ill: %+v\n", ill)
	}
	for _, f := range c.Faults {
		fmt.Fprintf(&b, "  fault: %+v\n", f)
	}
	for _, set := range c.Clock {
		fmt.Fprintf(&b, "  the clock is set: %+v\n", set)
	}
	for _, a := range c.Acts {
		fmt.Fprintf(&b, "  act: %s at %+v\n", a.Kind, a.When)
	}
	if len(s.interrupts) > 0 {
		fmt.Fprintf(&b, "  interrupts: %v\n", s.interrupts)
	}
	if s.found != nil {
		fmt.Fprintf(&b, "  %s at %+v\n", s.found.verb, s.found.begins)
	}
	if s.rival > 0 {
		fmt.Fprintf(&b, "  rival at %s\n", s.rival)
	}
	return b.String()
}
