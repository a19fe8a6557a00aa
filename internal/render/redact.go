package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seldonctl/seldonctl/internal/journal"
)

// redacted stands where a secret was.
const redacted = "(redacted)"

// The parts of the patterns. Colours may stand between a name and its value, as
// loggers write them, raw or made visible.
const (
	// telling is a name whose value is a secret.
	telling = `\b[a-z0-9_.-]*(?:passw(?:or)?d|[_-]pass|[_-]pwd|passphrase|secret(?:[_-]?key)?|token|` +
		`(?:api|access|account|private|signing|encryption)[_-]?key(?:[_-]?id)?|client[_-]?key[_-]?data)`
	colour = `(?:(?:\x1b|\\u\{1B\})\[[0-9;]*m)*`
	equals = `["'\\]*` + colour + `\s*[:=]` + blank + colour
	// blank may be a line break, raw or as it is printed.
	blank = `\s*(?:/\s+)*`
	value = `(?:\(redacted\)|\\?"[^"\\]*\\?"|'[^']*'|[^\s"'\\,;&|)}\]\x1b]+)`
)

// secret is a form by which secrets are known. The first group of the pattern stays, the second is the
// secret.
type secret struct {
	pattern *regexp.Regexp
	// prose says that the second group may be an ordinary word, which then stays: "token: unexpected status".
	prose bool
	// signs are words of which a text with such a secret has at least one, in lower case: looking for
	// them is much cheaper than the pattern.
	signs []string
}

// names are what every telling name contains.
var names = []string{"pass", "pwd", "secret", "token", "key"}

var secrets = []secret{
	// Private keys, whole or up to where the text was cut.
	{pattern: regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)([^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?)`), signs: []string{"private key-----"}},
	// The user-info of an address: https://user:password@host.
	{pattern: regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#"'<>@]+)@`), signs: []string{"://"}},
	// What HTTP sends: Bearer abc, Basic abc.
	{pattern: regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})`), prose: true, signs: []string{"bearer", "basic"}},
	// A name that tells: password=abc, "api_key": "abc", AWS_SECRET_ACCESS_KEY=abc, --token=abc.
	{pattern: regexp.MustCompile(`(?i)(` + telling + `\s*=` + blank + colour + `)(` + value + `)`), signs: names},
	{pattern: regexp.MustCompile(`(?i)(` + telling + equals + `)(` + value + `)`), prose: true, signs: names},
	// The same in arguments: --token abc, ["--token", "abc"].
	{pattern: regexp.MustCompile(`(?i)((?:^|[\s"'\[({,])--?(?:[a-z0-9]+-)*(?:password|passphrase|secret|token|api-?key|access-?key)["']?,?\s+)(` + value + `)`), signs: names},
	// And in environments: name: PASSWORD, value: abc.
	{pattern: regexp.MustCompile(`(?i)(\bname["'\\]*\s*[:=]\s*["'\\]*` + telling + `["'\\]*[\s,]+["'\\]*value["'\\]*\s*[:=]\s*)(` + value + `)`), signs: names},
	// Signed addresses of object stores.
	{pattern: regexp.MustCompile(`(?i)([?&](?:sig|signature|x-amz-signature|x-goog-signature|x-amz-credential)=)(` + value + `)`), signs: []string{"sig", "x-amz-"}},
	// Tokens that tell by themselves: JSON Web Tokens, AWS, GitHub, GitLab, Slack, Hugging Face, Google.
	{pattern: regexp.MustCompile(`()\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[opsur]_[A-Za-z0-9]{20,}|` +
		`github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|hf_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{35})`), signs: []string{"eyj", "akia", "asia", "gh", "glpat-", "xox", "hf_", "aiza"}},
}

// ordinary is a word of a sentence, whose next mark may hang on it.
var ordinary = regexp.MustCompile(`^[A-Z]?[a-z]+[.:]*$`)

// Redact replaces what looks like a secret: credentials in addresses and HTTP headers, private keys, the
// values of names such as password or AWS_SECRET_ACCESS_KEY, and tokens of well-known forms.
//
// It knows secrets by their form alone. What has neither a telling name nor a known form passes, as does a
// secret that is encoded, broken over lines, or an ordinary word after a colon ("password: letmein"). And it
// takes some honest words with it, such as the number in "max_token=5".
func Redact(text string) string {
	lower := strings.ToLower(text)
	for _, s := range secrets {
		if !slices.ContainsFunc(s.signs, func(sign string) bool { return strings.Contains(lower, sign) }) || !s.pattern.MatchString(text) {
			continue
		}
		var b strings.Builder
		end := 0
		for _, at := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
			found := text[at[4]:at[5]]
			if s.prose && ordinary.MatchString(found) {
				continue
			}
			b.WriteString(text[end:at[4]] + redacted)
			end = at[5]
		}
		text = b.String() + text[end:]
	}
	return text
}

// Redacting is a sink that redacts every entry on its way to the next, for documents that keep texts
// as they are otherwise.
type Redacting struct{ next sink }

// NewRedacting returns a redacting sink before next.
func NewRedacting(next sink) *Redacting { return &Redacting{next} }

// Write redacts one entry and passes it on. The entry itself stays as it is.
func (r *Redacting) Write(e journal.Entry) error {
	e.Text, e.Hint = Redact(e.Text), Redact(e.Hint)
	e.Details, e.Log = redactAll(e.Details), redactAll(e.Log)
	if e.Problem != nil {
		problem := *e.Problem
		problem.Chain = slices.Clone(problem.Chain)
		for i := range problem.Chain {
			problem.Chain[i].Text = Redact(problem.Chain[i].Text)
		}
		e.Problem = &problem
	}
	return r.next.Write(e)
}

// Close closes the next sink.
func (r *Redacting) Close() error { return r.next.Close() }

func redactAll(texts []string) []string {
	clean := slices.Clone(texts)
	for i := range clean {
		clean[i] = Redact(clean[i])
	}
	return clean
}

// withoutSecrets returns a document as JSON in which what looks like a secret is redacted in every string.
func withoutSecrets(document any) (json.RawMessage, error) {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return jsonString.ReplaceAllFunc(raw.Bytes(), func(quoted []byte) []byte {
		var text string
		if json.Unmarshal(quoted, &text) != nil {
			return quoted
		}
		clean := Redact(text)
		if clean == text {
			return quoted
		}
		again, err := json.Marshal(clean)
		if err != nil {
			return []byte(`""`)
		}
		return again
	}), nil
}
