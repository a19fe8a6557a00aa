// Package component runs one part of the embedded cluster in this process: etcd, a part of the Kubernetes control plane, the simulated nodes or the
// operator stand-in. It must never start or watch other processes; that is the supervisor's work (package cluster).
package component

import (
	"context"
	"fmt"
	"os"
	"sort"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// The names of the components, which are also the names of their processes' first argument and of their log files.
const (
	Etcd       = "etcd"
	APIServer  = "kube-apiserver"
	Controller = "kube-controller-manager"
	Scheduler  = "kube-scheduler"
	Kwok       = "kwok"
	Kubelet    = "kubelet"
	Operator   = "seldon-operator"
	Janitor    = "janitor"
)

// runner runs a component until its end and returns the exit code of the process.
type runner func(ctx context.Context, args []string) int

// runners is the one table of components.
func runners() map[string]runner {
	return map[string]runner{
		Etcd:       runEtcd,
		APIServer:  runCommand(apiserver.NewAPIServerCommand),
		Controller: runCommand(controllers.NewControllerManagerCommand),
		Scheduler:  runCommand(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
		Kwok:       runKwok,
		Kubelet:    runKubelet,
		Operator:   runOperator,
		Janitor:    runJanitor,
	}
}

// Run runs the component of this name with its own arguments. The process ends when the supervisor's lifeline closes, so that a killed supervisor
// leaves nothing behind.
func Run(ctx context.Context, name string, args []string) (int, error) {
	run, ok := runners()[name]
	if !ok {
		names := make([]string, 0, len(runners()))
		for n := range runners() {
			names = append(names, n)
		}
		sort.Strings(names)
		return 2, fmt.Errorf("there is no component %q; there are %v", name, names)
	}
	if name != Janitor {
		go holdLifeline()
	}
	// Some parts name themselves by the program's name: in their User-Agent, and so as the field manager of what they write.
	os.Args = append([]string{programOf(name)}, args...) //nolint:reassign // what was there before, nobody needs in this process
	if err := nameKubernetes(); err != nil {
		return 1, err
	}
	return run(ctx, args), nil
}

func programOf(name string) string {
	if name == Operator {
		return operatorProgram
	}
	return name
}

func runEtcd(_ context.Context, args []string) int {
	etcdmain.Main(append([]string{Etcd}, args...)) // it ends the process by itself
	return 0
}

func runCommand(build func() *cobra.Command) runner {
	return func(_ context.Context, args []string) int {
		command := build()
		command.SetArgs(args)
		return cli.Run(command)
	}
}
