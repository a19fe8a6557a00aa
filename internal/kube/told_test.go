package kube

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/seldonctl/seldonctl/internal/snapshot"
)

// What is told of requests is which, and how it went; a secret that a proxy wants in the address, or a
// credential, is no part of it.
func TestRequestsAreToldWithoutSecrets(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	var told []Exchange
	cluster, err := New(&rest.Config{Host: server.URL + "/proxy?key=hunter2", BearerToken: "hunter2"}, Options{Requested: func(r Exchange) { told = append(told, r) }})
	if err != nil {
		t.Fatal(err)
	}
	get := func() {
		request := cluster.client.Get().AbsPath("/api/v1/pods").Param("labelSelector", "a=b").Param("token", "hunter2").Param("watch", "true")
		_ = request.Do(t.Context()).Error() // there is nothing
	}
	get()
	server.Close()
	get()
	_, _ = cluster.Names(t.Context(), "ns", snapshot.Service)
	for i := range told {
		if told[i].Took <= 0 {
			t.Errorf("%+v took no time", told[i])
		}
	}
	want := []Exchange{
		{Verb: "WATCH", Target: "/proxy/api/v1/pods?labelSelector=a%3Db", Status: 404},
		{Verb: "WATCH", Target: "/proxy/api/v1/pods?labelSelector=a%3Db"},
		{Verb: "GET", Target: "/proxy/api/v1/namespaces/ns/services?limit=500"},
	}
	if diff := cmp.Diff(want, told, cmpopts.IgnoreFields(Exchange{}, "Took")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What causes are named from stays: the judgement reads these fields of a pod's spec.
func TestTrimKeepsWhatCausesAreReadFrom(t *testing.T) {
	gvisor := "gvisor"
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		NodeName: "node-0", RuntimeClassName: &gvisor, ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "example.com/balanced"}},
	}}
	want := pod.DeepCopy()
	trim(pod)
	if diff := cmp.Diff(want, pod); diff != "" {
		t.Error(diff)
	}
}

// Of an Event stays when the API server last dated a write of it, and not what was written.
func TestTrimKeepsTheDateOfAnEvent(t *testing.T) {
	at := func(second int) *metav1.Time { return new(metav1.Date(2026, 1, 1, 0, 0, second, 0, time.UTC)) }
	written := func(manager string, second int) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Time: at(second), FieldsV1: metav1.NewFieldsV1(`{"f:count":{}}`)}
	}
	e := &corev1.Event{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{written("a", 1), written("b", 3), written("c", 2), {Manager: "d"}}}}
	trim(e)
	want := []metav1.ManagedFieldsEntry{{Manager: "b", Time: at(3)}}
	if diff := cmp.Diff(want, e.ManagedFields); diff != "" {
		t.Error(diff)
	}
}
