package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seldonctl/seldonctl/internal/manifest"
	"github.com/seldonctl/seldonctl/internal/ops"
)

func model(name, namespace string) string {
	return "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata:\n  name: " + name + "\n  namespace: " + namespace +
		"\nspec: {predictors: [{name: main, graph: {name: clf}, componentSpecs: [{spec: {containers: [{name: clf, image: x}]}}]}]}\n---\n"
}

const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\n---\n"

func read(t *testing.T, texts ...string) (Set, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	var paths []string
	for i, text := range texts {
		path := string(rune('a'+i)) + ".yaml"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	f := Flags{manifest.Files{Paths: paths}}
	return f.Read(strings.NewReader(""))
}

// where tells the objects with their namespaces.
func where(s Set) string {
	var all []string
	for _, o := range s.objects() {
		all = append(all, o.GetNamespace()+"/"+o.GetName())
	}
	return strings.Join(all, " ")
}

func TestSet(t *testing.T) {
	for name, c := range map[string]struct {
		texts []string
		put   func(s Set) error
		want  string // where they are, or the error
	}{
		"one":                          {[]string{model("a", "")}, nil, "x/a"},
		"each where it says":           {[]string{model("a", "one") + secret, model("b", "two")}, nil, "one/a two/b x/creds"},
		"all where the user says":      {[]string{model("a", "mine") + secret}, func(s Set) error { return s.Put("mine") }, "mine/a mine/creds"},
		"somewhere else":               {[]string{model("a", "one"), secret}, func(s Set) error { return s.Put("mine") }, `a.yaml, b.yaml is for namespace "one", but -n says "mine"`},
		"moved":                        {[]string{model("a", "one") + secret}, func(s Set) error { s.Move("new"); return nil }, "new/a new/creds"},
		"the same name, two places":    {[]string{model("a", "one") + model("a", "two")}, nil, "one/a two/a"},
		"twice":                        {[]string{model("a", "one"), model("a", "one")}, nil, "b.yaml:4: SeldonDeployment a is there twice, first at a.yaml:4"},
		"twice, a supporting one":      {[]string{model("a", "") + secret + secret}, nil, "a.yaml:14: Secret creds is there twice, first at a.yaml:10"},
		"both imply the same":          {[]string{strings.Replace(model("a", ""), "name: main", "name: b-main", 1), model("a-b", "")}, nil, "SeldonDeployment a and a-b in namespace x both imply a Deployment a-b-main-0-clf"},
		"nothing that it is about":     {[]string{secret}, nil, "a.yaml holds no SeldonDeployment"},
		"nothing, several":             {[]string{secret, secret}, nil, "a.yaml, b.yaml hold no SeldonDeployment"},
		"a mistake, with its line":     {[]string{model("a", ""), "a: b\n  c: d\n"}, nil, "b.yaml:2: not YAML: mapping values are not allowed in this context"},
		"an older version is the same": {[]string{model("a", "") + strings.Replace(model("a", ""), "/v1", "/v1alpha2", 1)}, nil, "a.yaml:11: SeldonDeployment a is there twice, first at a.yaml:4"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := read(t, c.texts...)
			if err == nil && c.put != nil {
				err = c.put(set)
			}
			got := ""
			if err == nil {
				set.PutRest("x")
				err = set.Check()
				got = where(set)
			}
			if err != nil {
				got = err.Error()
				if refusal, ok := errors.AsType[*ops.RefusalError](err); !ok || refusal.Reason != ops.Invalid {
					t.Errorf("%v is no usage error", err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSingle(t *testing.T) {
	for text, want := range map[string]bool{model("a", ""): true, model("a", "") + secret: false, model("a", "") + model("b", ""): false} {
		set, err := read(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if _, single := set.Single(); single != want {
			t.Errorf("single is %t of:\n%s", single, text)
		}
	}
}

// TestAsks: only a terminal is asked, only a yes is one, and whoever is interrupted has not agreed.
func TestAsks(t *testing.T) {
	for name, c := range map[string]struct {
		answer        string
		terminal, yes bool
		want          bool
		asked         string
	}{
		"yes":           {"y\n", true, false, true, "here\ndelete 2? [y/N] "},
		"YES":           {"YES\n", true, false, true, "here\ndelete 2? [y/N] "},
		"no":            {"n\n", true, false, false, "here\ndelete 2? [y/N] "},
		"nothing":       {"\n", true, false, false, "here\ndelete 2? [y/N] "},
		"end of file":   {"", true, false, false, "here\ndelete 2? [y/N] "},
		"no terminal":   {"n\n", false, false, true, ""},
		"agreed before": {"n\n", true, true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			a := Asker{In: strings.NewReader(c.answer), Out: &out, Terminal: c.terminal, Yes: c.yes, Where: "here"}
			if got := a.Agrees(t.Context(), "delete 2?"); got != c.want || out.String() != c.asked {
				t.Errorf("agreed: %t, asked %q", got, out.String())
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, hold := io.Pipe()
	defer hold.Close()
	if (Asker{In: silent, Out: io.Discard, Terminal: true}).Agrees(ctx, "?") {
		t.Error("an interrupt agreed")
	}
}

func TestChoice(t *testing.T) {
	for text, c := range map[string]struct {
		choice Choice
		want   string
	}{
		"labels": {Choice{selector: "team in (a,b),stage!=prod"}, ""},
		"all":    {Choice{all: true}, ""},
		"both":   {Choice{selector: "a=b", all: true}, "--all and --selector exclude each other"},
		"broken": {Choice{selector: "a in b"}, "--selector: unable to parse requirement: found 'b' expected: '('"},
	} {
		got := ""
		if err := c.choice.Check(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", text, got, c.want)
		}
	}
	if got := (&Choice{all: true}).In("ns"); !got.Selector.Empty() || got.Namespace != "ns" {
		t.Errorf("--all chooses %v", got)
	}
}

func TestNamed(t *testing.T) {
	members := Named("ns", []string{"a", "b", "a"}, nil)
	var names []string
	for _, m := range members {
		names = append(names, filepath.Join(m.Namespace, m.Name))
	}
	if diff := cmp.Diff([]string{"ns/a", "ns/b"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
