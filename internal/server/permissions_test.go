package server_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/server"
)

// TestPermissionsAreDescribed: docs/api-permissions.md is what the routes declare.
func TestPermissionsAreDescribed(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(filepath.Join("..", "..", "docs", "api-permissions.md"))
	if err != nil || !bytes.Equal(want, server.Permissions()) {
		t.Errorf("docs/api-permissions.md is out of date: run make gen (%v)", err)
	}
	for _, op := range describe(t) {
		if !strings.Contains(string(want), "| `"+op.Method+" "+op.Path+"` | ") {
			t.Errorf("%s %s is not on the page", op.Method, op.Path)
		}
	}
}
