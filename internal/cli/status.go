package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seldonctl/seldonctl/internal/cli/output"
	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/judge/outline"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/look"
	"github.com/seldonctl/seldonctl/internal/render"
)

// looking are the flags of the commands that only look.
type looking struct {
	waiting

	follow bool
	output string
}

func (f *looking) declare(c *cobra.Command, outputs string) {
	flags := c.Flags()
	f.connected(flags)
	flags.Lookup("namespace").Usage = "the namespace (default: the context's)"
	flags.DurationVar(&f.limits.Wait, "timeout", lookTimeout, "how long one look may take")
	flags.BoolVarP(&f.follow, "watch", "w", false, "go on and show what changes, until Ctrl-C")
	flags.StringVarP(&f.output, "output", "o", "", outputs)
	c.ValidArgsFunction = f.completeNames()
}

func newStatus(o outside) *cobra.Command {
	var f looking
	var everywhere bool
	var selector string
	c := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show what there is, in what state, and why",
		Long: `status judges SeldonDeployments as the other commands do, not by the operator's word:
without a name in a line each, with a name as the tree down to the containers, the
cause of what is not right first. States: Available, AtZero, Settling (as the spec
says, but nothing proves yet that the operator has acted on it), Pending (it has not),
Progressing, Failing, Deleting, Unknown.

Exit code 0 says that it was shown, whatever the state (wait proves one); 7 that there
is no such name, or that what was watched was deleted.`,
		Example: `  seldonctl status -n models
  seldonctl status my-model -n models
  seldonctl status -A -l team=fraud -o wide
  seldonctl status my-model -w
  seldonctl status -o json`,
		Args: atMostOneName,
		RunE: func(c *cobra.Command, args []string) error {
			var req look.StatusRequest
			var err error
			if req.Selector, err = labels.Parse(selector); err != nil {
				return usageError{err: fmt.Errorf("--selector: %w", err)}
			}
			if err := f.checkOutput("json", "yaml", "name", "wide"); err != nil {
				return err
			}
			named := len(args) == 1
			if named && (everywhere || selector != "") {
				return usageError{err: errors.New("-A and -l choose among all objects; they do not go with a name")}
			}
			return f.look(c.Context(), o, everywhere, func(ctx context.Context, d look.Deps, r look.Request) (ops.Reason, error) {
				r.Selector, req.Simulated = req.Selector, f.local
				if named {
					r.Name = args[0]
				}
				req.Request = r
				return look.Status(ctx, d, f.screen(o.stdout, d.Engine.Identity(), named, everywhere), req)
			})
		},
	}
	c.Flags().BoolVarP(&everywhere, "all-namespaces", "A", false, "those of all namespaces")
	c.Flags().StringVarP(&selector, "selector", "l", "", "only those with these labels, such as team=fraud")
	f.declare(c, "json, yaml, name or wide")
	return c
}

func (f *looking) checkOutput(words ...string) error {
	if f.output == "" {
		return nil
	}
	return oneOf("output", f.output, words)
}

// screen returns what the state is shown on.
func (f *looking) screen(w io.Writer, id engine.Identity, named, everywhere bool) look.SightScreen {
	switch {
	case f.output == "json" || f.output == "yaml":
		return render.NewDocuments[outline.Sight](w, render.DocumentForm{YAML: f.output == "yaml", Single: named, Follow: f.follow})
	case f.output == "name":
		return render.NewNames(w, id.Resource.Group)
	case named:
		return render.NewTree(w, f.output == "wide", output.Colours(w))
	}
	return render.NewTable(w, render.TableForm{Wide: f.output == "wide", Namespaces: everywhere, Colour: output.Colours(w)})
}

// atMostOneName wants the name of an object or nothing.
func atMostOneName(c *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return namesOnly(c.CommandPath(), args)
	}
	return oneName(c, args)
}
