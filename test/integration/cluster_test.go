//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// limit is how long anything may take that has no limit of its own; nothing waits that long unless it is wrong.
const limit = 2 * time.Minute

// resources are the kinds that a SeldonDeployment's tree consists of, by the words that tests use.
var resources = map[string]schema.GroupVersionResource{
	"seldondeployments":        {Group: "machinelearning.seldon.io", Version: "v1", Resource: "seldondeployments"},
	"deployments":              {Group: "apps", Version: "v1", Resource: "deployments"},
	"replicasets":              {Group: "apps", Version: "v1", Resource: "replicasets"},
	"pods":                     {Version: "v1", Resource: "pods"},
	"services":                 {Version: "v1", Resource: "services"},
	"horizontalpodautoscalers": {Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
	"poddisruptionbudgets":     {Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
}

// others are kinds of objects that support SeldonDeployments.
var others = map[string]schema.GroupVersionResource{
	"configmaps": {Version: "v1", Resource: "configmaps"},
	"namespaces": {Version: "v1", Resource: "namespaces"},
	"secrets":    {Version: "v1", Resource: "secrets"},
}

// place is where objects of a kind are: namespaces are in none.
func place(word, namespace string) (schema.GroupVersionResource, string) {
	if resource, ok := others[word]; ok {
		if word == "namespaces" {
			namespace = ""
		}
		return resource, namespace
	}
	return resources[word], namespace
}

// cluster is an embedded cluster that lives as long as this process holds its standard input.
type cluster struct {
	kubeconfig string
	audit      string
	config     *rest.Config
	kube       kubernetes.Interface
	dynamic    dynamic.Interface
	command    *exec.Cmd
	lifeline   io.Closer
}

// startCluster starts a cluster and returns when it can be used.
func startCluster(local, audit, pace string, flags ...string) (*cluster, error) {
	c := &cluster{audit: audit, command: exec.Command(local, append([]string{"up", "--ephemeral", "--pace=" + pace, "--audit-log=" + audit}, flags...)...)}
	var words bytes.Buffer
	c.command.Stderr = &words
	lifeline, err := c.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.lifeline = lifeline
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if path, found := strings.CutPrefix(lines.Text(), "KUBECONFIG="); found {
			c.kubeconfig = path
			break
		}
	}
	if c.kubeconfig == "" {
		c.stop()
		return nil, fmt.Errorf("%s up ended before the cluster was ready:\n%s", local, words.String())
	}
	if err := c.connect(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.UserAgent = -1, "witness"
	c.config = config
	if c.kube, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	c.dynamic, err = dynamic.NewForConfig(config)
	return err
}

// stop ends the cluster and waits until it has removed what it made.
func (c *cluster) stop() {
	_ = c.lifeline.Close()
	kill := time.AfterFunc(30*time.Second, func() { _ = c.command.Process.Kill() })
	defer kill.Stop()
	_ = c.command.Wait()
}

// ownCluster starts a cluster for one test.
func ownCluster(t *testing.T, s shop, pace string, flags ...string) *cluster {
	t.Helper()
	clusterSeats <- struct{}{}
	c, err := startCluster(s.local, filepath.Join(t.TempDir(), "audit.jsonl"), pace, flags...)
	<-clusterSeats
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// namespace makes a namespace for one test. Its name tells the test; pods can be made in it at once.
func (c *cluster) namespace(ctx context.Context, test string, labels map[string]string) (string, error) {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, test), "-")
	name = strings.TrimRight(name[:min(len(name), 50)], "-") + "-"
	made, err := c.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	accounts := schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
	return made.Name, c.until(ctx, accounts, made.Name, "default", exists)
}

// own makes a namespace for the test.
func (c *cluster) own(t *testing.T) string {
	t.Helper()
	name, err := c.namespace(t.Context(), t.Name(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// until waits until one object is as wanted; nil stands for its absence.
func (c *cluster) until(ctx context.Context, resource schema.GroupVersionResource, namespace, name string, wanted func(*unstructured.Unstructured) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	only := metav1.ListOptions{FieldSelector: "metadata.name=" + name}
	list, err := c.dynamic.Resource(resource).Namespace(namespace).List(ctx, only)
	if err != nil {
		return err
	}
	var now *unstructured.Unstructured
	if len(list.Items) > 0 {
		now = &list.Items[0]
	}
	if wanted(now) {
		return nil
	}
	only.ResourceVersion = list.GetResourceVersion()
	events, err := c.dynamic.Resource(resource).Namespace(namespace).Watch(ctx, only)
	if err != nil {
		return err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("the watch of %s %s says %v", resource.Resource, name, event.Object)
		}
		if event.Type == watch.Deleted {
			object = nil
		}
		if wanted(object) {
			return nil
		}
	}
	return fmt.Errorf("%s %s/%s did not become as wanted", resource.Resource, namespace, name)
}

func exists(o *unstructured.Unstructured) bool { return o != nil }

func absent(o *unstructured.Unstructured) bool { return o == nil }

// left returns what a namespace holds of the kinds that a SeldonDeployment's tree consists of.
func (c *cluster) left(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	for _, resource := range resources {
		list, err := c.dynamic.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

// mustBeEmpty fails the test unless nothing is left in the namespace at this moment.
func (c *cluster) mustBeEmpty(t *testing.T, namespace string) {
	t.Helper()
	left, err := c.left(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left in namespace %s: %s", namespace, strings.Join(names(left), ", "))
	}
}

// becomesEmpty waits until nothing is left in the namespace: what the operator was making when the object was
// deleted it makes to the end, and the garbage collector removes it a moment later.
func (c *cluster) becomesEmpty(t *testing.T, namespace string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		left, err := c.left(t.Context(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s later there is left in namespace %s: %s", limit, namespace, strings.Join(names(left), ", "))
		}
	}
}

func names(objects []unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetKind()+"/"+o.GetName())
	}
	slices.Sort(all)
	return all
}

// finalize puts a finalizer on an object, or takes all of them away.
func (c *cluster) finalize(ctx context.Context, resource, namespace, name, finalizer string) error {
	finalizers := []string{}
	if finalizer != "" {
		finalizers = append(finalizers, finalizer)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"finalizers": finalizers}})
	if err != nil {
		return err
	}
	where, namespace := place(resource, namespace)
	_, err = c.dynamic.Resource(where).Namespace(namespace).Patch(ctx, name, "application/merge-patch+json", patch, metav1.PatchOptions{})
	return err
}

// component is what the supervisor says about one component of the cluster.
type component struct {
	Name     string `json:"name"`
	Up       bool   `json:"up"`
	Restarts int    `json:"restarts"`
}

// component asks the supervisor about one component.
func (c *cluster) component(t *testing.T, name string) component {
	t.Helper()
	var status struct {
		Components []component `json:"components"`
	}
	if err := c.ask(t.Context(), "GET", "/status", nil, &status); err != nil {
		t.Fatalf("ask the cluster's supervisor: %v", err)
	}
	at := slices.IndexFunc(status.Components, func(one component) bool { return one.Name == name })
	if at < 0 {
		t.Fatalf("the cluster has no component %s", name)
	}
	return status.Components[at]
}

// absence is that of a component that was taken away. back closes when it has been started again; end has it
// started before its time, and does not wait for that.
type absence struct {
	back <-chan struct{}
	end  func()
}

// takeAway stops a component for a time. It returns when the component is down, or has been down. A cluster
// without a name is asked through its control socket, as "seldonctl-local restart" asks one with a name: the
// component comes back when its time is over, or when whoever has asked goes.
func (c *cluster) takeAway(t *testing.T, name string, away time.Duration) absence {
	t.Helper()
	before := c.component(t, name).Restarts
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	back := make(chan struct{})
	go func() {
		defer close(back)
		_ = c.ask(ctx, "POST", "/restart", map[string]any{"component": name, "downFor": away}, nil) // the tests see what comes of it
	}()
	for ticks := time.NewTicker(20 * time.Millisecond); ; <-ticks.C {
		if now := c.component(t, name); !now.Up || now.Restarts > before {
			return absence{back: back, end: cancel}
		}
	}
}

func (c *cluster) ask(ctx context.Context, method, path string, in, out any) error {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(c.kubeconfig), "cluster.json"))
	if err != nil {
		return err
	}
	var record struct {
		Socket string `json:"controlSocket"`
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", record.Socket)
	}}}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
