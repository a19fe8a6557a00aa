package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/cli/files"
	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/kube/objects"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

// runFlags are the flags of run.
type runFlags struct {
	waiting
	files.Several

	files      files.Flags
	replicas   int32
	keep       string
	autoscaled string
	pace       string
	suffix     string
	throwaway  bool
	id         string
}

func newRun(o outside) *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use:   "run -f FILE",
		Short: "Create, wait until available, scale, wait, delete, wait until gone",
		Long: `run rehearses a SeldonDeployment on a cluster: it creates it from a file, waits until
it is available, scales it to N replicas and waits, deletes it in the foreground
and waits until nothing is left. The events of everything below it appear as they
happen. What run creates it removes on every way out, Ctrl-C included.

Several SeldonDeployments go side by side. What else the files hold (Secrets,
ConfigMaps, …) is created first and removed last; what is there already stays as it
is. --name-suffix rehearses beside a living deployment of the same name,
--in-new-namespace in a namespace that lives as long as the run.`,
		Example: `  seldonctl run -f model.yaml -n models -r 3
  seldonctl run -f models/ -R --in-new-namespace
  seldonctl run -f model.yaml --name-suffix auto
  seldonctl run -f model.yaml --local
  seldonctl -f model.yaml -n models -r 3 -pt 120s -kubeconfig ~/.kube/config`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), o, c.Flags().Changed("namespace")) },
	}
	flags := c.Flags()
	f.files.Declare(flags, "test-resource.yaml")
	f.DeclareSeveral(flags)
	flags.Int32VarP(&f.replicas, "replicas", "r", 2, "the replicas to scale to")
	flags.DurationVar(&f.limits.Cleanup, "cleanup-timeout", 60*time.Second, "the limit of the cleanup after a failure")
	flags.StringVar(&f.keep, "keep", string(ops.KeepNever), "when to leave what was created: never, failure, always")
	flags.StringVar(&f.autoscaled, "autoscaled", "skip", "parts that an autoscaler owns: skip leaves them out, pin narrows their range to N, fail refuses")
	flags.StringVar(&f.suffix, "name-suffix", "", "rehearse under the names with this suffix; auto draws one")
	flags.BoolVar(&f.throwaway, "in-new-namespace", false, "rehearse in a new namespace and remove it afterwards")
	f.DeclareNamespace(flags)
	f.declare(flags, 120*time.Second, "the limit of each single wait")
	flags.Lookup("local").Usage = "run on an embedded cluster that is started for it and removed afterwards; its pods are simulated"
	flags.StringVar(&f.pace, "local-pace", "realistic", "how fast simulated pods start: instant, realistic")
	flags.Lookup("namespace").Usage = `the namespace (default: the manifest's, else "default")`
	return c
}

// read checks the flags, reads the files, and gives the objects their names and namespaces.
func (f *runFlags) read(stdin io.Reader, namespaceGiven bool, reasons <-chan ops.Reason) (files.Set, error) {
	if err := f.check(); err != nil {
		return files.Set{}, err
	}
	set, err := open(&f.files, stdin, reasons)
	if err != nil {
		return set, err
	}
	f.id = rand.String(8)
	given := f.connection.Namespace()
	switch {
	case f.throwaway && namespaceGiven:
		return set, usageError{err: errors.New("--in-new-namespace and -n exclude each other"), hint: "leave out one of them"}
	case f.throwaway:
		set.Move(fleet.ThrowawayName(f.id))
	case namespaceGiven && given != "":
		err = set.Put(given)
	default:
		set.PutRest("default")
	}
	if err == nil {
		err = f.rename(set)
	}
	if err == nil {
		err = set.Check()
	}
	return set, err
}

// rename puts the suffix behind the names of the custom resources.
func (f *runFlags) rename(set files.Set) error {
	switch f.suffix {
	case "":
		return nil
	case "auto":
		f.suffix = rand.String(5)
	}
	for i, root := range set.Roots {
		renamed, err := root.Engine.Rename(root.Object, f.suffix)
		if err != nil {
			return usageError{err: fmt.Errorf("%s: --name-suffix: %w", root.Position, err)}
		}
		set.Roots[i].Object = renamed
	}
	return nil
}

// open reads the files. Standard input may never end, so an interrupt ends the reading.
func open(flags *files.Flags, stdin io.Reader, reasons <-chan ops.Reason) (files.Set, error) {
	var set files.Set
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		set, err = flags.Read(stdin)
	}()
	select {
	case reason := <-reasons:
		return files.Set{}, exitError{code: reason.Code()}
	case <-read:
		return set, err
	}
}

