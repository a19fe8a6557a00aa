package seldon

import (
	"crypto/md5" //nolint:gosec // the operator's own way to shorten names, not a protection of anything
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/seldonctl/seldonctl/internal/engine"
)

// longest is the length from which on the operator replaces a name by a hash.
const longest = 63

// short returns the name as the operator gives it: itself, or its hash where it is too long.
func short(name string) string {
	if len(name) <= longest {
		return name
	}
	return "seldon-" + digest(name)
}

func digest(name string) string {
	sum := md5.Sum([]byte(name)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// componentNames returns the names that a component's Deployment may have: an operator that runs
// with DEPLOYMENT_NAME_AS_PREFIX hashes in another form, where that one is short enough.
func (d deployment) componentNames(p predictor, index int, c component) []string {
	last := c.name
	if last == "" {
		last = strings.Join(containerNames(c.containers), "-")
	}
	long := d.name + "-" + p.name + "-" + strconv.Itoa(index) + "-" + last
	names := []string{short(long)}
	if prefixed := d.name + "-" + digest(long); len(long) > longest && len(prefixed) <= longest {
		names = append(names, prefixed)
	}
	return names
}

func (d deployment) orchestratorName(p predictor) string {
	return short(d.name + "-" + p.name + "-svc-orch")
}

// explainerName is the name of the explainer's Deployment and of its Service.
func (d deployment) explainerName(p predictor) string {
	return short(d.name + "-" + p.name + "-explainer")
}

// predictorService is the name of the Service through which a predictor is reached.
func (d deployment) predictorService(p predictor) string {
	if name := p.annotations[serviceName]; name != "" {
		return name
	}
	return short(d.name + "-" + p.name)
}

// unitService is the name of the Service of one container.
func (d deployment) unitService(p predictor, container string) string {
	return short(d.name + "-" + p.name + "-" + container)
}

func containerNames(containers []engine.Container) []string {
	var names []string
	for _, c := range containers {
		names = append(names, c.Name)
	}
	return names
}
