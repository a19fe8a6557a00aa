package simworld

import (
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// operatorName is the operator's field manager.
const operatorName = "seldon-manager"

// OperatorConfig is how the Seldon operator is.
type OperatorConfig struct {
	Switches simseldon.Switches
	// Lag is how long it takes to look at what has changed; Stale how old its cache is.
	Lag, Stale time.Duration
	// Down are the times in which it is not running, by start and length.
	Down []Span
	// Busy are the times in which its one worker is busy with other objects: what it is told meanwhile, it
	// looks at afterwards.
	Busy []Busy
	// Refused are the times in which the API server refuses its updates of Deployments, and how.
	Refused []Refusal
}

// Refusal is a stretch of time, which a cue begins, with the API server's words.
type Refusal struct {
	Busy
	Why RefusalKind
}

// RefusalKind is why the API server refuses an update.
type RefusalKind string

// The kinds of refusals. Only the last does not pass by itself.
const (
	WebhookDown RefusalKind = "failed calling webhook"
	TimesOut    RefusalKind = "timed out"
	IsInvalid   RefusalKind = "is invalid"
)

// Busy is a stretch of time that a cue begins.
type Busy struct {
	When
	For time.Duration
}

// Span is a stretch of time.
type Span struct{ At, For time.Duration }

// operator is the Seldon operator: one worker that takes one object after the other.
type operator struct {
	w     *World
	a     *actor
	busy  map[string]bool
	again map[string]bool
	fails map[string]int
	// wanted are the names that each generation asks for.
	wanted map[string]simseldon.Names
	// free is when its worker is free again.
	free time.Duration
	// refusals are those in force.
	refusals map[RefusalKind]bool
}

func newOperator(w *World) *operator {
	return &operator{w: w, busy: map[string]bool{}, again: map[string]bool{}, fails: map[string]int{}, wanted: map[string]simseldon.Names{}, refusals: map[RefusalKind]bool{}}
}

// actor makes the operator one of the actors. It watches the custom resource and the Deployments and
// Services that one owns, and when it has been down it looks at everything.
func (p *operator) actor() *actor {
	p.a = p.w.newActor("operator", p.w.Operator.Lag, func(c *change) []string {
		switch c.Kind {
		case Root:
			return []string{c.Object.GetName()}
		case "Deployment", "Service":
			for _, ref := range c.Object.GetOwnerReferences() {
				if ref.Kind == Root {
					return []string{ref.Name}
				}
			}
		}
		return nil
	}, p.look)
	p.a.told = p.w.Operator.Stale // by its cache
	for _, busy := range p.w.Operator.Busy {
		p.w.on(busy.When, func() {
			p.w.notef("operator busy for %s", busy.For)
			p.free = max(p.free, p.w.now()+busy.For)
		})
	}
	for _, refusal := range p.w.Operator.Refused {
		p.w.on(refusal.When, func() {
			p.w.notef("updates of Deployments are refused for %s: %s", refusal.For, refusal.Why)
			p.w.happens("operator refused: " + string(refusal.Why))
			p.refusals[refusal.Why] = true
			p.w.after(refusal.For, func() { delete(p.refusals, refusal.Why) })
		})
	}
	for _, down := range p.w.Operator.Down {
		p.w.after(down.At, func() {
			p.w.notef("operator down")
			p.w.happens("operator restarts")
		})
		p.w.after(down.At+down.For, func() {
			p.w.notef("operator up")
			for _, o := range all[Object](p.w, Root) {
				p.a.poke(o.GetName())
			}
		})
	}
	return p.a
}

func (p *operator) down() bool {
	for _, down := range p.w.Operator.Down {
		if p.w.now() >= down.At && p.w.now() < down.At+down.For {
			return true
		}
	}
	return false
}

// look is one reconcile: it reads from a cache that may be old, and writes step by step.
func (p *operator) look(name string) {
	if p.down() {
		return
	}
	if p.busy[name] {
		p.again[name] = true
		return
	}
	if now := p.w.now(); now < p.free {
		p.a.pokeIn(name, p.free-now)
		return
	}
	world, there := p.read(name)
	if !there {
		return
	}
	p.busy[name] = true
	outcome, err := simseldon.Reconcile(world, p.w.Operator.Switches)
	if err != nil {
		p.failed(name, world, nil, err)
		return
	}
	p.write(name, world, outcome, 0)
}

// read gives the world as the operator's cache shows it.
func (p *operator) read(name string) (simseldon.World, bool) {
	w := p.w
	root, there := stale[*unstructured.Unstructured](w, Root, w.Operator.Stale)[name]
	if !there {
		return simseldon.World{}, false
	}
	uid := string(root.GetUID())
	key := fmt.Sprint(uid, root.GetGeneration())
	wanted, known := p.wanted[key]
	if !known {
		wanted = simseldon.Wanted(root)
		p.wanted[key] = wanted
	}
	return simseldon.World{
		Root:        root,
		Deployments: pick[*appsv1.Deployment](w, "Deployment", w.Operator.Stale, uid, wanted.Deployments),
		Services:    pick[*corev1.Service](w, "Service", w.Operator.Stale, uid, wanted.Services),
		HPAs:        pick[*autoscalingv2.HorizontalPodAutoscaler](w, "HorizontalPodAutoscaler", 0, uid, wanted.HPAs),
		PDBs:        pick[*policyv1.PodDisruptionBudget](w, "PodDisruptionBudget", 0, uid, wanted.PDBs),
		Now:         w.clock(),
	}, true
}

// write does the writes of a pass one after the other, with some time between them.
func (p *operator) write(name string, world simseldon.World, outcome simseldon.Outcome, next int) {
	if next < len(outcome.Writes) {
		p.w.after(p.step(), func() {
			write := &outcome.Writes[next]
			if err := p.apply(write); err != nil {
				p.failed(name, world, write, err)
				return
			}
			if write.Event != nil {
				p.tell(world.Root, *write.Event)
			}
			p.write(name, world, outcome, next+1)
		})
		return
	}
	p.w.after(p.step(), func() { p.conclude(name, world, outcome, nil) })
}

func (p *operator) step() time.Duration {
	return around(p.w.dice(fmt.Sprint("step", p.w.rv)), 5*time.Millisecond)
}

// apply is the API server's side of a write.
func (p *operator) apply(write *simseldon.Write) error {
	o, ok := write.Object.(Object)
	if !ok || p.down() {
		return errGone
	}
	o = copyOf(o)
	if d, ok := o.(*appsv1.Deployment); ok && write.Verb != simseldon.Delete {
		if err := missingVolume(d); err != nil {
			return err
		}
		if err := p.refused(d.Name); err != nil && write.Verb == simseldon.Update {
			return err
		}
		if d.Spec.Replicas == nil {
			one := int32(1)
			d.Spec.Replicas = &one
		}
	}
	var err error
	switch write.Verb {
	case simseldon.Create:
		_, err = p.w.create(o, operatorName)
	case simseldon.Update:
		_, err = p.w.update(o, operatorName, "")
	case simseldon.Delete:
		p.w.delete(kindOf(o), o.GetName(), "Foreground", operatorName)
	}
	if apierrors.IsAlreadyExists(err) {
		if old := p.w.get(kindOf(o), o.GetName()); old.GetDeletionTimestamp() != nil {
			at := p.w.kinds[kindOf(o)].at.GroupResource()
			err = &apierrors.StatusError{ErrStatus: apierrors.NewAlreadyExists(at, o.GetName()).Status()}
			err.(*apierrors.StatusError).ErrStatus.Message = fmt.Sprintf("object is being deleted: %s %q already exists", at, o.GetName()) //nolint:forcetypeassert,errorlint // made above
		}
	}
	return err
}

func (p *operator) failed(name string, world simseldon.World, write *simseldon.Write, err error) {
	p.w.notef("operator fails on %s: %s", name, err)
	p.conclude(name, world, simseldon.Fail(world, write, err, p.w.Operator.Switches), err)
}

// refused is the API server's answer to an update that it does not take at present.
func (p *operator) refused(name string) error {
	switch {
	case p.refusals[IsInvalid]:
		wrong := field.Invalid(field.NewPath("spec", "template", "spec", "containers").Index(0).Child("image"), "", "must not be empty")
		return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, name, field.ErrorList{wrong})
	case p.refusals[WebhookDown]:
		return apierrors.NewInternalError(errors.New(`failed calling webhook "deployments.policy.example": failed to call webhook: connection refused`))
	case p.refusals[TimesOut]:
		return apierrors.NewTimeoutError("the server was unable to return a response in the time allotted", 0)
	}
	return nil
}

