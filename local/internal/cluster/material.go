package cluster

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/pki"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

//go:embed kwok.yaml
var kwokConfig string

// admin is the user of the kubeconfig that the cluster hands out.
const admin = "admin"

// user is somebody whom the API server knows by a token.
type user struct {
	file, name string
	groups     []string
}

// users are those who may speak to the API server. The scheduler has its own rights, as in a real cluster; the operator's come from a binding.
func users() []user {
	masters := []string{"system:masters"}
	return []user{
		{admin, "kubernetes-admin", masters},
		{component.Controller, "system:kube-controller-manager", masters},
		{component.Scheduler, "system:kube-scheduler", []string{"system:authenticated"}},
		{component.Kwok, "system:kwok", masters},
		{component.Kubelet, "system:simulated-kubelet", masters},
		{component.Operator, "system:serviceaccount:seldon-system:seldon-manager", []string{"system:serviceaccounts", "system:serviceaccounts:seldon-system"}},
	}
}

// writeMaterial writes everything that the components read: certificates, tokens, kubeconfigs and configuration files. It returns the certificate
// authority's certificate.
func writeMaterial(folder state.Folder, p ports, now time.Time) ([]byte, error) {
	ca, err := writeCertificates(folder, now)
	if err != nil {
		return nil, err
	}
	var tokens strings.Builder
	for _, u := range users() {
		token, err := pki.Token()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&tokens, "%s,%s,%s,\"%s\"\n", token, u.name, u.name, strings.Join(u.groups, ","))
		kubeconfig, err := kubeconfigFor(folder.Name, u.name, p.server(), ca, token)
		if err != nil {
			return nil, err
		}
		if u.file == admin {
			err = folder.Write(kubeconfig, "kubeconfig")
		} else {
			err = folder.Write(kubeconfig, "pki", u.file+".kubeconfig")
		}
		if err != nil {
			return nil, err
		}
	}
	files := map[string][]byte{
		"audit-policy.yaml": auditPolicy,
		"kwok.yaml":         []byte(strings.ReplaceAll(kwokConfig, "KUBELET_PORT", strconv.Itoa(p.Kubelet))),
		"scheduler.yaml":    []byte(schedulerConfig(folder)),
	}
	for name, data := range files {
		if err := folder.Write(data, name); err != nil {
			return nil, err
		}
	}
	return ca, folder.Write([]byte(tokens.String()), "pki", "tokens.csv")
}

func writeCertificates(folder state.Folder, now time.Time) ([]byte, error) {
	authority, err := pki.NewAuthority("seldonctl-local "+folder.Name, now)
	if err != nil {
		return nil, err
	}
	if err := folder.Write(authority.Certificate(), "pki", "ca.crt"); err != nil {
		return nil, err
	}
	// Its group keeps the API server's own client certificate (for logs) from being anybody when shown to the API server itself.
	for _, name := range []string{"server", "etcd"} {
		pair, err := authority.Sign(name, []string{"seldonctl-local:components"}, now)
		if err != nil {
			return nil, err
		}
		if err := folder.Write(pair.Certificate, "pki", name+".crt"); err != nil {
			return nil, err
		}
		if err := folder.Write(pair.Key, "pki", name+".key"); err != nil {
			return nil, err
		}
	}
	key, err := pki.SigningKey()
	if err != nil {
		return nil, err
	}
	return authority.Certificate(), folder.Write(key, "pki", "serviceaccounts.key")
}

func kubeconfigFor(cluster, user, server string, ca []byte, token string) ([]byte, error) {
	name := "seldonctl-" + cluster
	if strings.HasPrefix(cluster, "seldonctl-") {
		name = cluster
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user, Namespace: "default"}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig of %s: %w", user, err)
	}
	return data, nil
}

func schedulerConfig(folder state.Folder) string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q, qps: 500, burst: 1000}
leaderElection: {leaderElect: false}
enableProfiling: false
`, kubeconfigOf(folder, component.Scheduler))
}
