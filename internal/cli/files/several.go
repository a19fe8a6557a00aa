package files

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

// Several are the flags of commands that may be about several objects.
type Several struct {
	// Parallel is how many go side by side.
	Parallel int
	// CreateNamespace creates the namespaces that do not exist.
	CreateNamespace bool
}

// DeclareSeveral declares the flags of every such command.
func (s *Several) DeclareSeveral(flags *pflag.FlagSet) {
	flags.IntVar(&s.Parallel, "parallel", 10, "how many SeldonDeployments go side by side")
}

// DeclareNamespace declares the flag of those that create.
func (s *Several) DeclareNamespace(flags *pflag.FlagSet) {
	flags.BoolVar(&s.CreateNamespace, "create-namespace", false, "create the namespace where it does not exist; it stays")
}

// Check refuses values that make no sense.
func (s *Several) Check() error {
	if s.Parallel < 1 {
		return refuse(fmt.Sprintf("--parallel must be at least 1, but is %d", s.Parallel), "")
	}
	return nil
}

// Plan is a plan without members.
func (s *Several) Plan(m ops.Manner) fleet.Plan {
	return fleet.Plan{Parallel: s.Parallel, Manner: m}
}

// Act is an operation on a custom resource of the files.
type Act func(ctx context.Context, d ops.Deps, root Root, m ops.Manner) ops.Reason

// Join makes each custom resource of the set a member of the plan.
func (s Set) Join(p fleet.Plan, act Act) fleet.Plan {
	for _, root := range s.Roots {
		p.Members = append(p.Members, fleet.Member{
			Namespace: root.Object.GetNamespace(), Name: root.Object.GetName(), Source: root.Position,
			Act: func(ctx context.Context, d ops.Deps, m ops.Manner) ops.Reason {
				d.Engine = root.Engine
				return act(ctx, d, root, m)
			},
		})
		implied, _ := root.Engine.Implied(root.Object) // what cannot be read is refused later
		for _, kind := range ops.Kinds(implied) {
			if !slices.Contains(p.Kinds, kind) {
				p.Kinds = append(p.Kinds, kind)
			}
		}
	}
	return p
}

// ActNamed is an operation on a custom resource that is only named.
type ActNamed func(ctx context.Context, d ops.Deps, name string, m ops.Manner) ops.Reason

// Named makes members of names; one that is given twice is meant once.
func Named(namespace string, names []string, act ActNamed) []fleet.Member {
	all := make([]fleet.Member, 0, len(names))
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		all = append(all, fleet.Member{Namespace: namespace, Name: name, Act: func(ctx context.Context, d ops.Deps, m ops.Manner) ops.Reason {
			return act(ctx, d, name, m)
		}})
	}
	return all
}

// Chooser finds the members of a plan on the cluster.
type Chooser = func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]fleet.Member, ops.Reason)

// These are members that are known without asking the cluster.
func These(members []fleet.Member) Chooser {
	return func(context.Context, ops.Deps, func(journal.Entry)) ([]fleet.Member, ops.Reason) {
		return members, ops.Reached
	}
}
