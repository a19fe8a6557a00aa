package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/cli/files"
	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/kube/objects"
	"github.com/seldonctl/seldonctl/internal/kube/survey"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/check"
	"github.com/seldonctl/seldonctl/internal/ops/diff"
	"github.com/seldonctl/seldonctl/internal/render"
)

// dry are the flags of the commands that look and write nothing.
type dry struct {
	connection kube.Flags
	output     string
	timeout    time.Duration
	local      bool
}

func (l *dry) declare(flags *pflag.FlagSet) {
	flags.StringVarP(&l.output, "output", "o", "text", "text, or json for one document")
	flags.DurationVar(&l.timeout, "timeout", dryLimit, "the limit of the whole command")
	flags.BoolVar(&l.local, "local", false, "use the embedded cluster that 'seldonctl local up --detach' has started; its pods are simulated")
	declare(flags, &l.connection)
	flags.Lookup("namespace").Usage = "the namespace (default: the manifest's, else the context's)"
}

// dryLimit is the limit of a command that only looks, where no other is given.
const dryLimit = 30 * time.Second

func (l *dry) check() error {
	if l.timeout <= 0 {
		return usageError{err: fmt.Errorf("--timeout must be positive, but is %s", l.timeout)}
	}
	return oneOf("output", l.output, []string{"text", "json"})
}

func (l *dry) json() bool { return l.output == "json" }

// connect connects to the cluster that the flags name.
func (l *dry) connect(ctx context.Context, o outside) (*kube.Cluster, error) {
	if l.local && l.connection.Kubeconfig == "" {
		var err error
		if l.connection.Kubeconfig, err = embedded.Running(ctx, o.stderr); err != nil {
			return nil, err
		}
	}
	return connect(&l.connection, nil)
}

// scene tells where a command looked and how it ended.
func (l *dry) scene(cluster *kube.Cluster, namespace string, reason ops.Reason) render.Scene {
	name, server, _ := cluster.Where()
	return render.Scene{
		Context: name, Server: server, Namespace: namespace, Simulated: l.local,
		Requests: cluster.Requests(), Reason: string(reason), Exit: reason.Code(),
	}
}

// look carries out what looks, until its limit or an interrupt. It returns why it was interrupted, if it was.
func (l *dry) look(ctx context.Context, reasons <-chan ops.Reason, carryOut func(ctx context.Context)) ops.Reason {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		carryOut(ctx)
	}()
	select {
	case <-done:
		return ""
	case why := <-reasons:
		cancel()
		<-done
		return why
	}
}

// checkFlags are the flags of check.
type checkFlags struct {
	dry

	files    files.Flags
	replicas int32
	offline  bool
}

func newCheck(o outside) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [-f FILE]",
		Short: "Say beforehand what would go wrong",
		Long: `check looks at all that the other commands rest on, and writes nothing: the API
server, the SeldonDeployment kind, the operator and which one serves the namespace,
its admission webhook, your permissions, the namespace and the room in its quotas.
With -f it finds the manifest's mistakes too, with their lines: what the API server
refuses or silently drops, and what is accepted and has no effect. --offline looks at
the manifest alone and needs no cluster.

Each line is ok, a warning or a problem. Without a problem the exit code is 0.`,
		Example: `  seldonctl check -n models
  seldonctl check -f model.yaml -n models -r 3
  seldonctl check -f model.yaml --offline`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, o) },
	}
	flags := c.Flags()
	f.files.Declare(flags)
	flags.Int32VarP(&f.replicas, "replicas", "r", 0, "the replicas for which the quotas must have room (default: what the manifest says)")
	flags.BoolVar(&f.offline, "offline", false, "look at the manifest alone, without a cluster")
	f.declare(flags)
	return c
}

