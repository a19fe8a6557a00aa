package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/kube/objects"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/render"
)

// waitingTimeout is the limit of a wait where no other is given; run has its own.
const waitingTimeout = 10 * time.Minute

// waiting are the flags of every command that waits.
type waiting struct {
	connection *kube.Flags
	limits     ops.Limits
	failFast   string
	ready      bool
	local      bool
	cluster    *kube.Cluster // once it is connected
	output     output.Flags
}

func (w *waiting) declare(flags *pflag.FlagSet, timeout time.Duration, usage string) {
	flags.DurationVar(&w.limits.Wait, "timeout", timeout, usage)
	flags.DurationVar(&w.limits.Total, "deadline", 0, "the limit of the whole command, cleanup included (0: none)")
	flags.StringVar(&w.failFast, "fail-fast", "auto", "auto: end when a failure is proven; off: only at the limit")
	flags.BoolVar(&w.ready, "require-ready", false, "available also needs every condition of the status")
	w.output.Declare(flags)
	w.connected(flags)
}

// connected declares the flags that say which cluster is meant.
func (w *waiting) connected(flags *pflag.FlagSet) {
	w.connection = &kube.Flags{}
	flags.BoolVar(&w.local, "local", false, "use the embedded cluster that 'seldonctl local up --detach' has started; its pods are simulated")
	declare(flags, w.connection)
}

// named declares the flags of a command on one object that exists.
func (w *waiting) named(c *cobra.Command) {
	w.declare(c.Flags(), waitingTimeout, "how long to wait; 0 looks once")
	c.Flags().Lookup("namespace").Usage = "the namespace (default: the context's)"
	c.Args = oneName
	c.ValidArgsFunction = w.completeNames()
}

// manyNamed declares the flags of a command on objects that exist, of which names are but one way to choose.
func (w *waiting) manyNamed(c *cobra.Command) {
	w.named(c)
	c.Args = nil // checked together with the flags
	c.ValidArgsFunction = w.complete(0)
}

func (w *waiting) check() error {
	switch {
	case w.limits.Wait < 0:
		return usageError{err: fmt.Errorf("--timeout must not be negative, but is %s", w.limits.Wait)}
	case w.limits.Total < 0:
		return usageError{err: fmt.Errorf("--deadline must not be negative, but is %s", w.limits.Total)}
	}
	if err := w.output.Check(); err != nil {
		return usageError{err: err}
	}
	return oneOf("fail-fast", w.failFast, []string{"auto", "off"})
}

// place is where an operation is to be carried out.
type place struct {
	engine engine.Engine
	// namespace is the object's; empty: the context's.
	namespace string
}

// operation is what a command does once it is connected.
type operation func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason

// operate connects, carries an operation out and ends with its reason.
func (w *waiting) operate(ctx context.Context, o outside, reasons <-chan ops.Reason, at place, carryOut operation) error {
	told := w.output.Open(output.Streams{Stdout: o.stdout, Stderr: o.stderr})
	defer told.Close() //nolint:errcheck // it has been closed by then, unless something panics
	if w.local && w.connection.Kubeconfig == "" {
		var err error
		if w.connection.Kubeconfig, err = embedded.Running(ctx, o.stderr); err != nil {
			return refused(o, told, err)
		}
	}
	cluster, err := connect(w.connection, told.Requested())
	if err != nil {
		return refused(o, told, err)
	}
	w.cluster = cluster
	name, server, namespace := cluster.Where()
	if at.namespace != "" {
		namespace = at.namespace
	}
	reason := carryOut(ctx, ops.Deps{
		Cluster: cluster, Engine: at.engine, Sink: render.NewRedacting(o.name.Speaks(told)), Now: cluster.Now, Ahead: cluster.Ahead, Interrupts: reasons,
		Requests: cluster.Requests, Probes: cluster.Probes,
	}, namespace, ops.Manner{
		Limits: w.limits, FailFast: w.failFast == "auto", RequireReady: w.ready, Simulated: w.local,
		Where: fmt.Sprintf("context %s, server %s, namespace %s", orNone(name), server, namespace),
	})
	return ended(o, reason, told.Close())
}

// refused is how a command ends that could not begin: what it reports says so too.
func refused(o outside, told *output.Output, err error) error {
	reason, hint := ops.Unexpected, ""
	if refusal, ok := errors.AsType[*ops.RefusalError](err); ok {
		reason, hint = refusal.Reason, refusal.Hint
	}
	if _, ok := errors.AsType[usageError](err); ok {
		reason = ops.Invalid
	}
	told.Refused(string(reason), reason.Code(), err, hint)
	if unwritten := told.Close(); unwritten != nil {
		say(o.stderr, fmt.Errorf("write the output: %w", unwritten), "")
	}
	return err
}

// ended is how a command ends whose output was, or was not, written. What could not be written is said; it
// never hides why the command ended.
func ended(o outside, reason ops.Reason, unwritten error) error {
	if unwritten != nil && reason == ops.Reached {
		return fmt.Errorf("write the output: %w", unwritten)
	}
	if unwritten != nil {
		say(o.stderr, fmt.Errorf("write the output: %w", unwritten), "")
	}
	return exitError{code: reason.Code()}
}

