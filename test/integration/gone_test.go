//go:build integration

package integration

import (
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ways are the commands that say of an object whether it is gone.
var ways = map[string]string{
	"wait":   "wait realistic --for=deleted",
	"delete": "delete realistic --ignore-not-found",
}

// TestDeletedInTheBackground is the deletion that kubectl does where nobody says otherwise: the object is gone at
// once, and its pods are not. Nothing is claimed while one is left.
func TestDeletedInTheBackground(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, args := range ways {
		t.Run(name+"/a pod that stays", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.running(t, "realistic")
			pod := s.pod(t, namespace)
			release := s.hold(t, "pods", namespace, pod)
			s.deleteInTheBackground(t, namespace)
			p := start(t, s, s.cluster, nil, append(strings.Fields(args), "-n", namespace, "--timeout", "10s")...)
			if code, err := p.end(); err != nil || code != 6 && code != 10 {
				t.Errorf("it ended with %d (%v), want 6 or 10: a pod is left", code, err)
			}
			p.await(`FAILED +not gone after 1\d\.`)
			p.await(`Pod/` + pod)
			mustNotClaim(t, p)
			p = start(t, s, s.cluster, nil, append(strings.Fields(args), "-n", namespace)...)
			p.await(`state +SeldonDeployment/realistic left: `)
			release()
			p.exits(0)
			s.mustBeEmpty(t, namespace)
		})
		t.Run(name+"/pods that take their time", func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.running(t, "realistic")
			s.deleteInTheBackground(t, namespace)
			left := []string{"it has not claimed anything"}
			command := exec.Command(s.seldonctl, append(strings.Fields(args), "-n", namespace)...)
			command.Env = environment(s.kubeconfig)
			p := startCommand(t, command, func(l line) {
				if strings.Contains(l.text, "  OK  ") {
					objects, err := s.left(t.Context(), namespace)
					if err != nil {
						t.Error(err)
					}
					left = names(objects)
				}
			})
			p.exits(0)
			if len(left) > 0 {
				t.Errorf("when it claimed that nothing is left: %v", left)
			}
		})
	}
}

func mustNotClaim(t *testing.T, p trial) {
	t.Helper()
	if regexp.MustCompile(`  OK  `).MatchString(p.text()) {
		t.Error("it claims that the object is gone")
	}
}

// running makes a namespace with a model of this package that runs.
func (s shop) running(t *testing.T, manifest string) string {
	t.Helper()
	namespace := s.own(t)
	start(t, s, s.cluster, nil, "apply", "-f", s.manifest(manifest+".yaml"), "-n", namespace).exits(0)
	return namespace
}

// pod returns the name of the only pod.
func (s shop) pod(t *testing.T, namespace string) string {
	t.Helper()
	pods, err := s.kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("there are %d pods, want 1 (%v)", len(pods.Items), err)
	}
	return pods.Items[0].Name
}

// deleteInTheBackground deletes the object as somebody else would, and waits until it is gone.
func (s shop) deleteInTheBackground(t *testing.T, namespace string) {
	t.Helper()
	background := metav1.DeletePropagationBackground
	roots := s.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace)
	if err := roots.Delete(t.Context(), "realistic", metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	if err := s.until(t.Context(), resources["seldondeployments"], namespace, "realistic", absent); err != nil {
		t.Fatal(err)
	}
}

// TestNotFoundOfSomethingElse has something between answer each deletion with a 404 of its own, which is not about
// the object: once, which is got over, and for good, which no command takes for the end of the object.
func TestNotFoundOfSomethingElse(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, args := range map[string]string{
		"delete":                    "delete model --timeout 10s",
		"delete --ignore-not-found": "delete model --ignore-not-found --timeout 10s",
		"run":                       "run -f model.yaml --timeout 15s --cleanup-timeout 10s",
	} {
		for often, times := range map[string]int32{"once": 1, "always": 1 << 30} {
			t.Run(name+"/"+often, func(t *testing.T) {
				t.Parallel()
				sit(t, otherSeats)
				namespace := s.own(t)
				if !strings.HasPrefix(args, "run") {
					namespace = s.running(t, "model")
				}
				r, kubeconfig := passBy(t, s.cluster, true)
				var refused atomic.Int32
				r.edit = func(q *http.Request) *http.Response {
					if q.Method != http.MethodDelete || refused.Add(1) > times {
						return nil
					}
					return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("404 page not found\n"))}
				}
				line := strings.ReplaceAll(args, "model.yaml", s.manifest("model.yaml"))
				command := exec.Command(s.seldonctl, append(strings.Fields(line), "-n", namespace)...)
				command.Env = environment(kubeconfig)
				p := startCommand(t, command, nil)
				code, err := p.end()
				if err != nil {
					t.Fatal(err)
				}
				left, err := s.left(t.Context(), namespace)
				if err != nil {
					t.Fatal(err)
				}
				claimed := strings.Contains(p.text(), "OK       gone")
				if len(left) > 0 && (code == 0 || claimed) {
					t.Errorf("it ended with %d while there are %v", code, names(left))
				}
				if often == "always" && (len(left) == 0 || !strings.Contains(p.text(), "  FAILED  ")) {
					t.Errorf("there are %v, and no failure is told", names(left))
				}
				if refused.Load() == 0 {
					t.Error("it has deleted nothing")
				}
			})
		}
	}
}
