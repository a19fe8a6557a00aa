package files

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
	"github.com/seldonctl/seldonctl/internal/render"
)

// Choice are the flags that choose among what a namespace holds.
type Choice struct {
	selector string
	all      bool
}

// Declare declares them.
func (c *Choice) Declare(flags *pflag.FlagSet) {
	flags.StringVarP(&c.selector, "selector", "l", "", `those with certain labels, such as "team=fraud,stage!=prod"`)
	flags.BoolVar(&c.all, "all", false, "all of the namespace")
}

// Given reports whether any of them was given.
func (c *Choice) Given() bool { return c.selector != "" || c.all }

// In is the choice in a namespace.
func (c *Choice) In(namespace string) fleet.Choice {
	selector, _ := labels.Parse(c.selector) // which Check has parsed
	return fleet.Choice{Namespace: namespace, Selector: selector}
}

// Check refuses a selector that cannot be read, and both flags together.
func (c *Choice) Check() error {
	if c.all && c.selector != "" {
		return refuse("--all and --selector exclude each other", "leave out --all")
	}
	if _, err := labels.Parse(c.selector); err != nil {
		return refuse("--selector: "+err.Error(), "")
	}
	return nil
}

// Present makes members of all that a choice finds; where that is none, the refusal says so unless it is well.
func Present(c fleet.Choice, act ActChosen, absentIsWell bool) Chooser {
	return func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]fleet.Member, ops.Reason) {
		found, reason := c.Find(ctx, d, told)
		if reason == ops.Reached && len(found) == 0 && !absentIsWell {
			return nil, c.Nothing(d, told)
		}
		members := make([]fleet.Member, 0, len(found))
		for _, o := range found {
			members = append(members, Chosen(o, act))
		}
		return members, reason
	}
}

// ActChosen is an operation on a custom resource that was found on the cluster, and on no other of its name.
type ActChosen func(ctx context.Context, d ops.Deps, name string, uid types.UID, m ops.Manner) ops.Reason

// Chosen makes a member of what was found.
func Chosen(o metav1.Object, act ActChosen) fleet.Member {
	name, uid := o.GetName(), o.GetUID()
	return fleet.Member{Namespace: o.GetNamespace(), Name: name, Act: func(ctx context.Context, d ops.Deps, m ops.Manner) ops.Reason {
		return act(ctx, d, name, uid, m)
	}}
}

// Asker asks before much is deleted.
type Asker struct {
	// In and Out are where the user is; Terminal says that there is one.
	In       io.Reader
	Out      io.Writer
	Terminal bool
	// Yes says that the user has agreed beforehand.
	Yes bool
	// Where is the first line of a question: which cluster it is about.
	Where string
}

// Before asks before what a choice has found goes on, where it is more than one.
func (a Asker) Before(choose Chooser) Chooser {
	return func(ctx context.Context, d ops.Deps, told func(journal.Entry)) ([]fleet.Member, ops.Reason) {
		members, reason := choose(ctx, d, told)
		if reason != ops.Reached {
			return nil, reason
		}
		names := make([]string, 0, len(members))
		for _, m := range members {
			names = append(names, d.Engine.Identity().Kind+"/"+m.Name)
		}
		if len(names) > 1 && !a.Agrees(ctx, fmt.Sprintf("delete %d: %s?", len(names), strings.Join(names, ", "))) {
			return nil, Declined(told)
		}
		return members, ops.Reached
	}
}

// Declined says that nothing was done because the user does not want it.
func Declined(told func(journal.Entry)) ops.Reason {
	told(journal.Entry{Type: journal.Failure, Phase: journal.Delete, Reason: string(ops.Interrupted), Text: "not confirmed: nothing was deleted", Hint: "answer y, or use --yes"})
	return ops.Interrupted
}

// Asks reports whether it asks at all.
func (a Asker) Asks() bool { return a.Terminal && !a.Yes }

// Agrees asks a question and reports whether the answer is yes; without a terminal nobody is asked.
func (a Asker) Agrees(ctx context.Context, question string) bool {
	if !a.Asks() {
		return true
	}
	fmt.Fprintf(a.Out, "%s\n%s [y/N] ", render.Clean(a.Where), render.Clean(question))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case word := <-answer:
		return word == "y" || word == "yes"
	case <-ctx.Done():
		return false
	}
}