func (f *runFlags) check() error {
	switch {
	case f.limits.Wait <= 0:
		return usageError{err: fmt.Errorf("--timeout must be positive, but is %s", f.limits.Wait)}
	case f.limits.Cleanup <= 0:
		return usageError{err: fmt.Errorf("--cleanup-timeout must be positive, but is %s", f.limits.Cleanup)}
	}
	if err := f.waiting.check(); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return err
	}
	if f.replicas < 0 {
		return usageError{err: fmt.Errorf("--replicas must not be negative, but is %d", f.replicas)}
	}
	if err := oneOf("keep", f.keep, []string{"never", "failure", "always"}); err != nil {
		return err
	}
	if err := oneOf("local-pace", f.pace, []string{"instant", "realistic"}); err != nil {
		return err
	}
	return oneOf("autoscaled", f.autoscaled, []string{"skip", "pin", "fail"})
}

func (f *runFlags) run(ctx context.Context, o outside, namespaceGiven bool) error {
	reasons, stop := interrupts(o.signals)
	defer stop()
	set, err := f.read(o.stdin, namespaceGiven, reasons)
	if err != nil {
		return err
	}
	if f.local {
		cluster, err := embedded.Start(ctx, f.pace, reasons, o.stderr)
		if err != nil { // the output is opened only now: what it tells is timed from then on
			return refused(o, f.output.Open(output.Streams{Stdout: o.stdout, Stderr: o.stderr}), err)
		}
		defer cluster.Stop()
		f.connection.Kubeconfig = cluster.Kubeconfig
	}
	return f.operate(ctx, o, reasons, at(set), func(ctx context.Context, d ops.Deps, _ string, m ops.Manner) ops.Reason {
		if root, single := set.Single(); single && !f.throwaway && !f.CreateNamespace {
			return ops.Run(ctx, d, f.request(root, m))
		}
		return fleet.Go(ctx, d, f.plan(set, m))
	})
}

func (f *runFlags) request(root files.Root, m ops.Manner) ops.RunRequest {
	return ops.RunRequest{
		Object: root.Object, Lines: root.Lines, ID: f.id, Replicas: f.replicas,
		Keep: ops.Keep(f.keep), RefuseAutoscaled: f.autoscaled == "fail", PinAutoscaled: f.autoscaled == "pin", Manner: m,
	}
}

// plan is the run of several objects, or of one with what it needs around it.
func (f *runFlags) plan(set files.Set, m ops.Manner) fleet.Plan {
	p := f.Plan(m)
	p.Keep, p.ID = ops.Keep(f.keep), f.id
	switch {
	case f.throwaway:
		p.Stages = append(p.Stages, &fleet.Throwaway{Name: fleet.ThrowawayName(f.id), ID: f.id})
	case f.CreateNamespace:
		p.Stages = append(p.Stages, &fleet.Namespaces{Names: set.Namespaces()})
	}
	if len(set.Supporting) > 0 && !f.throwaway {
		p.Stages = append(p.Stages, &fleet.Unclaimed{Manifests: set.Manifests(), ToBeNew: true})
	}
	if len(set.Supporting) > 0 {
		p.Stages = append(p.Stages, &fleet.Lent{Objects: objects.New(f.cluster), Supporting: set.Supporting, ID: f.id, WithNamespace: f.throwaway})
	}
	return set.Join(p, func(ctx context.Context, d ops.Deps, root files.Root, m ops.Manner) ops.Reason {
		return ops.Run(ctx, d, f.request(root, m))
	})
}

// at is where the objects of a set are; the first line names their namespaces.
func at(set files.Set) place {
	at := place{engine: set.Roots[0].Engine}
	if set.Placed() {
		at.namespace = strings.Join(set.Namespaces(), ", ")
	}
	return at
}

var (
	_ ops.Cluster   = (*kube.Cluster)(nil)
	_ fleet.Objects = (*objects.Objects)(nil)
)

// connect prepares the connection; nothing is sent yet.
func connect(flags *kube.Flags, requested func(kube.Exchange)) (*kube.Cluster, error) {
	cluster, err := flags.Connect(kube.Options{Version: version, Requested: requested})
	switch {
	case errors.Is(err, kube.ErrNoCluster):
		return nil, &ops.RefusalError{Reason: ops.Unusable, Text: err.Error(), Hint: "set KUBECONFIG or --kubeconfig, or use --local for an embedded cluster", Err: err}
	case err != nil:
		return nil, usageError{err: err}
	}
	return cluster, nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// declare declares kubectl's connection flags.
func declare(flags *pflag.FlagSet, connection *kube.Flags) {
	for _, f := range connection.All() {
		switch value := f.Value.(type) {
		case *string:
			flags.StringVarP(value, f.Name, f.Short, "", f.Usage)
		case *bool:
			flags.BoolVarP(value, f.Name, f.Short, false, f.Usage)
		case *[]string:
			flags.StringArrayVarP(value, f.Name, f.Short, nil, f.Usage)
		}
	}
}
