package seldon

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestRename(t *testing.T) {
	const head = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: m}\nspec:\n"
	const one = "  predictors:\n  - name: main\n    graph: {name: clf}\n    componentSpecs: [{spec: {containers: [{name: clf, image: x}]}}]\n"
	for name, c := range map[string]struct {
		text, suffix   string
		name, services string
		refused        string
	}{
		"plain":             {head + one, "-try", "m-try", "[m-try-main m-try-main-clf]", ""},
		"without a hyphen":  {head + one, "try", "m-try", "[m-try-main m-try-main-clf]", ""},
		"prescribed name":   {head + one + "    annotations: {seldon.io/svc-name: front}\n", "x", "m-x", "[front-x m-x-main-clf]", ""},
		"no DNS name":       {head + one, "Try_1", "", "", "m cannot be called m-Try_1: a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
		"gateway":           {head + one + "    annotations: {seldon.io/ambassador-config: x}\n", "x", "", "", "spec.predictors[0].annotations[seldon.io/ambassador-config] routes traffic whatever the name: what rehearses beside the living one would take some of it"},
		"gateway, the spec": {head + "  annotations: {seldon.io/ambassador-service-name: other}\n" + one, "x", "", "", "spec.annotations[seldon.io/ambassador-service-name] routes traffic whatever the name: what rehearses beside the living one would take some of it"},
		"unreadable":        {head + "  predictors: 3\n", "x", "m-x", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(c.text), &root.Object); err != nil {
				t.Fatal(err)
			}
			was := root.DeepCopy()
			renamed, err := New().Rename(root, c.suffix)
			if diff := cmp.Diff(was.Object, root.Object); diff != "" {
				t.Errorf("it changed what it was given:\n%s", diff)
			}
			if c.refused != "" {
				if err == nil || err.Error() != c.refused {
					t.Errorf("got  %v\nwant %s", err, c.refused)
				}
				return
			}
			if err != nil || renamed.GetName() != c.name {
				t.Fatalf("got %v, %v, want %s", renamed, err, c.name)
			}
			if c.services == "" {
				return
			}
			implied, err := New().Implied(renamed)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(implied.Services); got != c.services {
				t.Errorf("Services %s, want %s", got, c.services)
			}
		})
	}
}
