package report_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/judge"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

var began = time.Date(2026, 11, 25, 10, 0, 0, 123456789, time.UTC)

// told gives entries their times, a second apart, and those without a root that one.
func told(root string, entries ...journal.Entry) []journal.Entry {
	for i := range entries {
		entries[i].Elapsed = time.Duration(i)*time.Second + 12_345_678
		entries[i].At = began.Add(entries[i].Elapsed)
		entries[i].Root = root
	}
	return entries
}

func ref(kind snapshot.Kind, name string) *snapshot.Ref {
	r := &snapshot.Ref{Kind: kind, Namespace: "models", Name: name}
	if kind != "container" {
		r.UID = types.UID("uid-of-" + name)
	} else {
		r.Namespace = ""
	}
	return r
}

func replicas(wanted, ready, total int32) journal.Facts {
	return journal.Facts{Replicas: &journal.Replicas{Wanted: wanted, Ready: ready, Total: total}}
}

func life(state judge.PodState, why string, restarts int32) journal.Facts {
	return journal.Facts{Pod: &journal.PodLife{State: state, Why: why, Deployment: "iris-0", Node: "node-1", Restarts: restarts}}
}

func problem(class judge.Class, text string) *journal.Problem {
	return &journal.Problem{
		Class: class, Key: string(class) + "/p/clf", Since: began.Add(time.Second), Until: began.Add(31 * time.Second),
		Chain: []journal.Link{
			{Ref: *ref("SeldonDeployment", "iris")},
			{Ref: *ref("Deployment", "iris-0")},
			{Ref: *ref("Pod", "iris-0-x"), Text: "not ready"},
			{Ref: *ref("container", "clf"), Text: text},
		},
	}
}

func opening() journal.Entry {
	return journal.Entry{
		Type: journal.Opening, Phase: journal.Connect, Text: "context c, server https://127.0.0.1:6443, namespace models",
		Facts: journal.Facts{Source: "iris.yaml:4"},
	}
}

func closing(reason, text string, exit int) journal.Entry {
	return journal.Entry{
		Type: journal.Closing, Reason: reason, Text: fmt.Sprintf("%s; 18 API requests; exit %d", text, exit), Took: 30 * time.Second,
		Facts: journal.Facts{End: &journal.End{Exit: exit, Requests: 18, Simulated: true}},
	}
}

func good() []journal.Entry {
	root, deployment, pod := ref("SeldonDeployment", "iris"), ref("Deployment", "iris-0"), ref("Pod", "iris-0-x")
	pulling := problem(judge.RegistryTrouble, "the registry does not answer")
	return told("models/iris",
		opening(),
		journal.Entry{Type: journal.Note, Phase: journal.Create, Object: root, Reason: "Created", Text: "created, labelled seldonctl/run=abc"},
		journal.Entry{Type: journal.Warning, Phase: journal.Create, Object: root, Reason: "ServerWarning", Text: `iris.yaml:12: unknown field "spec.x"`, Facts: journal.Facts{Source: "iris.yaml:12"}},
		journal.Entry{Type: journal.PhaseStart, Phase: journal.Wait, Object: root, Text: "waiting until it is available", Limit: 2 * time.Minute},
		journal.Entry{Type: journal.Progress, Phase: journal.Wait, Object: deployment, Text: "0 of 1 ready", Facts: replicas(1, 0, 1)},
		journal.Entry{Type: journal.PodChange, Phase: journal.Wait, Object: pod, Text: "pulling", Facts: life(judge.PodPulling, "", 0)},
		journal.Entry{Type: journal.Event, Phase: journal.Wait, Object: pod, Reason: "Pulling", Text: `Pulling image "x"`, Count: 1},
		journal.Entry{Type: journal.Suspicion, Phase: journal.Wait, Object: ref("container", "clf"), Reason: "RegistryTrouble", Text: "the registry does not answer", Facts: journal.Facts{Problem: pulling}},
		journal.Entry{Type: journal.Healed, Phase: journal.Wait, Object: ref("container", "clf"), Reason: "RegistryTrouble", Text: "passed: the registry does not answer", Facts: journal.Facts{Problem: pulling}},
		journal.Entry{Type: journal.PodChange, Phase: journal.Wait, Object: pod, Text: "ready", Facts: life(judge.PodReady, "", 0)},
		journal.Entry{Type: journal.Progress, Phase: journal.Wait, Object: deployment, Text: "1 of 1 ready", Facts: replicas(1, 1, 1)},
		journal.Entry{Type: journal.Claim, Phase: journal.Wait, Object: root, Text: "available: 1 of 1 ready on iris-0", Details: []string{"the operator reports Available"}, Took: 8 * time.Second},
		journal.Entry{Type: journal.Skipped, Phase: journal.Scale, Object: root, Reason: "Autoscaled", Text: "not scaled: iris-0 is autoscaled 1 to 3, now 1"},
		journal.Entry{Type: journal.PhaseStart, Phase: journal.Delete, Object: root, Text: "deleting it in the foreground", Limit: 2 * time.Minute},
		journal.Entry{Type: journal.PodChange, Phase: journal.Delete, Object: pod, Text: "gone", Facts: life(judge.PodGone, "", 0)},
		journal.Entry{Type: journal.Claim, Phase: journal.Delete, Object: root, Text: "gone: SeldonDeployment, 1 Deployment, 1 Pod", Took: 2 * time.Second},
		closing("Reached", "done: available in 8.0 s, gone in 2.0 s", 0),
	)
}

