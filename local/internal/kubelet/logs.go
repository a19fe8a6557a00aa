package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// LogServer is where the API server asks for the logs of containers. Only the API server's own certificate is answered.
type LogServer struct {
	Address string
	// CertFile, KeyFile and CAFile are the server's certificate and the authority of those who may ask.
	CertFile, KeyFile, CAFile string
}

// serve answers until the context ends.
func (l LogServer) serve(ctx context.Context, k *keeper) error {
	ca, err := os.ReadFile(l.CAFile)
	if err != nil {
		return fmt.Errorf("read the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.logs)
	server := &http.Server{
		Addr: l.Address, Handler: mux, ReadHeaderTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServeTLS(l.CertFile, l.KeyFile); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the logs of containers: %w", err)
	}
	return nil
}

// logs answers with what a container of this kind would have written.
func (k *keeper) logs(w http.ResponseWriter, r *http.Request) {
	pod, err := k.pods.Pods(r.PathValue("namespace")).Get(r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	lines, err := containerLog(pod, r.PathValue("container"), r.URL.Query().Get("previous") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if tail, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil && tail >= 0 && tail < len(lines) {
		lines = lines[len(lines)-tail:]
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, line) //nolint:gosec // plain text for the API server, never a page
	}
}

// containerLog is the log of a container, as its status tells its life; or why there is none, in a kubelet's words.
func containerLog(pod *corev1.Pod, name string, previous bool) ([]string, error) {
	for _, status := range append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...) {
		if status.Name != name {
			continue
		}
		ended := status.LastTerminationState.Terminated
		if !previous && status.State.Terminated != nil {
			ended = status.State.Terminated
		}
		switch {
		case previous && ended == nil:
			return nil, fmt.Errorf("previous terminated container %q in pod %q not found", name, pod.Name)
		case (previous || status.State.Running == nil) && ended != nil:
			return endedLog(ended, kinds[parseFault(pod.Annotations[Annotation]).Kind].says), nil
		case status.State.Running != nil:
			return []string{stamp(status.State.Running.StartedAt.Time) + " INFO simulated container " + name + " is running"}, nil
		case status.State.Waiting != nil:
			return nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", name, pod.Name, waitingText(status.State.Waiting))
		}
	}
	return nil, fmt.Errorf("container %s is not valid for pod %s", name, pod.Name)
}

func waitingText(waiting *corev1.ContainerStateWaiting) string {
	switch waiting.Reason {
	case "ErrImagePull", "ImagePullBackOff":
		return "trying and failing to pull image"
	default:
		return waiting.Reason
	}
}

// endedLog is what a container has written that has ended: what its fault says, or the usual.
func endedLog(ended *corev1.ContainerStateTerminated, says string) []string {
	at := stamp(ended.StartedAt.Time)
	switch {
	case ended.ExitCode == 0:
		return []string{at + " INFO simulated container has done its work"}
	case ended.Reason == "StartError":
		return nil
	case ended.ExitCode == killedCode:
		return []string{at + " INFO loading model from /mnt/models", at + " INFO allocating tensors"}
	case says != "":
		return []string{at + " INFO downloading the model to /mnt/models", says}
	default:
		return strings.Split(at+` INFO loading model from /mnt/models
Traceback (most recent call last):
  File "/app/serve.py", line 41, in <module>
    model = load("/mnt/models/model.joblib")
FileNotFoundError: [Errno 2] No such file or directory: '/mnt/models/model.joblib'`, "\n")
	}
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }
