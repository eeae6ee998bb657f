package gvisor_test

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/cloudkida/cloudkida/internal/runtime/gvisor"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/sandboxtest"
)

// dir is a directory that a sandbox's helpers can reach, which those of the test's user may not be.
func dir(t *testing.T) string {
	t.Helper()
	d, err := os.MkdirTemp("/tmp", "cloudkida-gvisor-") //nolint:usetesting // a short path that every user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(d); err != nil {
			t.Error(err)
		}
	})
	return d
}

func open(t *testing.T, d string) *gvisor.Provider {
	t.Helper()
	p, err := gvisor.New(t.Context(), gvisor.Config{Dir: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ids, err := p.List(context.Background())
		if err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			if err := p.Destroy(context.Background(), id); err != nil {
				t.Error(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestConformance(t *testing.T) {
	t.Parallel()
	p := open(t, dir(t))
	t.Run("suite", func(t *testing.T) { sandboxtest.Run(t, p) })
}
