package report

import (
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
		case c == '@':
			b.WriteString("@<!-- -->") // a backslash does not keep GitHub from mentioning somebody
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
