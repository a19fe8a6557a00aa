package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxFiles bounds how many files a folder may give: none is without an object.
	maxFiles = maxDocuments
	// maxEntries bounds what is looked at in a folder, of whatever name.
	maxEntries = 100_000
)

// Files are what a command is told to read.
type Files struct {
	// Paths are files, folders, and "-" for standard input.
	Paths []string
	// Recursive looks into the folders of folders too.
	Recursive bool
}

// Open reads all objects of the files in the order given; those of a folder in the order of their names.
// A folder's files are those that end in .yaml, .yml or .json.
func (f Files) Open(stdin io.Reader) ([]Document, error) {
	var all []Document
	r := &reading{}
	for i, path := range f.Paths {
		if path == "-" && slices.Contains(f.Paths[:i], "-") {
			return nil, &Error{File: "stdin", Text: `can be read only once, but "-" was given twice`}
		}
		documents, err := f.read(r, path, stdin)
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
	}
	return all, nil
}

func (f Files) read(r *reading, path string, stdin io.Reader) ([]Document, error) {
	if scheme, _, _ := strings.Cut(strings.ToLower(path), "://"); scheme == "http" || scheme == "https" {
		shown := redacted(path)
		return nil, &Error{File: shown, Text: "what is on the network is not read; look at it first, and pass it on: curl -fsSL " + shown + " | seldonctl run -f -"}
	}
	if info, err := os.Stat(path); path == "-" || err != nil || !info.IsDir() {
		return r.open(path, stdin)
	}
	files, err := f.within(path)
	if err != nil {
		return nil, err
	}
	var all []Document
	for _, file := range files {
		documents, err := r.open(file, nil)
		if err != nil && !errors.Is(err, errNothing) {
			return nil, err
		}
		all = append(all, documents...)
	}
	if len(all) == 0 {
		text := "holds no objects in files that end in .yaml, .yml or .json"
		if !f.Recursive {
			text += "; -R looks into its folders too"
		}
		return nil, &Error{File: path, Text: text}
	}
	return all, nil
}

func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	return u.Redacted()
}

// within finds the manifests of a folder. Hidden folders are left out: what tools keep there is not meant.
func (f Files) within(folder string) ([]string, error) {
	var files []string
	seen := 0
	root := filepath.Clean(folder) + string(filepath.Separator) // a link to a folder is followed when it is named, and only then
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(path, err)
		case path == root:
			return nil
		case entry.IsDir() && (!f.Recursive || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		}
		if seen++; seen > maxEntries {
			return &Error{File: folder, Text: fmt.Sprintf("holds more than %d files and folders: name the ones that are meant", maxEntries)}
		}
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return nil
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return nil //nolint:nilerr // a link to nothing, a folder or a pipe: no file to read
		}
		if files = append(files, path); len(files) > maxFiles {
			return &Error{File: folder, Text: fmt.Sprintf("holds more than %d manifests: give them in parts", maxFiles)}
		}
		return nil
	})
	return files, err //nolint:wrapcheck // made above
}
