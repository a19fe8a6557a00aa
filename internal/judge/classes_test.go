package judge

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTroubleshootingKnowsEveryClass holds the page that users read to the table: each class of problem
// has its heading there, with the time for which it is borne.
func TestTroubleshootingKnowsEveryClass(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for class, tolerance := range tolerances {
		_, section, found := strings.Cut(string(page), "\n### "+string(class)+"\n")
		if !found {
			t.Errorf("%s has no heading", class)
			continue
		}
		want := "*Never a failure by itself"
		if tolerance != never {
			want = fmt.Sprintf("*Borne %d s", tolerance/time.Second)
		}
		if !strings.HasPrefix(section, want) {
			t.Errorf("%s does not begin with %q", class, want)
		}
	}
	if headings := strings.Count(string(page), "\n### "); headings != len(tolerances) {
		t.Errorf("there are %d headings and %d classes", headings, len(tolerances))
	}
}
