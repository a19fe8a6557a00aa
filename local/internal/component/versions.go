package component

import (
	"fmt"
	"runtime/debug"
	"strings"
	_ "unsafe" // for the linker's names below

	"k8s.io/component-base/version"
)

// Kubernetes takes its version from the linker when it is built as itself. Here it is a library, whose version the Go toolchain has recorded; without this
// the API server would call itself v0.0.0-master.
var (
	//go:linkname kubernetesVersion k8s.io/component-base/version.gitVersion
	kubernetesVersion string //nolint:gochecknoglobals // another package's variable under a name of ours
	//go:linkname kubernetesMajor k8s.io/component-base/version.gitMajor
	kubernetesMajor string //nolint:gochecknoglobals // another package's variable under a name of ours
	//go:linkname kubernetesMinor k8s.io/component-base/version.gitMinor
	kubernetesMinor string //nolint:gochecknoglobals // another package's variable under a name of ours
	//go:linkname kubernetesCommit k8s.io/component-base/version.gitCommit
	kubernetesCommit string //nolint:gochecknoglobals // another package's variable under a name of ours
	//go:linkname kubernetesTree k8s.io/component-base/version.gitTreeState
	kubernetesTree string //nolint:gochecknoglobals // another package's variable under a name of ours
)

// Part is something of others that this program contains.
type Part struct{ Name, Version string }

// Versions are the versions of what this program contains, as the Go toolchain has recorded them.
func Versions() []Part {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var parts []Part
	for _, wanted := range [][2]string{{"kubernetes", "k8s.io/kubernetes"}, {"etcd", "go.etcd.io/etcd/server/v3"}, {"kwok", "sigs.k8s.io/kwok"}} {
		for _, module := range info.Deps {
			if module.Path == wanted[1] {
				parts = append(parts, Part{Name: wanted[0], Version: module.Version})
			}
		}
	}
	return parts
}

// nameKubernetes tells the parts of Kubernetes which version they are.
func nameKubernetes() error {
	for _, part := range Versions() {
		numbers := strings.SplitN(strings.TrimPrefix(part.Version, "v"), ".", 3)
		if part.Name != "kubernetes" || len(numbers) != 3 {
			continue
		}
		kubernetesVersion, kubernetesMajor, kubernetesMinor = part.Version, numbers[0], numbers[1]
		kubernetesCommit, kubernetesTree = "", "clean"
		if err := version.SetDynamicVersion(part.Version); err != nil {
			return fmt.Errorf("set the version of Kubernetes: %w", err)
		}
	}
	return nil
}
