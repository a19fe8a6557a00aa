package output

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render/report"
)

// writable finds out whether a report can be written to a file, by making and removing one beside it.
func writable(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is there already and is no file", path)
	}
	probe, err := beside(path)
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
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
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
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
	if err := write(out, v, entries); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(out.Flush(), file.Sync(), file.Close())
}
