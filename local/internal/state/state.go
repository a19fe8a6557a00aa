// Package state knows the folders in which embedded clusters keep what they need: where they are, which cluster is running, and how one is made and
// removed. It must never start or stop a process.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Folder is the state folder of one cluster.
type Folder struct {
	Name string
	Path string
}

// Record is what a running cluster has written down about itself, for those who look from outside.
type Record struct {
	Name       string `json:"name"`
	Supervisor int    `json:"supervisorPid"`
	Socket     string `json:"controlSocket"`
	Server     string `json:"server,omitempty"`
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Processes are the process ids of the components, for cleaning up after a supervisor that no longer answers.
	Processes map[string]int `json:"processes,omitempty"`
}

// ErrNone means that there is no cluster of that name.
var ErrNone = errors.New("no such cluster")

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Root is the folder that holds the folders of all named clusters.
func Root() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "seldonctl", "local"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find your home folder (set XDG_STATE_HOME to where the cluster may keep its state): %w", err)
	}
	return filepath.Join(home, ".local", "state", "seldonctl", "local"), nil
}

// Named is the folder of the cluster with this name, whether it exists or not.
func Named(name string) (Folder, error) {
	if !validName.MatchString(name) {
		return Folder{}, fmt.Errorf("%q cannot be a cluster's name: use up to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit", name)
	}
	root, err := Root()
	if err != nil {
		return Folder{}, err
	}
	return Folder{Name: name, Path: filepath.Join(root, name)}, nil
}

// Ephemeral makes a new temporary folder for a cluster without a name.
func Ephemeral() (Folder, error) {
	path, err := os.MkdirTemp("", "seldonctl-local-")
	if err != nil {
		return Folder{}, fmt.Errorf("make a temporary folder: %w", err)
	}
	return Folder{Name: filepath.Base(path), Path: path}, nil
}

// List is the folders of all named clusters.
func List() ([]Folder, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the clusters: %w", err)
	}
	var folders []Folder
	for _, e := range entries {
		if e.IsDir() && validName.MatchString(e.Name()) {
			folders = append(folders, Folder{Name: e.Name(), Path: filepath.Join(root, e.Name())})
		}
	}
	sort.Slice(folders, func(i, j int) bool { return folders[i].Name < folders[j].Name })
	return folders, nil
}

// File is the path of a file in the folder.
func (f Folder) File(parts ...string) string {
	return filepath.Join(append([]string{f.Path}, parts...)...)
}

// Kubeconfig is the path of the cluster's kubeconfig.
func (f Folder) Kubeconfig() string { return f.File("kubeconfig") }

// Log is the path of a component's log.
func (f Folder) Log(component string) string { return f.File("logs", component+".log") }

// Exists says whether the folder is there.
func (f Folder) Exists() bool {
	info, err := os.Stat(f.Path)
	return err == nil && info.IsDir()
}

// Prepare makes the folder empty and private, with its subfolders. What a killed cluster of the same name has left is removed; the caller holds the lock.
func (f Folder) Prepare() error {
	if err := os.RemoveAll(f.Path); err != nil {
		return fmt.Errorf("remove what an earlier cluster has left: %w", err)
	}
	for _, dir := range []string{f.Path, f.File("logs"), f.File("pki"), f.File("etcd")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	return nil
}

// Write writes a private file into the folder, whole or not at all.
func (f Folder) Write(data []byte, parts ...string) error {
	path := f.File(parts...)
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Save writes the record.
func (f Folder) Save(r Record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record of the cluster: %w", err)
	}
	return f.Write(data, "cluster.json")
}

// Load reads the record, or says ErrNone.
func (f Folder) Load() (Record, error) {
	data, err := os.ReadFile(f.File("cluster.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNone
	}
	if err != nil {
		return Record{}, fmt.Errorf("read the record of the cluster: %w", err)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("read the record of the cluster %s: %w", f.Name, err)
	}
	return r, nil
}

// Remove removes the folder with everything in it. A process that has just been killed may still create a file, so it tries more than once.
func (f Folder) Remove() error {
	var err error
	for range 5 {
		if err = os.RemoveAll(f.Path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("remove the state folder: %w", err)
}

// Tail is the last lines of a component's log, each cut to what fits a screen.
func (f Folder) Tail(component string, lines int) string {
	const widest = 300
	data, err := os.ReadFile(f.Log(component))
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if runes := []rune(line); len(runes) > widest {
			all[i] = string(runes[:widest]) + "…"
		}
	}
	return strings.Join(all, "\n")
}
