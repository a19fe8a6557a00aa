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
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// The scripts in testdata/scripts are the command line as users type it: one for each way in which a run
// ends. Each has a namespace of its own in $NS, this package's manifests in its folder and the recorded
// ones in $RECORDED, the program itself is $SELDONCTL.
func TestScripts(t *testing.T) {
	t.Parallel()
	s := open(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/scripts",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               s.prepare,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"background": background,
			"says":       says,
			"ends":       ends,
			"signal":     scriptSignal,
			"follows":    scriptFollows,
			"interrupt":  interrupt,
			"event":      s.scriptEvent,
			"killed":     killed,
			"capture":    capture,
			"create":     s.scriptCreate,
			"delete":     s.scriptDelete,
			"hold":       s.scriptHold,
			"patch":      s.scriptPatch,
			"appears":    s.scriptAppears,
			"empty":      s.scriptEmpty,
			"holds":      s.scriptHolds,
			"kubeconfig": s.scriptKubeconfig,
		},
	})
}

type key string

// underWay is the key of a script's program in the background.
const underWay key = "background"

func (s shop) prepare(env *testscript.Env) error {
	otherSeats <- struct{}{}
	env.Defer(func() { <-otherSeats })
	namespace, err := s.namespace(context.Background(), filepath.Base(env.WorkDir), nil)
	if err != nil {
		return err
	}
	manifests, err := filepath.Glob(s.manifest("*.yaml"))
	if err != nil {
		return err
	}
	for _, manifest := range append(manifests, filepath.Join(s.root, "test-resource.yaml")) {
		data, err := os.ReadFile(manifest)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, filepath.Base(manifest)), data, 0o600); err != nil {
			return err
		}
	}
	env.Setenv("NS", namespace)
	env.Setenv("KUBECONFIG", s.kubeconfig)
	env.Setenv("RECORDED", s.recorded(""))
	env.Setenv("SELDONCTL", s.seldonctl)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("PATH", filepath.Dir(s.seldonctl)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Values[underWay] = new(*program)
	return nil
}

// exits CODE [WITHIN] PROGRAM [ARGUMENT...] runs a program, which must end with the code, and in time
// where a time is given.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	code, within, command := outcome(ts, neg, args)
	p, err := launch(scriptCommand(ts, command), nil)
	ts.Check(err)
	finish(ts, p, code, p.began, within)
}

func outcome(ts *testscript.TestScript, neg bool, args []string) (code int, within time.Duration, command []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE [WITHIN] PROGRAM [ARGUMENT...], or ends CODE [WITHIN]")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	command = args[1:]
	if len(command) > 0 {
		if d, err := time.ParseDuration(command[0]); err == nil {
			within, command = d, command[1:]
		}
	}
	return code, within, command
}

func finish(ts *testscript.TestScript, p *program, code int, since time.Time, within time.Duration) {
	got, err := p.end()
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), p.text())
	fmt.Fprint(ts.Stderr(), p.stderr.String())
	if got != code {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, code, p.text(), p.stderr.String())
	}
	if took := p.ended.Sub(since); within > 0 && took > within {
		ts.Fatalf("it took %s, want at most %s\n%s", took, within, p.text())
	}
}

func scriptCommand(ts *testscript.TestScript, args []string) *exec.Cmd {
	if len(args) == 0 {
		ts.Fatalf("which program?")
	}
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			path = filepath.Join(dir, path)
			break
		}
	}
	command := exec.Command(path, args[1:]...)
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "KUBECONFIG", "TMPDIR"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	return command
}

// background PROGRAM [ARGUMENT...] starts a program and goes on.
func background(ts *testscript.TestScript, _ bool, args []string) {
	p, err := launch(scriptCommand(ts, args), nil)
	ts.Check(err)
	ts.Defer(p.kill)
	*ts.Value(underWay).(**program) = p
}

// says PATTERN waits until the program in the background says it.
func says(ts *testscript.TestScript, _ bool, args []string) {
	_, err := (*ts.Value(underWay).(**program)).says(args[0])
	ts.Check(err)
}

// ends CODE [WITHIN] waits for the end of the program in the background, whose time counts from here.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	code, within, _ := outcome(ts, neg, args)
	finish(ts, *ts.Value(underWay).(**program), code, time.Now(), within)
}

// interrupt sends the program in the background what Ctrl-C sends.
func interrupt(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check((*ts.Value(underWay).(**program)).command.Process.Signal(syscall.SIGINT))
}

// event RESOURCE NAME MESSAGE creates an event of type Warning about an object, as somebody else would; it is a
// minute old. The message is a quoted string of Go's, so that it can hold anything.
func (s shop) scriptEvent(ts *testscript.TestScript, _ bool, args []string) {
	about, err := s.dynamic.Resource(resources[args[0]]).Namespace(ts.Getenv("NS")).Get(context.Background(), args[1], metav1.GetOptions{})
	ts.Check(err)
	message, err := strconv.Unquote(args[2])
	ts.Check(err)
	happened := metav1.NewTime(time.Now().Add(-time.Minute))
	_, err = s.kube.CoreV1().Events(ts.Getenv("NS")).Create(context.Background(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "hostile-"}, Type: corev1.EventTypeWarning, Reason: "Hostile", Message: message,
		FirstTimestamp: happened, LastTimestamp: happened, Count: 1,
		InvolvedObject: corev1.ObjectReference{Kind: about.GetKind(), Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID()},
	}, metav1.CreateOptions{})
	ts.Check(err)
}

