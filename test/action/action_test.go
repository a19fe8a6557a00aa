package action

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const (
	root    = "../.."
	install = root + "/hack/action-install.sh"
)

// metadata is what action.yml says, in the form in which GitHub reads it.
type metadata struct {
	Name, Description, Author string
	Branding                  map[string]string
	Inputs                    map[string]struct {
		Description string
		Required    bool
		Default     *string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []step
	}
}

type step struct {
	ID               string `json:"id"`
	Name, If, Shell  string
	WorkingDirectory string `json:"working-directory"`
	Env              map[string]string
	Run              string
}

func read(t *testing.T) metadata {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var m metadata
	if err := yaml.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheActionIsWhatGitHubTakes(t *testing.T) {
	m := read(t)
	if m.Name == "" || m.Description == "" || m.Runs.Using != "composite" {
		t.Errorf("name, description or kind is missing: %q, %q, %q", m.Name, m.Description, m.Runs.Using)
	}
	used, ids := map[string]bool{}, map[string]bool{}
	for _, s := range m.Runs.Steps {
		ids[s.ID] = true
		if s.Shell != "bash" || s.Name == "" {
			t.Errorf("a composite action's step needs a shell, and should have a name: %+v", s)
		}
		if strings.Contains(s.Run, "${{") {
			t.Errorf("an input is part of a script, where it could be any command: %s", s.Run)
		}
		texts := strings.Join(append(slices.Collect(maps.Values(s.Env)), s.If, s.WorkingDirectory), " ")
		for _, found := range regexp.MustCompile(`inputs\.([a-z0-9-]+)`).FindAllStringSubmatch(texts, -1) {
			used[found[1]] = true
			if _, declared := m.Inputs[found[1]]; !declared {
				t.Errorf("the input %s is used but not declared", found[1])
			}
		}
	}
	for name, input := range m.Inputs {
		if !used[name] {
			t.Errorf("the input %s is declared but not used", name)
		}
		if input.Description == "" || !input.Required && input.Default == nil {
			t.Errorf("the input %s has no description or no default", name)
		}
	}
	for name, output := range m.Outputs {
		found := regexp.MustCompile(`^\$\{\{ steps\.([a-z]+)\.outputs\.` + name + ` \}\}$`).FindStringSubmatch(output.Value)
		if output.Description == "" || found == nil || !ids[found[1]] {
			t.Errorf("the output %s comes from nowhere: %+v", name, output)
		}
	}
}

// The page that users copy from is YAML, and gives the action only inputs that it has.
func TestThePageIsRight(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	inputs, steps := read(t).Inputs, 0
	var look func(value any)
	look = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, each := range v {
				look(each)
			}
		case map[string]any:
			for _, each := range v {
				look(each)
			}
			if uses, _ := v["uses"].(string); !strings.HasPrefix(uses, "seldonctl/seldonctl@") {
				return
			}
			steps++
			with, _ := v["with"].(map[string]any)
			for name := range with {
				if _, declared := inputs[name]; !declared {
					t.Errorf("the action has no input %s", name)
				}
			}
		}
	}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		var value any
		if err := yaml.Unmarshal([]byte(block[1]), &value); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
		look(value)
	}
	if steps == 0 {
		t.Error("the page does not show the action")
	}
	for name := range inputs {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("the page does not tell of the input %s", name)
		}
	}
}

// What the action passes to the script is what the script takes.
func TestTheScriptTakesWhatItIsGiven(t *testing.T) {
	script, err := os.ReadFile(install)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, name := range regexp.MustCompile(`\$\{?(SELDONCTL_[A-Z0-9_]+)|\$(SELDONCTL_[A-Z0-9_]+)`).FindAllStringSubmatch(string(script), -1) {
		taken[name[1]+name[2]] = true
	}
	given := map[string]bool{}
	for name := range read(t).Runs.Steps[0].Env {
		given[name] = true
	}
	if diff := cmp.Diff(given, taken); diff != "" {
		t.Errorf("(-given +taken):\n%s", diff)
	}
}

