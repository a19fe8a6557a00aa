package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder writes files below a new folder, works in it, and makes links where a name ends in "@".
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		err := os.WriteFile(name, []byte(text), 0o600)
		if link, ok := strings.CutSuffix(name, "@"); ok {
			err = errors.Join(os.Remove(name), os.Symlink(text, link))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func named(name string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n"
}

func TestFiles(t *testing.T) {
	folder(t, map[string]string{
		"one.yaml": named("one"), "two.json": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"two"}}`,
		"all/b.yml": named("b"), "all/a.yaml": named("a1") + "---\n" + named("a2"), "all/c.json": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}`,
		"all/README.md": "not a manifest", "all/comment.yaml": "# nothing yet\n", "all/deep/d.yaml": named("d"), "all/.git/e.yaml": named("e"),
		"link@": "all", "all/loop@": ".", "all/linked.yaml@": "../one.yaml", "all/dangling.yaml@": "nowhere", "all/folder.yaml/f.yaml": named("f"),
	})
	for name, c := range map[string]struct {
		files Files
		want  string
	}{
		"several":              {Files{Paths: []string{"two.json", "one.yaml"}}, "two,one"},
		"the same twice":       {Files{Paths: []string{"one.yaml", "one.yaml"}}, "one,one"},
		"standard input":       {Files{Paths: []string{"one.yaml", "-"}}, "one,in"},
		"a folder":             {Files{Paths: []string{"all"}}, "a1,a2,b,c,one"},
		"a folder, deep":       {Files{Paths: []string{"all"}, Recursive: true}, "a1,a2,b,c,d,f,one"},
		"a link to a folder":   {Files{Paths: []string{"link"}}, "a1,a2,b,c,one"},
		"a folder with a file": {Files{Paths: []string{"all/", "one.yaml"}}, "a1,a2,b,c,one,one"},
	} {
		t.Run(name, func(t *testing.T) {
			documents, err := c.files.Open(strings.NewReader(named("in")))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range documents {
				got = append(got, d.Object.GetName())
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ",")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesRefuses(t *testing.T) {
	many := map[string]string{
		"one.yaml": named("one"), "bad/a.yaml": named("a"), "bad/b.yaml": named("b") + "---\na: b\n  c: d\n", "empty/README.md": "nothing", "empty/deep/a.yaml": named("a"),
		"half.yaml":    strings.Repeat("---\n"+named("half")+"#"+strings.Repeat("x", maxBytes/4)+"\n", 2),
		"values.yaml":  strings.Repeat("---\n"+named("v")+strings.Repeat("#\n", 110_000), 2),
		"objects.yaml": strings.Repeat("---\n"+named("o"), 600),
	}
	for i := range maxFiles + 1 {
		many[fmt.Sprintf("many/%d.yaml", i)] = "#"
	}
	folder(t, many)
	for name, c := range map[string]struct {
		files Files
		want  string
	}{
		"missing":         {Files{Paths: []string{"one.yaml", "two.yaml"}}, "two.yaml: no such file"},
		"in a folder":     {Files{Paths: []string{"bad"}}, "bad/b.yaml:7: not YAML: mapping values are not allowed in this context"},
		"nothing":         {Files{Paths: []string{"empty"}}, "empty: holds no objects in files that end in .yaml, .yml or .json; -R looks into its folders too"},
		"standard input":  {Files{Paths: []string{"-", "-"}}, `stdin: can be read only once, but "-" was given twice`},
		"address":         {Files{Paths: []string{"https://me:secret@example.com/a.yaml"}}, "https://me:xxxxx@example.com/a.yaml: what is on the network is not read; look at it first, and pass it on: curl -fsSL https://me:xxxxx@example.com/a.yaml | seldonctl run -f -"},
		"large together":  {Files{Paths: []string{"half.yaml", "half.yaml"}}, "half.yaml: together with the files before it larger than 10 MiB: give it in parts"},
		"values together": {Files{Paths: []string{"values.yaml", "values.yaml"}}, "values.yaml: together with the files before it more than 400000 values: give it in parts"},
		"objects together": {
			Files{Paths: []string{"objects.yaml", "objects.yaml"}}, "objects.yaml:2001: together with the files before it more than 1000 objects: give them in parts",
		},
		"many files": {Files{Paths: []string{"many"}}, "many: holds more than 1000 manifests: give them in parts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.files.Open(strings.NewReader(named("in")))
			if mistake := (*Error)(nil); !errors.As(err, &mistake) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
