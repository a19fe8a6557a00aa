package output

import (
	"os"
	"testing"

	"golang.org/x/term"
)

func TestUTF8Locale(t *testing.T) {
	for name, tc := range map[string]struct {
		all, ctype, lang string
		want             bool
	}{
		"nothing said":         {want: false},
		"by the language":      {lang: "en_US.UTF-8", want: true},
		"in other words":       {lang: "de_DE.utf8", want: true},
		"the C locale":         {lang: "C", want: false},
		"the first one counts": {all: "C", lang: "en_US.UTF-8", want: false},
		"the second one too":   {ctype: "UTF-8", lang: "C", want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LC_ALL", tc.all)
			t.Setenv("LC_CTYPE", tc.ctype)
			t.Setenv("LANG", tc.lang)
			if got := utf8Locale(); got != tc.want {
				t.Errorf("utf8Locale() = %t, want %t", got, tc.want)
			}
		})
	}
}

// TestLiveWanted asks on a real terminal where the machine has one to give, and on a file.
func TestLiveWanted(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal to test on: %v", err)
	}
	defer terminal.Close()
	if !term.IsTerminal(int(terminal.Fd())) {
		t.Skip("half a terminal is none on this system")
	}
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, tc := range map[string]struct {
		out         *os.File
		term, ci    string
		noColour    string
		live, paint bool
	}{
		"a terminal":            {out: terminal, term: "xterm", live: true, paint: true},
		"without colours":       {out: terminal, term: "xterm", noColour: "1", live: true},
		"that is dumb":          {out: terminal, term: "dumb"},
		"that is not named":     {out: terminal, paint: true},
		"of a CI system":        {out: terminal, term: "xterm", ci: "true"},
		"a file is no terminal": {out: file, term: "xterm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", tc.term)
			t.Setenv("CI", tc.ci)
			t.Setenv("NO_COLOR", tc.noColour)
			t.Setenv("CLICOLOR_FORCE", "")
			if got := liveWanted(tc.out); got != tc.live {
				t.Errorf("liveWanted() = %t, want %t", got, tc.live)
			}
			if got := Colours(tc.out); got != tc.paint {
				t.Errorf("Colours() = %t, want %t", got, tc.paint)
			}
		})
	}
}
