package report

import (
	"regexp"
	"strings"

	"github.com/seldonctl/seldonctl/internal/render"
)

// escape makes a text from the cluster stay text in Markdown, anywhere within a line or a table's cell:
// no formatting, no HTML, no link, no picture, no mention of anybody. What is harmless in the middle of
// a word stays as it is, so that the source can be read too.
func escape(text string) string {
	text = render.Clean(text)
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case reference(text, i):
			b.WriteByte(c)
			b.WriteString("<!-- -->") // a backslash does not keep GitHub from making something of it
			continue
		case strings.IndexByte("\\`*_{}[]<>|~&$!#", c) >= 0,
			c == ':' && strings.HasPrefix(text[i:], "://"),
			c == '.' && hasSuffixFold(text[:i], "www"),
			i == 0 && strings.IndexByte("+-=", c) >= 0,
			(c == '.' || c == ')') && i > 0 && strings.Trim(text[:i], "0123456789") == "":
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

// emoji finds what may be the name of an emoji, at the beginning of a text. Of numbers only two are one, so
// that places in files stay as they are.
var emoji = regexp.MustCompile(`^:(100|1234|[0-9]*[A-Za-z_+-][A-Za-z0-9_+-]*):`)

// reference reports whether GitHub makes something of what begins with a text's character, or ends with
// it where more follows: a mention (@name), a link to an issue (#1, GH-1), an emoji (:name:).
func reference(text string, i int) bool {
	digit := i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9'
	switch text[i] {
	case '@':
		return true
	case '#':
		return digit
	case '-':
		return digit && hasSuffixFold(text[:i], "gh")
	case ':':
		return emoji.MatchString(text[i:])
	}
	return false
}

func hasSuffixFold(text, suffix string) bool {
	return len(text) >= len(suffix) && strings.EqualFold(text[len(text)-len(suffix):], suffix)
}

// span makes a text a code span: what may be copied, such as a command. It must not stand in a table.
func span(text string) string {
	text = render.Clean(text)
	fence := strings.Repeat("`", longestRun(text)+1)
	if len(fence) > 1 || text == "" {
		text = " " + text + " "
	}
	return fence + text + fence
}

// longestRun is the length of the longest run of backticks.
func longestRun(text string) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