// operateNamed does the same with an object that exists.
func (w *waiting) operateNamed(ctx context.Context, o outside, carryOut operation) error {
	if err := w.check(); err != nil {
		return err
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	return w.operate(ctx, o, reasons, place{engine: all.Table()[0], namespace: w.connection.Namespace()}, carryOut)
}

// firstOf returns the first of the errors that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// oneName wants exactly the name of an object.
func oneName(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return namesOnly(c.CommandPath(), args)
	}
	return usageError{err: fmt.Errorf("%s takes the name of one SeldonDeployment, but got %d", c.CommandPath(), len(args)), hint: c.CommandPath() + " --help"}
}

// namesOnly refuses what can be no object's name. An empty one, as of a variable that is not set, would stand for any.
func namesOnly(command string, names []string) error {
	for _, name := range names {
		if wrong := content.IsPathSegmentName(name); name == "" || len(wrong) > 0 {
			return usageError{err: fmt.Errorf("%q is no name of a SeldonDeployment", name), hint: command + " --help"}
		}
	}
	return nil
}

// completionLimit is how long the shell is kept waiting for names.
const completionLimit = 3 * time.Second

// completeNames gives the shell the names of the namespace's objects, for one.
func (w *waiting) completeNames() cobra.CompletionFunc { return w.complete(1) }

// complete gives the shell the names of the namespace's objects, but those that are given already; most is
// how many may be given, 0 for any number.
func (w *waiting) complete(most int) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cluster, err := w.connection.Connect(kube.Options{Version: version})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		_, _, namespace := cluster.Where()
		ctx, cancel := context.WithTimeout(c.Context(), completionLimit)
		defer cancel()
		target := engine.Target{Identity: all.Table()[0].Identity(), Namespace: namespace}
		objects, err := cluster.Read(ctx, target, target.Kind())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names := make([]cobra.Completion, 0, len(objects))
		for _, object := range objects {
			if !slices.Contains(args, object.GetName()) {
				names = append(names, object.GetName())
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlags gives the shell living values of flags, for all commands that have them. Where the cluster
// cannot be asked it is given none, without a word.
func completeFlags(root *cobra.Command) {
	for _, c := range root.Commands() {
		for name, living := range map[string]func(context.Context, *kube.Cluster, []string) ([]cobra.Completion, error){
			"namespace": livingNamespaces, "predictor": livingPredictors,
		} {
			if c.Flags().Lookup(name) == nil {
				continue
			}
			// It is refused only where the flag does not exist, or has such a function already.
			_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
				ctx, cancel := context.WithTimeout(c.Context(), completionLimit)
				defer cancel()
				cluster, err := connectedAs(ctx, c)
				if err != nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				values, err := living(ctx, cluster, args)
				if err != nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return values, cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
}

// connectedAs connects to the cluster that the words of the command line so far name.
func connectedAs(ctx context.Context, c *cobra.Command) (*kube.Cluster, error) {
	var connection kube.Flags
	for _, f := range connection.All() {
		given := c.Flags().Lookup(f.Name)
		if given == nil {
			continue
		}
		switch value := f.Value.(type) {
		case *string:
			*value = given.Value.String()
		case *bool:
			*value = given.Value.String() == "true"
		case *[]string:
			if list, ok := given.Value.(pflag.SliceValue); ok {
				*value = list.GetSlice()
			}
		}
	}
	if local := c.Flags().Lookup("local"); local != nil && local.Value.String() == "true" && connection.Kubeconfig == "" {
		var err error
		if connection.Kubeconfig, err = embedded.Running(ctx, io.Discard); err != nil {
			return nil, fmt.Errorf("find the embedded cluster: %w", err)
		}
	}
	return connect(&connection, nil)
}

func livingNamespaces(ctx context.Context, cluster *kube.Cluster, _ []string) ([]cobra.Completion, error) {
	spaces, err := objects.New(cluster).Labelled(ctx, schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", "")
	names := make([]cobra.Completion, 0, len(spaces))
	for _, space := range spaces {
		names = append(names, space.Name)
	}
	return names, err
}

// livingPredictors are those of the object that the command line names, else of all in the namespace.
func livingPredictors(ctx context.Context, cluster *kube.Cluster, args []string) ([]cobra.Completion, error) {
	_, _, namespace := cluster.Where()
	target := engine.Target{Identity: all.Table()[0].Identity(), Namespace: namespace}
	if len(args) == 1 {
		target.Name = args[0]
	}
	found, err := cluster.Read(ctx, target, target.Kind())
	var names []cobra.Completion
	for _, object := range found {
		root, ok := object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		predictors, _, _ := unstructured.NestedSlice(root.Object, "spec", "predictors")
		for _, each := range predictors {
			predictor, _ := each.(map[string]any)
			if name, _ := predictor["name"].(string); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, err
}
