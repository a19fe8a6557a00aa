package kube

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs with an auth-provider, such as oidc
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// ErrNoCluster says that nothing names a cluster: no kubeconfig, no flag, no service account.
var ErrNoCluster = errors.New("no cluster is configured")

// Flags are kubectl's connection flags. The zero value is usable.
//
// cli-runtime has them too, but its package brings discovery and every Kubernetes type with it, which
// more than doubles the binary for nothing that is used here.
type Flags struct {
	// Kubeconfig is the file to use; empty means KUBECONFIG's list, else the one in the home folder.
	Kubeconfig string

	overrides clientcmd.ConfigOverrides
	extra     []string
	plugins   string
}

// Flag is one flag for the command line to declare.
type Flag struct {
	Name, Short, Usage string
	// Value is where the flag's value goes: a *string, *bool or *[]string.
	Value any
}

// Namespace returns the namespace that was given by flag.
func (f *Flags) Namespace() string { return f.overrides.Context.Namespace }

// All returns all flags, with kubectl's names.
func (f *Flags) All() []Flag {
	auth, cluster, context := &f.overrides.AuthInfo, &f.overrides.ClusterInfo, &f.overrides.Context
	return []Flag{
		{"kubeconfig", "", "the kubeconfig file to use", &f.Kubeconfig},
		{"context", "", "the kubeconfig's context to use", &f.overrides.CurrentContext},
		{"cluster", "", "the kubeconfig's cluster to use", &context.Cluster},
		{"user", "", "the kubeconfig's user to use", &context.AuthInfo},
		{"namespace", "n", "the namespace", &context.Namespace},
		{"request-timeout", "", "the limit of one request, such as 10s (at most 30s)", &f.overrides.Timeout},
		{"server", "s", "the address of the API server", &cluster.Server},
		{"certificate-authority", "", "the file with the certificate authority of the API server", &cluster.CertificateAuthority},
		{"tls-server-name", "", "the name that the API server's certificate must have", &cluster.TLSServerName},
		{"insecure-skip-tls-verify", "", "do not check the API server's certificate, which makes the connection insecure", &cluster.InsecureSkipTLSVerify},
		{"disable-compression", "", "ask the API server not to compress its answers", &cluster.DisableCompression},
		{"client-certificate", "", "the file with the client certificate", &auth.ClientCertificate},
		{"client-key", "", "the file with the client certificate's key", &auth.ClientKey},
		{"token", "", "the bearer token", &auth.Token},
		{"username", "", "the name for basic authentication", &auth.Username},
		{"password", "", "the password for basic authentication", &auth.Password},
		{"as", "", "the user to act as", &auth.Impersonate},
		{"as-uid", "", "the UID of the user to act as", &auth.ImpersonateUID},
		{"as-group", "", "a group to act as; can be repeated", &auth.ImpersonateGroups},
		{"exec-plugin-policy", "", "which credential plugins of the kubeconfig may run: AllowAll (the default), DenyAll, or their commands, separated by commas", &f.plugins},
		{"as-user-extra", "", "extra facts of the user to act as, as key=value; can be repeated", &f.extra},
	}
}

// Connect prepares the connection that the flags, KUBECONFIG or the service account of the
// surrounding pod describe. It sends no request. The error wraps ErrNoCluster where nothing names a
// cluster.
func (f *Flags) Connect(opts Options) (*Cluster, error) {
	silence(opts.Logger)
	if err := f.parseExtra(); err != nil {
		return nil, err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &f.overrides)
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, noCluster(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	f.impersonate(config)
	if config.ExecProvider != nil {
		config.ExecProvider.PluginPolicy = f.pluginPolicy()
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cluster, err := New(config, opts)
	if err != nil {
		return nil, err
	}
	cluster.where.namespace = namespace
	if name := cmp.Or(f.overrides.CurrentContext, raw.CurrentContext); raw.Contexts[name] != nil {
		cluster.where.context = name
	}
	return cluster, nil
}

func (f *Flags) parseExtra() error {
	for _, extra := range f.extra {
		key, value, found := strings.Cut(extra, "=")
		if !found {
			return fmt.Errorf("--as-user-extra takes key=value, not %q", extra)
		}
		if f.overrides.AuthInfo.ImpersonateUserExtra == nil {
			f.overrides.AuthInfo.ImpersonateUserExtra = map[string][]string{}
		}
		f.overrides.AuthInfo.ImpersonateUserExtra[key] = append(f.overrides.AuthInfo.ImpersonateUserExtra[key], value)
	}
	f.extra = nil
	return nil
}

// pluginPolicy is the policy by which client-go runs the kubeconfig's credential plugin, or does not. It is
// looked at before the plugin is started.
func (f *Flags) pluginPolicy() clientcmdapi.PluginPolicy {
	policy := clientcmdapi.PluginPolicy{PolicyType: clientcmdapi.PolicyType(f.plugins)}
	if slices.Contains([]clientcmdapi.PolicyType{"", clientcmdapi.PluginPolicyAllowAll, clientcmdapi.PluginPolicyDenyAll}, policy.PolicyType) {
		return policy
	}
	policy.PolicyType = clientcmdapi.PluginPolicyAllowlist
	for command := range strings.SplitSeq(f.plugins, ",") {
		policy.Allowlist = append(policy.Allowlist, clientcmdapi.AllowlistEntry{Command: strings.TrimSpace(command)})
	}
	return policy
}

// impersonate has the flags' user act also inside a pod, where client-go forgets that part of the
// flags and would act with the service account's own rights.
func (f *Flags) impersonate(config *rest.Config) {
	if auth := f.overrides.AuthInfo; auth.Impersonate != "" {
		config.Impersonate = rest.ImpersonationConfig{
			UserName: auth.Impersonate, UID: auth.ImpersonateUID, Groups: auth.ImpersonateGroups, Extra: auth.ImpersonateUserExtra,
		}
	}
}

func noCluster(raw clientcmdapi.Config) error {
	if len(raw.Contexts) > 0 {
		return fmt.Errorf("%w: the kubeconfig has no current context", ErrNoCluster)
	}
	return fmt.Errorf("%w: no kubeconfig was found and this is not a pod with a service account", ErrNoCluster)
}