func (f *checkFlags) run(c *cobra.Command, o outside) error {
	if err := f.check(); err != nil {
		return err
	}
	switch {
	case f.replicas < 0:
		return usageError{err: fmt.Errorf("--replicas must not be negative, but is %d", f.replicas)}
	case f.offline && len(f.files.Paths) == 0:
		return usageError{err: errors.New("-f is missing: which manifest is to be checked offline?"), hint: "seldonctl check -f FILE --offline"}
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	req := check.Request{Engine: all.Table()[0], Simulated: f.local}
	if c.Flags().Changed("replicas") {
		req.Replicas = &f.replicas
	}
	if len(f.files.Paths) > 0 {
		if err := f.read(&req, o, reasons); err != nil {
			return err
		}
	}
	if f.offline {
		found, reason := check.Offline(req)
		return f.tell(o, render.Scene{Reason: string(reason), Exit: reason.Code()}, found, reason)
	}
	return f.online(c.Context(), o, reasons, req)
}

// read adds the custom resources of the files to what is checked. They must all be of one namespace: the
// flag's, else their own.
func (f *checkFlags) read(req *check.Request, o outside, reasons <-chan ops.Reason) error {
	set, err := open(&f.files, o.stdin, reasons)
	if err != nil {
		return err
	}
	req.Namespace = f.connection.Namespace()
	for _, root := range set.Roots {
		own := root.Object.GetNamespace()
		if own != "" && req.Namespace != "" && own != req.Namespace {
			at, _ := root.Lines("metadata.namespace")
			return usageError{err: fmt.Errorf("%s: %s is for namespace %q, not %q; check looks at one namespace at a time", at, root.Object.GetName(), own, req.Namespace)}
		}
		req.Namespace = orElse(req.Namespace, own)
		req.Manifests = append(req.Manifests, check.Manifest{Object: root.Object, Lines: root.Lines})
	}
	return nil
}

func (f *checkFlags) online(ctx context.Context, o outside, reasons <-chan ops.Reason, req check.Request) error {
	cluster, err := f.connect(ctx, o)
	if err != nil {
		return err
	}
	_, _, namespace := cluster.Where()
	req.Namespace = orElse(req.Namespace, namespace)
	var found []check.Finding
	var reason ops.Reason
	why := f.look(ctx, reasons, func(ctx context.Context) { found, reason = check.Run(ctx, survey.Survey{Cluster: cluster}, req) })
	if why != "" {
		return exitError{code: why.Code()}
	}
	return f.tell(o, f.scene(cluster, req.Namespace, reason), found, reason)
}

func (f *checkFlags) tell(o outside, scene render.Scene, found []check.Finding, reason ops.Reason) error {
	lines := make([]render.Finding, 0, len(found))
	for _, each := range found {
		lines = append(lines, render.Finding(each))
	}
	if err := render.Findings(o.stdout, output.Colours(o.stdout), f.json(), scene, lines); err != nil {
		return err
	}
	return exitError{code: reason.Code()}
}

func newDiff(o outside) *cobra.Command {
	var f dry
	var from files.Flags
	var validate string
	c := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what apply would change",
		Long: `diff asks the API server, its admission webhooks included, what "apply" would change,
and shows each value that would be other than it is; of arguments, commands,
environment variables and Secrets only that they differ. Nothing is written. Several
SeldonDeployments, and what else the files hold, are told one after the other. The
exit code is 0 whether something would change or not: the last line, or "differs" in
the JSON document, says which.`,
		Example: `  seldonctl diff -f model.yaml -n models
  seldonctl diff -f models/ -R -n models
  seldonctl diff -f model.yaml -o json | jq .differs`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(from.Paths) == 0 {
				return usageError{err: errors.New("-f is missing: which manifest?"), hint: "seldonctl diff -f FILE"}
			}
			if err := oneOf("validate", validate, []string{"strict", "warn"}); err != nil {
				return err
			}
			return f.diff(c, o, &from, validate == "warn")
		},
	}
	flags := c.Flags()
	from.Declare(flags)
	flags.StringVar(&validate, "validate", "strict", "fields that the API server does not know: strict refuses, warn drops them")
	f.declare(flags)
	return c
}

func (l *dry) diff(c *cobra.Command, o outside, from *files.Flags, lenient bool) error {
	if err := l.check(); err != nil {
		return err
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	set, err := open(from, o.stdin, reasons)
	if given := l.connection.Namespace(); err == nil && given != "" {
		err = set.Put(given)
	}
	if err != nil {
		return err
	}
	if err := set.Check(); err != nil {
		return err
	}
	cluster, err := l.connect(c.Context(), o)
	if err != nil {
		return err
	}
	_, _, namespace := cluster.Where()
	set.PutRest(namespace)
	requests := make([]diff.Request, 0, len(set.Roots))
	for _, root := range set.Roots {
		requests = append(requests, diff.Request{Engine: root.Engine, Object: root.Object, Lines: root.Lines, Lenient: lenient})
	}
	var found []diff.Difference
	var reason ops.Reason
	why := l.look(c.Context(), reasons, func(ctx context.Context) {
		found, reason = diff.Run(ctx, cluster, objects.New(cluster), set.Supporting, requests)
	})
	if why != "" {
		return exitError{code: why.Code()}
	}
	scene := l.scene(cluster, strings.Join(set.Namespaces(), ", "), reason)
	if err := render.Differences(o.stdout, output.Colours(o.stdout), l.json(), scene, differences(found)); err != nil {
		return err
	}
	return exitError{code: reason.Code()}
}

// differences are those that are written.
func differences(found []diff.Difference) []render.Difference {
	all := make([]render.Difference, 0, len(found))
	for _, d := range found {
		shown := render.Difference{Object: d.Name, Namespace: d.Namespace, Exists: d.Exists, Differs: d.Differs(), Warnings: d.Warnings}
		for _, each := range d.Changes {
			shown.Changes = append(shown.Changes, render.Change{Kind: string(each.Kind), Path: each.Path, Old: each.Old, New: each.New})
		}
		if d.Refusal != nil {
			shown.Error, shown.Next = d.Refusal.Text, d.Refusal.Hint
		}
		all = append(all, shown)
	}
	return all
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
