package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/manifest"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/render"
)

// runFlags are the flags of run.
type runFlags struct {
	file       string
	replicas   int32
	limits     ops.Limits
	keep       string
	failFast   string
	autoscaled string
	ready      bool
	local      bool
	pace       string
	connection *kube.Flags
}

func newRun(o outside) *cobra.Command {
	f := runFlags{connection: &kube.Flags{}}
	c := &cobra.Command{
		Use:   "run -f FILE",
		Short: "Create, wait until available, scale, wait, delete, wait until gone",
		Long: `run rehearses a SeldonDeployment on a cluster: it creates it from a file, waits until
it is available, scales it to N replicas and waits, deletes it in the foreground
and waits until nothing is left. The events of everything below it appear as they
happen. What run creates it removes on every way out, Ctrl-C included.`,
		Example: `  seldonctl run -f model.yaml -n models -r 3
  seldonctl run -f model.yaml --local
  seldonctl -f model.yaml -n models -r 3 -pt 120s -kubeconfig ~/.kube/config`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), o, c.Flags().Changed("namespace")) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.file, "filename", "f", "test-resource.yaml", `the manifest; "-" reads standard input`)
	flags.Int32VarP(&f.replicas, "replicas", "r", 2, "the replicas to scale to")
	flags.DurationVar(&f.limits.Wait, "timeout", 120*time.Second, "the limit of each single wait")
	flags.DurationVar(&f.limits.Cleanup, "cleanup-timeout", 60*time.Second, "the limit of the cleanup after a failure")
	flags.DurationVar(&f.limits.Total, "deadline", 0, "the limit of the whole command, cleanup included (0: none)")
	flags.StringVar(&f.keep, "keep", string(ops.KeepNever), "when to leave what was created: never, failure, always")
	flags.StringVar(&f.failFast, "fail-fast", "auto", "auto: end when a failure is proven; off: only at the limit")
	flags.StringVar(&f.autoscaled, "autoscaled", "skip", "parts that an autoscaler owns: skip leaves them out, fail refuses")
	flags.BoolVar(&f.ready, "require-ready", false, "available also needs every condition of the status")
	flags.BoolVar(&f.local, "local", false, "run on an embedded cluster that is started for it and removed afterwards; its pods are simulated")
	flags.StringVar(&f.pace, "local-pace", "realistic", "how fast simulated pods start: instant, realistic")
	declare(flags, f.connection)
	flags.Lookup("namespace").Usage = `the namespace (default: the manifest's, else "default")`
	return c
}

// request checks the flags and the manifest and turns them into the operation's request.
func (f runFlags) request(stdin io.Reader, namespaceGiven bool, reasons <-chan ops.Reason) (ops.RunRequest, engine.Engine, error) {
	none := ops.RunRequest{}
	if err := f.check(); err != nil {
		return none, nil, err
	}
	documents, err := open(f.file, stdin, reasons)
	if err != nil {
		return none, nil, err
	}
	document, e, err := pick(documents, f.file)
	if err != nil {
		return none, nil, err
	}
	object := document.Object
	given := f.connection.Namespace()
	switch {
	case namespaceGiven && object.GetNamespace() != "" && given != object.GetNamespace():
		return none, nil, usageError{err: fmt.Errorf("%s is for namespace %q, but -n says %q", f.file, object.GetNamespace(), given), hint: "leave out -n, or change the manifest"}
	case namespaceGiven && given != "":
		object.SetNamespace(given)
	case object.GetNamespace() == "":
		object.SetNamespace("default")
	}
	return ops.RunRequest{
		Object: object, ID: rand.String(8), Replicas: f.replicas, Keep: ops.Keep(f.keep), RefuseAutoscaled: f.autoscaled == "fail",
		Manner: ops.Manner{Limits: f.limits, FailFast: f.failFast == "auto", RequireReady: f.ready, Simulated: f.local},
		Lines: func(path string) (string, bool) {
			line, found := document.Line(path)
			return fmt.Sprintf("%s:%d", document.File, line), found
		},
	}, e, nil
}

