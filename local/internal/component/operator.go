package component

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/internal/simseldon"
	"github.com/seldonctl/seldonctl/local/internal/operator"
)

// operatorProgram is the name under which the real operator runs, and so the field manager of what it writes.
const operatorProgram = "manager"

// OperatorFlags are the switches that make the stand-in an older operator, as both the user and the component's process get them.
func OperatorFlags(flags *pflag.FlagSet) *simseldon.Switches {
	switches := &simseldon.Switches{}
	flags.BoolVar(&switches.NoConditions, "operator-no-conditions", false, "the operator writes no conditions, as before Seldon Core 1.11")
	flags.BoolVar(&switches.NeverFailed, "operator-never-failed", false, "the operator never says Failed for lack of progress, as before Seldon Core 1.13")
	flags.BoolVar(&switches.RecreateDuringDelete, "operator-recreates-children", false, "the operator makes children again during a foreground delete, as before Seldon Core 1.5.1")
	return switches
}

// OperatorArgs are the arguments that set the same switches for the component's process.
func OperatorArgs(switches simseldon.Switches) []string {
	return []string{
		fmt.Sprintf("--operator-no-conditions=%t", switches.NoConditions),
		fmt.Sprintf("--operator-never-failed=%t", switches.NeverFailed),
		fmt.Sprintf("--operator-recreates-children=%t", switches.RecreateDuringDelete),
	}
}

// runOperator runs the stand-in for the Seldon operator.
func runOperator(ctx context.Context, args []string) int {
	flags := pflag.NewFlagSet(Operator, pflag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "")
	port := flags.Int("webhook-port", 0, "")
	cert, key := flags.String("cert", "", ""), flags.String("key", "", "")
	switches := OperatorFlags(flags)
	err := flags.Parse(args)
	if err == nil {
		err = operator.Run(ctx, operator.Options{Kubeconfig: *kubeconfig, WebhookPort: *port, CertFile: *cert, KeyFile: *key, Switches: *switches})
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "run the operator stand-in: %v\n", err)
		return 1
	}
	return 0
}
