package spec

import (
	"crypto/md5" //nolint:gosec // the operator's own hash, for names and not for secrets
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// longest is the length above which a name is hashed: what a label's value may have.
const longest = 63

// Labels that the operator sets and reads.
const (
	LabelID       = "seldon-deployment-id"
	LabelApp      = "seldon-app"
	LabelUnit     = "seldon-app-svc"
	LabelEngine   = "seldon-deployment-contains-svcorch"
	LabelRole     = "seldon.io/"
	LabelManaged  = "app.kubernetes.io/managed-by"
	LabelSkip     = "seldon.io/controller-id"
	AnnotationSvc = "seldon.io/svc-name"
)

// Hashed gives a name, or the operator's hash of one that is too long.
func Hashed(name string) string {
	if len(name) <= longest {
		return name
	}
	sum := md5.Sum([]byte(name)) //nolint:gosec // the same
	return "seldon-" + hex.EncodeToString(sum[:])
}

// ID is the value of the label that finds most of what belongs to this SeldonDeployment.
func (d *SeldonDeployment) ID() string { return Hashed(d.Name) }

// PredictorService is the name of a predictor's Service, which the separate engine also takes for its ID label.
func (d *SeldonDeployment) PredictorService(p *Predictor) string {
	if own := p.Annotations[AnnotationSvc]; own != "" {
		return own
	}
	return Hashed(d.Name + "-" + p.Name)
}

// UnitService is the name of a graph unit's Service; a custom name for the predictor's does not reach it.
func (d *SeldonDeployment) UnitService(p *Predictor, unit string) string {
	return Hashed(d.Name + "-" + p.Name + "-" + unit)
}

// ComponentName is the name of a component's Deployment, made of its own name or of its containers' names: a renamed container renames the Deployment.
func (d *SeldonDeployment) ComponentName(p *Predictor, index int, c *Component) string {
	parts := []string{d.Name, p.Name, strconv.Itoa(index)}
	if c.Metadata.Name != "" {
		return Hashed(strings.Join(append(parts, c.Metadata.Name), "-"))
	}
	for i := range c.Spec.Containers {
		parts = append(parts, c.Spec.Containers[i].Name)
	}
	return Hashed(strings.Join(parts, "-"))
}

// EngineName is the name of a separate engine's Deployment.
func (d *SeldonDeployment) EngineName(p *Predictor) string {
	return Hashed(d.Name + "-" + p.Name + "-svc-orch")
}

// ExplainerName is the name of an explainer's Deployment and Service.
func (d *SeldonDeployment) ExplainerName(p *Predictor) string {
	return Hashed(d.Name + "-" + p.Name + "-explainer")
}

// VersionOf is the value of the version label.
func (p *Predictor) VersionOf() string { return orElse(p.Labels["version"], p.Name) }

// RoleLabel is the label for a unit's type.
func (u *Unit) RoleLabel() map[string]string {
	roles := []string{"MODEL", "ROUTER", "COMBINER", "TRANSFORMER", "OUTPUT_TRANSFORMER"}
	if !slices.Contains(roles, u.Kind()) {
		return nil
	}
	return map[string]string{LabelRole + strings.ReplaceAll(strings.ToLower(u.Kind()), "_", "-"): "true"}
}

// Owner is the reference that every child carries.
func (d *SeldonDeployment) Owner() metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: Group + "/" + Version, Kind: Kind, Name: d.Name, UID: d.UID, Controller: &yes, BlockOwnerDeletion: &yes}
}
