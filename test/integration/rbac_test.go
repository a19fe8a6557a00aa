//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// privileged is a command with the Role that is shipped for it.
type privileged struct {
	role string // the file in deploy/rbac
	args string // $MODEL stands for the manifest
	// present makes the object before.
	present bool
	// needs are the verbs on SeldonDeployments without which it ends with exit code 4, others are not asked for.
	needs []string
	// claims is what its success says.
	claims string
	// sees are the optional resources whose lack it warns of.
	sees []string
}

// tree are the optional kinds that every command looks at which proves something.
var tree = []string{"replicasets", "pods", "services", "events"}

var privilegedCommands = map[string]privileged{
	"run":            {"rehearse", "run -f $MODEL -r 2", false, []string{"get", "list", "watch", "create", "patch", "delete"}, "OK +gone: ", tree},
	"apply, absent":  {"operate", "apply -f $MODEL", false, []string{"get", "watch", "create"}, "OK +available: ", tree},
	"apply, present": {"operate", "apply -f $MODEL", true, []string{"get", "watch", "patch"}, "OK +available: ", tree},
	"wait":           {"view", "wait model", true, []string{"get", "watch"}, "OK +available: ", tree},
	"scale":          {"operate", "scale model -r 2", true, []string{"get", "watch", "patch"}, "OK +scaled: ", tree},
	"delete":         {"operate", "delete model", true, []string{"get", "watch", "delete"}, "OK +gone: ", tree},
}

// lessEvidence is what a claim admits where a resource cannot be seen.
var lessEvidence = map[string]string{"replicasets": "cannot be seen", "pods": "cannot be seen"}

// TestRoles holds the Roles in deploy/rbac to what each command needs: with exactly its Role it succeeds
// without a warning; without an optional part it succeeds with one that names it; without a required one it
// ends with exit code 4, names verb and resource and has written nothing.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, c := range privilegedCommands {
		role := shippedRole(t, s, c.role)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("exactly", func(t *testing.T) {
				t.Parallel()
				text := s.asRole(t, c, role.Rules, 0)
				if strings.Contains(text, "  warning  ") || !regexp.MustCompile(c.claims).MatchString(text) {
					t.Errorf("want %q and no warning", c.claims)
				}
			})
			for _, resource := range c.sees {
				t.Run("without "+resource, func(t *testing.T) {
					t.Parallel()
					text := s.asRole(t, c, without(role.Rules, resource, ""), 0)
					named := len(regexp.MustCompile(` warning +.*\b`+resource+` is forbidden|`+resource+`\.apps is forbidden`).FindAllString(text, -1))
					allowed := 1
					if resource == "services" && strings.Contains(c.args, "$MODEL") {
						allowed = 2 // Their names cannot be looked at before writing either, which is more to know.
					}
					if named < 1 || named > allowed || strings.Count(text, "  warning  ") != named || !regexp.MustCompile(c.claims).MatchString(text) {
						t.Errorf("want %q and one warning, which names %s", c.claims, resource)
					}
					if less := lessEvidence[resource]; less != "" && !strings.Contains(text, less) {
						t.Errorf("the evidence does not say %q", less)
					}
				})
			}
			t.Run("without anything optional", func(t *testing.T) {
				t.Parallel()
				rules := role.Rules
				for _, resource := range append(slices.Clone(c.sees), "pods/log") {
					rules = without(rules, resource, "")
				}
				if text := s.asRole(t, c, rules, 0); !regexp.MustCompile(c.claims).MatchString(text) {
					t.Errorf("want %q", c.claims)
				}
			})
			needs := map[string][]string{"seldondeployments": c.needs, "deployments": {"list", "watch"}}
			for resource, verbs := range needs {
				for _, verb := range verbs {
					t.Run(fmt.Sprintf("without %s %s", verb, resource), func(t *testing.T) {
						t.Parallel()
						text := s.asRole(t, c, without(role.Rules, resource, verb), 4)
						named := regexp.MustCompile(fmt.Sprintf(`FAILED .*\b%s\b.*\b%s\b`, verb, resource))
						if !named.MatchString(text) || strings.Contains(text, "  OK  ") {
							t.Errorf("want a failure that names %s %s", verb, resource)
						}
					})
				}
			}
		})
	}
}