// release makes a release of one archive in a folder and returns its address and the archive's checksum.
func release(t *testing.T) (address, checksum string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v1.2.3")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := "seldonctl_1.2.3_linux_amd64.tar.gz"
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(file)
	archive := tar.NewWriter(packed)
	program := "#!/bin/sh\ntrap 'echo cleaning up; exit 143' TERM\necho \"$@\"\nif [ -n \"$WAIT\" ]; then cat \"$WAIT\" & wait $!; fi\nexit 3\n"
	if err := archive.WriteHeader(&tar.Header{Name: "seldonctl", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte(program)); err != nil {
		t.Fatal(err)
	}
	for _, closer := range []interface{ Close() error }{archive, packed, file} {
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	checksum = fmt.Sprintf("%x", sha256.Sum256(data))
	sums := strings.Repeat("0", 64) + "  another.tar.gz\n" + checksum + "  " + name + "\n"
	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + filepath.Dir(dir), checksum
}

// job is the environment of a job.
type job struct{ temp, path, output string }

func newJob(t *testing.T) job {
	t.Helper()
	dir := t.TempDir()
	return job{temp: dir, path: filepath.Join(dir, "path"), output: filepath.Join(dir, "output")}
}

func (j job) bash(t *testing.T, args []string, env ...string) (string, error) {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	out, err := j.command(args, env...).CombinedOutput()
	return string(out), err
}

func (j job) command(args []string, env ...string) *exec.Cmd {
	command := exec.Command("bash", args...)
	command.Env = append([]string{
		"PATH=" + filepath.Join(j.temp, "seldonctl-bin") + ":" + os.Getenv("PATH"),
		"RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP=" + j.temp, "GITHUB_PATH=" + j.path, "GITHUB_OUTPUT=" + j.output,
	}, env...)
	return command
}

func TestInstalling(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	address, checksum := release(t)
	from := "SELDONCTL_BASE_URL=" + address
	own := filepath.Join(t.TempDir(), "seldonctl-own")
	if err := os.WriteFile(own, []byte("#!/bin/sh\nexit 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for reason, tc := range map[string]struct {
		env  []string
		says string // of a failure
	}{
		"a release":                     {env: []string{"SELDONCTL_VERSION=1.2.3", from}},
		"by its tag":                    {env: []string{"SELDONCTL_VERSION=v1.2.3", from}},
		"with the given checksum":       {env: []string{"SELDONCTL_VERSION=1.2.3", from, "SELDONCTL_SHA256=" + checksum}},
		"with another checksum":         {env: []string{"SELDONCTL_VERSION=1.2.3", from, "SELDONCTL_SHA256=" + strings.Repeat("1", 64)}, says: "but must have 1111"},
		"a program that is there":       {env: []string{"SELDONCTL_PATH=" + own}},
		"a program that is not there":   {env: []string{"SELDONCTL_PATH=/absent"}, says: "there is no /absent"},
		"both":                          {env: []string{"SELDONCTL_PATH=" + own, "SELDONCTL_VERSION=1.2.3", from}, says: "not both"},
		"nothing":                       {env: []string{from}, says: "the version to install must be given"},
		"a version that is none":        {env: []string{"SELDONCTL_VERSION=../1.2.3", from}, says: "the version to install must be given"},
		"a version that does not exist": {env: []string{"SELDONCTL_VERSION=9.9.9", from}, says: "cannot download"},
		"a platform without a release":  {env: []string{"SELDONCTL_VERSION=1.2.3", from, "RUNNER_ARCH=ARM"}, says: "there is no release for ARM"},
		"an archive without a checksum": {env: []string{"SELDONCTL_VERSION=1.2.3", from, "RUNNER_ARCH=ARM64"}, says: "cannot download"},
	} {
		t.Run(reason, func(t *testing.T) {
			j := newJob(t)
			out, err := j.bash(t, []string{install}, tc.env...)
			_, missing := os.Stat(filepath.Join(j.temp, "seldonctl-bin", "seldonctl"))
			path, _ := os.ReadFile(j.path)
			if tc.says != "" {
				if err == nil || !strings.Contains(out, tc.says) || missing == nil || len(path) > 0 {
					t.Errorf("error %v, path %q, output %s", err, path, out)
				}
				return
			}
			if err != nil || missing != nil || string(path) != filepath.Join(j.temp, "seldonctl-bin")+"\n" {
				t.Fatalf("%v, %v, path %q, output %s", err, missing, path, out)
			}
			if err := exec.Command(filepath.Join(j.temp, "seldonctl-bin", "seldonctl")).Run(); err == nil || err.Error() != "exit status 3" {
				t.Errorf("what was installed does not run: %v", err)
			}
		})
	}
}

// The step that runs it passes words on as they are, fails with the program's code, and tells it.
func TestRunning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	address, _ := release(t)
	j := newJob(t)
	if out, err := j.bash(t, []string{install}, "SELDONCTL_VERSION=1.2.3", "SELDONCTL_BASE_URL="+address); err != nil {
		t.Fatal(err, out)
	}
	script := read(t).Runs.Steps[1].Run
	out, err := j.bash(t, []string{"--noprofile", "--norc", "-eo", "pipefail", "-c", script}, "SELDONCTL_ARGS=run -f *.yaml; echo $(owned) `owned`")
	if err == nil || err.Error() != "exit status 3" || out != "run -f *.yaml; echo $(owned) `owned`\n" {
		t.Errorf("error %v, output %q", err, out)
	}
	if output, err := os.ReadFile(j.output); err != nil || string(output) != "exit-code=3\n" {
		t.Errorf("%v, outputs %q", err, output)
	}
}

// GitHub signals the step's shell alone when a job is cancelled; the program must learn of it.
func TestCancelling(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	address, _ := release(t)
	j := newJob(t)
	if out, err := j.bash(t, []string{install}, "SELDONCTL_VERSION=1.2.3", "SELDONCTL_BASE_URL="+address); err != nil {
		t.Fatal(err, out)
	}
	pipe := filepath.Join(t.TempDir(), "never")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Skip(err)
	}
	command := j.command([]string{"--noprofile", "--norc", "-eo", "pipefail", "-c", read(t).Runs.Steps[1].Run}, "SELDONCTL_ARGS=run", "WAIT="+pipe)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Scan()                                     // it runs
	reader, err := os.OpenFile(pipe, os.O_WRONLY, 0) // and waits
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	lines.Scan()
	said := lines.Text()
	if err := command.Wait(); err == nil || err.Error() != "exit status 143" || said != "cleaning up" {
		t.Errorf("error %v, last line %q", err, said)
	}
	if output, err := os.ReadFile(j.output); err != nil || string(output) != "exit-code=143\n" {
		t.Errorf("%v, outputs %q", err, output)
	}
}

// A signal that comes when the program has just ended must not hide how it ended.
func TestCancellingTooLate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	trap := regexp.MustCompile(`(?m)^trap .*$`).FindString(read(t).Runs.Steps[1].Run)
	script := "true &\nprogram=$!\nwait \"$program\"\n" + trap + "\nkill -INT $$\nexit 3"
	out, err := newJob(t).bash(t, []string{"--noprofile", "--norc", "-eo", "pipefail", "-c", script})
	if trap == "" || err == nil || err.Error() != "exit status 3" {
		t.Errorf("trap %q, error %v, output %s", trap, err, out)
	}
}