func failing() []journal.Entry {
	root, deployment, pod := ref("SeldonDeployment", "iris"), ref("Deployment", "iris-0"), ref("Pod", "iris-0-x")
	crash := problem(judge.CrashLoop, "exited 3 times, last with code 1")
	log := []string{"loading the model", "Traceback:", "  File serve.py, line 41", "FileNotFoundError: model.joblib"}
	return told("models/iris",
		opening(),
		journal.Entry{Type: journal.PhaseStart, Phase: journal.Wait, Object: root, Text: "waiting until it is available", Limit: 2 * time.Minute},
		journal.Entry{Type: journal.Progress, Phase: journal.Wait, Object: deployment, Text: "0 of 1 ready", Facts: replicas(1, 0, 1)},
		journal.Entry{Type: journal.PodChange, Phase: journal.Wait, Object: pod, Text: "failing: CrashLoopBackOff", Facts: life(judge.PodFailing, "CrashLoopBackOff", 2)},
		journal.Entry{Type: journal.Alarm, Phase: journal.Wait, Object: pod, Reason: "BackOff", Text: "Back-off restarting failed container", Count: 10},
		journal.Entry{Type: journal.Suspicion, Phase: journal.Wait, Object: ref("container", "clf"), Reason: "CrashLoop", Text: "container clf: exited with code 1 (a failure if it lasts 1m0s)", Hint: "kubectl logs iris-0-x", Facts: journal.Facts{Problem: crash}},
		journal.Entry{Type: journal.Suspicion, Phase: journal.Wait, Object: pod, Reason: "NotReady", Text: "probe fails", Facts: journal.Facts{Problem: problem(judge.NotReady, "probe fails")}},
		journal.Entry{
			Type: journal.Failure, Phase: journal.Wait, Object: root, Reason: "CrashLoop", Text: "container clf: exited 3 times, last with code 1", Took: 20 * time.Second, Hint: "kubectl logs iris-0-x",
			Details: append([]string{
				"SeldonDeployment/iris", "Deployment/iris-0", "Pod/iris-0-x: not ready", "container/clf: exited 3 times, last with code 1",
				"its last words (what it looks for does not exist):",
			}, "  loading the model", "  Traceback:", "    File serve.py, line 41", "  FileNotFoundError: model.joblib", "the old version still serves"),
			Facts: journal.Facts{Problem: crash, Log: log},
		},
		journal.Entry{Type: journal.PhaseStart, Phase: journal.Cleanup, Object: root, Text: "deleting it in the foreground", Limit: time.Minute},
		journal.Entry{Type: journal.Warning, Phase: journal.Cleanup, Object: root, Reason: "Leftover", Text: "what this run created may not be gone", Hint: "seldonctl delete iris -n models --run abc"},
		closing("Failed", "not reached", 3),
	)
}

// stopped is the story of a run whose process was killed while it waited.
func stopped() []journal.Entry { return good()[:7] }

// refused is a run that could not even begin.
func refused() []journal.Entry {
	return told("",
		journal.Entry{Type: journal.Failure, Phase: journal.Connect, Reason: "Unusable", Text: "no cluster is configured", Hint: "set KUBECONFIG"},
		closing("Unusable", "not reached", 5),
	)
}

