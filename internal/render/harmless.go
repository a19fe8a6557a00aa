package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// JSON returns a value's JSON, on one line or indented. Strings keep their values exactly, but what
// could steer the terminal or the CI log on which somebody prints it is written as an escape sequence
// of JSON: control, format and bidirectional characters, and the marks of CI systems' commands.
func JSON(value any, indent string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return harmless(out.Bytes(), inJSON), nil
}

// YAML returns a value's YAML with the same care. The encoder leaves bidirectional characters and the
// marks of CI systems' commands as they are, and breaks lines before them: a string with any of that
// stands in its place as the harmless JSON string that it also is, on one line.
func YAML(value any) ([]byte, error) {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	mark := "quoted"
	for bytes.Contains(raw.Bytes(), []byte(mark)) {
		mark += "x"
	}
	var places []string // a name and what belongs in its place, in turn
	marked := jsonString.ReplaceAllFunc(raw.Bytes(), func(text []byte) []byte {
		safe := harmless(text, inYAML)
		if !steering.Match(safe) {
			return text
		}
		name := fmt.Sprintf("%s-%d-", mark, len(places))
		places = append(places, name, string(safe))
		return []byte(`"` + name + `"`)
	})
	plain, err := yaml.JSONToYAML(marked)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return []byte(strings.NewReplacer(places...).Replace(string(plain))), nil
}

var (
	// jsonString finds the strings in JSON.
	jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	// steering finds in a harmless one what YAML would write as it is, at the start of a line even.
	steering = regexp.MustCompile(`\\[uUrbf]|::`)
)

// harmless replaces such characters in JSON by what write makes of them. All of them can stand only
// within strings there.
func harmless(data []byte, write func(out []byte, r rune) []byte) []byte {
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
			out = write(out, r)
		case r == '#' && i > 0 && data[i-1] == '#':
			out = write(out, r)
		case r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'):
			out = write(out, r)
		default:
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out
}

func inJSON(out []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(out, `\u%04x`, r)
}

// inYAML is what a string of YAML needs: it knows no pairs of surrogates.
func inYAML(out []byte, r rune) []byte { return fmt.Appendf(out, `\U%08x`, r) }
