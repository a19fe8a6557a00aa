package check

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// oldestServer is the oldest Kubernetes that all commands work with.
const oldestServer = "1.17.0"

// server tells of the API server, and whether there is any use in looking further.
func server(req Request, a answers) ([]Finding, bool) {
	switch err := a.version.err; {
	case apierrors.IsForbidden(err):
		return []Finding{unknown(APIServer, "its version, but it answers", err)}, true
	case err != nil:
		f := refused(req, APIServer, subject(req), err)
		if f.Reason != string(ops.Denied) {
			f.Reason = string(ops.Unusable)
		}
		return []Finding{f}, false
	}
	v, err := version.ParseGeneric(a.version.value)
	if err == nil && v.LessThan(version.MustParseGeneric(oldestServer)) {
		return []Finding{warning(APIServer, "it answers, but Kubernetes "+a.version.value+" is older than "+oldestServer+", the oldest that seldonctl is written for", "")}, true
	}
	return []Finding{fine(APIServer, "Kubernetes "+a.version.value+" answers")}, true
}

// served tells of the custom resource, and whether there is one to work with. Where that cannot be read it
// is taken to be there.
func served(req Request, a answers) ([]Finding, bool) {
	id := req.Engine.Identity()
	name, versions := id.Resource.GroupResource().String(), a.served.value
	install := "install Seldon Core, or choose another --context, or try --local"
	switch {
	case a.served.err != nil:
		return []Finding{unknown(Kind, "whether "+name+" is served", a.served.err)}, true
	case len(versions) == 0:
		return []Finding{problem(ops.Unusable, Kind, "Seldon Core is not installed here: the API server does not know "+name, install)}, false
	case !slices.Contains(versions, id.Resource.Version):
		return []Finding{problem(ops.Unusable, Kind, fmt.Sprintf("%s is served as %s, but not as %s", name, strings.Join(versions, ", "), id.Resource.Version), install)}, false
	}
	return []Finding{fine(Kind, name+" is served as "+strings.Join(versions, ", "))}, true
}

// namespace tells whether the namespace is there. Who may not read it learns that from the dry run.
func namespace(req Request, a answers) []Finding {
	name, err := req.Namespace, a.namespace.err
	if apierrors.IsForbidden(err) && a.probe.err != nil {
		if r := ops.ExplainManifest(a.probe.err, subject(req), req.Engine.Identity(), nil); strings.HasPrefix(r.Text, "namespace ") {
			return []Finding{problem(r.Reason, Namespace, r.Text, r.Hint)}
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		return []Finding{problem(ops.Invalid, Namespace, "namespace "+name+" does not exist", "kubectl create namespace "+name)}
	case err != nil:
		return []Finding{unknown(Namespace, "whether namespace "+name+" is as it must be", err)}
	case a.namespace.value.DeletionTimestamp != nil || a.namespace.value.Status.Phase == corev1.NamespaceTerminating:
		return []Finding{problem(ops.Unusable, Namespace, "namespace "+name+" is being deleted: nothing can be created in it", "wait until it is gone and make it anew, or choose another one with -n")}
	}
	return []Finding{fine(Namespace, "namespace "+name+" is there")}
}

// webhook tells whether the operator's admission webhook answers: it must have refused the probe.
func webhook(req Request, a answers) []Finding {
	operated, ok := req.Engine.(engine.Operated)
	if !ok || !a.probe.done {
		return nil
	}
	_, refusal := operated.Probe(req.Namespace)
	err := a.probe.err
	switch {
	case err == nil:
		return []Finding{warning(Webhook, "no admission webhook looks at what is created in namespace "+req.Namespace+": a manifest's mistakes show only later",
			"kubectl get validatingwebhookconfigurations, and look at their namespaceSelector")}
	case strings.Contains(err.Error(), refusal):
		return []Finding{fine(Webhook, "the operator's admission webhook answers: it refused a dry run of what is wrong")}
	case apierrors.IsNotFound(err) || strings.Contains(err.Error(), "because it is being terminated"):
		return nil // the namespace's finding says it
	}
	r := ops.ExplainManifest(err, subject(req), req.Engine.Identity(), nil)
	if r.Reason == ops.Unusable && strings.Contains(err.Error(), "webhook") {
		return []Finding{problem(r.Reason, Webhook, r.Text, r.Hint)}
	}
	return []Finding{unknown(Webhook, "whether the operator's admission webhook answers", err)}
}
