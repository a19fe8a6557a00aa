package judge

import (
	"strings"
	"testing"
)

// TestPullClass reads what registries and runtimes say about a pull that failed.
func TestPullClass(t *testing.T) {
	for _, tc := range []struct {
		words string
		want  Class
		hint  string
	}{
		{`rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/absent:1": docker.io/library/absent:1: not found`, ImagePull, "there is no such image"},
		{`manifest for example/model:9 not found: manifest unknown: manifest unknown`, ImagePull, "there is no such image"},
		{`pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, ImagePull, "imagePullSecrets"},
		{`failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.example/token: 401 Unauthorized`, ImagePull, "imagePullSecrets"},
		{`unexpected status from HEAD request to https://registry.example/v2/m/manifests/1: 403 Forbidden`, ImagePull, "imagePullSecrets"},
		{`429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit`, RegistryTrouble, "limits how often"},
		{`failed to do request: Head "https://registry.example/v2/": dial tcp 10.0.0.1:443: i/o timeout`, RegistryTrouble, "cannot reach the registry"},
		{`failed to do request: Head "https://registry.example/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`, RegistryTrouble, "cannot reach the registry"},
		{`Head "https://registry.invalid/v2/": dial tcp: lookup registry.invalid: no such host`, ImagePull, "the registry's name does not exist"},
		{`something else`, ImagePull, "describe"},
	} {
		class, hint := pullClass(tc.words, "describe")
		if class != tc.want || !strings.Contains(hint, tc.hint) {
			t.Errorf("%s: %s %q, want %s %q", tc.words, class, hint, tc.want, tc.hint)
		}
	}
}

// TestGist reads the last words of containers.
func TestGist(t *testing.T) {
	for words, want := range map[string]string{
		"AccessDenied: Access Denied":                    "credentials",
		"write /mnt/models/x: no space left on device":   "no space",
		"directory not found":                            "does not exist",
		"dial tcp: lookup minio: no such host":           "cannot be resolved",
		"ModuleNotFoundError: No module named 'sklearn'": "Python module",
		"ready": "",
	} {
		if got := Gist([]string{"starting", words}); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q means %q, want %q", words, got, want)
		}
	}
}
