package fake_test

import (
	"testing"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/fake"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/sandboxtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	p := fake.New(t.TempDir())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("suite", func(t *testing.T) { sandboxtest.Run(t, p) })
}
