package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// encode returns a value's JSON, on one line or indented. Strings keep their values exactly, but what
// could steer the terminal or the CI log on which somebody prints it is written as an escape sequence
// of JSON: control, format and bidirectional characters, and the marks of CI systems' commands.
func encode(value any, indent string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return harmless(out.Bytes()), nil
}

// harmless replaces such characters in JSON. All of them can stand only within strings there.
func harmless(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if c := data[i]; c >= ' ' && c < 0x7f && c != '#' {
			out = append(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError: // written alike whether it was there or stands for what was not UTF-8
			out = sequence(out, r)
		case r == '#' && i > 0 && data[i-1] == '#':
			out = sequence(out, r)
		case r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'):
			out = sequence(out, r)
		default:
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out
}

func sequence(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}
