package check

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// asks is what one pod asks for.
type asks struct {
	requests, limits corev1.ResourceList
	// silent are the containers that do not say what a quota of that name counts.
	silent map[corev1.ResourceName][]string
}

// compute are the resources that every container must say where a quota limits them.
var compute = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}

// asksOf sums up a pod the way the API server does: containers run side by side, init containers one
// after the other before them, and those that are restarted run on.
func asksOf(pod corev1.PodSpec, defaults corev1.ResourceRequirements) asks {
	a := asks{requests: corev1.ResourceList{}, limits: corev1.ResourceList{}, silent: map[corev1.ResourceName][]string{}}
	var first asks // the most that init containers ask for, with those that run on
	first.requests, first.limits = corev1.ResourceList{}, corev1.ResourceList{}
	for _, c := range pod.InitContainers {
		r := a.take(c, defaults)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sum(a.requests, r.Requests)
			sum(a.limits, r.Limits)
			continue
		}
		raise(first.requests, plus(a.requests, r.Requests))
		raise(first.limits, plus(a.limits, r.Limits))
	}
	for _, c := range pod.Containers {
		r := a.take(c, defaults)
		sum(a.requests, r.Requests)
		sum(a.limits, r.Limits)
	}
	raise(a.requests, first.requests)
	raise(a.limits, first.limits)
	sum(a.requests, pod.Overhead)
	return a
}

// take returns what a container asks for once the defaults are filled in, and notes what it leaves open.
func (a *asks) take(c corev1.Container, defaults corev1.ResourceRequirements) corev1.ResourceRequirements {
	limits, requests := fill(c.Resources.Limits, defaults.Limits), maps.Clone(c.Resources.Requests)
	if requests == nil {
		requests = corev1.ResourceList{}
	}
	// What a container limits itself to it also requests, unless it says otherwise; a default request
	// comes only after that.
	requests = fill(fill(requests, c.Resources.Limits), defaults.Requests)
	requests = fill(requests, limits)
	for _, r := range compute {
		if _, said := requests[r]; !said {
			a.note(c.Name, r, "requests."+r)
		}
		if _, said := limits[r]; !said {
			a.note(c.Name, "limits."+r)
		}
	}
	return corev1.ResourceRequirements{Requests: requests, Limits: limits}
}

func (a *asks) note(container string, names ...corev1.ResourceName) {
	for _, name := range names {
		a.silent[name] = append(a.silent[name], container)
	}
}

// nothing reports whether the pod asks for no processor and no memory at all.
func (a *asks) nothing() bool {
	return !slices.ContainsFunc(compute, func(r corev1.ResourceName) bool {
		requests, limits := a.requests[r], a.limits[r]
		return !requests.IsZero() || !limits.IsZero()
	})
}

// counted returns what one pod counts by the names that quotas have for it.
func (a *asks) counted() corev1.ResourceList {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	list := corev1.ResourceList{corev1.ResourcePods: one, "count/pods": one}
	for r, q := range a.requests {
		list["requests."+r] = q
		if slices.Contains(compute, r) || r == corev1.ResourceEphemeralStorage {
			list[r] = q
		}
	}
	for r, q := range a.limits {
		list["limits."+r] = q
	}
	return list
}

// defaultsOf returns what a namespace's LimitRanges give to containers that say nothing.
func defaultsOf(ranges []corev1.LimitRange) corev1.ResourceRequirements {
	d := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for _, r := range ranges {
		for _, item := range r.Spec.Limits {
			if item.Type == corev1.LimitTypeContainer {
				d.Limits, d.Requests = fill(d.Limits, item.Default), fill(d.Requests, item.DefaultRequest)
			}
		}
	}
	return d
}

// fill returns a list with what another one has besides.
func fill(list, more corev1.ResourceList) corev1.ResourceList {
	filled := corev1.ResourceList{}
	maps.Copy(filled, more)
	maps.Copy(filled, list)
	return filled
}

func sum(into, more corev1.ResourceList) {
	for r, q := range more {
		total := into[r]
		total.Add(q)
		into[r] = total
	}
}

func plus(a, b corev1.ResourceList) corev1.ResourceList {
	total := maps.Clone(a)
	sum(total, b)
	return total
}

// raise raises each amount to that of another list, where that is more.
func raise(list, least corev1.ResourceList) {
	for r, q := range least {
		if has, there := list[r]; !there || has.Cmp(q) < 0 {
			list[r] = q
		}
	}
}
