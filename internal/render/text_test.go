package render_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
	"github.com/seldonctl/seldonctl/internal/snapshot"
)

func TestClean(t *testing.T) {
	for reason, tc := range map[string]struct{ text, want string }{
		"plain text stays":                {`image "é/ü:1"`, `image "é/ü:1"`},
		"escape sequences become visible": {"a\x1b[2Jb", `a\u{1B}[2Jb`},
		"terminal titles and links too":   {"\x1b]8;;http://x\x07y", `\u{1B}]8;;http://x\u{7}y`},
		"C1 controls too":                 {"a\u009b2J", `a\u{9B}2J`},
		"zero and delete too":             {"a\x00\x7fb", `a\u{0}\u{7F}b`},
		"bidirectional overrides":         {"a\u202eb\u2066c", `a\u{202E}b\u{2066}c`},
		"zero-width characters":           {"a\u200bb\u2060c\ufeffd", `a\u{200B}b\u{2060}c\u{FEFF}d`},
		"invisible letters and marks":     {"a\u3164b\u115fc\u034fd\ufe0fe", `a\u{3164}b\u{115F}c\u{34F}d\u{FE0F}e`},
		"tags and private characters":     {"a\U000e0041b\ue000", `a\u{E0041}b\u{E000}`},
		"line breaks stay on the line":    {"a\nb\r\nc", "a / b / c"},
		"overwriting the line":            {"a\rb", "ab"},
		"line separators":                 {"a\u2028b\u0085c", `a\u{2028}b\u{85}c`},
		"all blanks are blanks":           {"a\tb\u00a0c\u3000d", "a b c d"},
		"invalid UTF-8":                   {"a\xffb", `a\u{FFFD}b`},
		"its replacement is printable":    {"a\uFFFDb", "a\uFFFDb"},
		"GitHub commands":                 {"\n ::set-output name=x::y", ": :set-output name=x::y"},
		"GitHub commands after a blank":   {"\u00a0::error::x", ": :error::x"},
		"GitHub commands after a break":   {"a\n::error::x", "a / ::error::x"},
		"old GitHub commands":             {"x ##[error]y", "x ## [error]y"},
		"Azure commands":                  {"x ##vso[task.complete]", "x ## vso[task.complete]"},
		"Azure commands in capitals":      {"##VSO[x]", "## VSO[x]"},
		"TeamCity commands":               {"##teamcity[buildStop]", "## teamcity[buildStop]"},
		"commands in many marks":          {"####vso[x]", "#### vso[x]"},
		"GitLab sections":                 {"section_start:1:x\r\x1b[0K", `section_start:1:x\u{1B}[0K`},
		"addresses stay":                  {"https://[::1]:6443", "https://[::1]:6443"},
		"secrets are redacted":            {"password=hunter2", "password=(redacted)"},
		"long text is cut":                {strings.Repeat("x", 3000), strings.Repeat("x", 2000) + "… (cut)"},
		"what becomes long too":           {strings.Repeat("\x00", 1000), strings.Repeat(`\u{0}`, 400) + "… (cut)"},
		"long blanks":                     {strings.Repeat(" ", 30_000) + "x", "… (cut)"},
	} {
		t.Run(reason, func(t *testing.T) {
			if got := render.Clean(tc.text); got != tc.want {
				t.Errorf("Clean(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

var ciCommand = regexp.MustCompile(`(?i)^\s*::|##(?:vso|teamcity)?\[`)

// mustBeHarmless wants of a line what FuzzClean wants of a text.
func mustBeHarmless(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	if found := ciCommand.FindString(line); found != "" {
		t.Errorf("a CI command got through: %q in %q", found, line)
	}
	for _, r := range line {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			t.Errorf("%U got through: %q", r, line)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		"", " ", "a\x1b[2J", "::error::", "\u2028::x", "\r::x", "##vso[x]", "####[x", "\u202e", "\u200b::", "\xff", "\xe2\x80", "\u3164",
		"password=hunter2", "https://a:b@c", "Bearer abcdefgh1", "-----BEGIN PRIVATE KEY-----", `{"token": "a\nb"}`, "token=\x1b[0m\x1b[1mx",
		strings.Repeat("\x00", 500), strings.Repeat("##[", 900), strings.Repeat(":", 2500), strings.Repeat("é", 2001),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := render.Clean(text)
		mustBeHarmless(t, got)
		if n := utf8.RuneCountInString(got); n > 2010 {
			t.Errorf("%d characters", n)
		}
		mustBeHarmless(t, render.Clean(got))
	})
}

// TestHostileCluster sends a cluster's worst words through every field of an entry to the lines.
func TestHostileCluster(t *testing.T) {
	const worst = "\x1b]0;title\x07\r\n::error::x\u202e ##vso[task.complete]\u200b\xff\x9b2J password=hunter2"
	ref := &snapshot.Ref{Kind: snapshot.Kind(worst), Namespace: worst, Name: worst}
	for _, kind := range []journal.EntryType{
		journal.Opening, journal.PhaseStart, journal.Event, journal.Alarm, journal.Progress, journal.PodChange, journal.Suspicion, journal.Healed,
		journal.Warning, journal.Note, journal.Claim, journal.Skipped, journal.Failure, journal.Closing,
	} {
		var out bytes.Buffer
		lines := render.NewLines(&out, false)
		entry := journal.Entry{
			Type: kind, Object: ref, Reason: worst, Text: worst, Details: []string{worst, "  " + worst, "\t\v" + worst}, Hint: worst,
			Count: 2, Took: time.Second, Phase: journal.Phase(worst), Root: worst,
		}
		lines.Knows("another/one")
		if err := lines.Write(entry); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("%s tells a secret: %q", kind, out.String())
		}
		for line := range strings.Lines(out.String()) {
			mustBeHarmless(t, strings.TrimSuffix(line, "\n"))
		}
	}
}
