package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/engine"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

const (
	logLimit = 10 * time.Second
	logBytes = 64 << 10
)

// Read returns the objects of the given kinds: of the custom resource's kind the target's (all of
// the namespace's, or of all namespaces, where it has no name), of built-in kinds all that carry the engine's label. Every
// answer is consistent: it shows what was written before. An object that does not exist is not an
// error; a kind that may not be read, or is not served, is.
func (c *Cluster) Read(ctx context.Context, target engine.Target, kinds ...snapshot.Kind) ([]snapshot.Object, error) {
	if target.Namespace != "" {
		if err := checkNames(target.Namespace); err != nil {
			return nil, err
		}
	}
	parts := make([][]snapshot.Object, len(kinds))
	errs := make([]error, len(kinds))
	var wg sync.WaitGroup
	for i, kind := range kinds {
		wg.Go(func() {
			if kind == target.Kind() {
				parts[i], errs[i] = c.readRoot(ctx, target)
			} else {
				parts[i], errs[i] = c.readKind(ctx, target, kind)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

func (c *Cluster) readRoot(ctx context.Context, target engine.Target) ([]snapshot.Object, error) {
	s := rootOf(target)
	if target.Name == "" {
		objects, _, err := c.listAll(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("list %s in %s: %w", s.resources[0].Resource, placed(target.Namespace), err)
		}
		return objects, nil
	}
	if err := checkPlace(target.Namespace, target.Name); err != nil {
		return nil, err
	}
	a, err := c.read(ctx, c.limit, s.accept(c.client.Get().AbsPath(path(s.resources[0], s.namespace, target.Name)...), metadataOfOne))
	if noSuchObject(err, target.Name) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", s.kind, target.Name, err)
	}
	o, err := s.read(a.body)
	if err != nil {
		return nil, err
	}
	return []snapshot.Object{o}, nil
}

// noSuchObject tells a missing object from a missing resource: both are a 404, but only the former
// names the object.
func noSuchObject(err error, name string) bool {
	status := apierrors.APIStatus(nil)
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Name == name
}

func (c *Cluster) readKind(ctx context.Context, target engine.Target, kind snapshot.Kind) ([]snapshot.Object, error) {
	s, err := sourceOf(target, kind)
	if err != nil {
		return nil, err
	}
	objects, _, err := c.listAll(ctx, s)
	for apierrors.IsNotFound(err) && len(s.resources) > 1 {
		s.resources = s.resources[1:]
		objects, _, err = c.listAll(ctx, s)
	}
	if err != nil {
		told := fmt.Errorf("list %s in %s: %w", s.resources[0].Resource, placed(target.Namespace), err)
		if refused(err) {
			return nil, &snapshot.RefusedError{Kind: kind, Err: told}
		}
		return nil, told
	}
	wanted := objects[:0]
	for _, o := range objects {
		if s.wants(o) {
			wanted = append(wanted, o)
		}
	}
	return wanted, nil
}

// Names returns the metadata of all objects of a built-in kind in a namespace, label or not.
func (c *Cluster) Names(ctx context.Context, namespace string, kind snapshot.Kind) ([]metav1.PartialObjectMetadata, error) {
	row, ok := builtins[kind]
	if !ok {
		return nil, fmt.Errorf("%s is not a kind that can be read", kind)
	}
	if err := checkNames(namespace); err != nil {
		return nil, err
	}
	s := source{kind: kind, namespace: namespace, resources: row.served, metadataOnly: true}
	names, _, err := inPages(ctx, c, s, page, func(raw []byte) (o metav1.PartialObjectMetadata, err error) {
		if err := json.Unmarshal(raw, &o); err != nil {
			return o, fmt.Errorf("decode %s: %w", kind, err)
		}
		o.ManagedFields = nil
		return o, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s in %s: %w", row.served[0].Resource, namespace, err)
	}
	return names, nil
}

// Log returns the last lines of a container's log, of its previous run if so asked.
func (c *Cluster) Log(ctx context.Context, pod snapshot.Ref, container string, previous bool, lines int64) ([]string, error) {
	if err := checkNames(pod.Namespace, pod.Name); err != nil {
		return nil, err
	}
	request := c.client.Get().
		AbsPath(path(builtins[snapshot.Pod].served[0], pod.Namespace, pod.Name, "log")...).
		Param("container", container).
		Param("tailLines", strconv.FormatInt(lines, 10)).
		Param("limitBytes", strconv.Itoa(logBytes))
	if previous {
		request.Param("previous", "true")
	}
	a, err := c.read(ctx, min(logLimit, c.limit), request)
	if err != nil {
		return nil, fmt.Errorf("read log of container %s of %s: %w", container, pod, err)
	}
	text := strings.TrimRight(string(a.body), "\n")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\n"), nil
}
