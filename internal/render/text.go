// Package render holds the sinks: what turns journal entries into text for people and documents for
// machines, one file per form. All text passes through the writer of this file, which takes from it
// what could steer a terminal or a CI log.
//
// It decides nothing about the run and never touches a cluster.
package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textLimit bounds one text that comes from the cluster, in runes.
const textLimit = 2000

// Clean makes a text safe to print on one line: control characters, escape sequences, bidirectional
// and zero-width characters and invalid UTF-8 become visible, line breaks become " / ", command
// markers of CI systems are broken, and over-long text is cut.
func Clean(text string) string {
	var b strings.Builder
	n := 0
	for i, r := range strings.TrimSpace(text) {
		if n++; n > textLimit {
			b.WriteString("… (cut)")
			break
		}
		switch {
		case r == '\n':
			b.WriteString(" / ")
		case r == '\r':
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError && !strings.HasPrefix(strings.TrimSpace(text)[i:], "\uFFFD"):
			b.WriteString(`\u{FFFD}`)
		case unsafeRune(r):
			b.WriteString(`\u{` + strings.ToUpper(hex(r)) + `}`)
		default:
			b.WriteRune(r)
		}
	}
	return defuse(b.String())
}

// unsafeRune reports whether a rune can change how other text is shown: all control and format
// characters (C0, C1, bidirectional, zero-width), line and paragraph separators.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// defuse breaks the marks by which CI systems find commands in a log: anywhere in a line, or, for
// GitHub's, at its start whatever white space comes before.
func defuse(text string) string {
	text = strings.NewReplacer("##vso[", "## vso[", "##[", "## [", "##teamcity[", "## teamcity[").Replace(text)
	if rest, found := strings.CutPrefix(text, "::"); found {
		return ": :" + rest
	}
	return text
}

func hex(r rune) string {
	const digits = "0123456789abcdef"
	text := ""
	for ; r > 0; r /= 16 {
		text = string(digits[r%16]) + text
	}
	if text == "" {
		return "0"
	}
	return text
}
