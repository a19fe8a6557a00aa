package component

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/seldonctl/seldonctl/local/internal/kubelet"
)

// runKubelet runs the simulated kubelet of all simulated nodes.
func runKubelet(ctx context.Context, args []string) int {
	flags := pflag.NewFlagSet(Kubelet, pflag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "")
	pace := flags.String("pace", string(kubelet.Instant), "")
	port := flags.Int("port", 0, "")
	cert, key, ca := flags.String("cert", "", ""), flags.String("key", "", ""), flags.String("ca", "", "")
	err := flags.Parse(args)
	if err == nil {
		var parsed kubelet.Pace
		if parsed, err = kubelet.ParsePace(*pace); err == nil {
			logs := kubelet.LogServer{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(*port)), CertFile: *cert, KeyFile: *key, CAFile: *ca}
			err = kubelet.Run(ctx, kubelet.Options{Kubeconfig: *kubeconfig, Pace: parsed, Logs: logs})
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "run the simulated kubelet: %v\n", err)
		return 1
	}
	return 0
}
