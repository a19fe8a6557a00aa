package output

import (
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/seldonctl/seldonctl/internal/render"
)

// live returns the sink that draws on a terminal.
func live(file *os.File) *render.Live {
	return render.NewLive(file, render.LiveOptions{
		Size: func() (width, height int) {
			width, height, err := term.GetSize(int(file.Fd()))
			if err != nil || width <= 0 || height <= 0 {
				return 80, 24
			}
			return width, height
		},
		Colour: Colours(file), UTF8: utf8Locale(),
	})
}

// liveWanted reports whether a picture may be drawn in place: on a terminal that can move its cursor
// and that somebody looks at. The console of Windows takes escape sequences only in a mode that nobody
// has set here.
func liveWanted(file *os.File) bool {
	if t := os.Getenv("TERM"); t == "" || t == "dumb" || os.Getenv("CI") != "" || runtime.GOOS == "windows" {
		return false
	}
	return term.IsTerminal(int(file.Fd()))
}

// utf8Locale reports whether the terminal takes UTF-8, by the first of the variables that says
// anything.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(os.Getenv(name)); value != "" {
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}

// Colours reports whether coloured text is wanted: on a terminal, unless NO_COLOR, TERM=dumb or CI
// say otherwise; CLICOLOR_FORCE asks for it anywhere.
func Colours(w io.Writer) bool {
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
