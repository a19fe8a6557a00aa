package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/cli/files"
	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/kube/objects"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

// deleteFlags are the flags of delete.
type deleteFlags struct {
	waiting
	files.Several

	choice files.Choice
	files  files.Flags
	run    string
	ignore bool
	yes    bool
}

func newDelete(o outside) *cobra.Command {
	var f deleteFlags
	c := &cobra.Command{
		Use:   "delete NAME...",
		Short: "Delete in the foreground and wait until nothing is left",
		Long: `delete deletes exactly the SeldonDeployment that it has seen (by UID), in the
foreground, and waits until it and everything below it is gone. What takes long is
named with what holds it. No finalizer is ever removed.

Instead of names, -f takes those of files, -l those with certain labels and --all those
of a namespace; on a terminal it asks before more than one goes. Of files only the
SeldonDeployments go. --run ID alone removes all that a run has left: SeldonDeployments,
what supported them, and the run's own namespace.`,
		Example: `  seldonctl delete my-model -n models
  seldonctl delete my-model --ignore-not-found
  seldonctl delete -f models/ --yes
  seldonctl delete --run x7k2p9qd -n models`,
		RunE: func(c *cobra.Command, args []string) error {
			if f.run == "" && c.Flags().Changed("run") {
				return usageError{err: errors.New("--run has no ID, and nothing tells what is meant"), hint: c.CommandPath() + " --help"}
			}
			return f.delete(c.Context(), o, args, c.CommandPath(), c.Flags().Changed("namespace"))
		},
	}
	flags := c.Flags()
	f.files.Declare(flags)
	f.choice.Declare(flags)
	f.DeclareSeveral(flags)
	flags.StringVar(&f.run, "run", "", "all that the run with this ID has made; with names: only what that run has made")
	flags.BoolVar(&f.ignore, "ignore-not-found", false, "what is not there counts as deleted")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	f.manyNamed(c)
	return c
}

func (f *deleteFlags) delete(ctx context.Context, o outside, names []string, command string, namespaceGiven bool) error {
	if err := oneWay(command, len(names) > 0, len(f.files.Paths) > 0, f.choice.Given(), f.run != "" && len(names) == 0); err != nil {
		return err
	}
	if err := firstOf(namesOnly(command, names), f.choice.Check(), f.Check()); err != nil {
		return err
	}
	if len(f.files.Paths) > 0 {
		return f.deleteFiles(ctx, o, namespaceGiven)
	}
	return f.operateNamed(ctx, o, func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
		p, act, asker, choice := f.Plan(m), f.one(namespace), f.asker(o, m), f.choice.In(namespace)
		choice.Once = m.Limits.Wait == 0
		p.Asks = asker.Asks()
		switch {
		case len(names) == 1:
			return act(ctx, d, names[0], m)
		case len(names) > 1:
			p.Choose = asker.Before(files.These(files.Named(namespace, names, act)))
		case f.choice.Given():
			p.Choose, p.Otherwise = asker.Before(files.Present(choice, f.chosen(namespace), f.ignore)), choice.AwaitNothing
		default:
			f.remains(&p, choice, asker)
		}
		return fleet.Go(ctx, d, p)
	})
}

// oneWay wants exactly one way of saying what is meant.
func oneWay(command string, ways ...bool) error {
	given := 0
	for _, way := range ways {
		if way {
			given++
		}
	}
	switch given {
	case 1:
		return nil
	case 0:
		return usageError{err: fmt.Errorf("%s takes the name of one SeldonDeployment or more, but got none", command), hint: command + " --help"}
	}
	return usageError{err: fmt.Errorf("%s takes names, or files, or a choice by labels, but got %d of these", command, given), hint: command + " --help"}
}

// one deletes one of several that are named.
func (f *deleteFlags) one(namespace string) files.ActNamed {
	return func(ctx context.Context, d ops.Deps, name string, m ops.Manner) ops.Reason {
		return f.chosen(namespace)(ctx, d, name, "", m)
	}
}

// chosen deletes one of several that were found.
func (f *deleteFlags) chosen(namespace string) files.ActChosen {
	return func(ctx context.Context, d ops.Deps, name string, uid types.UID, m ops.Manner) ops.Reason {
		return ops.Delete(ctx, d, ops.DeleteRequest{Namespace: namespace, Name: name, UID: uid, Run: f.run, IgnoreAbsent: f.ignore, Manner: m})
	}
}

func (f *deleteFlags) asker(o outside, m ops.Manner) files.Asker {
	return files.Asker{In: o.stdin, Out: o.stderr, Terminal: terminal(o.stdin), Yes: f.yes, Where: m.Where}
}

func terminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// deleteFiles deletes the custom resources of files.
func (f *deleteFlags) deleteFiles(ctx context.Context, o outside, namespaceGiven bool) error {
	if err := f.check(); err != nil {
		return err
	}
	reasons, stop := interrupts(o.signals)
	defer stop()
	set, err := open(&f.files, o.stdin, reasons)
	if err != nil {
		return err
	}
	if given := f.connection.Namespace(); namespaceGiven && given != "" {
		err = set.Put(given)
	}
	if err := firstOf(err, set.Check()); err != nil {
		return err
	}
	return f.operate(ctx, o, reasons, at(set), func(ctx context.Context, d ops.Deps, namespace string, m ops.Manner) ops.Reason {
		set.PutRest(namespace)
		act := func(ctx context.Context, d ops.Deps, root files.Root, m ops.Manner) ops.Reason {
			return f.one(root.Object.GetNamespace())(ctx, d, root.Object.GetName(), m)
		}
		if root, single := set.Single(); single {
			return act(ctx, d, root, m)
		}
		p := set.Join(f.Plan(m), act)
		asker := f.asker(o, m)
		p.Asks = asker.Asks()
		choose := asker.Before(files.These(p.Members))
		p.Members, p.Choose = nil, func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]fleet.Member, ops.Reason) {
			if left := set.Others(); len(left) > 0 {
				told(journal.Entry{Type: journal.Note, Phase: journal.Connect, Reason: "LeftAlone", Text: "left alone, for others may need it: " + strings.Join(left, ", ")})
			}
			return choose(ctx, d, told)
		}
		return fleet.Go(ctx, d, p)
	})
}

// remains plans the removal of all that a run has left.
func (f *deleteFlags) remains(p *fleet.Plan, all fleet.Choice, asker files.Asker) {
	rest := &fleet.Remains{Objects: objects.New(f.cluster), Run: f.run, Namespace: all.Namespace}
	p.Stages = append(p.Stages, rest)
	p.Otherwise = func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ops.Reason {
		if rest.Takes() {
			return ops.Reached
		}
		return all.AwaitNothing(ctx, d, told)
	}
	p.Choose = func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]fleet.Member, ops.Reason) {
		roots, things, reason := rest.Find(ctx, d, told)
		switch {
		case reason != ops.Reached:
			return nil, reason
		case len(roots)+len(things) == 0 && !f.ignore:
			return nil, rest.Nothing(told)
		}
		var members []fleet.Member
		var names []string
		for _, o := range roots {
			names = append(names, d.Engine.Identity().Kind+"/"+o.Name)
			members = append(members, files.Chosen(&o, f.chosen(o.Namespace)))
		}
		names = append(names, fleet.Describe(things)...)
		if len(names) > 1 && !asker.Agrees(ctx, fmt.Sprintf("delete %d: %s?", len(names), strings.Join(names, ", "))) {
			return nil, files.Declined(told)
		}
		rest.Take(things)
		return members, ops.Reached
	}
}
