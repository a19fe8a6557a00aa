package output

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

// writable finds out whether a report can be written to a file, by making and removing one beside it.
func writable(path string) error {
	target, err := followed(path)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(target); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is there already and is no file", target)
	}
	probe, err := beside(target)
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// linkLimit is how many links are followed; more of them lead in a circle.
const linkLimit = 40

// followed returns where a path leads, so that a link stays one. What it leads to need not be there yet.
func followed(path string) (string, error) {
	target := path
	for range linkLimit {
		next, err := os.Readlink(target)
		if err != nil {
			return target, nil //nolint:nilerr // it is no link
		}
		if !filepath.IsAbs(next) {
			folder, err := filepath.EvalSymlinks(filepath.Dir(target))
			if err != nil {
				return "", fmt.Errorf("%s cannot be written: %w", path, err)
			}
			next = filepath.Join(folder, next)
		}
		target = next
	}
	return "", fmt.Errorf("%s cannot be written: its links lead in a circle", path)
}

// beside makes a file in the folder of another, for the owner alone.
func beside(path string) (*os.File, error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		if reason, ok := errors.AsType[*fs.PathError](err); ok {
			err = reason.Err // the name of the file that was tried tells nobody anything
		}
		return nil, fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return file, nil
}

// Save writes a report in the form that the file's name says, for the owner alone. The file is complete
// or as it was before, never half of a report.
func Save(path string, v *journal.View, entries []journal.Entry) error {
	write, err := report.For(path)
	if err != nil {
		return err
	}
	if path, err = followed(path); err != nil {
		return err
	}
	file, err := beside(path)
	if err != nil {
		return err
	}
	if err := fill(file, write, v, entries); err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

func fill(file *os.File, write report.Writer, v *journal.View, entries []journal.Entry) error {
	out := bufio.NewWriter(file)
	if err := render.Safely(func() error { return write(out, v, entries) }); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(out.Flush(), file.Sync(), file.Close())
}
