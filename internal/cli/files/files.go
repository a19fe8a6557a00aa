// Package files holds the flags that name files, and sorts what the files hold into the custom resources
// that a command is about and the objects that support them.
//
// It knows kinds and names, but not what an object means, and asks no cluster.
package files

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/engine/all"
	"github.com/seldonctl/seldonctl/internal/manifest"
	"github.com/seldonctl/seldonctl/internal/ops"
	"github.com/seldonctl/seldonctl/internal/ops/fleet"
)

// Flags are the flags that name files.
type Flags struct{ manifest.Files }

// Declare declares them; fallback is read where no file is named, if it is not empty.
func (f *Flags) Declare(flags *pflag.FlagSet, fallback ...string) {
	flags.StringArrayVarP(&f.Paths, "filename", "f", fallback, `a manifest or a folder of them; "-" reads standard input; can be repeated`)
	flags.BoolVarP(&f.Recursive, "recursive", "R", false, "look into the folders of folders too")
}

// Root is a custom resource.
type Root struct {
	Object *unstructured.Unstructured
	Lines  ops.Lines
	Engine engine.Engine
	// Position is where it stands, "file:line".
	Position string
}

// Set is what files hold.
type Set struct {
	Roots      []Root
	Supporting []fleet.Supporting

	named string
}

// Read reads all of the files. They must hold at least one custom resource.
func (f *Flags) Read(stdin io.Reader) (Set, error) {
	documents, err := f.Open(stdin)
	if err != nil {
		return Set{}, &ops.RefusalError{Reason: ops.Invalid, Text: err.Error(), Err: err}
	}
	set := Set{named: strings.Join(f.Paths, ", ")}
	if set.named == "-" {
		set.named = "stdin"
	}
	for _, d := range documents {
		lines := d.Lines()
		line, _ := lines("metadata.name")
		position := fmt.Sprintf("%s:%d", d.File, line)
		e, known := all.For(d.Object.GroupVersionKind().GroupKind())
		if !known {
			set.Supporting = append(set.Supporting, fleet.Supporting{Object: d.Object, Position: position})
			continue
		}
		set.Roots = append(set.Roots, Root{Object: d.Object, Engine: e, Position: position, Lines: func(path string) (string, bool) {
			line, found := lines(path)
			return fmt.Sprintf("%s:%d", d.File, line), found
		}})
	}
	if len(set.Roots) == 0 {
		hold := "hold"
		if len(f.Paths) == 1 {
			hold = "holds"
		}
		return Set{}, refuse(fmt.Sprintf("%s %s no %s", set.named, hold, all.Table()[0].Identity().Kind), "")
	}
	return set, nil
}

func refuse(text, hint string) error {
	return &ops.RefusalError{Reason: ops.Invalid, Text: text, Hint: hint}
}

// Put puts all objects into the namespace that the user has named. None may say another.
func (s Set) Put(namespace string) error {
	for _, o := range s.objects() {
		if own := o.GetNamespace(); own != "" && namespace != own {
			return refuse(fmt.Sprintf("%s is for namespace %q, but -n says %q", s.named, own, namespace), "leave out -n, or change the manifest")
		}
	}
	s.Move(namespace)
	return nil
}

// PutRest puts the objects that say no namespace into the given one.
func (s Set) PutRest(namespace string) {
	for _, o := range s.objects() {
		if o.GetNamespace() == "" {
			o.SetNamespace(namespace)
		}
	}
}

// Placed reports whether all objects have their namespaces.
func (s Set) Placed() bool {
	return !slices.ContainsFunc(s.objects(), func(o *unstructured.Unstructured) bool { return o.GetNamespace() == "" })
}

// Move puts all objects into a namespace, whatever they say.
func (s Set) Move(namespace string) {
	for _, o := range s.objects() {
		o.SetNamespace(namespace)
	}
}

// Check refuses what cannot be side by side: an object that is there twice, and two that imply the same.
func (s Set) Check() error {
	seen := map[string]string{}
	note := func(o *unstructured.Unstructured, position string) error {
		key := o.GroupVersionKind().GroupKind().String() + " " + o.GetNamespace() + "/" + o.GetName()
		if first := seen[key]; first != "" {
			return refuse(fmt.Sprintf("%s: %s %s is there twice, first at %s", position, o.GetKind(), o.GetName(), first), "leave one of them out")
		}
		seen[key] = position
		return nil
	}
	for _, r := range s.Roots {
		if err := note(r.Object, r.Position); err != nil {
			return err
		}
	}
	for _, o := range s.Supporting {
		if err := note(o.Object, o.Position); err != nil {
			return err
		}
	}
	return fleet.Collide(s.Roots[0].Engine, s.Manifests())
}

// Manifests returns the custom resources as they stand.
func (s Set) Manifests() []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, 0, len(s.Roots))
	for _, r := range s.Roots {
		all = append(all, r.Object)
	}
	return all
}

// Namespaces returns the namespaces that the objects say, each once.
func (s Set) Namespaces() []string {
	var names []string
	for _, o := range s.objects() {
		if o.GetNamespace() != "" {
			names = append(names, o.GetNamespace())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Others names the supporting objects.
func (s Set) Others() []string {
	names := make([]string, 0, len(s.Supporting))
	for _, o := range s.Supporting {
		names = append(names, o.Object.GetKind()+"/"+o.Object.GetName())
	}
	return names
}

func (s Set) objects() []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, 0, len(s.Roots)+len(s.Supporting))
	for _, r := range s.Roots {
		objects = append(objects, r.Object)
	}
	for _, o := range s.Supporting {
		objects = append(objects, o.Object)
	}
	return objects
}

// Single returns the one custom resource, where there is nothing else.
func (s Set) Single() (Root, bool) {
	return s.Roots[0], len(s.Roots) == 1 && len(s.Supporting) == 0
}