// several is a command on two objects that ends with a verdict of its own.
func several() []journal.Entry {
	first := journal.Entry{Type: journal.Note, At: began, Text: "namespace models was made", Reason: "Created"}
	return append([]journal.Entry{first}, together(good(), failing(), closing("Failed", "1 of 2 reached", 3))...)
}

// together tells of two objects as a command does: it opens both before the first goes on, and says how
// each ended when both have.
func together(one, other []journal.Entry, last journal.Entry) []journal.Entry {
	for i := range other {
		other[i].Root = "models/other"
	}
	last.At, last.Elapsed = began.Add(40*time.Second), 40*time.Second
	n, m := len(one)-1, len(other)-1
	return slices.Concat(one[:1], other[:1], one[1:n], other[1:m], one[n:], other[m:], []journal.Entry{last})
}

// nothing is a command that rightly finds nothing to do.
func nothing() []journal.Entry {
	return told("",
		journal.Entry{Type: journal.Opening, Phase: journal.Connect, Text: "context c, server https://127.0.0.1:6443, namespace models"},
		journal.Entry{Type: journal.Warning, Phase: journal.Connect, Text: "cannot list ScaledObjects"},
		journal.Entry{Type: journal.Claim, Phase: journal.Delete, Reason: "Absent", Text: "nothing of the run abc is left in models"},
		closing("Reached", "done", 0),
	)
}

// unbegun is a command on two objects whose namespace could not be made.
func unbegun() []journal.Entry {
	namespace := &snapshot.Ref{Kind: "Namespace", Name: "seldonctl-run-abc", UID: "n"}
	all := told("",
		journal.Entry{Type: journal.Opening, Phase: journal.Connect, Text: "context c, server https://127.0.0.1:6443, namespace models"},
		opening(), opening(),
		journal.Entry{Type: journal.Note, Phase: journal.Create, Object: namespace, Reason: "Created", Text: "created, labelled seldonctl/run=abc"},
		journal.Entry{Type: journal.Failure, Phase: journal.Create, Reason: "Conflict", Text: "Secret/x exists already", Hint: "choose another name"},
		journal.Entry{Type: journal.Progress, Phase: journal.Cleanup, Object: namespace, Text: "is deleted with all that is in it; waiting until it is gone"},
		journal.Entry{Type: journal.Claim, Phase: journal.Cleanup, Object: namespace, Reason: "Gone", Text: "gone: Namespace/seldonctl-run-abc and all that was in it", Took: time.Second},
		journal.Entry{Type: journal.Closing, Text: "not begun"},
		journal.Entry{Type: journal.Closing, Text: "not begun"},
		closing("Conflict", "not reached: 0 of 2 reached their goal", 8),
	)
	all[1].Root, all[2].Root, all[7].Root, all[8].Root = "models/iris", "models/other", "models/iris", "models/other"
	return all
}

// evil is what somebody may put into names and messages.
const evil = "]]> | `x` **b** <script>alert(1)</script> ![i](http://e.vil/x) @team #1 o/r#12 GH-3 :tada: www.e.vil\n::error::owned\r\n# h\x1b[2J\u202e##vso[task.complete]\x00\ufffe\xff % %0A,:"

func hostile() []journal.Entry {
	all := failing()
	for i := range all {
		e := &all[i]
		e.Text, e.Hint = evil+e.Text, evil
		e.Details = append([]string{evil, "  " + evil}, e.Details...)
		if e.Type != journal.Opening && e.Type != journal.Closing {
			e.Reason = evil
		}
		if e.Object != nil {
			object := *e.Object
			object.Name = evil
			e.Object = &object
		}
		if e.Problem != nil {
			p := *e.Problem
			p.Class = evil
			p.Chain = append(p.Chain, journal.Link{Ref: snapshot.Ref{Kind: evil, Name: evil}, Text: evil})
			e.Problem = &p
		}
		if e.Pod != nil {
			pod := *e.Pod
			pod.Why = evil
			e.Pod = &pod
		}
		if e.Log != nil {
			e.Log = []string{"```", evil, strings.Repeat("`", 5), "::warning::owned"}
		}
	}
	all[0].Source = "a,b:c%.yaml:7"
	return all
}