// TestRolesOfLooking holds view.yaml to the commands that only look: with exactly it they show what there
// is without a warning, and without an optional part they go on with less and say so.
func TestRolesOfLooking(t *testing.T) {
	t.Parallel()
	s := open(t)
	role := shippedRole(t, s, "view")
	for _, lost := range append([]string{""}, tree...) {
		t.Run("without "+lost, func(t *testing.T) {
			t.Parallel()
			sit(t, otherSeats)
			namespace := s.own(t)
			start(t, s, s.cluster, nil, "apply", "-f", s.manifest("model.yaml"), "-n", namespace).exits(0)
			rules := role.Rules
			if lost != "" {
				rules = without(rules, lost, "")
			}
			as := environment(s.bound(t, namespace, rules))
			for args, shows := range map[string]string{
				"status":       `model +Available`,
				"status model": `(?s)SeldonDeployment.*Available.*Deployment`,
				"events model": `(?s)LAST SEEN.*model`,
			} {
				if lost == "events" && args == "events model" {
					continue // they are all that it is about
				}
				command := exec.Command(s.seldonctl, append(strings.Fields(args), "-n", namespace)...)
				command.Env = as
				var stderr strings.Builder
				command.Stderr = &stderr
				out, err := command.Output()
				if err != nil || !regexp.MustCompile(shows).Match(out) {
					t.Errorf("%s: want %q: %v\n%s%s", args, shows, err, out, stderr.String())
				}
				if lost == "" && strings.Contains(stderr.String(), "warning") {
					t.Errorf("%s: want no warning: %s", args, stderr.String())
				}
			}
		})
	}
}

// shippedRole reads a Role of deploy/rbac, which must not reach Secrets or anything by a wildcard.
func shippedRole(t *testing.T, s shop, name string) rbacv1.Role {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.root, "deploy", "rbac", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(data, &role); err != nil {
		t.Fatal(err)
	}
	for _, rule := range role.Rules {
		for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs) {
			if slices.Contains([]string{"*", "secrets", "configmaps"}, word) {
				t.Errorf("%s.yaml allows %v on %v", name, rule.Verbs, rule.Resources)
			}
		}
	}
	return role
}

// without returns the rules without a verb on a resource, or without the resource where no verb is named.
func without(rules []rbacv1.PolicyRule, resource, verb string) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, rule := range rules {
		rule = *rule.DeepCopy()
		if slices.Contains(rule.Resources, resource) {
			rule.Verbs = slices.DeleteFunc(rule.Verbs, func(v string) bool { return verb == "" || v == verb })
		}
		if len(rule.Verbs) > 0 {
			left = append(left, rule)
		}
	}
	return left
}

// asRole runs a command in a namespace of its own as somebody who has these rights and no others, and
// returns what it says. Where it is refused, nothing must have been written.
func (s shop) asRole(t *testing.T, c privileged, rules []rbacv1.PolicyRule, code int) string {
	t.Helper()
	sit(t, otherSeats)
	namespace := s.own(t)
	model := s.manifest("model.yaml")
	models := s.dynamic.Resource(resources["seldondeployments"]).Namespace(namespace)
	var before *unstructured.Unstructured
	if c.present {
		o := &unstructured.Unstructured{}
		data, err := os.ReadFile(model)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, &o.Object); err != nil {
			t.Fatal(err)
		}
		if before, err = models.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl"}); err != nil {
			t.Fatal(err)
		}
	}
	args := append(strings.Fields(strings.ReplaceAll(c.args, "$MODEL", model)), "-n", namespace, "--timeout", "60s")
	command := exec.Command(s.seldonctl, args...)
	command.Env = environment(s.bound(t, namespace, rules))
	p := startCommand(t, command, nil)
	p.exits(code)
	if code == 0 {
		return p.text()
	}
	list, err := models.List(t.Context(), metav1.ListOptions{})
	switch {
	case err != nil:
		t.Fatal(err)
	case before == nil && len(list.Items) > 0:
		t.Errorf("it has created %s", list.Items[0].GetName())
	case before != nil && (len(list.Items) != 1 || list.Items[0].GetGeneration() != before.GetGeneration()):
		t.Errorf("it has changed the object")
	}
	return p.text()
}

// bound makes a service account with exactly these rights and returns the path of its kubeconfig.
func (s shop) bound(t *testing.T, namespace string, rules []rbacv1.PolicyRule) string {
	t.Helper()
	named := metav1.ObjectMeta{Name: "bound"}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "bound"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "bound", Namespace: namespace}},
	}
	ctx, rbac, accounts := t.Context(), s.kube.RbacV1(), s.kube.CoreV1().ServiceAccounts(namespace)
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: named}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rbac.Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: named, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rbac.RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.entitled(ctx, namespace, "bound", rules); err != nil {
		t.Fatal(err)
	}
	token, err := accounts.CreateToken(ctx, "bound", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(s.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for name := range config.AuthInfos {
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// entitled waits until the API server's authorizer has taken up a service account's rules, which it learns of by a
// watch: it knows all of them when it knows the last.
func (c *cluster) entitled(ctx context.Context, namespace, account string, rules []rbacv1.PolicyRule) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last := rules[len(rules)-1]
	resource, subresource, _ := strings.Cut(last.Resources[0], "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + namespace + ":" + account,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: last.Verbs[0], Group: last.APIGroups[0], Resource: resource, Subresource: subresource,
		},
	}}
	for ticks := time.NewTicker(answerTick); ; <-ticks.C {
		answer, err := c.kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("ask whether %s may %s %s: %w", account, last.Verbs[0], last.Resources[0], err)
		}
		if answer.Status.Allowed {
			return nil
		}
	}
}
