package cluster

import (
	"fmt"
	"strconv"

	"github.com/seldonctl/seldonctl/local/internal/component"
	"github.com/seldonctl/seldonctl/local/internal/state"
)

// ports are the loopback ports of one cluster.
type ports struct {
	API, Etcd, EtcdPeer, Webhook, Kubelet int
}

// launch is how one component is started.
type launch struct {
	Name string
	Args []string
}

// plan is how each component is started: nothing but its arguments, computed from the configuration.
func plan(folder state.Folder, config Config, p ports) map[string]launch {
	all := []launch{
		{component.Etcd, etcdArgs(folder, p)},
		{component.APIServer, apiServerArgs(folder, config, p)},
		{component.Controller, controllerArgs(folder)},
		{component.Scheduler, []string{"--config=" + folder.File("scheduler.yaml"), "--secure-port=0"}},
		{component.Kwok, kwokArgs(folder)},
		{component.Kubelet, kubeletArgs(folder, config, p)},
		{component.Operator, operatorArgs(folder, config, p)},
	}
	launches := make(map[string]launch, len(all))
	for _, l := range all {
		launches[l.Name] = l
	}
	return launches
}

func (p ports) server() string { return "https://" + loopback(p.API) }

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func kubeconfigOf(folder state.Folder, user string) string {
	return folder.File("pki", user+".kubeconfig")
}

func etcdArgs(folder state.Folder, p ports) []string {
	client, peer := "https://"+loopback(p.Etcd), "https://"+loopback(p.EtcdPeer)
	certificate, key, ca := folder.File("pki", "etcd.crt"), folder.File("pki", "etcd.key"), folder.File("pki", "ca.crt")
	return []string{
		"--name=" + component.Etcd,
		"--data-dir=" + folder.File("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=" + component.Etcd + "=" + peer,
		// Any user of this machine could read every Secret without a client certificate.
		"--client-cert-auth", "--trusted-ca-file=" + ca, "--cert-file=" + certificate, "--key-file=" + key,
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + ca, "--peer-cert-file=" + certificate, "--peer-key-file=" + key,
		// The cluster lives as long as its processes, so that nothing has to survive a power cut.
		"--unsafe-no-fsync",
		"--quota-backend-bytes=" + strconv.Itoa(4<<30),
		"--log-level=warn",
	}
}

func apiServerArgs(folder state.Folder, config Config, p ports) []string {
	args := []string{
		"--etcd-servers=https://" + loopback(p.Etcd),
		"--etcd-cafile=" + folder.File("pki", "ca.crt"),
		"--etcd-certfile=" + folder.File("pki", "etcd.crt"),
		"--etcd-keyfile=" + folder.File("pki", "etcd.key"),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(p.API),
		// The Service "kubernetes" needs no endpoints: nothing here runs in a pod.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + folder.File("pki", "server.crt"), "--tls-private-key-file=" + folder.File("pki", "server.key"),
		"--client-ca-file=" + folder.File("pki", "ca.crt"),
		"--token-auth-file=" + folder.File("pki", "tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + folder.File("pki", "serviceaccounts.key"),
		"--service-account-signing-key-file=" + folder.File("pki", "serviceaccounts.key"),
		"--kubelet-client-certificate=" + folder.File("pki", "server.crt"), "--kubelet-client-key=" + folder.File("pki", "server.key"),
		"--kubelet-certificate-authority=" + folder.File("pki", "ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
	}
	if config.AuditLog != "" {
		args = append(args,
			"--audit-policy-file="+folder.File("audit-policy.yaml"),
			"--audit-log-path="+config.AuditLog,
			"--audit-log-format=json",
		)
	}
	return args
}

func controllerArgs(folder state.Folder) []string {
	return []string{
		"--kubeconfig=" + kubeconfigOf(folder, component.Controller),
		"--service-account-private-key-file=" + folder.File("pki", "serviceaccounts.key"),
		"--root-ca-file=" + folder.File("pki", "ca.crt"),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
		// 2,000 pods at once would otherwise wait for the client's own limit; API priority and fairness remains.
		"--kube-api-qps=500", "--kube-api-burst=1000",
		// Switched off is only what has nothing to work on here: clouds, volumes, certificates, and tokens for joining nodes.
		"--controllers=*" +
			",-cloud-node-lifecycle-controller,-service-lb-controller,-node-route-controller,-node-ipam-controller" +
			",-persistentvolume-attach-detach-controller,-persistentvolume-expander-controller" +
			",-certificatesigningrequest-approving-controller,-certificatesigningrequest-cleaner-controller,-certificatesigningrequest-signing-controller" +
			",-bootstrap-signer-controller,-token-cleaner-controller,-ttl-controller",
	}
}

func kwokArgs(folder state.Folder) []string {
	return []string{
		"--kubeconfig=" + kubeconfigOf(folder, component.Kwok),
		"--config=" + folder.File("kwok.yaml"),
		"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
		"--node-ip=127.0.0.1",
		"--node-lease-duration-seconds=40",
	}
}

func kubeletArgs(folder state.Folder, config Config, p ports) []string {
	return []string{
		"--kubeconfig=" + kubeconfigOf(folder, component.Kubelet),
		"--pace=" + string(config.Pace),
		fmt.Sprintf("--port=%d", p.Kubelet),
		"--cert=" + folder.File("pki", "server.crt"), "--key=" + folder.File("pki", "server.key"), "--ca=" + folder.File("pki", "ca.crt"),
	}
}

func operatorArgs(folder state.Folder, config Config, p ports) []string {
	return append([]string{
		"--kubeconfig=" + kubeconfigOf(folder, component.Operator),
		fmt.Sprintf("--webhook-port=%d", p.Webhook),
		"--cert=" + folder.File("pki", "server.crt"), "--key=" + folder.File("pki", "server.key"),
	}, config.Operator...)
}
