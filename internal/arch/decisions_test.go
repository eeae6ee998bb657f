package arch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every decision is in the list of them.
func TestEveryDecisionIsListed(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../../docs/adr/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/adr/0*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d decisions, %v", len(pages), err)
	}
	for _, page := range pages {
		if !strings.Contains(string(list), "("+filepath.Base(page)+")") {
			t.Errorf("docs/adr/README.md does not list %s", filepath.Base(page))
		}
	}
}