// conclude writes the status with the version that the pass has read, and the events.
func (p *operator) conclude(name string, world simseldon.World, outcome simseldon.Outcome, failed error) {
	if outcome.Status != nil && !p.down() {
		root := copyOf(world.Root)
		root.Object["status"] = outcome.Status
		if _, err := p.w.update(root, operatorName, "status"); err != nil {
			failed = err
			if !apierrors.IsNotFound(err) {
				outcome.Events = append(outcome.Events, simseldon.StatusRefused(world, err))
			}
		}
	}
	for _, event := range outcome.Events {
		p.tell(world.Root, event)
	}
	p.busy[name] = false
	if failed == nil {
		p.fails[name] = 0
	} else {
		p.w.after(min(5*time.Millisecond<<min(p.fails[name], 16), 5*time.Minute), func() { p.look(name) }) // a change comes before
		p.fails[name]++
	}
	if p.again[name] {
		p.again[name] = false
		p.a.poke(name)
	}
}

func (p *operator) tell(root *unstructured.Unstructured, e simseldon.Event) {
	p.w.event(root, e.Type, e.Reason, "seldon-controller-manager", e.Message)
}

// missingVolume is the check of the API server that a manifest in the recordings fails.
func missingVolume(d *appsv1.Deployment) error {
	var volumes []string
	for i := range d.Spec.Template.Spec.Volumes {
		volumes = append(volumes, d.Spec.Template.Spec.Volumes[i].Name)
	}
	known := " " + strings.Join(volumes, " ") + " "
	at := field.NewPath("spec", "template", "spec", "containers")
	for i := range d.Spec.Template.Spec.Containers {
		for j, mount := range d.Spec.Template.Spec.Containers[i].VolumeMounts {
			if !strings.Contains(known, " "+mount.Name+" ") {
				wrong := field.NotFound(at.Index(i).Child("volumeMounts").Index(j).Child("name"), mount.Name)
				return apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, d.Name, field.ErrorList{wrong})
			}
		}
	}
	return nil
}

// stale gives the objects of a kind as a cache shows them that is so old.
func stale[T Object](w *World, kind string, age time.Duration) map[string]T {
	found := map[string]T{}
	if age == 0 {
		for _, o := range all[T](w, kind) {
			found[o.GetName()] = o
		}
		return found
	}
	for _, c := range w.kinds[kind].log {
		if c.At > w.now()-age {
			break
		}
		o, ok := c.Object.(T)
		switch {
		case !ok:
		case c.Verb == "DELETED":
			delete(found, c.Object.GetName())
		default:
			found[c.Object.GetName()] = o
		}
	}
	return found
}

// pick gives those that are owned or have a wanted name, by name.
func pick[T Object](w *World, kind string, age time.Duration, uid string, names []string) []T {
	objects := stale[T](w, kind, age)
	var out []T
	for _, name := range sortedKeys(objects) {
		o := objects[name]
		if ownedBy(o, uid) || contains(names, name) {
			out = append(out, o)
		}
	}
	return out
}
