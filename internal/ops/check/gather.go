package check

import (
	"context"
	"errors"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// answer is what a question brought.
type answer[T any] struct {
	value T
	err   error
}

// tried is what a dry run brought.
type tried struct {
	done     bool
	warnings []string
	err      error
}

// answers is all that the cluster said.
type answers struct {
	version    answer[string]
	served     answer[[]string]
	deployment answer[[]appsv1.Deployment]
	namespace  answer[*corev1.Namespace]
	quotas     answer[[]corev1.ResourceQuota]
	ranges     answer[[]corev1.LimitRange]
	needs      []need
	may        answer[[]bool] // one for each verb of each need
	probe      tried
	tries      []tried // one for each manifest
}

// gather asks for everything. Where the API server cannot be reached it asks no more.
func gather(ctx context.Context, c Cluster, req Request) answers {
	a := answers{needs: needs(req)}
	a.version.value, a.version.err = c.Version(ctx)
	if a.version.err != nil && !apierrors.IsForbidden(a.version.err) {
		return a
	}
	a.served.value, a.served.err = c.Served(ctx, req.Engine.Identity().Resource)
	_, there := served(req, a) // before anything is asked beside it: it looks at all answers
	var questions sync.WaitGroup
	questions.Go(func() { a.namespace.value, a.namespace.err = c.Namespace(ctx, req.Namespace) })
	questions.Go(func() { a.quotas.value, a.quotas.err = c.Quotas(ctx, req.Namespace) })
	questions.Go(func() { a.ranges.value, a.ranges.err = c.Ranges(ctx, req.Namespace) })
	questions.Go(func() { a.may.value, a.may.err = c.May(ctx, acts(req, a.needs)) })
	if there {
		if operated, ok := req.Engine.(engine.Operated); ok {
			questions.Go(func() { a.deployment.value, a.deployment.err = c.Deployments(ctx, operated.Selector()) })
			questions.Go(func() { a.probe = probe(ctx, c, req, operated) })
		}
		questions.Go(func() { a.tries = tryAll(ctx, c, req) })
	}
	questions.Wait()
	return a
}

// unanswered returns the error of a question that got no answer in time, if there is one.
func (a answers) unanswered() error {
	for _, err := range []error{a.served.err, a.deployment.err, a.namespace.err, a.quotas.err, a.ranges.err, a.may.err, a.probe.err} {
		if errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}

// probe tries to create what the operator's webhook must refuse.
func probe(ctx context.Context, c Cluster, req Request, operated engine.Operated) tried {
	o, _ := operated.Probe(req.Namespace)
	if chosen := choices(req); chosen[0] != "" {
		o.SetLabels(map[string]string{req.Engine.Identity().Chooses: chosen[0]})
	}
	return try(ctx, c, req, o)
}

func tryAll(ctx context.Context, c Cluster, req Request) []tried {
	tries := make([]tried, len(req.Manifests))
	for i, m := range req.Manifests {
		o := ops.Prepared(m.Object, req.Engine.Identity())
		o.SetNamespace(req.Namespace)
		tries[i] = try(ctx, c, req, o)
	}
	return tries
}

// try makes a dry run that drops unknown fields with a warning: where it is strict, the API server says
// nothing more once it has found one.
func try(ctx context.Context, c Cluster, req Request, o *unstructured.Unstructured) tried {
	got, err := c.Create(ctx, req.Engine.Identity().Resource, o, engine.WriteOptions{DryRun: true})
	return tried{done: true, warnings: got.Warnings, err: err}
}

// acts are the questions about permissions that the needs lead to.
func acts(req Request, needs []need) []authorizationv1.ResourceAttributes {
	var all []authorizationv1.ResourceAttributes
	for _, n := range needs {
		for _, verb := range n.verbs {
			all = append(all, authorizationv1.ResourceAttributes{
				Namespace: req.Namespace, Verb: verb, Group: n.resource.Group, Resource: n.resource.Resource, Subresource: n.sub,
			})
		}
	}
	return all
}

// choices are the values by which the manifests choose an operator, each once; "" where there is none.
func choices(req Request) []string {
	var all []string
	known := map[string]bool{}
	for _, m := range req.Manifests {
		if value := m.Object.GetLabels()[req.Engine.Identity().Chooses]; !known[value] {
			all, known[value] = append(all, value), true
		}
	}
	if len(all) == 0 {
		return []string{""}
	}
	return all
}
