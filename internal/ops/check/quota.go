package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// group is a number of equal pods.
type group struct {
	engine.Pods
	asks asks
}

// quotas tells whether the namespace's quotas have room for what the manifests ask for.
func quotas(req Request, a answers) []Finding {
	switch {
	case a.quotas.err != nil:
		return []Finding{unknown(Quota, "whether there is room", a.quotas.err)}
	case len(a.quotas.value) == 0:
		return []Finding{fine(Quota, "no ResourceQuota limits namespace "+req.Namespace)}
	}
	groups, objects := demand(req, a)
	var found []Finding
	for i := range a.quotas.value {
		found = append(found, room(&a.quotas.value[i], groups, objects)...)
	}
	if a.ranges.err != nil {
		found = append(found, unknown(Quota, "what containers ask for that say nothing themselves", a.ranges.err))
	}
	return found
}

// demand is what the manifests ask for: pods, and other objects by the names that quotas have for them.
// An object that exists already is left out, because its pods are counted as used.
func demand(req Request, a answers) ([]group, map[corev1.ResourceName]int64) {
	operated, ok := req.Engine.(engine.Operated)
	if !ok {
		return nil, nil
	}
	defaults := defaultsOf(a.ranges.value)
	var groups []group
	objects := map[corev1.ResourceName]int64{}
	for i, m := range req.Manifests {
		if i < len(a.tries) && apierrors.IsAlreadyExists(a.tries[i].err) {
			continue
		}
		o := m.Object
		if req.Replicas != nil {
			if edit, err := req.Engine.Scale(o, engine.ScaleRequest{Replicas: *req.Replicas}); err == nil {
				o = edit.After
			}
		}
		pods, err := operated.Pods(o)
		if err != nil {
			continue // what is wrong with it is told elsewhere
		}
		for _, p := range pods {
			groups = append(groups, group{p, asksOf(p.Spec, defaults)})
		}
		implied, _ := req.Engine.Implied(o)
		objects["count/"+corev1.ResourceName(req.Engine.Identity().Resource.GroupResource().String())]++
		objects["count/deployments.apps"] += int64(len(pods))
		objects["count/replicasets.apps"] += int64(len(pods))
		objects["count/services"] += int64(len(implied.Services))
		objects["services"] += int64(len(implied.Services))
	}
	if len(req.Manifests) == 0 && req.Replicas != nil {
		groups = append(groups, group{engine.Pods{Fewest: *req.Replicas, Most: *req.Replicas}, asks{}})
	}
	return groups, objects
}

// room tells whether one quota has room.
func room(q *corev1.ResourceQuota, groups []group, objects map[corev1.ResourceName]int64) []Finding {
	name := "ResourceQuota " + q.Name
	var mine []group
	for _, g := range groups {
		applies, known := within(q, g)
		if !known {
			return []Finding{warning(Quota, "cannot tell whether "+name+" applies: its scopes depend on more than the manifest says", "")}
		}
		if applies {
			mine = append(mine, g)
		}
	}
	fewest, most := objectsIn(objects), objectsIn(objects)
	var found []Finding
	for _, g := range mine {
		add(fewest, &g.asks, g.Fewest)
		add(most, &g.asks, g.Most)
		found = append(found, unsaid(q, g)...)
	}
	var left []string
	hard := hardOf(q)
	for _, r := range slices.Sorted(maps.Keys(hard)) {
		free := hard[r].DeepCopy()
		free.Sub(q.Status.Used[r])
		asked, mostAsked := fewest[r], most[r]
		short := func(asked string) string {
			return fmt.Sprintf("%s leaves %s of %s %s; asked for: %s", name, textOf(free), textOf(hard[r]), r, asked)
		}
		remedy := "ask for less (resources, replicas), or have the quota raised"
		switch {
		case asked.Cmp(free) > 0:
			found = append(found, problem(ops.Invalid, Quota, short(textOf(asked)), remedy))
		case mostAsked.Cmp(free) > 0:
			found = append(found, warning(Quota, short("up to "+textOf(mostAsked)+", when autoscaled"), remedy))
		default:
			left = append(left, fmt.Sprintf("%s of %s %s", textOf(free), textOf(hard[r]), r))
		}
	}
	if len(found) == 0 {
		found = append(found, fine(Quota, name+" has room: "+strings.Join(left, ", ")+" left"))
	}
	return found
}

// unsaid tells what containers must ask for where a quota limits it, and do not.
func unsaid(q *corev1.ResourceQuota, g group) []Finding {
	if g.Workload == "" {
		return nil
	}
	var found []Finding
	for _, r := range slices.Sorted(maps.Keys(hardOf(q))) {
		for _, c := range g.asks.silent[r] {
			found = append(found, problem(ops.Invalid, Quota,
				fmt.Sprintf("ResourceQuota %s limits %s, so that every container must say it, but %s of %s does not: its pods are refused", q.Name, r, c, g.Workload),
				"give the container resources, or the namespace a LimitRange with defaults"))
		}
	}
	return found
}

// within reports whether a quota counts the pods, and whether that can be told.
func within(q *corev1.ResourceQuota, g group) (applies, known bool) {
	scopes := slices.Clone(q.Spec.Scopes)
	if q.Spec.ScopeSelector != nil {
		for _, e := range q.Spec.ScopeSelector.MatchExpressions {
			if e.Operator != corev1.ScopeSelectorOpExists {
				return false, false
			}
			scopes = append(scopes, e.ScopeName)
		}
	}
	for _, s := range scopes {
		switch s {
		case corev1.ResourceQuotaScopeTerminating:
			return false, true // these pods run for ever
		case corev1.ResourceQuotaScopeNotTerminating:
		case corev1.ResourceQuotaScopeBestEffort:
			if !g.asks.nothing() {
				return false, true
			}
		case corev1.ResourceQuotaScopeNotBestEffort:
			if g.asks.nothing() {
				return false, true
			}
		default:
			return false, false
		}
	}
	return true, true
}

func objectsIn(objects map[corev1.ResourceName]int64) corev1.ResourceList {
	list := corev1.ResourceList{}
	for r, n := range objects {
		list[r] = *resource.NewQuantity(n, resource.DecimalSI)
	}
	return list
}

// add adds what some equal pods ask for, by the names that quotas have for it.
func add(sum corev1.ResourceList, a *asks, pods int32) {
	for r, q := range a.counted() {
		total, asked := sum[r], q.DeepCopy()
		asked.Mul(int64(max(pods, 0)))
		total.Add(asked)
		sum[r] = total
	}
}

// hardOf returns a quota's limits: those that are in force, or, as long as its controller has not seen it,
// those that it asks for.
func hardOf(q *corev1.ResourceQuota) corev1.ResourceList {
	if len(q.Status.Hard) == 0 {
		return q.Spec.Hard
	}
	return q.Status.Hard
}

func textOf(q resource.Quantity) string { return q.String() }
