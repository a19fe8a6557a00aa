package cluster

import (
	"fmt"
	"net"
	"net/netip"
)

// freePorts finds ports of loopback that nobody listens on. Between here and a component's own start another program may take one: then the component
// says so and everything is started once more with others.
func freePorts() (ports, error) {
	var p ports
	wanted := []*int{&p.API, &p.Etcd, &p.EtcdPeer, &p.Webhook, &p.Kubelet}
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for _, port := range wanted {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return ports{}, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
		}
		listeners = append(listeners, l) // held until all are chosen, so that all differ
		chosen, err := netip.ParseAddrPort(l.Addr().String())
		if err != nil {
			return ports{}, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
		}
		*port = int(chosen.Port())
	}
	return p, nil
}
