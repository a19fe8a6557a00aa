package archtest

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// A rule says what a room may import. Standard packages and the types of k8s.io/api and
// k8s.io/apimachinery are free unless forbidden by name.
type rule struct {
	// ours are the rooms that it may import, besides itself.
	ours []string
	// testOurs are the rooms that its tests may import besides those.
	testOurs []string
	// hands are the libraries of the edge that it may import.
	hands []string
	// pure says that it knows nothing outside its arguments: no context, log, files, network or chance.
	pure bool
}

// The libraries that belong to one room each; everything else of other people's is free.
const (
	clientGo   = "k8s.io/client-go"
	cliRuntime = "k8s.io/cli-runtime"
	cobra      = "github.com/spf13/cobra"
	pflag      = "github.com/spf13/pflag"
)

var (
	edge = []string{clientGo, cliRuntime, cobra, pflag}

	facts     = []string{"snapshot", "engine"}
	judgement = []string{"snapshot", "engine", "judge", "journal"}
	everyRoom = []string{
		"snapshot", "engine", "judge", "journal", "ops", "kube", "render", "manifest", "cli", "simseldon", "simworld",
	}

	// outside are the standard packages by which code learns of the outside world.
	outside = []string{"context", "io/fs", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "k8s.io/klog/v2"}

	// rooms is the house: every folder below internal/, cmd, and test. From the middle outwards.
	rooms = map[string]rule{
		// Facts.
		"snapshot": {ours: facts, pure: true},
		"engine":   {ours: facts, pure: true},
		// Judgement.
		"judge":   {ours: facts, pure: true},
		"journal": {ours: []string{"snapshot", "engine", "judge"}, pure: true},
		// Verbs.
		"ops": {ours: judgement, testOurs: []string{"kube", "manifest", "simseldon", "simworld"}},
		// Hands.
		"kube":     {ours: facts, testOurs: []string{"simseldon", "simworld"}, hands: []string{clientGo}},
		"render":   {ours: judgement},
		"manifest": {ours: facts},
		"cli": {
			ours:     []string{"snapshot", "engine", "judge", "journal", "ops", "kube", "render", "manifest"},
			testOurs: everyRoom,
			hands:    []string{cobra, pflag},
		},
		"cmd": {ours: []string{"cli"}, testOurs: []string{"cli"}},
		// Tests.
		"simseldon": {},
		"simworld":  {ours: []string{"simseldon"}, testOurs: everyRoom, hands: []string{clientGo}},
		"archtest":  {},
		// The whole program is tested from outside: what the deciding rooms say is what is tested there.
		"test": {hands: []string{clientGo}},
	}
)

func TestRoomsImportOnlyInwards(t *testing.T) {
	var findings []string
	for _, file := range mainModule(t) {
		room, known := rooms[file.room()]
		if !known {
			findings = append(findings, path.Dir(file.path)+" is no room: say in the table of rooms what it may import")
			continue
		}
		for _, name := range file.imports() {
			if reason := refused(file, room, name); reason != "" {
				findings = append(findings, file.path+" imports "+name+": "+reason)
			}
		}
	}
	report(t, findings)
}

// refused returns why the file may not import that path, or nothing where it may.
func refused(file *sourceFile, room rule, name string) string {
	if target, ours := ourRoom(name); ours {
		allowed := slices.Concat([]string{file.room()}, room.ours)
		if file.test {
			allowed = append(allowed, room.testOurs...)
		}
		if !slices.Contains(allowed, target) {
			return "of ours, " + who(file) + " may import only " + listed(allowed)
		}
		return ""
	}
	for _, library := range edge {
		if !within(name, library) || slices.Contains(room.hands, library) {
			continue
		}
		if file.test && slices.Contains(room.testOurs, "simworld") {
			return "" // the tests that stand on a simulated or embedded cluster may talk to it themselves
		}
		if library == cliRuntime {
			return library + " stays out: it doubles the binary (kube has the connection flags without it)"
		}
		return library + " belongs to " + listed(owners(library)) + " alone"
	}
	if room.pure && !file.test && slices.Contains(outside, name) {
		return who(file) + " knows nothing outside its arguments"
	}
	return ""
}

// who names the file's room, and says so where the file is a test.
func who(file *sourceFile) string {
	if file.test {
		return "a test of " + file.room()
	}
	return file.room()
}

// ourRoom returns the room that an import path leads to, if it is one of ours.
func ourRoom(name string) (string, bool) {
	if !within(name, module) {
		return "", false
	}
	rest, internal := strings.CutPrefix(name, module+"/internal/")
	if !internal {
		return strings.TrimPrefix(name, module), true // nobody imports the rest of the module
	}
	room, _, _ := strings.Cut(rest, "/")
	return room, true
}

func owners(library string) []string {
	var names []string
	for name, room := range rooms {
		if slices.Contains(room.hands, library) {
			names = append(names, name)
		}
	}
	return names
}

func within(name, prefix string) bool { return name == prefix || strings.HasPrefix(name, prefix+"/") }

func listed(names []string) string {
	sorted := slices.Sorted(slices.Values(names))
	return strings.Join(slices.Compact(sorted), ", ")
}

// The operator's model and the tool's own knowledge of the operator check each other, so neither may
// lean on the other, not even in a test or by way of a third package.
func TestModelAndEngineAreIndependent(t *testing.T) {
	reach := map[string][]string{}
	for _, file := range mainModule(t) {
		for _, name := range file.imports() {
			// Of simseldon and engine the tests count too.
			counts := !file.test || file.room() == "simseldon" || file.room() == "engine"
			if target, ours := ourRoom(name); ours && counts {
				reach[file.room()] = append(reach[file.room()], target)
			}
		}
	}
	for from, to := range map[string]string{"simseldon": "engine", "engine": "simseldon"} {
		if reaches(reach, from, to, map[string]bool{}) {
			t.Errorf("%s imports %s, directly or by way of others", from, to)
		}
	}
}

func reaches(graph map[string][]string, from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(graph[from], func(next string) bool {
		return next == to || reaches(graph, next, to, seen)
	})
}

// The embedded cluster shares the model of the operator with the main module, and nothing else.
func TestLocalImportsOnlyTheModel(t *testing.T) {
	var findings []string
	for _, file := range localModule(t) {
		for _, name := range file.imports() {
			if within(name, module) && !within(name, module+"/local") && !within(name, module+"/internal/simseldon") {
				findings = append(findings, file.path+" imports "+name+": local/ may import only internal/simseldon")
			}
		}
	}
	report(t, findings)
}

// The table itself: every room that it names exists in it, so that a misspelt name permits nothing.
func TestTableOfRoomsIsConsistent(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		for _, other := range slices.Concat(rooms[name].ours, rooms[name].testOurs) {
			if _, known := rooms[other]; !known {
				t.Errorf("the rule of %s names the room %s, which is not in the table", name, other)
			}
		}
	}
}