// killed kills the program in the background, which then can do nothing more. Its words are the output.
func killed(ts *testscript.TestScript, _ bool, _ []string) {
	p := *ts.Value(underWay).(**program)
	p.kill()
	_, _ = p.end()
	fmt.Fprint(ts.Stdout(), p.text())
}

// capture NAME PATTERN keeps the pattern's first group, as the output has it, in a variable.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("the output has no %q", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// create FILE [MANAGER] creates the object of a file in the script's namespace, as somebody else would.
func (s shop) scriptCreate(ts *testscript.TestScript, _ bool, args []string) {
	o := &unstructured.Unstructured{}
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(args[0])), &o.Object))
	resource := resourceOf(o.GetKind())
	_, err := s.dynamic.Resource(resource).Namespace(ts.Getenv("NS")).Create(context.Background(), o, metav1.CreateOptions{FieldManager: manager(args, 1)})
	ts.Check(err)
}

// manager is the name under which a script's writes are noted, where the argument gives another.
func manager(args []string, at int) string {
	if len(args) > at {
		return args[at]
	}
	return "somebody"
}

// delete RESOURCE NAME deletes an object, as somebody else would.
func (s shop) scriptDelete(ts *testscript.TestScript, _ bool, args []string) {
	resource, namespace := place(args[0], ts.Getenv("NS"))
	ts.Check(s.dynamic.Resource(resource).Namespace(namespace).Delete(context.Background(), args[1], metav1.DeleteOptions{}))
}

// patch RESOURCE NAME PATCH [MANAGER] changes an object by a JSON patch, as somebody else would.
func (s shop) scriptPatch(ts *testscript.TestScript, _ bool, args []string) {
	resource, namespace := place(args[0], ts.Getenv("NS"))
	objects := s.dynamic.Resource(resource).Namespace(namespace)
	_, err := objects.Patch(context.Background(), args[1], types.JSONPatchType, []byte(args[2]), metav1.PatchOptions{FieldManager: manager(args, 3)})
	ts.Check(err)
}

// hold RESOURCE NAME puts a finalizer on an object; ! hold takes it away.
func (s shop) scriptHold(ts *testscript.TestScript, neg bool, args []string) {
	finalizer := "test.seldonctl/hold"
	if neg {
		finalizer = ""
	}
	ts.Check(s.finalize(context.Background(), args[0], ts.Getenv("NS"), args[1], finalizer))
}

// appears RESOURCE NAME [FIELD...] waits until there is such an object and has the fields, each written as
// status.state; ! appears until there is none.
func (s shop) scriptAppears(ts *testscript.TestScript, neg bool, args []string) {
	wanted := func(o *unstructured.Unstructured) bool {
		return o != nil && !slices.ContainsFunc(args[2:], func(field string) bool {
			_, found, err := unstructured.NestedFieldNoCopy(o.Object, strings.Split(field, ".")...)
			return err != nil || !found
		})
	}
	if neg {
		wanted = absent
	}
	resource, namespace := place(args[0], ts.Getenv("NS"))
	ts.Check(s.until(context.Background(), resource, namespace, args[1], wanted))
}

// holds KIND/NAME... says what the namespace must hold, and nothing else; empty says that it holds nothing.
func (s shop) scriptHolds(ts *testscript.TestScript, _ bool, args []string) {
	left, err := s.left(context.Background(), ts.Getenv("NS"))
	ts.Check(err)
	if got, want := strings.Join(names(left), " "), strings.Join(args, " "); got != want {
		ts.Fatalf("the namespace holds %q, want %q", got, want)
	}
}

func (s shop) scriptEmpty(ts *testscript.TestScript, neg bool, _ []string) {
	s.scriptHolds(ts, neg, nil)
}

// kubeconfig KIND FILE writes a kubeconfig that is wrong in one way:
//
//	wrong-token   has a token that the API server does not know
//	reader        belongs to a service account that may read everything and write nothing
//	half          belongs to one that may read no pods and no events
//	closed-port   names a port that nobody listens on
func (s shop) scriptKubeconfig(ts *testscript.TestScript, _ bool, args []string) {
	config, err := clientcmd.LoadFromFile(s.kubeconfig)
	ts.Check(err)
	for name := range config.AuthInfos {
		switch args[0] {
		case "wrong-token":
			config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: "nobody-has-this-token"}
		case "reader":
			token, err := s.reader(context.Background(), ts.Getenv("NS"), "reader", "*")
			ts.Check(err)
			config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
		case "half":
			token, err := s.reader(context.Background(), ts.Getenv("NS"), "half", "seldondeployments", "deployments", "replicasets", "services")
			ts.Check(err)
			config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
		}
	}
	if args[0] == "closed-port" {
		for _, cluster := range config.Clusters {
			cluster.Server = "https://127.0.0.1:1"
		}
	}
	ts.Check(clientcmd.WriteToFile(*config, ts.MkAbs(args[1])))
}

// reader makes a service account that may read some resources in a namespace, and returns its token.
func (s shop) reader(ctx context.Context, namespace, name string, readable ...string) (string, error) {
	named := metav1.ObjectMeta{Name: name}
	if _, err := s.kube.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: named}, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: readable, Verbs: []string{"get", "list", "watch"}}}
	if _, err := s.kube.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: named, Rules: rules}, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: named,
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: namespace}},
	}
	if _, err := s.kube.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	if err := s.entitled(ctx, namespace, name, rules); err != nil {
		return "", err
	}
	answer, err := s.kube.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return answer.Status.Token, nil
}
