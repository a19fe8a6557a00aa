// Package check is the preflight: whether the cluster, the operator, the permissions, the quota and the
// manifest are such that the other commands can do their work. It asks for everything first and then
// turns the answers into findings, without asking anything more.
//
// It writes nothing: what it creates is a dry run. What it may not read is told as not known, never as a
// failure.
package check

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// Cluster is a cluster that can be asked about itself.
type Cluster interface {
	Server
	Reader
	Trier
}

// Server tells what the API server is and what it allows.
type Server interface {
	// Version returns the API server's version.
	Version(ctx context.Context) (string, error)
	// Served returns the versions of the resource's group that are served; none where the group is not
	// served, or not the resource in the version that is served.
	Served(ctx context.Context, resource schema.GroupVersionResource) ([]string, error)
	// May answers for each of the acts whether the user may carry it out.
	May(ctx context.Context, acts []authorizationv1.ResourceAttributes) ([]bool, error)
}

// Reader reads what decides over a namespace.
type Reader interface {
	Namespace(ctx context.Context, name string) (*corev1.Namespace, error)
	// Deployments returns those of all namespaces that a label selector finds.
	Deployments(ctx context.Context, selector string) ([]appsv1.Deployment, error)
	Quotas(ctx context.Context, namespace string) ([]corev1.ResourceQuota, error)
	Ranges(ctx context.Context, namespace string) ([]corev1.LimitRange, error)
}

// Trier asks the API server, its admission webhooks included, what would become of a write.
type Trier interface {
	Create(ctx context.Context, resource schema.GroupVersionResource, o *unstructured.Unstructured, how engine.WriteOptions) (engine.Answer, error)
}

// Request says what to check.
type Request struct {
	Engine    engine.Engine
	Namespace string
	// Manifests are the custom resources to check; there may be none.
	Manifests []Manifest
	// Replicas is the number for which the quota must have room; nil: what the manifests say.
	Replicas *int32
	// Simulated says that the cluster is the embedded one, whose operator runs outside of it.
	Simulated bool
}

// Manifest is a custom resource of a file.
type Manifest struct {
	Object *unstructured.Unstructured
	// Lines finds the place of a field, or of the nearest one around it.
	Lines ops.Lines
}

// Finding is one line of the outcome.
type Finding struct {
	Severity engine.Severity
	// About is the part that was looked at, Place where in a file it stands.
	About, Place, Text string
	// Remedy is what to do about it.
	Remedy string
	// Reason is the word of the exit code that a problem leads to.
	Reason string
}

// The parts that are looked at, in the order in which they are told.
const (
	APIServer   = "API server"
	Kind        = "kind"
	Operator    = "operator"
	Webhook     = "webhook"
	Namespace   = "namespace"
	Permissions = "permissions"
	Quota       = "quota"
	File        = "manifest"
)

// Run asks the cluster and returns the findings, with the reason that the worst of them leads to.
func Run(ctx context.Context, c Cluster, req Request) ([]Finding, ops.Reason) {
	return rank(judge(req, gather(ctx, c, req)))
}

// Offline looks at the manifests alone.
func Offline(req Request) ([]Finding, ops.Reason) {
	var found []Finding
	for _, m := range req.Manifests {
		found = append(found, mistakes(req.Engine, m, false)...)
	}
	if len(found) == 0 {
		found = append(found, fine(File, "nothing is wrong with it as far as can be told without a cluster"))
	}
	return rank(found)
}

// judge turns the answers into findings.
func judge(req Request, a answers) []Finding {
	found, usable := server(req, a)
	if err := a.unanswered(); usable && err != nil {
		found = append(found, problem(ops.Unusable, APIServer, "it answered at first, and then no more: "+err.Error(), "try again; kubectl get --raw /readyz"))
	}
	if usable {
		if kind, there := served(req, a); there {
			found = append(found, kind...)
			found = append(found, operators(req, a)...)
			found = append(found, webhook(req, a)...)
		} else {
			found = append(found, kind...)
		}
		found = append(found, namespace(req, a)...)
		found = append(found, permissions(req, a)...)
		found = append(found, quotas(req, a)...)
	}
	for i, m := range req.Manifests {
		var t tried
		if i < len(a.tries) {
			t = a.tries[i]
		}
		found = append(found, manifest(req, m, t)...)
	}
	return found
}

// rank returns the findings with the reason that the worst of them leads to.
func rank(found []Finding) ([]Finding, ops.Reason) {
	reason := ops.Reached
	for _, f := range found {
		if f.Severity == engine.Problem {
			reason = ops.Worst(reason, ops.Reason(f.Reason))
		}
	}
	return found, reason
}

func fine(about, text string) Finding {
	return Finding{Severity: engine.Fine, About: about, Text: text}
}

func warning(about, text, remedy string) Finding {
	return Finding{Severity: engine.Warning, About: about, Text: text, Remedy: remedy}
}

func problem(reason ops.Reason, about, text, remedy string) Finding {
	return Finding{Severity: engine.Problem, About: about, Text: text, Remedy: remedy, Reason: string(reason)}
}

// unknown says that something could not be read, which is no failure.
func unknown(about, what string, err error) Finding {
	return warning(about, "cannot tell "+what+": "+err.Error(), "")
}

// refused turns an error of the API server into a finding.
func refused(req Request, about string, o *unstructured.Unstructured, err error) Finding {
	r := ops.ExplainManifest(err, o, req.Engine.Identity(), nil)
	return problem(r.Reason, about, r.Text, r.Hint)
}
