package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/seldonctl/seldonctl/internal/cli/embedded"
	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/kube"
	"github.com/seldonctl/seldonctl/internal/manifest"
	"github.com/seldonctl/seldonctl/internal/ops"
)

// runFlags are the flags of run.
type runFlags struct {
	waiting

	file       string
	replicas   int32
	keep       string
	autoscaled string
	pace       string
}

func newRun(o outside) *cobra.Command {
	f := &runFlags{}
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
	flags.DurationVar(&f.limits.Cleanup, "cleanup-timeout", 60*time.Second, "the limit of the cleanup after a failure")
	flags.StringVar(&f.keep, "keep", string(ops.KeepNever), "when to leave what was created: never, failure, always")
	flags.StringVar(&f.autoscaled, "autoscaled", "skip", "parts that an autoscaler owns: skip leaves them out, pin narrows their range to N, fail refuses")
	f.declare(flags, 120*time.Second, "the limit of each single wait")
	flags.Lookup("local").Usage = "run on an embedded cluster that is started for it and removed afterwards; its pods are simulated"
	flags.StringVar(&f.pace, "local-pace", "realistic", "how fast simulated pods start: instant, realistic")
	flags.Lookup("namespace").Usage = `the namespace (default: the manifest's, else "default")`
	return c
}

// request checks the flags and the manifest and turns them into the operation's request.
func (f *runFlags) request(stdin io.Reader, namespaceGiven bool, reasons <-chan ops.Reason) (ops.RunRequest, engine.Engine, error) {
	if err := f.check(); err != nil {
		return ops.RunRequest{}, nil, err
	}
	source, err := f.read(f.file, stdin, namespaceGiven, "default", reasons)
	if err != nil {
		return ops.RunRequest{}, nil, err
	}
	return ops.RunRequest{
		Object: source.object, Lines: source.lines, ID: rand.String(8), Replicas: f.replicas,
		Keep: ops.Keep(f.keep), RefuseAutoscaled: f.autoscaled == "fail", PinAutoscaled: f.autoscaled == "pin",
	}, source.engine, nil
}

// source is the custom resource of a manifest.
type source struct {
	object *unstructured.Unstructured
	lines  ops.Lines
	engine engine.Engine
}

// read reads the custom resource of a manifest and gives it its namespace: the flag's, else its own, else
// the fallback.
func (w *waiting) read(file string, stdin io.Reader, namespaceGiven bool, fallback string, reasons <-chan ops.Reason) (source, error) {
	documents, err := open(file, stdin, reasons)
	if err != nil {
		return source{}, err
	}
	document, e, err := pick(documents, file)
	if err != nil {
		return source{}, err
	}
	object := document.Object
	given := w.connection.Namespace()
	switch {
	case namespaceGiven && object.GetNamespace() != "" && given != object.GetNamespace():
		return source{}, usageError{err: fmt.Errorf("%s is for namespace %q, but -n says %q", file, object.GetNamespace(), given), hint: "leave out -n, or change the manifest"}
	case namespaceGiven && given != "":
		object.SetNamespace(given)
	case object.GetNamespace() == "":
		object.SetNamespace(fallback)
	}
	return source{object, func(path string) (string, bool) {
		line, found := document.Line(path)
		return fmt.Sprintf("%s:%d", document.File, line), found
	}, e}, nil
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

func (f *runFlags) run(ctx context.Context, o outside, namespaceGiven bool) error {
	reasons, stop := interrupts(o.signals)
	defer stop()
	req, e, err := f.request(o.stdin, namespaceGiven, reasons)
	if err != nil {
		return err
	}
	if f.local {
		cluster, err := embedded.Start(ctx, f.pace, reasons, o.stderr)
		if stopped, ok := errors.AsType[embedded.InterruptedError](err); ok {
			return exitError{code: stopped.Reason.Code()}
		}
		if err != nil {
			return err
		}
		defer cluster.Stop()
		f.connection.Kubeconfig = cluster.Kubeconfig
	}
	return f.operate(ctx, o, reasons, place{e, req.Object.GetNamespace()}, func(ctx context.Context, d ops.Deps, _ string, m ops.Manner) ops.Reason {
		req.Manner = m
		return ops.Run(ctx, d, req)
	})
}

var _ ops.Cluster = (*kube.Cluster)(nil)

// connect prepares the connection; nothing is sent yet.
func connect(flags *kube.Flags, requested func(kube.Request)) (*kube.Cluster, error) {
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