// open reads the manifest. Standard input may never end, so an interrupt ends the reading.
func open(file string, stdin io.Reader, reasons <-chan ops.Reason) ([]manifest.Document, error) {
	var documents []manifest.Document
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		documents, err = manifest.Open(file, stdin)
	}()
	select {
	case reason := <-reasons:
		return nil, exitError{code: reason.Code()}
	case <-read:
	}
	if err != nil {
		return nil, usageError{err: err}
	}
	return documents, nil
}

func (f runFlags) check() error {
	switch {
	case f.limits.Wait <= 0:
		return usageError{err: fmt.Errorf("--timeout must be positive, but is %s", f.limits.Wait)}
	case f.limits.Cleanup <= 0:
		return usageError{err: fmt.Errorf("--cleanup-timeout must be positive, but is %s", f.limits.Cleanup)}
	case f.limits.Total < 0:
		return usageError{err: fmt.Errorf("--deadline must not be negative, but is %s", f.limits.Total)}
	}
	if f.replicas < 0 {
		return usageError{err: fmt.Errorf("--replicas must not be negative, but is %d", f.replicas)}
	}
	for _, choice := range []struct {
		flag, value string
		of          []string
	}{
		{"keep", f.keep, []string{"never", "failure", "always"}},
		{"fail-fast", f.failFast, []string{"auto", "off"}},
		{"autoscaled", f.autoscaled, []string{"skip", "fail"}},
		{"local-pace", f.pace, []string{"instant", "realistic"}},
	} {
		if err := oneOf(choice.flag, choice.value, choice.of); err != nil {
			return err
		}
	}
	return nil
}

// pick finds the one custom resource of the manifest that an engine knows.
func pick(documents []manifest.Document, file string) (manifest.Document, engine.Engine, error) {
	var found []manifest.Document
	var with engine.Engine
	for _, d := range documents {
		if e, known := all.For(d.Object.GroupVersionKind().GroupKind()); known {
			found, with = append(found, d), e
		}
	}
	switch len(found) {
	case 1:
		if len(documents) > 1 {
			return manifest.Document{}, nil, usageError{err: fmt.Errorf("%s holds %d objects; run takes exactly one SeldonDeployment", file, len(documents)), hint: "create the others first: kubectl apply -f"}
		}
		return found[0], with, nil
	case 0:
		return manifest.Document{}, nil, usageError{err: fmt.Errorf("%s holds no SeldonDeployment", file)}
	}
	return manifest.Document{}, nil, usageError{err: fmt.Errorf("%s holds %d SeldonDeployments; run takes exactly one", file, len(found))}
}

func (f runFlags) run(ctx context.Context, o outside, namespaceGiven bool) error {
	reasons, stop := interrupts(o.signals)
	defer stop()
	req, e, err := f.request(o.stdin, namespaceGiven, reasons)
	if err != nil {
		return err
	}
	if f.local {
		cluster, err := startEmbedded(ctx, o, f.pace, reasons)
		if err != nil {
			return err
		}
		defer cluster.stop()
		f.connection.Kubeconfig = cluster.kubeconfig
	}
	cluster, err := connect(f.connection)
	if err != nil {
		return err
	}
	name, server, _ := cluster.Where()
	req.Where = fmt.Sprintf("context %s, server %s, namespace %s", orNone(name), server, req.Object.GetNamespace())
	sink := render.NewQueue(render.NewLines(o.stdout, colours(o.stdout)), flushLimit)
	reason := ops.Run(ctx, ops.Deps{
		Cluster: cluster, Engine: e, Sink: sink, Now: time.Now, Ahead: cluster.Ahead, Interrupts: reasons, Requests: cluster.Requests,
	}, req)
	if err := sink.Close(); err != nil && reason == ops.Reached {
		return fmt.Errorf("write the output: %w", err)
	}
	return exitError{code: reason.Code()}
}

// flushLimit is how long a stalled reader of the output may delay the end.
const flushLimit = time.Second

var _ ops.Cluster = (*kube.Cluster)(nil)

// connect prepares the connection; nothing is sent yet.
func connect(flags *kube.Flags) (*kube.Cluster, error) {
	cluster, err := flags.Connect(kube.Options{Version: version})
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
