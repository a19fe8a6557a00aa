// Package render holds the sinks: what turns journal entries into text for people and documents for
// machines, one file per form. All text passes through the writer of this file, which takes from it
// what could steer a terminal or a CI log.
//
// It decides nothing about the run and never touches a cluster.
package render

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textLimit bounds one text that comes from the cluster, in runes as they are printed.
const textLimit = 2000

// rawLimit bounds what is looked at of one text, in bytes.
const rawLimit = 8 * textLimit

// cutMark ends a text that was too long.
const cutMark = "… (cut)"

// Clean makes a text safe to print on one line: secrets that are known by their form are redacted, line
// breaks become " / ", what is not printable (control and format characters, escape sequences,
// bidirectional and zero-width characters, invalid UTF-8) becomes visible, command markers of CI systems
// are broken, and over-long text is cut. A text may pass through it twice.
func Clean(text string) string {
	raw, long := text, len(text) > rawLimit
	if long {
		raw = text[:rawLimit]
	}
	clean := defuse(Redact(strings.TrimSpace(visible(strings.TrimSpace(raw)))))
	n := 0
	for i := range clean {
		if n++; n > textLimit {
			return clean[:i] + cutMark
		}
	}
	if long {
		return clean + cutMark
	}
	return clean
}

// visible writes a text with nothing but printable characters and blanks.
func visible(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case r == '\n':
			b.WriteString(" / ")
		case r == '\r':
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\u{FFFD}`)
		case printable(r):
			b.WriteRune(r)
		case r == '\t', unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		default:
			b.WriteString(`\u{` + strings.ToUpper(strconv.FormatInt(int64(r), 16)) + `}`)
		}
	}
	return b.String()
}

// printable reports whether a rune shows as itself and leaves other text as it is. Unicode's invisible
// letters and marks do not, though they are no format characters.
func printable(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// ciMark finds the beginning of an Azure, TeamCity or old GitHub command, anywhere in a line.
var ciMark = regexp.MustCompile(`##([A-Za-z]*\[)`)

// defuse breaks the marks by which CI systems find commands in a log: anywhere in a line, or, for
// GitHub's, at its start whatever white space comes before.
func defuse(text string) string {
	if strings.Contains(text, "##") { // hardly ever, and the search is dear
		text = ciMark.ReplaceAllString(text, "## $1")
	}
	if rest, found := strings.CutPrefix(text, "::"); found {
		return ": :" + rest
	}
	return text
}
