package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seldonctl/seldonctl/internal/journal"
	"github.com/seldonctl/seldonctl/internal/render"
)

// TestRedact holds the forms by which secrets are known, and the honest words that must stay readable.
func TestRedact(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	for reason, tc := range map[string]struct{ text, want string }{
		"user-info":              {"pull https://bob:hunter2@host/v2/ failed", "pull https://(redacted)@host/v2/ failed"},
		"a token as user":        {"git+https://abc123@host", "git+https://(redacted)@host"},
		"a bearer token":         {"Authorization: Bearer abc.DEF-123", "Authorization: Bearer (redacted)"},
		"a curl with one":        {`curl -H "authorization: bearer 0123456789" x`, `curl -H "authorization: bearer (redacted)" x`},
		"basic credentials":      {"Basic dXNlcjpwYXNz", "Basic (redacted)"},
		"password=":              {"connect: user=a password=hunter2 host=b", "connect: user=a password=(redacted) host=b"},
		"an ordinary word":       {"password=letmein", "password=(redacted)"},
		"password in quotes":     {`{"password": "let me in", "user": "a"}`, `{"password": (redacted), "user": "a"}`},
		"quotes within quotes":   {`msg="{\"db_password\":\"x y\"}"`, `msg="{\"db_password\":(redacted)}"`},
		"YAML":                   {"password: hunter2", "password: (redacted)"},
		"an environment":         {"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=a/b+c", "AWS_ACCESS_KEY_ID=(redacted) AWS_SECRET_ACCESS_KEY=(redacted)"},
		"short names":            {"DB_PASS=x MYSQL_PWD=y PGPASSWORD=z", "DB_PASS=(redacted) MYSQL_PWD=(redacted) PGPASSWORD=(redacted)"},
		"colours":                {"\x1b[36mpassword=\x1b[0mhunter2 ok", "\x1b[36mpassword=\x1b[0m(redacted) ok"},
		"arguments":              {`args: --api-key abc, --token=def`, `args: --api-key (redacted), --token=(redacted)`},
		"arguments in JSON":      {`["--password", "hunter2"]`, `["--password", (redacted)]`},
		"an env entry":           {`env: {name: DB_PASSWORD, value: hunter}`, `env: {name: DB_PASSWORD, value: (redacted)}`},
		"an env entry in JSON":   {`{"name":"API_TOKEN","value":"x"}`, `{"name":"API_TOKEN","value":(redacted)}`},
		"an env entry in Go":     {`v1.EnvVar{Name:"SECRET_KEY", Value:"x"}`, `v1.EnvVar{Name:"SECRET_KEY", Value:(redacted)}`},
		"a JSON Web Token":       {"got " + jwt + ".", "got (redacted)."},
		"an AWS key":             {"AKIAIOSFODNN7EXAMPLE", "(redacted)"},
		"a Hugging Face token":   {"hf_abcdefghijklmnopqrstuvwxyz", "(redacted)"},
		"a signed address":       {"https://h/m?X-Amz-Signature=0a1b&x=1", "https://h/m?X-Amz-Signature=(redacted)&x=1"},
		"a private key":          {"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----(redacted)"},
		"a private key, cut":     {"-----BEGIN PRIVATE KEY-----\nMIIabc", "-----BEGIN PRIVATE KEY-----(redacted)"},
		"a missing Secret":       {`secret "model-secret" not found`, `secret "model-secret" not found`},
		"a missing key":          {`couldn't find key password in Secret models/creds`, `couldn't find key password in Secret models/creds`},
		"a registry's refusal":   {"failed to fetch oauth token: unexpected status: 401 Unauthorized", "failed to fetch oauth token: unexpected status: 401 Unauthorized"},
		"no credentials":         {"no basic auth credentials", "no basic auth credentials"},
		"a challenge":            {`Www-Authenticate: Bearer realm="https://auth.docker.io/token",service="registry"`, `Www-Authenticate: Bearer realm="https://auth.docker.io/token",service="registry"`},
		"a required scheme":      {"Basic authentication required", "Basic authentication required"},
		"an address":             {"https://[::1]:6443/a@b", "https://[::1]:6443/a@b"},
		"a field path":           {"spec.volumes[0].secret.secretName: Required value", "spec.volumes[0].secret.secretName: Required value"},
		"a public key":           {"-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII"},
		"image with a digest":    {"docker.io/a/b@sha256:0123", "docker.io/a/b@sha256:0123"},
		"tokens that are words":  {"generated 12 tokens: 5 per second", "generated 12 tokens: 5 per second"},
		"a mail address":         {"mailto bob@example.com", "mailto bob@example.com"},
		"the run's own label":    {"created, labelled seldonctl/run=k7x2", "created, labelled seldonctl/run=k7x2"},
		"a service account path": {"open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file", "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file"},
	} {
		t.Run(reason, func(t *testing.T) {
			got := render.Redact(tc.text)
			if got != tc.want {
				t.Errorf("Redact(%q)\n got %q\nwant %q", tc.text, got, tc.want)
			}
			if again := render.Redact(got); again != got {
				t.Errorf("once more: %q", again)
			}
		})
	}
}

type recorder struct{ got []journal.Entry }

func (r *recorder) Write(e journal.Entry) error { r.got = append(r.got, e); return nil }

func (r *recorder) Close() error { return nil }

// TestRedacting redacts every text of an entry, and not the caller's own.
func TestRedacting(t *testing.T) {
	const secret = "password=hunter2"
	entry := journal.Entry{Text: secret, Hint: secret, Details: []string{secret}, Facts: journal.Facts{
		Log: []string{secret}, Problem: &journal.Problem{Key: "k", Chain: []journal.Link{{Text: secret}}},
	}}
	var to recorder
	sink := render.NewRedacting(&to)
	if err := sink.Write(entry); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(to.got[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(written), "hunter2") || strings.Count(string(written), "password=(redacted)") != 5 {
		t.Errorf("%s", written)
	}
	if entry.Details[0] != secret || entry.Log[0] != secret || entry.Problem.Chain[0].Text != secret {
		t.Error("the caller's entry was changed")
	}
}

// TestCleanIsQuick bounds what one hostile text can cost.
func TestCleanIsQuick(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("password=", 1<<20), strings.Repeat("a", 10<<20), strings.Repeat("-----BEGIN PRIVATE KEY-----", 1<<18),
		strings.Repeat("a_", 5<<20) + "token=x", strings.Repeat("##", 5<<20), strings.Repeat("\xff", 10<<20), strings.Repeat("https://a:", 1<<20),
	} {
		began := time.Now()
		render.Clean(text)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%.20q…: %s", text, took)
		}
	}
}

// TestDocumentsHoldNoSecrets: what is redacted for people is redacted in documents too, and the rest stays.
func TestDocumentsHoldNoSecrets(t *testing.T) {
	document := map[string]any{"message": "pull https://user:hunter2@registry/x failed", "count": 3, "name": "a<b>&c"}
	for _, form := range []render.DocumentForm{{}, {YAML: true}, {Follow: true}} {
		var out bytes.Buffer
		if err := render.NewDocuments[any](&out, form).Show([]any{document}, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, "a<b>&c") || !strings.Contains(text, "3") {
			t.Errorf("%+v: %s", form, text)
		}
	}
}
