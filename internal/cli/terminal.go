package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// colours reports whether coloured text is wanted: on a terminal, unless NO_COLOR, TERM=dumb or CI
// say otherwise; CLICOLOR_FORCE asks for it anywhere.
func colours(w io.Writer) bool {
	switch {
	case os.Getenv("NO_COLOR") != "":
		return false
	case os.Getenv("CLICOLOR_FORCE") != "" && os.Getenv("CLICOLOR_FORCE") != "0":
		return true
	case os.Getenv("TERM") == "dumb" || os.Getenv("CI") != "":
		return false
	}
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return usageError{err: fmt.Errorf("--%s must be one of %s, but is %q", flag, strings.Join(words, ", "), value)}
}
