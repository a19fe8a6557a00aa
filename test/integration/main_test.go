//go:build integration

package integration

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// sideBySide is how many tests may be under way. They wait far more than they work, so the number of
// processors is no measure; seats bound how many use the cluster at the same time.
const sideBySide = "100"

// The seats: of the recorded shapes, of all other tests, and of those that start a cluster, while they do. Whoever
// takes one of the last has any other seat already.
var (
	shapeSeats   = make(chan struct{}, 6)
	otherSeats   = make(chan struct{}, 10)
	clusterSeats = make(chan struct{}, 2)
)

// sit takes a seat until the end of the test.
func sit(t *testing.T, seats chan struct{}) {
	t.Helper()
	seats <- struct{}{}
	t.Cleanup(func() { <-seats })
}

// shop is what all tests share: the program under test and one cluster with realistic pods. Each test has
// a namespace of its own there.
type shop struct {
	seldonctl string
	local     string
	root      string // of the repository
	*cluster
}

// workshop is made by the first test that needs it and ended by TestMain.
var workshop = sync.OnceValues(openShop)

var closeShop = func() {}

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", sideBySide); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	closeShop()
	os.Exit(code)
}

func openShop() (shop, error) {
	local, err := filepath.Abs(os.Getenv("SELDONCTL_LOCAL"))
	if err != nil {
		return shop{}, err
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return shop{}, err
	}
	dir, err := os.MkdirTemp("", "integration-")
	if err != nil {
		return shop{}, err
	}
	closeShop = func() { _ = os.RemoveAll(dir) }
	s := shop{local: local, root: root, seldonctl: filepath.Join(dir, "bin", "seldonctl")}
	build := exec.Command("go", "build", "-o", s.seldonctl, "./cmd/seldonctl")
	build.Dir = root
	if words, err := build.CombinedOutput(); err != nil {
		return shop{}, fmt.Errorf("build seldonctl: %w\n%s", err, words)
	}
	s.cluster, err = startCluster(local, filepath.Join(dir, "audit.jsonl"), "realistic")
	if err != nil {
		return shop{}, err
	}
	closeShop = func() { s.stop(); _ = os.RemoveAll(dir) }
	return s, nil
}

// open returns the shop, or skips the test where there is no embedded cluster to be had.
func open(t *testing.T) shop {
	t.Helper()
	if os.Getenv("SELDONCTL_LOCAL") == "" {
		t.Skip("SELDONCTL_LOCAL does not name a seldonctl-local: make test-integration builds and names it")
	}
	s, err := workshop()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// manifest returns the path of one of this package's manifests, recorded that of a recorded one.
func (s shop) manifest(name string) string {
	return filepath.Join(s.root, "test", "integration", "testdata", "manifests", name)
}

func (s shop) recorded(name string) string {
	return filepath.Join(s.root, "testdata", "recorded", name)
}

// exitCode returns the exit code that a finished command's error tells; -1 where a signal ended it.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}
