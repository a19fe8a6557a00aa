package kube

import (
	"errors"

	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Connect is Flags.Connect for cli-runtime's flags.
//
// Deprecated: it makes the binary 32 MB larger; to be removed with its last use.
func Connect(flags *genericclioptions.ConfigFlags, opts Options) (*Cluster, error) {
	var f Flags
	for to, from := range map[*string]*string{
		&f.Kubeconfig:                                 flags.KubeConfig,
		&f.overrides.CurrentContext:                   flags.Context,
		&f.overrides.Timeout:                          flags.Timeout,
		&f.overrides.Context.Cluster:                  flags.ClusterName,
		&f.overrides.Context.AuthInfo:                 flags.AuthInfoName,
		&f.overrides.Context.Namespace:                flags.Namespace,
		&f.overrides.ClusterInfo.Server:               flags.APIServer,
		&f.overrides.ClusterInfo.TLSServerName:        flags.TLSServerName,
		&f.overrides.ClusterInfo.CertificateAuthority: flags.CAFile,
		&f.overrides.AuthInfo.ClientCertificate:       flags.CertFile,
		&f.overrides.AuthInfo.ClientKey:               flags.KeyFile,
		&f.overrides.AuthInfo.Token:                   flags.BearerToken,
		&f.overrides.AuthInfo.Impersonate:             flags.Impersonate,
		&f.overrides.AuthInfo.ImpersonateUID:          flags.ImpersonateUID,
		&f.overrides.AuthInfo.Username:                flags.Username,
		&f.overrides.AuthInfo.Password:                flags.Password,
	} {
		if from != nil {
			*to = *from
		}
	}
	if flags.Insecure == nil || flags.DisableCompression == nil || flags.ImpersonateGroup == nil || flags.ImpersonateUserExtra == nil {
		return nil, errors.New("the connection flags are incomplete")
	}
	f.overrides.ClusterInfo.InsecureSkipTLSVerify = *flags.Insecure
	f.overrides.ClusterInfo.DisableCompression = *flags.DisableCompression
	f.overrides.AuthInfo.ImpersonateGroups = *flags.ImpersonateGroup
	f.extra = *flags.ImpersonateUserExtra
	return f.Connect(opts)
}
